"""The placement metrics on an analytic table: each fault is found, and only that one."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import (
    Arrangement,
    Certificate,
    Content,
    Label,
    Material,
    Mesh,
    OrientedBox,
    Part,
    Placement,
    Plane,
    Request,
    Scene,
    SceneObject,
)
from sceneforge.core.transforms import make_transform, yaw_rotation
from sceneforge.evaluation.placement import PlacementQuality, measure_arrangement, summarise

CUBE = np.array([[x, y, z] for x in (-0.1, 0.1) for y in (0, 0.2) for z in (-0.1, 0.1)], dtype=np.float32)
CUBE_FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4],
     [1, 5, 7], [1, 7, 3]], dtype=np.int32,
)  # fmt: skip


def scene() -> Scene:
    top = np.array([[-1, 0, -0.5], [-1, 0, 0.5], [1, 0, -0.5], [1, 0, 0.5]])
    crate = CUBE * 1.0 + [0.7, 0.0, 0.0]
    vertices = np.concatenate([top, crate]).astype(np.float32)
    faces = np.concatenate([[[0, 1, 2], [2, 1, 3]], CUBE_FACES + 4]).astype(np.int32)
    outline = np.array([[-1, -0.5], [1, -0.5], [1, 0.5], [-1, 0.5]])
    lamp = SceneObject(
        "lamp", Label.LAMP, 1.0, OrientedBox(make_transform(np.eye(3), [-0.6, 0.1, 0.0]), np.full(3, 0.2))
    )
    plane = Plane("table", Label.TABLE, 1.0, np.eye(4), outline)
    return Scene(planes=(plane,), objects=(lamp,), mesh=Mesh(vertices, faces))


def cube_at(x: float, y: float, z: float, yaw_deg: float = 0.0, name: str = "cube") -> Placement:
    part = Part(CUBE.copy(), CUBE_FACES.copy(), np.tile(np.array([0, 1, 0], np.float32), (8, 1)), Material())
    T = make_transform(yaw_rotation(np.radians(yaw_deg)), [x, y, z])
    return Placement(name, Content("cube", "", (part,)), "table", T, 1.0, Certificate(0, 0, 1, 0.1, 1), ())


def measured(*placements: Placement, **asked: str) -> PlacementQuality:
    requests = [Request("cube", placements[0].content, **asked)]  # type: ignore[arg-type]
    return measure_arrangement(Arrangement(placements), scene(), requests)[0]


def test_a_good_place_is_sound():
    q = measured(cube_at(0, 0, 0))
    assert q.sound and not q.collides and q.in_bounds == 1 and q.support == 1
    assert q.contact_gap_m == pytest.approx(0, abs=1e-6) and q.near_m is None and q.facing_error_deg is None


def test_floating_is_unsupported_by_as_much_as_it_floats():
    assert measured(cube_at(0, 0.004, 0)).contact_gap_m == pytest.approx(0.004, abs=1e-6)
    assert measured(cube_at(0, 0.004, 0)).support == 1
    floating = measured(cube_at(0, 0.02, 0))
    assert floating.support == 0 and not floating.sound and not floating.collides


def test_sinking_and_cutting_into_the_crate_collide():
    assert measured(cube_at(0, -0.01, 0)).collides
    assert measured(cube_at(0.55, 0, 0.05)).collides
    assert not measured(cube_at(0.48, 0, 0.05)).collides


def test_cutting_into_other_content_collides():
    assert measured(cube_at(0, 0, 0), cube_at(0.15, 0, 0.05, name="other")).collides
    assert not measured(cube_at(0, 0, 0), cube_at(0.25, 0, 0.05, name="other")).collides


def test_over_the_edge_is_out_of_bounds():
    q = measured(cube_at(-0.95, 0, 0))
    assert 0.5 < q.in_bounds < 0.99 and not q.sound
    assert q.support < 0.9 and not q.supported


def test_relations():
    q = measured(cube_at(0, 0, 0, yaw_deg=-90), near="lamp", facing="lamp")
    assert q.near_m == pytest.approx(0.4, abs=1e-6) and q.facing_error_deg == pytest.approx(0, abs=1e-6)
    assert q.relations_hold
    q = measured(cube_at(0, 0, 0, yaw_deg=-50), facing="lamp")
    assert q.facing_error_deg == pytest.approx(40, abs=1e-4) and not q.relations_hold
    assert measured(cube_at(0, 0, 0), near="table").near_m == pytest.approx(0, abs=1e-6)


def test_summary_counts_jointly():
    qualities = measure_arrangement(Arrangement((cube_at(0, 0, 0), cube_at(-0.95, 0, 0, name="b"))), scene())
    joint = summarise(qualities, unplaced=2)
    assert (
        joint["placed"] == 0.5 and joint["in_bounds"] == 0.5 and joint["collision_free"] == 1 and joint["sound"] == 0.5
    )


def test_needs_a_mesh():
    with pytest.raises(ValueError, match="mesh"):
        measure_arrangement(Arrangement(()), Scene())
