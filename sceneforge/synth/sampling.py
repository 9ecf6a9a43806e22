"""Filtered look-ups in all material textures at once."""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import Float32, Int32

from .materials import Material

_LEVELS = 7


class TextureSet:
    """Every material's albedo with its box-filtered halvings, in one flat buffer."""

    def __init__(self, materials: tuple[Material, ...]) -> None:
        texels: list[Float32] = []
        start, self._at = 0, np.zeros((len(materials), _LEVELS, 3), np.int64)
        self._tile = np.array([m.tile_m for m in materials], np.float32)
        self._texel_m = np.array([m.tile_m[0] / m.albedo.shape[1] for m in materials], np.float32)
        for k, material in enumerate(materials):
            image = material.albedo
            for level in range(_LEVELS):
                self._at[k, level] = start, image.shape[0], image.shape[1]
                texels.append(image.reshape(-1, 3))
                start += image.shape[0] * image.shape[1]
                if min(image.shape[:2]) >= 4:
                    h, w = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
                    image = image[:h, :w].reshape(h // 2, 2, w // 2, 2, 3).mean((1, 3), dtype=np.float32)
        self._texels = np.concatenate(texels)
        self._pictures = np.array([not m.repeats for m in materials])

    def __call__(self, material: Int32, uv: Float32, footprint_m: Float32) -> Float32:
        """Linear albedo (N, 3) at uv (N, 2), blurred to about `footprint_m` (N,) metres on the surface.

        Pictures (uv 0..1) span about a metre, so that the same footprint serves them.
        """
        level = np.log2(np.maximum(footprint_m / self._texel_m[material], 1.0))
        level = np.clip(np.rint(level), 0, _LEVELS - 1).astype(np.int64)
        start, h, w = self._at[material, level].T
        x = uv[:, 0] / self._tile[material, 0] * w - 0.5
        y = uv[:, 1] / self._tile[material, 1] * h - 0.5
        clamp = self._pictures[material]
        x, y = np.where(clamp, np.clip(x, 0, w - 1.001), x), np.where(clamp, np.clip(y, 0, h - 1.001), y)
        x0, y0 = np.floor(x), np.floor(y)
        fx, fy = (x - x0).astype(np.float32)[:, None], (y - y0).astype(np.float32)[:, None]
        i0, j0 = x0.astype(np.int64) % w, y0.astype(np.int64) % h
        i1, j1 = (i0 + 1) % w, (j0 + 1) % h
        t = self._texels
        low = t[start + j0 * w + i0] * (1 - fx) + t[start + j0 * w + i1] * fx
        high = t[start + j1 * w + i0] * (1 - fx) + t[start + j1 * w + i1] * fx
        return np.asarray(low * (1 - fy) + high * fy, np.float32)
