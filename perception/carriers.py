"""What carries a thing. Nothing floats: what seems to is part of its neighbour, on legs nobody saw, or noise.

A scan sees backs of chairs over a table's edge, shades without their stems, and leaves without their twigs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sceneforge.core import Label, OrientedBox
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import make_transform

from .box_walls import reach_walls
from .things import Surroundings, Thing, near, thing_of

RESTS_M = 0.1
"""The base of what stands on a top lies this close to it: scanned bases are ragged."""
STEM_M = 0.5
"""A shade hangs no higher over the table, ..."""
SHADE_M = 0.7
"""... and is no wider."""
JOIN_M = 0.1
"""Pieces this close beside each other ..."""
JOIN_UP_M = 0.2
"""... and this close in height may be one thing, where one of them is in the air ..."""
JOINED_M = (1.3, 1.0)
"""... and both together are no larger in plan ..."""
GROWN = 2.5
"""... and than so many times the larger one."""
LEGS_M = 0.35
"""Legs up to this height are often missed, ..."""
BODY_LEGS_M, BODY_M2 = 0.75, 0.5
"""... and so high under what is as large in plan as a table."""
SEAT_DEPTH_M = 0.45
REACH_TABLE_M = 0.7
"""The seat of a chair whose back stands this close to a table may be under it."""
BACKS = (0.68, 1.2)
"""Heights at which the backs of chairs end."""
MIN_LOOSE_M2 = 0.5
"""A piece in the air that nothing explains is kept when so much of it was seen."""


def carried(things: Sequence[Thing], room: Surroundings) -> list[Thing]:
    """The things with what carries them; pieces are joined, brought down to the floor, or dropped.

    Args:
        things: Largest first.
        room: What is around them.
    """
    found = [_hung(t, things, room) for t in things]
    while (pair := _next_join(found, room)) is not None:
        i, j, both = pair
        found = [t for k, t in enumerate(found) if k not in (i, j)]
        found.insert(min(i, j), _hung(both, found, room))
    stood = [t if t.carrier != "unseen" else _stood(t, found, room) for t in found]
    return [t for t in stood if t is not None and not any(_is_under(t, o, room) for o in stood if o is not None)]


def _is_under(t: Thing, table: Thing, room: Surroundings) -> bool:
    """Whether a thing that was let down to the floor is a piece of the table that it would stand under."""
    if t is table or t.carrier != "floor" or t.guessed < 0.2 or t.footprint > 0.6 * table.footprint:
        return False
    if table.carrier != "floor" or t.top > table.top + RESTS_M or not near(t.box, table.box):
        return False
    return bool(table.covers(room.surfels.position[t.members]).mean() > 0.8)


def _hung(t: Thing, things: Sequence[Thing], room: Surroundings) -> Thing:
    """The thing with its carrier, where that is the ceiling, a wall, or legs under something as large as a table."""
    ceiling, low = room.levels.ceiling, t.bottom - room.floor
    if t.carrier == "floor" or room.levels.floor is None:
        return t
    if low <= BODY_LEGS_M and t.top - room.floor < BACKS[1] and t.footprint > BODY_M2 and not t.walls:
        return replace(t.spanning(room.floor, t.top), carrier="floor")
    if ceiling is not None and -0.05 < ceiling - t.top < 0.15:
        return replace(t.spanning(t.bottom, max(ceiling, t.top)), carrier="ceiling")
    hung = t.walls and low > LEGS_M and _top_under(t, things, room) is None
    return replace(t, carrier="wall", box=reach_walls(t.box, t.walls)) if hung else t


def _next_join(found: Sequence[Thing], room: Surroundings) -> tuple[int, int, Thing] | None:
    """The first piece in the air that is one thing with a neighbour: (its index, the other's, both)."""
    for i, t in enumerate(found):
        if t.carrier != "unseen" or not _fits_plan(t.box):
            continue
        if _top_under(t, found, room) is not None:
            continue
        for j, other in enumerate(found):
            if j == i or other.carrier not in ("unseen", "floor") or not _fits_plan(other.box):
                continue
            if not near(t.box, other.box):
                continue
            if max(t.bottom - other.top, other.bottom - t.top) > JOIN_UP_M or not _beside(t, other, room):
                continue
            both = thing_of(np.sort(np.concatenate([t.members, other.members])), room)
            if both is not None and _fits_plan(both.box) and both.footprint < GROWN * max(t.footprint, other.footprint):
                return i, j, both
    return None


def _fits_plan(box: OrientedBox) -> bool:
    return bool(box.size[[0, 2]].max() <= JOINED_M[0] and box.size[[0, 2]].min() <= JOINED_M[1])


def _beside(a: Thing, b: Thing, room: Surroundings) -> bool:
    """Whether a good part of one lies over or under the other."""
    p = room.surfels.position
    return bool(max(b.covers(p[a.members], JOIN_M).mean(), a.covers(p[b.members], JOIN_M).mean()) > 0.5)


def _top_under(t: Thing, things: Sequence[Thing], room: Surroundings) -> tuple[Thing, bool] | None:
    """(What carries a thing on its top, whether the thing is in the air over it); None where there is none."""
    best: tuple[Thing, bool] | None = None
    small = t.box.size[[0, 2]].max() < SHADE_M
    for other in things:
        if other is t or other.footprint < t.footprint or other.carrier == "unseen" or not near(t.box, other.box):
            continue
        over = other.covers(room.surfels.position[t.members], 0.05).mean()
        gap = t.bottom - other.top
        if over < 0.5 or gap < -RESTS_M or gap > (STEM_M if small else RESTS_M):
            continue
        if best is None or other.top > best[0].top:
            best = (other, gap > 0.5 * RESTS_M and small)
    return best


def _stood(t: Thing, things: Sequence[Thing], room: Surroundings) -> Thing | None:
    """A thing in the air on what carries it, None where nothing does and little of it was seen."""
    under = _top_under(t, things, room)
    floor, ceiling = room.floor, room.levels.ceiling
    low, high = t.bottom - floor, t.top - floor
    if under is not None:
        host, air = under
        if BACKS[0] < high < BACKS[1] and _is_behind(t, host):
            return _chair(t, things, room)
        return replace(t.spanning(min(host.top, t.top - 0.02), t.top) if air else t, carrier="top", shade=air)
    if room.levels.floor is None:
        return t  # how high anything is, is a guess
    square = t.box.size[[0, 2]].min() > 0.5 * t.box.size[[0, 2]].max()
    small = t.box.size[[0, 2]].max() < SHADE_M
    if small and square and low > 0.8 and high < 2.1 and _stem(t, room):
        return replace(t.spanning(floor, t.top), carrier="floor", shade=True)
    if ceiling is not None and low > 1.6 and ceiling - t.top < 1.6 and square:
        return replace(t, carrier="ceiling")
    if low <= 0.75 and BACKS[0] < high < BACKS[1] and 0.28 < t.box.size[[0, 2]].max() < 0.75:
        return _chair(t, things, room)
    if low <= LEGS_M:
        return replace(t.spanning(floor, t.top), carrier="floor")
    return t if room.surfels.area[t.members].sum() > MIN_LOOSE_M2 else None


def _is_behind(t: Thing, table: Thing) -> bool:
    """Whether a sheet stands along the rim of a table in the open: the back of a chair, where screens do not stand."""
    size = t.box.size[[0, 2]]
    if table.walls or size.min() > 0.2 or not 0.28 < size.max() < 0.65 or table.footprint < 0.5:
        return False
    T = table.box.T_world_box
    local = (t.box.T_world_box[:3, 3] - T[:3, 3]) @ T[:3, :3]
    rim = table.box.size[[0, 2]] / 2 - np.abs(local[[0, 2]])
    across = np.abs(T[:3, :3].T @ t.box.T_world_box[:3, int(np.argmin(size)) * 2])[[0, 2]]
    return bool(rim.min() < 0.15 and across[int(np.argmin(rim))] > 0.8)


def _stem(t: Thing, room: Surroundings) -> bool:
    """Whether something thin was seen between a shade and the floor, over most of the height."""
    p = room.surfels.position[room.loose]
    p = p[(p[:, 1] < t.bottom) & t.covers(p)]
    between = t.bottom - room.floor
    return len(np.unique(np.floor((p[:, 1] - room.floor) / 0.1))) > 0.5 * between / 0.1


def _chair(t: Thing, things: Sequence[Thing], room: Surroundings) -> Thing:
    """A chair of which the back alone was seen, or back and seat: with legs, and with a seat towards the table."""
    back = t.bottom - room.floor > LEGS_M
    down = replace(t.spanning(room.floor, t.top), carrier="floor", label=Label.CHAIR if back else None)
    depth, across = float(t.box.size[[0, 2]].min()), int(np.argmin(t.box.size[[0, 2]])) * 2
    if depth >= 0.3:
        return down
    tables = [o for o in things if o.carrier == "floor" and o.footprint > 0.3 and 0.6 < o.top - room.floor < 0.85]
    beside = [(away, k) for k, o in enumerate(tables) if (away := _distance(t, o)) < REACH_TABLE_M]
    if not beside:
        return down if depth > 0.1 else replace(down, label=None)
    T, size = np.array(down.box.T_world_box), np.array(down.box.size)
    way = tables[min(beside)[1]].box.T_world_box[:3, 3] - T[:3, 3]
    sign = float(np.sign(way @ T[:3, across])) or 1.0
    grown = SEAT_DEPTH_M - depth
    T[:3, 3] += sign * T[:3, across] * grown / 2
    size[across] += grown
    box = OrientedBox(make_transform(T[:3, :3], np.round(T[:3, 3], 6)), np.round(size, 6))
    seen = float(np.prod(t.box.size) / np.prod(size))
    return replace(down, box=box, label=Label.CHAIR, guessed=round(1 - seen, 4))


def _distance(a: Thing, b: Thing) -> float:
    """Between the middle of one and the footprint of the other, in plan."""
    local = (a.box.T_world_box[:3, 3] - b.box.T_world_box[:3, 3]) @ b.box.T_world_box[:3, :3]
    out: Float64 = np.maximum(np.abs(local[[0, 2]]) - b.box.size[[0, 2]] / 2, 0)
    return float(np.hypot(out[0], out[1]))
