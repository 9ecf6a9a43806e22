"""Compiled loops on the shadows that near surfaces throw into a sensor of two eyes. Imported on first use only.

`w` is inverse depth, 1/m, 0 = silent. A thing at w hides what lies at w' behind it from the sensor's second eye, over a
width in pixels that grows with w - w'.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sceneforge.core.arrays import Float32, UInt8


@njit(cache=True, nogil=True)
def near_flanks(w: Float32, least: float, reach: int) -> tuple[UInt8, int, int]:
    """On which side of each silent pixel the nearer surface lies, along its row.

    Args:
        w: (H, W) inverse depth, 0 = silent.
        least: Smallest depth edge, as a share of w.
        reach: Widest gap looked across, pixels.

    Returns:
        (H, W) 1 = near on the left, 2 = near on the right, 0 = neither; pixels of each kind in gaps of 3 and more.
    """
    height, width = w.shape
    out = np.zeros((height, width), np.uint8)
    left = right = 0
    for y in range(height):
        last = -1
        for x in range(width):
            if w[y, x] <= 0:
                continue
            gap = x - last - 1
            if last >= 0 and 0 < gap <= reach:
                a, b = w[y, last], w[y, x]
                if abs(a - b) > least * min(a, b):
                    side = np.uint8(1) if a > b else np.uint8(2)
                    for k in range(last + 1, x):
                        out[y, k] = side
                    if gap >= 3:
                        if side == 1:
                            left += gap
                        else:
                            right += gap
            last = x
    return out, left, right


@njit(cache=True, nogil=True)
def shadow_widths(w: Float32, least: float, reach: int, side: int) -> Float32:
    """Width in pixels over step in inverse depth of the gaps beside near surfaces: f b of a sensor of two eyes.

    Args:
        w: (H, W) inverse depth, 0 = silent.
        least: Smallest depth edge, as a share of w.
        reach: Widest gap looked across, pixels.
        side: The near surface lies 1 = left, 2 = right of the gap.

    Returns:
        (n,) one per gap of 3 and more pixels.
    """
    height, width = w.shape
    out = np.empty(height * (width // 4 + 1), np.float32)
    n = 0
    for y in range(height):
        last = -1
        for x in range(width):
            if w[y, x] <= 0:
                continue
            gap = x - last - 1
            if last >= 0 and 3 <= gap <= reach:
                step = w[y, last] - w[y, x] if side == 1 else w[y, x] - w[y, last]
                if step > least * min(w[y, last], w[y, x]):
                    out[n] = gap / step
                    n += 1
            last = x
    return out[:n]


@njit(cache=True, nogil=True)
def shadow_caps(w: Float32, width_of_step: float, side: int, out: Float32) -> None:
    """Below which inverse depth a surface would lie in the shadow of the near ones beside it.

    A thing at w hides what lies at w' from the sensor's second eye over `width_of_step` * (w - w') pixels beside it.

    Args:
        w: (H, W) inverse depth, 0 = none.
        width_of_step: Pixels of shadow per 1/m.
        side: The near surface lies 1 = left, 2 = right of its shadow.
        out: (H, W) filled; 0 = nothing is hidden there.
    """
    height, width = w.shape
    slope = np.float32(1 / width_of_step)
    for y in range(height):
        cap = np.float32(0)
        for i in range(width):
            x = i if side == 1 else width - 1 - i
            out[y, x] = cap
            cap = max(max(cap, w[y, x]) - slope, np.float32(0))
