"""Walls looked at again: some of a capture's pictures, kept small, rectified onto a wall's plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

import numpy as np

from sceneforge.core import Camera, Frame
from sceneforge.core.arrays import Float32, Float64, Int32, UInt8

KEPT = 64
"""Pictures kept of a capture: 30 MB, and a wall of a room is in a dozen of them."""
WIDTH = 320
"""Their width: a pixel is a centimetre wide at 3 m."""


@dataclass(frozen=True)
class KeptView:
    """One picture with its depth, made small."""

    color: UInt8
    """(h, w, 3) sRGB, brought to the exposure of the capture's other pictures."""
    clipped: UInt8
    """(h, w) 1 where the camera was at its limit."""
    depth: Float32
    """(h, w) metres, 0 = none."""
    camera: Camera
    """Of the colour."""
    depth_camera: Camera
    """Of the depth."""


@dataclass(frozen=True)
class WallSight:
    """What pictures show at points of a wall. A picture counts where nothing was measured before the point."""

    looks: Int32
    """(N,) pictures that show the point."""
    silent: Int32
    """(N,) of these, how many without a depth reading there: glass, black, far."""
    on: Int32
    """(N,) with a reading on the wall."""
    beyond: Int32
    """(N,) with a reading behind it."""
    clipped: Int32
    """(N,) in how many the point is at the camera's limit."""
    color: Float32
    """(N, 3) mean sRGB, near and straight views first; 0 where none."""


def kept(frame: Frame, gain: Float64) -> KeptView:
    """A frame made small.

    Args:
        frame: The frame.
        gain: (3,) factor that brings its bytes to the common exposure.
    """
    import cv2

    h, w = frame.color.shape[:2]
    size = (min(WIDTH, w), max(round(h * min(WIDTH, w) / w), 1))
    color = cv2.resize(frame.color, size, interpolation=cv2.INTER_AREA)
    step = max(frame.depth.shape[1] // WIDTH, 1)
    depth = np.ascontiguousarray(frame.depth[::step, ::step])
    d = frame.depth_camera
    depth_camera = Camera(depth.shape[1], depth.shape[0], d.fx / step, d.fy / step, d.cx / step, d.cy / step)
    clipped = (color.min(axis=2) >= 245).astype(np.uint8)
    even = np.clip(color * gain.astype(np.float32) + 0.5, 0, 255).astype(np.uint8)
    return KeptView(even, clipped, depth, frame.camera.resized(*size), depth_camera)


def look_at_wall(
    points: Float64, normal: Float64, views: Sequence[KeptView], poses: Sequence[Float64], reach_m: float
) -> WallSight:
    """Gather what the pictures show at points of a wall.

    Args:
        points: (N, 3) world.
        normal: (3,) the wall's, into free space.
        views: Pictures.
        poses: (4, 4) camera-to-world of each.
        reach_m: Farther looks do not count.
    """
    n = len(points)
    counts, color, weight = np.zeros((n, 5), np.int32), np.zeros((n, 3), np.float32), np.zeros(n, np.float32)
    kernel = _kernel()
    p = np.ascontiguousarray(points, dtype=np.float64)
    box = _corners(p)
    for view, T in zip(views, poses, strict=True):
        if float((p[0] - T[:3, 3]) @ normal) >= 0:
            continue  # behind the wall
        if not _may_show(box, view.camera, T):
            continue
        kernel(
            p,
            np.ascontiguousarray(normal, dtype=np.float64),
            np.ascontiguousarray(T, dtype=np.float64),
            _intrinsics(view.camera),
            _intrinsics(view.depth_camera),
            view.color,
            view.clipped,
            view.depth,
            reach_m,
            counts,
            color,
            weight,
        )
    mean = color / np.maximum(weight, 1e-9)[:, None]
    looks, silent, on, beyond, clipped = np.ascontiguousarray(counts.T)
    return WallSight(looks, silent, on, beyond, clipped, mean.astype(np.float32))


def _corners(points: Float64) -> Float64:
    """(8, 3) corners of the box around points."""
    ends = np.stack([points.min(axis=0), points.max(axis=0)])
    return np.stack(np.meshgrid(*ends.T, indexing="ij"), axis=-1).reshape(-1, 3)


def _may_show(corners: Float64, camera: Camera, T: Float64) -> bool:
    """Whether a box, given by its corners, may be in a picture: not all of it beside the same edge of it."""
    x, y, z = ((corners - T[:3, 3]) @ T[:3, :3]).T
    u, v = camera.fx * x + camera.cx * z, camera.fy * y + camera.cy * z
    beside = (z < 0.0, u < 0.0, u > camera.width * z, v < 0.0, v > camera.height * z)
    return not any(bool(side.all()) for side in beside)


def _intrinsics(c: Camera) -> Float64:
    return np.array([c.fx, c.fy, c.cx, c.cy])


@cache
def _kernel() -> Callable[..., None]:
    """Compiled on first use, then read from numba's cache."""
    from numba import njit

    @njit(cache=True)
    def gather(
        points: Float64,
        normal: Float64,
        T: Float64,
        K: Float64,
        K_depth: Float64,
        color: UInt8,
        clipped: UInt8,
        depth: Float32,
        reach: float,
        counts: Int32,
        total: Float32,
        weight: Float32,
    ) -> None:
        h, w = clipped.shape
        dh, dw = depth.shape
        margin = 0.12 * w
        for i in range(len(points)):
            away = np.zeros(3)
            for k in range(3):
                away[k] = points[i, k] - T[k, 3]
            x = away[0] * T[0, 0] + away[1] * T[1, 0] + away[2] * T[2, 0]
            y = away[0] * T[0, 1] + away[1] * T[1, 1] + away[2] * T[2, 1]
            z = away[0] * T[0, 2] + away[1] * T[1, 2] + away[2] * T[2, 2]
            if z < 0.3:
                continue
            u, v = K[0] * x / z + K[2], K[1] * y / z + K[3]
            if not (1 <= u < w - 2 and 1 <= v < h - 2):
                continue
            far = np.sqrt(x * x + y * y + z * z)
            facing = -(away[0] * normal[0] + away[1] * normal[1] + away[2] * normal[2]) / far
            if facing < 0.2 or far > reach:
                continue
            du, dv = round(K_depth[0] * x / z + K_depth[2]), round(K_depth[1] * y / z + K_depth[3])
            state = 0  # no reading
            tolerance = 0.05 + 0.004 * z * z
            if 0 <= du < dw and 0 <= dv < dh:
                d = depth[dv, du]
                if d > 0:
                    # Distances across the wall, so that grazing looks are not judged by their depth alone.
                    off = (d - z) * far / z * facing
                    state = 3 if off < -tolerance else (2 if off > tolerance else 1)
                else:
                    # At the border of what stands before the wall there is often no reading either.
                    for b in range(max(dv - 3, 0), min(dv + 4, dh)):
                        for a in range(max(du - 3, 0), min(du + 4, dw)):
                            if depth[b, a] > 0 and (depth[b, a] - z) * far / z * facing < -0.15:
                                state = 3
            if state == 3:
                continue
            counts[i, 0] += 1
            counts[i, 1 + state] += 1  # silent, on, beyond
            border = min(min(u, w - 1 - u), min(v, h - 1 - v))
            share = min(border / margin, 1.0) * facing / (far * far)
            iu, iv = int(u), int(v)
            fu, fv = u - iu, v - iv
            for k in range(3):
                one = color[iv, iu, k] * (1 - fu) + color[iv, iu + 1, k] * fu
                two = color[iv + 1, iu, k] * (1 - fu) + color[iv + 1, iu + 1, k] * fu
                total[i, k] += share * (one * (1 - fv) + two * fv)
            weight[i] += share
            if clipped[round(v), round(u)]:
                counts[i, 4] += 1

    return cast("Callable[..., None]", gather)
