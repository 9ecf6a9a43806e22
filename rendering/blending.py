"""Content laid into the frame: the last step, in the frame's own bytes."""

from __future__ import annotations

import numpy as np

from .kernels import Array, kernel


@kernel
def blend(
    color: Array,
    layer: Array,
    ratio: Array,
    noise: Array,
    grain: Array,
    x0: int,
    y0: int,
    to_linear: Array,
    to_srgb: Array,
) -> None:
    """Real light times shadow ratio, content over it, back to sRGB bytes. Pixels that nothing touches keep their bytes.

    Args:
        color: (h, w, 3) uint8, changed in place.
        layer: (h, w, 4) linear content as far as it is seen, colour already multiplied by alpha.
        ratio: (h, w, 3) light with the content / without, on the real surface.
        noise: (3, n) the frame's noise over n brightness classes, in bytes.
        grain: (side, side, 3) noise of unit deviation, laid over the frame's content in tiles.
    """
    h, w = ratio.shape[:2]
    steps, classes, side = len(to_srgb) - 1, noise.shape[1], len(grain)
    for i in range(h):
        for j in range(w):
            alpha, change = layer[i, j, 3], 0.0
            for c in range(3):
                change = max(change, abs(ratio[i, j, c] - 1.0))
            if alpha < 0.002 and change < 0.004:
                continue
            for c in range(3):
                x = to_linear[color[i, j, c]] * ratio[i, j, c] * (1.0 - alpha) + layer[i, j, c]
                x = min(max(x, 0.0), 1.0) * steps
                n = min(int(x), steps - 1)
                value = to_srgb[n] + (to_srgb[n + 1] - to_srgb[n]) * (x - n)
                level = min(max(value * classes / 256.0 - 0.5, 0.0), classes - 1.001)
                k = int(level)
                deviation = noise[c, k] + (noise[c, k + 1] - noise[c, k]) * (level - k)
                value += alpha * deviation * grain[(y0 + i) % side, (x0 + j) % side, c]
                color[i, j, c] = np.uint8(min(max(value, 0.0), 255.0) + 0.499)
