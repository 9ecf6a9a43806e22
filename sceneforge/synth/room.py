"""The empty room: floor, ceiling, walls with windows and a door, skirting, sills and frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import make_transform, yaw_rotation

from .item import Item, Surface
from .shapes import Part, box, lathe, panel

WALL_YAW = {"wall_north": 0.0, "wall_east": -np.pi / 2, "wall_south": np.pi, "wall_west": np.pi / 2}
"""Yaw that turns +Z to each wall's inward normal: north is z = -depth/2 and looks along +Z."""


@dataclass(frozen=True)
class Opening:
    """A window or door, as a rectangle in its wall's frame (x from its left end seen from inside, y from the floor)."""

    kind: str
    """"window" or "door"."""
    wall: str
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class Shell:
    """A rectangular room centred on the origin, floor at y = 0."""

    width: float
    """Metres along x."""
    depth: float
    """Metres along z."""
    height: float
    openings: tuple[Opening, ...]
    accent_wall: str = ""
    """The wall painted in the accent colour, "" for none."""

    def wall_length(self, wall: str) -> float:
        """Metres."""
        return self.width if wall in ("wall_north", "wall_south") else self.depth

    def T_world_wall(self, wall: str) -> Float64:
        """(4, 4) frame of a wall: origin at its lower left corner from inside, +X right, +Y up, +Z inwards."""
        R = yaw_rotation(WALL_YAW[wall])
        half = (self.depth if wall in ("wall_north", "wall_south") else self.width) / 2
        return make_transform(R, -R[:, 2] * half - R[:, 0] * self.wall_length(wall) / 2)

    def doors(self) -> list[Opening]:
        """Only the doors."""
        return [o for o in self.openings if o.kind == "door"]


def build_shell(shell: Shell, step: float) -> list[Item]:
    """Floor, ceiling, walls, and the fittings of every opening, each an Item in the world frame."""
    w, d, h = shell.width, shell.depth, shell.height
    lay = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float)  # panel (x, y, +z normal) -> lying, normal up
    floor = panel(w, d, "floor", step=step * 0.8).moved(make_transform(lay, (-w / 2, 0, d / 2)))
    ceiling = panel(w, d, "ceiling", step=step * 1.6).moved(
        make_transform(lay @ np.diag([1.0, -1.0, -1.0]), (-w / 2, h, -d / 2))
    )
    x, z = w / 2, d / 2
    square = np.array([[-x, 0, -z], [x, 0, -z], [x, 0, z], [-x, 0, z]])
    items = [
        Item("floor", "", (floor,), (Surface("floor", (0.0, 1.0, 0.0), square),)),
        Item("ceiling", "", (ceiling,), (Surface("ceiling", (0.0, -1.0, 0.0), square + np.array([0.0, h, 0.0])),)),
    ]
    for wall in WALL_YAW:
        length = shell.wall_length(wall)
        own = [o for o in shell.openings if o.wall == wall]
        holes = tuple((o.x0, o.y0, o.x1, o.y1) for o in own if o.kind == "window")
        part = panel(length, h, "accent" if wall == shell.accent_wall else "wall", step=step * 1.2, holes=holes)
        outline = np.array([[0, 0, 0], [length, 0, 0], [length, h, 0], [0, h, 0]], float)
        T = shell.T_world_wall(wall)
        items.append(Item(wall, "", (part,), (Surface("wall", (0.0, 0.0, 1.0), outline),), T_world_item=T))
        trims: list[Part] = _skirting(length, [o for o in own if o.kind == "door"], step)
        items.append(Item(f"{wall}_trim", "", tuple(trims), T_world_item=T))
        for k, o in enumerate(own):
            make = _window if o.kind == "window" else _door
            items.append(make(o, f"{o.kind}_{wall.removeprefix('wall_')}_{k}", T, step))
    return items


def _skirting(length: float, doors: list[Opening], step: float) -> list[Part]:
    parts, x = [], 0.0
    for stop, after in [*sorted((o.x0 - 0.07, o.x1 + 0.07) for o in doors), (length, length)]:
        if stop - x > 0.02:
            parts.append(box((stop - x, 0.085, 0.014), "trim", bevel=0.004, step=step * 2).at((x + stop) / 2, 0, 0.007))
        x = after
    return parts


def _window(o: Opening, name: str, T: Float64, step: float) -> Item:
    """Reveal 18 cm deep, a two-sash frame without panes (glass returns no depth), and a sill board."""
    w, h, deep = o.x1 - o.x0, o.y1 - o.y0, 0.18
    cx = (o.x0 + o.x1) / 2
    parts = [
        box((w + 0.06, 0.03, deep), "wall", bevel=0.0, step=step).at(cx, o.y1, -deep / 2 - 0.001),
        box((w + 0.06, 0.03, deep), "wall", bevel=0.0, step=step).at(cx, o.y0 - 0.03, -deep / 2 - 0.001),
        box((0.03, h, deep), "wall", bevel=0.0, step=step).at(o.x0 - 0.015, o.y0, -deep / 2 - 0.001),
        box((0.03, h, deep), "wall", bevel=0.0, step=step).at(o.x1 + 0.015, o.y0, -deep / 2 - 0.001),
        box((w + 0.12, 0.025, 0.17), "trim", bevel=0.006, step=step).at(cx, o.y0 - 0.012, 0.005),
    ]
    bar, z = 0.06, -0.12
    for y in (o.y0 + 0.013, o.y1 - bar):
        parts.append(box((w, bar, 0.05), "trim", bevel=0.006, step=step).at(cx, y, z))
    for x in (o.x0 + bar / 2, cx, o.x1 - bar / 2):
        parts.append(
            box((bar if x != cx else 0.09, h - 0.01, 0.055), "trim", bevel=0.006, step=step).at(x, o.y0 + 0.01, z)
        )
    handle = box((0.022, 0.12, 0.02), "steel", bevel=0.006, step=step).at(cx + 0.02, o.y0 + h * 0.45, z + 0.04)
    corners = np.array([[o.x0, o.y0, 0], [o.x1, o.y0, 0], [o.x1, o.y1, 0], [o.x0, o.y1, 0]], float)
    return Item(name, "", (*parts, handle), (Surface("window", (0.0, 0.0, 1.0), corners),), T_world_item=T)


def _door(o: Opening, name: str, T: Float64, step: float) -> Item:
    """A closed panelled door in its frame, standing 8 mm proud of the wall."""
    w, h = o.x1 - o.x0, o.y1
    cx = (o.x0 + o.x1) / 2
    parts = [box((w, h, 0.008), "door", bevel=0.0, step=step * 1.5).at(cx, 0.004, 0.004)]
    for s in (-1, 1):
        parts.append(
            box((0.07, h + 0.07, 0.024), "trim", bevel=0.004, step=step * 2).at(cx + s * (w / 2 + 0.035), 0, 0.012)
        )
        for y, tall in ((0.18, 0.62), (0.95, h - 1.12)):
            parts.append(
                box((w * 0.36, tall, 0.012), "door", bevel=0.009, step=step * 1.5).at(cx + s * w * 0.22, y, 0.012)
            )
    parts.append(box((w + 0.14, 0.07, 0.026), "trim", bevel=0.004, step=step * 2).at(cx, h, 0.013))
    plate = box((0.035, 0.20, 0.008), "steel", bevel=0.003, step=step).at(o.x1 - 0.075, 0.95, 0.012)
    knob = lathe(
        [(0.0, 0.0), (0.011, 0.0), (0.011, 0.03), (0.026, 0.042), (0.026, 0.06), (0.0, 0.066)], "steel", around=18
    )
    parts += [plate, knob.turned("x", np.pi / 2).at(o.x1 - 0.075, 1.05, 0.016)]
    corners = np.array([[o.x0, 0, 0.008], [o.x1, 0, 0.008], [o.x1, h, 0.008], [o.x0, h, 0.008]], float)
    return Item(name, "", tuple(parts), (Surface("door", (0.0, 0.0, 1.0), corners),), T_world_item=T)
