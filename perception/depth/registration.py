"""Where the depth image really lies on the colour image: depth edges moved onto colour edges, over several frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sceneforge.core import Camera, Frame
from sceneforge.core.arrays import Float32, Float64

from .noise import SensorNoise, plane_fits

MIN_EDGE_PIXELS = 400
"""A frame with fewer depth edge pixels says nothing."""
MIN_FRAMES = 4
"""So few frames prove nothing."""
MIN_GAIN = 0.05
"""The colour edge under the depth edges must grow by this share before anything is moved."""
MIN_MOVE_PX = 0.75
"""Smaller moves (somewhere in the picture) are within the sensor's own jitter."""
AGREEMENT_PX = 2.5
"""How far the answers of two halves of the frames may differ: mean over the picture, pixels of one 640 wide."""
SCALES = np.linspace(0.86, 1.14, 15)
REACH_PX = 10
"""Farthest shift tried, in pixels of a picture 640 wide."""


@dataclass(frozen=True)
class Registration:
    """Residual of the given calibration: a depth pixel seen at p belongs at centre + scale (p - centre) + shift."""

    scale: float = 1.0
    """About the colour image's principal point."""
    right_px: float = 0.0
    """Colour pixels."""
    down_px: float = 0.0
    """Colour pixels."""
    gain: float = 0.0
    """How much stronger the colour edges under the depth edges became, as a share."""
    frames: int = 0
    """Frames that took part."""

    def camera(self, given: Camera) -> Camera:
        """The colour camera as the depth edges show it: what was given, with this residual put right."""
        if self.scale == 1 and self.right_px == 0 and self.down_px == 0:
            return given
        return replace(
            given,
            fx=given.fx * self.scale,
            fy=given.fy * self.scale,
            cx=given.cx + self.right_px,
            cy=given.cy + self.down_px,
        )


def register(frames: Sequence[Frame], noise: SensorNoise) -> Registration:
    """Scale and shift that bring depth edges onto colour edges; none where the evidence is weak.

    Args:
        frames: Some frames of a scan.
        noise: The sensor's noise.
    """
    views = [v for v in (_view(f, noise) for f in frames) if v is not None]
    if len(views) < MIN_FRAMES:
        return Registration(frames=len(views))
    still = np.array([1.0, 0.0, 0.0])
    best = _search(views)
    before, after = _score(views, still), _score(views, best)
    gain = after / max(before, 1e-9) - 1
    halves = [_search(views[k::2]) for k in range(2)]
    camera = frames[0].camera
    x, y = np.meshgrid([-1.0, 0, 1], [-1.0, 0, 1])
    grid = np.stack([x.ravel() * camera.width / 3, y.ravel() * camera.height / 3], axis=1)

    def apart(a: Float64, b: Float64) -> float:
        return float(np.linalg.norm((a[0] - b[0]) * grid + a[1:] - b[1:], axis=1).mean())

    unit = camera.width / 640
    agree = max(apart(h, best) for h in halves) < AGREEMENT_PX * unit
    if gain < MIN_GAIN or not agree or apart(best, still) < MIN_MOVE_PX * unit:
        return Registration(gain=round(float(gain), 4), frames=len(views))
    scale, right, down = (round(float(x), 5) for x in best)
    return Registration(scale, right, down, round(float(gain), 4), len(views))


@dataclass(frozen=True)
class _View:
    points: Float32
    """(n, 2) edge pixels relative to the principal point, colour pixels."""
    strength: Float32
    """(H, W) colour edge strength, 0..1, mean 1 over the edge-free picture's scale removed."""
    centre: Float64
    """(2,) principal point."""


def _view(frame: Frame, noise: SensorNoise) -> _View | None:
    import cv2

    from .kernels import jumps

    d, camera, depth_camera = frame.depth, frame.camera, frame.depth_camera
    w = np.divide(1, d, out=np.zeros_like(d), where=d > 0)
    fit = plane_fits(w, noise, depth_camera.fx)
    edge = jumps(fit[0], fit[1], fit[2], noise.sigma_w(w), 0.05, 2)
    y, x = np.nonzero(edge == 1)
    if len(y) < MIN_EDGE_PIXELS * (d.size / 307200):
        return None
    keep = np.linspace(0, len(y) - 1, min(len(y), 4000)).astype(int)
    u = (x[keep] - depth_camera.cx) * (camera.fx / depth_camera.fx)
    v = (y[keep] - depth_camera.cy) * (camera.fy / depth_camera.fy)
    unit = camera.width / 640
    smooth = cv2.GaussianBlur(frame.color, (0, 0), unit).astype(np.float32)
    gx, gy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    g = np.sqrt((gx * gx + gy * gy).sum(axis=2))
    typical = float(np.quantile(g, 0.8)) + 1e-6
    strength = cv2.GaussianBlur(g / (g + typical), (0, 0), 0.7 * unit)
    return _View(np.stack([u, v], axis=1).astype(np.float32), strength, np.array([camera.cx, camera.cy]))


def _score(views: Sequence[_View], theta: Float64) -> float:
    """Mean colour edge strength at the moved depth edges."""
    total, count = 0.0, 0
    for view in views:
        h, w = view.strength.shape
        at = np.rint(view.points * theta[0] + view.centre + theta[1:]).astype(int)
        inside = (at[:, 0] >= 0) & (at[:, 0] < w) & (at[:, 1] >= 0) & (at[:, 1] < h)
        total += float(view.strength[at[inside, 1], at[inside, 0]].sum(dtype=np.float64))
        count += len(at)
    return total / max(count, 1)


def _search(views: Sequence[_View]) -> Float64:
    """Best (scale, right, down): a grid, then ever smaller steps along each axis."""
    unit = views[0].strength.shape[1] / 640
    shifts = np.arange(-REACH_PX, REACH_PX + 1, 2) * unit
    grid = [np.array([s, a, b]) for s in SCALES for a in shifts for b in shifts]
    few = [_View(v.points[::4], v.strength, v.centre) for v in views]
    best = max(grid, key=lambda t: _score(few, t))
    step = np.array([0.01, unit, unit])
    value = _score(views, best)
    while step[1] > 0.2 * unit:
        moved = False
        for axis in range(3):
            for sign in (-1, 1):
                trial = best.copy()
                trial[axis] += sign * step[axis]
                score = _score(views, trial)
                if score > value + 1e-9:
                    best, value, moved = trial, score, True
        if not moved:
            step = step / 2
    return np.asarray(best)
