"""Groups of touching things parted by shape: around a corner, and where something small stands on something large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import yaw_rotation

from .parting import connected
from .surfels import Int64, Surfels

CELL_M = 0.05
MIN_CORNER_M2 = 0.8
"""Footprints below this are not looked at for corners: chairs and stools are no rectangles either."""
SAVED = 0.3
"""A cut must spare this share of the footprint's rectangle ..."""
SAVED_M2 = 0.35
"""... and so much floor; a table's rounded corners spare less."""
MIN_BARE = 0.15
"""Share of what it spares on which the floor was seen."""
MIN_ARM_M = 0.1
BODY_SIDE = 0.7
"""A body is as high as it is along this share of one of its long sides ..."""
BODY_PLAN = 0.6
"""... or over this share of its footprint."""
STEP_M = 0.12
"""What rises by more over that, ..."""
STEP_PLAN = 0.45
"""... on no more than this share of the footprint, stands on it."""
RIM_M = 0.16
"""What rises this close to the rim ..."""
BACK_SIDE = 0.45
"""... along this share of it is a back and belongs to the body."""
MAX_BODY_M = 1.5
"""Nobody looks onto higher bodies: what sticks out there is their own top, seen in pieces."""


def part_at_corners(members: Int64, surfels: Surfels, ground: Float64) -> list[Int64]:
    """Part a group that runs around a corner, like a kitchen counter, into its arms.

    Straight cuts along the group's own directions, each where the rectangles around both halves are smallest. Floor
    must have been seen where the corner is open: two sides of a closed cupboard make a corner too.

    Args:
        members: The group.
        surfels: The surface.
        ground: (G, 3) surfels on the floor.
    """
    p = surfels.position[members][:, [0, 2]]
    R = yaw_rotation(_yaw(surfels.normal[members], surfels.area[members], p))[np.ix_([0, 2], [0, 2])]
    cell = np.floor(p @ R / CELL_M).astype(np.int64)
    first = cell.min(axis=0)
    shape = cell.max(axis=0) - first + 1
    if shape.prod() * CELL_M**2 < MIN_CORNER_M2:
        return [members]
    cell -= first
    taken, bare = np.zeros(shape, bool), np.zeros(shape, bool)
    taken[cell[:, 0], cell[:, 1]] = True
    on = np.floor(ground[:, [0, 2]] @ R / CELL_M).astype(np.int64) - first
    on = on[((on >= 0) & (on < shape)).all(axis=1)]
    bare[on[:, 0], on[:, 1]] = True
    part = np.zeros(shape, np.int64)
    _cut(_dense(taken), bare & ~taken, (0, int(shape[0]), 0, int(shape[1])), part, [0], depth=3)
    owner = part[cell[:, 0], cell[:, 1]]
    return [members[owner == n] for n in np.unique(owner)]


def _dense(taken: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells with at least two of their eight neighbours: the rest is fray."""
    padded = np.pad(taken, 1).astype(np.int8)
    h, w = taken.shape
    near = sum(padded[i : i + h, j : j + w] for i in range(3) for j in range(3)) - taken.astype(np.int8)
    return np.asarray(taken & (near >= 2))


def _cut(
    taken: NDArray[np.bool_],
    bare: NDArray[np.bool_],
    area: tuple[int, int, int, int],
    part: NDArray[np.int64],
    used: list[int],
    depth: int,
) -> None:
    """Number the cells of `area` by part, `used` holding the next number."""
    r0, r1, c0, c1 = area
    best: tuple[float, tuple[int, int, int, int], tuple[int, int, int, int]] | None = None
    whole = _rectangle(taken[r0:r1, c0:c1])
    least = round(MIN_ARM_M / CELL_M)
    for axis in (0, 1):
        start, stop = ((r0, r1), (c0, c1))[axis]
        for k in range(start + least, stop - least + 1):
            one, two = ((r0, k, c0, c1), (k, r1, c0, c1)) if axis == 0 else ((r0, r1, c0, k), (r0, r1, k, c1))
            cost = sum(_rectangle(taken[a[0] : a[1], a[2] : a[3]]) for a in (one, two))
            if best is None or cost < best[0]:
                best = (cost, one, two)
    saved = 0.0 if best is None else whole - best[0]
    seen = 0.0
    if best is not None:
        left = bare[r0:r1, c0:c1].copy()
        for a in best[1:]:
            _clear(taken, left, a, (r0, c0))
        seen = float(left.sum())
    if depth == 0 or best is None or saved < SAVED * whole or saved * CELL_M**2 < SAVED_M2 or seen < MIN_BARE * saved:
        part[r0:r1, c0:c1] = used[0]
        used[0] += 1
        return
    _cut(taken, bare, best[1], part, used, depth - 1)
    _cut(taken, bare, best[2], part, used, depth - 1)


def _clear(
    taken: NDArray[np.bool_], left: NDArray[np.bool_], area: tuple[int, int, int, int], corner: tuple[int, int]
) -> None:
    """Take the rectangle around an area's taken cells off `left`, whose first cell is `corner`."""
    r0, r1, c0, c1 = area
    rows, columns = (np.flatnonzero(taken[r0:r1, c0:c1].any(axis=k)) for k in (1, 0))
    if len(rows):
        r, c = r0 - corner[0], c0 - corner[1]
        left[r + rows[0] : r + rows[-1] + 1, c + columns[0] : c + columns[-1] + 1] = False


def _rectangle(taken: NDArray[np.bool_]) -> float:
    """Cells of the rectangle around the taken ones."""
    rows, columns = np.flatnonzero(taken.any(axis=1)), np.flatnonzero(taken.any(axis=0))
    return float((rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)) if len(rows) else 0.0


def _yaw(normal: Float64, area: Float64, p: Float64) -> float:
    """Yaw of a group's upright sides, else of the least rectangle around it."""
    import cv2

    flat = np.abs(normal[:, 1]) < 0.3
    # Four sides at right angles: the fourth power of the direction is the same for all.
    angle = np.arctan2(normal[flat, 2], normal[flat, 0])
    mean = (area[flat] * np.exp(4j * angle)).sum() / max(float(area[flat].sum()), 1e-9)
    if abs(mean) > 0.5 and area[flat].sum() > 0.15 * area.sum():
        return -float(np.angle(mean)) / 4
    return -float(np.radians(cv2.minAreaRect(np.ascontiguousarray(p, dtype=np.float32))[2]))


def part_at_steps(members: Int64, surfels: Surfels, floor: float) -> list[Int64]:
    """Part what stands on a body from it: a lamp on a night stand, a plant behind a couch; the body comes first.

    A backrest, a headboard and a shelf's side run along their body; what stands on it does not.
    """
    p = surfels.position[members]
    plan = (p @ yaw_rotation(_yaw(surfels.normal[members], surfels.area[members], p[:, [0, 2]])))[:, [0, 2]]
    cell = np.floor(plan / CELL_M).astype(np.int64)
    cell -= cell.min(axis=0)
    shape = cell.max(axis=0) + 1
    top = np.full(shape, -np.inf)
    np.maximum.at(top, (cell[:, 0], cell[:, 1]), p[:, 1])
    body = max(_along(top), _over(top))
    above = p[:, 1] > body + 0.4 * STEP_M
    if (
        body - floor > MAX_BODY_M
        or p[:, 1].max() < body + STEP_M
        or (top > body + 0.6 * STEP_M).mean() > STEP_PLAN
        or (~above).sum() < above.sum()
    ):
        return [members]
    level = (np.abs(top[np.isfinite(top)] - body) < 0.08).mean() > 0.5
    if _is_back(plan, above, level=bool(level)):
        return [members]
    return [members[~above], *connected(surfels, members[above])]


def _is_back(plan: Float64, above: NDArray[np.bool_], *, level: bool) -> bool:
    """Whether what is above rises from the rim, like the back between two arms; of a level body only what is thin."""
    low, high = np.percentile(plan, [1, 99], axis=0)
    for axis in (0, 1):
        deep = float(np.ptp(np.percentile(plan[above, axis], [5, 95])))
        for out in (plan[above, axis] - low[axis], high[axis] - plan[above, axis]):
            along = plan[above, 1 - axis][out < RIM_M]
            if len(along) < 5:
                continue
            length = float(np.ptp(np.percentile(along, [5, 95])))
            if length > BACK_SIDE * (high - low)[1 - axis] and (not level or deep < 0.5 * length):
                return True
    return False


def _along(top: Float64) -> float:
    """The height that most of one long side reaches; `top` holds the highest surface per cell."""
    best = -np.inf
    for sides in (top, top.T):
        if sides.shape[1] < 0.6 * max(sides.shape):
            continue
        strip = max(round(0.3 * sides.shape[0]), 1)
        for side in (sides[:strip], sides[-strip:]):
            best = max(best, float(np.quantile(side.max(axis=0), 1 - BODY_SIDE, method="lower")))
    return best


def _over(top: Float64) -> float:
    """The height that most of the seen footprint reaches."""
    seen = np.sort(top[np.isfinite(top)])
    return float(seen[int((1 - BODY_PLAN) * (len(seen) - 1))])
