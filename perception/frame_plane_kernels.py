"""Compiled loops of the per-frame plane segmentation. Imported on first use only: numba is slow to import.

A plane n . p + d = 0 seen by a pinhole camera is *linear* in inverse depth: with x = (u - cx) / fx, y = (v - cy) / fy
and q = 1 / z, it reads q = a x + b y + c with (a, b, c) = -n / d. So nothing is back-projected, sums over pixels are
all a fit needs, and sums of cells add up to sums of regions. Structured light and stereo measure disparity, that is q
up to a factor, so least squares in q is also the right estimate for them.

`sums` are (n, x, y, xx, xy, yy, q, qx, qy, qq), each weighted; `planes` rows are (a, b, c).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sceneforge.core.arrays import Float32, Float64, Int32

N_SUMS = 10
CURVED = -2


@njit(cache=True, nogil=True)
def cell_sums(depth: Float32, K: Float64, side: int, near: float, far: float) -> tuple[Float32, Float64, Float64]:
    """Inverse depth (H, W), 0 = none, the sums (R, C, 10) over square cells of `side` pixels, and the least and the
    largest inverse depth in each cell (R, C, 2).
    """
    height, width = depth.shape
    rows, cols = (height + side - 1) // side, (width + side - 1) // side
    inverse = np.zeros((height, width), np.float32)
    sums = np.zeros((rows, cols, N_SUMS))
    span = np.zeros((rows, cols, 2))
    span[..., 0] = 1e9
    fx, fy, cx, cy = K
    xs = (np.arange(width) - cx) / fx
    low, high = np.float32(near), np.float32(far)
    for v in range(height):
        y = (v - cy) / fy
        for c in range(cols):
            n, sx, sxx, sq, sqx, sqq = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            least, most = span[v // side, c]
            for u in range(c * side, min(c * side + side, width)):
                z = depth[v, u]
                if low < z < high:
                    inverse[v, u] = np.float32(1.0) / z
                    q, x = np.float64(inverse[v, u]), xs[u]
                    least, most = min(least, q), max(most, q)
                    qx = q * x
                    n += 1.0
                    sx += x
                    sxx += x * x
                    sq += q
                    sqx += qx
                    sqq += q * q
            span[v // side, c, 0], span[v // side, c, 1] = least, most
            s = sums[v // side, c]
            s[0] += n
            s[1] += sx
            s[2] += n * y
            s[3] += sxx
            s[4] += sx * y
            s[5] += n * y * y
            s[6] += sq
            s[7] += sqx
            s[8] += sq * y
            s[9] += sqq
    return inverse, sums, span


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def residual(s: Float64, a: float, b: float, c: float) -> float:
    """Weighted sum of squared residuals of q about any plane."""
    linear = a * s[7] + b * s[8] + c * s[6]
    square = a * a * s[3] + b * b * s[5] + c * c * s[0] + 2 * (a * b * s[4] + a * c * s[1] + b * c * s[2])
    return float(max(s[9] - 2 * linear + square, 0.0))


@njit(cache=True, nogil=True)
def _add(total: Float64, sums: Float64, weight: float) -> None:
    for k in range(N_SUMS):
        total[k] += weight * sums[k]


@njit(cache=True, nogil=True)
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
                    _add(total, sums[3 * r + i, 3 * c + j], 1.0)
            if total[0] >= 9 * least:
                rest = solve(total)[3]
                if rest >= 0:
                    out[r * cols + c] = np.sqrt(rest) / sigma_q(total[6] / total[0], noise)
    return out


@njit(cache=True, nogil=True)
def sigma_q(q: float, noise: Float64) -> float:
    """Standard deviation of inverse depth at `q` when that of depth is noise[0] + noise[1] z + noise[2] z^2."""
    return float(noise[0] * q * q + noise[1] * q + noise[2])


@njit(cache=True, nogil=True)
def sigma_at(q: float, plane: Float64, noise: Float64) -> float:
    """The same on a surface seen aslant: a reading may belong to a neighbouring pixel (lateral noise, Nguyen 2012).

    noise[3], noise[4] are the lateral error in units of x and y.
    """
    s, tx, ty = sigma_q(q, noise), plane[0] * noise[3], plane[1] * noise[4]
    return float(np.sqrt(s * s + tx * tx + ty * ty))


@njit(cache=True, nogil=True)
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
            ratio[r, c] = np.sqrt(rest * s[0] / (s[0] - 3)) / sigma_at(mean[r, c, 2], plane[r, c], noise)
    return plane, mean, ratio


@njit(cache=True, nogil=True)
def cosine(p: Float64, a: float, b: float, c: float) -> float:
    squares = (p[0] * p[0] + p[1] * p[1] + p[2] * p[2]) * (a * a + b * b + c * c)
    return float((p[0] * a + p[1] * b + p[2] * c) / np.sqrt(squares))


@njit(cache=True, nogil=True)
def grow(
    sums: Float64,
    plane: Float64,
    mean: Float64,
    ratio: Float64,
    slope: float,
    noise: Float64,
    limits: Float64,
    smallest: int,
) -> tuple[Int32, int]:
    """Regions (R, C) of cells that lie on one plane, -1 = none, and their number; the flattest neighbourhoods first.

    `slope` turns the noise of q into that of a cell's slope; `limits` are (ratio of a planar cell, free angle, angle in
    standard deviations, offset in metres, offset in standard deviations).
    """
    rows, cols = ratio.shape
    planar = (ratio >= 0) & (ratio < limits[0])
    region = np.full((rows, cols), -1, np.int32)
    queue = np.empty(rows * cols, np.int64)
    total, seed_sum = np.zeros(N_SUMS), np.zeros(N_SUMS)
    count = 0
    for reach in range(1, -1, -1):
        score = np.full(rows * cols, 1e9)
        for r in range(0, rows - 1 - reach):
            for c in range(0, cols - 1 - reach):
                # A block of 3 x 3, later 2 x 2 cells from (r, c) on.
                seed_sum[:] = 0
                whole = True
                for i in range(r, r + 2 + reach):
                    for j in range(c, c + 2 + reach):
                        whole = whole and planar[i, j] and region[i, j] < 0
                        if whole:
                            _add(seed_sum, sums[i, j], 1.0)
                if whole:
                    a, b, d, rest = solve(seed_sum)
                    q = seed_sum[6] / seed_sum[0]
                    got = np.sqrt(max(rest, 0.0)) / sigma_at(q, np.array([a, b, d]), noise)
                    if got < limits[0]:
                        score[r * cols + c] = np.floor(got * 16)
        for seed in np.argsort(score, kind="mergesort"):
            if score[seed] > 1e8:
                break
            r0, c0 = seed // cols, seed % cols
            whole = True
            for i in range(r0, r0 + 2 + reach):
                for j in range(c0, c0 + 2 + reach):
                    whole = whole and region[i, j] < 0
            if not whole:
                continue
            total[:] = 0
            head, tail = 0, 0
            for i in range(r0, r0 + 2 + reach):
                for j in range(c0, c0 + 2 + reach):
                    region[i, j] = count
                    queue[tail] = i * cols + j
                    tail += 1
                    _add(total, sums[i, j], sigma_q(mean[i, j, 2], noise) ** -2)
            a, b, d, rest = solve(total)
            refit = 2 * tail
            while head < tail:
                r, c = queue[head] // cols, queue[head] % cols
                head += 1
                for k in range(4):
                    i, j = r + (k == 0) - (k == 1), c + (k == 2) - (k == 3)
                    if not (0 <= i < rows and 0 <= j < cols and planar[i, j] and region[i, j] < 0):
                        continue
                    m = mean[i, j]
                    s = sigma_at(m[2], np.array([a, b, d]), noise)
                    q = a * m[0] + b * m[1] + d
                    off = abs(m[2] - q)
                    if off > limits[3] * m[2] * m[2] + limits[4] * s:
                        continue
                    length = np.sqrt(a * a + b * b + d * d)
                    angle = limits[1] + limits[2] * s * slope / (length * np.sqrt(sums[i, j, 0]))
                    if cosine(plane[i, j], a, b, d) < np.cos(min(angle, 0.6)):
                        continue
                    region[i, j] = count
                    queue[tail] = i * cols + j
                    tail += 1
                    _add(total, sums[i, j], s**-2)
                if head >= refit or head == tail:
                    refit = 2 * tail
                    a, b, d, rest = solve(total)
            if tail < smallest:
                for k in range(tail):
                    region[queue[k] // cols, queue[k] % cols] = -1
            else:
                count += 1
    return region, count


@njit(cache=True, nogil=True)
def region_sums(region: Int32, count: int, sums: Float64, mean: Float64, noise: Float64) -> tuple[Float64, Float64]:
    """Weighted sums (K, 10) and pixel counts (K,) per region: weights are inverse variances of q."""
    out, pixels = np.zeros((count, N_SUMS)), np.zeros(count)
    for r in range(region.shape[0]):
        for c in range(region.shape[1]):
            k = region[r, c]
            if k >= 0:
                _add(out[k], sums[r, c], sigma_q(mean[r, c, 2], noise) ** -2)
                pixels[k] += sums[r, c, 0]
    return out, pixels


@njit(cache=True, nogil=True)
def gap_seen(
    region: Int32, i: int, j: int, mean: Float64, sums: Float64, plane: Float64, noise: Float64, reach: float
) -> bool:
    """Whether regions i and j of one plane are parted by something seen *behind* the plane, or by more than `reach` m.

    What hides the plane between them (a thing that stands on the table) does not part them.
    """
    best, ri, ci, rj, cj = reach * reach, -1, 0, 0, 0
    cells_i, cells_j = np.argwhere(region == i), np.argwhere(region == j)
    step_i, step_j = max(len(cells_i) // 300, 1), max(len(cells_j) // 40, 1)
    for t in range(0, len(cells_j), step_j):
        b = mean[cells_j[t, 0], cells_j[t, 1]]
        for s in range(0, len(cells_i), step_i):
            a = mean[cells_i[s, 0], cells_i[s, 1]]
            far = (a[0] / a[2] - b[0] / b[2]) ** 2 + (a[1] / a[2] - b[1] / b[2]) ** 2 + (1 / a[2] - 1 / b[2]) ** 2
            if far < best:
                best = far
                ri, ci, rj, cj = cells_i[s, 0], cells_i[s, 1], cells_j[t, 0], cells_j[t, 1]
    if ri < 0:
        return True
    steps = max(abs(ri - rj), abs(ci - cj))
    behind = 0
    for t in range(1, steps):
        r, c = ri + (rj - ri) * t // steps, ci + (cj - ci) * t // steps
        if sums[r, c, 0] < 1 or region[r, c] == i or region[r, c] == j:
            continue
        m = mean[r, c]
        behind += m[2] < plane[0] * m[0] + plane[1] * m[1] + plane[2] - 0.02 * m[2] * m[2] - 3 * sigma_q(m[2], noise)
    return 4 * behind > max(steps - 1, 1)


@njit(cache=True, nogil=True)
def borders(region: Int32, count: int, plane: Float64, mean: Float64, noise: Float64) -> tuple[Float64, Float64]:
    """Per pair of regions (K, K): neighbouring cells across their border, and the summed step there in sigma, signed.

    Cells with one unassigned cell between them are neighbours too.
    """
    rows, cols = region.shape
    length, step = np.zeros((count, count)), np.zeros((count, count))
    for r in range(rows):
        for c in range(cols):
            i = region[r, c]
            if i < 0:
                continue
            for k in range(2):
                r2, c2 = r + k, c + 1 - k
                if r2 < rows and c2 < cols and region[r2, c2] < 0:
                    r2, c2 = r2 + k, c2 + 1 - k
                if r2 >= rows or c2 >= cols or region[r2, c2] < 0 or region[r2, c2] == i:
                    continue
                j = region[r2, c2]
                m, o = mean[r, c], mean[r2, c2]
                a, b = 0.5 * (plane[r, c] + plane[r2, c2])[:2]
                off = (o[2] - m[2] - a * (o[0] - m[0]) - b * (o[1] - m[1])) / sigma_q(m[2], noise)
                length[i, j] += 1
                length[j, i] += 1
                step[i, j] += off
                step[j, i] -= off
    return length, step


@njit(cache=True, nogil=True)
def _one_plane(si: Float64, sj: Float64, ni: float, nj: float, border: float, step: float, limits: Float64) -> bool:
    """Whether two regions are pieces of one plane: flat together, or meeting without a step on a slightly bent one."""
    ai, bi, ci, rest_i = solve(si)
    aj, bj, cj, rest_j = solve(sj)
    if cosine(np.array([ai, bi, ci]), aj, bj, cj) < np.cos(limits[0]):
        return False
    z = sj[0] / sj[6]
    off = abs(1 / z - (ai * sj[1] + bi * sj[2] + ci * sj[0]) / sj[0]) * z * z
    # Mean squared residuals in standard deviations: what these pixels have anyway, and on the joint plane.
    apart = max(rest_i * si[0] / ni, rest_j * sj[0] / nj)
    a, b, c, _ = solve(si + sj)
    worst = max(residual(si, a, b, c) / ni, residual(sj, a, b, c) / nj)
    if off < limits[1] * z * z and worst < 1.5 * apart + 1.0:
        return True
    return border >= 4 and abs(step / border) < 1.2 and off < limits[2] * z * z and worst < limits[3]


@njit(cache=True, nogil=True)
def merge(
    region: Int32,
    count: int,
    sums: Float64,
    plane: Float64,
    mean: Float64,
    noise: Float64,
    limits: Float64,
    reach: float,
) -> None:
    """Join pieces of one plane in place, larger first; numbers stay, some unused.

    `limits` are (angle; offset, and offset of pieces that meet without a step, in metres at 1 m; mean squared residual
    of such).
    """
    total, pixels = region_sums(region, count, sums, mean, noise)
    length, step = borders(region, count, plane, mean, noise)
    order = np.argsort(-pixels, kind="mergesort")
    alive = pixels > 0
    changed = True
    while changed:
        changed = False
        for s in range(count):
            i = order[s]
            if not alive[i]:
                continue
            for t in range(s + 1, count):
                j = order[t]
                if not alive[j]:
                    continue
                if not _one_plane(total[i], total[j], pixels[i], pixels[j], length[i, j], step[i, j], limits):
                    continue
                a, b, c, _ = solve(total[i] + total[j])
                if length[i, j] < 2 and gap_seen(region, i, j, mean, sums, np.array([a, b, c]), noise, reach):
                    continue
                total[i] += total[j]
                pixels[i] += pixels[j]
                length[i] += length[j]
                length[:, i] += length[:, j]
                step[i] += step[j]
                step[:, i] += step[:, j]
                alive[j] = False
                for r in range(region.shape[0]):
                    for k in range(region.shape[1]):
                        if region[r, k] == j:
                            region[r, k] = i
                changed = True
