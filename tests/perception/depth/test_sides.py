"""Which side of a depth edge a pixel is on, and what lies in the shadow of a near thing."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core.arrays import Float32
from sceneforge.evaluation.evaluate_depth import bilateral
from sceneforge.perception.depth import DepthRefiner
from sceneforge.perception.depth.noise import SensorNoise, measure_noise
from sceneforge.perception.depth.shadow_kernels import shadow_caps
from sceneforge.perception.depth.side_kernels import near_odds
from tests.perception.depth.scenes import CAMERA, View, band, box_view

BASELINE_M = 0.075
"""Of the generated sensor."""


def inverse(depth: Float32) -> Float32:
    return np.divide(1, depth, out=np.zeros_like(depth), where=depth > 0)


@pytest.fixture(scope="module")
def views() -> list[View]:
    return [box_view(seed) for seed in range(3)]


@pytest.fixture(scope="module")
def noise(views: list[View]) -> SensorNoise:
    return measure_noise([(inverse(v.frame.depth), CAMERA.fx) for v in views])


def rms(errors: Float32) -> float:
    return float(np.sqrt(np.mean(np.square(errors, dtype=np.float64))))


def test_shadows_tell_how_far_apart_the_sensors_eyes_are(noise: SensorNoise) -> None:
    assert noise.shadow_side == 2
    # outlines wander by half a pixel at either end of a shadow seven pixels wide
    assert noise.shadow_width == pytest.approx(BASELINE_M, rel=0.25)


def test_a_shadow_is_as_wide_as_the_step_is_high() -> None:
    w = np.zeros((1, 100), np.float32)
    w[0, 60:] = 1.0
    caps = np.empty_like(w)
    shadow_caps(w, 40.0, 2, caps)
    assert caps[0, [59, 39, 19]] == pytest.approx([1 - 1 / 40, 1 - 21 / 40, 0], abs=1e-5)
    shadow_caps(w[:, ::-1].copy(), 40.0, 1, caps)
    assert caps[0, [40, 60, 80]] == pytest.approx([1 - 1 / 40, 1 - 21 / 40, 0], abs=1e-5)


def test_a_mixed_pixel_is_on_the_side_whose_light_is_more_than_half_of_it() -> None:
    own = np.where(np.arange(9) < 5, np.float32(0.5), np.float32(0.0)) * np.ones((9, 1), np.float32)
    own[:, 5:] = 1.0
    own[:, 4] = 0.0  # the sensor says nothing of the column between
    linear = np.zeros((9, 9, 3), np.float32)
    linear[:, 5:] = 200.0
    todo, near, far = np.array([[4, 4]], np.int32), np.ones(1, np.float32), np.full(1, 0.5, np.float32)
    odds = []
    for share in (0.1, 0.9):
        linear[:, 4] = 200 * share
        out = np.empty(1, np.float32)
        near_odds(0, 1, todo, linear, own, near, far, out)
        odds.append(float(out[0]))
    assert odds[0] < 0 < odds[1]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_squared_errors_at_edges_and_in_shadows_are_well_below_the_peers(seed: int, noise: SensorNoise) -> None:
    view = box_view(seed)
    depth = view.frame.depth
    refined = DepthRefiner(noise=noise).refine(view.frame).depth
    peer = bilateral(view.frame)
    off = refined - view.truth
    read = band(view.box) & (depth > 0)
    assert rms(off[read]) < 0.5 * rms((peer - view.truth)[read])
    assert rms(off[read]) < 0.1 * rms((depth - view.truth)[read])
    shadow = band(view.box, 12) & (depth == 0)
    assert rms(off[shadow]) < 0.65 * rms((peer - view.truth)[shadow])
