"""Frames that lack an image or a sensible pose are counted, and say which file it is about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import FrameError, Scan
from sceneforge.io import load
from sceneforge.io._poses import MAX_DISTANCE_M, pose_from_axis_angle, pose_from_matrix, pose_from_quaternion
from tests.io import boxroom


@pytest.fixture(scope="module")
def truth() -> boxroom.Sequence:
    return boxroom.sequence()


def _scan(path: Path) -> Scan:
    scan = load(path)
    assert isinstance(scan, Scan)
    return scan


@pytest.mark.parametrize("kind", ["color", "depth"])
def test_seven_scenes_counts_frames_without_an_image(tmp_path: Path, truth: boxroom.Sequence, kind: str) -> None:
    path = boxroom.seven_scenes(tmp_path / "s", truth)
    name = f"frame-000002.{kind}.png"
    (path / "seq-01" / name).unlink()
    scan = _scan(path)
    assert len(scan) == boxroom.COUNT
    source = scan.sources[2]
    assert source.name == "seq-01/frame-000002" and source.T_world_camera is None
    assert source.problem == f"{'colour' if kind == 'color' else 'depth'} image {name} is missing"
    bad: list[FrameError] = []
    assert [f.index for f in scan.frames(bad=bad)] == [0, 1, 3, 4, 5]
    assert len(bad) == 1 and name in str(bad[0])


def test_a_partner_is_named_where_the_missing_name_is_not_known(tmp_path: Path, truth: boxroom.Sequence) -> None:
    path = boxroom.scannet(tmp_path / "s", truth)
    gone = sorted((path / "depth").iterdir())[1]
    gone.unlink()
    (source,) = [s for s in _scan(path).sources if s.name == gone.stem]
    assert source.problem == f"depth image is missing, {gone.stem}.jpg has no partner"


@pytest.mark.parametrize("distance", [2 * MAX_DISTANCE_M, -1e12, 1e200])
def test_a_camera_far_from_everything_is_a_problem(tmp_path: Path, truth: boxroom.Sequence, distance: float) -> None:
    path = boxroom.hololens(tmp_path / "office", truth)
    lines = (path / "poses.txt").read_text().splitlines()
    lines[3] = f"1 0 0 {distance} 0 1 0 0 0 0 1 0 0 0 0 1"
    (path / "poses.txt").write_text("\n".join(lines))
    scan = _scan(path)
    assert scan.sources[3].T_world_camera is None
    assert "m from the origin, more than 1000 m" in (scan.sources[3].problem or "")
    assert sum(s.problem is not None for s in scan.sources) == 1


def test_the_limit_holds_for_all_ways_to_write_a_pose() -> None:
    for t, fine in (([0.0, 0.0, 0.99 * MAX_DISTANCE_M], True), ([0.0, 1.01 * MAX_DISTANCE_M, 0.0], False)):
        M = np.eye(4)
        M[:3, 3] = t
        poses = (
            pose_from_matrix(M),
            pose_from_quaternion(t, [0, 0, 0, 1]),
            pose_from_axis_angle([0, 0, 0], t),
        )
        for pose in poses:
            assert (pose.problem is None) == fine and (pose.T is not None) == fine
