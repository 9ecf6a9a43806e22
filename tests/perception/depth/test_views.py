"""Depth from posed pictures alone and from a stereo pair, against exact truth."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from sceneforge.core import Camera, Scan, UsageError
from sceneforge.core.scan import FrameSource
from sceneforge.core.transforms import make_transform
from sceneforge.perception.depth.multiview import as_sensor, swept_depth, with_depth
from sceneforge.perception.depth.stereo import SIGMA_PX, stereo_depth

CAMERA = Camera(160, 120, 140.0, 140.0, 79.5, 59.5)
WALL_Z, FLOOR_Y, BOX_Z = 2.6, 0.9, 1.6


def look(T: NDArray[np.float64], camera: Camera = CAMERA) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Picture and exact depth of a textured wall, floor and box front; the camera's axes are the world's."""
    rays = camera.rays().astype(np.float64)
    eye = T[:3, 3]
    z = np.full(camera.shape, WALL_Z - eye[2])
    with np.errstate(divide="ignore"):
        floor = np.where(rays[..., 1] > 0, (FLOOR_Y - eye[1]) / rays[..., 1], np.inf)
    z = np.minimum(z, floor)
    hit = eye + rays * (BOX_Z - eye[2])
    box = (np.abs(hit[..., 0]) < 0.35) & (np.abs(hit[..., 1]) < 0.3)
    z = np.where(box, BOX_Z - eye[2], z)
    return texture(eye + rays * z[..., None]), z.astype(np.float32)


def texture(points: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Smooth noise in space: neighbouring lattice values of a seeded grid, 4 cm apart."""
    from scipy.ndimage import map_coordinates

    grid = np.random.default_rng(7).uniform(20, 235, (96, 96, 96))
    at = np.moveaxis(points / 0.04, -1, 0) % 95
    gray = map_coordinates(grid, at, order=1, mode="grid-wrap")
    return np.repeat(gray[..., None], 3, axis=2).astype(np.uint8)


def pose(x: float, y: float = 0.0) -> NDArray[np.float64]:
    return make_transform(np.eye(3), [x, y, 0.0])


@pytest.fixture(scope="module")
def scan() -> Scan:
    poses = [pose(0.1 * k - 0.3, 0.03 * (k % 2)) for k in range(7)]
    sources = tuple(
        FrameSource(
            str(k),
            str(k),
            float(k),
            CAMERA,
            CAMERA,
            T,
            partial(lambda T: look(T)[0], T),
            partial(np.zeros, CAMERA.shape, np.float32),
            has_depth=False,
        )
        for k, T in enumerate(poses)
    )
    return Scan("made", "made", "made", sources)


def test_depth_from_posed_pictures_is_the_truth(scan: Scan) -> None:
    assert not scan.has_depth
    found = swept_depth(scan, [3])[3]
    truth = look(pose(0.0, 0.03))[1]
    good = found.depth > 0
    error = np.abs(found.depth - truth)[good] / truth[good]
    assert good.mean() > 0.75
    assert np.median(error) < 0.01
    assert (error < 0.25).mean() > 0.97


def test_the_same_pictures_give_the_same_bytes(scan: Scan) -> None:
    a, b = (swept_depth(scan, [3])[3].depth.tobytes() for _ in range(2))
    assert a == b


def test_swept_depth_takes_a_sensors_place(scan: Scan) -> None:
    found = swept_depth(scan, [2, 3])
    dense = with_depth(scan, found)
    assert dense.has_depth
    assert np.array_equal(dense.read(3).depth, found[3].depth)
    assert dense.sources[0].problem is not None
    assert as_sensor(scan.read(3), found[3]).depth_camera == found[3].camera


def test_a_picture_without_neighbours_has_no_depth(scan: Scan) -> None:
    alone = replace(scan, sources=scan.sources[:1])
    assert swept_depth(alone) == {}


def test_stereo_depth_is_the_truth() -> None:
    camera = Camera(320, 240, 280.0, 280.0, 159.5, 119.5)
    (left, truth), (right, _) = look(pose(0.0), camera), look(pose(0.1), camera)
    found = stereo_depth(left, right, camera, 0.1)
    good = found.depth > 0
    assert good.mean() > 0.75
    error = np.abs(found.depth - truth)[good]
    assert np.median(np.abs(28 / found.depth - 28 / truth)[good]) < SIGMA_PX
    assert (error < 2 * found.sigma[good]).mean() > 0.85


def test_an_offset_of_the_principal_points_counts() -> None:
    camera = Camera(320, 240, 280.0, 280.0, 159.5, 119.5)
    (left, truth), (right, _) = look(pose(0.0), camera), look(pose(0.1), replace(camera, cx=163.5))
    found = stereo_depth(left, right, camera, 0.1, offset_px=4.0)
    good = found.depth > 0
    assert np.median(np.abs(28 / found.depth - 28 / truth)[good]) < SIGMA_PX


def test_nonsense_is_refused() -> None:
    left = look(pose(0.0))[0]
    with pytest.raises(UsageError, match="baseline"):
        stereo_depth(left, left, CAMERA, -1.0)
    with pytest.raises(UsageError, match="pixels"):
        stereo_depth(left, left[:50], CAMERA, 0.1)
    with pytest.raises(UsageError, match="is the baseline in metres"):
        stereo_depth(left, left, CAMERA, 193.0)  # millimetres: the search range alone would fill the memory
