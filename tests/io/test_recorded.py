"""The recorded captures as they lie in the data folder: counts, sizes, intrinsics, and poses that agree with depth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import Frame, Label, RoomCapture, Scan
from sceneforge.core.transforms import inverse, transform_points
from sceneforge.io import load
from sceneforge.io._discover import reader, reader_names, recognised

# name: (reader, frames, colour size, depth size, (fx, fy, cx, cy), up, pairs of frames, worst median error in mm)
SCANS = {
    "7scenes_redkitchen": ("seven_scenes", 100, (640, 480), (640, 480), (585, 585, 320, 240), None, 30),
    "hololens_office": ("hololens", 125, (540, 360), (540, 360), (495.57, 495.48, 269.5, 169.19), (0, 1, 0), 9),
    "tum_fr3_cabinet": ("tum_cabinet", 58, (640, 480), (640, 480), (535.4, 539.2, 320.1, 247.6), (0, 0, 1), 20),
    "slambook_diningroom": ("slambook", 5, (640, 480), (640, 480), (518, 519, 325.5, 253.5), None, 51),
    "record3d_door": ("record3d_exr", 29, (1440, 1920), (192, 256), (1404.3, 1404.3, 724.65, 963.78), (0, 1, 0), 4),
}
PAIRS = {
    "7scenes_redkitchen": [(0, 99), (10, 11), (30, 32), (60, 61)],
    "hololens_office": [(10, 11), (50, 51), (100, 101)],
    "tum_fr3_cabinet": [(10, 12), (20, 21), (40, 42)],
    "slambook_diningroom": [(1, 2), (2, 3)],
    "record3d_door": [(0, 1), (10, 11), (20, 21)],
}


def _scan(root: Path, name: str) -> Scan:
    path = root / "data" / name
    if not path.is_dir():
        pytest.skip(f"{path} is not there")
    if name == "record3d_door":
        pytest.importorskip("OpenEXR", reason="the package OpenEXR reads Record3D's depth")
    scan = load(path)
    assert isinstance(scan, Scan)
    return scan


def _pose_error_mm(a: Frame, b: Frame) -> float:
    """Median absolute depth difference where frame a's surface, moved by the poses, meets b's depth image."""
    assert a.T_world_camera is not None and b.T_world_camera is not None
    points = a.depth_camera.backproject(a.depth)[a.depth > 0]
    T_b_a = inverse(b.T_world_camera) @ a.T_world_camera
    uv, z = b.depth_camera.project(transform_points(T_b_a, points))
    u, v = (np.round(np.nan_to_num(uv[:, k], nan=-1)).astype(int) for k in (0, 1))
    inside = (z > 0.1) & (u >= 0) & (v >= 0) & (u < b.depth_camera.width) & (v < b.depth_camera.height)
    seen = b.depth[v[inside], u[inside]]
    error = np.abs(seen - z[inside])[seen > 0]
    error = error[error < 0.3]  # farther apart: one hides the other
    assert error.size > 1000
    return float(np.median(error)) * 1000


@pytest.mark.parametrize("name", sorted(SCANS))
def test_recorded_scan(data_root: Path, name: str) -> None:
    scan = _scan(data_root, name)
    form, count, color_size, depth_size, K, up, worst_mm = SCANS[name]
    assert (scan.format, len(scan)) == (form, count)
    assert all(s.problem is None for s in scan.sources)
    frame = scan.read(0)
    camera, depth_camera = frame.camera, frame.depth_camera
    assert (camera.width, camera.height) == color_size and (depth_camera.width, depth_camera.height) == depth_size
    np.testing.assert_allclose((camera.fx, camera.fy, camera.cx, camera.cy), K, atol=0.01)
    if up is not None:
        assert scan.up is not None
        np.testing.assert_allclose(scan.up, up)
    for a, b in PAIRS[name]:
        error = _pose_error_mm(scan.read(a), scan.read(b))
        assert error <= worst_mm, f"frames {a}, {b}: {error:.1f} mm"


def test_seven_scenes_up_is_against_gravity(data_root: Path) -> None:
    scan = _scan(data_root, "7scenes_redkitchen")
    assert scan.up is not None
    ups = [-s.T_world_camera[:3, 1] for s in scan.sources if s.T_world_camera is not None]
    assert np.mean(ups @ scan.up) > 0.7, "the camera is held upright on average"


@pytest.mark.parametrize(
    ("name", "form"), [("realsense_floor_boxes", "realsense_frames"), ("mosd_tabletop", "kinect_pairs")]
)
def test_single_views_have_no_poses(data_root: Path, name: str, form: str) -> None:
    scan = _scan(data_root, name)
    assert (scan.format, len(scan), scan.has_poses) == (form, 10, False)
    for frame in scan.frames():
        assert frame.color.shape == (480, 640, 3) and frame.T_world_camera is None
        assert 0.3 < np.median(frame.depth[frame.depth > 0]) < 5


@pytest.mark.parametrize(
    ("name", "planes", "boxes", "vertices"),
    [("living_room", 17, 8, 30933), ("meeting_room", 18, 2, 8328), ("office_small", 10, 3, 1895)],
)
def test_quest_rooms(data_root: Path, name: str, planes: int, boxes: int, vertices: int) -> None:
    path = data_root / "data" / "quest3_iwer_rooms" / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    room = load(path)
    assert isinstance(room, RoomCapture) and room.mesh is not None
    assert (len(room.planes), len(room.objects), len(room.mesh.vertices)) == (planes, boxes, vertices)
    (floor,) = [p for p in room.planes if p.label is Label.FLOOR]
    import open3d as o3d

    surface = o3d.t.geometry.RaycastingScene()
    surface.add_triangles(room.mesh.vertices.copy(), room.mesh.faces.astype(np.uint32))
    share = np.linspace(0.05, 0.95, 20)
    for plane in room.planes:
        if plane.label not in (Label.FLOOR, Label.WALL, Label.CEILING):
            continue
        low, high = plane.polygon.min(axis=0), plane.polygon.max(axis=0)
        grid = np.stack(np.meshgrid(*(low[k] + share * (high - low)[k] for k in (0, 1))), axis=-1)
        distance = surface.compute_distance(plane.to_world(grid).astype(np.float32)).numpy()
        assert np.median(distance) < 0.12, f"{plane.id} ({plane.label}) lies on the mesh"
        if plane.label is Label.WALL:
            assert plane.normal @ (floor.origin - plane.origin) > -0.6, "walls face the room"
    assert floor.normal[1] > 0.99


def test_roomplan(data_root: Path) -> None:
    path = data_root / "data" / "roomplan" / "Room.json"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    room = load(path)
    assert isinstance(room, RoomCapture)
    labels = [p.label for p in room.planes]
    assert labels.count(Label.WALL) == 9 and labels.count(Label.OPENING) == 2 and labels.count(Label.FLOOR) == 1
    assert sorted(o.label.value for o in room.objects) == ["chair", "chair", "table"]
    (floor,) = [p for p in room.planes if p.label is Label.FLOOR]
    assert floor.area_m2 == pytest.approx(11.24, abs=0.01)
    from shapely.geometry import Point, Polygon

    outline = Polygon(floor.to_world(floor.polygon)[:, [0, 2]])
    for wall in room.planes:
        if wall.label is Label.WALL:
            assert outline.contains(Point((wall.origin + 0.1 * wall.normal)[[0, 2]])), "walls face into the room"


def test_exactly_one_reader_says_yes(data_root: Path) -> None:
    data = data_root / "data"
    captures = [*SCANS, "realsense_floor_boxes", "mosd_tabletop", "roomplan/Room.json", "record3d_door/EXR_RGBD"]
    captures += [f"quest3_iwer_rooms/{n}.json" for n in ("living_room", "meeting_room", "office_small")]
    there = [data / c for c in captures if (data / c).exists()]
    assert there
    for path in there:
        assert len(recognised(path)) == 1, path
    strangers = [data / n for n in ("nyu_v2_labeled", "coco_indoor_instances", "middlebury_motorcycle", "README.md")]
    for path in strangers:
        assert recognised(path) == []
    assert len(reader_names()) == 20
    for name in reader_names():
        assert not reader(name).sniff(data / "no such place")


def test_models(data_root: Path) -> None:
    from sceneforge.io import load_content

    files = sorted((data_root / "assets" / "models").rglob("*.glb"))[::40]
    if not files:
        pytest.skip("no models there")
    for file in files:
        content = load_content(file)
        assert 0.01 < content.size.max() < 10
        for part in content.parts:
            np.testing.assert_allclose(np.linalg.norm(part.normals, axis=1), 1, atol=1e-4)
            assert part.faces.min() >= 0 and part.faces.max() < len(part.vertices)
