"""A small scene with everything the writers hold, and content on its floor."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import (
    Arrangement,
    CameraTrack,
    Certificate,
    Content,
    EnvironmentMap,
    Label,
    Material,
    Mesh,
    Part,
    Placement,
    Plane,
    Scene,
)
from sceneforge.core.transforms import make_transform, plane_frame, rotation_from_quaternion, yaw_rotation


@pytest.fixture
def scene() -> Scene:
    """A floor and a wall of 2 x 2 m with a loose vertex, seen from three poses of five frames."""
    grid = np.linspace(-1, 1, 5)
    x, z = (a.ravel() for a in np.meshgrid(grid, grid))
    floor = np.stack([x, np.zeros(25), z], axis=1)
    wall = np.stack([x, z + 1, np.full(25, -1.0)], axis=1)
    corner = np.array([5 * r + c for r in range(4) for c in range(4)])
    floor_faces = np.concatenate(
        [np.stack([corner, corner + 5, corner + 1], axis=1), np.stack([corner + 1, corner + 5, corner + 6], axis=1)]
    )
    wall_faces = floor_faces[:, ::-1] + 25
    rng = np.random.default_rng(5)
    mesh = Mesh(
        np.concatenate([floor, wall, [[9, 9, 9]]]).astype(np.float32),
        np.concatenate([floor_faces, wall_faces]).astype(np.int32),
        rng.integers(0, 256, (51, 3)).astype(np.uint8),
        np.array([Label.FLOOR.number] * 25 + [Label.WALL.number] * 25 + [0], np.uint8),
        np.array([1] * 25 + [2] * 25 + [0], np.int32),
    )
    square = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
    planes = (
        Plane("plane_0", Label.FLOOR, 0.9, np.eye(4), square, (square[::-1] / 4,), area_m2=3.75),
        Plane("plane_1", Label.WALL, 0.8, plane_frame([0, 0, 1], [0, 1, -1]), square, area_m2=4.0),
    )
    poses = np.stack(
        [make_transform(rotation_from_quaternion(rng.normal(size=4)), rng.normal(size=3)) for _ in range(3)]
    )
    track = CameraTrack((0, 2, 4), np.array([0.1, 0.2, 1 / 3]), poses, np.array([1.0, 0.5, 1 / 7]))
    sky = rng.random((4, 8, 3)).astype(np.float32)
    light = EnvironmentMap(np.zeros(3), sky, np.ones((4, 8), np.float32))
    return Scene(planes=planes, mesh=mesh, track=track, environment=light, source={"name": "made up"})


@pytest.fixture
def content() -> Content:
    """Two parts: one textured and see-through, one glowing with vertex colours."""
    vertices = np.array([[-0.1, 0, -0.1], [0.1, 0, -0.1], [0.1, 0, 0.1], [-0.1, 0, 0.1]], np.float32)
    faces = np.array([[0, 2, 1], [0, 3, 2]], np.int32)
    normals = np.tile(np.array([[0, 1, 0]], np.float32), (4, 1))
    texture = np.random.default_rng(1).integers(0, 256, (8, 4, 4)).astype(np.uint8)
    leaf = Material((0.5, 1, 0.25, 0.8), 0.2, 0.6, base_color_texture=texture, alpha_mode="MASK", alpha_cutoff=0.3)
    glow = Material(emissive=(4.0, 2.0, 0.0), double_sided=True)
    colors = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1], [0.2, 0.2, 0.2, 1]], np.float32)
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    return Content(
        "flower",
        "flower.glb",
        (
            Part(vertices, faces, normals, leaf, uv=uv),
            Part(vertices + np.array([0, 0.2, 0], np.float32), faces, normals * 0, glow, colors=colors),
        ),
    )


@pytest.fixture
def arrangement(content: Content) -> Arrangement:
    """The content twice, turned, moved and scaled."""
    certificate = Certificate(0.0, 0.0, 1.0, 0.5, 1.0)
    return Arrangement(
        (
            Placement(
                "left", content, "plane_0", make_transform(yaw_rotation(0.5), [-0.5, 0, 0]), 1.0, certificate, ()
            ),
            Placement("right", content, "plane_0", make_transform(yaw_rotation(-2), [0.5, 0, 0]), 2.5, certificate, ()),
        )
    )
