"""Compiled loops of the per-frame plane segmentation: cells, their sums and their fits. Imported on first use only:
numba is slow to import.

A plane n . p + d = 0 seen by a pinhole camera is *linear* in inverse depth: with x = (u - cx) / fx, y = (v - cy) / fy
and q = 1 / z, it reads q = a x + b y + c with (a, b, c) = -n / d. So nothing is back-projected, sums over pixels are
all a fit needs, and sums of cells add up to sums of regions. Structured light and stereo measure disparity, that is q
up to a factor, so least squares in q is also the right estimate for them.

`sums` are (n, x, y, xx, xy, yy, q, qx, qy, qq), each weighted; planes are (a, b, c). `tiles` hold inverse depth cell by
cell, (R, C, side * side) float32, 0 = none: what is done to a cell then runs over one straight piece of memory, which
the compiler turns into several pixels at a time.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64

N_SUMS = 10
FAR_BITS = np.uint32(np.float32(1e9).view(np.uint32))
"""What an empty cell gives for its least inverse depth."""


@njit(cache=True, nogil=True, error_model="numpy")
def cell_sums(depth: Float32, K: Float64, side: int, near: float, far: float) -> tuple[Float32, Float64, Float32]:
    """Inverse depth as tiles, the sums (R, C, 10) over square cells of `side` pixels, and the least and the largest
    inverse depth in each cell (R, C, 2).

    Each row of cells is first summed down its columns, all columns at once: in rows counted from its first, whose
    sums are whole numbers.
    """
    height, width = depth.shape
    rows, cols = (height + side - 1) // side, (width + side - 1) // side
    tiles = np.empty((rows, cols, side * side), np.float32)
    if height % side:
        tiles[rows - 1] = 0
    sums, span = np.empty((rows, cols, N_SUMS)), np.empty((rows, cols, 2), np.float32)
    line = np.zeros(cols * side, np.float32)
    whole, held = np.empty((3, cols * side), np.float32), np.empty((3, cols * side))
    low, high = np.float32(near), np.float32(far)
    for r in range(rows):
        whole[:] = 0
        held[:] = 0
        for v in range(r * side, min(r * side + side, height)):
            _invert(depth[v], line, low, high)
            _count_down(line, whole[0], whole[1], whole[2], np.float32(v - r * side))
            _sum_down(line, held[0], held[1], held[2], float(v - r * side))
            copy_row(line, tiles, r, (v - r * side) * side, side)
        for c in range(cols):
            _cell(whole, held, r, c, side, K, sums)
    _extremes(tiles.view(np.uint32), span.view(np.uint32))
    return tiles, sums, span


@njit(cache=True, nogil=True, error_model="numpy")
def copy_row(line: Float32, tiles: Float32, r: int, first: int, side: int) -> None:
    """One row of the image into the tiles of the r-th row of cells, `first` pixels from each one's start."""
    if side == 10:  # the usual size, which the compiler unrolls
        for c in range(tiles.shape[1]):
            for i in range(10):
                tiles[r, c, first + i] = line[c * 10 + i]
        return
    for c in range(tiles.shape[1]):
        for i in range(side):
            tiles[r, c, first + i] = line[c * side + i]


@njit(cache=True, nogil=True, error_model="numpy")
def _invert(depth: Float32, line: Float32, low: np.float32, high: np.float32) -> None:
    for u in range(len(depth)):
        z = depth[u]
        good = (z > low) & (z < high)
        q = np.float32(1) / (z if good else np.float32(1))
        line[u] = q if good else np.float32(0)


@njit(cache=True, nogil=True, error_model="numpy")
def _extremes(tiles: NDArray[np.uint32], span: NDArray[np.uint32]) -> None:
    """Least and largest reading of each tile, as bits: positive floats are in the order of their bits, and whole
    numbers can be compared several at a time."""
    for r in range(tiles.shape[0]):
        for c in range(tiles.shape[1]):
            least, most = np.uint32(0xFFFFFFFF), np.uint32(0)
            for i in range(tiles.shape[2]):
                less = tiles[r, c, i] - np.uint32(1)  # no reading becomes the largest of all
                least = less if less < least else least
                most = tiles[r, c, i] if tiles[r, c, i] > most else most
            span[r, c, 0], span[r, c, 1] = (least + np.uint32(1) if most > 0 else FAR_BITS), most


@njit(cache=True, nogil=True, error_model="numpy")
def _count_down(line: Float32, n: Float32, i: Float32, ii: Float32, row: np.float32) -> None:
    for u in range(len(line)):
        w = np.float32(1) if line[u] > np.float32(0) else np.float32(0)
        n[u] += w
        i[u] += w * row
        ii[u] += w * row * row


@njit(cache=True, nogil=True, error_model="numpy")
def _sum_down(line: Float32, q: Float64, qi: Float64, qq: Float64, row: float) -> None:
    for u in range(len(line)):
        value = np.float64(line[u])
        q[u] += value
        qi[u] += value * row
        qq[u] += value * value


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _cell(whole: Float32, held: Float64, r: int, c: int, side: int, K: Float64, sums: Float64) -> None:
    """Sums of cell (r, c) from those of its columns."""
    n, j, jj, i, ij, ii = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    q, qj, qi, qq = 0.0, 0.0, 0.0, 0.0
    for t in range(side):
        u, k = c * side + t, float(t)
        q += held[0, u]
        qj += held[0, u] * k
        qi += held[1, u]
        qq += held[2, u]
        n += whole[0, u]
        j += whole[0, u] * k
        jj += whole[0, u] * k * k
        i += whole[1, u]
        ij += whole[1, u] * k
        ii += whole[2, u]
    x, y, dx, dy = (c * side - K[2]) / K[0], (r * side - K[3]) / K[1], 1 / K[0], 1 / K[1]
    s = sums[r, c]
    s[0], s[1], s[2] = n, n * x + j * dx, n * y + i * dy
    s[3], s[5] = n * x * x + 2 * j * x * dx + jj * dx * dx, n * y * y + 2 * i * y * dy + ii * dy * dy
    s[4] = n * x * y + j * dx * y + i * dy * x + ij * dx * dy
    s[6], s[7], s[8], s[9] = q, q * x + qj * dx, q * y + qi * dy, qq


@njit(cache=True, nogil=True, error_model="numpy")
def solve(s: Float64) -> tuple[float, float, float, float]:
    """Least-squares (a, b, c) and the mean squared residual of q; a residual of -1 where the sums define no plane."""
    n = s[0]
    mx, my, mq = s[1] / n, s[2] / n, s[6] / n
    xx, xy, yy = s[3] / n - mx * mx, s[4] / n - mx * my, s[5] / n - my * my
    det = xx * yy - xy * xy
    if det <= 1e-9 * (xx + yy) ** 2:
        return 0.0, 0.0, 0.0, -1.0
    xq, yq = s[7] / n - mx * mq, s[8] / n - my * mq
    a, b = (xq * yy - yq * xy) / det, (yq * xx - xq * xy) / det
    rest = s[9] / n - mq * mq - a * xq - b * yq
    return a, b, mq - a * mx - b * my, max(rest, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def residual(s: Float64, a: float, b: float, c: float) -> float:
    """Weighted sum of squared residuals of q about any plane."""
    linear = a * s[7] + b * s[8] + c * s[6]
    square = a * a * s[3] + b * b * s[5] + c * c * s[0] + 2 * (a * b * s[4] + a * c * s[1] + b * c * s[2])
    return float(max(s[9] - 2 * linear + square, 0.0))


@njit(cache=True, nogil=True, error_model="numpy")
def add_cell(total: Float64, sums: Float64, r: int, c: int, weight: float) -> None:
    """total += weight * sums[r, c]."""
    for k in range(N_SUMS):
        total[k] += weight * sums[r, c, k]


@njit(cache=True, nogil=True, error_model="numpy")
def sigma_q(q: float, noise: Float64) -> float:
    """Standard deviation of inverse depth at `q` when that of depth is noise[0] + noise[1] z + noise[2] z^2."""
    return float(noise[0] * q * q + noise[1] * q + noise[2])


@njit(cache=True, nogil=True, error_model="numpy")
def sigma_at(q: float, a: float, b: float, noise: Float64) -> float:
    """The same on a plane seen aslant: a reading may belong to a neighbouring pixel (lateral noise, Nguyen 2012).

    noise[3], noise[4] are the lateral error in units of x and y.
    """
    s, tx, ty = sigma_q(q, noise), a * noise[3], b * noise[4]
    return float(np.sqrt(s * s + tx * tx + ty * ty))


@njit(cache=True, nogil=True, error_model="numpy")
def cosine(plane: Float64, r: int, c: int, a: float, b: float, d: float) -> float:
    """Cosine between the normals of plane[r, c] and of (a, b, d)."""
    e, f, g = plane[r, c, 0], plane[r, c, 1], plane[r, c, 2]
    return float((e * a + f * b + g * d) / np.sqrt((e * e + f * f + g * g) * (a * a + b * b + d * d)))


@njit(cache=True, nogil=True, error_model="numpy")
def block_ratio(sums: Float64, noise: Float64, least: float) -> Float64:
    """Rms residual over expected noise for every third block of 3 x 3 cells, -1 = none.

    Sensor noise is correlated: within a cell it looks smaller than it is.
    """
    rows, cols = sums.shape[0] // 3, sums.shape[1] // 3
    out = np.full(rows * cols, -1.0)
    total = np.zeros(N_SUMS)
    for r in range(rows):
        for c in range(cols):
            total[:] = 0
            for i in range(3):
                for j in range(3):
                    add_cell(total, sums, 3 * r + i, 3 * c + j, 1.0)
            if total[0] >= 9 * least:
                rest = solve(total)[3]
                if rest >= 0:
                    out[r * cols + c] = np.sqrt(rest) / sigma_q(total[6] / total[0], noise)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def fit_cells(sums: Float64, noise: Float64, least: float) -> tuple[Float64, Float64, Float64]:
    """Per cell: plane (R, C, 3), mean (x, y, q) (R, C, 3), and rms residual over noise (R, C), -1 = no plane."""
    rows, cols = sums.shape[:2]
    plane, mean = np.zeros((rows, cols, 3)), np.zeros((rows, cols, 3))
    ratio = np.full((rows, cols), -1.0)
    for r in range(rows):
        for c in range(cols):
            s = sums[r, c]
            if s[0] < 1:
                continue
            mean[r, c, 0], mean[r, c, 1], mean[r, c, 2] = s[1] / s[0], s[2] / s[0], s[6] / s[0]
            if s[0] < least:
                continue
            a, b, d, rest = solve(s)
            if rest < 0:
                continue
            plane[r, c, 0], plane[r, c, 1], plane[r, c, 2] = a, b, d
            ratio[r, c] = np.sqrt(rest * s[0] / (s[0] - 3)) / sigma_at(mean[r, c, 2], a, b, noise)
    return plane, mean, ratio
