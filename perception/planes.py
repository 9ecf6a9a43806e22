"""Planes from a surface: region growing over surfels, merging of coplanar pieces, robust refits.

The method follows the family of Poppinga et al. 2008 (growing with a running plane) with the agglomerative merging of
Feng et al. 2014 (PEAC). Everything runs in a fixed order, so the same surface gives the same planes to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np

from sceneforge.core.arrays import Float64, Int32

from .surfels import Int64, Surfels


@dataclass(frozen=True)
class PlaneOptions:
    """Thresholds, in metres and radians, with the reason for each default."""

    cell_m: float = 0.05
    """Surfel size: two voxels and a half average TSDF noise, and a chair seat still has dozens."""
    grow_angle: float = np.radians(22)
    """Surfel normals at 5 cm are good to about 10 degrees on noisy walls."""
    grow_distance_m: float = 0.03
    """Depth noise of consumer sensors at 3 m."""
    merge_angle: float = np.radians(8)
    """Pieces of one wall seen at different times differ by drift."""
    merge_distance_m: float = 0.035
    """Likewise; a picture frame stands out by less, a shelf board by more."""
    bow_distance_m: float = 0.08
    """Pieces that join without a step may lie this far off: far depth bends a floor by centimetres."""
    merge_gap_m: float = 0.4
    """Pieces of one surface may be parted by furniture."""
    min_area_m2: float = 0.05
    """22 x 22 cm."""


@dataclass(frozen=True)
class PlaneFit:
    """An unbounded plane and the surfels that lie on it."""

    normal: Float64
    """(3,) unit, into free space."""
    centre: Float64
    """(3,) area-weighted mean of its surfels."""
    area_m2: float
    """Surface area of its surfels."""
    rms_m: float
    """Root mean square distance of its surfels."""
    surfels: Int64
    """Indices of its surfels, ascending."""


def find_planes(surfels: Surfels, options: PlaneOptions | None = None) -> tuple[PlaneFit, ...]:
    """All planes of a surface, largest first.

    Raises nothing: a surface without flat parts gives an empty tuple.
    """
    o = options or PlaneOptions()
    if len(surfels.area) == 0:
        return ()
    order = np.lexsort((np.arange(len(surfels.area)), np.round(surfels.curvature, 6)))
    region = _grow()(
        surfels.position,
        surfels.normal,
        surfels.area,
        surfels.curvature,
        order,
        surfels.indptr,
        surfels.indices,
        float(np.cos(o.grow_angle)),
        o.grow_distance_m,
    )
    fits = [f for f in _fits_of(surfels, region) if f.area_m2 >= 0.4 * o.min_area_m2]
    fits = _merge(surfels, fits, o)
    for _ in range(2):
        region = _assign(surfels, fits, o)
        fits = [f for f in _fits_of(surfels, region) if f.area_m2 >= 0.4 * o.min_area_m2]
    fits = _merge(surfels, fits, o)
    return tuple(sorted((f for f in fits if f.area_m2 >= o.min_area_m2), key=lambda f: (-f.area_m2, int(f.surfels[0]))))


def fit(surfels: Surfels, members: Int64) -> PlaneFit:
    """Least-squares plane through surfels, refined once with Tukey's weights so that clutter does not tilt it."""
    from .plane_kernels import fit_plane

    normal, centre, rms = fit_plane(surfels.position, surfels.normal, surfels.area, members)
    return PlaneFit(normal, centre, float(surfels.area[members].sum()), float(rms), members)


def _fits_of(surfels: Surfels, region: Int32) -> list[PlaneFit]:
    order = np.argsort(region, kind="stable")
    ids, starts = np.unique(region[order], return_index=True)
    groups = np.split(order, starts[1:])
    return [fit(surfels, g) for i, g in zip(ids, groups, strict=True) if i >= 0 and len(g) >= 3]


def _merge(surfels: Surfels, fits: list[PlaneFit], o: PlaneOptions) -> list[PlaneFit]:
    """Join coplanar pieces that lie near each other, the best match first, until none is left."""
    from scipy.spatial import cKDTree

    fits = sorted(fits, key=lambda f: (-f.area_m2, int(f.surfels[0])))
    trees = {id(f): cKDTree(surfels.position[f.surfels]) for f in fits}
    refused: set[tuple[int, int]] = set()
    kept = list(fits)  # keeps every fit alive: `refused` and `trees` go by identity
    while (pair := _next_pair(surfels, fits, trees, refused, o)) is not None:
        i, j, joined = pair
        kept.append(joined)
        trees[id(joined)] = cKDTree(surfels.position[joined.surfels])
        rest = [f for k, f in enumerate(fits) if k not in (i, j)]
        fits = sorted([*rest, joined], key=lambda f: (-f.area_m2, int(f.surfels[0])))
    return fits


def _next_pair(
    surfels: Surfels, fits: list[PlaneFit], trees: dict[int, Any], refused: set[tuple[int, int]], o: PlaneOptions
) -> tuple[int, int, PlaneFit] | None:
    """The first pair, larger pieces first, that is one plane; pairs that are not are added to `refused`."""
    if len(fits) < 2:
        return None
    normals = np.stack([f.normal for f in fits])
    # The normal of a small patch is uncertain by about rms / extent: allow for it.
    slack = np.array([np.arctan2(2 * f.rms_m, np.sqrt(f.area_m2) / 2) for f in fits])
    parallel = normals @ normals.T > np.cos(o.merge_angle + np.minimum(slack, np.radians(10)))[None, :]
    for i, j in np.argwhere(np.triu(parallel, 1)):
        big, small = fits[i], fits[j]
        if (id(big), id(small)) in refused:
            continue
        joined = _joined(surfels, big, small, trees[id(big)], o)
        if joined is not None:
            return int(i), int(j), joined
        refused.add((id(big), id(small)))
    return None


def _joined(surfels: Surfels, big: PlaneFit, small: PlaneFit, tree: Any, o: PlaneOptions) -> PlaneFit | None:
    """The plane through both pieces, if they are one: flat together, or meeting without a step."""
    p = surfels.position[small.surfels]
    off = abs(float(np.median((p - big.centre) @ big.normal)))
    if off > o.bow_distance_m:
        return None
    gap, at = tree.query(p, distance_upper_bound=o.merge_gap_m)
    if not np.isfinite(gap).any():
        return None
    joined = fit(surfels, np.sort(np.concatenate([big.surfels, small.surfels])))
    if off <= o.merge_distance_m and joined.rms_m <= max(1.3 * max(big.rms_m, small.rms_m), 0.012):
        return joined
    touching = gap < 2 * o.cell_m
    step = np.abs((p[touching] - surfels.position[big.surfels[at[touching]]]) @ big.normal)
    return joined if touching.sum() >= 8 and float(np.median(step)) < 0.012 else None


def _assign(surfels: Surfels, fits: list[PlaneFit], o: PlaneOptions) -> Int32:
    """Give each surfel to the nearest plane that it lies on and is connected to; -1 where there is none."""
    from scipy.spatial import cKDTree

    from .plane_kernels import better

    count = len(surfels.area)
    region, best, cost = np.full(count, -1, np.int32), np.full(count, np.inf), np.empty(count)
    own = np.zeros(count, np.bool_)
    facing, reach = float(np.cos(np.radians(35))), 1.8 * o.cell_m
    for i, f in enumerate(fits):
        limit = float(np.clip(2.5 * f.rms_m, 0.015, o.bow_distance_m))
        offset = float(f.centre @ f.normal)
        take = better(surfels.position, surfels.normal, f.normal, offset, limit, facing, best, cost)
        own[f.surfels] = True
        beside = np.flatnonzero(~own[take])
        if len(beside):
            tree = cKDTree(surfels.position[f.surfels])
            gap, _ = tree.query(surfels.position[take[beside]], distance_upper_bound=reach)
            take = np.delete(take, beside[np.isinf(gap)])
        own[f.surfels] = False
        region[take] = i
        best[take] = cost[take]
    return region


@cache
def _grow() -> Callable[..., Int32]:
    """Compiled on first use, then read from numba's cache."""
    from numba import njit

    @njit(cache=True)
    def grow(
        position: Float64,
        normal: Float64,
        area: Float64,
        curvature: Float64,
        order: Int64,
        indptr: Int64,
        indices: Int32,
        cosine: float,
        distance: float,
    ) -> Int32:
        count = len(area)
        region = np.full(count, -1, np.int32)
        queue = np.empty(count, np.int64)
        current = 0
        for seed in order:
            if region[seed] >= 0 or curvature[seed] > 0.08:
                continue
            n = normal[seed].copy()
            c = position[seed].copy()
            weight = 0.0
            first = np.zeros(3)
            second = np.zeros((3, 3))
            origin = position[seed].copy()
            queue[0] = seed
            head, tail, refit = 0, 1, 8
            region[seed] = current
            while head < tail:
                i = queue[head]
                head += 1
                d = position[i] - origin
                weight += area[i]
                for a in range(3):
                    first[a] += area[i] * d[a]
                    for b in range(3):
                        second[a, b] += area[i] * d[a] * d[b]
                if head == refit:
                    refit *= 2
                    mean = first / weight
                    cov = second / weight
                    for a in range(3):
                        for b in range(3):
                            cov[a, b] -= mean[a] * mean[b]
                    _, vectors = np.linalg.eigh(cov)
                    m = vectors[:, 0].copy()
                    if m[0] * n[0] + m[1] * n[1] + m[2] * n[2] < 0:
                        m = -m
                    n = m
                    c = origin + mean
                for s in range(indptr[i], indptr[i + 1]):
                    j = indices[s]
                    if region[j] >= 0:
                        continue
                    off, tilt = 0.0, 0.0
                    for k in range(3):
                        off += (position[j, k] - c[k]) * n[k]
                        tilt += normal[j, k] * n[k]
                    if tilt > cosine and abs(off) < distance:
                        region[j] = current
                        queue[tail] = j
                        tail += 1
            current += 1
        return region

    return cast("Callable[..., Int32]", grow)
