"""Boxes of things that stand at a wall: turned as the wall is, and reaching back to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sceneforge.core import Label, OrientedBox, Plane
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import make_transform

from .surfels import Int64, Surfels

CUT_M = 0.07
"""So much of what stands at a wall is taken for the wall's own frayed surface."""
TOUCHES_M = CUT_M + 0.03
"""A thing that begins this close to a wall touches it."""
ALIGNED = float(np.cos(np.radians(4)))
MAX_DEPTH_M = 0.75
"""Furniture that stands at a wall is no deeper."""
MIN_CLOSED = 0.45
"""Share of a front that must be seen for it to hide what is behind it."""
MAX_FLOOR = 0.15
"""Share of the place behind it on which the floor may be seen."""


def walls_beside(points: Float64, planes: Sequence[Plane]) -> list[Plane]:
    """The walls that points (N, 3) come to within 10 cm, in the order of `planes`."""
    import shapely

    found = []
    for p in planes:
        if p.label is not Label.WALL:
            continue
        local = p.to_local(points)
        off = local[:, 1]
        if np.percentile(off, 1) > TOUCHES_M or np.percentile(off, 1) < -TOUCHES_M:
            continue
        near = local[off < TOUCHES_M + 0.05][:, [0, 2]]
        if (
            len(near)
            and shapely.contains_xy(shapely.Polygon(p.polygon).buffer(0.1), near[:, 0], near[:, 1]).mean() > 0.5
        ):
            found.append(p)
    return found


def reach_walls(box: OrientedBox, walls: Sequence[Plane]) -> OrientedBox:
    """The box with each upright side that faces one of `walls` within 10 cm, and 4 degrees, moved out to it."""
    T, size = np.array(box.T_world_box), np.array(box.size)
    for wall in walls:
        across = T[:3, :3].T @ wall.normal
        axis = int(np.argmax(np.abs(across)))
        if axis == 1 or abs(across[axis]) < ALIGNED:
            continue
        gap = float((T[:3, 3] - wall.origin) @ wall.normal) - size[axis] / 2
        if 0 < gap < TOUCHES_M:
            size[axis] += gap
            T[:3, 3] -= T[:3, axis] * np.sign(across[axis]) * gap / 2
    return OrientedBox(make_transform(T[:3, :3], np.round(T[:3, 3], 6)), np.round(size, 6))


def reach_back(
    box: OrientedBox,
    surfels: Surfels,
    members: Int64,
    planes: Sequence[Plane],
    floor_seen: Callable[[Float64, Float64, Float64], float],
) -> tuple[OrientedBox, list[Plane]]:
    """The box of something closed, of which the front alone was seen, carried back to the wall behind it; that wall.

    Only over places where nobody saw the floor, and no deeper than furniture at walls is.

    Args:
        box: Standing on the floor.
        surfels: The surface.
        members: The thing's.
        planes: Walls among others.
        floor_seen: Share of a rectangle (frame, low [x, z], high [x, z]) in which the floor was seen.
    """
    import shapely

    T, size, reached = np.array(box.T_world_box), np.array(box.size), []
    facing, area = surfels.normal[members] @ T[:3, :3], surfels.area[members]
    for wall in planes:
        across = T[:3, :3].T @ wall.normal
        axis = int(np.argmax(np.abs(across)))
        if wall.label is not Label.WALL or axis == 1 or abs(across[axis]) < ALIGNED:
            continue
        sign, other = float(np.sign(across[axis])), 2 - axis
        gap = float((T[:3, 3] - wall.origin) @ wall.normal) - size[axis] / 2
        if not 0 < gap < MAX_DEPTH_M - size[axis]:
            continue
        closed = area[sign * facing[:, axis] > 0.7].sum() / (size[other] * size[1])
        ends = T[:3, 3] + T[:3, other] * size[other] * np.array([[-0.3], [0.0], [0.3]])
        before = wall.to_local(ends)[:, [0, 2]]
        held = shapely.contains_xy(shapely.Polygon(wall.polygon).buffer(0.05), before[:, 0], before[:, 1])
        if closed < MIN_CLOSED or not held.all():
            continue
        low, high = np.zeros(2), np.zeros(2)
        k = axis // 2
        low[1 - k], high[1 - k] = -0.4 * size[other], 0.4 * size[other]
        ends_at = sorted((-sign * (size[axis] / 2 + 0.05), -sign * (size[axis] / 2 + gap)))
        low[k], high[k] = ends_at
        if gap > 0.1 and floor_seen(T, low, high) > MAX_FLOOR:
            continue
        size[axis] += gap
        T[:3, 3] -= T[:3, axis] * sign * gap / 2
        reached.append(wall)
    return OrientedBox(make_transform(T[:3, :3], np.round(T[:3, 3], 6)), np.round(size, 6)), reached
