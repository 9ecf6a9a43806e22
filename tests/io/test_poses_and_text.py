"""Poses and numbers as text writes them: rounding is repaired, breakage is named."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sceneforge.core import ScanError
from sceneforge.core.transforms import inverse, make_transform, quaternion_from_rotation, rotation_from_quaternion
from sceneforge.io._images import header_size
from sceneforge.io._poses import from_opengl, nearest, pose_from_axis_angle, pose_from_matrix, pose_from_quaternion
from sceneforge.io._text import natural_key, read_intrinsics, read_numbers, read_table
from sceneforge.io.redwood import read_log
from sceneforge.io.tum_rgbd import intrinsics_for

unit = st.floats(-1, 1, allow_nan=False)
quaternions = st.tuples(unit, unit, unit, unit).filter(lambda q: np.linalg.norm(q) > 0.2)
positions = st.tuples(*[st.floats(-50, 50, allow_nan=False)] * 3)


def _transform(q: tuple[float, ...], t: tuple[float, ...]) -> np.ndarray:
    return make_transform(rotation_from_quaternion(q), t)


@given(quaternions, positions, st.integers(3, 9))
def test_rounded_matrices_become_rigid_and_stay_close(
    q: tuple[float, ...], t: tuple[float, ...], decimals: int
) -> None:
    T = _transform(q, t)
    text = " ".join(f"{v:.{decimals}f}" for v in T.reshape(-1))
    pose = pose_from_matrix([float(v) for v in text.split()])
    assert pose.problem is None and pose.T is not None
    R = pose.T[:3, :3]
    assert np.abs(R @ R.T - np.eye(3)).max() < 1e-12
    assert np.abs(pose.T - T).max() < 2 * 10.0**-decimals


@given(quaternions, positions)
def test_four_ways_to_write_a_pose_agree(q: tuple[float, ...], t: tuple[float, ...]) -> None:
    T = _transform(q, t)
    xyzw = quaternion_from_rotation(T[:3, :3])
    W = inverse(T)
    poses = [
        pose_from_matrix(T),
        pose_from_matrix(T[:3]),
        pose_from_quaternion(t, xyzw),
        pose_from_quaternion(t, -xyzw),
        pose_from_axis_angle(Rotation.from_matrix(W[:3, :3]).as_rotvec(), W[:3, 3]),
        from_opengl(pose_from_matrix(T @ np.diag([1.0, -1, -1, 1]))),
    ]
    for pose in poses:
        assert pose.T is not None
        np.testing.assert_allclose(pose.T, T, atol=1e-6)


@given(quaternions, positions, st.integers(0, 11), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_one_number_that_is_not_finite_spoils_a_pose(
    q: tuple[float, ...], t: tuple[float, ...], index: int, value: float
) -> None:
    T = _transform(q, t)
    T.reshape(-1)[index] = value
    pose = pose_from_matrix(T)
    assert pose.T is None and "NaN or infinity" in str(pose.problem)


@given(quaternions, positions, st.floats(0.5, 0.95) | st.floats(1.05, 2))
def test_scaled_rotations_are_not_rotations(q: tuple[float, ...], t: tuple[float, ...], scale: float) -> None:
    T = _transform(q, t)
    T[:3, :3] *= scale
    assert "not a rotation" in str(pose_from_matrix(T).problem)


def test_quaternions_without_length() -> None:
    assert "length 0.000" in str(pose_from_quaternion([0, 0, 0], [0, 0, 0, 0]).problem)
    assert "NaN" in str(pose_from_quaternion([np.nan, 0, 0], [0, 0, 0, 1]).problem)
    assert "3 numbers" in str(pose_from_matrix([1, 2, 3]).problem)
    assert "NaN" in str(pose_from_axis_angle([np.nan, 0, 0], [0, 0, 0]).problem)
    np.testing.assert_array_equal(pose_from_axis_angle([0, 0, 0], [0, 0, 0]).T, np.eye(4))


@given(st.lists(st.floats(0, 100), max_size=40), st.lists(st.floats(0, 100), max_size=20), st.floats(0, 5))
@settings(max_examples=200)
def test_nearest_stamp_is_the_brute_force_one(stamps: list[float], wanted: list[float], limit: float) -> None:
    found = nearest(np.array(stamps), np.array(wanted), limit)
    for w, i in zip(wanted, found, strict=True):
        distances = [abs(s - w) for s in stamps]
        if i is None:
            assert not distances or min(distances) > limit
        else:
            assert distances[i] == min(distances) <= limit + 1e-6


@given(st.lists(st.integers(0, 10**6), unique=True, min_size=1))
def test_natural_order_is_the_numbers_order(numbers: list[int]) -> None:
    names = [f"frame{n}.png" for n in numbers]
    assert sorted(names, key=natural_key) == [f"frame{n}.png" for n in sorted(numbers)]


@given(st.lists(st.text(max_size=8), max_size=10))
def test_natural_keys_of_any_names_compare(names: list[str]) -> None:
    keys = sorted(natural_key(n) for n in names)
    assert all(a <= b for a, b in itertools.pairwise(keys))


def test_number_files(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("\ufeff# header\n1, 2;3\t4\r\n\n5 6 7 8 # tail\n")
    np.testing.assert_array_equal(read_table(file, 4), [[1, 2, 3, 4], [5, 6, 7, 8]])
    np.testing.assert_array_equal(read_numbers(file), range(1, 9))
    with pytest.raises(ScanError, match=r"a\.txt: line 2 has 4 values; expected 5 numbers per line"):
        read_table(file, 5)
    with pytest.raises(ScanError, match=r"a\.txt: line 2 has 4 values"):
        read_table(file, 3, exact=True)
    file.write_text("1 2 x")
    with pytest.raises(ScanError, match=r"line 1: could not convert string to float: 'x'"):
        read_numbers(file)


@pytest.mark.parametrize(
    "text",
    [
        "585 0 320\n0 585 240\n0 0 1",
        "Color intrinsics:\n585,0,320\n0,585,240\n0,0,1",
        "585 0 320 0\n0 585 240 0\n0 0 1 0\n0 0 0 1",
    ],
)
def test_intrinsics_in_any_dress(tmp_path: Path, text: str) -> None:
    file = tmp_path / "camera.txt"
    file.write_text(text)
    np.testing.assert_array_equal(read_intrinsics(file), [[585, 0, 320], [0, 585, 240], [0, 0, 1]])


def test_log_entries_go_to_the_frames_they_name(tmp_path: Path) -> None:
    file = tmp_path / "trajectory.log"
    file.write_text("2 2 3\n1 0 0 5\n0 1 0 6\n0 0 1 7\n0 0 0 1\n")
    poses = read_log(file, 3)
    assert [p.T is None for p in poses] == [True, True, False]
    assert poses[2].T is not None and poses[2].T[:3, 3].tolist() == [5, 6, 7]


@pytest.mark.parametrize(
    ("name", "fx"),
    [
        ("rgbd_dataset_freiburg1_desk", 517.3),
        ("fr2_xyz", 520.9),
        ("TUM_FR3_office", 535.4),
        ("freiburg3", 535.4),
        ("my_room", 525.0),
        ("freiburg12", 525.0),
    ],
)
def test_tum_intrinsics_by_name(name: str, fx: float) -> None:
    K, note = intrinsics_for(name)
    assert K[0, 0] == fx and str(fx) in note


@given(st.binary(max_size=300))
def test_any_bytes_have_a_header_or_not(data: bytes) -> None:
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"P5 "):
        size = header_size(start + data)
        assert size is None or len(size) == 2


@given(st.integers(1, 60), st.integers(1, 60), st.sampled_from([".png", ".jpg", ".pgm"]))
@settings(max_examples=40)
def test_header_size_is_the_decoded_size(width: int, height: int, suffix: str) -> None:
    ok, data = cv2.imencode(suffix, np.full((height, width), 77, np.uint8))
    assert ok and header_size(data.tobytes()) == (width, height)
