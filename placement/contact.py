"""Setting content down: the lowest pose from which nothing sinks into the scanned surface.

The pose is the solution of a small linear programme: among all heights and slight leanings that keep every sampled
point of the content's underside above the scan, take the one whose largest gap under the support points is smallest.
A rigid body with three or more contacts under gravity comes to rest in much the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import make_transform, rotation_between, yaw_rotation

from .body import Body, convex_outline
from .rules import MAX_SETTLE_DEG
from .surface import Surface


@dataclass(frozen=True)
class Seat:
    """Where the content came to rest."""

    T_plane_mount: Float64
    """(4, 4) mount frame to plane frame."""
    gap_m: float
    """Largest distance between a support point and the surface under it."""
    penetration_m: float
    """Deepest point of the underside below the surface."""
    support_fraction: float
    """Share of the base that has surface under it."""
    offset_m: float
    """Mean height of the scanned surface under the base against the plane."""


def seat(body: Body, surface: Surface, x: float, z: float, yaw: float) -> Seat | None:
    """Put a body down at local (x, z) with a heading; None if there is no scanned surface under any support point."""
    R = yaw_rotation(yaw)
    at = np.array([x, 0.0, z])
    base, under = body.base @ R.T + at, body.underside @ R.T + at
    base_ground, under_ground = surface.heights(base[:, [0, 2]]), surface.heights(under[:, [0, 2]])
    if np.isnan(base_ground).all():
        return None
    bumps = _bumps_below(body, surface, at, R)
    points = np.concatenate([base, under, bumps[:, :3]])
    ground = np.concatenate([base_ground, under_ground, bumps[:, 3]])
    ok = np.isfinite(ground)
    lean_x, lean_z = _lean(points[ok], ground[ok], base, base_ground, at)
    normal = np.array([-lean_x, 1.0, -lean_z])
    rotation = rotation_between([0.0, 1.0, 0.0], normal) @ R
    base, under = body.base @ rotation.T + at, body.underside @ rotation.T + at
    base_ground, under_ground = surface.heights(base[:, [0, 2]]), surface.heights(under[:, [0, 2]])
    bumps = _bumps_below(body, surface, at, rotation)
    above = np.concatenate([base[:, 1] - base_ground, under[:, 1] - under_ground, bumps[:, 1] - bumps[:, 3]])
    lift = -float(np.nanmin(above))
    rise = np.array([0.0, lift, 0.0])
    grid, share = _base_support(body, surface, at + rise, rotation)
    gaps = base[:, 1] + lift - base_ground
    return Seat(
        T_plane_mount=make_transform(rotation, at + rise),
        gap_m=max(float(np.nanmax(gaps)), 0.0),
        penetration_m=max(0.0, -float(np.nanmin(above + lift))),
        support_fraction=share,
        offset_m=float(np.nanmean(grid)) if np.isfinite(grid).any() else 0.0,
    )


def _bumps_below(body: Body, surface: Surface, at: Float64, R: Float64) -> Float64:
    """Scan vertices under the footprint: [x, height of the content over them, z, their own height], (N, 4)."""
    reach = float(np.abs(body.hull).max()) * 1.5
    v = surface.support_points
    v = v[(np.abs(v[:, [0, 2]] - at[[0, 2]]) <= reach).all(axis=1)]
    local = (v - at) @ R
    t, _ = body.triangles.cast(local - [0.0, 1.0, 0.0], np.array([0.0, 1.0, 0.0]))
    hit = np.isfinite(t)
    content = np.stack([local[hit, 0], local[hit, 1] - 1 + t[hit], local[hit, 2]], axis=1) @ R.T + at
    return np.concatenate([content, v[hit, 1:2]], axis=1)


def _lean(points: Float64, ground: Float64, base: Float64, base_ground: Float64, at: Float64) -> tuple[float, float]:
    """Slopes along local x and z that let the body rest closest; 0, 0 where leaning gains less than half a millimetre.

    Variables: slopes a, b as differences of non-negative parts, height c, largest gap g; minimise g.
    """
    from scipy.optimize import linprog

    lift = float(np.max(ground - points[:, 1]))
    known = np.isfinite(base_ground)
    base, base_ground = base[known], base_ground[known]
    upright_gap = float(np.max(base[:, 1] + lift - base_ground))
    if upright_gap < 0.0015:
        return 0.0, 0.0
    # What lies deeper than leaning can raise it never touches: leave it out of the programme.
    reach = float(np.abs(points - at)[:, [0, 2]].max())
    near = ground - points[:, 1] > lift - 3 * reach * float(np.tan(np.radians(MAX_SETTLE_DEG)))
    near &= _uppermost(points, ground)
    d, e = points[near] - at, base - at
    stay = np.stack([-d[:, 0], d[:, 0], -d[:, 2], d[:, 2], -np.ones(len(d)), np.zeros(len(d))], axis=1)
    close = np.stack([e[:, 0], -e[:, 0], e[:, 2], -e[:, 2], np.ones(len(e)), -np.ones(len(e))], axis=1)
    most = float(np.tan(np.radians(MAX_SETTLE_DEG))) / np.sqrt(2)
    result = linprog(
        c=[1e-3, 1e-3, 1e-3, 1e-3, 0, 1],
        A_ub=np.concatenate([stay, close]),
        b_ub=np.concatenate([points[near, 1] - ground[near], base_ground - base[:, 1]]),
        bounds=[(0, most)] * 4 + [(None, None), (0, None)],
        method="highs",
    )
    if result.status != 0 or upright_gap - float(result.x[5]) < 0.0005:
        return 0.0, 0.0
    return float(result.x[0] - result.x[1]), float(result.x[2] - result.x[3])


def _uppermost(points: Float64, ground: Float64) -> NDArray[np.bool_]:
    """Marks, per cell of a raster over the points, the one closest to the surface: the others cannot touch first."""
    cell = max(0.002, float(np.ptp(points[:, [0, 2]], axis=0).max()) / 24)
    key = np.round((points[:, [0, 2]] - points[:, [0, 2]].min(axis=0)) / cell).astype(np.int64)
    code = key[:, 0] * 4096 + key[:, 1]
    order = np.lexsort((points[:, 1] - ground, code))
    _, first = np.unique(code[order], return_index=True)
    marks = np.zeros(len(points), dtype=bool)
    marks[order[first]] = True
    return marks


def _base_support(body: Body, surface: Surface, at: Float64, R: Float64) -> tuple[Float64, float]:
    """Surface heights (N,) on a lattice over the base, NaN where there is none, and the share that has surface."""
    import shapely

    outline = body.base_hull
    low, high = outline.min(axis=0), outline.max(axis=0)
    axes = [np.linspace(a, b, 15) for a, b in zip(low, high, strict=True)]
    lattice = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    lattice = lattice[shapely.contains_xy(shapely.Polygon(convex_outline(outline)).buffer(1e-6), lattice)]
    points = np.stack([lattice[:, 0], np.zeros(len(lattice)), lattice[:, 1]], axis=1) @ R.T + at
    inside = shapely.contains_xy(surface.outline, points[:, 0], points[:, 2])
    ground = np.where(inside, surface.heights(points[:, [0, 2]]), np.nan)
    return ground, float(np.isfinite(ground).mean())
