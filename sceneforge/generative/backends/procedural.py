"""The procedural painter: instant, needs no model, and never repeats."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import UInt8
from sceneforge.generative.painter import Progress, blend, check_request
from sceneforge.generative.text import meaningful


class ProceduralPainter:
    """Textures from noise fixed in the plane; see `sceneforge.generative.procedural`."""

    name = "procedural"

    def paint(
        self,
        image: UInt8,
        mask: NDArray[Any],
        prompt: str,
        metres_per_pixel: float,
        seed: int = 0,
        *,
        match_surroundings: bool = False,
        origin_m: tuple[float, float] = (0.0, 0.0),
        periodic: tuple[bool, bool] = (False, False),
        progress: Progress | None = None,
    ) -> UInt8:
        """See `Painter.paint`; with `match_surroundings` each channel takes mean and spread of the unmasked pixels."""
        alpha = check_request(image, mask, metres_per_pixel)
        meaning = meaningful(prompt)
        from sceneforge.generative.procedural import texture

        h, w = alpha.shape
        period = (w * metres_per_pixel * periodic[0], h * metres_per_pixel * periodic[1])
        made = texture(meaning, (h, w), metres_per_pixel, seed, origin_m=origin_m, period_m=period, progress=progress)
        around = alpha <= 0
        if match_surroundings and around.any():
            seen = image[around].astype(np.float32) / np.float32(255)
            scale = seen.std(0) / np.maximum(made.std((0, 1)), 1e-3)
            made = seen.mean(0) + (made - made.mean((0, 1))) * np.minimum(scale, 3)
        return blend(image, np.clip(made * 255 + 0.5, 0, 255).astype(np.uint8), alpha)


def load() -> ProceduralPainter:
    """The procedural painter; it has no options."""
    return ProceduralPainter()
