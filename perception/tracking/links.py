"""Links: the measured relative pose of two views, with what speaks for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core.arrays import Float64, Int32

from .consensus import relative_pose, reprojection_errors
from .features import match
from .geometry import exp, inverses
from .views import View

NOISE = np.array([0.002, 0.0015])
"""Depth noise n0 + n1 z^2 in metres, calibration errors included (Khoshelham & Elberink 2012)."""
TOLERANCE_PIXELS = 3.0
"""Reprojection error of an inlier in pixels of a picture 640 wide."""
GATES = (16.0, 10.0, 6.0)
"""Surfaces farther apart than this many standard deviations do not correspond; falls as the alignment gets better."""
SHADE_NOISE = 16.0
"""Standard deviation of the high-passed luminance between views, of 255."""


@dataclass(frozen=True)
class Link:
    """Relative pose of two views."""

    a: int
    """Reference view (position in the list of views)."""
    b: int
    """Other view."""
    T_a_b: Float64
    """(4, 4) pose of b's camera in a's."""
    information: Float64
    """(6, 6) inverse covariance of T_a_b under exp(x) T_a_b."""
    matches: int
    """Feature matches that agree with the pose."""
    match_share: float
    """Their share among all matches."""
    spread: float
    """How well they cover both pictures: 0..1, area of their bounding ellipse over the picture's."""
    overlap: float
    """Share of the smaller view's points that fall on the other's."""
    agreement: float
    """Share of those that lie on its surface."""
    seen_through: float
    """Share of those in front of it: the other camera looked through them."""
    shade: float
    """Correlation of the luminance detail on the agreeing points, -1..1."""
    firmness: float
    """Smallest constraint of the depth on any motion, in standard deviations per centimetre or half a degree."""


def matched(a: View, b: View) -> Int32:
    """Feature matches (m, 2) of two views."""
    return match(a.descriptors, b.descriptors)


def link_by_features(views: list[View], i: int, j: int, seed: int) -> Link | None:
    """Link of views i and j from their feature matches, refined on everything; None without a consensus."""
    a, b = views[i], views[j]
    pairs = matched(a, b)
    if len(pairs) < 6:
        return None
    ia, ib = pairs.T
    tolerance = TOLERANCE_PIXELS * max(a.pixel, b.pixel)
    found = relative_pose(
        a.rays[ia], a.depth[ia], b.rays[ib], b.depth[ib], tolerance=tolerance, seed=hash_pair(seed, a.index, b.index)
    )
    if found is None:
        return None
    return refine(views, i, j, found[0], pairs)


def link_by_depth(views: list[View], i: int, j: int, motion: Float64) -> Link | None:
    """Link of neighbouring views from their surfaces and luminance alone.

    Starts from no motion and from the expected one, turned by a grid of small rotations, since projective association
    only follows turns of a few degrees; a coarse alignment ranks the starts and the best are refined.

    Args:
        views: All views.
        i: Reference view.
        j: Other view.
        motion: Expected T_a_b (4, 4), the one before it, say.
    """
    a, b = views[i], views[j]
    turns = [np.radians([pitch, yaw, 0.0]) for pitch in (0, -8, 8) for yaw in (0, -6, 6, -12, 12)]
    starts = [T @ exp(np.r_[0, 0, 0, w]) for T in (motion, np.eye(4)) for w in turns]
    ranked = sorted(((_coarse(a, b, T), k) for k, T in enumerate(starts)), key=lambda x: (-x[0][1], x[1]))
    pairs = matched(a, b)
    found = [refine(views, i, j, T, pairs, gates=GATES) for (T, _), _ in ranked[:3]]
    return max(found, key=fit)


def fit(link: Link) -> float:
    """0..1: how well surfaces and luminance agree."""
    return link.agreement * max(0.0, link.shade) * min(1.0, link.overlap / 0.5)


def _coarse(a: View, b: View, T_a_b: Float64) -> tuple[Float64, float]:
    """A few cheap alignment steps on every third point; returns the pose and its share of agreeing points."""
    from .kernels import dense_equations

    sparse = [np.ascontiguousarray(x[1::3, 1::3]) for x in (b.points, b.normals, b.shade)]
    T, stats = T_a_b, np.zeros(8)
    for gate in (60.0, 60.0, 40.0, 40.0, 24.0, 24.0, 16.0, 16.0, 10.0, 10.0, 8.0, 8.0):
        H, g, stats = dense_equations(
            T, a.points, a.normals, a.shade, a.camera, *sparse, gate, NOISE, 1 / SHADE_NOISE**2
        )
        step = -np.linalg.solve(H + (1e-4 * np.trace(H) + 1e-9) * np.eye(6), g)
        T = exp(step * min(1.0, 0.1 / max(1e-9, float(np.abs(step).max())))) @ T
    seen = max(1.0, stats[0])
    shade = stats[5] / max(1e-9, np.sqrt(stats[6] * stats[7]))
    return T, float(stats[1] / seen * max(0.0, shade) * min(1.0, seen / (0.5 * sparse[2].size)))


def hash_pair(seed: int, a: int, b: int) -> int:
    """A seed of its own for each pair of frames."""
    return (seed * 1_000_003 + a * 7919 + b * 104_729) % (2**31)


def refine(
    views: list[View],
    i: int,
    j: int,
    T_a_b: Float64,
    pairs: Int32,
    *,
    gates: tuple[float, ...] = GATES,
    color: bool = True,
) -> Link:
    """Refine a relative pose on depth, luminance and feature matches together, and measure what speaks for it.

    Gauss-Newton with Cauchy weights; depth enters point to plane with projective association both ways (Rusinkiewicz &
    Levoy 2001), luminance as in Kerl et al. 2013, features by reprojection.
    """
    from .kernels import dense_equations, feature_equations

    a, b = views[i], views[j]
    ia, ib = pairs[:, 0], pairs[:, 1]
    tolerance = TOLERANCE_PIXELS * max(a.pixel, b.pixel)
    features = (a.rays[ia], a.depth[ia], b.rays[ib], b.depth[ib])
    T = T_a_b.copy()
    inliers = reprojection_errors(T[None], *features)[0] <= 2 * tolerance
    shade_weight = 1 / SHADE_NOISE**2 if color else 0.0
    for gate in gates:
        for _ in range(6):
            H, g, _stats = _dense_both(dense_equations, a, b, T, gate, shade_weight)
            H, g = H * DENSE_WEIGHT, g * DENSE_WEIGHT
            if inliers.any():
                Hf, gf, _ = feature_equations(T, *(x[inliers] for x in features), tolerance / 2, NOISE)
                H, g = H + Hf, g + gf
            step = -np.linalg.solve(H + 1e-6 * np.trace(H) * np.eye(6) + 1e-9 * np.eye(6), g)
            length = float(np.abs(step).max())
            if length > 0.1:
                step *= 0.1 / length
            T = exp(step) @ T
            if length < 2e-5:
                break
        inliers = reprojection_errors(T[None], *features)[0] <= 1.5 * tolerance
    H, _, stats = _dense_both(dense_equations, a, b, T, gates[-1], 0.0)
    H *= DENSE_WEIGHT
    scale = np.array([0.01, 0.01, 0.01, 0.01, 0.01, 0.01])
    centre = _about_centre(H, a)
    firmness = float(np.sqrt(max(0.0, np.linalg.eigvalsh(centre * np.outer(scale, scale))[0])))
    inliers = reprojection_errors(T[None], *features)[0] <= tolerance
    if inliers.any():
        H = H + feature_equations(T, *(x[inliers] for x in features), tolerance / 2, NOISE)[0]
    seen = max(1.0, stats[0])
    points = min(np.count_nonzero(a.points[..., 2] > 0), np.count_nonzero(b.points[..., 2] > 0))
    spread = min(_spread(a, a.rays[ia[inliers]]), _spread(b, b.rays[ib[inliers]]))
    return Link(
        i,
        j,
        T,
        _with_floor(H, a),
        int(inliers.sum()),
        float(inliers.sum() / max(1, len(pairs))),
        spread,
        float(stats[0] / 2 / max(1, points)),
        float(stats[1] / seen),
        float(stats[2] / seen),
        float(stats[5] / max(1e-9, np.sqrt(stats[6] * stats[7]))),
        firmness,
    )


DENSE_WEIGHT = 0.1
"""Neighbouring depth readings err alike: this many of them count as one."""


def _dense_both(dense_equations, a: View, b: View, T: Float64, gate: float, shade_weight: float):  # type: ignore[no-untyped-def]
    """Dense equations with b's points on a's surface and a's points on b's, both in terms of exp(x) T_a_b."""
    H, g, stats = dense_equations(
        T, a.points, a.normals, a.shade, a.camera, b.points, b.normals, b.shade, gate, NOISE, shade_weight
    )
    T_b_a = inverses(T)
    H2, g2, stats2 = dense_equations(
        T_b_a, b.points, b.normals, b.shade, b.camera, a.points, a.normals, a.shade, gate, NOISE, shade_weight
    )
    # (exp(x) T)^-1 = T^-1 exp(-x) = exp(-Ad(T^-1) x) T^-1
    from .geometry import adjoint

    A = -adjoint(T_b_a)
    return H + A.T @ H2 @ A, g + A.T @ g2, stats + stats2


def _about_centre(H: Float64, view: View) -> Float64:
    """The information with rotations taken about the middle of the view's points rather than the camera."""
    from .geometry import adjoint

    p = view.points[view.points[..., 2] > 0]
    shift = np.eye(4)
    shift[:3, 3] = np.median(p, axis=0)
    A = adjoint(shift)  # twists about the centre -> twists about the camera
    return np.asarray(A.T @ H @ A)


def _with_floor(H: Float64, view: View) -> Float64:
    """Information capped by errors that no amount of points averages out: calibration and timing."""
    from .geometry import adjoint

    p = view.points[view.points[..., 2] > 0]
    shift = np.eye(4)
    shift[:3, 3] = np.median(p, axis=0)
    A = adjoint(shift)
    floor = A @ np.diag([0.004**2] * 3 + [0.003**2] * 3) @ A.T
    return np.asarray(np.linalg.inv(np.linalg.inv(H + 1e-3 * np.eye(6)) + floor))


def _spread(view: View, rays: Float64) -> float:
    """Area of the features' two-sigma ellipse over the picture's area, at most 1."""
    if len(rays) < 3:
        return 0.0
    h, w = view.shade.shape
    area = w * h / (view.camera[0] * view.camera[1])
    return float(min(1.0, np.pi * 4 * np.sqrt(max(0.0, np.linalg.det(np.cov(rays.T)))) / area))
