"""The mesh is closed where a removed thing stood, on planes, in their colours; a top is taken out as a whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sceneforge.core import Label, Mesh, OrientedBox, Plane, Scene, SceneObject, SurfaceRaster
from sceneforge.core.backdrop import OUTSIDE, SEEN, Sheet
from sceneforge.core.color import to_linear
from sceneforge.core.transforms import make_transform
from sceneforge.perception.removal import Thing, remove_things
from sceneforge.perception.removal_closing import closed_mesh
from sceneforge.perception.removal_extent import widened

BROWN = np.array([120, 80, 40], np.uint8)


def grid(x0: float, x1: float, z0: float, z1: float, y: float, hole: float = 0.0) -> Mesh:
    """A level sheet of 5 cm cells, with a square hole of this half size around the origin."""
    x, z = np.arange(x0, x1 + 1e-6, 0.05), np.arange(z0, z1 + 1e-6, 0.05)
    points = np.stack(np.meshgrid(x, z, indexing="ij"), axis=-1).reshape(-1, 2)
    number = np.arange(len(points)).reshape(len(x), len(z))
    quads = np.stack([number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]], axis=-1).reshape(-1, 4)
    middle = points[quads].mean(axis=1)
    quads = quads[(np.abs(middle) > hole).any(axis=1)]
    vertices = np.stack([points[:, 0], np.full(len(points), y), points[:, 1]], axis=1).astype(np.float32)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    n = len(vertices)
    return Mesh(vertices, faces, np.tile(BROWN, (n, 1)), np.full(n, 1, np.uint8), np.ones(n, np.int32))


def scene(mesh: Mesh) -> Scene:
    square = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    floor = Plane("plane_0", Label.FLOOR, 1.0, np.eye(4), square, area_m2=4.0)
    return Scene(planes=(floor,), mesh=mesh)


def test_the_floor_is_closed_once_and_in_its_colour() -> None:
    import trimesh

    open_mesh = grid(-1, 1, -1, 1, 0.0, hole=0.3)
    origin = np.full((200, 200), OUTSIDE, np.uint8)
    origin[40:160, 40:160] = SEEN
    color = np.where((origin == SEEN)[..., None], to_linear(BROWN), 0).astype(np.float32)
    sheet = Sheet(SurfaceRaster(np.eye(4), np.array([-1.0, -1.0]), 0.01, 200, 200), color, origin)
    closed = closed_mesh(scene(open_mesh), (sheet,))
    new = closed.faces[len(open_mesh.faces) :]
    assert trimesh.triangles.area(closed.vertices[new]).sum() == pytest.approx(0.36, rel=0.2)
    assert (closed.face_normals[len(open_mesh.faces) :, 1] > 0.99).all()
    added = slice(len(open_mesh.vertices), None)
    assert closed.colors is not None and closed.instances is not None and closed.labels is not None
    assert np.abs(closed.colors[added].astype(int) - BROWN).max() <= 2
    assert set(closed.instances[added]) == {1} and set(closed.labels[added]) == {Label.FLOOR.number}
    assert len(closed_mesh(scene(closed), (sheet,)).faces) == len(closed.faces)


def test_a_top_is_taken_as_a_whole_but_no_other_things_and_no_floor() -> None:
    top, floor = grid(-0.5, 1.0, -0.4, 0.4, 0.7), grid(-2, 2, -2, 2, 0.0)
    other = grid(1.3, 1.8, -0.4, 0.4, 0.7)  # a gap between them
    vertices = np.concatenate([top.vertices, floor.vertices, other.vertices])
    n = len(top.vertices)
    faces = np.concatenate([top.faces, floor.faces + n, other.faces + n + len(floor.vertices)])
    box = OrientedBox(make_transform(np.eye(3), np.array([0.0, 0.35, 0.0])), np.array([1.0, 0.7, 0.8]))
    wide = widened(box, scene(Mesh(vertices, faces)))
    low, high = wide.corners.min(axis=0), wide.corners.max(axis=0)
    assert low == pytest.approx([-0.5, 0, -0.4], abs=0.06)
    assert high == pytest.approx([1.0, 0.7, 0.4], abs=0.06)
    mat = OrientedBox(make_transform(np.eye(3), np.zeros(3)), np.array([0.5, 0.05, 0.5]))
    assert widened(mat, scene(Mesh(vertices, faces))) is mat


def test_a_face_behind_it_is_completed_and_what_it_is_known_as_goes() -> None:
    shelf = OrientedBox(make_transform(np.eye(3), np.array([0.0, 0.9, -0.5])), np.array([1.0, 1.8, 0.3]))
    stool = OrientedBox(make_transform(np.eye(3), np.array([0.0, 0.2, 0.0])), np.array([0.5, 0.4, 0.5]))
    R = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # local y looks along world z, local z down
    ring = np.array([[-0.5, -0.9], [0.5, -0.9], [0.5, 0.2], [-0.5, 0.2]])  # its lower part was hidden
    front = Plane("plane_1", Label.OTHER, 1.0, make_transform(R, np.array([0.0, 0.9, -0.35])), ring, area_m2=1.1)
    things = (SceneObject("object_0", Label.SHELF, 1.0, shelf), SceneObject("object_1", Label.TABLE, 1.0, stool))
    base = scene(grid(-1, 1, -1, 1, 0.0))
    room = replace(base, planes=(*base.planes, front), objects=things)
    left = remove_things(room, [Thing("stool", Label.SEAT, stool)]).scene
    assert [o.id for o in left.objects] == ["object_0"]
    low, high = left.plane("plane_1").polygon.min(axis=0), left.plane("plane_1").polygon.max(axis=0)
    assert low == pytest.approx([-0.5, -0.9]) and high == pytest.approx([0.5, 0.9])
