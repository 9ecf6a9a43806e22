"""The light that content is shown in: its shape from the scene, its colour and level from the frames.

Radiances are relative to what a white matt horizontal surface shows in the frame: that is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Frame, Mesh, Scene
from sceneforge.core.arrays import Float32, Float64

from .color import LUMINANCE, to_linear
from .tracing import Tracer

DEFAULT_DIRECTION = np.array([0.35, -0.87, 0.35])
"""Light from high up on one side: what most rooms' ceiling lamps and windows come to."""
DEFAULT_SHARE = 0.5
SUN_HALF_ANGLE = 0.17
"""Radians; indoor lights are wide."""
BOUNCE = 0.45
"""Radiance that comes up from the surroundings."""
ENVIRONMENT = (16, 32)
"""Rows (zenith to nadir) and columns of the reflected surroundings."""


@dataclass(frozen=True)
class LightRig:
    """Static light of a scene."""

    to_light: Float64
    """(3,) unit vector towards the main light."""
    sun: Float64
    """(3,) irradiance / pi from it on a surface that faces it."""
    ambient: Float64
    """(3,) irradiance / pi from everywhere else on a horizontal surface."""
    bounce: Float64
    """(3,) radiance from below."""
    environment: Float32
    """(3, 16, 32, 3) radiance of the surroundings, sharp to blurred."""
    white: Float64 | None
    """(3,) linear radiance of white in the mesh's colours, None where it has none."""

    @property
    def sun_share(self) -> float:
        """Share of a horizontal surface's light that the main light gives."""
        sun = float(self.sun @ LUMINANCE) * max(float(self.to_light[1]), 0.05)
        return sun / (sun + float(self.ambient @ LUMINANCE))


def light_rig(scene: Scene, room: Tracer, centre: Float64) -> LightRig:
    """Rig from `scene.lights`, the room's colours as seen from `centre` (3,), and defaults for what is unknown."""
    ambient, sun, towards = np.zeros(3), np.zeros(3), np.zeros(3)
    for light in scene.lights:
        if light.kind == "ambient":
            ambient += light.color
            continue
        if light.kind == "environment":
            continue
        vector = -light.direction if light.direction is not None else None
        if light.position is not None:
            vector = light.position - centre
        if vector is not None and np.linalg.norm(vector) > 1e-6:
            sun += light.color
            towards += vector / np.linalg.norm(vector) * float(light.color @ LUMINANCE)
    if np.linalg.norm(towards) < 1e-6 or towards[1] <= 0:
        towards = -DEFAULT_DIRECTION
        sun = np.ones(3)
    # Content is lit from above even where a scene's estimate is nearly level: the shadow must reach its surface.
    towards /= np.linalg.norm(towards)
    towards[1] = max(towards[1], 0.45)
    towards /= np.linalg.norm(towards)
    share = DEFAULT_SHARE
    if scene.lights and ambient.any():
        direct = float(sun @ LUMINANCE) * towards[1]
        share = float(np.clip(direct / (direct + float(ambient @ LUMINANCE)), 0.15, 0.6))
    white = None if scene.mesh is None or scene.mesh.colors is None else white_level(to_linear(scene.mesh.colors))
    ambient_color = _tint(ambient) * (1 - share)
    sun_color = _tint(sun) * share / towards[1]
    return LightRig(
        towards, sun_color, ambient_color, ambient_color * BOUNCE, _environment(scene.mesh, room, centre, white), white
    )


def _tint(color: Float64) -> Float64:
    level = float(color @ LUMINANCE)
    return color / level if level > 1e-9 else np.ones(3)


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


def _environment(mesh: Mesh | None, room: Tracer, centre: Float64, white: Float64 | None) -> Float32:
    """What shiny content reflects: the room's own colours where it was scanned, a soft gradient elsewhere."""
    import cv2

    h, w = ENVIRONMENT
    theta = (np.arange(h) + 0.5) / h * np.pi
    phi = (np.arange(w) + 0.5) / w * 2 * np.pi
    y = np.broadcast_to(np.cos(theta)[:, None], (h, w))
    d = np.stack([np.sin(theta)[:, None] * np.cos(phi), y, np.sin(theta)[:, None] * np.sin(phi)], axis=-1)
    sky = np.where(y > 0, 0.55 + 0.75 * y, 0.45 + 0.3 * y)
    sharp = np.repeat(sky[..., None], 3, axis=2).astype(np.float32)
    if mesh is not None and mesh.colors is not None and white is not None and not room.empty:
        rays = np.empty((h * w, 6), dtype=np.float32)
        rays[:, :3], rays[:, 3:] = centre, d.reshape(-1, 3)
        t, face, _ = room.first_hits(rays)
        hit = np.isfinite(t) & (t > 0.15)
        seen = to_linear(mesh.colors[mesh.faces[np.where(hit, face, 0)][:, 0]]) / white
        sharp.reshape(-1, 3)[hit] = np.minimum(0.8 * seen[hit] + 0.2 * sharp.reshape(-1, 3)[hit], 2.5)
    levels: list[NDArray[Any]] = [sharp]
    for sigma in (1.5, 4.0):
        wide = np.concatenate([sharp, sharp, sharp], axis=1)
        levels.append(cv2.GaussianBlur(wide, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)[:, w : 2 * w])
    return np.ascontiguousarray(np.stack(levels), dtype=np.float32)


class ExposureTracker:
    """White's radiance in every frame, smoothed over the frames it is fed in order.

    Where the mesh has colours, the frame is compared with it point by point, so that the camera's own exposure and
    white balance are followed and a dark sofa in view changes nothing; elsewhere the frame's statistics decide.
    """

    CARRIED = ("_level",)
    """What carries over from frame to frame; see `memory`."""

    def __init__(self, scene: Scene, room: Tracer, rig: LightRig, smoothing: float = 0.15) -> None:
        self._room, self._rig, self._smoothing = room, rig, smoothing
        self._mesh = scene.mesh if rig.white is not None else None
        self._level: Float64 | None = None

    def reset(self) -> None:
        """Forget the frames seen."""
        self._level = None

    def update(self, frame: Frame, T_world_camera: Float64) -> Float64:
        """(3,) linear radiance of white in this frame."""
        now = self._compare(frame, T_world_camera)
        if now is None:
            step = max(1, min(frame.color.shape[:2]) // 60)
            now = white_level(to_linear(frame.color[::step, ::step]))
        self._level = now if self._level is None else self._level + self._smoothing * (now - self._level)
        return self._level

    def _compare(self, frame: Frame, T: Float64) -> Float64 | None:
        if self._mesh is None or self._mesh.colors is None or self._rig.white is None:
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
        return np.asarray(self._rig.white * np.clip(gain, 0.25, 4))
