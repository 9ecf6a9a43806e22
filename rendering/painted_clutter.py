"""Thin things on a floor that depth does not see: tube legs and runners of chairs, cables, dark struts.

Depth cameras see through black and chromed tubes to the floor behind, and runners lie in the floor's own height. In the
picture they differ from the floor around them. What counts as different is said by the floor itself: mean and spread of
its colours within a window, found again without what stood out (iterated trimming), so that on a patterned rug little
counts and on plain boards much. Only what is thin and hangs together with something that does stand there is taken for
a thing; sun and shadow change brightness more than colour, and are none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, UInt8
from sceneforge.core.color import TO_LINEAR

WINDOW = 1 / 9
"""Of the picture's width: where a floor's colours are compared."""
DARKEST = 0.004
"""Linear light below which colour is noise."""
FLOOR_SPREAD = 0.12
"""Log colour by which the plainest floor varies."""
PLAIN_SHARE = 0.65
"""Of a window's floor that must be alike; otherwise it is patterned and all of it counts."""
TRIM, MAYBE, SURE = 2.2, 2.3, 4.0
"""Distances in spreads: left out of the floor's own statistics; part of a thing; surely a thing."""
HALF_WIDTH = 1 / 50
"""Of the picture's width: half the thickest thing looked for."""
REACH = 1 / 70
"""Of the picture's width: how near to something that stands there it must begin."""
LEADS = 1 / 40
"""Of the picture's width: so far it must lead away from there; strips along outlines are blur and contact shadow."""
LENGTH = 1 / 36
"""Of the picture's width: the shortest one."""
LIGHT_TINT = 0.18
"""Changes of log colour below this share of that of log brightness are light."""
RIM = 2.0
"""Pixels beside what stands there whose colours mix with it."""
BLOWN, GREY = 250, 232
"""sRGB of a channel that is lost, and of the least one of something that is white."""
BLACK = 2.0
"""Darker than the floor by more log brightness: no shadow."""


def clutter(color: UInt8, matte: Float32, solid: NDArray[np.bool_]) -> Float32:
    """(H, W) float32 0..1: thin things before a surface.

    Args:
        color: (H, W, 3) sRGB.
        matte: (H, W) 0..1, how much of each pixel shows the surface as far as depth tells.
        solid: (H, W) pixels that surely show something else.
    """
    import cv2

    height, width = matte.shape
    none = np.zeros((height, width), dtype=np.float32)
    floor = matte > 0.5
    if floor.sum() < 400 or not solid.any():
        return none
    distance = _distance(color, floor)
    maybe = floor & (distance > MAYBE)
    apart = cv2.distanceTransform((~solid).astype(np.uint8), cv2.DIST_L2, 5)
    maybe &= apart > RIM
    n, found, stats, _ = cv2.connectedComponentsWithStats(maybe.astype(np.uint8), connectivity=8)
    if n < 2:
        return none
    parts: NDArray[np.int32] = np.asarray(found, dtype=np.int32)
    thick = cv2.distanceTransform(maybe.astype(np.uint8), cv2.DIST_L2, 3)
    widest, farthest = np.zeros(n), np.zeros(n)
    np.maximum.at(widest, parts[maybe], thick[maybe])
    np.maximum.at(farthest, parts[maybe], apart[maybe])
    attached, sure = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    attached[np.unique(parts[apart < max(RIM + 2, width * REACH)])] = True
    sure[np.unique(parts[distance > SURE])] = True
    long_ = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) > width * LENGTH
    leads = farthest > width * LEADS
    kept = attached & sure & long_ & leads & (widest < width * HALF_WIDTH) & (widest > 1.2)
    kept[0] = False
    thing = np.asarray(kept[parts], dtype=np.uint8)
    # A tube's highlight and its dark side are two strips with floor colour between.
    closed = cv2.morphologyEx(thing, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    grown = cv2.dilate(closed, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(grown, (0, 0), 0.7), dtype=np.float32)


def _distance(color: UInt8, floor: NDArray[np.bool_]) -> Float32:
    """(H, W) how far each pixel's colour lies from the floor's around it, in the floor's own spreads."""
    import cv2

    log = np.log(cv2.GaussianBlur(TO_LINEAR[color], (0, 0), 0.8) + np.float32(DARKEST))
    look = np.stack([log.mean(axis=2), 2 * (log[..., 0] - log[..., 1]), 2 * (log[..., 2] - log[..., 1])], axis=-1)
    look = np.ascontiguousarray(look, dtype=np.float32)
    side = 2 * round(color.shape[1] * WINDOW / 2) + 1
    weight = floor.astype(np.float32)
    away = look
    first = distance = np.zeros(floor.shape, dtype=np.float32)
    for n in range(3):
        total = (cv2.blur(weight, (side, side)) + np.float32(1e-6))[..., None]
        mean = cv2.blur(look * weight[..., None], (side, side)) / total
        spread = np.maximum(cv2.blur(look * look * weight[..., None], (side, side)) / total - mean * mean, 0)
        away = look - mean
        distance = np.sqrt((away * away / (spread + np.float32(FLOOR_SPREAD**2))).sum(axis=2))
        first = distance if n == 0 else first
        weight = (floor & (distance < TRIM)).astype(np.float32)
    # Where much was left out, that was the floor's own pattern.
    whole = cv2.blur(floor.astype(np.float32), (side, side))
    distance = np.where(cv2.blur(weight, (side, side)) < PLAIN_SHARE * whole, first, distance)
    light, tint = away[..., 0], np.hypot(away[..., 1], away[..., 2]) / 2
    lit = (tint < LIGHT_TINT * np.abs(light)) & (light > -BLACK)
    # Where sun blows a channel out, its colour is lost; chrome is blown out in all of them.
    lit |= (light > 0) & (color.max(axis=2) >= BLOWN) & (color.min(axis=2) < GREY)
    return np.asarray(np.where(lit, 0, distance), dtype=np.float32)
