"""Refined depth: nearer to the truth than the sensor and than a bilateral filter, with an uncertainty that holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sceneforge.core import Camera, Mesh, Scene
from sceneforge.perception.depth import DepthRefiner, RefinedDepth
from sceneforge.perception.depth.kernels import joint_bilateral
from sceneforge.perception.depth.noise import SensorNoise, measure_noise
from sceneforge.perception.depth.prior import MESH, ScenePrior
from sceneforge.perception.depth.registration import Registration, register
from tests.perception.depth.scenes import CAMERA, View, band, box_view


def inverse(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.divide(1, depth, out=np.zeros_like(depth), where=depth > 0)


@pytest.fixture(scope="module")
def view() -> View:
    return box_view()


@pytest.fixture(scope="module")
def noise(view: View) -> SensorNoise:
    return measure_noise([(inverse(view.frame.depth), CAMERA.fx)])


@pytest.fixture(scope="module")
def refined(view: View, noise: SensorNoise) -> RefinedDepth:
    return DepthRefiner(noise=noise).refine(view.frame)


def mean_error(depth: NDArray[np.float32], view: View, where: NDArray[np.bool_]) -> float:
    ok = where & (depth > 0)
    return float(np.abs(depth - view.truth)[ok].mean())


def test_the_measured_noise_is_the_sensors(noise: SensorNoise) -> None:
    """The made-up sensor errs by sqrt(1/6^2 + 1/12) of a disparity step; at 2 m a step is 13 mm."""
    step = 4.0 / (8 * 260 * 2 * 0.075)
    expected = step * np.hypot(1 / 6, 12**-0.5)
    assert noise.sigma_m(np.float32([2.0]))[0] == pytest.approx(expected, rel=0.35)


def test_the_side_of_the_sensors_shadows_is_found() -> None:
    """The made-up projector stands to the camera's right: shadows fall to the left of near surfaces."""
    depths = [box_view(k).frame.depth for k in range(3)]
    assert measure_noise([(inverse(d), CAMERA.fx) for d in depths]).shadow_side == 2
    assert measure_noise([(inverse(np.ascontiguousarray(d[:, ::-1])), CAMERA.fx) for d in depths]).shadow_side == 1


def test_every_pixel_gets_depth(refined: RefinedDepth) -> None:
    assert (refined.depth > 0).all()
    assert np.isfinite(refined.sigma).all()


def test_edges_and_holes_are_twice_as_good_as_the_bilateral_filters(view: View, refined: RefinedDepth) -> None:
    d = view.frame.depth
    peer = np.empty_like(d)
    joint_bilateral(0, len(d), d, view.frame.color.astype(np.float32), 9, 4.0, 15.0, np.ones(d.shape, np.uint8), peer)
    for where in (band(view.box), d == 0):
        assert mean_error(refined.depth, view, where) < 0.5 * mean_error(peer, view, where)
        assert (refined.depth[where] > 0).all()


def test_surfaces_are_smoother_than_the_sensor(view: View, refined: RefinedDepth) -> None:
    inside = ~band(view.box, 6)
    assert mean_error(refined.depth, view, inside) < 0.5 * mean_error(view.frame.depth, view, inside)


def test_nothing_flies_between_the_surfaces(view: View, refined: RefinedDepth) -> None:
    flying = (refined.depth > 1.2) & (refined.depth < 1.7)
    assert flying.mean() < 2e-4


def test_sigma_holds(view: View, refined: RefinedDepth) -> None:
    """A normal error lies within one sigma for 68 % and two for 95 %; wider is allowed, much narrower is not."""
    ratio = np.abs(refined.depth - view.truth) / refined.sigma
    assert 0.55 < (ratio < 1).mean() < 0.9
    assert (ratio < 2).mean() > 0.85


def test_the_same_frame_gives_the_same_bytes(view: View, noise: SensorNoise, refined: RefinedDepth) -> None:
    again = DepthRefiner(noise=noise).refine(view.frame)
    assert again.depth.tobytes() == refined.depth.tobytes()
    assert again.sigma.tobytes() == refined.sigma.tobytes()


def wall_mesh() -> Mesh:
    corners = np.array([[-3, -3, 2.5], [3, -3, 2.5], [3, 3, 2.5], [-3, 3, 2.5]], dtype=np.float32)
    return Mesh(corners, np.array([[0, 2, 1], [0, 3, 2]], dtype=np.int32))


def test_the_scene_answers_where_the_sensor_is_blind(view: View) -> None:
    blind = replace(view.frame, depth=np.zeros(CAMERA.shape, np.float32))
    got = DepthRefiner(Scene(mesh=wall_mesh())).refine(blind, np.eye(4))
    assert (got.source == MESH).mean() > 0.95
    assert np.allclose(got.depth[got.source == MESH], 2.5, atol=1e-3)
    assert (got.sigma >= 0.1).all()


def test_without_scene_or_sensor_nothing_is_claimed(view: View) -> None:
    blind = replace(view.frame, depth=np.zeros(CAMERA.shape, np.float32))
    got = DepthRefiner().refine(blind)
    assert not got.depth.any()
    assert np.isinf(got.sigma).all()


def test_the_prior_has_the_slopes_of_the_surface() -> None:
    """Inverse depth is linear over a plane: stepping along the slope lands on the next pixel's value."""
    c, s = np.cos(0.4), np.sin(0.4)
    T = np.eye(4)
    T[:3, :3] = [[c, 0, s], [0, 1, 0], [-s, 0, c]]
    seen = ScenePrior(Scene(mesh=wall_mesh())).see(CAMERA, T)
    inside = (seen.w[:, :-1] > 0) & (seen.w[:, 1:] > 0)
    assert inside.mean() > 0.9
    assert np.abs(seen.w[:, :-1] + seen.gx[:, :-1] - seen.w[:, 1:])[inside].max() < 1e-5


def test_a_shifted_depth_image_is_found_and_an_aligned_one_left_alone() -> None:
    views = [box_view(k) for k in range(6)]
    aligned = register([v.frame for v in views])
    assert (aligned.scale, aligned.right_px, aligned.down_px) == (1.0, 0.0, 0.0)
    moved = [replace(v.frame, depth=np.roll(v.frame.depth, (3, -4), (0, 1))) for v in views]
    found = register(moved)
    assert found.right_px == pytest.approx(4, abs=1) and found.down_px == pytest.approx(-3, abs=1)
    assert found.scale == pytest.approx(1, abs=0.02)


def test_registration_corrects_the_cameras_intrinsics() -> None:
    found = Registration(0.9, -7.0, 2.0).camera(Camera(640, 480, 580.0, 580.0, 320.0, 240.0))
    assert (found.fx, found.fy, found.cx, found.cy) == (522.0, 522.0, 313.0, 242.0)
