"""Trajectory error against known answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sceneforge.core.transforms import make_transform, rotation_from_quaternion
from sceneforge.evaluation.trajectory import align, trajectory_error


def path(count: int = 8) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [make_transform(rotation_from_quaternion(rng.normal(size=4)), rng.normal(size=3)) for _ in range(count)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=7, max_size=7))
def test_another_world_is_no_error(numbers):
    q = np.add(numbers[:4], [0, 0, 0, 6])
    T = make_transform(rotation_from_quaternion(q), numbers[4:])
    truth = path()
    error = trajectory_error([T @ p for p in truth], truth)
    assert error.ate_rmse_m < 1e-9 and error.rpe_translation_rmse_m < 1e-9 and error.rpe_rotation_rmse_deg < 1e-5
    assert np.allclose(error.T_reference_estimate @ T, np.eye(4), atol=1e-9)


def test_one_wrong_corner_of_a_square():
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1]], dtype=float)
    truth = [make_transform(np.eye(3), c) for c in corners]
    lifted = [make_transform(np.eye(3), np.add(c, [0, 0.2 * (k % 2), 0])) for k, c in enumerate(corners)]
    error = trajectory_error(lifted, truth)
    # two opposite corners up by 0.2: the best plane lies half way, each corner is 0.1 off
    assert error.ate_rmse_m == pytest.approx(0.1, abs=2e-3)
    assert error.ate_max_m == pytest.approx(0.1, abs=5e-3)
    assert error.path_m == pytest.approx(3.0)


def test_scale_is_not_forgiven():
    truth = path()
    doubled = [make_transform(p[:3, :3], 2 * p[:3, 3]) for p in truth]
    assert trajectory_error(doubled, truth).ate_rmse_m > 0.5


def test_mirrored_points_are_not_a_rotation():
    A = np.random.default_rng(0).normal(size=(10, 3))
    T = align(A * [1, 1, -1], A)
    assert np.linalg.det(T[:3, :3]) == pytest.approx(1)


def test_relative_error_of_a_steady_drift():
    truth = [make_transform(np.eye(3), [0.1 * k, 0, 0]) for k in range(6)]
    drifting = [make_transform(np.eye(3), [0.11 * k, 0, 0]) for k in range(6)]
    assert trajectory_error(drifting, truth).rpe_translation_rmse_m == pytest.approx(0.01)
    assert trajectory_error(drifting, truth, delta=2).rpe_translation_rmse_m == pytest.approx(0.02)


def test_turn_error_is_in_degrees():
    truth = [np.eye(4)] * 4
    step = rotation_from_quaternion([0, np.sin(np.radians(1)), 0, np.cos(np.radians(1))])
    turning = [np.eye(4)]
    for _ in range(3):
        turning.append(make_transform(turning[-1][:3, :3] @ step, [0, 0, 0]))
    assert trajectory_error(turning, truth).rpe_rotation_rmse_deg == pytest.approx(2.0)


def test_missing_poses_count_as_coverage():
    truth = path(6)
    estimate = [None if k == 2 else p for k, p in enumerate(truth)]
    error = trajectory_error(estimate, truth)
    assert error.frames == 5 and error.coverage == pytest.approx(5 / 6)


def test_unusable_input_is_refused():
    truth = path(4)
    with pytest.raises(ValueError, match="as many"):
        trajectory_error(truth[:3], truth)
    with pytest.raises(ValueError, match="at least 3"):
        trajectory_error([None, None, *truth[:2]], truth)
    with pytest.raises(ValueError, match="delta"):
        trajectory_error(truth, truth, delta=0)
    with pytest.raises(ValueError, match="equal"):
        align(np.zeros((3, 3)), np.zeros((4, 3)))
