"""Counters: tops at the height one stands and works at, along a wall, whether or not their fronts gave any depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sceneforge.core import Label, OrientedBox, Plane
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import make_transform, yaw_rotation

from .parting import connected
from .surfels import Int64, Surfels
from .things import Surroundings, Thing

HEIGHT_M = (0.78, 1.02)
"""Tops of kitchen counters and bars, over the floor."""
DEPTH_M = 0.8
"""Of counters at a wall, at most."""
MIN_LENGTH_M = 0.9
GAP_M = 0.9
"""A sink, a hob or a thing standing there may hide the top for so long."""
CELL_M = 0.05
OVER_M = 0.06
SHEET_M = 0.12
"""What rises so near a counter's back is wall."""
MAX_FLOOR = 0.15
"""Share of a counter's footprint in which the floor may be seen."""
MIN_SEEN = 0.08
"""Share of its top that must be seen: things stand on it, and steel and black stone give no depth."""


def part_at_counter(members: Int64, surfels: Surfels, floor: float) -> list[Int64]:
    """Part a group whose front ends at a counter's height from what stands on it; the counter first."""
    p, up = surfels.position[members], surfels.normal[members][:, 1] > 0.8
    height = p[:, 1] - floor
    level = up & (height > HEIGHT_M[0]) & (height < HEIGHT_M[1])
    if surfels.area[members[level]].sum() < 0.01 or height.max() < HEIGHT_M[1] + 0.1 or height.min() > 0.4:
        return [members]
    sides = np.abs(surfels.normal[members][:, 1]) < 0.3
    angle = np.arctan2(surfels.normal[members][sides, 2], surfels.normal[members][sides, 0])
    mean = (surfels.area[members][sides] * np.exp(4j * angle)).sum()
    R = yaw_rotation(-float(np.angle(mean)) / 4)
    cell = np.floor((p @ R)[:, [0, 2]] / CELL_M).astype(np.int64)
    cell -= cell.min(axis=0)
    shape = cell.max(axis=0) + 1
    top = np.full(shape, -np.inf)
    np.maximum.at(top, (cell[:, 0], cell[:, 1]), height)
    across = 0 if shape[1] > shape[0] else 1
    sheet = top if across == 0 else top.T
    if sheet.shape[1] * CELL_M < MIN_LENGTH_M:
        return [members]
    strip = max(round(0.3 * sheet.shape[0]), 1)
    for side, row in ((sheet[:strip], cell[:, across]), (sheet[-strip:], shape[across] - 1 - cell[:, across])):
        front = side.max(axis=0)
        seen = front[np.isfinite(front)]
        at = float(np.median(seen)) if len(seen) else 0.0
        if HEIGHT_M[0] < at < HEIGHT_M[1] and (np.abs(front - at) < 0.08).mean() > 0.6:
            above = height > at + OVER_M
            back = above & (row >= sheet.shape[0] - round(SHEET_M / CELL_M))  # the wall over it, if nobody found one
            return [members[~above], *connected(surfels, members[above & ~back])]
    return [members]


def tops_along_walls(things: Sequence[Thing], room: Surroundings) -> list[Thing]:
    """The things, with pieces of top along a wall made one counter; what stands on it remains a thing."""
    surfels = room.surfels
    height = surfels.position[:, 1] - room.floor
    level = room.loose & (surfels.normal[:, 1] > 0.8) & (height > HEIGHT_M[0]) & (height < HEIGHT_M[1])
    for t in things:
        if t.carrier == "floor":
            level[t.members] = False
    rest, free = list(things), np.flatnonzero(level)
    for wall in room.planes:
        if wall.label is not Label.WALL or not len(free):
            continue
        local = wall.to_local(surfels.position[free])
        before = (local[:, 1] > 0) & (local[:, 1] < DEPTH_M)
        before &= (local[:, 0] > wall.polygon[:, 0].min() - 0.1) & (local[:, 0] < wall.polygon[:, 0].max() + 0.1)
        for run in _runs(free[before], local[before, 0]):
            made = _counter(run, wall, room)
            if made is None:
                continue
            gone = [t for t in rest if np.isin(t.members, made.members).mean() > 0.3 or _lies_on(t, made)]
            members = np.unique(np.concatenate([made.members, *(t.members for t in gone)]))
            rest = [*(t for t in rest if not any(t is g for g in gone)), replace(made, members=members)]
            free = np.setdiff1d(free, members)
            break
    return rest


def _lies_on(t: Thing, counter: Thing) -> bool:
    """Whether a piece is no more than the top's own fray."""
    return bool(t.carrier != "floor" and t.top - counter.top < 0.1 and counter.covers(t.box.corners).mean() > 0.5)


def _runs(members: Int64, along: Float64) -> list[Int64]:
    """Surfels along a wall, parted where they are farther apart than a sink is wide; the longest run first."""
    order = np.argsort(along, kind="stable")
    cuts = np.flatnonzero(np.diff(along[order]) > GAP_M) + 1
    parts = np.split(order, cuts)
    parts.sort(key=lambda k: -float(np.ptp(along[k])) if len(k) else 0.0)
    return [np.sort(members[k]) for k in parts if len(k)]


def _counter(on: Int64, wall: Plane, room: Surroundings) -> Thing | None:
    """The counter of these level surfels; None where they make none."""
    surfels = room.surfels
    height = _mode(surfels.position[on, 1], surfels.area[on])
    on = on[np.abs(surfels.position[on, 1] - height) < OVER_M]
    local = wall.to_local(surfels.position[on])
    low, high = np.percentile(local[:, 0], [1, 99])
    depth = float(np.percentile(local[:, 1], 95))
    seen = float(surfels.area[on].sum() / max((high - low) * depth, 1e-9))
    if high - low < MIN_LENGTH_M or depth < 0.3 or seen < MIN_SEEN:
        return None
    T = _standing(wall, (low + high) / 2, depth / 2, (height + room.floor) / 2)
    half = np.array([(high - low) / 2, depth / 2])
    if room.floor_seen(T, -half, half) > MAX_FLOOR:
        return None
    box = OrientedBox(T, np.round([high - low, height - room.floor, depth], 6))
    return Thing(on, box, (wall,), "floor", label=Label.COUNTER, guessed=round(1 - min(seen, 1.0), 4))


def _mode(values: Float64, weights: Float64) -> float:
    """The value around which most weight lies within 3 cm."""
    order = np.argsort(values, kind="stable")
    v, held = values[order], np.concatenate([[0.0], np.cumsum(weights[order])])
    inside = held[np.searchsorted(v, v + 0.06, side="right")] - held[np.arange(len(v))]
    k = int(np.argmax(inside))
    return float(np.median(v[k : np.searchsorted(v, v[k] + 0.06, side="right")]))


def _standing(wall: Plane, x: float, out: float, y: float) -> Float64:
    """Frame (4, 4) of a box before a wall, its front to the room."""
    R = yaw_rotation(float(np.arctan2(wall.normal[0], wall.normal[2])))
    at = wall.to_world(np.array([x, 0.0])) + out * wall.normal
    return make_transform(R, np.round([at[0], y, at[2]], 6))
