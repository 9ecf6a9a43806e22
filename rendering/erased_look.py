"""What comes in a removed thing's place gets the frame's blur and the noise it lacks: means of many views are clean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, UInt8
from sceneforge.core.color import TO_LINEAR, TO_SRGB

from .camera_blur import blurred, extra_blur
from .camera_look import LEVELS, TILE, LookTracker, measure, measure_noise
from .region import Rect

TYPICAL_BLUR = 0.8
"""Variance in px^2 that gathered surface has of its own: that of the frames it comes from, and of sampling."""


class FrameLook:
    """The look of one frame.

    Args:
        color: (H, W, 3) the frame.
        number: Chooses the noise's pattern.
        tracker: Makes the noise; nothing is carried over in it from frame to frame.
    """

    def __init__(self, color: UInt8, number: int, tracker: LookTracker) -> None:
        self._look = measure(color)
        self._grain = tracker.grain(self._look, number)
        self._blur = extra_blur(self._look.blur - TYPICAL_BLUR * np.eye(2))

    def worn(self, made: Float32, where: NDArray[np.bool_], around: UInt8, rect: Rect) -> UInt8:
        """(h, w, 3) sRGB of linear colours (h, w, 3) as this frame would show them.

        Args:
            made: What is to be shown.
            where: (h, w) the pixels that it is known for.
            around: (h, w, 3) sRGB of the picture, for the others.
            rect: Where in the picture this is.
        """
        filled = np.where(where[..., None], made, TO_LINEAR[around]).astype(np.float32)
        soft = np.clip(blurred(filled, self._blur) if self._blur.any() else filled, 0, 1)
        clean = TO_SRGB[(soft * (len(TO_SRGB) - 1) + 0.5).astype(np.int64)].astype(np.float32)
        alone = np.where(where[..., None], clean, 0).astype(np.uint8)  # black blocks are not measured
        own = measure_noise(alone)
        lacking = np.sqrt(np.maximum(self._look.noise**2 - own**2, 0))
        level = np.clip(clean * (LEVELS / 256) - 0.5, 0, LEVELS - 1)
        middles = np.arange(LEVELS)
        strength = np.stack([np.interp(level[..., c], middles, lacking[c]) for c in range(3)], axis=-1)
        y, x = np.arange(rect.y0, rect.y1) % TILE, np.arange(rect.x0, rect.x1) % TILE
        noisy = clean + strength * self._grain[y[:, None], x[None]]
        return np.asarray(np.clip(noisy + 0.5, 0, 255), dtype=np.uint8)
