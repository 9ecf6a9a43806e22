"""The depth sensor's noise has the statistics it claims."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core.camera import Camera
from sceneforge.synth.sensor import DepthSensor, sense

CAMERA = Camera(640, 480, 525.0, 525.0, 319.5, 239.5)


def _wall(z: float, cosine: float = 1.0, dark: float = 0.0, seed: int = 0) -> np.ndarray:
    shape = CAMERA.shape
    full = [np.full(shape, v, np.float32) for v in (z, cosine, dark)]
    return sense(full[0], full[1], full[2], CAMERA, np.random.default_rng(seed))


@pytest.mark.parametrize("z", [0.8, 1.3, 2.17, 3.4, 4.9])
def test_error_grows_with_distance_squared_and_is_unbiased(z: float) -> None:
    s = DepthSensor()
    measured = np.concatenate(
        [_wall(z + d, seed=k)[::4, ::4].ravel() - np.float32(z + d) for k, d in enumerate(np.linspace(0, 0.06, 7))]
    )
    measured = measured[np.abs(measured) < 0.5]
    step = z**2 / (s.disparity_steps * 525.0 * s.baseline_m)
    # rounding to steps has deviation 1/sqrt(12), added to the noise before it
    expected = step * np.hypot(s.disparity_sigma, 12**-0.5)
    assert np.std(measured) == pytest.approx(expected, rel=0.25)
    assert abs(np.mean(measured)) < 0.35 * step


def test_depth_takes_only_disparity_levels() -> None:
    s = DepthSensor()
    z = _wall(2.0)
    disparity = s.disparity_steps * 525.0 * s.baseline_m / z[z > 0]
    assert np.abs(disparity - np.rint(disparity)).max() < 1e-3


def test_range_grazing_and_absorbing_surfaces_lose_readings() -> None:
    assert (_wall(0.3) == 0).all() and (_wall(6.5) == 0).all()
    assert np.mean(_wall(2.0) > 0) > 0.99
    assert np.mean(_wall(2.0, cosine=float(np.cos(np.radians(87)))) > 0) < 0.1
    assert np.mean(_wall(3.0, dark=0.9) > 0) < 0.4


def test_the_projector_casts_its_shadow_left_of_near_things() -> None:
    depth = np.full(CAMERA.shape, 3.0, np.float32)
    depth[100:380, 300:400] = 1.0
    ones, none = np.ones_like(depth), np.zeros_like(depth)
    z = sense(depth, ones, none, CAMERA, np.random.default_rng(0))
    width = 525.0 * 0.075 * (1 / 1.0 - 1 / 3.0)
    lost = (z[150:330, 200:300] == 0).mean(0).sum()
    assert lost == pytest.approx(width, abs=2.5)
    assert (z[150:330, 405:500] > 0).mean() > 0.98


def test_same_seed_same_reading() -> None:
    np.testing.assert_array_equal(_wall(2.0, seed=5), _wall(2.0, seed=5))
    assert (_wall(2.0, seed=5) != _wall(2.0, seed=6)).any()
