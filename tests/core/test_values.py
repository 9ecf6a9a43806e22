"""Value types: immutable, shape-checked, and clear about what is wrong."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from sceneforge.core import (
    LABEL_NAMES,
    Arrangement,
    Camera,
    CameraTrack,
    Certificate,
    Content,
    Frame,
    Label,
    Light,
    Material,
    Mesh,
    OrientedBox,
    Part,
    Placement,
    Plane,
    Relation,
    Request,
    Room,
    Scene,
    SceneObject,
)
from sceneforge.core.arrays import frozen_array, rigid_transform
from sceneforge.core.transforms import plane_frame

SQUARE = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]])
TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 0, 1]], np.float32)
FACES = np.array([[0, 2, 1]], np.int32)


def part() -> Part:
    return Part(TRIANGLE.copy(), FACES.copy(), np.tile(np.array([[0, 1, 0]], np.float32), (3, 1)), Material())


def examples() -> list[Any]:
    content = Content("c", "c.glb", (part(),))
    camera = Camera(4, 3, 2.0, 2.0, 1.5, 1.0)
    return [
        camera,
        Mesh(TRIANGLE.copy(), FACES.copy(), np.zeros((3, 3), np.uint8), np.zeros(3, np.uint8), np.zeros(3, np.int32)),
        Plane("p", Label.FLOOR, 1.0, np.eye(4), SQUARE, (SQUARE[::-1] / 4,), {"floor": 1.0}),
        SceneObject("o", Label.CHAIR, 1.0, OrientedBox(np.eye(4), np.ones(3)), {"chair": 1.0}),
        Room("r", "room", 1.0, None, None, (), SQUARE, None),
        Relation("o", "on", "p", 1.0, {"gap_m": 0.0}),
        Light("l", "point", np.ones(3), 1.0, position=np.zeros(3)),
        CameraTrack((0, 1), np.arange(2.0), np.stack([np.eye(4)] * 2), np.ones(2)),
        Material(base_color_texture=np.zeros((2, 2, 4), np.uint8)),
        part(),
        content,
        Request("q", content),
        Placement("q", content, "p", np.eye(4), 1.0, Certificate(0, 0, 1, 1, 1), ()),
        Arrangement((), facts={"tries": 3}),
        Scene(source={"name": "x"}),
        Frame(0, "f", 0.0, np.zeros((3, 4, 3), np.uint8), np.zeros((3, 4), np.float32), camera, camera, None),
    ]


@pytest.mark.parametrize("value", examples(), ids=lambda v: type(v).__name__)
def test_values_cannot_be_changed(value: Any) -> None:
    for field in dataclasses.fields(value):
        with pytest.raises((dataclasses.FrozenInstanceError, AttributeError, TypeError)):
            setattr(value, field.name, None)
        content = getattr(value, field.name)
        if isinstance(content, np.ndarray):
            with pytest.raises(ValueError, match="read-only"):
                content[...] = 0
        if hasattr(content, "keys"):
            with pytest.raises(TypeError):
                content["new"] = 1


@pytest.mark.parametrize("value", examples(), ids=lambda v: type(v).__name__)
def test_every_field_says_what_it_is(value: Any) -> None:
    import ast
    import inspect
    import textwrap

    body = ast.parse(textwrap.dedent(inspect.getsource(type(value)))).body[0]
    assert isinstance(body, ast.ClassDef)
    for statement, following in zip(body.body, [*body.body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign):
            documented = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            assert documented, f"{type(value).__name__}.{ast.unparse(statement.target)} has no docstring"


def test_the_callers_array_stays_his_own() -> None:
    polygon = SQUARE.copy()
    plane = Plane("p", Label.FLOOR, 1.0, np.eye(4), polygon)
    polygon[0] = 9
    assert plane.polygon[0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Mesh(np.zeros((3, 2), np.float32), FACES), r"vertices: expected shape \(N, 3\), got \(3, 2\)"),
        (lambda: Mesh(TRIANGLE, FACES + 1), "faces refer to vertex 3, the mesh has 3"),
        (lambda: Mesh(TRIANGLE, FACES, colors=np.zeros((2, 3), np.uint8)), r"colors: expected shape \(3, 3\)"),
        (lambda: Plane("p1", Label.FLOOR, 1, np.eye(4), SQUARE[:2]), "p1.polygon: expected at least 3 points, got 2"),
        (lambda: Plane("p1", Label.FLOOR, 1, np.diag([2.0, 1, 1, 1]), SQUARE), "p1.T_world_plane: upper-left 3x3"),
        (lambda: Plane("p1", Label.FLOOR, 1, np.full((4, 4), np.nan), SQUARE), "contains NaN or infinity"),
        (lambda: OrientedBox(np.eye(4), np.array([1.0, -1, 1])), "size: expected non-negative extents"),
        (lambda: Light("l", "ambient", np.ones(4), 1), r"l.color: expected shape \(3\), got \(4,\)"),
        (lambda: CameraTrack((0,), np.zeros(2), np.eye(4)[None], np.ones(1)), r"timestamps_s: expected shape \(1\)"),
        (lambda: Camera(0, 3, 1, 1, 0, 0), "image size must be positive, got 0x3"),
        (lambda: Camera(4, 3, np.nan, 1, 0, 0), "focal lengths must be positive and finite"),
        (lambda: Content("c", "c.glb", ()), "content 'c' has no triangles"),
        (lambda: Request("q", Content("c", "c", (part(),)), scale=0), "request 'q': scale must be positive, got 0"),
        (lambda: Request("q", Content("c", "c", (part(),)), clearance_m=-1), "clearance_m must not be negative"),
        (lambda: Scene(planes=(plane := Plane("p", Label.WALL, 1, np.eye(4), SQUARE), plane)), r"repeated: \['p'\]"),
        (lambda: rigid_transform(np.diag([1.0, 1, -1, 1]), "T"), "not a rotation"),
        (lambda: rigid_transform(np.eye(4) + np.eye(4)[::-1] * 1e-3, "T"), "not a rotation|last row must be 0 0 0 1"),
        (lambda: frozen_array([[1, 2]], (None, 3), np.float64, "x"), r"x: expected shape \(N, 3\), got \(1, 2\)"),
    ],
)
def test_wrong_values_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_labels_keep_their_numbers() -> None:
    """Files store these numbers: the list may grow at its end and change nowhere else."""
    assert LABEL_NAMES[:7] == ("unlabelled", "floor", "ceiling", "wall", "table", "seat", "other")
    assert (LABEL_NAMES.index("desk"), LABEL_NAMES.index("plant"), LABEL_NAMES.index("global_mesh")) == (10, 20, 55)
    assert [label.number for label in Label] == list(range(len(Label)))
    assert len(LABEL_NAMES) < 256, "labels are stored in bytes"


def test_plane_coordinates_go_there_and_back() -> None:
    plane = Plane("p", Label.TABLE, 1.0, plane_frame([0.2, 1, 0.1], [1, 2, 3]), SQUARE)
    world = plane.to_world(SQUARE)
    local = plane.to_local(world)
    assert np.allclose(local[:, [0, 2]], SQUARE)
    assert np.allclose(local[:, 1], 0)
    assert np.isclose(plane.to_local(plane.origin + 0.5 * plane.normal)[1], 0.5), "height above the plane"


def test_mesh_normals_point_outwards_and_survive_degenerate_faces() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 0, 1], [5, 5, 5]], np.float32)
    mesh = Mesh(vertices, np.array([[0, 2, 1], [0, 0, 1]], np.int32))
    assert mesh.face_normals.tolist() == [[0, 1, 0], [0, 0, 0]]
    assert mesh.vertex_normals.tolist() == [[0, 1, 0]] * 3 + [[0, 0, 0]]


def test_box_corners_and_content_bounds() -> None:
    box = OrientedBox(plane_frame([0, 1, 0], [1, 1, 1]), np.array([2.0, 4.0, 6.0]))
    assert box.corners.min(axis=0).tolist() == [0, -1, -2]
    assert box.corners.max(axis=0).tolist() == [2, 3, 4]
    assert Content("c", "c", (part(),)).size.tolist() == [1, 0, 1]


def test_scene_lookups() -> None:
    planes = tuple(
        Plane(f"p{i}", label, 1.0, np.eye(4), SQUARE) for i, label in enumerate((Label.FLOOR, Label.WALL, Label.WALL))
    )
    scene = Scene(planes=planes)
    assert scene.plane("p1") is planes[1]
    assert scene.planes_labelled(Label.WALL, Label.CEILING) == planes[1:]
    with pytest.raises(KeyError, match=r"no plane 'p9'; the scene has \['p0', 'p1', 'p2'\]"):
        scene.plane("p9")
