"""Compiled loops of the per-frame plane segmentation, fourth part: exact boundaries, final fits.

Conventions as in `frame_plane_cells`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, Int32

from .frame_plane_cells import N_SUMS, cosine, residual, sigma_at, sigma_q, solve

UInt16 = NDArray[np.uint16]
ALIKE = 0.88
"""Cosine between normals above which a lone cell may be a noisy piece of the plane: 28 degrees."""


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _claim(
    ids: UInt16, best: Float32, fresh: NDArray[np.bool_], tiles: Float32, span: Float32, right: Float32, down: Float32,
    r: int, c: int, side: int, K: Float64, plane: tuple[float, float, float], noise: Float64, label: int, late: float,
    widest: float,
) -> int:  # fmt: skip
    """Give `label` the pixels of cell (r, c) that lie nearest to its plane; returns how many it got.

    `ids` and `best` of a `fresh` cell have not been written yet.
    """
    a, b = plane[0] / K[0], plane[1] / K[1]
    start = plane[2] + a * (c * side - K[2]) + b * (r * side - K[3])
    middle = start + 0.5 * (a + b) * (side - 1)
    if middle <= 0:
        return 0
    sigma = sigma_at(middle, plane[0], plane[1], noise)
    reach = 0.5 * (abs(a) + abs(b)) * (side - 1) + widest * sigma
    if middle - reach > span[r, c, 1] or middle + reach < span[r, c, 0]:
        return 0
    p0, pa, pb, scale = np.float32(start), np.float32(a), np.float32(b), np.float32(1.0 / sigma)
    handicap, mine, got = np.float32(late), np.uint16(label), np.int32(0)
    # Without a branch inside, so that the compiler can do several pixels at once.
    if fresh[r, c]:
        fresh[r, c] = False
        limit = np.float32(widest)
        for i in range(len(right)):
            off = abs(tiles[r, c, i] - (p0 + pa * right[i] + pb * down[i])) * scale + handicap
            most = limit if tiles[r, c, i] > np.float32(0) else np.float32(-1)
            take = off < most
            best[r, c, i] = off if take else most
            ids[r, c, i] = mine if take else np.uint16(0)
            got += np.int32(1) if take else np.int32(0)
        return int(got)
    for i in range(len(right)):
        off = abs(tiles[r, c, i] - (p0 + pa * right[i] + pb * down[i])) * scale + handicap
        take = off < best[r, c, i]
        best[r, c, i] = off if take else best[r, c, i]
        ids[r, c, i] = mine if take else ids[r, c, i]
        got += np.int32(1) if take else np.int32(0)
    return int(got)


@njit(cache=True, nogil=True, error_model="numpy")
def _shifts(region: Int32, planes: Float64, mean: Float64) -> tuple[Float64, NDArray[np.bool_]]:
    """(R, C) how far each cell lies off its region's plane, averaged over 3 x 3 cells: sensors bend planes.

    Also whether all nine are of the region.
    """
    rows, cols = region.shape
    off, out, inner = np.zeros((rows, cols)), np.zeros((rows, cols)), np.zeros((rows, cols), np.bool_)
    for r in range(rows):
        for c in range(cols):
            k = region[r, c]
            if k >= 0:
                at = planes[k, 0] * mean[r, c, 0] + planes[k, 1] * mean[r, c, 1] + planes[k, 2]
                off[r, c] = mean[r, c, 2] - at
    for r in range(rows):
        for c in range(cols):
            k = region[r, c]
            if k < 0:
                continue
            total, n = 0.0, 0
            for i in range(max(r - 1, 0), min(r + 2, rows)):
                for j in range(max(c - 1, 0), min(c + 2, cols)):
                    if region[i, j] == k:
                        total += off[i, j]
                        n += 1
            out[r, c], inner[r, c] = total / n, n == 9
    return out, inner


@njit(cache=True, nogil=True, error_model="numpy")
def claim_pixels(
    region: Int32,
    planes: Float64,
    cell_plane: Float64,
    cell_mean: Float64,
    ratio: Float64,
    limit_ratio: float,
    tiles: Float32,
    span: Float32,
    K: Float64,
    side: int,
    noise: Float64,
    widest: float,
) -> UInt16:
    """Number of its plane + 1 (R, C, side * side) for each pixel: the plane that explains it best, within `widest`
    sigma. 0 = none, and K + 1 = a surface that is no plane.

    A plane is tried on its own cells and the ring around them, and goes on from cells that it partly explains. Flat
    cells that belong to no plane defend their pixels with their own fit, so that a plane does not creep up a curved
    or small thing that stands on it.
    """
    rows, cols = region.shape
    ids, best = np.empty(tiles.shape, np.uint16), np.empty(tiles.shape, np.float32)
    fresh = np.ones((rows, cols), np.bool_)
    right, down = np.empty(side * side, np.float32), np.empty(side * side, np.float32)
    for i in range(side * side):
        right[i], down[i] = i % side, i // side
    shift, inner = _shifts(region, planes, cell_mean)
    queue = np.empty((rows * cols * 9, 3), np.int32)
    shifts = np.empty(rows * cols * 9)
    tried = np.zeros((rows, cols, 8), np.int32)
    taken = np.zeros((rows, cols), np.bool_)
    head, tail = 0, 0
    for r in range(rows):
        for c in range(cols):
            k = region[r, c]
            if k >= 0:
                queue[tail, 0], queue[tail, 1], queue[tail, 2] = r, c, k
                shifts[tail] = shift[r, c]
                tried[r, c, 0] = k + 1
                tail += 1
    while head < tail:
        r, c, k = queue[head, 0], queue[head, 1], queue[head, 2]
        p = (planes[k, 0], planes[k, 1], planes[k, 2] + shifts[head])
        got = _claim(ids, best, fresh, tiles, span, right, down, r, c, side, K, p, noise, k + 1, 0.0, widest)
        taken[r, c] |= got > 0
        own = region[r, c] == k and not inner[r, c]
        if not own and region[r, c] < 0 and 6 * got > side * side:
            # Where the cell is flat in another direction, the plane only cuts through: no farther.
            flat = 0 <= ratio[r, c] < limit_ratio
            own = not (flat and cosine(cell_plane, r, c, planes[k, 0], planes[k, 1], planes[k, 2]) < ALIKE)
        if own:
            for i in range(max(r - 1, 0), min(r + 2, rows)):
                for j in range(max(c - 1, 0), min(c + 2, cols)):
                    if tail >= len(queue) or region[i, j] == k:
                        continue
                    for t in range(8):
                        if tried[i, j, t] == k + 1:
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
            p = (cell_plane[r, c, 0], cell_plane[r, c, 1], cell_plane[r, c, 2])
            for i in range(max(r - 1, 0), min(r + 2, rows)):
                for j in range(max(c - 1, 0), min(c + 2, cols)):
                    alike = not taken[i, j]
                    for t in range(8):
                        k = tried[i, j, t] - 1
                        if alike or k < 0:
                            break
                        alike = cosine(cell_plane, r, c, planes[k, 0], planes[k, 1], planes[k, 2]) > ALIKE
                    if not alike:
                        label = len(planes) + 1
                        _claim(ids, best, fresh, tiles, span, right, down, i, j, side, K, p, noise, label, 1.0, widest)
    for r in range(rows):
        for c in range(cols):
            if fresh[r, c]:
                ids[r, c] = 0
    return ids


@njit(cache=True, nogil=True, error_model="numpy")
def pixel_sums(
    ids: UInt16,
    only: Int32,
    tiles: Float32,
    cells: Float64,
    K: Float64,
    side: int,
    planes: Float64,
    noise: Float64,
) -> tuple[Float64, Float64]:
    """Sums (K, 10) over each plane's pixels, weighted by inverse variance, and (K, 6): pixels; points x, y, z; z^3; and
    squared distance along the ray over z, all summed. Cells that have one label (`only`) lend their own sums.
    """
    count = len(planes)
    height, width = ids.shape
    sums, facts = np.zeros((count, N_SUMS)), np.zeros((count, 6))
    part = np.zeros((count, N_SUMS))
    held = np.empty(side * side, np.int64)
    xs = (np.arange(width) - K[2]) / K[0]
    to_x, to_xx = np.append(0.0, np.cumsum(xs)), np.append(0.0, np.cumsum(xs * xs))
    for r in range(only.shape[0]):
        for c in range(only.shape[1]):
            v0, u0 = r * side, c * side
            if only[r, c] >= 0:
                k = only[r, c] - 1
                if 0 <= k < count and cells[r, c, 0] > 0:
                    _book(sums[k], facts[k], cells[r, c], planes[k], noise)
                continue
            many = 0
            for v in range(v0, min(v0 + side, height)):
                y, u, stop = (v - K[3]) / K[1], u0, min(u0 + side, width)
                while u < stop:  # run by run of one label
                    label = ids[v, u]
                    if label == 0:
                        u += 1
                        continue
                    q, qx, qq = 0.0, 0.0, 0.0
                    first = u
                    while u < stop and ids[v, u] == label:
                        value = np.float64(tiles[r, c, (v - v0) * side + u - u0])
                        q += value
                        qx += value * xs[u]
                        qq += value * value
                        u += 1
                    k = int(label) - 1
                    if k >= count:
                        continue
                    n, x, xx = float(u - first), to_x[u] - to_x[first], to_xx[u] - to_xx[first]
                    if part[k, 0] == 0:
                        held[many] = k
                        many += 1
                    part[k, 0] += n
                    part[k, 1] += x
                    part[k, 2] += n * y
                    part[k, 3] += xx
                    part[k, 4] += x * y
                    part[k, 5] += n * y * y
                    part[k, 6] += q
                    part[k, 7] += qx
                    part[k, 8] += q * y
                    part[k, 9] += qq
            for t in range(many):
                k = held[t]
                _book(sums[k], facts[k], part[k], planes[k], noise)
                part[k] = 0
    return sums, facts


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
def fits(total: Float64) -> Float64:
    """(a, b, c) per plane (K, 3) from its sums; zero where there are none."""
    out = np.zeros((len(total), 3))
    for k in range(len(total)):
        if total[k, 0] > 0:
            out[k, 0], out[k, 1], out[k, 2], _ = solve(total[k])
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def equations(total: Float64, region: Int32, mean: Float64, noise: Float64) -> tuple[Float64, Float64]:
    """Per plane from its sums: normal and offset (K, 4), and the covariance of those (K, 4, 4).

    Each cell counts as one observation with the scatter that cells really have: noise of neighbouring pixels goes
    together (disparity is matched in windows) and sensors bend planes, and the scatter of cell means holds both.
    """
    count = len(total)
    abc, out, covariance = fits(total), np.zeros((count, 4)), np.zeros((count, 4, 4))
    A, square, n = np.zeros((count, 3, 3)), np.zeros(count), np.zeros(count)
    for r in range(region.shape[0]):
        for c in range(region.shape[1]):
            k = region[r, c]
            if k < 0:
                continue
            x, y, q = mean[r, c, 0], mean[r, c, 1], mean[r, c, 2]
            w = 1.0 / sigma_q(q, noise) ** 2
            A[k, 0, 0] += w * x * x
            A[k, 0, 1] += w * x * y
            A[k, 0, 2] += w * x
            A[k, 1, 1] += w * y * y
            A[k, 1, 2] += w * y
            A[k, 2, 2] += w
            square[k] += w * (q - (abc[k, 0] * x + abc[k, 1] * y + abc[k, 2])) ** 2
            n[k] += 1
    J = np.empty((4, 3))
    for k in range(count):
        length = np.sqrt((abc[k] ** 2).sum())
        if length == 0 or n[k] < 4:
            continue
        A[k, 1, 0], A[k, 2, 0], A[k, 2, 1] = A[k, 0, 1], A[k, 0, 2], A[k, 1, 2]
        unit = abc[k] / length
        out[k, :3], out[k, 3] = -unit, 1 / length
        for i in range(3):  # n = -abc / |abc|, offset = 1 / |abc|
            for j in range(3):
                J[i, j] = (unit[i] * unit[j] - (1.0 if i == j else 0.0)) / length
            J[3, i] = -unit[i] / length**2
        covariance[k] = J @ (np.linalg.inv(A[k]) * (square[k] / (n[k] - 3))) @ J.T
    return out, covariance


@njit(cache=True, nogil=True, error_model="numpy")
def renumber(region: Int32, kept: NDArray[np.bool_]) -> Int32:
    """The regions with consecutive numbers, -1 where they are not `kept`."""
    rank, count = np.full(len(kept), -1, np.int32), 0
    for k in range(len(kept)):
        if kept[k]:
            rank[k] = count
            count += 1
    out = np.full(region.shape, -1, np.int32)
    for r in range(region.shape[0]):
        for c in range(region.shape[1]):
            if region[r, c] >= 0:
                out[r, c] = rank[region[r, c]]
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def relabel(ids: UInt16, rank: UInt16) -> None:
    """ids = rank[ids], in place."""
    flat = ids.ravel()
    for i in range(len(flat)):
        flat[i] = rank[flat[i]]
