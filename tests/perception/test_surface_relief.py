"""White doors and skirting boards on white walls are known by their height, and nothing else is taken for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sceneforge.core import SurfaceRaster
from sceneforge.perception.surface_outliers import outliers
from sceneforge.perception.surface_relief import relief
from sceneforge.perception.surface_texture import SurfaceTexture

H, W, CELL_M = 300, 400, 0.008
SKIRTING = (slice(290, 300), slice(0, 400))  # 8 cm
FRAME = (slice(60, 290), slice(40, 160))
LEAF = (slice(69, 290), slice(49, 151))


def wall(noise_m: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Height map of a bowed wall with a door (frame 24 mm, leaf 8 mm proud) and skirting (14 mm), and what is not
    wall."""
    rng = np.random.default_rng(seed)
    z, x = np.mgrid[:H, :W]
    height = 0.004 * np.sin(x / W * 3) + 0.006 * (z / H) ** 2
    other = np.zeros((H, W), dtype=bool)
    for part, over in ((SKIRTING, 0.014), (FRAME, 0.024), (LEAF, 0.008)):
        height[part] = (0.004 * np.sin(x / W * 3) + 0.006 * (z / H) ** 2)[part] + over
        other[part] = True
    return (height + rng.normal(0, noise_m, height.shape)).astype(np.float32), other


@pytest.mark.parametrize("noise_m", [0.0, 0.0015, 0.003])
def test_relief_is_what_stands_out(noise_m: float) -> None:
    height, other = wall(noise_m)
    found = relief(height, np.full((H, W), max(noise_m, 1e-4), np.float32), np.ones((H, W), bool))
    assert found is not None
    frame = other.copy()
    frame[LEAF] = False
    assert found.stands[frame].mean() > 0.93  # the frame is 9 cells wide; its rims blur by one
    assert found.stands[~other].mean() < 0.012
    open_wall = ~other & (np.mgrid[:H, :W][1] > 180)
    assert np.abs(found.height[open_wall]).mean() < 0.0015 + noise_m / 2  # the bow is no relief


def test_noise_alone_is_no_relief() -> None:
    rng = np.random.default_rng(1)
    height = rng.normal(0, 0.006, (H, W)).astype(np.float32)
    found = relief(height, np.full((H, W), 0.006, np.float32), np.ones((H, W), bool))
    assert found is not None and found.stands.mean() < 0.002


def test_few_readings_are_not_believed() -> None:
    """Where one oblique view alone saw the wall, its steps of quantised depth are smooth, and wrong."""
    rng = np.random.default_rng(2)
    z, x = np.mgrid[:H, :W]
    height = rng.normal(0, 0.001, (H, W))
    error = np.full((H, W), 0.002, np.float32)
    far = x < 120
    height[far] += (0.007 * np.sign(np.sin(z / 9.0)))[far]
    error[far] = 0.012
    found = relief(height.astype(np.float32), error, np.ones((H, W), bool))
    assert found is not None and found.stands[far].mean() < 0.1


def nothing_known(raster: SurfaceRaster) -> tuple[np.ndarray, np.ndarray]:
    """No things found in the surface before, and no corner with another one."""
    return np.zeros(raster.shape, np.float32), np.zeros(raster.shape, np.bool_)


def test_a_white_door_in_a_white_wall() -> None:
    """Colours are all alike but for a faint line around the door; heights tell."""
    height, other = wall(0.0015)
    factor = 2
    raster = SurfaceRaster(np.eye(4), np.zeros(2), CELL_M / factor, W * factor, H * factor)
    rng = np.random.default_rng(3)
    color = np.full((H * factor, W * factor, 3), 0.6) * rng.normal(1, 0.01, (H * factor, W * factor, 1))
    many = np.full(raster.shape, 9, np.uint8)
    none = np.zeros(raster.shape, np.uint8)
    texture = SurfaceTexture(
        raster, color.astype(np.float32), np.ones(raster.shape, np.float32), np.zeros(raster.shape, np.float32),
        many, none, none, height, np.full((H, W), 0.0015, np.float32),
    )  # fmt: skip
    odd, _ = outliers(texture, np.ones(raster.shape, np.float32), *nothing_known(raster))
    true = np.repeat(np.repeat(other, factor, 0), factor, 1)
    assert odd[true].mean() > 0.97, "frame, leaf and skirting are all left out"
    assert odd[~true].mean() < 0.012


def test_wall_that_furniture_cuts_off_stays_wall() -> None:
    """Under a desk the wall is darker and redder, and yet the wall; a poster beside it is not."""
    factor = 2
    raster = SurfaceRaster(np.eye(4), np.zeros(2), CELL_M / factor, W * factor, H * factor)
    rng = np.random.default_rng(4)
    color = np.full((H, W, 3), 0.5)
    weight = np.ones((H, W))
    weight[180:200, 200:330] = 0  # the desk's top, its legs and the floor
    weight[180:, 190:200] = weight[180:, 330:340] = weight[290:, :] = 0
    under = (slice(200, 290), slice(200, 330))
    poster = (slice(80, 140), slice(60, 110))
    color[under] = (0.25, 0.18, 0.14)
    color[poster] = (0.25, 0.18, 0.14)

    def fine(a: np.ndarray) -> np.ndarray:
        return np.repeat(np.repeat(a, factor, 0), factor, 1).astype(np.float32)

    grain = rng.normal(1, 0.01, (H * factor, W * factor, 1))
    none = np.zeros(raster.shape, np.uint8)
    height = rng.normal(0, 0.001, (H, W)).astype(np.float32)
    texture = SurfaceTexture(
        raster, (fine(color) * grain).astype(np.float32), fine(weight), np.zeros(raster.shape, np.float32),
        np.full(raster.shape, 9, np.uint8), none, none, height, np.full((H, W), 0.001, np.float32),
    )  # fmt: skip
    odd, _ = outliers(texture, np.ones(raster.shape, np.float32), *nothing_known(raster))

    def of(part: tuple[slice, slice]) -> float:
        rows, columns = part
        return float(odd[2 * rows.start : 2 * rows.stop, 2 * columns.start : 2 * columns.stop].mean())

    assert of(under) < 0.05
    assert of(poster) > 0.9


def test_wall_between_two_pictures_in_one_outline_is_wall() -> None:
    rng = np.random.default_rng(6)
    height = rng.normal(0, 0.001, (H, W)).astype(np.float32)
    color = np.full((H, W, 3), 0.5) * rng.normal(1, 0.01, (H, W, 1))
    outline, pictures = np.zeros((H, W), np.float32), np.zeros((H, W), bool)
    outline[60:140, 60:160] = 1
    for x in (60, 120):
        pictures[60:140, x : x + 40] = True
    height[pictures] += 0.02
    color[pictures] = (0.2, 0.1, 0.05)
    raster = SurfaceRaster(np.eye(4), np.zeros(2), CELL_M, W, H)
    none = np.zeros(raster.shape, np.uint8)
    texture = SurfaceTexture(
        raster, color.astype(np.float32), np.ones(raster.shape, np.float32), np.zeros(raster.shape, np.float32),
        np.full(raster.shape, 9, np.uint8), none, none, height, np.full((H, W), 0.001, np.float32),
    )  # fmt: skip
    odd, _ = outliers(texture, np.ones(raster.shape, np.float32), outline, none > 0)
    assert odd[pictures].mean() > 0.97
    assert odd[65:135, 105:115].mean() < 0.05
    flat = replace(texture, height=rng.normal(0, 0.001, (H, W)).astype(np.float32))
    assert outliers(flat, np.ones(raster.shape, np.float32), outline, none > 0)[0][65:135, 105:115].mean() > 0.95
