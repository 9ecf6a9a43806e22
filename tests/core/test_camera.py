"""The pinhole camera: projection and back-projection undo each other, also after resizing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceneforge.core import Camera

cameras = st.builds(
    Camera,
    st.integers(2, 40),
    st.integers(2, 40),
    st.floats(5, 500),
    st.floats(5, 500),
    st.floats(-5, 45),
    st.floats(-5, 45),
)


@given(cameras, st.integers(0, 2**32 - 1))
def test_backprojected_pixels_project_onto_themselves(camera: Camera, seed: int) -> None:
    depth = np.random.default_rng(seed).uniform(0.3, 8, camera.shape).astype(np.float32)
    pixels, z = camera.project(camera.backproject(depth))
    columns, rows = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    assert np.allclose(z, depth, rtol=1e-6)
    assert np.abs(pixels - np.stack([columns, rows], axis=-1)).max() < 1e-3


@given(cameras, st.integers(1, 4), st.integers(1, 4))
def test_resizing_keeps_pixel_borders(camera: Camera, kx: int, ky: int) -> None:
    larger = camera.resized(camera.width * kx, camera.height * ky)
    points = np.array([[0.1, -0.2, 1.0], [-1.0, 0.4, 3.0]])
    small, large = camera.project(points)[0], larger.project(points)[0]
    assert np.allclose((large + 0.5) / [kx, ky], small + 0.5, atol=1e-6)
    back = larger.resized(camera.width, camera.height)
    assert np.allclose([back.fx, back.fy, back.cx, back.cy], [camera.fx, camera.fy, camera.cx, camera.cy])


def test_the_axes_are_opencvs_and_pixel_centres_are_integers() -> None:
    camera = Camera(640, 480, 500.0, 500.0, 320.0, 240.0)
    pixels, _ = camera.project(np.array([[0, 0, 2.0], [0.4, 0, 2.0], [0, 0.4, 2.0]]))
    assert pixels.tolist() == [[320, 240], [420, 240], [320, 340]], "x right, y down, z forward"
    assert camera.rays()[240, 320].tolist() == [0, 0, 1]


def test_points_behind_the_camera_have_no_pixel() -> None:
    pixels, z = Camera(4, 4, 2, 2, 2, 2).project(np.array([[1.0, 1.0, -1.0], [1.0, 1.0, 0.0]]))
    assert np.isnan(pixels).all()
    assert z.tolist() == [-1, 0]


def test_pixels_without_reading_stay_at_the_origin() -> None:
    camera = Camera(3, 2, 2, 2, 1, 1)
    assert not camera.backproject(np.zeros((2, 3), np.float32)).any()
    with pytest.raises(ValueError, match=r"depth is \(3, 2\), the camera expects \(2, 3\)"):
        camera.backproject(np.zeros((3, 2), np.float32))


def test_matrix_round_trip() -> None:
    camera = Camera(640, 480, 501.0, 502.0, 320.5, 239.5)
    assert Camera.from_matrix(640, 480, camera.K) == camera
