"""Relative pose of two views from feature matches: seeded RANSAC over 3D-3D triples, PnP where depth lacks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float64

from .geometry import inverses, kabsch

DRAWS = 6000
"""Triples drawn; those whose side lengths differ between the views are dropped unseen."""
HYPOTHESES = 300
"""Triples turned into poses and scored."""


def relative_pose(
    rays_a: Float64,
    depth_a: Float64,
    rays_b: Float64,
    depth_b: Float64,
    *,
    tolerance: float,
    seed: int,
) -> tuple[Float64, Float64] | None:
    """Robust T_a_b from matches.

    Args:
        rays_a: (n, 2) normalised image coordinates in a.
        depth_a: (n,) z-depth in metres, 0 = unknown.
        rays_b: (n, 2) the same in b.
        depth_b: (n,).
        tolerance: Largest reprojection error of an inlier, normalised coordinates.
        seed: Of the random draws.

    Returns:
        T_a_b (4, 4) and the errors (n,) in tolerances (<= 1 is an inlier), or None where no pose explains 6 matches.
    """
    both = np.flatnonzero((depth_a > 0) & (depth_b > 0))
    candidates: list[Float64] = []
    if len(both) >= 4:
        candidates += _from_triples(rays_a, depth_a, rays_b, depth_b, both, tolerance, seed)
    if np.count_nonzero(depth_b > 0) >= 6 and len(both) < 0.7 * np.count_nonzero(depth_b > 0):
        candidates += _from_pnp(rays_a, rays_b, depth_b, tolerance, seed)
    if not candidates:
        return None
    poses = np.concatenate(candidates)
    errors = reprojection_errors(poses, rays_a, depth_a, rays_b, depth_b) / tolerance
    score = np.maximum(0.0, 1.0 - errors**2).sum(axis=1)
    best = int(score.argmax())
    if np.count_nonzero(errors[best] <= 1) < 6:
        return None
    return poses[best], errors[best]


def reprojection_errors(
    poses: Float64, rays_a: Float64, depth_a: Float64, rays_b: Float64, depth_b: Float64
) -> Float64:
    """Largest reprojection error (H, n) of matches over the ways that have depth; 1e9 without any.

    Where both depths are known they must agree too: a depth error counts like the parallax of a quarter of it.
    """
    H, n = len(poses), len(rays_a)
    worst = np.full((H, n), -1.0)
    ways = ((poses, rays_b, depth_b, rays_a, depth_a), (inverses(poses), rays_a, depth_a, rays_b, depth_b))
    for T, rays, depth, target, target_depth in ways:
        known = np.flatnonzero(depth > 0)
        p = np.column_stack([rays[known] * depth[known, None], depth[known]])
        q = p @ np.swapaxes(T[:, :3, :3], 1, 2) + T[:, None, :3, 3]
        z = np.maximum(q[..., 2], 1e-3)
        e = np.hypot(q[..., 0] / z - target[known, 0], q[..., 1] / z - target[known, 1])
        e = np.where(q[..., 2] < 0.05, 1e9, e)
        t = target_depth[known]
        slack = 0.03 * t + 0.006 * t * t
        depth_error = np.where(t > 0, np.maximum(0.0, np.abs(q[..., 2] - t) - slack), 0.0)
        worst[:, known] = np.maximum(worst[:, known], e + 0.25 * depth_error / z)
    return np.where(worst < 0, 1e9, worst)


def _from_triples(
    rays_a: Float64,
    depth_a: Float64,
    rays_b: Float64,
    depth_b: Float64,
    both: NDArray[np.int64],
    tolerance: float,
    seed: int,
) -> list[Float64]:
    A = np.column_stack([rays_a[both] * depth_a[both, None], depth_a[both]])
    B = np.column_stack([rays_b[both] * depth_b[both, None], depth_b[both]])
    rng = np.random.default_rng(seed)
    triples = rng.integers(0, len(both), (DRAWS, 3))
    i, j, k = triples.T
    keep = (i != j) & (j != k) & (i != k)
    for m, n in ((i, j), (j, k), (i, k)):
        la, lb = np.linalg.norm(A[m] - A[n], axis=1), np.linalg.norm(B[m] - B[n], axis=1)
        far = np.maximum.reduce([A[m, 2], A[n, 2], B[m, 2], B[n, 2]])
        keep &= (np.abs(la - lb) < 0.01 + 0.006 * far**2 + 2 * tolerance * far) & (np.minimum(la, lb) > 0.05 * far)
    triples = triples[keep][:HYPOTHESES]
    if not len(triples):
        return []
    poses = kabsch(A[triples], B[triples])
    errors = reprojection_errors(poses, rays_a[both], depth_a[both], rays_b[both], depth_b[both]) / tolerance
    best = np.argsort(-np.maximum(0.0, 1.0 - errors**2).sum(axis=1), kind="stable")[:8]
    refined = [poses[best]]
    for h in best:  # one step of local optimisation: all inliers instead of three
        inliers = errors[h] <= 1
        if np.count_nonzero(inliers) >= 4:
            refined.append(kabsch(A[None, inliers], B[None, inliers]))
    return refined


def _from_pnp(rays_a: Float64, rays_b: Float64, depth_b: Float64, tolerance: float, seed: int) -> list[Float64]:
    import cv2

    known = depth_b > 0
    points = np.column_stack([rays_b[known] * depth_b[known, None], depth_b[known]])
    cv2.setRNGSeed(seed & 0x7FFFFFFF)
    found, rotation, translation, inliers = cv2.solvePnPRansac(
        points,
        rays_a[known].copy(),
        np.eye(3),
        None,
        iterationsCount=300,
        reprojectionError=tolerance,
        confidence=0.999,
    )
    if not found or inliers is None or len(inliers) < 6:
        return []
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = cv2.Rodrigues(rotation)[0], translation.ravel()
    return [T[None]] if np.isfinite(T).all() else []
