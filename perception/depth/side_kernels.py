"""Compiled loop that decides on which side of a depth edge a pixel lies. Imported on first use only."""

from __future__ import annotations

import numpy as np
from numba import njit

from sceneforge.core.arrays import Float32, Int32

RING_WEIGHTS = (0.55, 0.24, 0.46)
"""Log odds of a side per reading that lies on it: the pixel's own, those beside it, those two away."""
COLOR_WEIGHT = 3.2
"""Log odds of a colour that is wholly one side's."""
NEAR_LEAN = 0.55
"""Readings are lost on the far side, in the shadow of the near one."""
STEEPNESS = 4.0
PATTERNED = 2.0
"""How much the colours' own variance on either side counts against them."""
FAINT = 300.0
"""Squared distance of the two sides' colours in linear light (0..255) at which it is half believed."""


@njit(cache=True, nogil=True)
def near_odds(
    first: int,
    last: int,
    todo: Int32,
    linear: Float32,
    own: Float32,
    near: Float32,
    far: Float32,
    out: Float32,
) -> None:
    """Log odds that each pixel lies on the near one of two surfaces.

    Logistic regression of the true side of read pixels at depth edges of generated rooms (seeds 1 to 3), each weighed
    by its squared step: the sensor's readings within two pixels, which wander by half of one, and the colour between
    those of the readings two pixels away on either side. Linear light: there a mixed pixel is half one side's where
    the edge runs through its middle.

    Args:
        first, last: Which of `todo` to work on.
        todo: (n, 2) pixels, row and column.
        linear: (H, W, 3) colour in linear light, 0..255.
        own: (H, W) the sensor's w, 0 = none.
        near, far: (n,) w of the two surfaces.
        out: (n,) filled.
    """
    height, width = own.shape
    for i in range(first, last):
        y, x = todo[i, 0], todo[i, 1]
        middle, half = np.float32(0.5) * (near[i] + far[i]), np.float32(0.5) * (near[i] - far[i])
        odds = np.float32(NEAR_LEAN)
        a = np.zeros(3, np.float32)
        b = np.zeros(3, np.float32)
        count_a = count_b = square_a = square_b = np.float32(0)
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                yy, xx = y + dy, x + dx
                if yy < 0 or yy >= height or xx < 0 or xx >= width or own[yy, xx] <= 0:
                    continue
                side = min(max((own[yy, xx] - middle) / half, np.float32(-1)), np.float32(1))
                ring = max(abs(dy), abs(dx))
                odds += side * np.float32(RING_WEIGHTS[ring])
                if ring == 2:
                    for c in range(3):
                        a[c] += max(side, np.float32(0)) * linear[yy, xx, c]
                        b[c] += max(-side, np.float32(0)) * linear[yy, xx, c]
                        square_a += max(side, np.float32(0)) * linear[yy, xx, c] ** 2
                        square_b += max(-side, np.float32(0)) * linear[yy, xx, c] ** 2
                    count_a += max(side, np.float32(0))
                    count_b += max(-side, np.float32(0))
        if count_a > 0 and count_b > 0:
            apart = along = np.float32(0)
            patterned = square_a / count_a + square_b / count_b
            for c in range(3):
                mean_a, mean_b = a[c] / count_a, b[c] / count_b
                patterned -= mean_a * mean_a + mean_b * mean_b
                apart += (mean_a - mean_b) ** 2
                along += (linear[y, x, c] - mean_b) * (mean_a - mean_b)
            share = along / (apart + np.float32(30)) - np.float32(0.5)
            believed = apart / (apart + np.float32(FAINT) + np.float32(PATTERNED) * max(patterned, np.float32(0)))
            odds += np.float32(COLOR_WEIGHT) * np.tanh(np.float32(STEEPNESS) * share) * believed
        out[i] = odds


@njit(cache=True, nogil=True)
def other_surfaces(
    first: int,
    last: int,
    todo: Int32,
    samples: Float32,
    firm: Float32,
    noise: Float32,
    least: float,
    radius: int,
    out: Float32,
) -> None:
    """The surface beside each pixel that it is not on: the fullest bin of the firm samples that lie apart from it.

    Args:
        first, last: Which of `todo` to work on.
        todo: (n, 2) pixels, row and column.
        samples: (3, H, W) w, gx, gy; 0 = none.
        firm: (H, W) weight of a sample as a sign of a surface, 0 beside edges.
        noise: (H, W) standard deviation of w.
        least: Smallest depth edge, as a share of w.
        radius: Half the window's width.
        out: (n,) filled with its w at the pixel, 0 = there is none.
    """
    height, width = samples.shape[1:]
    spread = np.float32(-0.5 / (0.5 * radius) ** 2)
    size = (2 * radius + 1) ** 2
    bins, least_share = 32, np.float32(0.03)
    for i in range(first, last):
        y, x = todo[i, 0], todo[i, 1]
        out[i] = 0
        mine = samples[0, y, x]
        votes, weights = np.empty(size, np.float32), np.empty(size, np.float32)
        tolerance = max(np.float32(3) * noise[y, x], np.float32(0.5 * least) * mine)
        low, high = np.float32(1e9), np.float32(0)
        n = 0
        total = apart = np.float32(0)
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                yy, xx = y + dy, x + dx
                if yy < 0 or yy >= height or xx < 0 or xx >= width or firm[yy, xx] <= 0:
                    continue
                v = samples[0, yy, xx] - samples[1, yy, xx] * dx - samples[2, yy, xx] * dy
                k = firm[yy, xx] * np.exp(spread * (dx * dx + dy * dy))
                total += k
                if v > np.float32(0.02) and abs(v - mine) > tolerance:
                    votes[n], weights[n] = v, k
                    n += 1
                    apart += k
                    low, high = min(low, v), max(high, v)
        if mine <= 0 or n == 0 or apart < least_share * total:
            continue
        bin_width = max((high - low) / (bins - 1), tolerance)
        histogram = np.zeros(bins + 2, np.float32)
        for j in range(n):
            histogram[min(int((votes[j] - low) / bin_width + np.float32(0.5)), bins)] += weights[j]
        best, most = 0, np.float32(-1)
        for k in range(bins + 1):
            here = histogram[k] + np.float32(0.5) * ((histogram[k - 1] if k > 0 else 0) + histogram[k + 1])
            if here > most:
                best, most = k, here
        centre = low + best * bin_width
        s = sv = np.float32(0)
        for j in range(n):
            if abs(votes[j] - centre) <= np.float32(1.5) * bin_width:
                s += weights[j]
                sv += weights[j] * votes[j]
        if s > 0:
            out[i] = sv / s
