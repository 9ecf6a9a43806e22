"""Trajectory error as the TUM RGB-D benchmark defines it (Sturm et al. 2012): ATE after rigid alignment, and RPE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import inverse, make_transform

Poses = Sequence[Float64 | None]


@dataclass(frozen=True)
class TrajectoryError:
    """How far an estimated camera path is from the true one. Angles in degrees, lengths in metres."""

    frames: int
    """Frames with a pose in both."""
    coverage: float
    """Share of the reference's frames that have an estimate, 0..1."""
    ate_rmse_m: float
    """Absolute trajectory error: root mean square distance of camera centres after rigid alignment."""
    ate_median_m: float
    """Median of those distances."""
    ate_max_m: float
    """Largest of them."""
    rpe_translation_rmse_m: float
    """Relative pose error over the step `delta`, translation."""
    rpe_rotation_rmse_deg: float
    """The same, rotation."""
    path_m: float
    """Length of the reference path over the common frames."""
    T_reference_estimate: Float64
    """(4, 4) the alignment."""


def align(estimate: Float64, reference: Float64) -> Float64:
    """Rigid transform (4, 4) that takes points (n, 3) onto reference points (n, 3) in the least-squares sense.

    Umeyama 1991 without scale: metric captures are judged with their own.

    Raises:
        ValueError: Shapes differ or there is no point.
    """
    A, B = np.asarray(estimate, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if A.shape != B.shape or A.ndim != 2 or A.shape[1] != 3 or not len(A):
        raise ValueError(f"expected two equal (n, 3) arrays with n > 0, got {A.shape} and {B.shape}")
    ca, cb = A.mean(axis=0), B.mean(axis=0)
    U, _, Vt = np.linalg.svd((B - cb).T @ (A - ca))
    R = U @ np.diag([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))]) @ Vt
    return make_transform(R, cb - R @ ca)


def trajectory_error(estimate: Poses, reference: Poses, *, delta: int = 1) -> TrajectoryError:
    """Compare two camera paths, frame by frame.

    Args:
        estimate: Camera-to-world (4, 4) per frame, None where unknown; any world.
        reference: The same in the reference world.
        delta: Step of the relative error, counted in frames that have both poses.

    Raises:
        ValueError: Lengths differ, `delta` is not positive, or fewer than three frames have both poses.
    """
    if len(estimate) != len(reference):
        raise ValueError(f"expected as many estimates as references, got {len(estimate)} and {len(reference)}")
    if delta < 1:
        raise ValueError(f"delta must be at least 1, got {delta}")
    pairs = [(e, r) for e, r in zip(estimate, reference, strict=True) if e is not None and r is not None]
    if len(pairs) < 3:
        raise ValueError(f"expected at least 3 frames with both poses, got {len(pairs)}")
    est = np.stack([e for e, _ in pairs])
    ref = np.stack([r for _, r in pairs])
    T = align(est[:, :3, 3], ref[:, :3, 3])
    distance = np.linalg.norm(est[:, :3, 3] @ T[:3, :3].T + T[:3, 3] - ref[:, :3, 3], axis=1)
    steps = [
        inverse(inverse(ref[i]) @ ref[i + delta]) @ inverse(est[i]) @ est[i + delta] for i in range(len(pairs) - delta)
    ]
    shift = np.array([float(np.linalg.norm(E[:3, 3])) for E in steps] or [0.0])
    turn = np.array([_angle(E[:3, :3]) for E in steps] or [0.0])
    known = sum(r is not None for r in reference)
    return TrajectoryError(
        frames=len(pairs),
        coverage=len(pairs) / known,
        ate_rmse_m=_rms(distance),
        ate_median_m=float(np.median(distance)),
        ate_max_m=float(distance.max()),
        rpe_translation_rmse_m=_rms(shift),
        rpe_rotation_rmse_deg=float(np.degrees(_rms(turn))),
        path_m=float(np.linalg.norm(np.diff(ref[:, :3, 3], axis=0), axis=1).sum()),
        T_reference_estimate=T,
    )


def _angle(R: Float64) -> float:
    """Angle of a rotation in radians, accurate near zero too."""
    axis = np.array([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]])
    return float(np.arctan2(np.linalg.norm(axis), np.trace(R) - 1))


def _rms(values: Float64) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
