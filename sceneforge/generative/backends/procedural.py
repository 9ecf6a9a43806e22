"""The procedural painter: instant, needs no model, and never repeats."""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import UInt8
from sceneforge.generative.painter import MaskedPainter, Request
from sceneforge.generative.text import meaningful


class ProceduralPainter(MaskedPainter):
    """Textures from noise fixed in the plane; see `sceneforge.generative.procedural`."""

    name = "procedural"

    def make(self, request: Request) -> UInt8:
        """With `match_surroundings` each channel takes mean and spread of the unmasked pixels."""
        meaning = meaningful(request.prompt)
        from sceneforge.generative.procedural import texture

        (h, w), scale_m = request.alpha.shape, request.metres_per_pixel
        period = (w * scale_m * request.periodic[0], h * scale_m * request.periodic[1])
        made = texture(
            meaning, (h, w), scale_m, request.seed, origin_m=request.origin_m, period_m=period,
            progress=request.progress,
        )  # fmt: skip
        around = request.alpha <= 0
        if request.match_surroundings and around.any():
            seen = request.image[around].astype(np.float32) / np.float32(255)
            scale = seen.std(0) / np.maximum(made.std((0, 1)), 1e-3)
            made = seen.mean(0) + (made - made.mean((0, 1))) * np.minimum(scale, 3)
        return np.asarray(np.clip(made * 255 + 0.5, 0, 255), np.uint8)


def load() -> ProceduralPainter:
    """The procedural painter; it has no options."""
    return ProceduralPainter()
