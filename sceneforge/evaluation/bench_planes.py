"""`sceneforge bench planes`: planes of single depth images, against exact truth, beside Open3D in the same run.

The truth is ray-cast: rooms with boxes and columns, with the noise and the disparity steps of a structured-light
sensor. Captures under `--data` add time, the share of pixels explained and how well the planes fit them. Times are
processor time, so that a busy machine does not matter; peers work on every fourth pixel, as their users do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, FrameError, Scan, SceneForgeError, UsageError
from sceneforge.core.arrays import Float32

from .machine import machine
from .planar_views import CAMERA, furnished_view, noisy

Ids = NDArray[np.integer[Any]]
Method = Callable[[Float32, Camera], Ids]
VIEWS = 12
FRAMES = 10
"""Frames per capture, evenly chosen."""
MIN_PIXELS = 3000
"""True planes with fewer pixels are not judged: one percent of the image."""


def bench(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Quality on exact views and, under `data`, time and fit on captures.

    Returns:
        {"name", "ours", "peers", "machine"}. Per method "exact": mean best IoU of true planes, share found at IoU 0.8,
        share of curved pixels taken for a plane, milliseconds; and "captures": per capture milliseconds (median and
        largest), planes per frame, share of pixels explained, median distance of pixels to their plane's own fit.
    """
    methods: dict[str, Method] = {"ours": _ours, "open3d_patches": _patches, "open3d_ransac": _ransac}
    captures = _captures(data) if data is not None else {}
    results = {
        name: {"exact": _exact(method, seed), "captures": {c: _capture(method, s) for c, s in captures.items()}}
        for name, method in methods.items()
    }
    return {
        "name": "planes",
        "ours": results.pop("ours"),
        "peers": results,
        "machine": machine(),
    }


def _ours(depth: Float32, camera: Camera) -> Ids:
    from sceneforge.perception.frame_planes import segment_planes

    return segment_planes(depth, camera).ids


def _exact(method: Method, seed: int) -> dict[str, float]:
    overlaps: list[float] = []
    curved_taken, curved_all = 0, 0
    spent: list[float] = []
    for view in range(VIEWS):
        exact, truth, curved = furnished_view(1000 * seed + view)
        depth = _stepped(noisy(exact, view, 0.0015))
        ids, ms = _timed(method, depth, CAMERA, warm=view == 0)
        spent.append(ms)
        # As many cylinder pixels as a plane holds; frayed rims of planes around it are not its.
        curved_taken += int(((ids > 0) & curved).sum())
        curved_all += int(curved.sum())
        overlaps.extend(_best_overlaps(ids, truth, curved))
    return {
        "planes": len(overlaps),
        "iou": round(float(np.mean(overlaps)), 4),
        "found_at_80": round(float(np.mean(np.array(overlaps) > 0.8)), 4),
        "curved_taken": round(curved_taken / max(curved_all, 1), 4),
        "ms_median": round(float(np.median(spent)), 2),
    }


def _stepped(depth: Float32, step: float = 0.00285) -> Float32:
    """Depth in the steps of a Kinect's disparity: 2.85 mm at 1 m, growing with the square of distance."""
    with np.errstate(divide="ignore"):
        q = np.round(1 / depth.astype(np.float64) / step) * step
    return np.where(depth > 0, 1 / q, 0).astype(np.float32)


def _best_overlaps(ids: Ids, truth: NDArray[np.int64], curved: NDArray[np.bool_]) -> list[float]:
    out = []
    for label in np.unique(truth[(truth > 0) & ~curved]):
        mine = truth == label
        if mine.sum() < MIN_PIXELS:
            continue
        found, counts = np.unique(ids[mine], return_counts=True)
        pairs = [(k, n) for k, n in zip(found, counts, strict=True) if k > 0]
        out.append(max((float(n / ((ids == k).sum() + mine.sum() - n)) for k, n in pairs), default=0.0))
    return out


def _captures(data: Path) -> dict[str, Scan]:
    from sceneforge.io import load

    found: dict[str, Scan] = {}
    for path in (data, *sorted(d for d in data.iterdir() if d.is_dir())):
        try:
            capture = load(path)
        except SceneForgeError:
            continue
        if isinstance(capture, Scan):
            found[path.name] = capture
    if not found:
        raise UsageError(f"{data} holds no RGB-D capture")
    return found


def _capture(method: Method, scan: Scan) -> dict[str, float]:
    spent: list[float] = []
    explained: list[float] = []
    distance: list[float] = []
    counts: list[int] = []
    for i in np.unique(np.linspace(0, len(scan) - 1, FRAMES).astype(int)):
        source = scan.sources[i]
        try:
            depth = source.read_depth()
        except FrameError:
            continue
        ids, ms = _timed(method, depth, source.depth_camera, warm=not spent)
        spent.append(ms)
        counts.append(len(np.unique(ids[ids > 0])))
        explained.append(float((ids[depth > 0] > 0).mean()) if (depth > 0).any() else 0.0)
        if (ids > 0).any():
            distance.append(_own_fit(source.depth_camera.backproject(depth), ids))
    return {
        "frames": len(spent),
        "ms_median": round(float(np.median(spent)), 2),
        "ms_max": round(float(np.max(spent)), 2),
        "planes_per_frame": round(float(np.mean(counts)), 1),
        "explained": round(float(np.mean(explained)), 4),
        "own_fit_mm": round(1e3 * float(np.mean(distance)), 2) if distance else 0.0,
    }


def _timed(method: Method, depth: Float32, camera: Camera, *, warm: bool) -> tuple[Ids, float]:
    """Ids and milliseconds of processor time; the first call of a series is repeated, so that nothing is compiled."""
    if warm:
        method(depth, camera)
    start = time.process_time()
    ids = method(depth, camera)
    return ids, 1e3 * (time.process_time() - start)


def _own_fit(points: Float32, ids: Ids) -> float:
    """Median distance (m) of pixels to a least-squares plane through their plane's pixels."""
    off = []
    for k in np.unique(ids[ids > 0]):
        p = points[ids == k].astype(np.float64)
        p = p[p[:, 2] > 0]
        if len(p) >= 200:
            d = p - p.mean(0)
            off.append(np.abs(d @ np.linalg.eigh(d.T @ d)[1][:, 0]))
    return float(np.median(np.concatenate(off))) if off else 0.0


def _strided(depth: Float32, camera: Camera) -> tuple[Float32, NDArray[np.float64]]:
    points = camera.backproject(depth)
    some = points[::4, ::4].reshape(-1, 3)
    return points, some[some[:, 2] > 0].astype(np.float64)


def _patches(depth: Float32, camera: Camera) -> Ids:
    """Open3D `detect_planar_patches`, pixels given to the nearest patch within 2 cm."""
    import open3d as o3d

    points, some = _strided(depth, camera)
    ids = np.zeros(depth.shape, np.uint16)
    if len(some) < 100:
        return ids
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(some))
    cloud.estimate_normals(o3d.geometry.KDTreeSearchParamKNN(30))
    cloud.orient_normals_towards_camera_location(np.zeros(3))
    patches = cloud.detect_planar_patches(
        normal_variance_threshold_deg=60,
        coplanarity_deg=75,
        outlier_ratio=0.75,
        min_plane_edge_length=0,
        min_num_points=int(0.02 * len(some)),
        search_param=o3d.geometry.KDTreeSearchParamKNN(30),
    )
    best = np.full(depth.shape, 0.02)
    for k, patch in enumerate(patches):
        local = np.abs((points - patch.center) @ patch.R)
        half = np.asarray(patch.extent) / 2 + 0.01
        near = (local[..., 0] < half[0]) & (local[..., 1] < half[1]) & (local[..., 2] < best) & (depth > 0)
        ids[near], best[near] = k + 1, local[near, 2]
    return ids


def _ransac(depth: Float32, camera: Camera) -> Ids:
    """Open3D `segment_plane`, again and again on what is left, within 1.5 cm."""
    import open3d as o3d

    points, rest = _strided(depth, camera)
    ids = np.zeros(depth.shape, np.uint16)
    o3d.utility.random.seed(0)
    least = max(100, int(0.04 * len(rest)))
    for k in range(6):
        if len(rest) < least:
            break
        cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(rest))
        model, inliers = cloud.segment_plane(0.015, 3, 500)
        if len(inliers) < least:
            break
        off = np.abs(points @ model[:3] + model[3])
        ids[(ids == 0) & (off < 0.015) & (depth > 0)] = k + 1
        rest = np.delete(rest, inliers, axis=0)
    return ids
