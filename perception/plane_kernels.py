"""Compiled loops of fitting and relating planes. Imported on first use only: numba is slow to import."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64

Int64 = NDArray[np.int64]

TUKEY = 4.685 * 1.4826
"""Times the median residual: where Tukey's weight ends."""
LEAST_SCALE_M = 0.004


@njit(cache=True, nogil=True)
def fit_plane(position: Float64, normal: Float64, area: Float64, members: Int64) -> tuple[Float64, Float64, float]:
    """Normal (3,), centre (3,) and root mean square distance of the plane through `members` (n,); see `planes.fit`."""
    n = len(members)
    facing, total = np.zeros(3), 0.0
    for i in members:
        total += area[i]
        for k in range(3):
            facing[k] += normal[i, k] * area[i]
    w, residual = area[members], np.empty(n)
    centre, axis = np.zeros(3), np.zeros(3)
    for _ in range(3):
        centre[:] = 0.0
        mass = 0.0
        for m in range(n):
            mass += w[m]
            for k in range(3):
                centre[k] += position[members[m], k] * w[m]
        centre /= mass
        spread = np.zeros((3, 3))
        for m in range(n):
            x = position[members[m], 0] - centre[0]
            y = position[members[m], 1] - centre[1]
            z = position[members[m], 2] - centre[2]
            spread[0, 0] += w[m] * x * x
            spread[0, 1] += w[m] * x * y
            spread[0, 2] += w[m] * x * z
            spread[1, 1] += w[m] * y * y
            spread[1, 2] += w[m] * y * z
            spread[2, 2] += w[m] * z * z
        spread[1, 0], spread[2, 0], spread[2, 1] = spread[0, 1], spread[0, 2], spread[1, 2]
        _, vectors = np.linalg.eigh(spread)
        turned = vectors[0, 0] * facing[0] + vectors[1, 0] * facing[1] + vectors[2, 0] * facing[2] < 0
        for k in range(3):
            axis[k] = -vectors[k, 0] if turned else vectors[k, 0]
        for m in range(n):
            off = 0.0
            for k in range(3):
                off += (position[members[m], k] - centre[k]) * axis[k]
            residual[m] = off
        scale = max(TUKEY * np.median(np.abs(residual)), LEAST_SCALE_M)
        left = 0.0
        for m in range(n):
            share = max(1 - (residual[m] / scale) ** 2, 0.0)
            w[m] = area[members[m]] * share * share
            left += w[m]
        if not left > 0.2 * total:
            w[:] = area[members]
    square = 0.0
    for m in range(n):
        square += area[members[m]] * residual[m] ** 2
    return axis, centre, np.sqrt(square / total)


@njit(cache=True, nogil=True)
def between(
    points: Float32, normals: Float32, normal: Float64, offset: float, low: float, high: float, facing: float
) -> Int64:
    """Indices of points (N, 3) with low < p @ normal - offset < high whose own normals face that way."""
    out = np.empty(len(points), np.int64)
    count = 0
    a, b, c = normal
    for i in range(len(points)):
        off = points[i, 0] * a + points[i, 1] * b + points[i, 2] * c - offset
        if low < off < high and normals[i, 0] * a + normals[i, 1] * b + normals[i, 2] * c > facing:
            out[count] = i
            count += 1
    return out[:count].copy()


@njit(cache=True, nogil=True)
def _pull(H: Float64, g: Float64, residual: float, weight: float, i: int, a: Float64, j: int, b: Float64) -> None:
    for k in range(2):
        g[2 * i + k] += weight * residual * a[k]
        for m in range(2):
            H[2 * i + k, 2 * i + m] += weight * a[k] * a[m]
    if j < 0:
        return
    for k in range(2):
        g[2 * j + k] += weight * residual * b[k]
        for m in range(2):
            H[2 * j + k, 2 * j + m] += weight * b[k] * b[m]
            H[2 * i + k, 2 * j + m] += weight * a[k] * b[m]
            H[2 * j + k, 2 * i + m] += weight * b[k] * a[m]


@njit(cache=True, nogil=True)
def lean(T: Float64, n: Float64, D: Float64, reach: float, sigma: float, let_go: float, H: Float64, g: Float64) -> None:
    """Add to H (2N, 2N) and g (2N,) what pairs of planes, and planes and the vertical, say; see `refinement`.

    Args:
        T: (N, 4, 4) frames.
        n: (N, 3) normals at the present turns.
        D: (N, 3, 2) their derivatives.
        reach: Residuals beyond it say nothing, radians.
        sigma: Standard deviation of built rooms.
        let_go: Scale of the robust weight.
        H: Normal equations.
        g: Their right side.
    """
    none = np.zeros(2)
    for i in range(len(n)):
        for j in range(i, len(n)):  # j = i stands for the vertical
            x, y, z = (0.0, 1.0, 0.0) if j == i else (n[j, 0], n[j, 1], n[j, 2])
            other = -1 if j == i else j
            c = n[i, 0] * x + n[i, 1] * y + n[i, 2] * z
            a, b = np.zeros(2), none
            if abs(c) < 0.06:  # square: the cosine is the residual
                if abs(c) <= reach:
                    for k in range(2):
                        a[k] = x * D[i, 0, k] + y * D[i, 1, k] + z * D[i, 2, k]
                    if other >= 0:
                        b = np.zeros(2)
                        for k in range(2):
                            b[k] = n[i, 0] * D[j, 0, k] + n[i, 1] * D[j, 1, k] + n[i, 2] * D[j, 2, k]
                    _pull(H, g, c, 1 / sigma**2 / (1 + (c / let_go) ** 2) ** 2, i, a, other, b)
            elif abs(c) > 0.998:  # parallel: two residuals, along the frame's axes
                s = 1.0 if c > 0 else -1.0
                for axis in (0, 2):
                    p, q, r = T[i, 0, axis], T[i, 1, axis], T[i, 2, axis]
                    residual = p * (n[i, 0] - s * x) + q * (n[i, 1] - s * y) + r * (n[i, 2] - s * z)
                    if abs(residual) > reach:
                        continue
                    for k in range(2):
                        a[k] = p * D[i, 0, k] + q * D[i, 1, k] + r * D[i, 2, k]
                    if other >= 0:
                        b = np.zeros(2)
                        for k in range(2):
                            b[k] = -s * (p * D[j, 0, k] + q * D[j, 1, k] + r * D[j, 2, k])
                    weight = 1 / sigma**2 / (1 + (residual / let_go) ** 2) ** 2
                    _pull(H, g, residual, weight, i, a, other, b)
