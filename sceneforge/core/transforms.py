"""Rigid transforms. `T_a_b @ p_b = p_a`; 4x4 float64; quaternions are x, y, z, w."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import Float64


def inverse(T_a_b: ArrayLike) -> Float64:
    """Inverse of a rigid transform (4, 4) -> (4, 4), exact up to rounding."""
    T = np.asarray(T_a_b, dtype=np.float64)
    out = np.eye(4)
    out[:3, :3] = T[:3, :3].T
    out[:3, 3] = -T[:3, :3].T @ T[:3, 3]
    return out


def transform_points(T_a_b: ArrayLike, points_b: ArrayLike) -> Float64:
    """Map points (..., 3) from frame b to frame a."""
    T = np.asarray(T_a_b, dtype=np.float64)
    return np.asarray(np.asarray(points_b, dtype=np.float64) @ T[:3, :3].T + T[:3, 3])


def make_transform(R: ArrayLike, t: ArrayLike) -> Float64:
    """4x4 transform from a rotation (3, 3) and a translation (3,)."""
    T = np.eye(4)
    T[:3, :3] = R
    T[:3, 3] = t
    return T


def rotation_from_quaternion(xyzw: ArrayLike) -> Float64:
    """Rotation (3, 3) from a quaternion (x, y, z, w), normalised first.

    Raises:
        ValueError: The quaternion is not finite or has (almost) no length.
    """
    q = np.asarray(xyzw, dtype=np.float64)
    norm = float(np.linalg.norm(q))
    if not np.isfinite(norm) or norm < 1e-6:
        raise ValueError(f"quaternion {q.tolist()} has no direction")
    x, y, z, w = q / norm
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_from_rotation(R: ArrayLike) -> Float64:
    """Quaternion (x, y, z, w) of a rotation (3, 3), with w >= 0 (Shepperd 1978: divide by the largest component)."""
    m = np.asarray(R, dtype=np.float64)
    trace = m[0, 0] + m[1, 1] + m[2, 2]
    squares = np.array([m[0, 0], m[1, 1], m[2, 2], trace])
    k = int(np.argmax(squares))
    q = np.empty(4)
    if k == 3:
        q[:] = (m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], 1 + trace)
    else:
        i, j, h = k, (k + 1) % 3, (k + 2) % 3
        q[i] = 1 + m[i, i] - m[j, j] - m[h, h]
        q[j] = m[j, i] + m[i, j]
        q[h] = m[h, i] + m[i, h]
        q[3] = m[h, j] - m[j, h]
    q /= np.linalg.norm(q)
    return -q if q[3] < 0 else q


def rotation_between(a: ArrayLike, b: ArrayLike) -> Float64:
    """Smallest rotation (3, 3) that turns direction a (3,) onto direction b (3,)."""
    u = np.asarray(a, dtype=np.float64) / np.linalg.norm(a)
    v = np.asarray(b, dtype=np.float64) / np.linalg.norm(b)
    c = float(u @ v)
    if c < -1 + 1e-9:  # opposite: half a turn about any axis square to u
        axis = np.cross(u, np.eye(3)[int(np.argmin(np.abs(u)))])
        axis /= np.linalg.norm(axis)
        return np.asarray(2 * np.outer(axis, axis) - np.eye(3))
    w = np.cross(u, v)
    W = np.array([[0, -w[2], w[1]], [w[2], 0, -w[0]], [-w[1], w[0], 0]])
    return np.asarray(np.eye(3) + W + W @ W / (1 + c))


def yaw_rotation(yaw_rad: float) -> Float64:
    """Rotation (3, 3) about +Y; yaw 0 leaves +Z, a positive yaw turns +Z towards +X."""
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def plane_frame(normal: ArrayLike, origin: ArrayLike) -> Float64:
    """T_world_plane (4, 4) with +Y along `normal`.

    +X is horizontal wherever that is possible; for horizontal planes the axes follow the world's X and Z, so that a
    floor polygon reads like a map.
    """
    y = np.asarray(normal, dtype=np.float64) / np.linalg.norm(normal)
    up = np.array([0.0, 1.0, 0.0])
    x = np.cross(up, y) if abs(y[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    x = x - y * (x @ y)
    x /= np.linalg.norm(x)
    return make_transform(np.column_stack([x, y, np.cross(x, y)]), origin)


def orthonormalised(T: NDArray[np.float64]) -> Float64:
    """The rigid transform nearest to `T`: its 3x3 block replaced by the closest rotation (SVD; Horn et al. 1988)."""
    U, _, Vt = np.linalg.svd(T[:3, :3])
    R = U @ np.diag([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))]) @ Vt
    return make_transform(R, T[:3, 3])
