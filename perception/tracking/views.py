"""What is kept of a frame: its features and a small point map, never its images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core import Frame
from sceneforge.core.arrays import Float32, Float64, UInt8

MAP_SIZE = 160
"""Point maps have at least this many samples along the longer side (fewer if the depth image has)."""
FEATURES = 1000
"""At most this many features per frame."""
PICTURE_SIZE = 640
"""Colour images are reduced to this before features are sought: their position noise is then alike in all captures."""


@dataclass(frozen=True)
class View:
    """One frame, reduced."""

    index: int
    """Frame index in the scan."""
    timestamp_s: float
    """Seconds."""
    points: Float32
    """(h, w, 3) point map in camera axes, metres; zero where there is no depth."""
    normals: Float32
    """(h, w, 3) unit normals towards the camera, zero where unclear."""
    shade: Float32
    """(h, w) luminance less its surroundings' mean, 0..255 scale."""
    camera: Float64
    """(4,) fx, fy, cx, cy of the maps."""
    rays: Float64
    """(n, 2) features' normalised image coordinates x / z, y / z."""
    depth: Float64
    """(n,) features' z-depth in metres, 0 = unknown."""
    descriptors: UInt8
    """(n, 128) root-SIFT."""
    pixel: float
    """One pixel of the picture the features were found in, in normalised coordinates."""


def make_view(frame: Frame) -> View | str:
    """Reduce a frame, or say why it cannot be tracked."""
    import cv2

    if int(frame.color.max()) < 10 or float(frame.color.std()) < 1.0:
        return "its colour image is black or blank"
    if np.count_nonzero(frame.depth > 0) < 0.01 * frame.depth.size:
        return "it has no depth readings to speak of"
    from .features import detect
    from .kernels import surface_normals

    points, camera = point_map(frame)
    if np.count_nonzero(points[..., 2] > 0) < 100:
        return "it has no depth readings to speak of"
    normals = surface_normals(points, 2, 0.03)
    grey: UInt8 = np.asarray(cv2.cvtColor(frame.color, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    shade = _shade(grey, frame, camera, (points.shape[0], points.shape[1]))
    factor = PICTURE_SIZE / max(grey.shape)
    if factor < 0.8:
        size = (round(grey.shape[1] * factor), round(grey.shape[0] * factor))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    small = frame.camera.resized(grey.shape[1], grey.shape[0])
    xy, descriptors = detect(grey, FEATURES)
    rays = np.column_stack([(xy[:, 0] - small.cx) / small.fx, (xy[:, 1] - small.cy) / small.fy])
    depth = feature_depth(frame, rays)
    pixel = 2.0 / (small.fx + small.fy)
    return View(frame.index, frame.timestamp_s, points, normals, shade, camera, rays, depth, descriptors, pixel)


def point_map(frame: Frame) -> tuple[Float32, Float64]:
    """Reduced point map (h, w, 3) and its camera (4,) fx, fy, cx, cy.

    Blocks take the mean of the readings close to their median, so that noise falls and edges do not smear.
    """
    depth, cam = frame.depth, frame.depth_camera
    step = max(1, max(depth.shape) // MAP_SIZE)
    h, w = depth.shape[0] // step, depth.shape[1] // step
    blocks = depth[: h * step, : w * step].reshape(h, step, w, step).swapaxes(1, 2).reshape(h, w, step * step)
    valid = blocks > 0
    count = valid.sum(axis=2)
    ordered = np.sort(blocks, axis=2)
    pick = np.clip(step * step - 1 - count // 2, 0, step * step - 1)
    middle = np.take_along_axis(ordered, pick[..., None], axis=2)
    near = valid & (np.abs(blocks - middle) < 0.02 * middle)
    total = near.sum(axis=2)
    z = np.where(near, blocks, 0).sum(axis=2, dtype=np.float64) / np.maximum(total, 1)
    z[(count * 2 < step * step) | (total * 2 < count)] = 0
    small = cam.resized(w, h) if (h * step, w * step) == cam.shape else None
    if small is None:  # blocks at the far border were cut off
        fx, fy = cam.fx / step, cam.fy / step
        cx, cy = (cam.cx + 0.5) / step - 0.5, (cam.cy + 0.5) / step - 0.5
    else:
        fx, fy, cx, cy = small.fx, small.fy, small.cx, small.cy
    x, y = (np.arange(w) - cx) / fx, (np.arange(h) - cy) / fy
    points = np.stack([x[None, :] * z, y[:, None] * z, z], axis=-1).astype(np.float32)
    return points, np.array([fx, fy, cx, cy])


def feature_depth(frame: Frame, rays: Float64) -> Float64:
    """Depth (n,) at normalised image coordinates (n, 2): median of 3x3 readings, 0 where they disagree or lack."""
    depth, cam = frame.depth, frame.depth_camera
    u = np.rint(rays[:, 0] * cam.fx + cam.cx).astype(np.int64)
    v = np.rint(rays[:, 1] * cam.fy + cam.cy).astype(np.int64)
    inside = (u >= 1) & (v >= 1) & (u < cam.width - 1) & (v < cam.height - 1)
    u, v = np.where(inside, u, 1), np.where(inside, v, 1)
    offsets = np.arange(-1, 2)
    patch = depth[v[:, None, None] + offsets[None, :, None], u[:, None, None] + offsets[None, None, :]].reshape(-1, 9)
    patch = np.where(patch > 0, patch, np.nan).astype(np.float64)
    known = np.isfinite(patch).sum(axis=1)
    patch[known == 0] = 0
    middle = np.nanmedian(patch, axis=1)
    spread = np.nanmax(patch, axis=1) - np.nanmin(patch, axis=1)
    good = inside & (known >= 5) & (middle > 0.05) & (spread < 0.05 * middle + 0.01)
    return np.where(good, middle, 0.0)


def _shade(grey: UInt8, frame: Frame, camera: Float64, shape: tuple[int, int]) -> Float32:
    """Luminance at the point map's pixels less its neighbourhood's mean: exposure changes fall out."""
    import cv2

    cam = frame.camera
    factor = min(1.0, camera[0] / cam.fx)
    size = (max(1, round(cam.width * factor)), max(1, round(cam.height * factor)))
    reduced = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    small = cam.resized(*size)
    x = ((np.arange(shape[1]) - camera[2]) / camera[0] * small.fx + small.cx).astype(np.float32)
    y = ((np.arange(shape[0]) - camera[3]) / camera[1] * small.fy + small.cy).astype(np.float32)
    map_x, map_y = np.meshgrid(x, y)
    luminance = cv2.remap(reduced, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(luminance - cv2.GaussianBlur(luminance, (0, 0), 6.0), dtype=np.float32)
