"""Compiled loops of the per-frame plane segmentation, third part: exact boundaries, final fits.

Conventions as in `frame_plane_kernels`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, Int32

from .frame_plane_kernels import N_SUMS, cosine, residual, sigma_at, sigma_q, solve

LOCAL = np.uint16(65535)
"""Claim of a surface that is no plane; no plane has this number."""
ALIKE = 0.88
"""Cosine between normals above which a lone cell may be a noisy piece of the plane: 28 degrees."""


@njit(cache=True, nogil=True)
def _claim(
    ids: NDArray[np.uint16],
    best: Float32,
    inverse: Float32,
    span: Float64,
    r: int,
    c: int,
    side: int,
    K: Float64,
    plane: Float64,
    shift: float,
    noise: Float64,
    label: np.uint16,
    handicap: float,
    widest: float,
) -> int:
    """Give `label` the pixels of cell (r, c) that lie nearest to its plane; returns how many it got."""
    height, width = inverse.shape
    v0, u0 = r * side, c * side
    v1, u1 = min(v0 + side, height), min(u0 + side, width)
    a, b = plane[0] / K[0], plane[1] / K[1]
    start = plane[2] + shift + a * (u0 - K[2]) + b * (v0 - K[3])
    middle = start + a * 0.5 * (u1 - 1 - u0) + b * 0.5 * (v1 - 1 - v0)
    if middle <= 0:
        return 0
    sigma = sigma_at(middle, plane, noise)
    reach = 0.5 * (abs(a) * (u1 - 1 - u0) + abs(b) * (v1 - 1 - v0)) + widest * sigma
    if middle - reach > span[r, c, 1] or middle + reach < span[r, c, 0]:
        return 0
    scale = np.float32(1.0 / sigma)
    a32, late, got = np.float32(a), np.float32(handicap), 0
    for v in range(v0, v1):
        p = np.float32(start + b * (v - v0))
        q, old, out = inverse[v, u0:u1], best[v, u0:u1], ids[v, u0:u1]
        for i in range(u1 - u0):  # without a branch, so that the compiler can do several pixels at once
            off = abs(q[i] - (p + a32 * np.float32(i))) * scale + late
            take = off < old[i]
            old[i] = off if take else old[i]
            out[i] = label if take else out[i]
            got += take
    return got


@njit(cache=True, nogil=True)
def claim_pixels(
    region: Int32,
    planes: Float64,
    cell_plane: Float64,
    cell_mean: Float64,
    ratio: Float64,
    limit_ratio: float,
    inverse: Float32,
    span: Float64,
    K: Float64,
    side: int,
    noise: Float64,
    widest: float,
) -> NDArray[np.uint16]:
    """Number of its plane + 1 (H, W) for each pixel, 0 = none: the plane that explains it best, within `widest` sigma.

    A plane is tried on its own cells and the ring around them, and goes on from cells that it partly explains. Flat
    cells that belong to no plane defend their pixels with their own fit, so that a plane does not creep up a curved
    or small thing that stands on it.
    """
    rows, cols = region.shape
    ids = np.zeros(inverse.shape, np.uint16)
    best = np.empty(inverse.shape, np.float32)
    for v in range(inverse.shape[0]):
        for u in range(inverse.shape[1]):
            best[v, u] = np.float32(widest) if inverse[v, u] > 0 else np.float32(-1)
    shift = np.zeros((rows, cols))
    smooth = np.zeros((rows, cols))
    for r in range(rows):
        for c in range(cols):
            k = region[r, c]
            if k >= 0:
                m, p = cell_mean[r, c], planes[k]
                shift[r, c] = m[2] - (p[0] * m[0] + p[1] * m[1] + p[2])
    queue = np.empty((rows * cols * 9, 3), np.int32)
    shifts = np.empty(rows * cols * 9)
    tried = np.zeros((rows, cols, 8), np.int32)
    taken = np.zeros((rows, cols), np.bool_)
    head, tail = 0, 0
    for r in range(rows):
        for c in range(cols):
            k = region[r, c]
            if k < 0:
                continue
            total, n = 0.0, 0
            for i in range(max(r - 1, 0), min(r + 2, rows)):
                for j in range(max(c - 1, 0), min(c + 2, cols)):
                    if region[i, j] == k:
                        total += shift[i, j]
                        n += 1
            smooth[r, c] = total / n
            queue[tail, 0], queue[tail, 1], queue[tail, 2] = r, c, k
            shifts[tail] = smooth[r, c]
            tried[r, c, 0] = k + 1
            tail += 1
    while head < tail:
        r, c, k = queue[head, 0], queue[head, 1], queue[head, 2]
        got = _claim(
            ids, best, inverse, span, r, c, side, K, planes[k], shifts[head], noise, np.uint16(k + 1), 0.0, widest
        )
        taken[r, c] |= got > 0
        own = region[r, c] == k
        if not own and region[r, c] < 0 and 6 * got > side * side:
            # Where the cell is flat in another direction, the plane only cuts through: no farther.
            f = cell_plane[r, c]
            other = 0 <= ratio[r, c] < limit_ratio and cosine(planes[k], f[0], f[1], f[2]) < ALIKE
            own = not other
        if own:
            for i in range(max(r - 1, 0), min(r + 2, rows)):
                for j in range(max(c - 1, 0), min(c + 2, cols)):
                    known = tail >= len(queue) or region[i, j] == k
                    for t in range(8):
                        if tried[i, j, t] == k + 1:
                            known = True
                        if known:
                            break
                        if tried[i, j, t] == 0:
                            tried[i, j, t] = k + 1
                            queue[tail, 0], queue[tail, 1], queue[tail, 2] = i, j, k
                            shifts[tail] = shifts[head]
                            tail += 1
                            break
        head += 1
    for r in range(rows):
        for c in range(cols):
            if region[r, c] >= 0 or not 0 <= ratio[r, c] < limit_ratio:
                continue
            p0 = cell_plane[r, c]
            for i in range(max(r - 1, 0), min(r + 2, rows)):
                for j in range(max(c - 1, 0), min(c + 2, cols)):
                    alike = not taken[i, j]
                    for t in range(8):
                        k = tried[i, j, t] - 1
                        if alike or k < 0:
                            break
                        alike = cosine(planes[k], p0[0], p0[1], p0[2]) > ALIKE
                    if not alike:
                        _claim(
                            ids, best, inverse, span, i, j, side, K, cell_plane[r, c], 0.0, noise, LOCAL, 1.0, widest
                        )
    return ids


@njit(cache=True, nogil=True)
def tidy(ids: NDArray[np.uint16], inverse: Float32, side: int) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """A 3 x 3 majority where cells are mixed: noise decides no single pixel. Claims of `LOCAL` become 0.

    Also returns which cells (R, C) are mixed.
    """
    height, width = ids.shape
    rows, cols = (height + side - 1) // side, (width + side - 1) // side
    mixed = np.zeros((rows, cols), np.bool_)
    out = ids.copy()
    for r in range(rows):
        for c in range(cols):
            v0, u0 = r * side, c * side
            v1, u1 = min(v0 + side, height), min(u0 + side, width)
            first, other = ids[v0, u0], False
            for v in range(max(v0 - 1, 0), min(v1 + 1, height)):
                line = ids[v, max(u0 - 1, 0) : min(u1 + 1, width)]
                for i in range(len(line)):
                    other |= line[i] != first
                if other:
                    break
            mixed[r, c] = other
            if not other:
                if first == LOCAL:
                    out[v0:v1, u0:u1] = 0
                continue
            for v in range(v0, v1):
                for u in range(u0, u1):
                    mine = int(ids[v, u])
                    if inverse[v, u] > 0 and 0 < v < height - 1 and 0 < u < width - 1:
                        mine = _majority(ids, v, u)
                    out[v, u] = 0 if mine == LOCAL else mine
    return out, mixed


@njit(cache=True, nogil=True, inline="always")
def _majority(ids: NDArray[np.uint16], v: int, u: int) -> int:
    """The label of five or more of a pixel's 3 x 3 neighbours, else its own."""
    mine, same = ids[v, u], 0
    for t in range(9):
        same += ids[v + t // 3 - 1, u + t % 3 - 1] == mine
    if same >= 5:
        return int(mine)
    for t in range(5):
        label, votes = ids[v + t // 3 - 1, u + t % 3 - 1], 0
        for s in range(9):
            votes += ids[v + s // 3 - 1, u + s % 3 - 1] == label
        if votes >= 5:
            return int(label)
    return int(mine)


@njit(cache=True, nogil=True)
def pixel_sums(
    ids: NDArray[np.uint16],
    mixed: NDArray[np.bool_],
    inverse: Float32,
    cells: Float64,
    K: Float64,
    side: int,
    planes: Float64,
    noise: Float64,
) -> tuple[Float64, Float64]:
    """Sums (K, 10) over each plane's pixels, weighted by inverse variance, and (K, 6): pixels; points x, y, z; z^3; and
    squared distance along the ray over z, all summed. Cells of one plane alone lend their own sums.
    """
    count = len(planes)
    height, width = ids.shape
    sums, facts = np.zeros((count, N_SUMS)), np.zeros((count, 6))
    part = np.empty((count, N_SUMS))
    touched = np.zeros(count, np.bool_)
    for r in range(mixed.shape[0]):
        for c in range(mixed.shape[1]):
            v0, u0 = r * side, c * side
            if not mixed[r, c]:
                k = int(ids[v0, u0]) - 1
                if k >= 0 and cells[r, c, 0] > 0:
                    _book(sums[k], facts[k], cells[r, c], planes[k], noise)
                continue
            touched[:] = False
            for v in range(v0, min(v0 + side, height)):
                y = (v - K[3]) / K[1]
                for u in range(u0, min(u0 + side, width)):
                    k = int(ids[v, u]) - 1
                    if k < 0:
                        continue
                    if not touched[k]:
                        touched[k] = True
                        part[k] = 0
                    x, q, s = (u - K[2]) / K[0], np.float64(inverse[v, u]), part[k]
                    s[0] += 1
                    s[1] += x
                    s[2] += y
                    s[3] += x * x
                    s[4] += x * y
                    s[5] += y * y
                    s[6] += q
                    s[7] += q * x
                    s[8] += q * y
                    s[9] += q * q
            for k in range(count):
                if touched[k]:
                    _book(sums[k], facts[k], part[k], planes[k], noise)
    return sums, facts


@njit(cache=True, nogil=True)
def _book(sums: Float64, facts: Float64, cell: Float64, plane: Float64, noise: Float64) -> None:
    n, q = cell[0], cell[6] / cell[0]
    w = 1.0 / sigma_q(q, noise) ** 2
    for i in range(N_SUMS):
        sums[i] += w * cell[i]
    # 1 / q and 1 / q^3 over a cell, to second order in the spread of q.
    spread = max(cell[9] / n - q * q, 0.0) / (q * q)
    z = (1 + spread) / q
    facts[0] += n
    facts[1] += cell[1] * z
    facts[2] += cell[2] * z
    facts[3] += n * z
    facts[4] += n / q**3 * (1 + 6 * spread)
    facts[5] += residual(cell, plane[0], plane[1], plane[2]) / (q * q)


@njit(cache=True, nogil=True)
def equations(total: Float64, region: Int32, mean: Float64, noise: Float64) -> tuple[Float64, Float64, Float64]:
    """Per plane from its sums: (a, b, c) (K, 3), normal and offset (K, 4), and the covariance of those (K, 4, 4).

    Each cell counts as one observation with the scatter that cells really have: noise of neighbouring pixels goes
    together (disparity is matched in windows) and sensors bend planes, and the scatter of cell means holds both.
    """
    count = len(total)
    abc, out, covariance = np.zeros((count, 3)), np.zeros((count, 4)), np.zeros((count, 4, 4))
    A, square, n = np.zeros((count, 3, 3)), np.zeros(count), np.zeros(count)
    for k in range(count):
        if total[k, 0] > 0:
            abc[k, 0], abc[k, 1], abc[k, 2], _ = solve(total[k])
    f = np.empty(3)
    for r in range(region.shape[0]):
        for c in range(region.shape[1]):
            k = region[r, c]
            if k < 0:
                continue
            m, p = mean[r, c], abc[k]
            f[0], f[1], f[2] = m[0], m[1], 1.0
            w = 1.0 / sigma_q(m[2], noise) ** 2
            for i in range(3):
                for j in range(3):
                    A[k, i, j] += w * f[i] * f[j]
            square[k] += w * (m[2] - (p[0] * m[0] + p[1] * m[1] + p[2])) ** 2
            n[k] += 1
    J = np.empty((4, 3))
    for k in range(count):
        length = np.sqrt((abc[k] ** 2).sum())
        if length == 0 or n[k] < 4:
            continue
        unit = abc[k] / length
        out[k, :3], out[k, 3] = -unit, 1 / length
        for i in range(3):  # n = -abc / |abc|, offset = 1 / |abc|
            for j in range(3):
                J[i, j] = (unit[i] * unit[j] - (1.0 if i == j else 0.0)) / length
            J[3, i] = -unit[i] / length**2
        covariance[k] = J @ (np.linalg.inv(A[k]) * (square[k] / (n[k] - 3))) @ J.T
    return abc, out, covariance


@njit(cache=True, nogil=True)
def relabel(ids: NDArray[np.uint16], rank: NDArray[np.uint16]) -> None:
    """ids = rank[ids], in place."""
    for v in range(ids.shape[0]):
        for u in range(ids.shape[1]):
            ids[v, u] = rank[ids[v, u]]
