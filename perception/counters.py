"""Counters: tops at the height one stands and works at, along a wall, whether or not their fronts gave any depth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sceneforge.core import Label, OrientedBox, Plane
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import make_transform, yaw_rotation

from .surfels import Int64, Surfels
from .things import Surroundings, Thing

HEIGHT_M = (0.78, 1.02)
"""Tops of kitchen counters and bars, over the floor."""
DEPTH_M = 0.8
"""Of counters at a wall, at most."""
MIN_LENGTH_M = 0.9
GAP_M = 0.6
"""A sink, a hob or a thing standing there may hide the top for so long."""
CELL_M = 0.05
OVER_M = 0.06
MAX_FLOOR = 0.15
"""Share of a counter's footprint in which the floor may be seen."""
MIN_SEEN = 0.08
"""Share of its top that must be seen: things stand on it, and steel and black stone give no depth."""


def part_at_counter(members: Int64, surfels: Surfels, floor: float) -> list[Int64]:
    """Part a group whose front ends at a counter's height from what rises behind and stands on it; the counter first."""
    p, up = surfels.position[members], surfels.normal[members][:, 1] > 0.8
    height = p[:, 1] - floor
    level = up & (height > HEIGHT_M[0]) & (height < HEIGHT_M[1])
    if surfels.area[members[level]].sum() < 0.05 or height.max() < HEIGHT_M[1] + 0.1 or height.min() > 0.4:
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
    for sheet in (top, top.T) if shape[0] == shape[1] else (top if shape[1] > shape[0] else top.T,):
        strip = max(round(0.3 * sheet.shape[0]), 1)
        if sheet.shape[1] * CELL_M < MIN_LENGTH_M:
            continue
        for side in (sheet[:strip].max(axis=0), sheet[-strip:].max(axis=0)):
            seen = side[np.isfinite(side)]
            at = float(np.median(seen)) if len(seen) else 0.0
            ends = (np.abs(side - at) < 0.08).mean()
            if HEIGHT_M[0] < at < HEIGHT_M[1] and ends > 0.6:
                above = height > at + OVER_M
                return [members[~above], members[above]]
    return [members]


def tops_along_walls(things: Sequence[Thing], room: Surroundings) -> list[Thing]:
    """The things, with pieces of top along a wall made one counter; what stands on it remains a thing."""
    rest = list(things)
    for wall in room.planes:
        if wall.label is not Label.WALL:
            continue
        pieces = [(t, span) for t in rest if (span := _span(t, wall, room)) is not None]
        for run in _runs(pieces):
            made = _counter([t for t, _ in run], wall, room)
            if made is None:
                continue
            counter, gone = made
            rest = [t for t in rest if not any(t is g for g in gone)]
            rest.append(counter)
    return rest


def _level(t: Thing, room: Surroundings) -> Int64:
    """Surfels of a thing that may be a counter's top."""
    p, up = room.surfels.position[t.members], room.surfels.normal[t.members][:, 1]
    height = p[:, 1] - room.floor
    return t.members[(up > 0.8) & (height > HEIGHT_M[0]) & (height < HEIGHT_M[1])]


def _span(t: Thing, wall: Plane, room: Surroundings) -> tuple[float, float] | None:
    """Where along a wall, in its local x, a thing in the air has a top before it; None where it has none."""
    if t.carrier == "floor" or t.bottom - room.floor < 0.5 or t.bottom - room.floor > HEIGHT_M[1]:
        return None
    on = _level(t, room)
    if room.surfels.area[on].sum() < 0.01:
        return None
    local = wall.to_local(room.surfels.position[on])
    before = (local[:, 1] > 0) & (local[:, 1] < DEPTH_M)
    low, high = wall.polygon[:, 0].min() - 0.1, wall.polygon[:, 0].max() + 0.1
    if before.mean() < 0.8 or not (low < np.median(local[:, 0]) < high):
        return None
    return float(np.percentile(local[:, 0], 2)), float(np.percentile(local[:, 0], 98))


def _runs(pieces: Sequence[tuple[Thing, tuple[float, float]]]) -> list[list[tuple[Thing, tuple[float, float]]]]:
    """Pieces no farther apart than a sink is wide."""
    runs: list[list[tuple[Thing, tuple[float, float]]]] = []
    end = -np.inf
    for piece in sorted(pieces, key=lambda e: e[1]):
        if piece[1][0] - end > GAP_M:
            runs.append([])
            end = -np.inf
        runs[-1].append(piece)
        end = max(end, piece[1][1])
    return runs


def _counter(pieces: Sequence[Thing], wall: Plane, room: Surroundings) -> tuple[Thing, list[Thing]] | None:
    """(The counter of these tops, the pieces that are nothing but top); None where they make none."""
    surfels = room.surfels
    on = np.sort(np.concatenate([_level(t, room) for t in pieces]))
    height = float(np.median(surfels.position[on, 1]))
    on = on[np.abs(surfels.position[on, 1] - height) < OVER_M]
    local = wall.to_local(surfels.position[on])
    low, high = np.percentile(local[:, 0], [1, 99])
    depth = float(np.percentile(local[:, 1], 98))
    seen = float(surfels.area[on].sum() / max((high - low) * depth, 1e-9))
    if high - low < MIN_LENGTH_M or depth < 0.3 or seen < MIN_SEEN:
        return None
    T = _standing(wall, (low + high) / 2, depth / 2, (height + room.floor) / 2)
    half = np.array([(high - low) / 2, depth / 2])
    if room.floor_seen(T, -half, half) > MAX_FLOOR:
        return None
    box = OrientedBox(T, np.round([high - low, height - room.floor, depth], 6))
    gone = [t for t in pieces if np.isin(t.members, on).mean() > 0.4 or t.top - height < 0.15]
    members = np.unique(np.concatenate([on, *(t.members for t in gone)]))
    return Thing(members, box, (wall,), "floor", label=Label.COUNTER, guessed=round(1 - min(seen, 1.0), 4)), gone


def _standing(wall: Plane, x: float, out: float, y: float) -> Float64:
    """Frame (4, 4) of a box before a wall, its front to the room."""
    R = yaw_rotation(float(np.arctan2(wall.normal[0], wall.normal[2])))
    at = wall.to_world(np.array([x, 0.0])) + out * wall.normal
    return make_transform(R, np.round([at[0], y, at[2]], 6))
