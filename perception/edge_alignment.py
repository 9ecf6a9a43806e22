"""Depth edges moved onto colour edges: the scale and shift with which most colour changes under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sceneforge.core import Frame
from sceneforge.core.arrays import Float32, Float64

SCALES = np.linspace(0.9, 1.1, 11)
REACH_PX = 10
"""Farthest shift that a search begins from, in pixels of a picture 640 wide."""
STILL = np.array([1.0, 0.0, 0.0])
"""Neither scaled nor shifted."""


@dataclass(frozen=True)
class EdgeView:
    """The edges of one frame."""

    edges: Float32
    """(n, 3) x and y of depth edges from the principal point in colour pixels, and the axis they are crossed along."""
    steps: Float32
    """(2, H, W) colour step to the next pixel along x and y, with a ceiling."""
    centre: Float64
    """(2,) the stated principal point."""


def edge_view(frame: Frame) -> EdgeView:
    """The edges of a frame, its colour smoothed against noise."""
    import cv2

    from sceneforge.core.depth_edge_kernels import depth_edges

    from .edge_alignment_kernels import color_steps

    c, d = frame.camera, frame.depth_camera
    edges = depth_edges(frame.depth)[:, :3].copy()
    edges[:, 0] = (edges[:, 0] - d.cx) / d.fx * c.fx
    edges[:, 1] = (edges[:, 1] - d.cy) / d.fy * c.fy
    smooth = cv2.GaussianBlur(frame.color, (0, 0), c.width / 640)
    return EdgeView(edges, color_steps(smooth), np.array([c.cx, c.cy]))


def score(views: Sequence[EdgeView], theta: Float64) -> float:
    """Mean colour step under the depth edges, moved by `theta` = (scale, right, down)."""
    from .edge_alignment_kernels import step_under

    total, count = 0.0, 0
    for view in views:
        total += step_under(view.edges, view.steps, view.centre, theta)
        count += len(view.edges)
    return total / max(count, 1)


def search(views: Sequence[EdgeView], unit: float) -> Float64:
    """The best (scale, right, down) anywhere within reach: the best of a grid, then `climb`."""
    shifts = np.arange(-REACH_PX, REACH_PX + 1, 2) * unit
    few = [EdgeView(v.edges[::3], v.steps, v.centre) for v in views]
    grid = [np.array([s, right, down]) for s in SCALES for right in shifts for down in shifts]
    return climb(views, max(grid, key=lambda theta: score(few, theta)), unit)


def climb(views: Sequence[EdgeView], start: Float64, unit: float) -> Float64:
    """The best (scale, right, down) by searching one after the other, ever finer.

    Args:
        views: The edges.
        start: Where to begin.
        unit: Pixels of these pictures per pixel of one 640 wide.
    """
    best, value = start.copy(), score(views, start)
    for grain in (4.0, 2.0, 1.0, 0.5):
        for axis, step in ((1, grain * unit), (2, grain * unit), (0, 0.005 * grain)) * 2:
            for k in (-3, -2, -1, 1, 2, 3):
                trial = best.copy()
                trial[axis] += k * step
                found = score(views, trial)
                if found > value + 1e-9:
                    best, value = trial, found
    return best
