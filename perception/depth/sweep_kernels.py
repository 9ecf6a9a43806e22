"""Compiled loops of the plane sweep. Imported on first use only: numba is slow to import."""

from __future__ import annotations

import numpy as np
from numba import njit

from sceneforge.core.arrays import Float32


@njit(cache=True, nogil=True)
def best_half(
    mean: Float32,
    square: Float32,
    product: Float32,
    own_mean: Float32,
    own_spread: Float32,
    texture: Float32,
    noise: float,
    outside: float,
    out: Float32,
) -> None:
    """Matching cost (h, w) of one plane: the mean over the better half of the views, by normalised correlation.

    Args:
        mean, square, product: (k, h, w) window means of each view, of its square, and of its product with the picture.
        own_mean, own_spread: (h, w) the picture's own window means and standard deviations.
        texture: (h, w) 0..1 how much its windows say.
        noise: Standard deviation of luminance that is the camera's own.
        outside: Cost where a view does not reach.
        out: (h, w), written.
    """
    views, h, w = mean.shape
    keep = (views + 1) // 2
    one, half, zero = np.float32(1), np.float32(0.5), np.float32(0)
    own, beyond = np.float32(noise**2), np.float32(outside)
    held = np.empty(views, np.float32)
    for y in range(h):
        for x in range(w):
            t = texture[y, x]
            for k in range(views):
                m = mean[k, y, x]
                cost = beyond
                if m >= 0:
                    s = np.sqrt(max(square[k, y, x] - m * m, zero) + own)
                    differs = one - (product[k, y, x] - m * own_mean[y, x]) / (s * own_spread[y, x])
                    cost = t * min(max(differs, zero), one) + (one - t) * half
                at = k
                while at > 0 and held[at - 1] > cost:
                    held[at] = held[at - 1]
                    at -= 1
                held[at] = cost
            total = zero
            for k in range(keep):
                total += held[k]
            out[y, x] = total / np.float32(keep)


@njit(cache=True, nogil=True)
def aggregate(cost: Float32, gray: Float32, dy: int, dx: int, small: float, large: float, total: Float32) -> None:
    """Add to `total` the cheapest paths that reach each pixel along one direction (Hirschmüller 2008, eq. 13).

    Args:
        cost: (h, w, d) matching costs.
        gray: (h, w) luminance: jumps are cheaper where it changes.
        dy, dx: Direction, each -1, 0 or 1.
        small: Penalty of one step between neighbours.
        large: Penalty of any other jump.
        total: (h, w, d) added to.
    """
    h, w, n = cost.shape
    before = np.zeros((w, n), np.float32)
    now = np.zeros((w, n), np.float32)
    p1 = np.float32(small)
    for i in range(h):
        y = i if dy >= 0 else h - 1 - i
        for j in range(w):
            x = j if dx >= 0 else w - 1 - j
            py, px = y - dy, x - dx
            if py < 0 or py >= h or px < 0 or px >= w:
                for d in range(n):
                    now[x, d] = cost[y, x, d]
                    total[y, x, d] += now[x, d]
                continue
            previous = now[px] if dy == 0 else before[px]
            least = previous[0]
            for d in range(1, n):
                least = min(least, previous[d])
            p2 = max(np.float32(large) / (1 + abs(gray[y, x] - gray[py, px]) * np.float32(0.1)), 2 * p1)
            for d in range(n):
                best = min(previous[d], least + p2)
                if d > 0:
                    best = min(best, previous[d - 1] + p1)
                if d < n - 1:
                    best = min(best, previous[d + 1] + p1)
                now[x, d] = cost[y, x, d] + best - least
            for d in range(n):
                total[y, x, d] += now[x, d]
        if dy != 0:
            before, now = now, before


@njit(cache=True, nogil=True)
def winners(total: Float32) -> tuple[Float32, Float32]:
    """(h, w) position of the lowest cost, between steps by a parabola, and (h, w) certainty 0..1.

    Certainty is how much lower it is than the lowest cost elsewhere, relative to that; 0 at either end of the search.
    """
    h, w, n = total.shape
    at = np.zeros((h, w), np.float32)
    certainty = np.zeros((h, w), np.float32)
    for y in range(h):
        for x in range(w):
            best = 0
            for d in range(1, n):
                if total[y, x, d] < total[y, x, best]:
                    best = d
            if best == 0 or best == n - 1:
                continue
            a, b, c = total[y, x, best - 1], total[y, x, best], total[y, x, best + 1]
            bend = a - 2 * b + c
            at[y, x] = best + (np.float32(0.5) * (a - c) / bend if bend > 1e-9 else np.float32(0))
            second = np.float32(1e9)
            for d in range(n):
                if abs(d - best) > 3:
                    second = min(second, total[y, x, d])
            certainty[y, x] = max((second - b) / max(second, np.float32(1e-6)), np.float32(1e-6))
    return at, certainty
