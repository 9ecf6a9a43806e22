"""Compiled loops of the plane sweep. Imported on first use only: numba is slow to import."""

from __future__ import annotations

import numpy as np
from numba import njit

from sceneforge.core.arrays import Float32


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
