"""Blank borders of recorded pictures: registered or undistorted frames often carry strips that show nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import UInt8

WIDEST = 0.05
"""Of the picture's side: thicker strips are taken for what the camera saw."""
LEAST_SHARE = 0.6
"""A strip runs along at least this share of its side."""
BLACK, WHITE = 3, 252


def blank_border(color: UInt8) -> NDArray[np.bool_] | None:
    """(H, W) pixels in a purely black or purely white strip along a side; None where there is none, as mostly.

    The pixel beside the strip is counted too: it mixes both.
    """
    out = None
    for turns in range(4):
        side = np.rot90(color, turns)
        depth = max(2, round(side.shape[0] * WIDEST))
        top = side[:depth]
        for alike in (top >= WHITE, top <= BLACK):
            pure: NDArray[np.bool_] = np.asarray(alike.all(axis=2))
            run = np.where(pure.all(axis=0), depth, np.argmin(pure, axis=0))
            if not pure[0].any() or (run > 0).mean() < LEAST_SHARE or np.median(run[run > 0]) > 0.8 * depth:
                continue
            out = np.zeros(color.shape[:2], dtype=np.bool_) if out is None else out
            # Where dirt cuts a run short its neighbours tell how far the strip goes.
            reach = np.maximum(run, np.minimum(np.roll(run, 2), np.roll(run, -2)))
            strip = np.arange(depth)[:, None] < (reach + 1)[None] * (reach > 0)[None]
            np.rot90(out, turns)[:depth] |= strip
    return out
