"""How bright, and of what tint, every frame shows the room."""

from __future__ import annotations

import numpy as np

from sceneforge.core import Frame, Scene
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.color import LUMINANCE, to_linear

from .tracing import Tracer


def white_level(linear: Float32) -> Float64:
    """(3,) radiance of a white matt surface, from colours (..., 3) of a scene.

    Level: the p = 5 Minkowski norm of luminance lies between the mean (grey world) and the maximum (white patch).
    Colour: shades of grey (Finlayson and Trezzi 2004), p = 5, taken by half because cameras balance white too.
    """
    pixels = linear.reshape(-1, 3).astype(np.float64)
    norm = np.power(np.mean(np.power(pixels, 5), axis=0), 0.2) + 1e-4
    mean = pixels.mean(axis=0) + 1e-4
    level = float(norm @ LUMINANCE) ** 0.5 * min(float(mean @ LUMINANCE) / 0.32, 1.0) ** 0.5
    tint = np.power(norm / float(norm @ LUMINANCE), 0.5)
    return np.asarray(tint * max(1.12 * level, 0.02))


class ExposureTracker:
    """Every frame's exposure and white balance, smoothed over the frames it is fed in order.

    Where the mesh has colours, the frame is compared with it point by point, so that the camera's own exposure and
    white balance are followed and a dark sofa in view changes nothing; elsewhere the frame's statistics decide.
    """

    CARRIED = ("_level",)
    """What carries over from frame to frame; see `memory`."""

    def __init__(self, scene: Scene, room: Tracer, smoothing: float = 0.15) -> None:
        self._room, self._smoothing = room, smoothing
        self._mesh = scene.mesh if scene.mesh is not None and scene.mesh.colors is not None else None
        self._level: Float64 | None = None

    def reset(self) -> None:
        """Forget the frames seen."""
        self._level = None

    def update(self, frame: Frame, T_world_camera: Float64) -> Float64:
        """(3,) what this frame makes of linear radiance 1 of the mesh's colours, or of white where it has none."""
        now = self._compare(frame, T_world_camera)
        if now is None and self._mesh is not None:
            now = np.ones(3) if self._level is None else self._level
        elif now is None:
            step = max(1, min(frame.color.shape[:2]) // 60)
            now = white_level(to_linear(frame.color[::step, ::step]))
        self._level = now if self._level is None else self._level + self._smoothing * (now - self._level)
        return self._level

    def _compare(self, frame: Frame, T: Float64) -> Float64 | None:
        if self._mesh is None or self._mesh.colors is None:
            return None
        h, w = frame.camera.shape
        v, u = (g.ravel() for g in np.mgrid[h // 48 : h : max(h // 24, 1), w // 64 : w : max(w // 32, 1)])
        c = frame.camera
        d = np.stack([(u - c.cx) / c.fx, (v - c.cy) / c.fy, np.ones(len(u))], axis=1) @ T[:3, :3].T
        rays = np.empty((len(u), 6), dtype=np.float32)
        rays[:, :3], rays[:, 3:] = T[:3, 3], d
        t, face, _ = self._room.first_hits(rays)
        seen = to_linear(frame.color[v, u]).astype(np.float64)
        level = seen @ LUMINANCE
        use = np.isfinite(t) & (level > 0.01) & (seen.max(axis=1) < 0.95)
        if use.sum() < 60:
            return None
        known = to_linear(self._mesh.colors[self._mesh.faces[face[use]][:, 0]]).astype(np.float64)
        gain = np.median(seen[use] / np.maximum(known, 0.005), axis=0)
        return np.asarray(np.clip(gain, 0.25, 4))
