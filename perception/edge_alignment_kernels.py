"""Loops over pixels for `edge_alignment`. Import only where used: numba takes a while to load."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]

CEILING = 60.0
"""Colour steps (sum over channels) count no more than this, so that a few stark ones do not decide."""


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
