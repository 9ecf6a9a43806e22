"""Loops over pixels for `edge_alignment`. Import only where used: numba takes a while to load."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]

GAP_PX = 24
"""Longest run of pixels without a reading across which two readings still make an edge."""
CEILING = 60.0
"""Colour steps (sum over channels) count no more than this, so that a few stark ones do not decide."""


@njit(cache=True, nogil=True)
def depth_edges(depth: Array, kd: Array, fx: float, fy: float) -> Array:
    """(n, 3) float32: where near things end, on every second line: x and y in pixels of a camera with focal lengths
    fx, fy from its principal point, and the axis (0 = x) along which depth jumps.
    """
    h, w = depth.shape
    out = np.empty((h * w, 3), dtype=np.float32)
    n = 0
    for axis in range(2):
        lines, length = (h, w) if axis == 0 else (w, h)
        for line in range(0, lines, 2):
            last, before = -1, 0.0
            for s in range(length):
                z = depth[line, s] if axis == 0 else depth[s, line]
                if z <= 0:
                    continue
                if last >= 0 and s - last <= GAP_PX and abs(z - before) > 0.05 + 0.06 * min(z, before):
                    at = last + 0.5 if before < z else s - 0.5
                    u, v = (at, float(line)) if axis == 0 else (float(line), at)
                    out[n, 0], out[n, 1], out[n, 2] = (u - kd[2]) / kd[0] * fx, (v - kd[3]) / kd[1] * fy, axis
                    n += 1
                last, before = s, z
    return out[:n].copy()


@njit(cache=True, nogil=True)
def color_steps(color: Array) -> Array:
    """(2, H, W) float32: sum over channels of the step to the next pixel along x and along y, with a ceiling."""
    h, w = color.shape[:2]
    out = np.zeros((2, h, w), dtype=np.float32)
    for i in range(h):
        for j in range(w):
            for axis in range(2):
                y, x = i + axis, j + 1 - axis
                if y < h and x < w:
                    e = 0.0
                    for c in range(3):
                        e += abs(float(color[i, j, c]) - float(color[y, x, c]))
                    out[axis, i, j] = min(e, CEILING)
    return out


@njit(cache=True, nogil=True)
def step_under(edges: Array, steps: Array, centre: Array, theta: Array) -> float:
    """Sum of colour steps where depth edges fall after scaling and shifting by `theta`."""
    h, w = steps.shape[1:]
    total = 0.0
    for n in range(len(edges)):
        x = edges[n, 0] * theta[0] + centre[0] + theta[1]
        y = edges[n, 1] * theta[0] + centre[1] + theta[2]
        axis = int(edges[n, 2])
        # The step between pixels p and p + 1 stands at p + 0.5.
        j = math.floor(x) if axis == 0 else math.floor(x + 0.5)
        i = math.floor(y + 0.5) if axis == 0 else math.floor(y)
        if 0 <= i < h and 0 <= j < w:
            total += steps[axis, i, j]
    return total
