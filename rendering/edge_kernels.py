"""Widths of single edges of a picture, read off the brightness across them."""

from __future__ import annotations

import math

import numba
import numpy as np

from sceneforge.core.arrays import Float32, Float64

REACH = 56
"""Half pixels that a profile reaches to either side."""
SEEK = 8
"""Half pixels that the steepest point may lie away from where the edge was found."""
LOW, HIGH = 0.15, 0.85
SPREAD = 2.2
"""Distance between the crossings of LOW and HIGH over standard deviation: 2.07 for a Gaussian, 2.42 for a line."""
LOOKUP = 0.1
"""Variance that looking up between pixels adds, px^2."""
PLATEAU = 0.25
"""Share of its contrast by which an edge's sides may come back within half its width: else it is a bar's flank."""


@numba.njit(cache=True, fastmath=False)
def edge_widths(grey: Float32, places: Float64, normals: Float64, noise: float) -> tuple[Float64, Float64]:
    """Variance (n,) px^2 of the blur across edges, NaN where there is no clean step, and their contrasts (n,).

    Args:
        grey: (H, W) brightness, 0..255.
        places: (n, 2) x, y on the edges.
        normals: (n, 2) unit, across the edges towards the brighter side.
        noise: Standard deviation of the picture's noise.
    """
    h, w = grey.shape
    count = 2 * REACH + 1
    variances, contrasts = np.full(len(places), np.nan), np.zeros(len(places))
    p = np.zeros(count)
    for i in range(len(places)):
        nx, ny = normals[i]
        reach = 0.5 * REACH + 2
        x0, y0 = places[i, 0], places[i, 1]
        if x0 - reach < 0 or y0 - reach < 0 or x0 + reach >= w - 1 or y0 + reach >= h - 1:
            continue
        for j in range(count):
            s = 0.5 * (j - REACH)
            total = 0.0
            for t in range(-1, 2):
                x, y = x0 + s * nx - t * ny, y0 + s * ny + t * nx
                c, r = int(x), int(y)
                fx, fy = x - c, y - r
                above = grey[r, c] * (1 - fx) + grey[r, c + 1] * fx
                below = grey[r + 1, c] * (1 - fx) + grey[r + 1, c + 1] * fx
                total += above * (1 - fy) + below * fy
            p[j] = total / 3
        variances[i], contrasts[i] = _width(p, noise)
    return variances, contrasts


@numba.njit(cache=True)
def _width(p: Float64, noise: float) -> tuple[float, float]:
    best, steepest = -1, 0.0
    for j in range(REACH - SEEK, REACH + SEEK + 1):
        slope = p[j + 2] - p[j - 2]
        if slope > steepest:
            best, steepest = j, slope
    if best < 0:
        return math.nan, 0.0
    slack = max(1.0, 1.5 * noise, 0.3 * steepest)
    top = _end(p, best, 1, slack)
    bottom = _end(p, best, -1, slack)
    length = top - bottom
    if top + 2 >= len(p) or bottom < 2 or length < 1:
        return math.nan, 0.0
    # The level of a side is the mean of what follows its end, so that noise does not add to the contrast.
    beyond = max(4, length // 2)
    if top + beyond >= len(p) or bottom - beyond < 0:
        return math.nan, 0.0
    light, dark = p[top : top + beyond + 1].mean(), p[bottom - beyond : bottom + 1].mean()
    contrast = light - dark
    if contrast < max(16.0, 6 * noise):
        return math.nan, 0.0
    above, below = np.abs(p[top : top + beyond + 1] - light).max(), np.abs(p[bottom - beyond : bottom + 1] - dark).max()
    if max(above, below) > PLATEAU * contrast:
        return math.nan, 0.0
    a = _crossing(p, best, -1, dark + LOW * contrast)
    b = _crossing(p, best, 1, dark + HIGH * contrast)
    sigma = 0.5 * (b - a) / SPREAD
    return sigma * sigma - LOOKUP, contrast


@numba.njit(cache=True)
def _end(p: Float64, start: int, step: int, slack: float) -> int:
    """Where the profile stops rising (step 1) or, going back, falling (step -1)."""
    end, j = start, start
    while 0 <= j + step < len(p):
        j += step
        gain = step * (p[j] - p[end])
        if gain > 0:
            if gain > 0.02 * slack * abs(j - end):
                end = j
        elif gain < -slack or abs(j - end) > 6:
            break
    return end


@numba.njit(cache=True)
def _crossing(p: Float64, start: int, step: int, level: float) -> float:
    """Place, in samples, where the profile passes the level going from `start`, which may lie beyond it already."""
    j = start
    while 0 < j < len(p) - 1 and step * (p[j] - level) > 0:
        j -= step
    while 0 < j + step < len(p) - 1 and step * (p[j + step] - level) < 0:
        j += step
    rise = p[j + step] - p[j]
    share = (level - p[j]) / rise if rise != 0 else 0.0
    return j + step * min(max(share, 0.0), 1.0)
