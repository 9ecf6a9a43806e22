"""Compiled loops of the per-frame plane segmentation, second part: which regions are curved.

Conventions as in `frame_plane_kernels`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, Int32


@njit(cache=True, nogil=True)
def turning(
    region: Int32, number: int, plane: Float64, inverse: Float32, K: Float64, side: int, samples: int
) -> tuple[float, float, float]:
    """How far (radians) the surface normal turns across a region, that in standard deviations, and its radius (m).

    A quadric height field over the region's plane (the osculating paraboloid), fitted to `samples` of its pixels.
    """
    cells = np.argwhere(region == number)
    length = np.sqrt((plane**2).sum())
    n = plane / length
    axis = np.zeros(3)
    axis[np.argmin(np.abs(n))] = 1.0
    e1 = np.cross(n, axis)
    e1 /= np.sqrt((e1**2).sum())
    e2 = np.cross(n, e1)
    step = max(int(np.sqrt(len(cells) * side * side / samples)), 1)
    origin = np.zeros(2)
    A, rhs, square, used = np.zeros((6, 6)), np.zeros(6), 0.0, 0
    f = np.empty(6)
    for t in range(len(cells)):
        r0, c0 = cells[t, 0] * side, cells[t, 1] * side
        for v in range(r0 + (-r0) % step, min(r0 + side, inverse.shape[0]), step):
            for u in range(c0 + (-c0) % step, min(c0 + side, inverse.shape[1]), step):
                q = inverse[v, u]
                if q <= 0:
                    continue
                x, y = (u - K[2]) / K[0], (v - K[3]) / K[1]
                h = ((plane[0] * x + plane[1] * y + plane[2]) / q - 1) / length
                s = (e1[0] * x + e1[1] * y + e1[2]) / q
                w = (e2[0] * x + e2[1] * y + e2[2]) / q
                if used == 0:
                    origin[0], origin[1] = s, w
                s -= origin[0]
                w -= origin[1]
                f[0], f[1], f[2], f[3], f[4], f[5] = 1.0, s, w, 0.5 * s * s, s * w, 0.5 * w * w
                for i in range(6):
                    for j in range(i, 6):
                        A[i, j] += f[i] * f[j]
                    rhs[i] += f[i] * h
                square += h * h
                used += 1
    if used < 30:
        return 0.0, 0.0, 1e9
    for i in range(6):
        for j in range(i):
            A[i, j] = A[j, i]
        A[i, i] += 1e-12 * (1 + A[i, i])
    inverted = np.linalg.inv(A)
    beta = inverted @ rhs
    rest = max(square - (beta * rhs).sum(), 1e-12) / (used - 6)
    k11, k12, k22 = beta[3], beta[4], beta[5]
    mean, diff = 0.5 * (k11 + k22), np.sqrt((0.5 * (k11 - k22)) ** 2 + k12 * k12)
    curvature = mean + diff if abs(mean + diff) > abs(mean - diff) else mean - diff
    angle = 0.5 * np.arctan2(2 * k12, k11 - k22) + (0.0 if curvature > mean else np.pi / 2)
    c, s = np.cos(angle), np.sin(angle)
    d = np.array([0.0, 0.0, 0.0, c * c, 2 * c * s, s * s])
    doubt = np.sqrt(max((d * (inverted @ d)).sum(), 0.0) * rest)
    m1, m2 = A[0, 1] / used, A[0, 2] / used
    v11, v12, v22 = 2 * A[0, 3] / used - m1 * m1, A[0, 4] / used - m1 * m2, 2 * A[0, 5] / used - m2 * m2
    extent = np.sqrt(12 * max(c * c * v11 + 2 * c * s * v12 + s * s * v22, 0.0))
    return abs(curvature) * extent, abs(curvature) / max(doubt, 1e-12), 1 / max(abs(curvature), 1e-9)


@njit(cache=True, nogil=True)
def bent(
    region: Int32, planes: Float64, inverse: Float32, K: Float64, side: int, samples: int, limits: Float64
) -> NDArray[np.bool_]:
    """Which regions (K,) are no planes. `limits`: turn (radians), radius below which it counts, standard deviations."""
    out = np.zeros(len(planes), np.bool_)
    for k in range(len(planes)):
        if planes[k, 0] != 0 or planes[k, 1] != 0 or planes[k, 2] != 0:
            turn, sigma, radius = turning(region, k, planes[k], inverse, K, side, samples)
            out[k] = sigma > limits[2] and turn > limits[0] and (radius < limits[1] or turn > 2 * limits[0])
    return out
