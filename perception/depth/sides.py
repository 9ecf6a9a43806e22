"""On which side of a depth edge each pixel lies that the sensor read.

Where two surfaces meet, a wrong choice costs the whole step between them, and a few such pixels make the root mean
square. The two surfaces are known from firm pixels around; what is left is a yes or no for each pixel.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from sceneforge.core.arrays import Float32, UInt8

from .threads import in_parts

BAND_PX = 2
"""Pixels this near a depth edge of the filled image are asked, in pixels of a picture 640 wide."""
REACH_PX = 6
"""Half the window in which the other surface is looked for, likewise."""
BLUR_PX = 0.35
"""Blur of the colour against its noise: more would mix the sides."""
DECLINE = 2.2
"""Exponent that turns stored colours into linear light."""


def choose_sides(
    planes: Float32, s: Float32, color: UInt8, own: Float32, unit: Float32, least: float, px: float
) -> None:
    """Move read pixels at depth edges to the surface that readings and colours around speak for.

    Args:
        planes: (3, H, W) w, gx, gy of the filled image; changed in place.
        s: (H, W) standard deviation of w; changed in place.
        color: (H, W, 3) uint8 sRGB.
        own: (H, W) the sensor's w, 0 = none.
        unit: (H, W) standard deviation of a reading's w.
        least: Smallest depth edge, as a share of w.
        px: Width of the picture over 640.
    """
    import cv2

    from .kernels import jumps
    from .side_kernels import near_odds, other_surfaces

    w = planes[0]
    edge = (jumps(w, planes[1], planes[2], 0.25 * unit, least, 0) > 0).astype(np.uint8)
    size = 2 * max(round(BAND_PX * px), 1) + 1
    todo = np.argwhere((cv2.dilate(edge, np.ones((size, size), np.uint8)) > 0) & (own > 0)).astype(np.int32)
    firm = np.where(own > 0, np.float32(1), np.float32(0.3))
    firm[cv2.dilate(edge, np.ones((3, 3), np.uint8)) > 0] = 0
    other = np.empty(len(todo), np.float32)
    in_parts(
        len(todo), partial(_run, other_surfaces, (todo, planes, firm, unit, least, max(round(REACH_PX * px), 3), other))
    )
    todo, other = todo[other > 0], other[other > 0]
    y, x = todo.T
    mine = w[y, x]
    near, far = np.maximum(mine, other), np.minimum(mine, other)
    linear = cv2.GaussianBlur((255 * (np.arange(256) / 255) ** DECLINE).astype(np.float32)[color], (0, 0), BLUR_PX)
    odds = np.empty(len(todo), np.float32)
    in_parts(len(todo), partial(_run, near_odds, (todo, linear, own, near, far, odds)))
    chosen = np.where(odds > 0, near, far)
    moved = chosen != mine
    w[y, x] = chosen
    planes[1:, y[moved], x[moved]] = 0
    wrong = 1 / (1 + np.exp(np.abs(odds)))
    s[y, x] = np.sqrt(np.minimum(s[y, x], 3 * unit[y, x]) ** 2 + wrong * (near - far) ** 2)


def _run(kernel: object, arguments: tuple[object, ...], first: int, last: int) -> None:
    kernel(first, last, *arguments)  # type: ignore[operator]
