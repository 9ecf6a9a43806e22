"""Paint merged into a frame, with the camera's noise: the loops, compiled by numba.

A pixel on an outline shows some of the old surface and some of what stands before it. The old surface's colour is known
from a few pixels further, and how much of the pixel shows it from the matte; taken out, the rest is what stands before
it (as in blue screen matting: Smith and Blinn, SIGGRAPH 1996). So no rim of the old surface is left.
"""

from __future__ import annotations

import math

import numpy as np

from .kernels import Array, kernel, smooth

SIDE = 4
"""Pixels around an outline's pixel from which the two colours are taken."""
APART = 0.12
"""Distance of the two sides' colours, square roots of linear light, from which a rim would be seen."""
OFF_LINE = 0.2
"""A pixel that lies this far off the line between the two, relative to their distance, shows something third."""
SHOULDER = 0.8
"""Linear light from which the camera's response bends, as cameras do before they clip."""


@kernel
def beneath(picture: Array, alpha: Array, to_linear: Array) -> Array:
    """(h, w, 3) float32 linear light of a picture; at outlines of what stands there alone, without the old surface.

    Args:
        picture: (h, w, 3) uint8 sRGB without paint.
        alpha: (h, w) coverage by the paint.
    """
    h, w = alpha.shape
    under = np.empty((h, w, 3), dtype=np.float32)
    mine, other = np.zeros(3), np.zeros(3)
    for i in range(h):
        for j in range(w):
            for c in range(3):
                under[i, j, c] = to_linear[picture[i, j, c]]
            low, high = 1.0, 0.0
            for y in range(max(i - 1, 0), min(i + 2, h)):
                for x in range(max(j - 1, 0), min(j + 2, w)):
                    low, high = min(low, alpha[y, x]), max(high, alpha[y, x])
            if high < 0.6 or low > 0.4:
                continue
            n_mine, n_other = 0, 0
            mine[:], other[:] = 0.0, 0.0
            for y in range(max(i - SIDE, 0), min(i + SIDE + 1, h)):
                for x in range(max(j - SIDE, 0), min(j + SIDE + 1, w)):
                    if max(abs(y - i), abs(x - j)) < 2:
                        continue
                    if alpha[y, x] > 0.95:
                        n_mine += 1
                        for c in range(3):
                            mine[c] += math.sqrt(to_linear[picture[y, x, c]])
                    elif alpha[y, x] < 0.05:
                        n_other += 1
                        for c in range(3):
                            other[c] += math.sqrt(to_linear[picture[y, x, c]])
            if n_mine < 4 or n_other < 4:
                continue
            length, along, rest = 0.0, 0.0, 0.0
            for c in range(3):
                mine[c], other[c] = mine[c] / n_mine, other[c] / n_other
                length += (mine[c] - other[c]) ** 2
                along += (math.sqrt(under[i, j, c]) - other[c]) * (mine[c] - other[c])
            share = min(max(along / max(length, 1e-9), 0.0), 1.0)
            for c in range(3):
                rest += (math.sqrt(under[i, j, c]) - other[c] - share * (mine[c] - other[c])) ** 2
            trust = smooth(APART, 2.0 * APART, math.sqrt(length))
            trust *= 1.0 - smooth(0.5 * OFF_LINE, OFF_LINE, math.sqrt(rest / max(length, 1e-9)))
            a = alpha[i, j]
            for c in range(3):
                alone = under[i, j, c] - a * mine[c] * mine[c]
                if a < 0.98:
                    alone = min(max(alone / (1.0 - a), 0.0), max(under[i, j, c], other[c] * other[c]))
                else:
                    alone = other[c] * other[c]
                under[i, j, c] += trust * (alone - under[i, j, c])
    return under


@kernel
def merge(
    picture: Array,
    under: Array,
    layer: Array,
    alpha: Array,
    blades: Array,
    noise: Array,
    grain: Array,
    to_srgb: Array,
) -> None:
    """Lay paint into a picture (h, w, 3) uint8, in place; pixels without paint keep their bytes.

    Args:
        under: (h, w, 3) linear light of what the paint leaves.
        layer: (h, w, 4) linear light of the paint times its coverage, and coverage.
        alpha: (h, w) how much of the pixel it takes.
        blades: (h, w, 4) what stands on it, as `layer`; (1, 1, 4) = nothing.
        noise: (3, n) the frame's noise over n brightness classes, in bytes.
        grain: (side, side, 3) noise of unit deviation.
    """
    h, w = alpha.shape
    steps, classes, side = len(to_srgb) - 1, noise.shape[1], len(grain)
    tall = blades.shape[0] > 1
    color = np.zeros(3)
    for i in range(h):
        for j in range(w):
            a = alpha[i, j]
            b = blades[i, j, 3] if tall else 0.0
            if a < 0.004 and b < 0.004:
                continue
            color[:] = 0.0
            if a >= 0.004:
                total = layer[i, j, 3]
                if total > 0.01:
                    for c in range(3):
                        color[c] = layer[i, j, c] / total
                else:  # the outline was moved outwards by a pixel
                    total = 0.0
                    for y in range(max(i - 2, 0), min(i + 3, h)):
                        for x in range(max(j - 2, 0), min(j + 3, w)):
                            total += layer[y, x, 3]
                            for c in range(3):
                                color[c] += layer[y, x, c]
                    for c in range(3):
                        color[c] /= max(total, 1e-6)
            for c in range(3):
                x = under[i, j, c] * (1.0 - a) + shouldered(color[c]) * a
                if b > 0:
                    x = x * (1.0 - b) + shouldered(blades[i, j, c] / b) * b
                x = min(max(x, 0.0), 1.0) * steps
                n = min(int(x), steps - 1)
                value = to_srgb[n] + (to_srgb[n + 1] - to_srgb[n]) * (x - n)
                level = min(max(value * classes / 256.0 - 0.5, 0.0), classes - 1.001)
                q = int(level)
                deviation = noise[c, q] + (noise[c, q + 1] - noise[c, q]) * (level - q)
                value += max(a, b) * deviation * grain[i % side, j % side, c]
                picture[i, j, c] = np.uint8(min(max(value, 0.0), 255.0) + 0.499)


@kernel
def shouldered(x: float) -> float:
    """Light above SHOULDER bent so that it nears 1 without reaching it."""
    room = 1.0 - SHOULDER
    return x if x < SHOULDER else SHOULDER + room * (1.0 - math.exp(-(x - SHOULDER) / room))
