"""Rigid motions in vectorised form. Twists are [v, w]: translation part first, then rotation, acting from the left."""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import Float64


def skew(w: Float64) -> Float64:
    """Cross-product matrices (..., 3, 3) of vectors (..., 3)."""
    w = np.asarray(w, dtype=np.float64)
    out = np.zeros((*w.shape[:-1], 3, 3))
    out[..., 0, 1], out[..., 0, 2], out[..., 1, 2] = -w[..., 2], w[..., 1], -w[..., 0]
    return np.asarray(out - np.swapaxes(out, -1, -2))


def exp(twist: Float64) -> Float64:
    """Rigid transforms (..., 4, 4) of twists (..., 6) (Barfoot 2017, section 7.1.3)."""
    twist = np.asarray(twist, dtype=np.float64)
    w = twist[..., 3:]
    angle = np.linalg.norm(w, axis=-1)[..., None, None]
    safe = np.where(angle < 1e-6, 1.0, angle)
    a = np.where(angle < 1e-6, 1 - angle**2 / 6, np.sin(safe) / safe)
    b = np.where(angle < 1e-6, 0.5 - angle**2 / 24, (1 - np.cos(safe)) / safe**2)
    c = np.where(angle < 1e-6, 1 / 6 - angle**2 / 120, (safe - np.sin(safe)) / safe**3)
    W = skew(w)
    W2 = W @ W
    out = np.zeros((*twist.shape[:-1], 4, 4))
    out[..., :3, :3] = np.eye(3) + a * W + b * W2
    out[..., :3, 3] = ((np.eye(3) + b * W + c * W2) @ twist[..., :3, None])[..., 0]
    out[..., 3, 3] = 1
    return out


def log(T: Float64) -> Float64:
    """Twists (..., 6) of rigid transforms (..., 4, 4); rotations of exactly half a turn have no unique one."""
    R = T[..., :3, :3]
    axis = 0.5 * np.stack(
        [R[..., 2, 1] - R[..., 1, 2], R[..., 0, 2] - R[..., 2, 0], R[..., 1, 0] - R[..., 0, 1]], axis=-1
    )
    sine = np.linalg.norm(axis, axis=-1)
    angle = np.arctan2(sine, 0.5 * (np.trace(R, axis1=-2, axis2=-1) - 1))
    w = axis * np.where(sine < 1e-9, 1.0, angle / np.maximum(sine, 1e-9))[..., None]
    t2 = np.maximum(angle, 1e-6) ** 2
    half = np.maximum(angle, 1e-6) / 2
    c = np.where(angle < 1e-4, 1 / 12, (1 - half * np.cos(half) / np.maximum(np.sin(half), 1e-9)) / t2)
    W = skew(w)
    V_inv = np.eye(3) - 0.5 * W + c[..., None, None] * (W @ W)
    return np.concatenate([(V_inv @ T[..., :3, 3, None])[..., 0], w], axis=-1)


def inverses(T: Float64) -> Float64:
    """Inverses of rigid transforms (..., 4, 4)."""
    out = np.zeros_like(T)
    Rt = np.swapaxes(T[..., :3, :3], -1, -2)
    out[..., :3, :3] = Rt
    out[..., :3, 3] = -(Rt @ T[..., :3, 3, None])[..., 0]
    out[..., 3, 3] = 1
    return out


def adjoint(T: Float64) -> Float64:
    """(..., 6, 6) with exp(adjoint(T) x) = T exp(x) T^-1."""
    out = np.zeros((*T.shape[:-2], 6, 6))
    R = T[..., :3, :3]
    out[..., :3, :3] = out[..., 3:, 3:] = R
    out[..., :3, 3:] = skew(T[..., :3, 3]) @ R
    return out


def rotation_angle(T: Float64) -> Float64:
    """Rotation angles (...) in radians of transforms (..., 4, 4)."""
    return np.asarray(np.linalg.norm(log(T)[..., 3:], axis=-1))


def kabsch(A: Float64, B: Float64) -> Float64:
    """Transforms (H, 4, 4) that take point triples or sets B (H, n, 3) onto A (H, n, 3) (Kabsch 1976)."""
    ca, cb = A.mean(axis=1, keepdims=True), B.mean(axis=1, keepdims=True)
    U, _, Vt = np.linalg.svd(np.swapaxes(A - ca, 1, 2) @ (B - cb))
    sign = np.sign(np.linalg.det(U @ Vt))
    U[:, :, 2] *= sign[:, None]
    T = np.zeros((len(A), 4, 4))
    T[:, :3, :3] = U @ Vt
    T[:, :3, 3] = ca[:, 0] - (T[:, :3, :3] @ np.swapaxes(cb, 1, 2))[..., 0]
    T[:, 3, 3] = 1
    return T
