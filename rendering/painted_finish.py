"""Paint as the camera would have seen it: as blurred and as noisy as its frame, and merged with it at outlines."""

from __future__ import annotations

import numpy as np

from sceneforge.core import Frame
from sceneforge.core.arrays import Float32, UInt8
from sceneforge.core.color import TO_LINEAR, TO_SRGB

from .camera_blur import blurred, extra_blur
from .camera_look import LookTracker, measure


class PaintFinish:
    """Merges layers of paint into frames. What it measures of a frame depends on that frame alone."""

    def __init__(self) -> None:
        self._look = LookTracker()

    def merge(self, picture: UInt8, layer: Float32, blades: Float32 | None, frame: Frame) -> UInt8:
        """The picture with paint in it.

        Args:
            picture: (H, W, 3) uint8 sRGB.
            layer: (H, W, 4) linear light of the paint times its coverage, and coverage; blurred in place.
            blades: (H, W, 4) likewise what stands on it, before other things too; None = nothing does.
            frame: The captured frame, whose noise and blur are measured.
        """
        from . import painted_finish_kernels as kernels

        out = np.array(picture)
        if not layer[..., 3].any() and blades is None:
            return out
        look = measure(frame.color)
        # Outlines come from the frame, so they are as blurred as it is; what lies between them is not yet.
        alpha = np.ascontiguousarray(layer[..., 3])
        under = kernels.beneath(out, alpha, TO_LINEAR)
        blur = extra_blur(look.blur)
        if blur.any():
            layer = blurred(layer, blur)
            blades = None if blades is None else blurred(blades, blur)
        standing = np.zeros((1, 1, 4), dtype=np.float32) if blades is None else blades
        grain = self._look.grain(look, frame.index)
        kernels.merge(out, under, layer, alpha, standing, look.noise, grain, TO_SRGB)
        return out
