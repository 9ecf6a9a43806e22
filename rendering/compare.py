"""Before and after in one picture."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sceneforge.core.arrays import UInt8

Compare = Literal["none", "side", "wipe"]
"""Not at all; captured and finished picture side by side; a line that sweeps over from one to the other."""
SWEEP_S = 4.0
"""Time in which the line goes over and back."""


def compared(before: UInt8, after: UInt8, how: Compare, time_s: float) -> UInt8:
    """The picture to show: (H, W, 3) or, side by side, (H, 2 W, 3).

    Args:
        before: (H, W, 3) uint8 as captured.
        after: (H, W, 3) uint8 finished.
        how: See `Compare`.
        time_s: Seconds since the start of the video, for the line.
    """
    if how == "none":
        return after
    w = after.shape[1]
    bar = max(round(w / 320), 1)
    if how == "side":
        out = np.concatenate([before, after], axis=1)
        out[:, w - bar : w + bar] = 255
        return out
    share = 0.5 - 0.42 * np.cos(2 * np.pi * time_s / SWEEP_S)
    x = round(w * share)
    out = after.copy()
    out[:, x:] = before[:, x:]
    out[:, max(x - bar, 0) : x + bar] = 255
    return out
