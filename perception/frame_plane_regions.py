"""Compiled loops of the per-frame plane segmentation, second part: cells grown into regions, and regions merged.

Conventions as in `frame_plane_cells`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float64, Int32

from .frame_plane_cells import N_SUMS, add_cell, cosine, residual, sigma_at, sigma_q, solve

Int64 = NDArray[np.int64]
STEPS = 16
"""Seeds are tried in the order of their residual, which counts in sixteenths of the noise; ties from the top left."""


@njit(cache=True, nogil=True, error_model="numpy")
def _seeds(sums: Float64, planar: NDArray[np.bool_], region: Int32, noise: Float64, limit: float, size: int) -> Int64:
    """Blocks of size x size (2 or 3) free, planar cells on one plane, the flattest first; each by its first cell."""
    rows, cols = planar.shape
    levels = int(limit * STEPS) + 1
    level = np.full(rows * cols, -1, np.int32)
    count = np.zeros(levels + 1, np.int64)
    total, down = np.empty(N_SUMS), np.empty((cols, N_SUMS))
    free = np.empty(cols, np.bool_)
    for r in range(rows - size + 1):
        for c in range(cols):  # first down each column of the block, then across
            free[c] = True
            for i in range(r, r + size):
                free[c] &= planar[i, c] & (region[i, c] < 0)
            if free[c]:
                for k in range(N_SUMS):
                    down[c, k] = sums[r, c, k] + sums[r + 1, c, k]
                if size == 3:
                    for k in range(N_SUMS):
                        down[c, k] += sums[r + 2, c, k]
        for c in range(cols - size + 1):
            if not (free[c] and free[c + 1] and free[c + size - 1]):
                continue
            for k in range(N_SUMS):
                total[k] = down[c, k] + down[c + 1, k]
            if size == 3:
                for k in range(N_SUMS):
                    total[k] += down[c + 2, k]
            a, b, _, rest = solve(total)
            got = np.sqrt(max(rest, 0.0)) / sigma_at(total[6] / total[0], a, b, noise)
            if got < limit:
                level[r * cols + c] = int(got * STEPS)
                count[level[r * cols + c] + 1] += 1
    for k in range(levels):
        count[k + 1] += count[k]
    out = np.empty(count[levels], np.int64)
    for cell in range(rows * cols):
        if level[cell] >= 0:
            out[count[level[cell]]] = cell
            count[level[cell]] += 1
    return out


@njit(cache=True, nogil=True, error_model="numpy")
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
    total = np.zeros(N_SUMS)
    count = 0
    for size in (3, 2):
        for seed in _seeds(sums, planar, region, noise, limits[0], size):
            r0, c0 = seed // cols, seed % cols
            whole = True
            for i in range(r0, r0 + size):
                for j in range(c0, c0 + size):
                    whole &= region[i, j] < 0
            if not whole:
                continue
            total[:] = 0
            head, tail = 0, 0
            for i in range(r0, r0 + size):
                for j in range(c0, c0 + size):
                    region[i, j] = count
                    queue[tail] = i * cols + j
                    tail += 1
                    add_cell(total, sums, i, j, sigma_q(mean[i, j, 2], noise) ** -2)
            a, b, d, _ = solve(total)
            refit = 2 * tail
            while head < tail:
                r, c = queue[head] // cols, queue[head] % cols
                head += 1
                for k in range(4):
                    i, j = r + (k == 0) - (k == 1), c + (k == 2) - (k == 3)
                    if not (0 <= i < rows and 0 <= j < cols and planar[i, j] and region[i, j] < 0):
                        continue
                    q = mean[i, j, 2]
                    s = sigma_at(q, a, b, noise)
                    off = abs(q - (a * mean[i, j, 0] + b * mean[i, j, 1] + d))
                    if off > limits[3] * q * q + limits[4] * s:
                        continue
                    length = np.sqrt(a * a + b * b + d * d)
                    angle = limits[1] + limits[2] * s * slope / (length * np.sqrt(sums[i, j, 0]))
                    if cosine(plane, i, j, a, b, d) < np.cos(min(angle, 0.6)):
                        continue
                    region[i, j] = count
                    queue[tail] = i * cols + j
                    tail += 1
                    add_cell(total, sums, i, j, s**-2)
                if head >= refit or head == tail:
                    refit = 2 * tail
                    a, b, d, _ = solve(total)
            if tail < smallest:
                for k in range(tail):
                    region[queue[k] // cols, queue[k] % cols] = -1
            else:
                count += 1
    return region, count


@njit(cache=True, nogil=True, error_model="numpy")
def region_sums(region: Int32, count: int, sums: Float64, mean: Float64, noise: Float64) -> tuple[Float64, Float64]:
    """Weighted sums (K, 10) and pixel counts (K,) per region: weights are inverse variances of q."""
    out, pixels = np.zeros((count, N_SUMS)), np.zeros(count)
    for r in range(region.shape[0]):
        for c in range(region.shape[1]):
            k = region[r, c]
            if k >= 0:
                add_cell(out[k], sums, r, c, sigma_q(mean[r, c, 2], noise) ** -2)
                pixels[k] += sums[r, c, 0]
    return out, pixels


@njit(cache=True, nogil=True, error_model="numpy")
def _some_cells(region: Int32, number: int, most: int, out: Int64) -> int:
    """Cells of a region, evenly thinned to about `most`, as r * C + c in `out`; their number."""
    flat = region.ravel()
    count = 0
    for cell in range(len(flat)):
        if flat[cell] == number:
            out[count] = cell
            count += 1
    step = max(count // most, 1)
    kept = 0
    for t in range(0, count, step):
        out[kept] = out[t]
        kept += 1
    return kept


@njit(cache=True, nogil=True, error_model="numpy")
def gap_seen(
    region: Int32,
    i: int,
    j: int,
    mean: Float64,
    sums: Float64,
    joint: tuple[float, float, float],
    noise: Float64,
    reach: float,
    scratch: Int64,
) -> bool:
    """Whether regions i and j of one plane are parted by something seen *behind* the plane, or by more than `reach` m.

    What hides the plane between them (a thing that stands on the table) does not part them.
    """
    cols = region.shape[1]
    ones, others = scratch[0], scratch[1]
    many, few = _some_cells(region, i, 300, ones), _some_cells(region, j, 40, others)
    best, ri, ci, rj, cj = reach * reach, -1, 0, 0, 0
    for t in range(few):
        r2, c2 = others[t] // cols, others[t] % cols
        z = 1 / mean[r2, c2, 2]
        x, y = mean[r2, c2, 0] * z, mean[r2, c2, 1] * z
        for s in range(many):
            r1, c1 = ones[s] // cols, ones[s] % cols
            w = 1 / mean[r1, c1, 2]
            far = (mean[r1, c1, 0] * w - x) ** 2 + (mean[r1, c1, 1] * w - y) ** 2 + (w - z) ** 2
            if far < best:
                best, ri, ci, rj, cj = far, r1, c1, r2, c2
    if ri < 0:
        return True
    steps = max(abs(ri - rj), abs(ci - cj))
    behind = 0
    for t in range(1, steps):
        r, c = ri + (rj - ri) * t // steps, ci + (cj - ci) * t // steps
        if sums[r, c, 0] < 1 or region[r, c] == i or region[r, c] == j:
            continue
        q = mean[r, c, 2]
        here = joint[0] * mean[r, c, 0] + joint[1] * mean[r, c, 1] + joint[2]
        behind += q < here - 0.02 * q * q - 3 * sigma_q(q, noise)
    return 4 * behind > max(steps - 1, 1)


@njit(cache=True, nogil=True, error_model="numpy")
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
                a = 0.5 * (plane[r, c, 0] + plane[r2, c2, 0])
                b = 0.5 * (plane[r, c, 1] + plane[r2, c2, 1])
                x, y = mean[r2, c2, 0] - mean[r, c, 0], mean[r2, c2, 1] - mean[r, c, 1]
                off = (mean[r2, c2, 2] - mean[r, c, 2] - a * x - b * y) / sigma_q(mean[r, c, 2], noise)
                length[i, j] += 1
                length[j, i] += 1
                step[i, j] += off
                step[j, i] -= off
    return length, step


@njit(cache=True, nogil=True, error_model="numpy")
def merge(
    region: Int32,
    count: int,
    sums: Float64,
    plane: Float64,
    mean: Float64,
    noise: Float64,
    limits: Float64,
    reach: float,
) -> Float64:
    """Join pieces of one plane in place, larger first; numbers stay, some unused. Returns the regions' sums (K, 10).

    Two regions are pieces of one plane when they are flat together, or meet without a step on a slightly bent one.
    `limits` are (angle; offset, and offset of pieces that meet without a step, in metres at 1 m; mean squared residual
    of such).
    """
    total, pixels = region_sums(region, count, sums, mean, noise)
    length, step = borders(region, count, plane, mean, noise)
    order = np.argsort(-pixels, kind="mergesort")
    alive = pixels > 0
    least = np.cos(limits[0])
    unit, fit = np.zeros((count, 3)), np.zeros((count, 4))
    for k in range(count):
        _note_fit(total, pixels, k, unit, fit)
    both = np.empty(N_SUMS)
    scratch = np.empty((2, region.size), np.int64)
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
                if unit[i, 0] * unit[j, 0] + unit[i, 1] * unit[j, 1] + unit[i, 2] * unit[j, 2] < least:
                    continue
                z = total[j, 0] / total[j, 6]
                q = (fit[i, 0] * total[j, 1] + fit[i, 1] * total[j, 2] + fit[i, 2] * total[j, 0]) / total[j, 0]
                off = abs(1 / z - q) * z * z
                meet = length[i, j] >= 4 and abs(step[i, j] / length[i, j]) < 1.2 and off < limits[2] * z * z
                flush = off < limits[1] * z * z
                if not (meet or flush):
                    continue
                for k in range(N_SUMS):
                    both[k] = total[i, k] + total[j, k]
                a, b, c, _ = solve(both)
                # Mean squared residuals in standard deviations: on the joint plane, and what these pixels have anyway.
                worst = max(residual(total[i], a, b, c) / pixels[i], residual(total[j], a, b, c) / pixels[j])
                if not ((flush and worst < 1.5 * max(fit[i, 3], fit[j, 3]) + 1.0) or (meet and worst < limits[3])):
                    continue
                if length[i, j] < 2 and gap_seen(region, i, j, mean, sums, (a, b, c), noise, reach, scratch):
                    continue
                total[i] += total[j]
                pixels[i] += pixels[j]
                _note_fit(total, pixels, i, unit, fit)
                for k in range(count):
                    length[i, k] += length[j, k]
                    step[i, k] += step[j, k]
                for k in range(count):
                    length[k, i] += length[k, j]
                    step[k, i] += step[k, j]
                alive[j] = False
                total[j] = 0
                for r in range(region.shape[0]):
                    for k in range(region.shape[1]):
                        if region[r, k] == j:
                            region[r, k] = i
                changed = True
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _note_fit(total: Float64, pixels: Float64, k: int, unit: Float64, fit: Float64) -> None:
    """Region k's own plane (a, b, c) and mean squared residual in `fit`, its normal in `unit`."""
    if pixels[k] <= 0:
        return
    a, b, c, rest = solve(total[k])
    fit[k, 0], fit[k, 1], fit[k, 2], fit[k, 3] = a, b, c, rest * total[k, 0] / pixels[k]
    length = max(np.sqrt(a * a + b * b + c * c), 1e-12)
    unit[k, 0], unit[k, 1], unit[k, 2] = a / length, b / length, c / length
