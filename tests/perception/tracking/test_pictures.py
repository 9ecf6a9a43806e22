"""The camera's path from pictures alone: right up to size, and a size that says how sure it is."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from sceneforge.core import Camera, FrameError, Scan, ScanError
from sceneforge.core.arrays import Float64, UInt8
from sceneforge.core.scan import FrameSource
from sceneforge.core.transforms import make_transform
from sceneforge.evaluation.trajectory import trajectory_error
from sceneforge.perception.depth.estimator import DepthGuess
from sceneforge.perception.tracking import track
from sceneforge.perception.tracking.pictures import track_pictures
from sceneforge.perception.understand import understand_scan
from tests.perception.depth.test_views import look

CAMERA = Camera(240, 180, 210.0, 210.0, 119.5, 89.5)


def poses() -> list[NDArray[np.float64]]:
    out = []
    for k in range(6):
        a = 0.02 * k
        R = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
        out.append(make_transform(R, [0.12 * k - 0.3, 0.05 * (k % 2), 0.03 * k]))
    return out


def view(T: NDArray[np.float64]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Picture and depth from any pose of a wall, floor and box made of world-fixed texture."""
    from tests.perception.depth.test_views import BOX_Z, FLOOR_Y, WALL_Z, texture

    rays = CAMERA.rays().astype(np.float64) @ T[:3, :3].T
    eye = T[:3, 3]
    z = (WALL_Z - eye[2]) / rays[..., 2]
    with np.errstate(divide="ignore"):
        z = np.minimum(z, np.where(rays[..., 1] > 0, (FLOOR_Y - eye[1]) / rays[..., 1], np.inf))
    near = (BOX_Z - eye[2]) / rays[..., 2]
    hit = eye + rays * near[..., None]
    box = (np.abs(hit[..., 0]) < 0.35) & (np.abs(hit[..., 1]) < 0.3)
    z = np.where(box, near, z)
    return texture(eye + rays * z[..., None]), z.astype(np.float32)


def scan_of(views: list[NDArray[np.float64]]) -> Scan:
    sources = [
        FrameSource(
            str(k),
            str(k),
            float(k),
            CAMERA,
            CAMERA,
            None,
            partial(lambda T: view(T)[0], T),
            partial(np.zeros, CAMERA.shape, np.float32),
            has_depth=False,
        )
        for k, T in enumerate(views)
    ]
    return Scan("made", "made", "made", tuple(sources))


class Truthful:
    """Knows the depth of the made-up views, 10 % too large."""

    name = "truthful"

    def __init__(self) -> None:
        self.known = {view(T)[0].tobytes(): view(T)[1] for T in poses()}

    def estimate(self, color: UInt8, camera: Camera, up: Float64 | None = None) -> DepthGuess:
        return DepthGuess(np.float32(1.1) * self.known[np.ascontiguousarray(color).tobytes()], "metric", 0.2)


@pytest.fixture(scope="module")
def scan() -> Scan:
    return scan_of(poses())


def test_the_path_is_right_and_its_size_the_estimators(scan: Scan) -> None:
    found = track_pictures(scan, estimator=Truthful())
    assert all(T is not None for T in found.T_world_camera)
    shrunk = [None if T is None else make_transform(T[:3, :3], T[:3, 3] / 1.1) for T in found.T_world_camera]
    error = trajectory_error(shrunk, poses())
    assert error.ate_rmse_m < 0.02 * error.path_m
    assert error.rpe_rotation_rmse_deg < 0.5
    assert "right within 10 %" in found.notes[0]  # half of the estimator's 20 %, which all frames share


def test_tracking_a_scan_without_depth_needs_no_other_call(scan: Scan) -> None:
    a, b = track(scan, seed=3), track(scan, seed=3)
    assert all(np.array_equal(p, q) for p, q in zip(a.T_world_camera, b.T_world_camera, strict=True))
    assert a.T_world_camera[0] is not None and "embedded" in a.notes[0]


def test_a_camera_that_stands_still_cannot_be_tracked() -> None:
    with pytest.raises(ScanError, match="from apart"):
        track_pictures(scan_of([poses()[0]] * 3))


def test_the_made_up_views_agree_with_the_still_camera_ones() -> None:
    T = make_transform(np.eye(3), [0.1, 0.0, 0.0])
    assert np.allclose(view(T)[1], look(T, CAMERA)[1], atol=1e-4)


def test_an_unreadable_picture_is_named(scan: Scan) -> None:
    def damaged() -> UInt8:
        raise FrameError("image file is damaged", path="2.png", frame="2")

    sources = list(scan.sources)
    sources[2] = replace(sources[2], read_color=damaged)
    found = track_pictures(replace(scan, sources=tuple(sources)), estimator=Truthful(), bad=[])
    assert found.T_world_camera[2] is None
    assert [note for note in found.notes if "no pose" in note] == [
        "a frame has no pose: 2.png, frame 2: image file is damaged"
    ]


def test_a_scene_from_pictures_alone_says_how_sure_its_size_is() -> None:
    scene, account = understand_scan(scan_of(poses()))
    assert account.size_sigma > 0.05, "an assumed camera height is no measure"
    assert scene.source["scale"] == f"guessed ({account.size_sigma:.2f})"
    assert any(w.startswith("size guessed from pictures: right within") for w in account.warnings)
