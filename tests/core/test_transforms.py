"""Rigid transforms: the axioms, over random poses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sceneforge.core.arrays import rigid_transform
from sceneforge.core.transforms import (
    inverse,
    make_transform,
    orthonormalised,
    plane_frame,
    quaternion_from_rotation,
    rotation_between,
    rotation_from_quaternion,
    transform_points,
    yaw_rotation,
)

coordinate = st.floats(-100, 100)
vectors = arrays(np.float64, 3, elements=coordinate)
directions = arrays(np.float64, 3, elements=st.floats(-1, 1)).filter(lambda v: np.linalg.norm(v) > 1e-3)
quaternions = arrays(np.float64, 4, elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 1e-3)
poses = st.builds(lambda q, t: make_transform(rotation_from_quaternion(q), t), quaternions, vectors)


@given(poses, arrays(np.float64, (5, 3), elements=coordinate))
def test_inverse_undoes(T: np.ndarray, points: np.ndarray) -> None:
    assert np.allclose(inverse(T) @ T, np.eye(4), atol=1e-9)
    assert np.allclose(transform_points(inverse(T), transform_points(T, points)), points, atol=1e-9)
    assert np.allclose(inverse(T), np.linalg.inv(T), atol=1e-9)


@given(poses, poses, vectors)
def test_chained_transforms_apply_from_the_right(A: np.ndarray, B: np.ndarray, p: np.ndarray) -> None:
    assert np.allclose(transform_points(A @ B, p), transform_points(A, transform_points(B, p)), atol=1e-8)


@given(quaternions)
def test_quaternions_round_trip_with_positive_w(q: np.ndarray) -> None:
    R = rotation_from_quaternion(q)
    assert np.allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.isclose(np.linalg.det(R), 1)
    back = quaternion_from_rotation(R)
    assert back[3] >= 0
    assert np.allclose(rotation_from_quaternion(back), R, atol=1e-12)
    assert min(np.abs(back - q / np.linalg.norm(q)).max(), np.abs(back + q / np.linalg.norm(q)).max()) < 1e-7


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("degrees", [0, 1e-6, 90, 179.9999, 180, 270])
def test_quaternions_of_turns_about_the_axes(axis: int, degrees: float) -> None:
    half = np.radians(degrees) / 2
    q = np.append(np.sin(half) * np.eye(3)[axis], np.cos(half))
    R = rotation_from_quaternion(q)
    assert np.allclose(R @ np.eye(3)[axis], np.eye(3)[axis])
    following = np.eye(3)[(axis + 1) % 3]
    turned = np.cos(2 * half) * following + np.sin(2 * half) * np.eye(3)[(axis + 2) % 3]
    assert np.allclose(R @ following, turned), "counter-clockwise seen from the axis' tip"
    assert np.allclose(rotation_from_quaternion(quaternion_from_rotation(R)), R, atol=1e-12)


@pytest.mark.parametrize("q", [[0, 0, 0, 0], [np.nan, 0, 0, 1], [np.inf, 0, 0, 1]])
def test_quaternions_without_direction_are_refused(q: list[float]) -> None:
    with pytest.raises(ValueError, match="has no direction"):
        rotation_from_quaternion(q)


@given(directions, directions)
def test_rotation_between_takes_one_direction_onto_the_other(a: np.ndarray, b: np.ndarray) -> None:
    R = rotation_between(a, b)
    u, v = a / np.linalg.norm(a), b / np.linalg.norm(b)
    assert np.allclose(R @ R.T, np.eye(3), atol=1e-6)
    assert np.isclose(np.linalg.det(R), 1, atol=1e-6)
    assert np.allclose(R @ u, v, atol=1e-4)
    angle = np.arccos(np.clip((np.trace(R) - 1) / 2, -1, 1))
    assert np.isclose(angle, np.arccos(np.clip(u @ v, -1, 1)), atol=1e-4), "no larger a turn than needed"


@pytest.mark.parametrize("direction", [[1, 0, 0], [0, 1, 0], [0, 0, -1], [1, 2, 3]])
def test_rotation_between_opposites(direction: list[float]) -> None:
    a = np.array(direction, dtype=float)
    assert np.allclose(rotation_between(a, -a) @ a, -a)
    assert np.isclose(np.linalg.det(rotation_between(a, -a)), 1)


@given(directions, vectors)
def test_plane_frame_stands_on_its_normal(normal: np.ndarray, origin: np.ndarray) -> None:
    T = rigid_transform(plane_frame(normal, origin), "T")
    assert np.allclose(T[:3, 1], normal / np.linalg.norm(normal))
    assert np.allclose(T[:3, 3], origin)
    if abs(T[1, 1]) < 0.9:
        assert abs(T[1, 0]) < 1e-9, "+X is horizontal"


def test_a_floor_reads_like_a_map() -> None:
    assert np.allclose(plane_frame([0, 2, 0], [1, 2, 3]), make_transform(np.eye(3), [1, 2, 3]))


def test_positive_yaw_turns_z_towards_x() -> None:
    assert np.allclose(yaw_rotation(np.pi / 2) @ [0, 0, 1], [1, 0, 0])
    assert np.allclose(yaw_rotation(0.3) @ yaw_rotation(-0.3), np.eye(3))


@given(poses, st.floats(-1e-3, 1e-3))
def test_orthonormalised_mends_small_errors(T: np.ndarray, error: float) -> None:
    bent = T.copy()
    bent[0, 1] += error
    mended = orthonormalised(bent)
    assert np.allclose(mended[:3, :3] @ mended[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.abs(mended - T).max() <= 2 * abs(error) + 1e-12
