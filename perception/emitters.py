"""Lamps, windows and sunlit surface: clusters of readings at the camera's limit, as rectangles and balls that shine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Label, Plane
from sceneforge.core.arrays import Float32, Float64, Int32
from sceneforge.core.color import LUMINANCE

from .radiance import Readings

LINK_M = 0.22
"""Bright readings closer than this belong together."""
CELL_M = 0.08
MIN_CELLS = 5
MIN_SIDE_M = 0.08
MAX_BALL_M = 1.0
"""Anything larger that is not flat is an overexposed part of the room."""
MAX_FOUND = 8
SUNLIT = 0.5
"""Mean upward part of a cluster's normals from which it is a lit surface."""
SUNLIT_CELLS = 10
"""Cells from which a lit surface gives light to speak of."""
FLAT = 0.12
"""Thickness over width below which a cluster is a rectangle and not a ball."""


@dataclass(frozen=True)
class Emitter:
    """A surface that shines, or may shine, into the room."""

    position: Float64
    """(3,) centre."""
    direction: Float64 | None
    """(3,) unit, to the side it shines to; None = all around."""
    width_axis: Float64
    """(3,) unit."""
    size: Float64
    """(2,) metres."""
    least: Float64
    """(3,) radiance that was seen, which may have been clipped."""
    seen: bool
    """Whether pictures show it; else it is assumed where the scan does not reach."""
    mask: NDArray[np.bool_] | None = None
    """(a, b) cells along width and height that shine, of scanned surface that is lit; None = it shines by itself, all
    over."""

    @property
    def area(self) -> float:
        """Square metres that a point of the room faces."""
        share = 1.0 if self.mask is None else float(self.mask.mean())
        return float(self.size[0] * self.size[1] * (1.0 if self.direction is not None else np.pi / 4)) * share

    def covers(self, points: Float64) -> NDArray[np.bool_]:
        """(n,) whether the rectangle shines at points (n, 3) of its plane."""
        assert self.direction is not None
        p = points - self.position
        along = np.stack([p @ self.width_axis, p @ np.cross(self.direction, self.width_axis)], axis=1)
        inside = (np.abs(along) < self.size / 2).all(axis=1)
        if self.mask is None:
            return np.asarray(inside)
        cell = ((along / self.size + 0.5) * self.mask.shape).astype(np.int64)
        i, k = np.clip(cell, 0, np.array(self.mask.shape) - 1).T
        return np.asarray(inside & self.mask[i, k])

    def samples(self, side: int) -> Float64:
        """(side * side, 3) points spread evenly over the rectangle (of a ball: over the disc, which then turns)."""
        if self.mask is not None and self.direction is not None:
            lit = np.argwhere(self.mask)
            pick = lit[((np.arange(side * side) + 0.5) / side**2 * len(lit)).astype(np.int64)]
            off = ((pick + 0.5) / self.mask.shape - 0.5) * self.size
            height = np.cross(self.direction, self.width_axis)
            return np.asarray(self.position + off[:, :1] * self.width_axis + off[:, 1:] * height)
        s = (np.arange(side) + 0.5) / side - 0.5
        a, b = (g.ravel()[:, None] for g in np.meshgrid(s, s, indexing="ij"))
        axis = np.array([0.0, 1.0, 0.0]) if self.direction is None else np.cross(self.direction, self.width_axis)
        return np.asarray(self.position + a * self.size[0] * self.width_axis + b * self.size[1] * axis)


def boundary(points: Float32, planes: tuple[Plane, ...], low: Float64, high: Float64) -> tuple[Float64, Float64]:
    """What bounds the room, for rays that leave through its windows: normals (K, 3) into the room and offsets (K,).

    The largest walls, floor and ceiling, and the box around the scan for the sides where there are none.
    """
    big = sorted(planes, key=lambda p: -p.area_m2)
    chosen = [p for p in big if p.label in (Label.WALL, Label.FLOOR, Label.CEILING) and p.area_m2 > 1.0]
    normals, offsets = [], []
    for p in chosen:
        # Only planes that all of the scan lies inside of bound it: a partition in the middle of an office does not.
        outside = np.count_nonzero(points @ p.normal < p.normal @ p.origin - 0.15) / max(len(points), 1)
        if outside < 0.04:
            normals.append(p.normal)
            offsets.append(float(p.normal @ p.origin))
    for axis in range(3):
        for sign, edge in ((1.0, low[axis]), (-1.0, high[axis])):
            n = np.zeros(3)
            n[axis] = sign
            if not any(m @ n > 0.9 for m in normals):
                normals.append(n)
                offsets.append(sign * float(edge))
    return np.array(normals), np.array(offsets)


def on_boundary(origin: Float64, direction: Float64, walls: tuple[Float64, Float64]) -> Float64:
    """(n,) distance along unit rays (n, 3) to the first of the room's bounds."""
    normals, offsets = walls
    towards = direction @ normals.T
    height = origin @ normals.T - offsets
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(towards < -1e-4, np.maximum(height, 0.05) / -towards, np.inf)
    return np.asarray(t.min(axis=1))


def find_emitters(readings: Readings, walls: tuple[Float64, Float64], inside: Float64) -> list[Emitter]:
    """Rectangles and balls at clusters of clipped readings, those with the most light first.

    Bright surface that faces up is a thing that the sun or a lamp shines on: it gets its shape too (`Emitter.mask`),
    because the camera could not hold how much light it throws back.

    Args:
        readings: Of all frames.
        walls: See `boundary`; readings past the scanned surface are taken to lie on it.
        inside: (3,) a point in the free room, which rectangles turn to.
    """
    bright = np.flatnonzero(readings.clipped)
    if not len(bright):
        return []
    origin, d = readings.origin[bright].astype(np.float64), readings.direction[bright].astype(np.float64)
    edge = on_boundary(origin, d, walls)
    distance = np.minimum(readings.distance[bright], edge + 0.3)
    past = ~np.isfinite(readings.distance[bright])
    distance = np.where(past, edge, distance)
    points = origin + distance[:, None] * d
    which = np.unique(np.floor(points / CELL_M).astype(np.int64), axis=0, return_inverse=True)[1].reshape(-1)
    count = np.bincount(which)
    centres = np.stack([np.bincount(which, points[:, k]) / count for k in range(3)], axis=1)
    color = np.stack(
        [np.bincount(which, readings.radiance[bright, k].astype(np.float64)) / count for k in range(3)], axis=1
    )
    upward = np.bincount(which, readings.up[bright].astype(np.float64)) / count
    group = _groups(centres)
    found = []
    for g in range(int(group.max()) + 1):
        mine = np.flatnonzero(group == g)
        if len(mine) >= MIN_CELLS and upward[mine].mean() < SUNLIT:
            found.append(_shaped(centres[mine], color[mine], inside))
        elif len(mine) >= SUNLIT_CELLS:
            found.append(_lit(centres[mine], color[mine]))
    found = [e for e in found if e.direction is not None or e.size[0] <= MAX_BALL_M]
    power = lambda e: e.area * float(e.least @ LUMINANCE)  # noqa: E731
    return sorted((e for e in found if e.size.min() >= MIN_SIDE_M / 2), key=power, reverse=True)[:MAX_FOUND]


def _groups(points: Float64) -> Int32:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    pairs = cKDTree(points).query_pairs(LINK_M, output_type="ndarray")
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points),) * 2)
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int32)


def _shaped(points: Float64, color: Float64, inside: Float64) -> Emitter:
    """A flat cluster as a rectangle that faces the room, any other as a ball."""
    middle = np.median(points, axis=0)
    values, axes = np.linalg.eigh(np.cov((points - middle).T) + 1e-9 * np.eye(3))
    normal = axes[:, 0]
    flat = np.sqrt(values[0] / max(values[2], 1e-9)) < FLAT or (values[0] < 0.04**2 and values[2] > 0.2**2)
    least = np.quantile(color, 0.75, axis=0)
    if not flat:
        low, high = np.quantile(points, [0.05, 0.95], axis=0)
        side = max(float(np.median(high - low)), MIN_SIDE_M)
        return Emitter((low + high) / 2, None, np.array([1.0, 0, 0]), np.array([side, side]), least, True)
    up = np.array([0.0, 1.0, 0.0])
    if abs(normal[1]) > 0.9:
        normal, width = np.array([0.0, np.sign(normal[1]), 0.0]), axes[:, 2] * [1, 0, 1]
    else:
        normal = normal * [1, 0, 1] if abs(normal[1]) < 0.3 else normal
        width = np.cross(up, normal)
    normal, width = normal / np.linalg.norm(normal), width / np.linalg.norm(width)
    if normal @ (inside - middle) < 0:
        normal = -normal
    height = np.cross(normal, width)
    a, b = (points - middle) @ width, (points - middle) @ height
    (a0, a1), (b0, b1) = np.quantile(a, [0.03, 0.97]), np.quantile(b, [0.03, 0.97])
    size = np.maximum([a1 - a0 + CELL_M / 2, b1 - b0 + CELL_M / 2], MIN_SIDE_M)
    # Clusters are seldom full rectangles (window bars, fringes): the same light from less area is the fit's business.
    centre = middle + (a0 + a1) / 2 * width + (b0 + b1) / 2 * height
    return Emitter(centre, normal, width, size, least, True)


def _lit(points: Float64, color: Float64) -> Emitter:
    """A cluster on surface that faces up: the cells of a level rectangle that it fills."""
    flat = points[:, [0, 2]]
    axis = np.linalg.eigh(np.cov(flat.T) + 1e-9 * np.eye(2))[1][:, 1]
    up, width = np.array([0.0, 1.0, 0.0]), np.array([axis[0], 0.0, axis[1]])
    height = np.cross(up, width)
    along = np.stack([points @ width, points @ height], axis=1)
    low = along.min(axis=0) - CELL_M / 2
    count = np.ceil((along.max(axis=0) + CELL_M / 2 - low) / CELL_M).astype(np.int64)
    mask = np.zeros(count, dtype=np.bool_)
    mask[tuple(np.minimum(((along - low) / CELL_M).astype(np.int64), count - 1).T)] = True
    size = count * CELL_M
    middle = low + size / 2
    centre = middle[0] * width + middle[1] * height + float(np.median(points[:, 1])) * up
    return Emitter(centre, up, width, size, np.quantile(color, 0.75, axis=0), True, mask)


def ceiling_patches(low: Float64, high: Float64, height: float, count: tuple[int, int]) -> list[Emitter]:
    """Rectangles under the whole ceiling.

    Args:
        low: (2,) and
        high: (2,) world [x, z] corners of the room.
        height: World y of the ceiling.
        count: Patches along x and z.
    """
    side = (high - low) / np.array(count)
    down, along = np.array([0.0, -1.0, 0.0]), np.array([1.0, 0.0, 0.0])
    out = []
    for i in range(count[0]):
        for k in range(count[1]):
            x, z = low + (np.array([i, k]) + 0.5) * side
            out.append(Emitter(np.array([x, height, z]), down, along, side.copy(), np.zeros(3), False))
    return out


def wall_patches(low: Float64, high: Float64, bottom: float, top: float, width: float) -> list[Emitter]:
    """Rectangles between two heights along the four sides of the room, where windows are.

    Args:
        low: (2,) and
        high: (2,) world [x, z] corners of the room.
        bottom: World y of the lower edges.
        top: World y of the upper edges.
        width: About how wide, metres.
    """
    out = []
    for axis in (0, 1):
        other = 1 - axis
        count = int(np.clip(np.ceil((high[other] - low[other]) / width), 1, 5))
        side = (high[other] - low[other]) / count
        for sign, edge in ((1.0, low[axis]), (-1.0, high[axis])):
            normal, along = np.zeros(3), np.zeros(3)
            normal[2 * axis], along[2 * other] = sign, 1.0
            for k in range(count):
                centre = np.array([0.0, (bottom + top) / 2, 0.0])
                centre[2 * axis], centre[2 * other] = edge, low[other] + (k + 0.5) * side
                out.append(Emitter(centre, normal, along, np.array([side, top - bottom]), np.zeros(3), False))
    return out
