"""Compiled loops that keep thin things from falling through a voxel grid. Imported on first use only."""

from __future__ import annotations

import numpy as np
from numba import njit

from sceneforge.core.arrays import Float32, UInt8

GAP_PX = 12
"""Widest stretch without readings between a thin thing and what lies behind it: the sensor's shadow."""
SUPPORT = 0.5
"""A run of pixels is a thing only if it goes on in the lines beside it, within this share of the jump in depth."""


@njit(cache=True, nogil=True)
def thicken(depth: Float32, fx: float, fy: float, least_m: float, jump_m: float) -> tuple[Float32, UInt8]:
    """Depth (H, W) in which thin near things are as wide as `least_m`, and (H, W) where they are: 1.

    What is narrower than a voxel has no voxel inside it, and the rays that pass it on both sides would carve it away. A
    thing is thin where readings along a row (or column) end on both sides at others at least `jump_m` behind, within
    `least_m`; it must go on in the rows (columns) beside it, or it is a speck of noise.
    """
    height, width = depth.shape
    out = depth.copy()
    thin = np.zeros((height, width), np.uint8)
    kept = np.zeros((height, width), np.uint8)
    for axis in range(2):
        f = fx if axis == 0 else fy
        thin[:] = 0
        lines, length = (height, width) if axis == 0 else (width, height)
        for line in range(lines):
            _mark(depth, axis, line, length, f, least_m, jump_m, thin)
        for line in range(1, lines - 1):
            _widen(depth, axis, line, length, f, least_m, jump_m, thin, out, kept)
    return out, kept


@njit(cache=True, nogil=True, inline="always")
def _at(image: Float32, axis: int, line: int, s: int) -> float:
    return float(image[line, s] if axis == 0 else image[s, line])


@njit(cache=True, nogil=True)
def _mark(
    depth: Float32, axis: int, line: int, length: int, focal: float, least_m: float, jump_m: float, thin: UInt8
) -> None:
    """Mark the readings of one line that belong to runs narrower than `least_m` before something farther."""
    start, before = -1, 0.0  # of the run that came forward last, and what lay before it
    last, last_at = 0.0, -1
    for s in range(length):
        d = _at(depth, axis, line, s)
        if d <= 0:
            continue
        if last_at >= 0 and s - last_at <= GAP_PX:
            if last - d > jump_m:
                start, before = s, last
            elif d - last > jump_m:
                if start >= 0 and before - last > jump_m and last_at + 1 - start < least_m * focal / last:
                    for t in range(start, last_at + 1):
                        if axis == 0:
                            thin[line, t] = 1
                        else:
                            thin[t, line] = 1
                start = -1
        elif last_at >= 0:
            start = -1
        last, last_at = d, s


@njit(cache=True, nogil=True)
def _widen(
    depth: Float32,
    axis: int,
    line: int,
    length: int,
    focal: float,
    least_m: float,
    jump_m: float,
    thin: UInt8,
    out: Float32,
    kept: UInt8,
) -> None:
    """Widen the thin runs of one line to `least_m`, those that go on in both lines beside it; note them in `kept`."""
    s = 0
    while s < length:
        if not (thin[line, s] if axis == 0 else thin[s, line]):
            s += 1
            continue
        start, goes_on, total = s, np.zeros(2, np.uint8), 0.0
        while s < length and (thin[line, s] if axis == 0 else thin[s, line]) and _at(depth, axis, line, s) > 0:
            d = _at(depth, axis, line, s)
            total += d
            for side in range(2):
                other = line + 2 * side - 1
                for t in range(max(s - 1, 0), min(s + 2, length)):
                    marked = thin[other, t] if axis == 0 else thin[t, other]
                    if marked and abs(_at(depth, axis, other, t) - d) < SUPPORT * jump_m:
                        goes_on[side] = 1
            s += 1
        many = s - start
        if many == 0:
            s += 1
            continue
        if not (goes_on[0] and goes_on[1]):
            continue
        for t in range(start, s):
            if axis == 0:
                kept[line, t] = 1
            else:
                kept[t, line] = 1
        mean = total / many
        more = int(least_m * focal / mean - many + 1) // 2
        for step in range(1, more + 1):
            for end in range(2):
                t = start - step if end == 0 else s - 1 + step
                if 0 <= t < length:
                    value = _at(depth, axis, line, start if end == 0 else s - 1)
                    old = _at(out, axis, line, t)
                    if old <= 0 or old > value + 0.5 * jump_m:
                        if axis == 0:
                            out[line, t], kept[line, t] = value, 1
                        else:
                            out[t, line], kept[t, line] = value, 1
