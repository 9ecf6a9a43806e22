"""`sceneforge bench understand`: our whole understanding against a plain Open3D pipeline, from the same files.

The peer does what a tutorial does: read a frame, integrate it into a tensor TSDF of 2 cm voxels with colour, extract
the mesh, and detect planar patches on it. Ours does that and gravity, bounded polygons, labels, objects and relations.
Each runs in a process of its own, so that peak memory is its own; the first run there warms caches and is reported
apart.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from sceneforge.core import Scan

from .cases import posed_scans
from .machine import machine
from .open3d_fusion import fuse

VOXEL_M = 0.02
DEPTH_MAX_M = 4.5
RUNS = 3


def bench(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Time and memory on every posed capture under `data` (default: the embedded sample).

    Returns:
        {"name", "ours", "peers", "ratio", "machine"}: per capture the median seconds of three warm runs, likewise
        of processor time (all threads: what a busy machine does not change), the first run's seconds, frames per
        second, peak memory, and ours / peer. "memory_growth" is the peak memory of a scan repeated
        four times over that of the scan once.
    """
    ours: dict[str, Any] = {}
    peer: dict[str, Any] = {}
    ratio: dict[str, Any] = {}
    for path in posed_scans(data):
        ours[path.name] = _apart("ours", path, seed, RUNS)
        peer[path.name] = _apart("peer", path, seed, RUNS)
        once, four = (_apart("ours", path, seed, 0, repeat)["peak_rss_mb"] for repeat in (1, 4))
        ours[path.name]["memory_growth"] = round(four / once, 3)
        ratio[path.name] = {
            name: round(ours[path.name][key] / peer[path.name][key], 3)
            for name, key in (("seconds", "seconds"), ("cpu_seconds", "cpu_seconds"), ("peak_rss", "peak_rss_mb"))
        }
    return {"name": "understand", "ours": ours, "peers": {"open3d": peer}, "ratio": ratio, "machine": machine()}


def _apart(who: str, path: Path, seed: int, warm_runs: int, repeat: int = 1) -> dict[str, Any]:
    """Run in a fresh interpreter."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (who, str(path), seed, warm_runs, repeat))


def _measure(who: str, path: str, seed: int, warm_runs: int, repeat: int) -> dict[str, Any]:
    from sceneforge._report import peak_rss_mb

    seconds: list[float] = []
    spent: list[float] = []
    facts: dict[str, Any] = {}
    for _ in range(warm_runs + 1):
        start, start_cpu = time.perf_counter(), time.process_time()
        facts = _ours(path, seed, repeat) if who == "ours" else _plain_open3d(path)
        seconds.append(time.perf_counter() - start)
        spent.append(time.process_time() - start_cpu)
    median = statistics.median(seconds[1:] or seconds)
    return {
        **facts,
        "seconds": round(median, 3),
        "cpu_seconds": round(statistics.median(spent[1:] or spent), 3),
        "first_seconds": round(seconds[0], 3),
        "fps": round(facts["frames"] / median, 2),
        "peak_rss_mb": peak_rss_mb(),
    }


def _ours(path: str, seed: int, repeat: int) -> dict[str, Any]:
    from sceneforge.io import load
    from sceneforge.pipeline import understand

    scan = load(path)
    assert isinstance(scan, Scan)
    scan = replace(scan, sources=scan.sources * repeat)
    scene = understand(scan, voxel_m=VOXEL_M, max_depth_m=DEPTH_MAX_M, seed=seed)
    assert scene.mesh is not None
    return {"frames": len(scan), "triangles": len(scene.mesh.faces), "planes": len(scene.planes)}


def _plain_open3d(path: str) -> dict[str, Any]:
    import open3d as o3d

    from sceneforge.io import load

    scan = load(path)
    assert isinstance(scan, Scan)
    posed = (i for i, s in enumerate(scan.sources) if s.T_world_camera is not None and not s.problem)
    mesh, frames = fuse((scan.read(i) for i in posed), VOXEL_M, DEPTH_MAX_M, 2.0)
    mesh.compute_vertex_normals()
    cloud = o3d.geometry.PointCloud(mesh.vertices)
    cloud.normals = mesh.vertex_normals
    patches = cloud.detect_planar_patches(
        normal_variance_threshold_deg=60,
        coplanarity_deg=75,
        outlier_ratio=0.75,
        min_plane_edge_length=0.2,
        min_num_points=100,
        search_param=o3d.geometry.KDTreeSearchParamKNN(knn=30),
    )
    return {"frames": frames, "triangles": len(mesh.triangles), "planes": len(patches)}
