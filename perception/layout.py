"""The layout of a scanned place: walls made whole, rooms between them, floors and ceilings carried to the walls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sceneforge.core import Label, Mesh, Plane, Room
from sceneforge.core.arrays import Int32

from .caster import Caster
from .enclosure import Stretch, find_outlines, find_stretches
from .labelling import ON_WALLS, STRUCTURE, Levels
from .openings import Sight, Views, find_openings, merged
from .structure import (
    TWICE_M,
    completed_level,
    is_level,
    on_opening,
    on_wall,
    opening_plane,
    plan_outline,
    relabelled,
    settle_levels,
    wall_plane,
    with_holes,
    with_steps,
)
from .surfaces import Surfaces
from .surfels import Int64, SurfaceSamples, Surfels
from .wall_lines import gather_walls
from .wall_pictures import find_pictures

SAME_LEVEL_M = 0.04
"""Pieces of floor this close in height are one floor."""
MIN_PICTURE_SHARE = 0.5
"""Share of a picture that is surface of the wall and of nothing else."""
MIN_CEILING_SHARE = 0.35
"""A ceiling is carried to the walls when this much of it was seen over the room."""


@dataclass(frozen=True)
class Layout:
    """Structure made whole."""

    surfaces: Surfaces
    """Planes with floors, walls and ceilings completed, and the plane of each surfel."""
    rooms: tuple[Room, ...]
    """Largest first."""


def lay_out(
    surfaces: Surfaces,
    samples: SurfaceSamples,
    surfels: Surfels,
    mesh: Mesh,
    views: Views | None,
    caster: Caster | None = None,
) -> Layout:
    """Complete the structure of a scene, part it into rooms, and find the openings of its walls.

    Walls keep the plane that was measured: corners are where the planes really cross, and nothing is made square.
    What is filled in shows in `Plane.observed_fraction`.

    Args:
        surfaces: Bounded, labelled planes of the gravity-aligned surface.
        samples: The surface.
        surfels: The same, averaged.
        mesh: The same, for sight lines and colour.
        views: From where it was seen; None where the capture does not say.
        caster: Over the mesh, where there is one already.
    """
    from shapely.ops import unary_union

    levels = surfaces.levels
    planes = settle_levels(surfaces.planes, levels)
    lines, not_walls = gather_walls(tuple(planes), surfaces.surfel_plane, surfels, samples, levels)
    for i in not_walls:
        planes[i] = relabelled(planes[i], Label.OTHER)
    floors = [i for i, p in enumerate(planes) if p.label is Label.FLOOR]
    floor_seen = unary_union([plan_outline(planes[i]) for i in floors])
    stretches = find_stretches(lines, floor_seen)
    top = np.inf if levels.ceiling is None else levels.ceiling + 0.1
    height = samples.points[:, 1]
    between = (height > levels.assumed_floor - 0.1) & (height < top)
    points = samples.points[between][:, [0, 2]].astype(np.float64)
    sight = Sight(mesh, views, caster)
    outlines = find_outlines(points, floor_seen, stretches, sight.free_space())

    stretches = _bordering(stretches, outlines, planes)
    for i in {m for x in lines for m in x.members} - {m for s in stretches for m in s.line.members}:
        planes[i] = relabelled(planes[i], Label.OTHER) if planes[i].label is Label.WALL else planes[i]
    stretches = [with_steps(s, planes, levels) for s in stretches]
    draft = _Draft(planes, surfaces.surfel_plane.copy())
    draft.gone |= {i for i, p in enumerate(planes) if _is_underside(p, levels)}
    for s in stretches:
        draft.add_wall(s, surfels, surfaces, samples, sight)
    rooms = [draft.add_room(outline, k, stretches) for k, outline in enumerate(outlines)]
    return draft.finish(surfaces, rooms)


@dataclass
class _Draft:
    """Planes under way: the old ones by index, those that are replaced or used up, and the new."""

    planes: list[Plane]
    owner: Int32

    def __post_init__(self) -> None:
        self.new: list[tuple[Plane, list[int]]] = []
        self.gone: set[int] = set()
        self.wall_names: list[str] = []
        self.openings: list[list[str]] = []

    def add_wall(self, s: Stretch, surfels: Surfels, surfaces: Surfaces, samples: SurfaceSamples, sight: Sight) -> None:
        """Replace the pieces of a wall by the wall, with a hole for each opening."""
        k = len(self.wall_names)
        wall = wall_plane(s, f"wall:{k}", self.planes, surfaces.levels)
        members = frozenset(s.line.members)
        mine = on_wall(s, surfels, surfaces.surfel_plane, members)
        self.owner[mine] = -2 - len(self.new)
        height = float(np.ptp(wall.polygon[:, 1]))
        found = find_openings(s, height, samples, sight)
        found = merged(found, find_pictures(s, height, sight))
        self.new.append((with_holes(wall, s, found), sorted(members)))
        self.wall_names.append(wall.id)
        self.openings.append([])
        self.gone |= members
        wall_owner = int(-1 - len(self.new))
        for n, o in enumerate(o for o in found if o.label is not Label.OTHER):
            on = on_opening(s, o, surfels)
            leaf = self._leaves(on)
            on = on[np.isin(self.owner[on], [-1, wall_owner, *members, *leaf])]
            if o.label is Label.WALL_ART and surfels.area[on].sum() < MIN_PICTURE_SHARE * o.area_m2:
                continue  # what is seen there belongs to something before the wall
            self.owner[on] = -2 - len(self.new)
            self.new.append((opening_plane(s, o, f"opening:{k}:{n}", surfels.area[on].sum()), leaf))
            self.gone |= set(leaf)
            if o.label is not Label.WALL_ART:
                self.openings[-1].append(f"opening:{k}:{n}")

    def _leaves(self, on: Int64) -> list[int]:
        """Planes that are nothing but the leaf, the glass or the picture: most of each lies among the surfels `on`."""
        inside = np.bincount(self.owner[on][self.owner[on] >= 0], minlength=len(self.planes))
        whole = np.bincount(self.owner[self.owner >= 0], minlength=len(self.planes))
        loose = [p.label not in (*STRUCTURE, Label.TABLE, Label.SEAT) for p in self.planes]
        return [int(i) for i in np.flatnonzero((inside > 0.7 * whole) & (inside > 0) & np.array(loose, bool))]

    def add_room(self, outline: Any, k: int, stretches: list[Stretch]) -> Room:
        """A room with its own floor and ceiling, each carried to the walls where enough of it was seen."""
        floor = self._level(outline, Label.FLOOR, f"floor:{k}", 0.03)
        ceiling = self._level(outline, Label.CEILING, f"ceiling:{k}", MIN_CEILING_SHARE)
        by_id = {p.id: p for p, _ in self.new} | {p.id: p for p in self.planes}
        own = [n for n, s in enumerate(stretches) if _borders(s, outline)]
        walls = [self.wall_names[n] for n in own]
        openings = tuple(o for n in own for o in self.openings[n])
        height = None
        if floor and ceiling:
            top = by_id[ceiling]
            # Of a room that is all roof, its ridge.
            high = top.origin[1] if is_level(top) else top.to_world(top.polygon)[:, 1].max()
            height = round(float(high - by_id[floor].origin[1]), 4)
        ring = np.round(np.asarray(outline.exterior.coords)[:-1], 6)
        share = by_id[floor].observed_fraction * by_id[floor].confidence if floor else 0.3
        return Room(f"room_{k}", "room", round(float(share), 4), floor, ceiling, tuple(walls), ring, height, openings)

    def _level(self, outline: Any, label: Label, name: str, least: float) -> str | None:
        """Complete the level with the largest part in the room; its id, new or, where it was left alone, old."""
        parts = [
            (plan_outline(p).intersection(outline).area, i)
            for i, p in enumerate(self.planes)
            if p.label is label and i not in self.gone - self._shared(label)
        ]
        parts = sorted([(-a, i) for a, i in parts if a > 0.05])
        if not parts:
            return None
        if label is Label.CEILING:  # under a roof the room is as high as its level part, be that the smaller one
            parts.sort(key=lambda e: not is_level(self.planes[e[1]]) or -e[0] < 0.1 * outline.area)
        main = self.planes[parts[0][1]]
        same = [i for _, i in parts if _one_level(self.planes[i], main)]
        other = sum(-a for a, i in parts if i not in same)
        seen = sum(-a for a, i in parts if i in same)
        steep = abs(main.normal[1]) < 0.985
        if steep or seen < least * outline.area or other > 0.2 * seen:
            return main.id
        whole = completed_level([self.planes[i] for i in same], outline, name)
        self.new.append((whole, same))
        self.gone |= set(same)
        return name

    def _shared(self, label: Label) -> set[int]:
        """Floors and ceilings already used by one room may serve the next."""
        return {i for p, members in self.new if p.label is label for i in members}

    def finish(self, surfaces: Surfaces, rooms: list[Room]) -> Layout:
        """Number the planes in the scene's order and carry surfels and rooms over."""
        kept = [(p, i) for i, p in enumerate(self.planes) if i not in self.gone]
        fresh = [(p, -2 - k) for k, (p, _) in enumerate(self.new)]
        rank = {label: n for n, label in enumerate((*STRUCTURE, *ON_WALLS, Label.TABLE, Label.SEAT, Label.OTHER))}
        ordered = sorted([*fresh, *kept], key=lambda e: (rank.get(e[0].label, 9), -e[0].area_m2, e[1]))
        names = {p.id: f"plane_{n}" for n, (p, _) in enumerate(ordered)}
        number = {old: n for n, (_, old) in enumerate(ordered)}
        for k, (made, members) in enumerate(self.new):
            for i in members:
                number.setdefault(i, number[-2 - k])
                # A room that saw too little of it to carry it to its own walls has it from the room that did.
                names.setdefault(self.planes[i].id, names[made.id])
        owner = np.array([number.get(int(o), -1) for o in range(-1 - len(self.new), len(self.planes))], np.int32)
        out = owner[self.owner + 1 + len(self.new)]
        planes = tuple(replace(p, id=names[p.id]) for p, _ in ordered)
        named = tuple(
            replace(
                r,
                floor=names[r.floor] if r.floor else None,
                ceiling=names[r.ceiling] if r.ceiling else None,
                walls=tuple(names[w] for w in r.walls),
                openings=tuple(names[o] for o in r.openings),
            )
            for r in rooms
        )
        return Layout(Surfaces(planes, out, surfaces.levels), named)


def _one_level(piece: Plane, main: Plane) -> bool:
    step = abs(float((piece.origin - main.origin) @ main.normal))
    return step < (TWICE_M if main.label is Label.FLOOR and piece.area_m2 < 0.25 * main.area_m2 else SAME_LEVEL_M)


def _is_underside(p: Plane, levels: Levels) -> bool:
    """Whether a plane is the back of the floor, which scans show where frames disagree."""
    return levels.floor is not None and p.normal[1] < -0.94 and abs(float(p.origin[1]) - levels.floor) < TWICE_M


def _bordering(stretches: list[Stretch], outlines: list[Any], planes: list[Plane]) -> list[Stretch]:
    """Walls that stand for themselves.

    What borders no room is a wall only by its own strength: not when it was taken for one because it fits between
    floor and ceiling, nor when it is the back of a recess in a wall that does border a room.
    """
    inner = [s for s in stretches if any(_borders(s, o) for o in outlines)]
    kept = list(inner)
    for s in stretches:
        if s in inner:
            continue
        sure = any(planes[m].label is Label.WALL for m in s.line.members)
        if sure and not any(_is_recess(s, wall) for wall in inner):
            kept.append(s)
    return [s for s in stretches if s in kept]


def _borders(s: Stretch, outline: Any) -> bool:
    """Whether a wall runs along a room's outline with its free side towards the room."""
    from shapely.geometry import LineString, Point

    shared = LineString(s.ends).intersection(outline.exterior.buffer(0.06))
    if shared.length < 0.15:
        return False
    inward = Point(np.array([shared.centroid.x, shared.centroid.y]) + 0.1 * s.line.normal2)
    return bool(outline.buffer(0.05).contains(inward))


def _is_recess(s: Stretch, wall: Stretch) -> bool:
    if s.line.normal2 @ wall.line.normal2 < np.cos(np.radians(10)):
        return False
    local = (s.ends - wall.line.plan(0.0)) @ np.stack([wall.line.T[[0, 2], 0], wall.line.normal2], axis=1)
    shared = min(local[:, 0].max(), wall.stop) - max(local[:, 0].min(), wall.start)
    return bool(shared > 0 and (local[:, 1] < 0.02).all() and (local[:, 1] > -0.4).all())
