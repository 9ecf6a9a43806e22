"""`sceneforge bench simplify`: triangles that an error bound leaves, beside Open3D's quadric decimation.

The peer gets what ours came to: once the same number of triangles, and once as many as it needs for the same error,
found by bisection. Errors are measured the same way for both, in both directions: the distance that 999 of 1000 keep.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import Mesh, Scan
from sceneforge.io import load
from sceneforge.perception.decimation import SAMPLES, decimate, distances, samples
from sceneforge.perception.fusion import DepthFusion

from .cases import posed_scans
from .machine import machine

BOUNDS_MM = (5.0,)
STEPS = 7
BORDER_WEIGHT = 10.0
"""Open borders in the peer: with its default of 1 their corners are cut off first."""


def bench(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Triangles, errors in millimetres and processor seconds on every posed capture under `data`.

    Returns:
        {"name", "ours", "peers", "ratio", "machine"}: per capture and bound "triangles", "forward_mm" (vertices before
        to the surface now), "backward_mm" (points of the surface now to the one before), "largest_mm", "cpu_s"; peers
        "open3d_equal_error" (seconds of the last run alone) and "open3d_equal_triangles"; "ratio": triangles at equal
        error over ours.
    """
    ours: dict[str, Any] = {}
    error: dict[str, Any] = {}
    count: dict[str, Any] = {}
    for path in posed_scans(data):
        mesh = _fused(path)
        decimate(Mesh(mesh.vertices[:3].copy(), np.array([[0, 1, 2]], np.int32)), 0.01)  # compiles
        for bound in BOUNDS_MM:
            key = f"{path.name} {bound:g} mm"
            start = time.process_time()
            light = decimate(mesh, bound / 1000).mesh
            ours[key] = _facts(mesh, light, time.process_time() - start) | {"triangles_before": len(mesh.faces)}
            count[key] = _facts(mesh, *_open3d(mesh, len(light.faces)))
            error[key] = _at_error(mesh, ours[key]["forward_mm"])
    ratio = {key: round(error[key]["triangles"] / ours[key]["triangles"], 2) for key in ours}
    peers = {"open3d_equal_error": error, "open3d_equal_triangles": count}
    return {"name": "simplify", "ours": ours, "peers": peers, "ratio": ratio, "machine": machine()}


def _fused(path: Path) -> Mesh:
    scan = load(path)
    assert isinstance(scan, Scan)
    fusion = DepthFusion()
    used = [i for i, s in enumerate(scan.sources) if s.T_world_camera is not None and s.problem is None]
    for frame in scan.frames(used, bad=[]):
        assert frame.T_world_camera is not None
        fusion.add(frame, frame.T_world_camera)
    return fusion.mesh()


def _open3d(mesh: Mesh, triangles: int) -> tuple[Mesh, float]:
    import open3d as o3d

    whole = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(mesh.vertices.astype(np.float64)),
        o3d.utility.Vector3iVector(np.array(mesh.faces, np.int32)),
    )
    start = time.process_time()
    light = whole.simplify_quadric_decimation(triangles, boundary_weight=BORDER_WEIGHT)
    spent = time.process_time() - start
    return Mesh(np.asarray(light.vertices).astype(np.float32), np.asarray(light.triangles).astype(np.int32)), spent


def _at_error(mesh: Mesh, forward_mm: float) -> dict[str, float]:
    low, high = 4, len(mesh.faces)
    best = (mesh, 0.0)
    for _ in range(STEPS):
        middle = (low + high) // 2
        light, spent = _open3d(mesh, middle)
        if 1000 * np.quantile(distances(mesh.vertices, light.vertices, light.faces), 0.999) <= forward_mm:
            best, high = (light, spent), middle
        else:
            low = middle
    return _facts(mesh, *best)


def _facts(mesh: Mesh, light: Mesh, spent: float) -> dict[str, float]:
    forward = distances(mesh.vertices, light.vertices, light.faces)
    backward = distances(samples(light.vertices, light.faces, SAMPLES)[0], mesh.vertices, mesh.faces)
    return {
        "triangles": len(light.faces),
        "forward_mm": round(1000 * float(np.quantile(forward, 0.999)), 3),
        "backward_mm": round(1000 * float(np.quantile(backward, 0.999)), 3),
        "largest_mm": round(1000 * float(forward.max()), 3),
        "cpu_s": round(spent, 2),
    }
