"""Where depth jumps from one surface to another. Import only where used: numba takes a while to load."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

GAP_PX = 24
"""Longest run of pixels without a reading across which two readings still make an edge."""


@njit(cache=True, nogil=True)
def jumps(a: float, b: float) -> bool:
    """Whether two readings (metres) are on different surfaces, for sure."""
    return abs(a - b) > 0.05 + 0.06 * min(a, b)


@njit(cache=True, nogil=True)
def depth_edges(depth: NDArray[Any]) -> NDArray[Any]:
    """(n, 5) float32: where near things end, on every second row and column of `depth` (h, w) in metres, 0 = none.

    Each is x and y in pixels, the axis along which depth jumps (0 = x), whether the near thing comes first along it,
    and its depth.
    """
    h, w = depth.shape
    out = np.empty((h * w, 5), dtype=np.float32)
    n = 0
    for axis in range(2):
        lines, length = (h, w) if axis == 0 else (w, h)
        for line in range(0, lines, 2):
            last, before = -1, 0.0
            for s in range(length):
                z = depth[line, s] if axis == 0 else depth[s, line]
                if z <= 0:
                    continue
                if last >= 0 and s - last <= GAP_PX and jumps(z, before):
                    at = last + 0.5 if before < z else s - 0.5
                    out[n, 0], out[n, 1] = (at, line) if axis == 0 else (line, at)
                    out[n, 2], out[n, 3], out[n, 4] = axis, before < z, min(before, z)
                    n += 1
                last, before = s, z
    return out[:n].copy()
