"""The planes command: what it writes and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from sceneforge import cli
from sceneforge.core import UsageError
from sceneforge.evaluation.planar_views import CAMERA, plane, seen
from sceneforge.frame_planes import find_frame_planes


def single_views(folder: Path, count: int = 2) -> Path:
    """A folder of single Kinect views without poses."""
    folder.mkdir()
    depth, _ = seen(plane(np.array([0, -1.0, -0.4]), 0.9), plane(np.array([0, 0.2, -1.0]), 1.4))
    for i in range(count):
        cv2.imwrite(str(folder / f"view{i}_depth_mm.png"), (1000 * depth).astype(np.uint16))
        cv2.imwrite(str(folder / f"view{i}_color.png"), np.full((480, 640, 3), 90, np.uint8))
    return folder


def test_single_views_without_poses_give_an_image_each_and_their_equations(tmp_path: Path) -> None:
    report = find_frame_planes(single_views(tmp_path / "views"), tmp_path / "out")
    assert report.frames == 2
    facts = json.loads((tmp_path / "out" / "planes.json").read_text())
    assert [f["file"] for f in facts["frames"]] == ["view0_depth_mm.png", "view1_depth_mm.png"]
    depth = cv2.imread(str(tmp_path / "views" / "view0_depth_mm.png"), cv2.IMREAD_UNCHANGED) / 1000
    points = CAMERA.backproject(depth.astype(np.float32)).astype(np.float64)
    for frame in facts["frames"]:
        ids = cv2.imread(str(tmp_path / "out" / frame["file"]), cv2.IMREAD_UNCHANGED)
        assert ids.dtype == np.uint16
        assert ids.shape == (480, 640)
        assert set(np.unique(ids)) - {0} == {p["id"] for p in frame["planes"]} == {1, 2}
        for p in frame["planes"]:
            off = points[ids == p["id"]] @ p["normal"] + p["offset_m"]
            assert np.sqrt((off**2).mean()) == pytest.approx(p["rmse_m"], rel=0.02)
            assert p["rmse_m"] < 0.001  # depth is stored in whole millimetres
            assert p["pixels"] == (ids == p["id"]).sum()


def test_same_capture_same_bytes(tmp_path: Path) -> None:
    views = single_views(tmp_path / "views")
    for out in ("a", "b"):
        find_frame_planes(views, tmp_path / out)
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_a_damaged_depth_image_is_left_out_and_said(tmp_path: Path) -> None:
    views = single_views(tmp_path / "views", 4)
    (views / "view2_depth_mm.png").write_bytes(b"no image")
    with pytest.warns(UserWarning, match="1 of 4 depth images"):
        report = find_frame_planes(views, tmp_path / "out")
    assert report.frames == 3
    assert not (tmp_path / "out" / "view2_depth_mm.png").exists()


def test_somebody_elses_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="other files"):
        find_frame_planes(single_views(tmp_path / "views"), tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    views, out = single_views(tmp_path / "views"), tmp_path / "out"
    assert cli.main(["planes", str(views), "-o", str(out), "--overlays", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["frames"] == 2
    assert facts["planes"] == 4
    assert Path(facts["out"]) == out
    drawn = cv2.imread(str(out / "overlays" / "view0_depth_mm.png"))
    ids = cv2.imread(str(out / "view0_depth_mm.png"), cv2.IMREAD_UNCHANGED)
    colors = [tuple(np.unique(drawn[ids == k], axis=0)[0]) for k in (1, 2)]
    assert colors[0] != colors[1]
