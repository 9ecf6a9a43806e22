"""What `arrange` promises, on analytic rooms."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import shapely

from sceneforge.core import Arrangement, Label, OrientedBox, Placement, Plane, Request, Scene, SceneObject, UsageError
from sceneforge.core.transforms import make_transform, plane_frame, transform_points
from sceneforge.placement import arrange
from tests.placement.rooms import TABLE_TOP, block, box, content_of, level, mesh_of, rectangle, room_scene, sheet


def world_vertices(p: Placement) -> np.ndarray:
    v = np.concatenate([part.vertices for part in p.content.parts]).astype(np.float64) * p.scale
    return transform_points(p.T_world_content, v)


def only(arrangement: Arrangement) -> Placement:
    assert not arrangement.unplaced, arrangement.unplaced
    (placement,) = arrangement.placements
    return placement


def heading_deg(p: Placement) -> float:
    front = p.T_world_content[:3, 2]
    return float(np.degrees(np.arctan2(front[0], front[2])))


@pytest.mark.parametrize("pivot", [(0, 0, 0), (0.3, 1.0, -2.0)])
def test_stands_on_the_clean_table_whatever_the_pivot(pivot):
    p = only(arrange(room_scene(), [Request("a", block(0.3, 0.2, 0.25, pivot), on=("table",))]))
    v = world_vertices(p)
    assert p.surface == "table_0"
    assert abs(v[:, 1].min() - TABLE_TOP) < 1e-5
    assert p.certificate.contact_gap_m < 1e-4 and p.certificate.penetration_m < 1e-6
    assert p.certificate.support_fraction == 1.0 and p.certificate.visible_fraction == 1.0
    assert np.abs(v[:, 0]).max() <= 0.8 and np.abs(v[:, 2]).max() <= 0.4


def test_rests_on_the_bumps_of_a_rough_table_without_sinking():
    scene = room_scene(bumps=0.004)
    p = only(arrange(scene, [Request("a", block(0.12, 0.2, 0.12), on=("table",))]))
    v = world_vertices(p)
    low = v[np.argsort(v[:, 1])[:4]].mean(axis=0)[1]
    assert TABLE_TOP - 0.004 < low < TABLE_TOP + 0.005
    assert p.certificate.penetration_m < 1e-5
    assert 0 < p.certificate.contact_gap_m < 0.008
    tilt = np.degrees(np.arccos(p.T_world_content[1, 1]))
    assert tilt <= 2.0


def test_a_mesh_below_its_plane_is_what_counts():
    scene = room_scene()
    planes = tuple(level(q.id, q.label, TABLE_TOP + 0.006, q.polygon) if q.id == "table_0" else q for q in scene.planes)
    p = only(arrange(Scene(planes=planes, mesh=scene.mesh), [Request("a", block(0.2, 0.2, 0.2), on=("table",))]))
    assert abs(world_vertices(p)[:, 1].min() - TABLE_TOP) < 1e-5
    assert any("-6.0 mm from the fitted plane" in r for r in p.reasons)


def test_avoids_clutter_and_keeps_the_clearance():
    clutter = [box([-0.8, TABLE_TOP, -0.4], [0.0, TABLE_TOP + 0.3, 0.4]), box([0.6, TABLE_TOP, -0.4], [0.8, 1.0, 0.4])]
    p = only(arrange(room_scene(clutter), [Request("a", block(0.3, 0.1, 0.3), on=("table",), clearance_m=0.1)]))
    x = world_vertices(p)[:, 0]
    assert x.min() >= 0.1 and x.max() <= 0.5
    measured = min(x.min(), 0.6 - x.max())
    assert p.certificate.clearance_m == pytest.approx(measured, abs=1e-4)


def test_later_content_avoids_earlier_content():
    requests = [Request(f"r{i}", block(0.3, 0.2, 0.3), on=("table",), clearance_m=0.03) for i in range(3)]
    a = arrange(room_scene(), requests)
    assert len(a.placements) == 3
    hulls = [shapely.MultiPoint(world_vertices(p)[:, [0, 2]]).convex_hull for p in a.placements]
    for i in range(3):
        for j in range(i):
            assert hulls[i].distance(hulls[j]) >= 0.03 - 1e-4


def test_stays_off_holes():
    hole = rectangle(0.5, 0.5)[::-1]
    p = only(arrange(room_scene(hole=hole), [Request("a", block(0.3, 0.2, 0.3), on=("table",))]))
    footprint = shapely.MultiPoint(world_vertices(p)[:, [0, 2]]).convex_hull
    assert footprint.intersection(shapely.Polygon(hole)).area < 1e-6
    assert shapely.Polygon(rectangle(1.6, 0.8)).buffer(1e-4).covers(footprint)


def test_stays_off_the_unscanned_half_of_a_plane():
    top = make_transform(np.eye(3), [0, 1.0, 0])
    v, f = sheet(top, (2.0, 1.0), step=0.02)
    scanned = f[(v[f][:, :, 0] <= 0.0).all(axis=1)]
    scene = Scene(planes=(level("t", Label.TABLE, 1.0, rectangle(2, 1)),), mesh=mesh_of((v, scanned)))
    p = only(arrange(scene, [Request("a", block(0.6, 0.2, 0.6), on=("table",))]))
    assert world_vertices(p)[:, 0].max() <= 0.07
    assert p.certificate.support_fraction >= 0.98


def test_never_inside_a_closed_box_on_the_floor():
    crate = box([-1.9, 0.0005, -2.4], [1.9, 1.5, 1.9])
    p = only(arrange(room_scene([crate], track=False), [Request("a", block(0.3, 0.2, 0.3), on=("floor",))]))
    assert world_vertices(p)[:, 2].min() > 1.9


@pytest.mark.parametrize("yaw", [0.0, 33.0, -120.0])
def test_yaw_as_asked(yaw):
    p = only(arrange(room_scene(), [Request("a", block(0.2, 0.2, 0.3), on=("table",), yaw_deg=yaw)]))
    assert heading_deg(p) == pytest.approx(yaw, abs=1e-6)


def test_faces_what_it_should():
    scene = room_scene()
    lamp = SceneObject(
        "lamp", Label.LAMP, 1.0, OrientedBox(make_transform(np.eye(3), [1.5, 1.0, 1.0]), [0.2, 0.2, 0.2])
    )
    scene = Scene(planes=scene.planes, objects=(lamp,), mesh=scene.mesh, track=scene.track)
    targets = {"lamp": np.array([1.5, 1.0, 1.0]), "wall_left": np.array([-2.0, 1.25, 0.0])}
    assert scene.track is not None
    targets["camera"] = scene.track.T_world_camera[:, :3, 3].mean(axis=0)
    for name, target in targets.items():
        p = only(arrange(scene, [Request("a", block(0.2, 0.2, 0.3), on=("table",), facing=name)]))
        to = target - transform_points(p.T_world_content, np.zeros(3))
        wanted = float(np.degrees(np.arctan2(to[0], to[2])))
        assert abs((heading_deg(p) - wanted + 180) % 360 - 180) < 1.0


@pytest.mark.parametrize("with_mesh", [True, False])
def test_facing_the_camera_without_a_track_is_facing_the_room(with_mesh):
    full = room_scene(track=False)
    scene = Scene(planes=full.planes, mesh=full.mesh if with_mesh else None)
    p = only(arrange(scene, [Request("a", block(0.2, 0.2, 0.3), on=("floor_0",), near="wall_left", facing="camera")]))
    middle = np.mean([q.to_world(q.polygon.mean(axis=0)) for q in scene.planes], axis=0)
    to = middle - transform_points(p.T_world_content, np.zeros(3))
    assert np.hypot(to[0], to[2]) > 0.5, "near the wall, away from the middle"
    wanted = float(np.degrees(np.arctan2(to[0], to[2])))
    assert abs((heading_deg(p) - wanted + 180) % 360 - 180) < 1.0
    assert any("front faces the room's middle: there is no camera track" in r for r in p.reasons)


def test_messages_name_a_few_ids_and_the_likeliest():
    scene = room_scene()
    extra = tuple(level(f"shelf_{k}", Label.SHELF, 1.0, rectangle(0.3, 0.3), (k, 9)) for k in range(244))
    many = Scene(planes=(*scene.planes, *extra), mesh=scene.mesh)
    thing = block(0.1, 0.1, 0.1)
    for more, suggestion in (
        ({"on": ("tabel_0",)}, "'table_0'"),
        ({"on": ("tabel",)}, "'table'"),
        ({"facing": "wall_lefft"}, "'wall_left'"),
        ({"near": "cieling_0"}, "'ceiling_0'"),
    ):
        with pytest.raises(UsageError) as error:
            arrange(many, [Request("a", thing, **more)])
        text = str(error.value)
        assert f"did you mean {suggestion}?" in text
        assert len(text) < 300 and text.count("shelf_") <= 5
        left_out = len(many.planes) - 5 + ("facing" in more)  # the camera can be faced too
        assert f"and {left_out} more" in text
    with pytest.raises(UsageError, match=r"'zzzz' is neither a label nor a plane of this scene; expected"):
        arrange(Scene(planes=()), [Request("a", thing, on=("zzzz",))])


def test_front_turns_to_the_viewers_along_the_edges():
    p = only(arrange(room_scene(), [Request("a", block(0.3, 0.2, 0.2), on=("table",))]))
    assert heading_deg(p) == pytest.approx(0.0, abs=1e-6)


def test_near_is_near():
    a = arrange(
        room_scene(),
        [
            Request("first", block(0.1, 0.1, 0.1), on=("table",)),
            Request("second", block(0.1, 0.1, 0.1), on=("floor", "table"), near="first"),
            Request("third", block(0.2, 0.2, 0.2), on=("floor",), near="wall_left"),
        ],
    )
    first, second, third = (transform_points(p.T_world_content, np.zeros(3)) for p in a.placements)
    assert np.linalg.norm(first - second) < 1.5
    assert third[0] + 2.0 < 0.5


def test_near_that_cannot_be_is_refused_with_the_distance():
    scene = room_scene()
    far = SceneObject("far", Label.LAMP, 1.0, OrientedBox(make_transform(np.eye(3), [9.0, 0.85, 0]), [0.2, 0.2, 0.2]))
    a = arrange(
        Scene(planes=scene.planes, objects=(far,), mesh=scene.mesh),
        [Request("a", block(0.2, 0.2, 0.2), on=("table",), near="far")],
    )
    (rejection,) = a.unplaced[0].rejections
    assert rejection.rule == "near"
    assert rejection.margin_mm == pytest.approx(1000 * (8.9 - 0.7 - 1.5), abs=40)


def test_picture_hangs_upright_with_its_back_on_the_wall_at_eye_height():
    p = only(arrange(room_scene(), [Request("a", block(0.6, 0.4, 0.03), on=("wall",))]))
    T = p.T_world_content
    normal = {"wall_left": [1, 0, 0], "wall_back": [0, 0, 1]}[p.surface]
    assert T[:3, 2] == pytest.approx(normal, abs=1e-9) and T[:3, 1] == pytest.approx([0, 1, 0], abs=1e-9)
    v = world_vertices(p)
    assert v[:, 1].mean() == pytest.approx(1.5, abs=0.1)
    wall = -2.0 if p.surface == "wall_left" else -2.5
    assert (v @ np.array(normal, dtype=float)).min() == pytest.approx(wall, abs=1e-5)


def test_hangs_upright_under_the_ceiling():
    p = only(arrange(room_scene(), [Request("a", block(0.2, 0.3, 0.2), on=("ceiling",), yaw_deg=30)]))
    assert p.T_world_content[:3, 1] == pytest.approx([0, 1, 0], abs=1e-9)
    assert world_vertices(p)[:, 1].max() == pytest.approx(2.5, abs=1e-5)
    assert heading_deg(p) == pytest.approx(30)


def shelf(slope_deg: float, size: tuple[float, float]) -> Scene:
    a = np.radians(slope_deg)
    T = plane_frame([0, np.cos(a), np.sin(a)], [0, 1, 0])
    plane = Plane("shelf", Label.SHELF, 1.0, T, rectangle(*size))
    return Scene(planes=(plane,), mesh=mesh_of(sheet(T, size, step=0.02)))


def test_slopes():
    gentle = only(arrange(shelf(8, (1, 0.6)), [Request("a", block(0.2, 0.2, 0.2), on=("shelf",))]))
    assert gentle.certificate.contact_gap_m < 1e-4
    assert np.degrees(np.arccos(gentle.T_world_content[1, 1])) == pytest.approx(8, abs=1e-4)
    steep = arrange(shelf(25, (1, 0.6)), [Request("a", block(0.2, 0.2, 0.2), on=("shelf",))])
    (rejection,) = steep.unplaced[0].rejections
    assert rejection.rule == "slope"
    assert rejection.margin_mm == pytest.approx(1000 * np.tan(np.radians(10)), abs=0.1)


def test_too_small_says_by_how_much():
    scene = shelf(0, (0.4, 0.21))
    a = arrange(scene, [Request("a", block(0.22, 0.1, 0.28), on=("shelf",), yaw_deg=0)])
    (rejection,) = a.unplaced[0].rejections
    assert rejection.rule == "size"
    assert rejection.margin_mm == pytest.approx(70, abs=6)
    assert "220 x 280 mm" in rejection.detail and "400 x 210 mm" in rejection.detail
    turned = arrange(scene, [Request("a", block(0.22, 0.1, 0.28), on=("shelf",))])
    assert turned.unplaced[0].rejections[0].margin_mm == pytest.approx(10, abs=6)
    assert arrange(scene, [Request("a", block(0.19, 0.1, 0.28), on=("shelf",))]).placements


def test_cluttered_says_by_how_much():
    clutter = [box([-0.8, TABLE_TOP, -0.4], [0.3, 1.2, 0.4])]
    a = arrange(room_scene(clutter), [Request("a", block(0.6, 0.2, 0.6), on=("table",), clearance_m=0)])
    (rejection,) = a.unplaced[0].rejections
    assert rejection.rule == "collision"
    assert rejection.margin_mm == pytest.approx(100, abs=10)


def test_the_next_surface_is_used_and_the_first_is_explained():
    p = only(arrange(room_scene(), [Request("a", block(0.5, 0.3, 1.0), on=("table", "floor"), yaw_deg=0)]))
    assert p.surface == "floor_0"
    assert any("table_0" in r and "size" not in p.surface for r in p.reasons)


def test_no_such_surface():
    a = arrange(room_scene(), [Request("a", block(0.1, 0.1, 0.1), on=("bed", "couch"))])
    assert a.unplaced[0].rejections == ()
    assert "'bed' or 'couch'" in a.unplaced[0].summary and "wall (2)" in a.unplaced[0].summary


def test_families_and_ids():
    scene = room_scene()
    planes = tuple(level(q.id, Label.DESK, TABLE_TOP, q.polygon) if q.id == "table_0" else q for q in scene.planes)
    desk = Scene(planes=planes, mesh=scene.mesh)
    small = block(0.1, 0.1, 0.1)
    assert only(arrange(desk, [Request("a", small, on=("table",))])).surface == "table_0"
    assert only(arrange(desk, [Request("a", small, on=("table_0",))])).surface == "table_0"
    assert only(arrange(desk, [Request("a", small, on=("largest_horizontal",))])).surface == "floor_0"


@pytest.mark.parametrize(
    ("more", "named"),
    [({"on": ("tabel",)}, "tabel"), ({"facing": "nobody"}, "nobody"), ({"near": "camera"}, "camera")],
)
def test_requests_that_refer_to_nothing_are_refused(more, named):
    with pytest.raises(UsageError, match=named):
        arrange(room_scene(), [Request("a", block(0.1, 0.1, 0.1), **more)])


def test_hidden_places_are_avoided():
    screen = box([-0.1, TABLE_TOP, -0.05], [0.75, 1.6, 0.0])
    p = only(arrange(room_scene([screen]), [Request("a", block(0.15, 0.1, 0.15), on=("table",))]))
    assert p.certificate.visible_fraction == 1.0


def test_planes_and_boxes_stand_in_for_a_missing_mesh():
    scene = room_scene()
    crate = SceneObject(
        "crate", Label.STORAGE, 1.0, OrientedBox(make_transform(np.eye(3), [0, 0.95, 0]), [1.0, 0.4, 0.8])
    )
    bare = Scene(planes=scene.planes, objects=(crate,))
    p = only(arrange(bare, [Request("a", block(0.2, 0.1, 0.2), on=("table",))]))
    assert np.abs(world_vertices(p)[:, 0]).min() >= 0.52 - 1e-6
    assert abs(world_vertices(p)[:, 1].min() - TABLE_TOP) < 1e-5
    assert "not measured" in " ".join(p.reasons)


def test_a_tables_own_box_is_no_obstacle_on_it():
    scene = room_scene()
    low, high = [-0.8, 0.0, -0.4], [0.8, TABLE_TOP + 0.03, 0.4]
    middle, size = (np.add(low, high) / 2).tolist(), np.subtract(high, low)
    table = SceneObject("table", Label.TABLE, 1.0, OrientedBox(make_transform(np.eye(3), middle), size))
    bare = Scene(planes=scene.planes, objects=(table,))
    p = only(arrange(bare, [Request("a", block(0.2, 0.1, 0.2), on=("table",))]))
    assert abs(world_vertices(p)[:, 1].min() - TABLE_TOP) < 1e-5
    floor = only(arrange(bare, [Request("a", block(0.2, 0.1, 0.2), on=("floor",))]))
    assert not shapely.box(-0.8, -0.4, 0.8, 0.4).intersects(shapely.MultiPoint(world_vertices(floor)[:, [0, 2]]))


def test_a_ball_touches_with_its_lowest_point():
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    rings = [
        np.stack([r * np.cos(angle), np.full(24, y), r * np.sin(angle)], axis=1)
        for y, r in [(0.1 - 0.1 * np.cos(t), 0.1 * np.sin(t)) for t in np.linspace(0, np.pi, 13)]
    ]
    i = np.arange(12)[:, None] * 24 + np.arange(24)
    j = np.arange(12)[:, None] * 24 + (np.arange(24) + 1) % 24
    faces = np.concatenate(
        [np.stack([i, i + 24, j], -1).reshape(-1, 3), np.stack([j, i + 24, j + 24], -1).reshape(-1, 3)]
    )
    ball = content_of((np.concatenate(rings), faces), name="ball")
    p = only(arrange(room_scene(), [Request("a", ball, on=("table",))]))
    assert p.certificate.support_fraction == 1.0 and p.certificate.contact_gap_m < 0.001
    assert world_vertices(p)[:, 1].min() == pytest.approx(TABLE_TOP, abs=1e-5)


SCRIPT = """
from tests.placement.rooms import *
from sceneforge.core import Request
from sceneforge.placement import arrange
scene = room_scene([box([0.1, .75, -.2], [.4, 1.0, .2])], bumps=0.003)
requests = [Request("a", block(.2, .2, .1)), Request("b", block(.1, .1, .2), near="a", facing="camera"),
            Request("c", block(.5, .4, .03), on=("wall",)), Request("d", block(3, 1, 3), on=("table", "wall"))]
a = arrange(scene, requests, seed={seed})
print([(p.T_world_content.tobytes().hex(), p.certificate, p.reasons) for p in a.placements], a.unplaced, dict(a.facts))
"""


def test_same_seed_same_answer_across_processes():
    from pathlib import Path

    def run(seed: int) -> str:
        script = SCRIPT.format(seed=seed)
        root = str(Path(__file__).parents[2])
        return subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root
        ).stdout

    first = run(3)
    assert len(first) > 1000
    assert first == run(3)


def test_another_seed_may_choose_another_place():
    request = Request("a", block(0.1, 0.1, 0.1), on=("floor",))
    places = {only(arrange(room_scene(), [request], seed=s)).T_world_content.tobytes() for s in range(3)}
    assert len(places) > 1
