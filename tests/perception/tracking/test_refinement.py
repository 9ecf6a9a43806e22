"""Given poses refined, on a rendered room with exact truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sceneforge.core.arrays import Float64
from sceneforge.evaluation.trajectory import trajectory_error
from sceneforge.perception.tracking import refine_poses
from tests.perception.tracking.boxroom import BoxRoom, scan_of, walk

PATH = walk(12)


@pytest.fixture(scope="module")
def pictures():
    room = BoxRoom.make(1)
    return [room.render(T) for T in PATH]


def shaken(path: list[Float64], metres: float, radians: float, frames: range) -> list[Float64]:
    rng = np.random.default_rng(3)
    out = [T.copy() for T in path]
    for k in frames:
        D = np.eye(4)
        D[:3, :3] = Rotation.from_rotvec(rng.normal(0, radians, 3)).as_matrix()
        D[:3, 3] = rng.normal(0, metres, 3)
        out[k] = out[k] @ D
    return out


def test_shaken_poses_become_much_better(pictures):
    bad = shaken(PATH, 0.03, 0.02, range(len(PATH)))
    found = refine_poses(scan_of(pictures).with_poses(bad))
    before, after = trajectory_error(bad, PATH), trajectory_error(found.T_world_camera, PATH)
    assert after.ate_rmse_m < 0.3 * before.ate_rmse_m
    assert after.rpe_rotation_rmse_deg < 0.3 * before.rpe_rotation_rmse_deg
    assert any("12 of 12 poses refined" in note for note in found.notes)


def test_one_bad_pose_is_mended_and_the_others_stay(pictures):
    bad = shaken(PATH, 0.06, 0.03, range(5, 6))
    found = refine_poses(scan_of(pictures).with_poses(bad))
    assert [k for k in range(len(PATH)) if found.moved_m[k] > 0] == [5]
    assert np.linalg.norm(found.T_world_camera[5][:3, 3] - PATH[5][:3, 3]) < 0.01
    assert all(np.array_equal(found.T_world_camera[k], PATH[k]) for k in range(len(PATH)) if k != 5)


def test_good_poses_are_left_alone(pictures):
    found = refine_poses(scan_of(pictures).with_poses(PATH))
    assert (found.moved_m == 0).all()
    assert any("left as they are" in note for note in found.notes)
    assert (found.confidence > 0.5).all()


def test_same_poses_again(pictures):
    bad = shaken(PATH, 0.03, 0.02, range(len(PATH)))
    scan = scan_of(pictures[:6]).with_poses(bad[:6])
    a, b = refine_poses(scan), refine_poses(scan)
    assert all(np.array_equal(x, y) for x, y in zip(a.T_world_camera, b.T_world_camera, strict=True))
