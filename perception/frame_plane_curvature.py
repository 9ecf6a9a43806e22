"""Compiled loops of the per-frame plane segmentation, third part: which regions are curved.

Conventions as in `frame_plane_cells`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, Int32

Int64 = NDArray[np.int64]
STRIP = 0.5
"""A strip of a column turns at least by this share of what makes a surface curved, ..."""
WIDEST = 3.0
"""... with a radius of at most so many times that of a thing: sensors bend walls, but not as much."""
LEAST_BORDER = 4
"""Cells."""
ROUGHER = 1.3
"""Two strips of a column lie as near to one quadric as each to its own, up to this factor of the mean square."""


@njit(cache=True, nogil=True, error_model="numpy")
def _moments(
    cells: Int64, tiles: Float32, K: Float64, side: int, step: int, plane: Float64, axes: Float64
) -> tuple[Float64, Float64, float, int]:
    """Normal equations of a quadric height field over a plane: A (6, 6) upper half, rhs (6,), sum of squares, count.

    Every `step`-th pixel of the region's `cells` (r * C + c), rows and columns of the whole image counted; `axes` are
    two directions in the plane, (2, 3).
    """
    cols = tiles.shape[1]
    by_length, by_fx, by_fy = 1 / np.sqrt((plane**2).sum()), 1 / K[0], 1 / K[1]
    s0, w0, used = 0.0, 0.0, 0
    s1, w1, s2, sw, w2, s3, s2w, sw2, w3 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    s4, s3w, s2w2, sw3, w4 = 0.0, 0.0, 0.0, 0.0, 0.0
    h0, hs, hw, hss, hsw, hww, square = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for t in range(len(cells)):
        r, c = cells[t] // cols, cells[t] % cols
        for i in range((-r * side) % step, side, step):
            y = (r * side + i - K[3]) * by_fy
            for j in range((-c * side) % step, side, step):
                q = tiles[r, c, i * side + j]
                if q <= 0:
                    continue
                x, z = (c * side + j - K[2]) * by_fx, 1.0 / q
                h = ((plane[0] * x + plane[1] * y + plane[2]) * z - 1) * by_length
                s = (axes[0, 0] * x + axes[0, 1] * y + axes[0, 2]) * z
                w = (axes[1, 0] * x + axes[1, 1] * y + axes[1, 2]) * z
                if used == 0:
                    s0, w0 = s, w
                s, w = s - s0, w - w0
                ss, p, ww = s * s, s * w, w * w
                s1, w1, s2, sw, w2 = s1 + s, w1 + w, s2 + ss, sw + p, w2 + ww
                s3, s2w, sw2, w3 = s3 + ss * s, s2w + ss * w, sw2 + s * ww, w3 + ww * w
                s4, s3w, s2w2, sw3, w4 = s4 + ss * ss, s3w + ss * p, s2w2 + ss * ww, sw3 + p * ww, w4 + ww * ww
                h0, hs, hw = h0 + h, hs + h * s, hw + h * w
                hss, hsw, hww, square = hss + h * ss, hsw + h * p, hww + h * ww, square + h * h
                used += 1
    A = np.zeros((6, 6))
    A[0] = np.array([float(used), s1, w1, s2 / 2, sw, w2 / 2])
    A[1, 1], A[1, 2], A[1, 3], A[1, 4], A[1, 5] = s2, sw, s3 / 2, s2w, sw2 / 2
    A[2, 2], A[2, 3], A[2, 4], A[2, 5] = w2, s2w / 2, sw2, w3 / 2
    A[3, 3], A[3, 4], A[3, 5] = s4 / 4, s3w / 2, s2w2 / 4
    A[4, 4], A[4, 5], A[5, 5] = s2w2, sw3 / 2, w4 / 4
    return A, np.array([h0, hs, hw, hss / 2, hsw, hww / 2]), square, used


@njit(cache=True, nogil=True, error_model="numpy")
def _factor(A: Float64) -> None:
    """Cholesky's factor in the lower half of A (6, 6), from its upper half, with a little added to the diagonal."""
    for i in range(6):
        for j in range(i + 1):
            s = A[j, i] + (1e-12 * (1 + A[j, i]) if i == j else 0.0)
            for k in range(j):
                s -= A[i, k] * A[j, k]
            if i == j:
                A[i, i] = np.sqrt(max(s, 1e-300))
            else:
                A[i, j] = s / A[j, j]


@njit(cache=True, nogil=True, error_model="numpy")
def _solved(L: Float64, b: Float64) -> Float64:
    x = b.copy()
    for i in range(6):
        for k in range(i):
            x[i] -= L[i, k] * x[k]
        x[i] /= L[i, i]
    for i in range(5, -1, -1):
        for k in range(i + 1, 6):
            x[i] -= L[k, i] * x[k]
        x[i] /= L[i, i]
    return x


@njit(cache=True, nogil=True, error_model="numpy")
def turning(
    cells: Int64, plane: Float64, tiles: Float32, K: Float64, side: int, samples: int
) -> tuple[float, float, float, float]:
    """How far (radians) the surface normal turns across a region, that in standard deviations, its radius (m, negative
    where it is hollow), and the mean squared distance (m^2) of the surface from the fit.

    A quadric height field over the region's plane (the osculating paraboloid), fitted to `samples` of its pixels.
    """
    n = plane / np.sqrt((plane**2).sum())
    axis, axes = np.zeros(3), np.empty((2, 3))
    axis[np.argmin(np.abs(n))] = 1.0
    axes[0] = np.cross(n, axis)
    axes[0] /= np.sqrt((axes[0] ** 2).sum())
    axes[1] = np.cross(n, axes[0])
    step = max(int(np.sqrt(len(cells) * side * side / samples)), 1)
    A, rhs, square, used = _moments(cells, tiles, K, side, step, plane, axes)
    if used < 30:
        return 0.0, 0.0, 1e9, 0.0
    m1, m2 = A[0, 1] / used, A[0, 2] / used
    v11, v12, v22 = 2 * A[0, 3] / used - m1 * m1, A[0, 4] / used - m1 * m2, 2 * A[0, 5] / used - m2 * m2
    _factor(A)
    beta = _solved(A, rhs)
    rest = max(square - (beta * rhs).sum(), 1e-12) / (used - 6)
    k11, k12, k22 = beta[3], beta[4], beta[5]
    mean, diff = 0.5 * (k11 + k22), np.sqrt((0.5 * (k11 - k22)) ** 2 + k12 * k12)
    curvature = mean + diff if abs(mean + diff) > abs(mean - diff) else mean - diff
    angle = 0.5 * np.arctan2(2 * k12, k11 - k22) + (0.0 if curvature > mean else np.pi / 2)
    c, s = np.cos(angle), np.sin(angle)
    d = np.array([0.0, 0.0, 0.0, c * c, 2 * c * s, s * s])
    doubt = np.sqrt(max((d * _solved(A, d)).sum(), 0.0) * rest)
    extent = np.sqrt(12 * max(c * c * v11 + 2 * c * s * v12 + s * s * v22, 0.0))
    radius = 1 / max(abs(curvature), 1e-9)
    return abs(curvature) * extent, abs(curvature) / max(doubt, 1e-12), radius if curvature > 0 else -radius, rest


@njit(cache=True, nogil=True, error_model="numpy")
def bent(
    region: Int32, planes: Float64, tiles: Float32, K: Float64, side: int, samples: int, limits: Float64
) -> NDArray[np.bool_]:
    """Which regions (K,) are no planes. `limits`: turn (radians), radius below which it counts, standard deviations.

    A column comes in strips, each of which hardly turns: neighbours that turn a little are tried as one surface, too.
    """
    count = len(planes)
    out, turns = np.zeros(count, np.bool_), np.zeros((count, 4))
    start, cells = _cells_by_region(region, count)
    for k in range(count):
        if planes[k, 0] != 0 or planes[k, 1] != 0 or planes[k, 2] != 0:
            found = turning(cells[start[k] : start[k + 1]], planes[k], tiles, K, side, samples)
            turns[k, 0], turns[k, 1], turns[k, 2], turns[k, 3] = found
            turn, sigma, radius, _ = found
            out[k] = sigma > limits[2] and turn > limits[0] and (abs(radius) < limits[1] or turn > 2 * limits[0])
    strip = (turns[:, 1] > limits[2]) & (turns[:, 0] > STRIP * limits[0]) & (np.abs(turns[:, 2]) < WIDEST * limits[1])
    if strip.sum() < 2:
        return out
    border = _borders(region, strip)
    for i in range(count):
        for j in range(i + 1, count):
            if border[i, j] < LEAST_BORDER or (out[i] and out[j]) or turns[i, 2] * turns[j, 2] < 0:
                continue
            both = np.concatenate((cells[start[i] : start[i + 1]], cells[start[j] : start[j + 1]]))
            turn, sigma, radius, rest = turning(both, 0.5 * (planes[i] + planes[j]), tiles, K, side, samples)
            many, few = start[i + 1] - start[i], start[j + 1] - start[j]
            # Two faces with an edge between them are no quadric.
            smooth = rest * (many + few) < ROUGHER * (turns[i, 3] * many + turns[j, 3] * few)
            column = radius * turns[i, 2] > 0 and abs(radius) < WIDEST * limits[1]
            if smooth and column and sigma > limits[2] and turn > 2 * limits[0]:
                out[i], out[j] = True, True
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _cells_by_region(region: Int32, count: int) -> tuple[Int64, Int64]:
    """Cells (as r * C + c) of one region after the other, and where each begins (K + 1,)."""
    flat = region.ravel()
    start = np.zeros(count + 2, np.int64)
    for cell in range(len(flat)):
        start[flat[cell] + 2] += flat[cell] >= 0
    for k in range(count + 1):
        start[k + 1] += start[k]
    cells = np.empty(start[count + 1], np.int64)
    for cell in range(len(flat)):
        k = flat[cell]
        if k >= 0:
            cells[start[k + 1]] = cell
            start[k + 1] += 1
    return start, cells


@njit(cache=True, nogil=True, error_model="numpy")
def _borders(region: Int32, strip: NDArray[np.bool_]) -> Int32:
    """(K, K) neighbouring cells across the border of two strips; one free cell between them is allowed."""
    rows, cols = region.shape
    out = np.zeros((len(strip), len(strip)), np.int32)
    for r in range(rows):
        for c in range(cols):
            i = region[r, c]
            if i < 0 or not strip[i]:
                continue
            for k in range(2):
                r2, c2 = r + k, c + 1 - k
                if r2 < rows and c2 < cols and region[r2, c2] < 0:
                    r2, c2 = r2 + k, c2 + 1 - k
                if r2 < rows and c2 < cols:
                    j = region[r2, c2]
                    if j >= 0 and j != i and strip[j]:
                        out[min(i, j), max(i, j)] += 1
    return out
