"""Alignment of two views: depth point to plane, luminance and feature matches in one Gauss-Newton."""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import Float32, Float64

from .geometry import adjoint, exp, inverses
from .views import View

NOISE = np.array([0.002, 0.0015])
"""Depth noise n0 + n1 z^2 in metres, calibration errors included (Khoshelham & Elberink 2012)."""
GATES = (16.0, 10.0, 6.0)
"""Surfaces farther apart than this many standard deviations do not correspond; falls as the alignment gets better."""
SHADE_NOISE = 16.0
"""Standard deviation of the high-passed luminance between views, of 255."""
DENSE_WEIGHT = 0.1
"""Neighbouring depth readings err alike: ten count as one."""

Features = tuple[Float64, Float64, Float64, Float64]
"""Matches: rays (n, 2) and depth (n,) in a, rays and depth in b."""


def align(
    a: View, b: View, T_a_b: Float64, features: Features, tolerance: float, *, color: bool, dense_weight: float
) -> Float64:
    """Refine T_a_b (4, 4) on everything the views share.

    Gauss-Newton with Cauchy weights; depth enters point to plane with projective association both ways (Rusinkiewicz &
    Levoy 2001), luminance as in Kerl et al. 2013, features by reprojection. All but the last gate take every other
    point of every other row.

    Args:
        a: Reference view.
        b: Other view.
        T_a_b: First guess.
        features: Matches; those far off the current pose are left out.
        tolerance: Reprojection error of a good match, normalised coordinates.
        color: Whether luminance takes part.
        dense_weight: Weight of a point against a feature's.
    """
    from .consensus import reprojection_errors
    from .kernels import feature_equations

    T = T_a_b
    near = reprojection_errors(T[None], *features)[0] <= 2 * tolerance
    for gate in GATES:
        last = gate == GATES[-1]
        for _ in range(4 if last else 6):
            H, g, _ = dense_both(a, b, T, gate, color, 1 if last else 2)
            scale = dense_weight * (1 if last else 4)
            H, g = H * scale, g * scale
            if near.any():
                Hf, gf, _ = feature_equations(T, *(x[near] for x in features), tolerance / 2, NOISE)
                H, g = H + Hf, g + gf
            step = -np.linalg.solve(H + (1e-6 * np.trace(H) + 1e-9) * np.eye(6), g)
            length = float(np.abs(step).max())
            T = exp(step * min(1.0, 0.1 / max(length, 1e-9))) @ T
            if length < 5e-5:
                break
        near = reprojection_errors(T[None], *features)[0] <= 1.5 * tolerance
    return T


def dense_both(
    a: View, b: View, T_a_b: Float64, gate: float, color: bool, stride: int
) -> tuple[Float64, Float64, Float64]:
    """Dense equations with b's points on a's surface and a's points on b's, both for exp(x) T_a_b.

    Returns:
        H (6, 6), g (6,) and the summed statistics (8,), see `kernels`.
    """
    from .kernels import dense_equations

    shade_weight = 1 / SHADE_NOISE**2 if color else 0.0
    whole_a, whole_b = (a.points, a.normals, a.shade), (b.points, b.normals, b.shade)
    H, g, stats = dense_equations(T_a_b, *whole_a, a.camera, *_every(whole_b, stride), gate, NOISE, shade_weight)
    T_b_a = inverses(T_a_b)
    H2, g2, stats2 = dense_equations(T_b_a, *whole_b, b.camera, *_every(whole_a, stride), gate, NOISE, shade_weight)
    A = -adjoint(T_b_a)  # (exp(x) T)^-1 = T^-1 exp(-x) = exp(-Ad(T^-1) x) T^-1
    return H + A.T @ H2 @ A, g + A.T @ g2, stats + stats2


def coarse_align(a: View, b: View, T_a_b: Float64) -> tuple[Float64, float]:
    """A few cheap alignment steps on every third point; returns the pose and its share of agreeing points."""
    from .kernels import dense_equations

    sparse = _every((b.points, b.normals, b.shade), 3)
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


def _every(maps: tuple[Float32, Float32, Float32], stride: int) -> tuple[Float32, ...]:
    return maps if stride == 1 else tuple(np.ascontiguousarray(m[::stride, ::stride]) for m in maps)
