"""What comes into view once a thing is gone, and nothing else: not what it never hid, nor what others hide."""

from __future__ import annotations

import numpy as np

from sceneforge.core import Camera, Label, Mesh, OrientedBox, Plane, Scene
from sceneforge.core.transforms import make_transform
from sceneforge.rendering.uncovered import Uncovered, enclosed, entering

CAMERA = Camera(320, 240, 280.0, 280.0, 159.5, 119.5)
DOWN = make_transform(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), np.array([0.0, 2.0, 0.0]))


def slab(x0: float, x1: float, z0: float, z1: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[x0, y, z0], [x1, y, z0], [x1, y, z1], [x0, y, z1]], dtype=np.float32)
    return corners, np.array([[0, 2, 1], [0, 3, 2]], dtype=np.int32)


def test_only_what_the_thing_hid_comes_into_view() -> None:
    square = np.array([[-2.0, -2.0], [2.0, -2.0], [2.0, 2.0], [-2.0, 2.0]])
    floor = Plane("plane_0", Label.FLOOR, 1.0, np.eye(4), square, area_m2=16.0)
    shelf = Mesh(*slab(0.1, 0.4, -0.4, 0.4, 1.2))  # stays, and hides a part of the thing
    left = Scene(planes=(floor,), mesh=shelf)
    top = Mesh(*slab(-0.3, 0.3, -0.2, 0.2, 0.5))
    box = OrientedBox(make_transform(np.eye(3), np.array([0.0, 0.25, 0.0])), np.array([0.6, 0.5, 0.4]))
    points, planes = Uncovered(left, top, (box,))(CAMERA, DOWN)
    assert len(points) > 200 and (planes == 0).all()
    assert np.abs(points[:, 1]).max() < 1e-4
    # From 2 m up, the top at 0.5 m hides 4 / 3 of its size of the floor; the rim and the box's growth come to that.
    assert -0.55 < points[:, 0].min() < -0.38 and np.abs(points[:, 2]).max() < 0.42
    # The shelf at 1.2 m hides the floor from x = 0.25 on.
    assert points[:, 0].max() < 0.27


def test_rays_enter_boxes() -> None:
    box = OrientedBox(make_transform(np.eye(3), np.array([0.0, 0.0, 2.0])), np.array([1.0, 1.0, 1.0]))
    rays = np.array([[0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, -1], [0, 0, 2, 1, 0, 0], [0, 0.6, 0, 0, 0, 1]], np.float32)
    assert np.allclose(entering(rays, (box,)), [1.5, np.inf, 0.0, np.inf])
    assert np.isclose(entering(rays, (box,), 0.2)[3], 1.3)


def test_what_a_thing_mostly_surrounds_is_its() -> None:
    core = np.zeros((20, 20), np.uint8)
    core[4:16, 4:16] = 1
    blind = np.zeros_like(core)
    blind[8:12, 8:12] = 1
    core[8:12, 8:12] = 0
    blind[0:3, 0:20] = 1  # beside it
    found = enclosed(core, blind)
    assert found[8:12, 8:12].all() and not found[0:3].any()
