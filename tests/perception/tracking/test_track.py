"""The tracker on a rendered room with exact truth."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import Camera, FrameError
from sceneforge.evaluation.trajectory import trajectory_error
from sceneforge.perception.tracking import TrackResult, track
from tests.perception.tracking.boxroom import CAMERA, BoxRoom, look, scan_of, walk

PATH = walk(14)


def room_pictures():
    room = BoxRoom.make(1)
    return [room.render(T) for T in PATH]


@pytest.fixture(scope="module")
def pictures():
    return room_pictures()


@pytest.fixture(scope="module")
def result(pictures) -> TrackResult:
    return track(scan_of(pictures))


def test_path_is_within_two_centimetres(result):
    error = trajectory_error(result.T_world_camera, PATH)
    assert error.coverage == 1
    assert error.ate_rmse_m < 0.02
    assert error.rpe_rotation_rmse_deg < 0.5


def test_world_is_first_camera_and_confidence_is_high(result):
    assert np.array_equal(result.T_world_camera[0], np.eye(4))
    assert result.fragments == (tuple(range(len(PATH))),)
    assert (result.confidence > 0.5).all() and (result.confidence <= 1).all()


def test_given_poses_are_not_looked_at(pictures, result):
    scan = scan_of(pictures)
    lies = scan.with_poses([look((k, 1, 1), (0, 0, k + 2)) for k in range(len(scan))])
    again = track(lies)
    assert all(np.array_equal(a, b) for a, b in zip(again.T_world_camera, result.T_world_camera, strict=True))


def test_jump_to_another_place_splits_the_track(pictures):
    other = BoxRoom.make(2)
    elsewhere = [other.render(T) for T in PATH[:5]]
    found = track(scan_of(pictures[:8] + elsewhere))
    assert found.fragments == (tuple(range(8)), tuple(range(8, 13)))
    assert all(T is None for T in found.T_world_camera[8:])
    assert (found.confidence[8:] == 0).all()
    assert any("8-12" in note for note in found.notes)
    assert trajectory_error(found.T_world_camera[:8], PATH[:8]).ate_rmse_m < 0.02


def test_return_to_a_known_place_joins_the_fragments(pictures):
    other = BoxRoom.make(2)
    elsewhere = [other.render(T) for T in PATH[:3]]
    found = track(scan_of(pictures[:6] + elsewhere + pictures[3:8]))
    assert found.fragments[0] == (*range(6), *range(9, 14))
    truth = [*PATH[:6], None, None, None, *PATH[3:8]]
    assert trajectory_error(found.T_world_camera, truth).ate_rmse_m < 0.02


def test_blank_frames_have_no_pose_and_a_reason(pictures):
    color, depth = pictures[3]
    frames = [*pictures[:3], (np.zeros_like(color), depth), *pictures[4:6], (pictures[6][0], np.zeros_like(depth))]
    found = track(scan_of([*frames, pictures[7]]))
    assert [T is None for T in found.T_world_camera] == [False, False, False, True, False, False, True, False]
    assert any("frame 3 (frame-3)" in note and "black" in note for note in found.notes)
    assert any("frame 6 (frame-6)" in note and "depth" in note for note in found.notes)


def test_unreadable_frames_are_collected_or_raised(pictures):
    def broken() -> np.ndarray:
        raise FrameError("truncated", path="x.png", frame="frame-1")

    scan = scan_of(pictures[:5])
    sources = (scan.sources[0], replace(scan.sources[1], read_depth=broken), *scan.sources[2:])
    scan = replace(scan, sources=sources)
    bad: list[FrameError] = []
    found = track(scan, bad=bad)
    assert len(bad) == 1 and found.T_world_camera[1] is None and found.T_world_camera[2] is not None
    assert any("truncated" in note for note in found.notes)
    with pytest.raises(FrameError, match="truncated"):
        track(scan)


def test_nothing_trackable_is_said(pictures):
    found = track(scan_of([(np.zeros_like(c), d) for c, d in pictures[:2]]))
    assert found.T_world_camera == (None, None) and found.fragments == ()
    assert any("no frame" in note for note in found.notes)


def test_slow_video_keeps_few_views_and_follows(pictures):
    room = BoxRoom.make(1)
    path = walk(60, turn=0.25)[:24]
    found = track(scan_of([room.render(T) for T in path]))
    error = trajectory_error(found.T_world_camera, path)
    assert error.coverage == 1 and error.ate_rmse_m < 0.02


def test_color_and_depth_of_different_size(pictures):
    room = BoxRoom.make(1)
    small = Camera(160, 120, 140.0, 140.0, 79.5, 59.5)
    mixed = [(room.render(T, CAMERA)[0], room.render(T, small)[1]) for T in PATH[:6]]
    found = track(scan_of(mixed, small, CAMERA))
    assert trajectory_error(found.T_world_camera, PATH[:6]).ate_rmse_m < 0.02


def test_wrong_color_camera_is_noticed_and_mended(pictures):
    wrong = replace(CAMERA, fx=CAMERA.fx * 1.1, fy=CAMERA.fy * 1.1)
    scan = scan_of(pictures, CAMERA, wrong)
    found = track(scan)
    assert any("colour and depth do not share" in note for note in found.notes)
    assert trajectory_error(found.T_world_camera, PATH).ate_rmse_m < 0.02


def digest(found: TrackResult) -> str:
    parts = [b"none" if T is None else T.tobytes() for T in found.T_world_camera]
    return hashlib.sha256(b"".join([*parts, found.confidence.tobytes()])).hexdigest()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_same_bytes_in_another_process(result, threads):
    code = "import tests.perception.tracking.test_track as t; print(t.digest(t.track(t.scan_of(t.room_pictures()))))"
    root = str(Path(__file__).resolve().parents[3])
    env = {**os.environ, "PYTHONPATH": root, "PYTHONHASHSEED": threads}
    env |= {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == digest(result)
