"""A frame with a wrong pose is found and put right; good ones are left alone to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core.transforms import make_transform, yaw_rotation
from sceneforge.perception.understand import understand_scan
from tests.perception.furnished import Truth, turn_around


@pytest.mark.parametrize(("shift_m", "yaw_deg"), [(0.08, 0.0), (0.05, 2.0)])
def test_one_bad_pose_is_corrected(truth: Truth, shift_m: float, yaw_deg: float) -> None:
    good = turn_around()
    wrong = make_transform(yaw_rotation(np.radians(yaw_deg)), [shift_m, -0.05, 0.03]) @ good[7]
    scene, account = understand_scan(truth.scan.with_poses([*good[:7], wrong, *good[8:]]))
    assert scene.track is not None
    found = scene.track.T_world_camera[7]
    assert np.linalg.norm(found[:3, 3] - good[7][:3, 3]) < 0.02
    turn = np.degrees(np.arccos(np.clip((np.trace(found[:3, :3].T @ good[7][:3, :3]) - 1) / 2, -1, 1)))
    assert turn < 0.6
    assert scene.track.confidence[7] == 0.5
    assert any("frame frame-7" in w and "corrected" in w for w in account.warnings)
    others = [i for i in range(len(good)) if i != 7]
    assert np.array_equal(scene.track.T_world_camera[others], np.array([good[i] for i in others]))


def test_good_poses_are_left_alone(truth: Truth) -> None:
    scene, account = understand_scan(truth.scan)
    assert scene.track is not None
    assert np.array_equal(scene.track.T_world_camera, np.array(turn_around()))
    assert not account.warnings
