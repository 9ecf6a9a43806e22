"""Boxes of things that stand at a wall: turned as the wall is, and reaching back to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sceneforge.core import Label, OrientedBox, Plane
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import make_transform

CUT_M = 0.07
"""So much of what stands at a wall is taken for the wall's own frayed surface."""
TOUCHES_M = CUT_M + 0.03
"""A thing that begins this close to a wall touches it."""
ALIGNED = float(np.cos(np.radians(4)))


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
