"""A frame with a wrong pose is found and put right; good ones are left alone to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core.transforms import make_transform, yaw_rotation
from sceneforge.perception.understand import understand_scan
from tests.perception.furnished import Truth, turn_around


@pytest.mark.parametrize("k", [4, 10])
def test_one_bad_pose_is_corrected(truth: Truth, k: int) -> None:
    good = turn_around()
    wrong = make_transform(yaw_rotation(np.radians(2)), [0.05, -0.05, 0.03]) @ good[k]
    scene, account = understand_scan(truth.scan.with_poses([*good[:k], wrong, *good[k + 1 :]]))
    assert scene.track is not None
    found = scene.track.T_world_camera[k]
    assert np.linalg.norm(found[:3, 3] - good[k][:3, 3]) < 0.03
    turn = np.degrees(np.arccos(np.clip((np.trace(found[:3, :3].T @ good[k][:3, :3]) - 1) / 2, -1, 1)))
    assert turn < 0.6
    assert scene.track.confidence[k] == 0.5
    assert any(f"frame frame-{k}" in w and "corrected" in w for w in account.warnings)
    others = [i for i in range(len(good)) if i != k]
    assert np.array_equal(scene.track.T_world_camera[others], np.array([good[i] for i in others]))


def test_good_poses_are_left_alone(truth: Truth) -> None:
    scene, account = understand_scan(truth.scan)
    assert scene.track is not None
    assert np.array_equal(scene.track.T_world_camera, np.array(turn_around()))
    assert not account.warnings


def test_a_pose_that_cannot_be_put_right_is_reported_and_kept(truth: Truth) -> None:
    good = turn_around()
    wrong = make_transform(yaw_rotation(np.radians(2)), [0.05, -0.05, 0.03]) @ good[18]
    scene, account = understand_scan(truth.scan.with_poses([*good[:18], wrong, *good[19:]]))
    assert scene.track is not None
    assert np.array_equal(scene.track.T_world_camera[18], wrong)
    assert scene.track.confidence[18] < 0.3
    assert any("frame frame-18" in w and "no better one" in w for w in account.warnings)
