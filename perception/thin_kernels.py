"""Compiled loops that keep thin things from falling through a voxel grid. Imported on first use only."""

from __future__ import annotations

import numpy as np
from numba import njit

from sceneforge.core.arrays import Float32, UInt8

GAP_PX = 12
"""Widest stretch without readings between a thin thing and what lies behind it: the sensor's shadow."""
SUPPORT = 0.5
"""A run of pixels is a thing only if it goes on in the lines beside it, within this share of the jump in depth."""


@njit(cache=True, nogil=True, error_model="numpy")
def thicken(depth: Float32, fx: float, fy: float, least_m: float, jump_m: float) -> tuple[Float32, UInt8]:
    """Depth (H, W) in which thin near things are as wide as `least_m`, and (H, W) where they are: 1.

    What is narrower than a voxel has no voxel inside it, and the rays that pass it on both sides would carve it away. A
    thing is thin where readings along a row (or column) end on both sides at others at least `jump_m` behind, within
    `least_m`; it must go on in the rows (columns) beside it, or it is a speck of noise.
    """
    out, kept = depth.copy(), np.zeros(depth.shape, np.uint8)
    _along_rows(depth, fx, least_m, jump_m, out, kept)
    # Columns are rows of the image turned over: memory is read in order.
    _along_rows(np.ascontiguousarray(depth.T), fy, least_m, jump_m, out.T, kept.T)
    return out, kept


@njit(cache=True, nogil=True, error_model="numpy")
def _along_rows(depth: Float32, focal: float, least_m: float, jump_m: float, out: Float32, kept: UInt8) -> None:
    thin = np.zeros(depth.shape, np.uint8)
    marked = np.zeros(len(depth), np.bool_)
    for line in range(len(depth)):
        marked[line] = _mark(depth[line], focal, least_m, jump_m, thin[line])
    for line in range(1, len(depth) - 1):
        if marked[line]:
            _widen(depth, line, focal, least_m, jump_m, thin, out, kept)


@njit(cache=True, nogil=True, error_model="numpy")
def _mark(row: Float32, focal: float, least_m: float, jump_m: float, thin: UInt8) -> bool:
    """Mark the readings of a row that belong to runs narrower than `least_m` before something farther; whether any."""
    start, before, found = -1, 0.0, False  # of the run that came forward last, and what lay before it
    last, last_at = 0.0, -1
    for s in range(len(row)):
        d = float(row[s])
        if d <= 0:
            continue
        if last_at >= 0 and s - last_at <= GAP_PX:
            if last - d > jump_m:
                start, before = s, last
            elif d - last > jump_m:
                if start >= 0 and before - last > jump_m and last_at + 1 - start < least_m * focal / last:
                    thin[start : last_at + 1] = 1
                    found = True
                start = -1
        elif last_at >= 0:
            start = -1
        last, last_at = d, s
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _widen(
    depth: Float32, line: int, focal: float, least_m: float, jump_m: float, thin: UInt8, out: Float32, kept: UInt8
) -> None:
    """Widen the thin runs of one row to `least_m`, those that go on in both rows beside it; note them in `kept`."""
    length = depth.shape[1]
    s = 0
    while s < length:
        if not thin[line, s]:
            s += 1
            continue
        start, goes_on, total = s, np.zeros(2, np.uint8), 0.0
        while s < length and thin[line, s] and depth[line, s] > 0:
            d = float(depth[line, s])
            total += d
            for side in range(2):
                other = line + 2 * side - 1
                for t in range(max(s - 1, 0), min(s + 2, length)):
                    if thin[other, t] and abs(float(depth[other, t]) - d) < SUPPORT * jump_m:
                        goes_on[side] = 1
            s += 1
        many = s - start
        if many == 0:
            s += 1
            continue
        if not (goes_on[0] and goes_on[1]):
            continue
        for t in range(start, s):
            kept[line, t] = 1
        mean = total / many
        more = int(least_m * focal / mean - many + 1) // 2
        for step in range(1, more + 1):
            for end in range(2):
                t = start - step if end == 0 else s - 1 + step
                if 0 <= t < length:
                    value = depth[line, start if end == 0 else s - 1]
                    old = out[line, t]
                    if old <= 0 or old > value + 0.5 * jump_m:
                        out[line, t], kept[line, t] = value, 1
