"""A frame with a wrong pose is found and put right; good ones are left alone to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sceneforge.core import Scene
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import make_transform, yaw_rotation
from sceneforge.perception.understand import Account, understand_scan
from tests.perception.furnished import Truth, turn_around


def with_wrong_pose(truth: Truth, k: int) -> tuple[Scene, Account, Float64, Float64]:
    """The room understood with pose k turned by two degrees and moved by 8 cm; that pose, and the right one."""
    good = turn_around()
    wrong = make_transform(yaw_rotation(np.radians(2)), [0.05, -0.05, 0.03]) @ good[k]
    scene, account = understand_scan(truth.scan.with_poses([*good[:k], wrong, *good[k + 1 :]]))
    return scene, account, wrong, good[k]


def angle_deg(a: Float64, b: Float64) -> float:
    return float(np.degrees(np.arccos(np.clip((np.trace(a[:3, :3].T @ b[:3, :3]) - 1) / 2, -1, 1))))


def test_a_bad_pose_is_corrected(truth: Truth) -> None:
    scene, account, wrong, right = with_wrong_pose(truth, 18)
    assert scene.track is not None
    found = scene.track.T_world_camera[18]
    assert angle_deg(wrong, right) > 1.9 and angle_deg(found, right) < 0.8
    assert np.linalg.norm(found[:3, 3] - right[:3, 3]) < 0.5 * np.linalg.norm(wrong[:3, 3] - right[:3, 3])
    assert scene.track.confidence[18] == 0.5
    assert any("frame frame-18" in w and "corrected" in w for w in account.warnings)
    others = [i for i in range(len(turn_around())) if i != 18]
    assert np.array_equal(scene.track.T_world_camera[others], np.array([turn_around()[i] for i in others]))


def test_a_pose_that_cannot_be_put_right_is_reported_and_kept(truth: Truth) -> None:
    scene, account, wrong, _ = with_wrong_pose(truth, 7)
    assert scene.track is not None
    assert np.array_equal(scene.track.T_world_camera[7], wrong)
    assert scene.track.confidence[7] < 0.3
    assert any("frame frame-7" in w and "no better one" in w for w in account.warnings)


def test_good_poses_are_left_alone(truth: Truth) -> None:
    scene, account = understand_scan(truth.scan)
    assert scene.track is not None
    assert np.array_equal(scene.track.T_world_camera, np.array(turn_around()))
    assert not account.warnings


def test_a_frame_far_from_all_others_is_named(truth: Truth) -> None:
    poses = turn_around()
    poses[5] = make_transform(poses[5][:3, :3], poses[5][:3, 3] + (60.0, 0.0, 0.0))
    # More than thirty frames, so that a surface needs two sightings.
    scan = truth.scan.with_poses(poses)
    twice = replace(scan, sources=scan.sources + tuple(s for i, s in enumerate(scan.sources) if i != 5))
    scene, account = understand_scan(twice)
    assert scene.track is not None and scene.track.confidence[5] == 0.5
    assert any("frame-5" in w and "could not be checked" in w for w in account.warnings)
