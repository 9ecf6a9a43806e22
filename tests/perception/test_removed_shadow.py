"""A removed thing's shadow goes with it; colours, and shadows that it cannot have cast, stay."""

from __future__ import annotations

import cv2
import numpy as np

from sceneforge.core import SurfaceRaster
from sceneforge.perception.removed_shadow import relight
from sceneforge.perception.surface_shading import _blurred
from sceneforge.perception.surface_texture import SurfaceTexture

CELL_M, SIDE = 0.01, 200


def scene(other: float = 0.0) -> tuple[SurfaceTexture, np.ndarray, np.ndarray, np.ndarray]:
    """A striped floor with a soft shadow around what stood in its middle, and another thing's shadow at the left:
    texture, seen, stood, and the middle's shadow alone.
    """
    z, x = np.mgrid[:SIDE, :SIDE]
    stood = (np.abs(x - 100) < 25) & (np.abs(z - 100) < 25)
    away = np.hypot(np.maximum(np.abs(x - 100) - 25, 0), np.maximum(np.abs(z - 100) - 25, 0)) * CELL_M
    light = 1 - 0.5 * np.exp(-((away / 0.12) ** 2))
    beside = 1 - other * np.exp(-((x / 25.0) ** 2))
    albedo = np.where((z // 20) % 2 == 0, 1.0, 0.6)[..., None] * np.array([0.5, 0.35, 0.2])
    color = (albedo * (light * beside)[..., None]).astype(np.float32)
    color *= np.random.default_rng(0).normal(1, 0.01, (SIDE, SIDE, 1)).astype(np.float32)
    raster = SurfaceRaster(np.eye(4), np.zeros(2), CELL_M, SIDE, SIDE)
    ones, none = np.ones(raster.shape, np.float32), np.zeros(raster.shape, np.uint8)
    texture = SurfaceTexture(raster, color, ones, 0 * ones, none + 9, none, none, 0 * ones, 0 * ones + 0.01)
    return texture, ~stood, stood, light


def grey(light: np.ndarray) -> np.ndarray:
    return np.repeat(light.astype(np.float32)[..., None], 3, axis=2)


def test_the_shadow_goes_though_it_was_traced_wrong_by_a_third() -> None:
    texture, seen, stood, light = scene()
    dark = seen & (light < 0.9)
    for share in (0.7, 1.0, 1.3):
        factor = relight(texture, seen, stood, grey(light**share)[::3, ::3])
        assert factor is not None and factor.min() >= 1
        factor = factor.mean(axis=2)
        left = light * factor
        assert np.abs(left - 1)[dark].mean() < 0.3 * np.abs(light - 1)[dark].mean()
        far = light > 0.999
        assert factor[far].max() < 1.01, "no halo where it cast no shadow"
        assert left[seen].max() < 1.1


def test_what_it_cannot_have_cast_stays() -> None:
    texture, seen, stood, light = scene(other=0.4)
    factor = relight(texture, seen, stood, grey(light))
    assert factor is not None
    assert factor[:, :40].max() < 1.02
    assert factor[90:110, 66:72].mean() > 1.2


def test_no_shadow_no_change() -> None:
    texture, seen, stood, light = scene()
    assert relight(texture, seen, stood, np.ones((50, 50, 3), np.float32)) is None
    color = (texture.color / light[..., None]).astype(np.float32)
    even = SurfaceTexture(
        texture.raster, color, texture.weight, texture.deviation, texture.seen, texture.blocked, texture.open,
        texture.height, texture.height_error,
    )  # fmt: skip
    factor = relight(even, seen, stood, grey(light))
    assert factor is None or np.median(factor[seen & (light < 0.9)]) < 1.15, "what was not seen to be dark is not lit"


def test_wide_means_are_the_same_on_a_coarser_grid() -> None:
    rng = np.random.default_rng(2)
    values = cv2.GaussianBlur(rng.normal(0, 10, (150, 230)), (0, 0), 6)
    for sigma in (5.0, 24.0, 72.0):
        plain = cv2.GaussianBlur(values, (0, 0), sigma)
        assert np.abs(_blurred(values, sigma) - plain).max() < 0.06 * values.std(), sigma
