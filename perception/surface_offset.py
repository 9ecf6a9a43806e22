"""How far a surface lies from the plane that stands for it, by those readings that are worth most.

Depth cameras see what is far too far: on one recorded floor the mean reading lies 6 cm lower at three metres than at
one. A plane fitted to a whole scan then lies below the floor that the pictures show best, and things on a surface are
told from it by centimetres. Readings from near, which err least, say where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from sceneforge.core import Frame, FrameError, Plane, Scan, Scene
from sceneforge.core.arrays import Float64

FRAMES: Final = 24
"""Frames that are looked at, evenly spread."""
COLUMNS: Final = 80
"""Readings taken across a depth picture."""
MOST_M: Final = 0.08
"""Farther from its plane no surface is looked for."""
LEAST_M: Final = 0.015
"""What is less is no matter: rugs stand out by as much, and sensors err by it."""
LEAST_READINGS: Final = 300
STEP_M: Final = 0.002
BLUR_M: Final = 0.008
"""Of the histogram of heights."""


def surface_offsets(
    scan: Scan, scene: Scene, groups: Sequence[Sequence[Plane]], frames: Sequence[int], bad: list[FrameError]
) -> list[float]:
    """Metres along its normal by which each group of coplanar planes should be moved; 0 where it lies well.

    The most frequent height of readings over the group's outlines, each counted by the inverse of its variance.

    Args:
        scan: The capture that the scene was understood from.
        scene: For its camera track.
        groups: Coplanar planes, as `surface_mask.coplanar` groups them.
        frames: Indices of tracked frames to choose from.
        bad: Collects frames that cannot be read.
    """
    from .surface_kernels import depth_error

    assert scene.track is not None
    poses = dict(zip(scene.track.indices, scene.track.T_world_camera, strict=True))
    few = np.unique(np.linspace(0, len(frames) - 1, FRAMES).round().astype(int))
    bins = round(2 * MOST_M / STEP_M)
    counts = np.zeros((len(groups), bins))
    readings = np.zeros(len(groups), dtype=np.int64)
    for frame in scan.frames([frames[n] for n in few], bad=bad):
        points, z = _points(frame, poses[frame.index])
        for g, planes in enumerate(groups):
            eye = float(planes[0].to_local(poses[frame.index][:3, 3])[1])
            if eye < 0.1:
                continue
            height, z_there = _over(points, z, planes)
            error = depth_error(z_there) * eye / z_there + 0.002
            at = ((height + MOST_M) / STEP_M).astype(int)
            counts[g] += np.bincount(at, 1 / error**2, bins)[:bins]
            readings[g] += len(height)
    return [_offset(c) if n >= LEAST_READINGS else 0.0 for c, n in zip(counts, readings, strict=True)]


def _points(frame: Frame, T_world_camera: Float64) -> tuple[Float64, Float64]:
    """(n, 3) world points of every few readings, and their z-depth."""
    c = frame.depth_camera
    step = max(1, c.width // COLUMNS)
    v, u = np.mgrid[step // 2 : c.height : step, step // 2 : c.width : step]
    z = frame.depth[v, u].astype(np.float64)
    there = z > 0
    z, u, v = z[there], u[there], v[there]
    points = np.stack([(u - c.cx) / c.fx * z, (v - c.cy) / c.fy * z, z], axis=1)
    return points @ T_world_camera[:3, :3].T + T_world_camera[:3, 3], z


def _over(points: Float64, z: Float64, planes: Sequence[Plane]) -> tuple[Float64, Float64]:
    """Heights over the first plane of the points over any of the outlines, and their z-depth."""
    from shapely import contains_xy
    from shapely.geometry import Polygon

    local = planes[0].to_local(points)
    near = np.abs(local[:, 1]) < MOST_M
    local, z = local[near], z[near]
    inside = np.zeros(len(local), dtype=np.bool_)
    for p in planes:
        ring = planes[0].to_local(p.to_world(p.polygon))[:, [0, 2]]
        inside |= contains_xy(Polygon(ring), local[:, 0], local[:, 2])
    return local[inside, 1], z[inside]


def _offset(counts: Float64) -> float:
    t = np.arange(-15, 16) * STEP_M / BLUR_M
    smooth = np.convolve(counts, np.exp(-0.5 * t * t), mode="same")
    found = (int(smooth.argmax()) + 0.5) * STEP_M - MOST_M
    return found if abs(found) > LEAST_M else 0.0
