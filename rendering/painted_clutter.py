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
LOOK = np.array([(1 / 3, 1 / 3, 1 / 3), (2, -2, 0), (0, -2, 2)], dtype=np.float32)
"""From log colours to log brightness and twice two log ratios."""
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
HALF_M = 0.04
"""Half the thickest one in metres: far away, shadows and seams of a floor are thin in the picture too."""
REACH = 1 / 70
"""Of the picture's width: how near to something that stands there it must begin."""
LEADS = 1 / 40
"""Of the picture's width: so far it must lead away from there; strips along outlines are blur and contact shadow."""
LENGTH = 1 / 36
"""Of the picture's width: the shortest one."""
LIGHT_TINT = 0.18
"""Changes of log colour below this share of that of log brightness are light."""
KNOWN = 0.7
"""How well other frames must know the surface's colour: not where a thing stood before it differently in each."""
KNOWN_PATTERN, CONTRAST = 0.05, 0.8
"""The same of a pattern, and the log colour over PATTERN that makes one."""
PATTERN = 1 / 64
"""Of the picture's width: the window in which a pattern shows both of its colours."""
FULL = (0.4, 0.6)
"""Share of the floor in a window that is pattern, from which there may be a rug, and from which there is."""
PALE = 1.0
"""Share of that contrast by which a pattern's colours may lie beyond those of the mean of all views."""
SHINE = 0.5
"""Log light by which a frame may differ around a place."""
RIM = 2.0
"""Pixels beside what stands there whose colours mix with it."""
BLOWN, GREY = 250, 232
"""sRGB of a channel that is lost, and of the least one of something that is white."""
SUN_RIM = 1 / 200
"""Of the picture's width: half the narrowest patch of sun that blows a colour out, and as wide as its rim."""
BLACK = 2.0
"""Darker than the floor by more log brightness: no shadow."""


def clutter(
    color: UInt8, matte: Float32, solid: NDArray[np.bool_], expected: Float32, metre: Float32 | None = None
) -> Float32:
    """(H, W) float32 0..1: thin things before a surface.

    Args:
        color: (H, W, 3) sRGB.
        matte: (H, W) 0..1, how much of each pixel shows the surface as far as depth tells.
        solid: (H, W) pixels that surely show something else.
        expected: (H, W, 4) linear light of the bare surface there as other frames saw it, and 0..1 how well that is
            known: where they agree on a colour and the pixel has it, it is the surface's own.
        metre: (H, W) pixels that a metre across the view takes there, inf where unknown; None = nowhere known.
    """
    import cv2

    height, width = matte.shape
    out = np.zeros((height, width), dtype=np.float32)
    floor = matte > 0.5
    if np.count_nonzero(floor) < 400 or not solid.any():
        return out
    rows, columns = np.flatnonzero(floor.any(axis=1)), np.flatnonzero(floor.any(axis=0))
    part = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    floor = np.ascontiguousarray(floor[part])
    distance = _distance(np.ascontiguousarray(color[part]), floor, np.ascontiguousarray(expected[part]), width)
    apart = np.asarray(cv2.distanceTransform((~solid).astype(np.uint8), cv2.DIST_L2, 5)[part], dtype=np.float32)
    thickest = np.full(floor.shape, width * HALF_WIDTH, dtype=np.float32)
    if metre is not None:
        thickest = np.minimum(thickest, np.float32(HALF_M) * metre[part])
    thing = _things(distance, (distance > MAYBE) & (apart > RIM), apart, thickest, width)
    if thing is None:
        return out
    # A tube's highlight and its dark side are two strips with floor colour between.
    closed = cv2.morphologyEx(thing, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    grown = cv2.dilate(closed, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))).astype(np.float32)
    out[part] = cv2.GaussianBlur(grown, (0, 0), 0.7)
    return out


def _things(distance: Float32, maybe: NDArray[np.bool_], apart: Float32, thickest: Float32, width: int) -> UInt8 | None:
    """(h, w) 1 where parts of `maybe` are thin (half as thick as `thickest` pixels at most), clear, and lead away from
    what stands there; None where none do."""
    import cv2

    n, found, stats, _ = cv2.connectedComponentsWithStats(maybe.astype(np.uint8), connectivity=8)
    if n < 2:
        return None
    at = np.flatnonzero(maybe)
    part: NDArray[np.int32] = np.asarray(found, dtype=np.int32).ravel()[at]
    thick = cv2.distanceTransform(maybe.astype(np.uint8), cv2.DIST_L2, 3).ravel()[at]
    away = apart.ravel()[at]
    widest, share = np.zeros(n), np.zeros(n)
    farthest, nearest, clearest = np.zeros(n), np.full(n, np.inf), np.zeros(n)
    np.maximum.at(widest, part, thick)
    np.maximum.at(share, part, thick / thickest.ravel()[at])
    np.maximum.at(farthest, part, away)
    np.minimum.at(nearest, part, away)
    np.maximum.at(clearest, part, distance.ravel()[at])
    long_ = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) > width * LENGTH
    kept = (nearest < max(RIM + 2, width * REACH)) & (clearest > SURE) & long_
    kept &= (farthest > width * LEADS) & (share < 1) & (widest > 1.2)
    kept[0] = False
    if not kept.any():
        return None
    thing = np.zeros(maybe.shape, dtype=np.uint8)
    thing.ravel()[at] = kept[part]
    return thing


def _distance(color: UInt8, floor: NDArray[np.bool_], expected: Float32, width: int) -> Float32:
    """(h, w) how far each pixel's colour lies from the floor's around it, in the floor's own spreads."""
    import cv2

    from .painted_matte_kernels import stands_out

    look = _look(TO_LINEAR[color])
    mean, variance = _statistics(look, floor, width)
    # Where sun blows a channel out, its colour is lost; chrome is blown out in all of them.
    r, g, b = cv2.split(color)
    bright = look[..., 0] > mean[..., 0]
    blown = bright & (cv2.max(cv2.max(r, g), b) >= BLOWN) & (cv2.min(cv2.min(r, g), b) < GREY) & floor
    rim = 2 * round(width * SUN_RIM) + 1
    sun = cv2.morphologyEx(blown.astype(np.uint8), cv2.MORPH_OPEN, np.ones((rim, rim), np.uint8))
    lit = blown | (bright & (cv2.dilate(sun, np.ones((2 * rim + 1,) * 2, np.uint8)) > 0))
    lit |= _explained(look, floor, expected, width)
    return np.asarray(stands_out(look, mean, variance, color, floor, lit, FLOOR_SPREAD, LIGHT_TINT, BLACK), np.float32)


def _statistics(look: Float32, floor: NDArray[np.bool_], width: int) -> tuple[Float32, Float32]:
    """(h, w, 3) mean and variance of the floor's look around each pixel, without what stands out: every second pixel of
    every second row says as much as all."""
    import cv2

    few, there = np.ascontiguousarray(look[::2, ::2]), np.ascontiguousarray(floor[::2, ::2])
    weight, square = there.astype(np.float32), few * few
    side = 2 * round(width * WINDOW / 4) + 1
    results = []
    for _ in range(3):
        total = (cv2.blur(weight, (side, side)) + np.float32(1e-6))[..., None]
        mean = cv2.blur(few * weight[..., None], (side, side)) / total
        variance = np.maximum(cv2.blur(square * weight[..., None], (side, side)) / total - mean * mean, 0)
        results.append((mean, variance))
        away = few - mean
        away *= away / (variance + np.float32(FLOOR_SPREAD**2))
        weight = (there & (away[..., 0] + away[..., 1] + away[..., 2] < TRIM**2)).astype(np.float32)
    # Where much was left out, that was the floor's own pattern.
    pattern = cv2.blur(weight, (side, side)) < PLAIN_SHARE * cv2.blur(there.astype(np.float32), (side, side))
    size = floor.shape[::-1]
    mean, variance = (
        cv2.resize(np.where(pattern[..., None], a, b), size, interpolation=cv2.INTER_LINEAR)
        for a, b in zip(results[0], results[2], strict=True)
    )
    return np.asarray(mean, np.float32), np.asarray(variance, np.float32)


def _explained(look: Float32, floor: NDArray[np.bool_], expected: Float32, width: int) -> NDArray[np.bool_]:
    """(h, w) pixels that look as the bare surface does there in the other frames, a pixel or two beside at most."""
    import cv2

    known = floor & (expected[..., 3] > KNOWN_PATTERN)
    if not known.any():
        return known
    before = _look(np.ascontiguousarray(expected[..., :3]))
    around = np.ones((5, 5), np.uint8)
    low, high = cv2.erode(before, around), cv2.dilate(before, around)
    # Views of a pattern agree less, as they lie a little beside each other, and their mean is paler than it is.
    side = 2 * round(width * PATTERN / 2) + 1
    contrast = cv2.dilate(before, np.ones((side, side), np.uint8)) - cv2.erode(before, np.ones((side, side), np.uint8))
    contrast[~cv2.erode(floor.astype(np.uint8), around).astype(bool)] = 0
    patterned = np.clip(contrast.max(axis=2) / CONTRAST, 0, 1)
    # A runner on plain boards is a line of other colour too; a rug is full of them.
    around_it = (2 * round(width * WINDOW / 2) + 1,) * 2
    share = cv2.blur(patterned, around_it) / (cv2.blur(floor.astype(np.float32), around_it) + np.float32(1e-6))
    rug = np.clip((share - FULL[0]) / (FULL[1] - FULL[0]), 0, 1).astype(np.float32)
    rug = cv2.dilate(rug, np.ones(around_it, np.uint8))  # its border has plain floor on one side
    patterned, contrast = patterned * rug, contrast * rug[..., None]
    known &= expected[..., 3] > KNOWN - (KNOWN - KNOWN_PATTERN) * patterned
    low, high = low - PALE * contrast, high + PALE * contrast
    weight = np.ascontiguousarray(known[::2, ::2]).astype(np.float32)
    side = 2 * round(width * WINDOW / 4) + 1
    shine = cv2.blur((look[::2, ::2] - before[::2, ::2]) * weight[..., None], (side, side))
    shine = shine / (cv2.blur(weight, (side, side)) + np.float32(1e-6))[..., None]  # and what exposures leave
    offset = cv2.resize(np.clip(shine, -SHINE, SHINE), floor.shape[::-1], interpolation=cv2.INTER_LINEAR)
    rest = look - offset
    away = np.maximum(np.maximum(rest - high, low - rest), 0)
    away *= away
    return np.asarray(known & (away[..., 0] + away[..., 1] + away[..., 2] < (MAYBE * FLOOR_SPREAD) ** 2))


def _look(linear: Float32) -> Float32:
    """(h, w, 3) log brightness and twice two log colour ratios, without the finest noise."""
    import cv2

    log = cv2.log(cv2.GaussianBlur(linear, (0, 0), 0.8) + np.float32(DARKEST))
    return np.asarray(cv2.transform(log, LOOK), dtype=np.float32)
