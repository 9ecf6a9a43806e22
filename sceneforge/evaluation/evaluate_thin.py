"""`sceneforge evaluate thin`: how much of thin things (legs, stems, stands, edges of boards) a reconstruction keeps.

On generated scans (`truth="full"`). A point of the true surface is thin where the thing is less than 3 cm thick behind
it, and counts where a frame saw it; it belongs to a rod where the thing is no wider than 6 cm to some side, else to a
board. It is kept where the reconstruction passes within 1.5 cm. What a method adds that is not there is counted as
well: surface farther than 3 cm from the true one.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Frame, Mesh, Scan, UsageError
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.transforms import inverse
from sceneforge.io import load
from sceneforge.perception.decimation import distances, samples
from sceneforge.perception.fusion import DepthFusion

from .cases import posed_scans
from .open3d_fusion import fuse

THIN_M, ROD_M = 0.03, 0.06
KEPT_M = 0.015
FALSE_M = 0.03
SAMPLES = 400_000
VOXEL_M, DEPTH_MAX_M = 0.02, 4.5
TRUTH_UNIT_M = 0.0002


def evaluate(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Measure on generated scans with full truth under `data`.

    Returns:
        {"name", "metrics", "cases"}: means over the scans and each scan's figures, for `ours` and `open3d` (tensor TSDF
        of the same voxels): share kept of `rods`, of `rods_1cm` less than 1 cm thick, of `boards` and of everything
        `else`; `false`, the share of the reconstruction that lies on nothing; `seen`, square metres of rods.

    Raises:
        UsageError: No such scan.
    """
    folders = [] if data is None else [f for f in posed_scans(data) if (f / "truth.npz").is_file()]
    if not folders:
        raise UsageError('evaluate thin needs --data: scans made with `synth.generate(..., truth="full")`')
    cases = [_measured(folder) for folder in folders]
    sums: dict[str, list[float]] = defaultdict(list)
    for case in cases:
        for key, value in case.items():
            if isinstance(value, float):
                sums[key].append(value)
    return {"name": "thin", "metrics": {k: round(float(np.mean(v)), 4) for k, v in sums.items()}, "cases": cases}


def _measured(folder: Path) -> dict[str, Any]:
    scan = load(folder)
    assert isinstance(scan, Scan)
    frames = [f for f in scan.frames(range(len(scan)), bad=[]) if f.T_world_camera is not None]
    truth = np.load(folder / "truth.npz")
    vertices, faces = truth["vertices"].astype(np.float32), truth["faces"].astype(np.int32)
    points, thick, wide, area = thickness(vertices, faces)
    seen = _seen(points, frames, folder)
    thin = seen & (thick < THIN_M)
    parts = {
        "rods": thin & (wide < ROD_M),
        "rods_1cm": thin & (wide < ROD_M) & (thick < 0.01),
        "boards": thin & (wide >= ROD_M),
        "else": seen & ~thin,
    }
    out: dict[str, Any] = {"case": folder.name, "seen": round(float(area * parts["rods"].sum()), 3)}
    for name, mesh in (("ours", _ours(frames)), ("open3d", _open3d(frames))):
        off = distances(points[seen], mesh.vertices, mesh.faces)
        kept = np.zeros(len(points), bool)
        kept[seen] = off < KEPT_M
        for part, where in parts.items():
            if where.sum() > 50:
                out[f"{name}.{part}"] = round(float(kept[where].mean()), 4)
        back = distances(samples(mesh.vertices, mesh.faces, SAMPLES // 4)[0], vertices, faces)
        out[f"{name}.false"] = round(float((back > FALSE_M).mean()), 4)
    return out


def thickness(vertices: Float32, faces: NDArray[np.int32]) -> tuple[Float64, Float32, Float32, float]:
    """Points spread over a surface (N, 3), and the area of each.

    Between them (N,) how thick the thing is behind each point, and how wide it is there to the side where it is
    narrowest; inf = no end.
    """
    import open3d as o3d

    points, owner = samples(vertices, faces, SAMPLES)
    v = vertices[faces].astype(np.float64)
    normal = np.cross(v[:, 1] - v[:, 0], v[:, 2] - v[:, 0])
    area = float(0.5 * np.linalg.norm(normal, axis=1).sum())
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    inward = -normal[owner]
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(o3d.core.Tensor(vertices), o3d.core.Tensor(faces.astype(np.uint32)))

    def way(origin: Float64, direction: Float64) -> Float32:
        hit = scene.cast_rays(o3d.core.Tensor(np.concatenate([origin, direction], axis=1).astype(np.float32)))
        # The other side of the same thing turns its back to the ray.
        back = (hit["primitive_normals"].numpy() * direction).sum(axis=1) > 0.2
        return np.where(back, hit["t_hit"].numpy(), np.inf).astype(np.float32)

    thick = way(points + 2e-4 * inward, inward)
    wide = np.full(len(points), np.inf, np.float32)
    thin = np.flatnonzero(thick < THIN_M)
    middle, axis = points[thin] + 0.5 * thick[thin, None] * inward[thin], inward[thin]
    first = np.cross(axis, np.eye(3)[np.abs(axis).argmin(axis=1)])
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(axis, first)
    for angle in np.arange(0, np.pi, np.pi / 6):
        across = np.cos(angle) * first + np.sin(angle) * second
        wide[thin] = np.minimum(wide[thin], way(middle, across) + way(middle, -across))
    return points, thick, wide, area / len(points)


def _seen(points: Float64, frames: list[Frame], folder: Path) -> NDArray[np.bool_]:
    """Points (N,) that some frame shows within the depth that is fused."""
    import cv2

    out = np.zeros(len(points), bool)
    for frame in frames:
        stored = cv2.imread(str(folder / "truth_depth" / f"{frame.name}.png"), cv2.IMREAD_UNCHANGED)
        assert stored is not None and frame.T_world_camera is not None
        depth = stored.astype(np.float32) * np.float32(TRUTH_UNIT_M)
        T = inverse(frame.T_world_camera)
        uv, z = frame.depth_camera.project(points @ T[:3, :3].T + T[:3, 3])
        h, w = depth.shape
        with np.errstate(invalid="ignore"):
            at = np.flatnonzero(
                (z > 0.4) & (z < DEPTH_MAX_M - 0.5) & (uv > 0).all(axis=1) & (uv < (w - 1, h - 1)).all(axis=1)
            )
        x, y = np.rint(uv[at]).astype(int).T
        out[at[np.abs(depth[y, x] - z[at]) < 0.004]] = True
    return out


def _ours(frames: list[Frame]) -> Mesh:
    fusion = DepthFusion(voxel_m=VOXEL_M, max_depth_m=DEPTH_MAX_M)
    for frame in frames:
        assert frame.T_world_camera is not None
        fusion.add(frame, frame.T_world_camera)
    return fusion.mesh()


def _open3d(frames: list[Frame]) -> Mesh:
    # What one frame saw counts, as with ours in so short scans.
    mesh, _ = fuse(frames, VOXEL_M, DEPTH_MAX_M, 0.5)
    return Mesh(np.asarray(mesh.vertices).astype(np.float32), np.asarray(mesh.triangles).astype(np.int32))
