"""`sceneforge bench large_scan`: fusing a walk along corridors far larger than the memory limit, with and without it.

The walk is made up: a corridor with pillars and benches, ray-cast from a camera that looks ahead and to both sides.
Every run has a process of its own, so that peak memory is its own; that of a walk of one step is taken off.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import Camera, Frame, UsageError
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import make_transform

from .machine import machine

CAMERA = Camera(320, 240, 262.5, 262.5, 159.5, 119.5)
LENGTHS_M = (40, 120)
LIMIT_MB = 64
UNLIMITED_MB = 2**20
STEP_M = 0.4
WIDE_M, HIGH_M = 2.6, 2.5


def bench(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Peak memory and time over the length of the walk.

    Returns:
        {"name", "ours", "peers", "machine"}: "ours" with a limit of 64 MiB, the peer "unlimited" without; per length
        in metres "peak_mb" above that of a walk of one step, "mesh_mb" (the result, part of the peak), "disk_mb",
        "blocks", "cpu_s" of fusion and of meshing, and the mesh's digest, which is the same for both.

    Raises:
        UsageError: `data` is given: the walk is made up.
    """
    if data is not None:
        raise UsageError("the walk of this benchmark is made up; leave out --data")
    out: dict[str, dict[str, Any]] = {"limited": {}, "unlimited": {}}
    for name, limit in (("limited", LIMIT_MB), ("unlimited", UNLIMITED_MB)):
        least = _apart(STEP_M, limit, seed)["peak_mb"]
        for length in LENGTHS_M:
            found = _apart(length, limit, seed)
            out[name][str(length)] = {**found, "peak_mb": found["peak_mb"] - least}
    return {
        "name": "large_scan",
        "ours": out["limited"],
        "peers": {"unlimited": out["unlimited"]},
        "machine": machine(),
    }


def _apart(length_m: float, limit_mb: float, seed: int) -> dict[str, Any]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (length_m, limit_mb, seed))


def _measure(length_m: float, limit_mb: float, seed: int) -> dict[str, Any]:
    from sceneforge._report import peak_rss_mb
    from sceneforge.perception.fusion import DepthFusion

    fusion = DepthFusion(memory_mb=limit_mb)
    spent = 0.0
    for frame in walk(length_m, seed):
        assert frame.T_world_camera is not None
        start = time.process_time()
        fusion.add(frame, frame.T_world_camera)
        spent += time.process_time() - start
    start = time.process_time()
    mesh = fusion.mesh()
    assert mesh.colors is not None
    arrays = (mesh.vertices, mesh.faces, mesh.colors)
    return {
        "peak_mb": peak_rss_mb(),
        "mesh_mb": sum(a.nbytes for a in arrays) // 2**20,
        "disk_mb": fusion.bytes_on_disk // 2**20,
        "blocks": fusion.blocks,
        "frames": fusion.frames,
        "cpu_s": {"fuse": round(spent, 2), "mesh": round(time.process_time() - start, 2)},
        "mesh": hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()[:16],
    }


def walk(length_m: float, seed: int) -> Iterator[Frame]:
    """Frames of a walk down the corridor: at every step one ahead, one to the left, one to the right."""
    import open3d as o3d

    rng = np.random.default_rng(seed)
    scene = o3d.t.geometry.RaycastingScene()
    shapes = [(WIDE_M, HIGH_M, length_m + 4.0, -WIDE_M / 2, 0.0, -2.0)]
    for z in np.arange(0.5, length_m + 2, 1.6):
        side = float(rng.choice([-1.0, 1.0]))
        wide, high = rng.uniform(0.2, 0.5), rng.choice([0.45, 2.0])
        shapes.append((wide, high, rng.uniform(0.2, 1.2), side * (WIDE_M / 2 - 0.1) - wide / 2, 0.0, float(z)))
    for dx, dy, dz, x, y, z in shapes:
        block = o3d.t.geometry.TriangleMesh.create_box(dx, dy, dz)
        block.translate(o3d.core.Tensor([x, y, z], o3d.core.float32))
        scene.add_triangles(block)
    rays = CAMERA.rays().reshape(-1, 3).astype(np.float64)
    number = 0
    for z in np.arange(0, length_m, STEP_M):
        for angle in (0.0, 1.1, -1.1):
            T = _pose(float(z), angle + 0.1 * float(rng.standard_normal()))
            turned = rays @ T[:3, :3].T
            origin = np.broadcast_to(T[:3, 3], turned.shape)
            hits = scene.cast_rays(o3d.core.Tensor(np.concatenate([origin, turned], axis=1).astype(np.float32)))
            depth = hits["t_hit"].numpy().reshape(CAMERA.shape)
            depth = depth + (0.0015 * depth**2 * rng.standard_normal(depth.shape)).astype(np.float32)
            shade = (hits["primitive_normals"].numpy().reshape(*CAMERA.shape, 3) * 60 + 128).astype(np.uint8)
            yield Frame(number, f"{number}", float(number), shade, depth.astype(np.float32), CAMERA, CAMERA, T)
            number += 1


def _pose(z: float, angle: float) -> Float64:
    """T_world_camera (4, 4) at eye height, turned by `angle` from straight ahead, a little downwards."""
    ahead = np.array([np.sin(angle), -0.15, np.cos(angle)])
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, (0, 1, 0))
    right /= np.linalg.norm(right)
    return make_transform(np.stack([right, np.cross(ahead, right), ahead], axis=1), (0, 1.5, z))
