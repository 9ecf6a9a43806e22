"""The whole road on real captures and on the embedded sample, through the interfaces users have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import Label, OrientedBox, Request, RoomCapture
from sceneforge.core.transforms import inverse, make_transform, transform_points
from sceneforge.data import sample_content, sample_scan
from sceneforge.io import load, load_content, read_scene
from sceneforge.perception.device import box_iou
from sceneforge.pipeline import arrange, understand

RECIPE = """format: sceneforge.recipe
version: 1
name: rover
scan: {scan}
content:
  rover: {{ model: sample:rover }}
  giant: {{ model: sample:rover, scale: 40 }}
place:
  - {{ id: rover, content: rover, on: [table, largest_horizontal], facing: camera }}
  - {{ id: giant, content: giant, on: table }}
render: {{ fps: 10, every: {every} }}
"""


def compose(folder: Path, scan: str, every: int = 1) -> Path:
    """`sceneforge compose` in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE.format(scan=scan, every=every))
    command = [sys.executable, "-m", "sceneforge.cli", "compose", str(recipe), "-o", str(folder / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return folder / "out"


def frames(video: Path) -> list[np.ndarray]:
    """All frames (H, W, 3) of a video."""
    import av

    with av.open(str(video)) as container:
        return [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]


@pytest.fixture(scope="module")
def dining_room(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    scan = data_root / "data" / "slambook_diningroom"
    if not scan.is_dir():
        pytest.skip(f"{scan} is not there")
    return compose(tmp_path_factory.mktemp("dining"), str(scan.resolve()))


def test_a_real_room_becomes_a_video_with_the_rover_in_it(dining_room: Path, data_root: Path) -> None:
    pictures = frames(dining_room / "preview.mp4")
    originals = [f.color for f in load(data_root / "data" / "slambook_diningroom").frames()]  # type: ignore[union-attr]
    assert len(pictures) == len(originals) == 5
    changed = [np.abs(p.astype(int) - o).max(axis=2) > 30 for p, o in zip(pictures, originals, strict=True)]
    assert max(c.mean() for c in changed) > 0.003, "the rover is seen in at least one frame"
    assert all(c.mean() < 0.2 for c in changed), "and the rest of each picture is the captured one"


def test_everything_promised_is_written_and_reads_back(dining_room: Path) -> None:
    for name in (
        "scene.json",
        "surface.npz",
        "mesh.glb",
        "trajectory.txt",
        "environment.npz",
        "report.json",
        "plan.png",
    ):
        assert (dining_room / name).stat().st_size > 0
    for name in ("arrangement.json", "preview.mp4", "contact_sheet.png", "composition.glb"):
        assert (dining_room / name).stat().st_size > 0
    assert not list(dining_room.glob("*.partial*")) and not list(dining_room.glob(".*"))
    scene = read_scene(dining_room)
    assert scene.mesh is not None and scene.track is not None
    assert scene.planes_labelled(Label.FLOOR) and scene.planes_labelled(Label.TABLE)
    report = json.loads((dining_room / "report.json").read_text())
    assert report["counts"]["frames"] == 5 and report["peak_rss_mb"] > 0 and report["seconds"]["total"] > 0


def test_the_certificate_holds_and_the_impossible_is_explained(dining_room: Path) -> None:
    arrangement = json.loads((dining_room / "arrangement.json").read_text())
    (rover,) = arrangement["placements"]
    assert rover["certificate"]["contact_gap_m"] < 0.01
    assert rover["certificate"]["penetration_m"] < 0.005
    assert rover["certificate"]["support_fraction"] > 0.9
    (giant,) = arrangement["unplaced"]
    assert giant["request"] == "giant"
    assert giant["rejections"] and all(r["margin_mm"] > 0 for r in giant["rejections"])


def test_the_cabinet_is_where_motion_capture_says(data_root: Path) -> None:
    folder = data_root / "data" / "tum_fr3_cabinet"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    scene = understand(folder)
    cx, cy, cz, yaw, *half = np.loadtxt(folder / "truth_objects.txt").ravel()[:7]
    c, s = np.cos(yaw), np.sin(yaw)
    # The reference's own world is z up with yaw about z; its box becomes ours with y up.
    R = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    turn = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    T = np.asarray(scene.T_scene_source) @ make_transform(R @ turn, [cx, cy, cz])
    truth = OrientedBox(T, 2 * np.array([half[0], half[2], half[1]]))
    best = max(scene.objects, key=lambda o: box_iou(o.box, truth))
    assert box_iou(best.box, truth) > 0.7
    assert np.linalg.norm(best.box.T_world_box[:3, 3] - T[:3, 3]) < 0.03
    floor = scene.planes_labelled(Label.FLOOR)[0]
    assert abs(floor.to_local(transform_points(scene.T_scene_source, [cx, cy, 0.0]))[1]) < 0.04


def test_a_headset_room_keeps_its_frame_and_shows_its_walls(data_root: Path) -> None:
    path = data_root / "data" / "quest3_iwer_rooms" / "meeting_room.json"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    capture = load(path)
    assert isinstance(capture, RoomCapture)
    scene = understand(capture)
    assert np.array_equal(scene.T_scene_source, np.eye(4))
    (device_floor,) = [p for p in capture.planes if p.label is Label.FLOOR]
    floor = scene.planes_labelled(Label.FLOOR)[0]
    assert abs(floor.to_local(device_floor.origin)[1]) < 0.1
    assert len(scene.planes_labelled(Label.WALL)) >= 3
    said = {p.label for p in capture.planes if p.label is not Label.OTHER}
    assert said <= {p.label for p in scene.planes}, "what the headset named keeps its name"
    assert [o.label for o in scene.objects[: len(capture.objects)]] == [o.label for o in capture.objects]
    windows = scene.planes_labelled(Label.WINDOW)
    assert windows and all(w.observed_fraction == 0 for w in windows if w.id.startswith("device_"))
    rover = Request("rover", load_content(sample_content("rover")), on=("table",), facing="camera")
    assert arrange(scene, [rover]).placements, "a room without a camera track takes content too"


@pytest.mark.slow
def test_two_processes_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = (compose(tmp_path / name, str(sample_scan("living_room")), every=10) for name in ("one", "two"))
    for name in ("scene.json", "arrangement.json", "surface.npz", "mesh.glb", "composition.glb", "plan.png"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    a, b = frames(one / "preview.mp4"), frames(two / "preview.mp4")
    assert len(a) == len(b) == 6
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_the_sample_is_understood_to_the_millimetre() -> None:
    from sceneforge.core.scene_json import scene_from_dict
    from sceneforge.evaluation.planes import match_planes

    folder = sample_scan("living_room")
    scene = understand(folder)
    document = json.loads((folder / "truth.json").read_text())
    truth = scene_from_dict({k: v for k, v in document.items() if k != "synth"})
    matches = match_planes(scene.planes, truth.planes)
    by_label = {m.reference.label for m in matches}
    assert {Label.FLOOR, Label.WALL, Label.TABLE} <= by_label
    assert np.median([m.angle_deg for m in matches]) < 0.5
    assert np.median([abs(m.offset_m) for m in matches]) < 0.006
    assert all(m.predicted.label is Label.FLOOR for m in matches if m.reference.label is Label.FLOOR)
    assert scene.track is not None
    true_poses = np.array([t["T_world_camera"] for t in document["synth"]["track"]])[list(scene.track.indices)]
    assert np.abs(inverse(scene.T_scene_source) @ scene.track.T_world_camera - true_poses).max() < 1e-6


def test_content_ships_in_metres_and_loads() -> None:
    rover = load_content(sample_content("rover"))
    assert 0.15 < rover.size.max() < 0.4
    assert rover.bounds[0, 1] == pytest.approx(0, abs=1e-4)


def test_track_writes_a_trajectory_and_notes_become_warnings(data_root: Path, tmp_path: Path) -> None:
    from sceneforge.core import SceneForgeWarning
    from sceneforge.evaluation.trajectory import trajectory_error
    from sceneforge.io.scene_folder import read_trajectory
    from sceneforge.pipeline import track

    folder = data_root / "data" / "slambook_diningroom"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    found = track(folder, tmp_path / "trajectory.txt")
    assert read_trajectory(tmp_path / "trajectory.txt").indices == found.indices == (0, 1, 2, 3, 4)
    given = [s.T_world_camera for s in load(folder).sources]  # type: ignore[union-attr]
    assert trajectory_error(list(found.T_world_camera), given).ate_rmse_m < 0.05
    with pytest.warns(SceneForgeWarning, match="intrinsics"):
        understand(folder)


def test_a_folder_holds_one_scene_only(tmp_path: Path, data_root: Path) -> None:
    room = data_root / "data" / "roomplan" / "Room.json"
    if not room.is_file():
        pytest.skip(f"{room} is not there")
    understand(sample_scan("living_room"), tmp_path, every=12)
    (tmp_path / "arrangement.json").write_text("{}")
    (tmp_path / "mine.txt").write_text("keep")
    understand(room, tmp_path)
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {"scene.json", "report.json", "plan.png", "plan.svg", "mine.txt"}
    scene = read_scene(tmp_path)
    assert scene.mesh is None and scene.track is None


def test_a_scene_is_not_rendered_into_another_capture(tmp_path: Path) -> None:
    from dataclasses import replace

    from sceneforge.core import Arrangement, Scan, UsageError
    from sceneforge.pipeline import render

    scan = load(sample_scan("living_room"))
    assert isinstance(scan, Scan)
    scene = understand(scan, every=12)
    for other in (replace(scan, format="tum_rgbd"), replace(scan, sources=scan.sources[:20])):
        with pytest.raises(UsageError, match="use it with its own capture"):
            render(other, scene, Arrangement(()), tmp_path)


def test_a_file_in_the_way_is_said_before_any_work(tmp_path: Path) -> None:
    from sceneforge.core import UsageError

    (tmp_path / "taken").write_text("x")
    for out in (tmp_path / "taken", tmp_path / "taken" / "below"):
        with pytest.raises(UsageError, match="is a file"):
            understand(sample_scan("living_room"), out)
    assert (tmp_path / "taken").read_text() == "x"
