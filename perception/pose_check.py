"""Given poses checked against the surface they built together; a frame that disagrees is put right by ICP.

One bad pose among many does little harm to a fused mesh, but a great deal to the picture of that frame: content in it
floats or sinks. Real captures have such frames (late time stamps, dropped tracking).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core import Frame
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.transforms import make_transform, transform_points

from .caster import Caster

POINTS = 600
"""Depth samples kept per frame: 7 KB."""
SCREEN = 3
"""One in so many samples is looked at first."""
SURE = 0.7
"""A frame whose few samples lie within this share of the suspect limit is not."""
NEAR_M = 0.12
"""Farther samples see something that the mesh lacks and say nothing on the pose."""
MIN_SHARE = 0.4
"""Share of a frame's samples that must be near the mesh to judge it."""
MIN_CONSTRAINT = 0.05
"""Motions that change the samples' distances by less than this share are not observed and left as given: a bare wall
says nothing on sliding along it (solution remapping, Zhang, Kaess & Singh 2016)."""
MIN_SUPPORT = 0.05
"""A frame with a smaller share near the mesh stands alone."""
MIN_SAMPLES = 50
"""Frames with fewer depth samples are not judged."""
SUSPECT_M = 0.02
SUSPECT_RATIO = 3.0
"""A frame is suspect when its median distance to the mesh exceeds both 2 cm and three times the scan's median."""


@dataclass(frozen=True)
class Correction:
    """What was found, and done, about one frame's pose."""

    index: int
    """Position in the track."""
    T_world_camera: Float64 | None
    """(4, 4) corrected pose; None where none could be found."""
    before_m: float
    """Median distance to the mesh with the given pose."""
    after_m: float | None
    """The same with the corrected pose."""


@dataclass(frozen=True)
class PoseReport:
    """What `correct_outliers` found."""

    corrections: tuple[Correction, ...]
    """Frames whose pose was wrong."""
    alone: tuple[int, ...]
    """Frames almost nothing of which is in the mesh: no other frame saw the same, or their pose is far off."""


def sample_points(frame: Frame, max_depth_m: float) -> Float32:
    """About `POINTS` points (K, 3) in camera axes, on a regular grid of the depth image."""
    h, w = frame.depth.shape
    step = max(int(np.sqrt(h * w / POINTS)), 1)
    z = frame.depth[step // 2 :: step, step // 2 :: step]
    v, u = np.nonzero((z > 0.2) & (z < max_depth_m))
    c = frame.depth_camera
    z = z[v, u]
    x = (u * step + step // 2 - c.cx) / c.fx
    y = (v * step + step // 2 - c.cy) / c.fy
    return np.stack([x * z, y * z, z], axis=1).astype(np.float32)


def correct_outliers(caster: Caster, points: list[Float32], T_world_camera: Float64) -> PoseReport:
    """Find frames whose depth disagrees with the mesh, and align them to it.

    Point-to-plane ICP (Chen & Medioni 1992) against the closest points of the mesh, with Tukey weights. A correction is
    kept only when it fits as well as the other frames do and stays within 25 cm and 10 degrees of the given pose.

    Args:
        caster: The fused surface in the world.
        points: Per frame (K, 3) camera-frame samples, from `sample_points`.
        T_world_camera: (N, 4, 4) given poses.
    """
    all_distances = _few_distances(caster, points, T_world_camera)
    alone = tuple(i for i, d in enumerate(all_distances) if len(d) >= MIN_SAMPLES and (d < NEAR_M).mean() < MIN_SUPPORT)
    distances = [_typical(d) for d in all_distances]
    judged = [d for d in distances if d is not None]
    if len(judged) < 5:
        return PoseReport((), alone)
    typical = float(np.median(judged))
    limit = max(SUSPECT_M, SUSPECT_RATIO * typical)
    corrections = []
    for i, before in enumerate(distances):
        if before is None or before <= limit:
            continue
        T = _align(caster, points[i], T_world_camera[i])
        after = _typical(_distances(caster, points[i], T))
        moved = np.linalg.norm(T[:3, 3] - T_world_camera[i][:3, 3])
        turned = np.arccos(np.clip((np.trace(T[:3, :3].T @ T_world_camera[i][:3, :3]) - 1) / 2, -1, 1))
        found = after is not None and after < max(0.006, 1.5 * typical) and moved < 0.25 and turned < np.radians(10)
        corrections.append(Correction(i, T if found else None, before, after if found else None))
    return PoseReport(tuple(corrections), alone)


def _few_distances(caster: Caster, points: list[Float32], T_world_camera: Float64) -> list[Float32]:
    """Per frame the distances (K,) of samples to the mesh: of a third of them, of all where those look suspicious."""
    few = [p[:: SCREEN if len(p) >= SCREEN * MIN_SAMPLES else 1] for p in points]
    world = [transform_points(T, p) for p, T in zip(few, T_world_camera, strict=True)]
    cuts = np.cumsum([len(p) for p in few])[:-1]
    out = np.split(caster.distance_to(np.concatenate(world)), cuts) if world else []
    typical = [_typical(d) for d in out]
    judged = [d for d in typical if d is not None]
    limit = SURE * max(SUSPECT_M, SUSPECT_RATIO * float(np.median(judged))) if judged else 0.0
    for i, near in enumerate(typical):
        if len(few[i]) < len(points[i]) and (near is None or near > limit):
            out[i] = _distances(caster, points[i], T_world_camera[i])
    return out


def _distances(caster: Caster, points: Float32, T: Float64) -> Float32:
    """(K,) distance of each sample to the mesh."""
    return caster.distance_to(transform_points(T, points))


def _typical(distances: Float32) -> float | None:
    """Median distance of the samples near the mesh; None where too few are."""
    near = distances < NEAR_M
    return float(np.median(distances[near])) if len(distances) >= MIN_SAMPLES and near.mean() >= MIN_SHARE else None


def _align(caster: Caster, points: Float32, T_start: Float64) -> Float64:
    T = T_start.copy()
    for step in range(30):
        world = transform_points(T, points)
        closest, normal = caster.closest(world)
        residual = np.einsum("ij,ij->i", world - closest, normal)
        reach = NEAR_M if step < 10 else NEAR_M / 2
        w = np.maximum(1 - (np.linalg.norm(world - closest, axis=1) / reach) ** 2, 0) ** 2
        centre = world.mean(axis=0)
        radius = max(float(np.sqrt(((world - centre) ** 2).sum(axis=1).mean())), 1e-6)
        J = np.concatenate([np.cross(world - centre, normal) / radius, normal], axis=1)
        values, vectors = np.linalg.eigh((J * w[:, None]).T @ J / max(w.sum(), 1e-9))
        gradient = vectors.T @ ((J * w[:, None]).T @ residual) / max(w.sum(), 1e-9)
        known = values > MIN_CONSTRAINT
        delta = -vectors[:, known] @ (gradient[known] / values[known])
        delta[:3] /= radius
        T = _about(delta, centre) @ T
        if np.abs(delta).max() < 1e-6:
            break
    return T


def _about(delta: Float64, centre: Float64) -> Float64:
    """Rigid motion (4, 4): rotation vector delta[:3] about `centre`, then translation delta[3:]."""
    from scipy.spatial.transform import Rotation

    R = Rotation.from_rotvec(delta[:3]).as_matrix()
    return make_transform(R, centre + delta[3:] - R @ centre)
