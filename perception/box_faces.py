"""Boxes fitted by their faces: where a thing's flat sides are seen, they say where it ends, not its outermost points.

Percentiles of points move with noise, frayed rims and whatever touches the thing; the median of a face's surfels does
not. And a thing stands on the floor *under it*: cheap depth bends a floor by centimetres across a room.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import OrientedBox
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import make_transform, yaw_rotation

from .surfels import Int64, Surfels

FACING = 0.85
"""Cosine between a surfel's normal and its face's: 32 degrees, what normals at edges lose."""
BIN_M = 0.005
FACE_M = 0.015
"""Half the thickness of a face: two surfels' noise."""
REACH = 0.25
"""A face lies within this share of the box's size from its first bound ..."""
REACH_M = 0.05
"""... and no farther out than this."""
MIN_COVER = 0.3
"""Least share of a face that must be seen for it to count: a table's legs are no side."""
RING_M = (0.03, 0.3)
"""Where, around the footprint, the floor under a thing is looked for."""
FLOOR_REACH_M = 0.1
MIN_FLOOR_M2 = 0.04
MAX_TURN = np.radians(20)


def fit_faces(box: OrientedBox, surfels: Surfels, members: Int64, floor: float | None) -> OrientedBox:
    """The box with each seen face moved to its plane, turned as its sides face, standing on the floor around it.

    Args:
        box: First bounds: upright, local +Y up.
        surfels: The whole surface.
        members: The thing's own surfels.
        floor: Height of the room's floor where the box was let down to it, else None.
    """
    position, normal, area = surfels.position[members], surfels.normal[members], surfels.area[members]
    R = _turned(box, normal, area)
    if R is not box.T_world_box and not np.allclose(R, box.T_world_box[:3, :3]):
        local = (position - box.T_world_box[:3, 3]) @ R
        low, high = np.percentile(local, [1, 99], axis=0)
        low[1], high[1] = -box.size[1] / 2, box.size[1] / 2
    else:
        low, high = -box.size / 2, box.size / 2
        local = (position - box.T_world_box[:3, 3]) @ R
    facing = normal @ R
    size = high - low
    for axis in range(3):
        cover = size[(axis + 1) % 3] * size[(axis + 2) % 3] * MIN_COVER
        at = _face(local[:, axis], facing[:, axis], area, high[axis], size[axis], cover)
        high[axis] = high[axis] if at is None else at
        if axis != 1:
            at = _face(-local[:, axis], -facing[:, axis], area, -low[axis], size[axis], cover)
            low[axis] = low[axis] if at is None else -at
    if floor is not None:
        ground = _floor_around(surfels, R, box.T_world_box[:3, 3], low, high, floor)
        low[1] = ground - box.T_world_box[1, 3]
    if (high - low).min() <= 0.01:
        return box
    centre = box.T_world_box[:3, 3] + R @ ((low + high) / 2)
    return OrientedBox(make_transform(R, np.round(centre, 6)), np.round(high - low, 6))


def _turned(box: OrientedBox, normal: Float64, area: Float64) -> Float64:
    """(3, 3) rotation of the box, along its upright sides where enough of them is seen and they agree."""
    R = np.asarray(box.T_world_box[:3, :3])
    flat = np.abs(normal[:, 1]) < 0.3
    sides = 2 * box.size[1] * (box.size[0] + box.size[2])
    if not flat.any() or area[flat].sum() < MIN_COVER * sides / 2:
        return R
    # Four sides at right angles: the fourth power of the direction is the same for all.
    angle = np.arctan2(normal[flat, 2], normal[flat, 0])
    mean = (area[flat] * np.exp(4j * angle)).sum() / area[flat].sum()
    if abs(mean) < 0.6:
        return R
    now = np.arctan2(R[2, 0], R[0, 0])
    turn = (float(np.angle(mean)) / 4 - now + np.pi / 4) % (np.pi / 2) - np.pi / 4
    return yaw_rotation(-turn) @ R if abs(turn) < MAX_TURN else R


def _face(at: Float64, facing: Float64, area: Float64, bound: float, size: float, cover: float) -> float | None:
    """Where along an axis the outermost well-covered face lies, None where none is seen."""
    near = (facing > FACING) & (at > bound - max(REACH * size, REACH_M)) & (at < bound + REACH_M)
    if not near.any() or area[near].sum() < cover:
        return None
    at, area = at[near], area[near]
    reach = round(FACE_M / BIN_M)
    first = float(at.min()) - reach * BIN_M
    bins = ((at - first) / BIN_M).astype(np.int64)
    length = max(int(bins.max()) + reach + 1, 2 * reach + 1)  # numpy's "same" means the longer of the two
    held = np.convolve(np.bincount(bins, area, length), np.ones(2 * reach + 1), mode="same")
    good = np.flatnonzero((held >= 0.5 * held.max()) & (held >= cover))
    if not len(good):
        return None
    peak = good[-1]
    while peak > 0 and held[peak - 1] > held[peak]:  # down from the outer flank to its top
        peak -= 1
    inside = np.abs(bins - peak) <= reach
    return _median(at[inside], area[inside])


def _floor_around(surfels: Surfels, R: Float64, centre: Float64, low: Float64, high: Float64, floor: float) -> float:
    """Height of the floor around a box's footprint; the room's `floor` where too little of it is seen."""
    local = (surfels.position - centre) @ R
    out = np.maximum(np.maximum(local - high, low - local), 0)[:, [0, 2]]
    ring = np.hypot(out[:, 0], out[:, 1])
    level: NDArray[np.bool_] = (surfels.normal[:, 1] > 0.9) & (np.abs(surfels.position[:, 1] - floor) < FLOOR_REACH_M)
    under = level & (ring > RING_M[0]) & (ring < RING_M[1])
    if surfels.area[under].sum() < MIN_FLOOR_M2:
        return floor
    return _median(surfels.position[under, 1], surfels.area[under])


def _median(values: Float64, weights: Float64) -> float:
    order = np.argsort(values, kind="stable")
    held = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(held, 0.5 * held[-1])])
