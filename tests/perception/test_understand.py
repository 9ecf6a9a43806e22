"""Understanding a room whose truth is known to the millimetre."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sceneforge.core import FrameError, Label, Mesh, RoomCapture, Scan, ScanError, Scene
from sceneforge.core.transforms import inverse, rotation_between, transform_points
from sceneforge.perception.understand import understand_room, understand_scan
from tests.perception.furnished import BACK, ROOM, SEAT, TABLE, Truth, scan_of, turn_around


@pytest.fixture(scope="module")
def scene(truth: Truth) -> Scene:
    return understand_scan(truth.scan)[0]


def test_floor_ceiling_and_walls_are_where_they_are(scene: Scene) -> None:
    floor = scene.planes_labelled(Label.FLOOR)
    assert len(floor) == 1
    assert np.degrees(np.arccos(floor[0].normal[1])) < 0.3
    assert abs(floor[0].origin[1]) < 0.006
    assert floor[0].area_m2 == pytest.approx(ROOM[0] * ROOM[2], rel=0.08)
    walls = scene.planes_labelled(Label.WALL)
    found = {(round(float(w.normal[0])), round(float(w.normal[2]))) for w in walls}
    assert found == {(1, 0), (-1, 0), (0, 1), (0, -1)}, "four walls, each facing into the room"
    for w in walls:
        axis = int(np.argmax(np.abs(w.normal)))
        half = {0: ROOM[0] / 2, 2: ROOM[2] / 2}[axis]
        assert abs(abs(w.origin[axis]) - half) < 0.01
    rooms = scene.rooms
    assert len(rooms) == 1 and len(rooms[0].walls) >= 4


def test_table_and_seat_are_told_apart_and_measured(scene: Scene) -> None:
    (table,) = scene.planes_labelled(Label.TABLE)
    assert table.origin[1] == pytest.approx(TABLE["centre"][1] + 0.02, abs=0.006)
    assert table.area_m2 == pytest.approx(TABLE["size"][0] * TABLE["size"][2], rel=0.08)
    (seat,) = scene.planes_labelled(Label.SEAT)
    assert seat.origin[1] == pytest.approx(SEAT["centre"][1] + 0.02, abs=0.01)
    assert sum(seat.scores.values()) == pytest.approx(1, abs=1e-4)


def test_outlines_have_positive_area_and_lie_on_the_surface(scene: Scene, truth: Truth) -> None:
    for p in scene.planes:
        x, z = p.polygon.T
        assert 0.5 * (x @ np.roll(z, -1) - z @ np.roll(x, -1)) > 0
        assert 0 <= p.observed_fraction <= 1
    (table,) = scene.planes_labelled(Label.TABLE)
    corners = table.to_world(table.polygon)
    assert np.abs(np.abs(corners[:, 0] - TABLE["centre"][0]).max() - TABLE["size"][0] / 2) < 0.07
    assert np.abs(np.abs(corners[:, 2] - TABLE["centre"][2]).max() - TABLE["size"][2] / 2) < 0.07


def test_mesh_labels_point_at_planes(scene: Scene) -> None:
    mesh = scene.mesh
    assert mesh is not None and mesh.instances is not None and mesh.labels is not None
    for i, p in enumerate(scene.planes):
        mine = mesh.instances == i + 1
        assert (mesh.labels[mine] == p.label.number).all()
        assert np.abs(p.to_local(mesh.vertices[mine])[:, 1]).max() < 0.045
    assert (mesh.instances > 0).mean() > 0.9


def test_objects_and_relations_carry_measurements(scene: Scene) -> None:
    table = min(scene.objects, key=lambda o: float(np.linalg.norm(o.box.T_world_box[:3, 3] - (0.4, 0.37, -0.3))))
    assert table.label is Label.TABLE
    assert table.box.size == pytest.approx([1.4, 0.74, 0.8], abs=0.08)
    (plane,) = scene.planes_labelled(Label.TABLE)
    floor = scene.planes_labelled(Label.FLOOR)[0]
    above = [r for r in scene.graph.relations if r.subject == plane.id and r.predicate == "above"]
    assert [r.object for r in above] == [floor.id]
    assert above[0].evidence["height_m"] == pytest.approx(0.74, abs=0.01)
    seat = min(scene.objects, key=lambda o: float(np.linalg.norm(o.box.T_world_box[:3, 3] - (-2.1, 0.5, 0))))
    assert seat.label is Label.COUCH and seat.evidence["seat_m"] == pytest.approx(0.44, abs=0.02)
    assert BACK["size"][2] == pytest.approx(max(seat.box.size), abs=0.12)


def test_up_is_found_when_the_capture_does_not_say(truth: Truth, scene: Scene) -> None:
    tilt = rotation_between((0, 1, 0), (0.2, 0.9, -0.3))
    T = np.eye(4)
    T[:3, :3] = tilt
    poses = [T @ p for p in turn_around()]
    scan = replace(truth.scan.with_poses(poses), up=None)
    found, account = understand_scan(scan)
    up = inverse(found.T_scene_source)[:3, 1]
    assert np.degrees(np.arccos(np.clip(up @ tilt[:, 1], -1, 1))) < 0.5
    assert found.source["gravity"].startswith("estimated")
    assert len(found.planes_labelled(Label.FLOOR)) == 1
    assert account.counts["frames"] == len(scan)


def test_a_meshs_own_path_agrees_with_the_scans(truth: Truth, scene: Scene) -> None:
    capture = RoomCapture("room", "room.ply", "mesh", truth.mesh, up=np.array([0.0, 1.0, 0.0]))
    found, _ = understand_room(capture)
    assert np.array_equal(found.T_scene_source, np.eye(4))
    (floor,) = found.planes_labelled(Label.FLOOR)
    assert floor.area_m2 == pytest.approx(ROOM[0] * ROOM[2], rel=0.03)
    assert len(found.planes_labelled(Label.CEILING)) == 1
    assert found.rooms[0].height_m == pytest.approx(ROOM[1], abs=0.01)
    assert len(found.planes_labelled(Label.WALL)) == 4
    assert len(found.planes_labelled(Label.TABLE)) == 1


def test_scene_world_follows_the_stated_up(truth: Truth) -> None:
    turn = np.eye(4)
    turn[:3, :3] = rotation_between((0, 1, 0), (0, 0, 1))
    scan = replace(truth.scan.with_poses([turn @ p for p in turn_around()]), up=np.array([0.0, 0.0, 1.0]))
    found, _ = understand_scan(scan)
    (floor,) = found.planes_labelled(Label.FLOOR)
    assert floor.normal[1] > 0.999
    assert np.allclose(transform_points(found.T_scene_source, [0, 0, 1]), [0, 1, 0], atol=1e-12)
    assert found.track is not None
    assert np.allclose(found.track.T_world_camera[0], found.T_scene_source @ turn @ turn_around()[0])


def test_same_input_same_result(truth: Truth, scene: Scene) -> None:
    from sceneforge.core.scene_json import scene_to_dict

    again, _ = understand_scan(truth.scan)
    assert scene_to_dict(again) == scene_to_dict(scene)
    assert again.mesh is not None and scene.mesh is not None
    assert again.mesh.vertices.tobytes() == scene.mesh.vertices.tobytes()
    assert again.mesh.faces.tobytes() == scene.mesh.faces.tobytes()


def test_damaged_frames_are_counted_and_survived(truth: Truth) -> None:
    def broken() -> np.ndarray:
        raise FrameError("truncated PNG", path="room/3.png", frame="frame-3")

    sources = list(truth.scan.sources)
    sources[3] = replace(sources[3], read_depth=broken)
    scene, account = understand_scan(replace(truth.scan, sources=tuple(sources)))
    assert account.counts["frames_skipped"] == 1
    assert any("room/3.png" in w for w in account.warnings)
    assert len(scene.planes_labelled(Label.FLOOR)) == 1
    with pytest.raises(ScanError, match="frames are unusable"):
        understand_scan(replace(truth.scan, sources=tuple(replace(s, read_depth=broken) for s in sources)))


def test_a_scan_without_surface_is_refused(truth: Truth) -> None:
    empty = np.zeros(truth.scan.sources[0].depth_camera.shape, np.float32)
    sources = tuple(replace(s, read_depth=empty.copy) for s in truth.scan.sources)
    with pytest.raises(ScanError, match="no surface could be reconstructed"):
        understand_scan(replace(truth.scan, sources=sources))


def test_few_frames_still_give_a_mesh(truth: Truth) -> None:
    scan = scan_of(truth.mesh, turn_around()[:2], (0, 1, 0))
    scene, _ = understand_scan(scan)
    assert scene.mesh is not None and len(scene.mesh.faces) > 1000


def test_unusable_poses_count_against_the_limit(truth: Truth) -> None:
    def without_poses(count: int) -> Scan:
        sources = list(truth.scan.sources)
        for i in range(count):
            sources[i] = replace(sources[i], T_world_camera=None, problem="the pose is not finite")
        return replace(truth.scan, sources=tuple(sources))

    _, account = understand_scan(without_poses(3))
    assert account.counts["frames_skipped"] == 3
    assert "3 of 24 frames left out, the first frame-0: the pose is not finite" in account.warnings
    with pytest.raises(ScanError, match="18 of 24 frames have no usable pose or picture"):
        understand_scan(without_poses(18))


@pytest.mark.parametrize(
    ("corners", "text"),
    [
        ([[0, 0, 0], [1, 0, 0], [2, 0, 0]], "no triangle of the mesh has an area"),
        ([[0, 0, 0], [0, 0, 4000], [5000, 0, 0]], "5000 m across"),
    ],
)
def test_a_mesh_without_area_or_in_other_units_is_refused(corners: list[list[float]], text: str) -> None:
    mesh = Mesh(np.array(corners, np.float32), np.array([[0, 1, 2]], np.int32))
    with pytest.raises(ScanError, match=text):
        understand_room(RoomCapture("room", "room.ply", "mesh_file", mesh, up=np.array([0.0, 1.0, 0.0])))
