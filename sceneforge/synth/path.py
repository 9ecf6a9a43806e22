"""A hand-held camera's walk around a room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core.arrays import Float64

from .layout import Layout

FRAME_SECONDS = 0.2
"""Time between frames."""
_TURN = np.radians(4.8)
"""Advance around the room per frame."""


@dataclass(frozen=True)
class Walk:
    """Where the camera was."""

    T_world_camera: Float64
    """(N, 4, 4) camera-to-world, OpenCV axes."""
    timestamps_s: Float64
    """(N,) seconds from 0."""


def walk(layout: Layout, frames: int, seed: int) -> Walk:
    """A loop around the room's middle at eye height, looking across it, with the sway of a hand and of steps.

    Consecutive frames stay within 12 degrees and 0.15 m of each other; the camera keeps 0.2 m off everything.
    """
    rng = np.random.Generator(np.random.PCG64([seed, 4]))
    k = np.arange(frames, dtype=float)
    start = np.radians(112.0 + rng.uniform(-6, 6))
    angle = start - _TURN * k
    radius = _clear_radius(layout, angle)
    shell = layout.shell
    reach = np.stack([0.315 * shell.width * np.cos(angle), 0.29 * shell.depth * np.sin(angle)], 1)
    position = np.zeros((frames, 3))
    position[:, [0, 2]] = reach * radius[:, None]
    position[:, 1] = 1.50 + 0.05 * np.sin(2 * np.pi * k / 37 + rng.uniform(0, 6))
    position += _sway(rng, frames, 0.010)
    position[:, 1] += 0.008 * np.sin(2 * np.pi * 1.7 * FRAME_SECONDS * k)
    # look across the room at a target that wanders around its centre of interest
    towards = layout.focus[[0, 2]] * 0.65 - reach * 0.35
    yaw = np.arctan2(towards[:, 0] - position[:, 0], towards[:, 1] - position[:, 2])
    yaw = np.unwrap(yaw) + np.radians(13.0) * np.sin(2 * np.pi * k / 29 + 0.4)
    pitch = np.radians(-13.5 + 16.5 * np.sin(2 * np.pi * k / 26 - 1.9) + 3.0 * np.sin(2 * np.pi * k / 11))
    shake = _sway(rng, frames, np.radians(0.5))
    yaw, pitch, roll = yaw + shake[:, 0], pitch + shake[:, 1], 1.5 * shake[:, 2]
    return Walk(np.stack([_pose(*v) for v in zip(position, yaw, pitch, roll, strict=True)]), k * FRAME_SECONDS)


def _sway(rng: np.random.Generator, frames: int, amplitude: float) -> Float64:
    """(N, 3) smooth wandering of about this standard deviation."""
    t = np.arange(frames)[:, None]
    out = np.zeros((frames, 3))
    for period, weight in ((23.0, 0.8), (9.0, 0.5), (5.3, 0.25)):
        out += weight * np.sin(2 * np.pi * t / period + rng.uniform(0, 2 * np.pi, 3))
    return np.asarray(amplitude * 1.4 * out)


def _clear_radius(layout: Layout, angle: Float64) -> Float64:
    """(N,) share of the full loop's radius that keeps clear of tall furniture, smooth along the loop."""
    ring = np.linspace(0, 2 * np.pi, 181)[:-1]
    shell = layout.shell
    unit = np.stack([0.315 * shell.width * np.cos(ring), 0.29 * shell.depth * np.sin(ring)], 1)
    free = np.ones(len(ring))
    tall = [
        i for i in layout.items if i.label and float(i.T_world_box[1, 3] + i.size[1] / 2) > 1.2 and i.on != "ceiling"
    ]
    for k, p in enumerate(unit):
        while free[k] > 0.3 and any(_distance(i.footprint, p * free[k]) < 0.38 for i in tall):
            free[k] -= 0.02
    spread = np.exp(-0.5 * (np.minimum(np.arange(180), 180 - np.arange(180)) / 9.0) ** 2)
    lowest = np.min([np.roll(free, s) for s in range(-14, 15)], axis=0)
    smooth = np.fft.ifft(np.fft.fft(lowest) * np.fft.fft(spread / spread.sum())).real
    return np.asarray(np.interp(np.mod(angle, 2 * np.pi), np.append(ring, 2 * np.pi), np.append(smooth, smooth[0])))


def _distance(rectangle: Float64, p: Float64) -> float:
    """Distance of a point from a (4, 2) rectangle; 0 inside."""
    a, u, v = rectangle[0], rectangle[1] - rectangle[0], rectangle[3] - rectangle[0]
    s, t = np.clip((p - a) @ u / (u @ u), 0, 1), np.clip((p - a) @ v / (v @ v), 0, 1)
    return float(np.linalg.norm(a + s * u + t * v - p))


def _pose(position: Float64, yaw: float, pitch: float, roll: float) -> Float64:
    """Camera-to-world from heading (0 = +Z, towards +X), pitch (up positive) and roll, radians."""
    forward = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    c, s = np.cos(roll), np.sin(roll)
    T = np.eye(4)
    T[:3, 0], T[:3, 1], T[:3, 2], T[:3, 3] = c * right + s * down, -s * right + c * down, forward, position
    return T
