"""Camera poses as capture files write them: rounded, in other axes, at other stamps, or broken."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import inverse, make_transform, orthonormalised, rotation_from_quaternion

ROTATION_TOLERANCE = 0.02
"""How far R R^T may be from the identity and count as a rounded rotation: three decimals pass, a scale does not."""

MAX_DISTANCE_M = 1000.0
"""A camera farther from the origin of its world than this was lost, or its file is damaged, metres."""

OPENGL_CAMERA = np.diag([1.0, -1.0, -1.0, 1.0])
"""T_opengl_opencv: OpenGL and ARKit cameras look along -Z with +Y up; right-multiply to get OpenCV axes."""


class Pose(NamedTuple):
    """A camera-to-world transform, or why there is none."""

    T: Float64 | None
    """(4, 4) exactly rigid camera-to-world."""
    problem: str | None = None
    """Why the frame cannot be used."""


def pose_from_matrix(values: ArrayLike) -> Pose:
    """Pose from 12 or 16 numbers, row by row. Rounded rotations are made exact; anything else is a problem."""
    flat = np.asarray(values, dtype=np.float64).reshape(-1)
    if flat.size not in (12, 16):
        return Pose(None, f"pose has {flat.size} numbers instead of 16")
    M = np.vstack([flat.reshape(-1, 4)[:3], [[0.0, 0.0, 0.0, 1.0]]])
    if not np.isfinite(flat).all():
        return Pose(None, "pose contains NaN or infinity")
    if flat.size == 16 and np.abs(flat[12:] - (0, 0, 0, 1)).max() > 1e-3:
        return Pose(None, f"last row of the pose is {flat[12:].tolist()} instead of 0 0 0 1")
    R = M[:3, :3]
    if np.abs(R @ R.T - np.eye(3)).max() > ROTATION_TOLERANCE or np.linalg.det(R) < 0:
        return Pose(None, f"pose is not a rotation and translation (determinant {np.linalg.det(R):.3f})")
    return _near(orthonormalised(M))


def pose_from_quaternion(translation: ArrayLike, xyzw: ArrayLike) -> Pose:
    """Pose from a translation (3,) and a quaternion x, y, z, w whose length is 1 up to rounding."""
    t, q = np.asarray(translation, dtype=np.float64), np.asarray(xyzw, dtype=np.float64)
    if not (np.isfinite(t).all() and np.isfinite(q).all()):
        return Pose(None, "pose contains NaN or infinity")
    length = float(np.linalg.norm(q))
    if abs(length - 1) > 0.1:
        return Pose(None, f"quaternion of the pose has length {length:.3f} instead of 1")
    return _near(make_transform(rotation_from_quaternion(q), t))


def pose_from_axis_angle(rotation: ArrayLike, translation: ArrayLike) -> Pose:
    """Camera-to-world from a world-to-camera rotation vector (radians) and translation (Rodrigues' formula)."""
    r, t = np.asarray(rotation, dtype=np.float64), np.asarray(translation, dtype=np.float64)
    if not (np.isfinite(r).all() and np.isfinite(t).all()):
        return Pose(None, "pose contains NaN or infinity")
    angle = float(np.linalg.norm(r))
    half = 0.5 * angle
    xyz = r * (np.sin(half) / angle if angle > 1e-12 else 0.5)
    R = rotation_from_quaternion([*xyz, np.cos(half)])
    return _near(inverse(make_transform(R, t)))


def _near(T: Float64) -> Pose:
    distance = float(np.abs(T[:3, 3]).max())  # a norm could overflow
    if distance > MAX_DISTANCE_M:
        return Pose(None, f"pose lies {distance:.4g} m from the origin, more than {MAX_DISTANCE_M:g} m")
    return Pose(T)


def from_opengl(pose: Pose) -> Pose:
    """The same pose for OpenCV camera axes, given one for OpenGL/ARKit axes (x right, y up, z back)."""
    return pose if pose.T is None else Pose(pose.T @ OPENGL_CAMERA)


def nearest(stamps: Float64, wanted: Float64, max_difference_s: float) -> list[int | None]:
    """For each wanted stamp the index of the nearest one, or None where it is farther than `max_difference_s`.

    `stamps` need not be sorted; of two equally near ones the earlier wins.
    """
    if not len(stamps):
        return [None] * len(wanted)
    order = np.argsort(stamps, kind="stable")
    ordered = stamps[order]
    right = np.clip(np.searchsorted(ordered, wanted), 1, max(len(ordered) - 1, 1))
    left = right - 1
    right = np.minimum(right, len(ordered) - 1)
    choice = np.where(np.abs(ordered[right] - wanted) < np.abs(ordered[left] - wanted), right, left)
    close = np.abs(ordered[choice] - wanted) <= max_difference_s + 1e-9
    return [int(order[c]) if ok else None for c, ok in zip(choice, close, strict=True)]
