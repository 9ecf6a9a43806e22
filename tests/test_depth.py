"""The depth command: what it refuses, and damaged pictures."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from sceneforge import cli
from sceneforge.core import CameraTrack, Scan, Scene, UsageError
from sceneforge.data import resolve_scan
from sceneforge.depth import depth_maps
from sceneforge.frame_planes import find_frame_planes
from sceneforge.io import load

SCAN_YAML = """format: sceneforge.scan
version: 1
camera: {width: 64, height: 48, fx: 60.0, fy: 60.0, cx: 31.5, cy: 23.5}
color: "*.png"
"""


def pictures(folder: Path, count: int) -> Path:
    """A capture of pictures alone, without poses."""
    folder.mkdir()
    (folder / "scan.yaml").write_text(SCAN_YAML)
    for i in range(count):
        cv2.imwrite(str(folder / f"{i}.png"), np.full((48, 64, 3), 60 + i, np.uint8))
    return folder


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--focal-px", "-5"], "focal_px must be positive"),
        (["--focal-px", "0"], "focal_px must be positive"),
        (["--baseline-m", "0.1"], "--baseline-m needs --right"),
        (["--right", "0.png"], "needs --focal-px and --baseline-m"),
        (["--right", "0.png", "--focal-px", "60", "--baseline-m", "nan"], "baseline_m must be positive"),
        (["--right", "0.png", "--focal-px", "60", "--baseline-m", "0.1", "--offset-px", "inf"], "offset_px"),
    ],
)
def test_nonsense_is_a_usage_error(
    options: list[str], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pictures(tmp_path / "mine", 1))
    assert cli.main(["depth", "0.png", *options, "-o", str(tmp_path / "out")]) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_capture_says_what_its_camera_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pictures(tmp_path / "mine", 2)
    assert cli.main(["depth", str(folder), "--focal-px", "60", "-o", str(tmp_path / "out")]) == 2
    assert "--focal-px is for pictures" in capsys.readouterr().err


def test_a_damaged_picture_is_left_out_and_said(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "mine", 4)
    whole = (folder / "2.png").read_bytes()
    (folder / "2.png").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(UserWarning, match="1 of 4 frames have no depth"):
        facts = depth_maps(folder, tmp_path / "out")
    assert [f["name"] for f in facts["frames"]] == ["0", "1", "3"]
    assert json.loads((tmp_path / "out" / "depth.json").read_text())["method"] == "single"


def test_a_scene_of_another_capture_is_refused(tmp_path: Path) -> None:
    scan = load(resolve_scan("sample:living_room"))
    assert isinstance(scan, Scan)
    track = CameraTrack((0,), np.array([scan.sources[0].timestamp_s + 1]), np.eye(4)[None], np.ones(1))
    with pytest.raises(UsageError, match="another"):
        depth_maps(scan, tmp_path / "out", scene=Scene(track=track, source={"name": "another", "format": scan.format}))
    with pytest.raises(UsageError, match="no camera track"):
        depth_maps(scan, tmp_path / "out", scene=Scene())


def test_pictures_alone_have_no_depth_planes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no depth images"):
        find_frame_planes(pictures(tmp_path / "mine", 2), tmp_path / "out")


def test_an_earlier_run_leaves_no_images_among_the_new(tmp_path: Path) -> None:
    source, out = pictures(tmp_path / "mine", 3), tmp_path / "out"
    depth_maps(source, out, pictures=True)
    (out / "depth" / "notes.png").write_bytes(b"somebody's own")
    depth_maps(source, out, every=2)
    assert sorted(p.name for p in (out / "depth").iterdir()) == ["0.png", "2.png", "notes.png"]
    assert sorted(p.name for p in (out / "sigma").iterdir()) == ["0.png", "2.png"]
    assert list((out / "pictures").iterdir()) == []


def test_a_list_that_reaches_outside_the_folder_removes_nothing(tmp_path: Path) -> None:
    source, out = pictures(tmp_path / "mine", 1), tmp_path / "out"
    out.mkdir()
    (tmp_path / "keep.png").write_bytes(b"mine")
    (out / "depth.json").write_text(json.dumps({"format": "sceneforge.depth", "frames": [{"file": "../../keep.png"}]}))
    depth_maps(source, out)
    assert (tmp_path / "keep.png").read_bytes() == b"mine"
