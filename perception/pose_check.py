"""Given poses checked against the surface they built together; a frame that disagrees is put right by ICP.

One bad pose among many does little harm to a fused mesh, but a great deal to the picture of that frame: content in it
floats or sinks. Real captures have such frames (late time stamps, dropped tracking).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sceneforge.core import Frame, Mesh
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.transforms import make_transform, transform_points

POINTS = 600
"""Depth samples kept per frame: 7 KB."""
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


def correct_outliers(mesh: Mesh, points: list[Float32], T_world_camera: Float64) -> PoseReport:
    """Find frames whose depth disagrees with the mesh, and align them to it.

    Point-to-plane ICP (Chen & Medioni 1992) against the closest points of the mesh, with Tukey weights. A correction is
    kept only when it fits as well as the other frames do and stays within 25 cm and 10 degrees of the given pose.

    Args:
        mesh: The fused surface in the world.
        points: Per frame (K, 3) camera-frame samples, from `sample_points`.
        T_world_camera: (N, 4, 4) given poses.
    """
    import open3d as o3d

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(o3d.core.Tensor(mesh.vertices.copy()), o3d.core.Tensor(mesh.faces.astype(np.uint32)))
    all_distances = [_distances(scene, p, T) for p, T in zip(points, T_world_camera, strict=True)]
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
        T = _align(scene, points[i], T_world_camera[i])
        after = _typical(_distances(scene, points[i], T))
        moved = np.linalg.norm(T[:3, 3] - T_world_camera[i][:3, 3])
        turned = np.arccos(np.clip((np.trace(T[:3, :3].T @ T_world_camera[i][:3, :3]) - 1) / 2, -1, 1))
        found = after is not None and after < max(0.006, 1.5 * typical) and moved < 0.25 and turned < np.radians(10)
        corrections.append(Correction(i, T if found else None, before, after if found else None))
    return PoseReport(tuple(corrections), alone)


def _distances(scene: Any, points: Float32, T: Float64) -> Float32:
    """(K,) distance of each sample to the mesh."""
    import open3d as o3d

    world = transform_points(T, points).astype(np.float32)
    return np.asarray(scene.compute_distance(o3d.core.Tensor(world)).numpy(), dtype=np.float32)


def _typical(distances: Float32) -> float | None:
    """Median distance of the samples near the mesh; None where too few are."""
    near = distances < NEAR_M
    return float(np.median(distances[near])) if len(distances) >= MIN_SAMPLES and near.mean() >= MIN_SHARE else None


def _align(scene: Any, points: Float32, T_start: Float64) -> Float64:
    import open3d as o3d

    T = T_start.copy()
    for step in range(30):
        world = transform_points(T, points)
        hit = scene.compute_closest_points(o3d.core.Tensor(world.astype(np.float32)))
        closest, normal = hit["points"].numpy().astype(np.float64), hit["primitive_normals"].numpy().astype(np.float64)
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
