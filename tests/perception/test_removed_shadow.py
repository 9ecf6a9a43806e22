"""A removed thing's shadow goes with it; colours, far shadows and those of other things stay."""

from __future__ import annotations

import numpy as np

from sceneforge.core import SurfaceRaster
from sceneforge.perception.removed_shadow import relight
from sceneforge.perception.surface_texture import SurfaceTexture

CELL_M, SIDE = 0.01, 200


def scene() -> tuple[SurfaceTexture, np.ndarray, np.ndarray, np.ndarray]:
    """A striped floor with a soft shadow around what stood in its middle: texture, seen, stood, true light."""
    z, x = np.mgrid[:SIDE, :SIDE]
    stood = (np.abs(x - 100) < 25) & (np.abs(z - 100) < 25)
    away = np.hypot(np.maximum(np.abs(x - 100) - 25, 0), np.maximum(np.abs(z - 100) - 25, 0)) * CELL_M
    light = 1 - 0.5 * np.exp(-((away / 0.12) ** 2))
    albedo = np.where((z // 20) % 2 == 0, 1.0, 0.6)[..., None] * np.array([0.5, 0.35, 0.2])
    color = (albedo * light[..., None]).astype(np.float32)
    color *= np.random.default_rng(0).normal(1, 0.01, (SIDE, SIDE, 1)).astype(np.float32)
    raster = SurfaceRaster(np.eye(4), np.zeros(2), CELL_M, SIDE, SIDE)
    ones, none = np.ones(raster.shape, np.float32), np.zeros(raster.shape, np.uint8)
    texture = SurfaceTexture(raster, color, ones, 0 * ones, none + 9, none, none, 0 * ones, 0 * ones + 0.01)
    return texture, ~stood, stood, light


def test_the_shadow_goes_and_the_floor_stays() -> None:
    texture, seen, stood, light = scene()
    factor = relight(texture, seen, stood, np.zeros_like(stood), 0.45)
    assert factor is not None and factor.min() >= 1
    left = light * factor
    dark = seen & (light < 0.9)
    assert np.abs(left - 1)[dark].mean() < 0.35 * np.abs(light - 1)[dark].mean()
    z, x = np.mgrid[:SIDE, :SIDE]
    far = np.hypot(x - 100, z - 100) * CELL_M > 0.85
    assert factor[far].max() < 1.01


def test_other_things_keep_their_shadow() -> None:
    texture, seen, stood, _ = scene()
    beside = np.zeros_like(stood)
    beside[:, 130:150] = True  # something else stands close by: from half way on the shade is its
    factor = relight(texture, seen, stood, beside, 0.45)
    assert factor is not None
    assert factor[90:110, 132:160].max() < 1.02
    assert factor[90:110, 66:72].mean() > 1.2


def test_no_shadow_no_change() -> None:
    texture, seen, stood, light = scene()
    even = SurfaceTexture(
        texture.raster, (texture.color / light[..., None]).astype(np.float32), texture.weight, texture.deviation,
        texture.seen, texture.blocked, texture.open, texture.height, texture.height_error,
    )  # fmt: skip
    factor = relight(even, seen, stood, np.zeros_like(stood), 0.45)
    assert factor is None or factor.max() < 1.06
