"""Where things stand: seeded rooms whose furniture makes sense, never overlaps and leaves the doors free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.errors import UsageError

from . import decor, furniture
from .item import Item
from .materials import PALETTES, Palette
from .room import WALL_YAW, Opening, Shell, build_shell

Rng = np.random.Generator
KINDS = ("living_room", "office", "bedroom")


@dataclass(frozen=True)
class Layout:
    """A furnished room, before light."""

    kind: str
    shell: Shell
    items: tuple[Item, ...]
    """Shell first, then furniture."""
    palette: Palette
    focus: Float64
    """(3,) the point in the room that a camera should keep looking at."""


@dataclass
class _Placer:
    shell: Shell
    rng: Rng
    items: list[Item] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, item: Item) -> Item:
        seen = self.counts.get(item.name, 0)
        self.counts[item.name] = seen + 1
        if seen:
            item = replace(item, name=f"{item.name}_{seen + 1}")
        self.items.append(item)
        return item

    def fits(self, item: Item, gap: float = 0.04) -> bool:
        """Inside the room, off every blocking item, and clear of the doors' swing."""
        p = item.footprint
        x, z = self.shell.width / 2 - 0.012, self.shell.depth / 2 - 0.012
        if (np.abs(p[:, 0]) > x).any() or (np.abs(p[:, 1]) > z).any():
            return False
        others = [i.footprint for i in self.items if i.blocking]
        others += [self._swing(o) for o in self.shell.doors()]
        return not any(rectangles_overlap(p, q, gap) for q in others)

    def _swing(self, door: Opening) -> Float64:
        T = self.shell.T_world_wall(door.wall)
        corners = np.array([[door.x0, 0, 0], [door.x1, 0, 0], [door.x1, 0, 0.8], [door.x0, 0, 0.8]])
        return np.asarray((corners @ T[:3, :3].T + T[:3, 3])[:, [0, 2]])

    def spot(self, item: Item, wall: str, along: float, *, gap: float = 0.02, yaw_rad: float = 0.0) -> Item:
        """The item with its back to a wall, its centre `along` metres from the wall's left end."""
        back = -float(item.bounds[0][2])
        T = self.shell.T_world_wall(wall)
        p = T[:3, :3] @ np.array([along, 0, back + gap]) + T[:3, 3]
        return item.placed(float(p[0]), float(p[2]), WALL_YAW[wall] + yaw_rad)

    def against(self, item: Item, walls: tuple[str, ...], *, gap: float = 0.02, tries: int = 40) -> Item | None:
        """Try places along walls in order of preference; tall things keep off windows. None when nothing fits."""
        low, high = item.bounds
        for wall in walls:
            length = self.shell.wall_length(wall)
            half = float(high[0] - low[0]) / 2
            for _ in range(tries):
                along = self.rng.uniform(half + 0.03, length - half - 0.03) if length > 2 * half + 0.06 else length / 2
                placed = self.spot(item, wall, along, gap=gap)
                hides = any(
                    o.wall == wall
                    and o.kind == "window"
                    and high[1] > o.y0
                    and o.x0 - 0.45 < along + half
                    and along - half < o.x1 + 0.45
                    for o in self.shell.openings
                )
                if not hides and self.fits(placed):
                    return self.add(placed)
        return None

    def on(self, thing: Item, base: Item, x: float, z: float, yaw_rad: float = 0.0) -> Item:
        """The thing on the base's largest level surface, at (x, z) of the base's frame."""
        level = [s.corners for s in base.surfaces if s.normal[1] == 1.0]
        height = max(level, key=lambda c: float(np.ptp(c[:, 0]) * np.ptp(c[:, 2])))[0, 1]
        p = base.T_world_item[:3, :3] @ np.array([x, height, z]) + base.T_world_item[:3, 3]
        heading = float(np.arctan2(base.T_world_item[0, 2], base.T_world_item[2, 2]))
        return self.add(thing.placed(float(p[0]), float(p[2]), heading + yaw_rad, y=float(p[1]), on=base.name))

    def hang(self, thing: Item, wall: str, along: float, y: float, out: float = 0.0) -> Item:
        """The thing's back plane on a wall (or `out` metres off it)."""
        T = self.shell.T_world_wall(wall)
        p = T[:3, :3] @ np.array([along, y, out + 0.0005]) + T[:3, 3]
        return self.add(thing.placed(float(p[0]), float(p[2]), WALL_YAW[wall], y=y, on=wall))


def rectangles_overlap(a: Float64, b: Float64, gap: float = 0.0) -> bool:
    """Whether two convex (4, 2) outlines come closer than `gap` (separating axes)."""
    for p in (a, b):
        edges = np.roll(p, -1, 0) - p
        for n in np.stack([-edges[:, 1], edges[:, 0]], 1):
            n = n / np.linalg.norm(n)
            sa, sb = a @ n, b @ n
            if sa.max() + gap <= sb.min() or sb.max() + gap <= sa.min():
                return False
    return True


def furnish(kind: str, seed: int, step: float, fetch: Callable[[str, Item], Item] | None = None) -> Layout:
    """Make a furnished room.

    Args:
        kind: One of `KINDS`.
        seed: Same seed, same room.
        step: Tessellation in metres; the layout does not depend on it.
        fetch: Gives another item in place of a built-in one (a catalogue's), asked by the built-in's name.

    Raises:
        UsageError: Unknown kind.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown room kind '{kind}'; expected one of {', '.join(KINDS)}")
    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    choose = fetch or (lambda name, item: item)
    shell = _shell(kind, rng)
    place = _Placer(shell, rng)
    make = {"living_room": _living_room, "office": _office, "bedroom": _bedroom}[kind]
    focus = make(place, rng, step, choose)
    for o in shell.openings:
        if o.kind == "window":
            _dress_window(place, o, step)
    place.add(decor.pendant(rng, step).placed(0.0, 0.0, 0.0, y=shell.height))
    palette = PALETTES[(seed + KINDS.index(kind)) % len(PALETTES)]
    return Layout(kind, shell, (*build_shell(shell, step), *place.items), palette, focus)


def _shell(kind: str, rng: Rng) -> Shell:
    size = {"living_room": (5.1, 4.2), "office": (4.2, 3.6), "bedroom": (4.4, 3.9)}[kind]
    width, depth = (round(s + float(rng.uniform(-0.25, 0.25)), 2) for s in size)
    height = round(float(rng.uniform(2.52, 2.68)), 2)
    wide = 1.9 if kind == "living_room" else 1.5
    middle = depth / 2 + float(rng.uniform(-0.15, 0.15))
    window = Opening("window", "wall_east", middle - wide / 2, 0.88, middle + wide / 2, 2.22)
    start = round(float(rng.uniform(0.25, 0.4)), 2)
    door = Opening("door", "wall_west", start, 0.0, start + 0.86, 2.04)
    return Shell(width, depth, height, (window, door), accent_wall="wall_north")


def _living_room(place: _Placer, rng: Rng, step: float, choose: Callable[[str, Item], Item]) -> Float64:
    """Sofa on the accent wall facing the television; table on a rug between; armchair, shelf, plant and lamp around."""
    w, d = place.shell.width, place.shell.depth
    x = float(rng.uniform(0.05, 0.2))
    couch = place.add(place.spot(choose("sofa", furniture.sofa(rng, step)), "wall_north", w / 2 + x))
    stand = place.add(place.spot(choose("tv_stand", furniture.cabinet(rng, step)), "wall_south", w / 2 - x))
    place.on(decor.television(rng, step, width=1.12), stand, 0.0, -0.02)
    cx = float(couch.T_world_item[0, 3])
    front = float(couch.footprint[:, 1].max())
    table = choose("coffee_table", furniture.table(rng, step))
    tz = front + 0.36 + float(table.size[2]) / 2
    table = place.add(table.placed(cx, tz, float(rng.normal(0, 0.015)), y=0.011, on="rug"))
    place.add(choose("rug", decor.rug(rng, step, width=2.1, depth=1.38)).placed(cx, tz + 0.06, 0.0))
    for yaw, px, pz in ((1.15, -1.70, 0.25), (1.35, -1.66, 0.15), (1.5, -1.64, 0.3)):
        chair = choose("armchair", furniture.armchair(rng, step)).placed(cx + px, tz + pz, yaw)
        if place.fits(chair):
            place.add(chair)
            break
    place.against(choose("bookshelf", furniture.bookshelf(rng, step)), ("wall_north", "wall_west"))
    half = float(couch.size[0]) / 2
    for lamp_x in (cx + half + 0.22, cx - half - 0.22):
        lamp = choose("floor_lamp", decor.floor_lamp(rng, step)).placed(lamp_x, -d / 2 + 0.30, 0.0)
        if place.fits(lamp, 0.01):
            place.add(lamp)
            break
    plant = choose("plant", decor.plant(rng, step))
    reach = float(np.abs(np.array(plant.bounds)[:, [0, 2]]).max()) + 0.105
    for px, pz in ((w / 2 - reach, d / 2 - reach), (-w / 2 + reach, d / 2 - reach), (w / 2 - reach, -d / 2 + reach)):
        if place.fits(plant.placed(px, pz, 0.0)):
            place.add(plant.placed(px, pz, 0.0))
            break
    place.against(
        choose(
            "sideboard", furniture.cabinet(rng, step, width=1.15, depth=0.40, height=0.80, doors=3, name="sideboard")
        ),
        ("wall_west", "wall_south"),
    )
    side = next((i for i in place.items if i.name == "sideboard"), None)
    if side is not None:
        place.on(decor.vase(rng, step), side, 0.32, 0.0)
        place.on(furniture.flat_books(rng, step, 2), side, -0.25, 0.0, 0.2)
        _picture_over(place, rng, step, side, 2, 0.55, 0.75, 1.22)
    place.on(furniture.flat_books(rng, step), table, -0.36, 0.08, 0.3)
    place.on(decor.bowl(rng, step), table, 0.40, -0.12)
    place.on(decor.mug(rng, step), table, -0.22, -0.18, 0.7)
    _picture_over(place, rng, step, couch, 0, 1.05, 0.75, 1.25)
    place.hang(decor.picture(rng, step, 1, width=0.55, height=0.7), "wall_south", 0.55, 1.25)
    middle = place.shell.width / 2 - x
    board = place.hang(furniture.wall_shelf(rng, step), "wall_south", middle + 0.35, 1.62)
    place.on(decor.vase(rng, step, stems=0), board, -0.52, 0.11)
    place.on(decor.mug(rng, step), board, -0.36, 0.12, 0.5)
    for k, style in enumerate((0, 2)):
        frame = decor.picture(rng, step, style, width=0.30, height=0.38)
        place.hang(frame, "wall_south", middle + 1.22 + 0.38 * k, 1.18 + 0.12 * k)
    books = furniture.flat_books(rng, step, 2)
    if float(np.abs(np.array(books.bounds)[:, 2]).max()) < 0.13:  # what is left beside the television
        place.on(books, stand, 0.69, 0.0, np.pi / 2)
    place.on(decor.speaker(rng, step), stand, -0.71, 0.0)
    return np.array([cx, 0.45, tz])


def _picture_over(
    place: _Placer, rng: Rng, step: float, item: Item, style: int, width: float, height: float, y: float
) -> None:
    """Hang a picture over an item that stands with its back to a wall."""
    facing = item.T_world_item[:3, 2]
    wall = max(WALL_YAW, key=lambda name: float(place.shell.T_world_wall(name)[:3, 2] @ facing))
    T = place.shell.T_world_wall(wall)
    along = float((item.T_world_item[:3, 3] - T[:3, 3]) @ T[:3, 0])
    place.hang(decor.picture(rng, step, style, width=width, height=height), wall, along, y)


def _office(place: _Placer, rng: Rng, step: float, choose: Callable[[str, Item], Item]) -> Float64:
    """A desk by the wall with a screen and a chair, a meeting table, shelves and a cabinet."""
    w, d = place.shell.width, place.shell.depth
    desk = choose(
        "desk", furniture.table(rng, step, width=1.6, depth=0.78, height=0.735, shelf=False, label="desk", name="desk")
    )
    desk = place.add(place.spot(desk, "wall_north", w / 2 + 0.35))
    place.on(decor.monitor(rng, step), desk, 0.0, -0.18)
    place.on(furniture.flat_books(rng, step), desk, -0.55, -0.1, 0.2)
    place.on(decor.mug(rng, step), desk, 0.5, 0.12)
    dx, dz = float(desk.T_world_item[0, 3]), float(desk.footprint[:, 1].max())
    place.add(choose("office_chair", furniture.office_chair(rng, step)).placed(dx + 0.05, dz + 0.38, np.pi + 0.25))
    place.against(choose("bookshelf", furniture.bookshelf(rng, step)), ("wall_north", "wall_west", "wall_south"))
    place.against(
        choose("cabinet", furniture.cabinet(rng, step, width=1.3, height=0.78, doors=3, name="cabinet", legs=0.08)),
        ("wall_south",),
    )
    table = choose("table", furniture.table(rng, step, width=0.95, depth=0.7, height=0.72, shelf=False, name="table"))
    table = place.add(table.placed(dx - 0.1, dz + 0.78 + 0.72, 0.05))
    for yaw, off in ((np.pi / 2, -0.72), (-np.pi / 2, 0.72)):
        chair = choose("chair", furniture.chair(rng, step)).placed(
            float(table.T_world_item[0, 3]) + off, float(table.T_world_item[2, 3]), yaw + 0.05
        )
        if place.fits(chair, 0.01):
            place.add(chair)
    place.on(decor.bowl(rng, step), table, 0.26, 0.15)
    plant = choose("plant", decor.plant(rng, step))
    reach = float(np.abs(np.array(plant.bounds)[:, [0, 2]]).max()) + 0.105
    plant = plant.placed(w / 2 - reach, d / 2 - reach, 0.0)
    if place.fits(plant):
        place.add(plant)
    place.hang(decor.picture(rng, step, 1, width=0.8, height=0.6), "wall_south", w * 0.45, 1.3)
    _picture_over(place, rng, step, desk, 0, 0.8, 0.55, 1.35)
    return np.array([float(table.T_world_item[0, 3]), 0.6, float(table.T_world_item[2, 3])])


def _bedroom(place: _Placer, rng: Rng, step: float, choose: Callable[[str, Item], Item]) -> Float64:
    """A bed between night stands, a wardrobe, a chest of drawers, a chair, a rug."""
    w, d = place.shell.width, place.shell.depth
    bed = place.add(place.spot(choose("bed", furniture.bed(rng, step)), "wall_north", w / 2 + 0.25))
    bx = float(bed.T_world_item[0, 3])
    for s in (-1, 1):
        stand = choose("night_stand", furniture.night_stand(rng, step))
        stand = place.spot(stand, "wall_north", w / 2 + bx + s * (float(bed.size[0]) / 2 + 0.30))
        if place.fits(stand, 0.01):
            stand = place.add(stand)
            place.on(decor.table_lamp(rng, step), stand, 0.0, -0.02)
    place.against(choose("wardrobe", furniture.wardrobe(rng, step)), ("wall_south", "wall_west"))
    place.against(
        choose(
            "dresser",
            furniture.cabinet(rng, step, width=1.0, depth=0.44, height=0.82, doors=2, drawers=3, name="dresser"),
        ),
        ("wall_south", "wall_west"),
    )
    side = next((i for i in place.items if i.name == "dresser"), None)
    if side is not None:
        place.on(decor.vase(rng, step), side, -0.28, 0.0)
    chair = choose("chair", furniture.chair(rng, step)).placed(w / 2 - 0.5, d / 2 - 0.5, np.pi + 0.5)
    if place.fits(chair):
        place.add(chair)
    rug = choose("rug", decor.rug(rng, step, width=1.8, depth=0.9))
    rug = rug.placed(bx, float(bed.footprint[:, 1].max()) + 0.50, 0.0)
    if place.fits(rug, 0.0):
        place.add(rug)
    _picture_over(place, rng, step, bed, 2, 1.0, 0.65, 1.35)
    return np.array([bx, 0.5, float(bed.T_world_item[2, 3]) + 0.5])


def _dress_window(place: _Placer, o: Opening, step: float) -> None:
    """Curtains on both sides and, where nothing stands, a radiator under the sill."""
    for name, along in (("curtain_left", o.x0 - 0.17), ("curtain_right", o.x1 + 0.17)):
        place.hang(decor.curtain(place.rng, step, height=o.y1 + 0.05, name=name), o.wall, along, 0.03)
    radiator = decor.radiator(place.rng, step)
    T = place.shell.T_world_wall(o.wall)
    p = T[:3, :3] @ np.array([(o.x0 + o.x1) / 2, 0, 0.0]) + T[:3, 3]
    placed = radiator.placed(float(p[0]), float(p[2]), WALL_YAW[o.wall], y=0.16, on=o.wall)
    if not any(rectangles_overlap(placed.footprint, i.footprint) for i in place.items if i.blocking):
        place.add(placed)
