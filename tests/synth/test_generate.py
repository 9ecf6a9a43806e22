"""A generated scan: same bytes every time, truth that agrees with the pictures."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sceneforge.core.errors import InputError, UsageError
from sceneforge.core.json_values import load_json
from sceneforge.core.scene import Scene
from sceneforge.core.scene_json import scene_from_dict
from sceneforge.core.transforms import rotation_from_quaternion
from sceneforge.synth import generate
from sceneforge.synth.generate import camera_for
from sceneforge.synth.write import TRUTH_UNIT_M

SIZE, FRAMES = (160, 120), 6


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("synth") / "room", seed=4, frames=FRAMES, size=SIZE, quality="draft")


def _truth(scan: Path) -> Scene:
    return scene_from_dict(load_json(scan / "truth.json"), path=scan / "truth.json")


def _poses(scan: Path) -> np.ndarray:
    return np.array([r["T_world_camera"] for r in json.loads((scan / "truth.json").read_text())["synth"]["track"]])


def _read(path: Path) -> np.ndarray:
    import cv2

    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))


def _digest(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_another_process_writes_the_same_bytes(scan: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from sceneforge.synth import generate;"
        f"generate(Path(sys.argv[1]), seed=4, frames={FRAMES}, size={SIZE}, quality='draft')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "again")], check=True)
    assert _digest(tmp_path / "again") == _digest(scan)


def test_clean_depth_lies_on_the_true_planes(scan: Path) -> None:
    planes, camera = _truth(scan).planes, camera_for(SIZE)
    met: set[str] = set()
    for k, T in enumerate(_poses(scan)):
        depth = _read(scan / "truth_depth" / f"{k:06d}.png") * np.float32(TRUTH_UNIT_M)
        ids = _read(scan / "truth_planes" / f"{k:06d}.png")
        points = camera.backproject(depth).astype(float) @ T[:3, :3].T + T[:3, 3]
        for index in np.unique(ids[ids > 0]):
            plane = planes[index - 1]
            local = plane.to_local(points[ids == index])
            assert np.abs(local[:, 1]).max() < 1e-3, plane.id
            low, high = plane.polygon.min(0) - 2e-3, plane.polygon.max(0) + 2e-3
            assert ((local[:, [0, 2]] > low) & (local[:, [0, 2]] < high)).all(), plane.id
            met.add(plane.label.value)
    assert {"floor", "wall", "table", "seat"} <= met


def test_pixels_of_an_object_lie_in_its_box(scan: Path) -> None:
    objects, camera = _truth(scan).objects, camera_for(SIZE)
    T = _poses(scan)[0]
    depth = _read(scan / "truth_depth" / "000000.png") * np.float32(TRUTH_UNIT_M)
    ids = _read(scan / "truth_objects" / "000000.png")
    points = camera.backproject(depth).astype(float) @ T[:3, :3].T + T[:3, 3]
    for index in np.unique(ids[ids > 0]):
        box = objects[index - 1].box
        local = (points[ids == index] - box.T_world_box[:3, 3]) @ box.T_world_box[:3, :3]
        assert (np.abs(local) <= box.size / 2 + 2e-3).all(), objects[index - 1].id


def test_trajectory_repeats_the_true_track(scan: Path) -> None:
    rows = np.loadtxt(scan / "trajectory.txt")
    for row, T in zip(rows, _poses(scan), strict=True):
        np.testing.assert_allclose(row[1:4], T[:3, 3], atol=1e-8)
        np.testing.assert_allclose(rotation_from_quaternion(row[4:8]), T[:3, :3], atol=1e-7)


def test_measured_depth_is_near_the_truth(scan: Path) -> None:
    for k in range(FRAMES):
        true = _read(scan / "truth_depth" / f"{k:06d}.png") * TRUTH_UNIT_M
        measured = _read(scan / "depth" / f"{k:06d}.png") * 0.001
        both = (true > 0) & (measured > 0)
        assert both.mean() > 0.7
        assert np.median(np.abs(measured - true)[both]) < 0.01


def test_pictures_are_exposed_like_photographs(scan: Path) -> None:
    for path in sorted((scan / "color").glob("*.jpg")):
        picture = _read(path)
        assert picture.shape == (SIZE[1], SIZE[0], 3)
        assert 60 < picture.mean() < 170
        assert (picture.max(2) < 4).mean() < 0.03, "black holes"
        assert picture.std() > 25


def test_relations_name_what_carries_what(scan: Path) -> None:
    scene = _truth(scan)
    on = {r.subject: r.object for r in scene.graph.relations if r.predicate == "on"}
    assert on["tv"] == "tv_stand" and on["bowl"] == "coffee_table" and on["sofa"] == "floor"
    room = scene.rooms[0]
    assert (
        len(room.walls) == 4
        and len(room.openings) == 2
        and room.height_m == pytest.approx(scene.plane("ceiling").origin[1])
    )


def test_clean_compact_scan_and_content_really_in_the_room(tmp_path: Path) -> None:
    import trimesh

    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.2)
    T = np.eye(4)
    T[:3, 3] = 0.0, 1.0, 0.0
    without = generate(tmp_path / "a", seed=4, frames=1, size=(80, 60), quality="draft", noise=False, truth="compact")
    having = generate(
        tmp_path / "b",
        seed=4,
        frames=1,
        size=(80, 60),
        quality="draft",
        noise=False,
        truth="compact",
        extra=[(ball, T)],
    )
    a, b = (_read(p / "depth" / "000000.png").astype(float) for p in (without, having))
    clean = _read(without / "truth_depth" / "000000.png") * TRUTH_UNIT_M
    assert np.abs(a * 0.001 - clean).max() < 0.00061
    pose = _poses(having)[0]
    middle = np.linalg.inv(pose) @ [0, 1, 0, 1]
    pixel = np.rint(camera_for((80, 60)).project(middle[:3])[0]).astype(int)
    assert b[pixel[1], pixel[0]] * 0.001 == pytest.approx(middle[2] - 0.2, abs=0.02)
    assert (a != b).mean() < 0.2 and "extra_0" in {o.id for o in _truth(having).objects}
    assert not (without / "truth_planes").exists()


def test_wrong_arguments_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least one frame"):
        generate(tmp_path / "x", frames=0)
    with pytest.raises(UsageError, match="unknown room kind"):
        generate(tmp_path / "x", kind="cave", quality="draft")
    with pytest.raises(InputError, match="catalogue"):
        generate(tmp_path / "x", models=tmp_path, quality="draft")
    assert not list(tmp_path.iterdir())


def test_only_an_earlier_scan_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(out: Path, seed: int = 4) -> Path:
        return generate(out, seed=seed, frames=1, size=(32, 24), quality="draft", truth="compact")

    out = tmp_path / "out"
    before = _digest(small(out))
    assert _digest(small(out, seed=5)).keys() == before.keys() and _digest(out) != before
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "photo.jpg").write_text("precious")
    monkeypatch.setattr(
        sys.modules[camera_for.__module__], "make_room", lambda *_, **__: pytest.fail("refused too late")
    )
    with pytest.raises(UsageError, match="holds other files"):
        small(theirs)
    monkeypatch.chdir(out)
    with pytest.raises(UsageError, match="working folder"):
        small(Path())
    assert [p.name for p in theirs.iterdir()] == ["photo.jpg"] and (out / "truth.json").is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "theirs"]
