"""Where the camera goes in a video: the captured path, that path smoothed, or a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sceneforge.core import Arrangement, Camera, Label, Scene, UsageError
from sceneforge.core.arrays import Float64, frozen_array
from sceneforge.core.trails import interpolated
from sceneforge.core.transforms import inverse, make_transform, quaternion_from_rotation, rotation_from_quaternion

Kind = Literal["original", "smooth", "orbit", "dolly", "top_down"]
TURN_M = 1.0
"""Metres that a turn by one radian counts for where a path is given constant speed."""
ORBIT_PITCH = np.radians(38)
ORBIT_REACH = 0.85
"""Radius of an orbit: this many times what would hold the room's diagonal."""


@dataclass(frozen=True)
class CameraPath:
    """Poses of a virtual camera, one per picture of a video."""

    kind: Kind
    """How it came about."""
    camera: Camera
    """Its lens."""
    T_world_camera: Float64
    """(N, 4, 4) camera-to-world, OpenCV axes."""
    inside: bool
    """Whether the camera stays where the capture's did, so that captured pictures serve as its background."""

    def __post_init__(self) -> None:
        n = len(self.T_world_camera)
        T = frozen_array(self.T_world_camera, (n, 4, 4), np.float64, "T_world_camera")
        object.__setattr__(self, "T_world_camera", T)


def look_at(eye: Float64, target: Float64) -> Float64:
    """Camera-to-world (4, 4) of a level camera at `eye` (3,) that looks at `target` (3,), OpenCV axes."""
    z = np.asarray(target, dtype=np.float64) - eye
    z /= max(float(np.linalg.norm(z)), 1e-9)
    up = np.array([0.0, 1.0, 0.0]) if abs(z[1]) < 0.999 else np.array([0.0, 0.0, -1.0])
    x = np.cross(z, up)
    x /= np.linalg.norm(x)
    return make_transform(np.column_stack([x, np.cross(z, x), z]), eye)


def smooth_path(scene: Scene, camera: Camera, count: int, width_s: float = 0.5) -> CameraPath:
    """The captured path without its jitter, gone along at constant speed.

    Positions and rotations are averaged with Gaussian weights over the poses' own times; the curve is then walked in
    equal steps of the way plus `TURN_M` times the turn, so that hurry and halts of the hand are gone.

    Args:
        scene: With a camera track.
        camera: The lens.
        count: Number of pictures.
        width_s: Standard deviation of the weights, seconds of the capture; three poses at least, or an eighth of few.
    """
    poses = _track(scene)
    n = len(poses)
    step = np.arange(n, dtype=np.float64)
    times = scene.track.timestamps_s if scene.track is not None else step
    width = max(width_s * n / max(float(times[-1] - times[0]), 1e-3), min(3.0, n / 8))
    weights = np.exp(-0.5 * ((step[:, None] - step[None]) / width) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    place = weights @ poses[:, :3, 3]
    q = np.array([quaternion_from_rotation(T[:3, :3]) for T in poses])
    for i in range(1, n):  # the same turn is q and -q: keep to one half
        q[i] *= np.sign(q[i] @ q[i - 1]) or 1.0
    q = weights @ q
    curve = np.array([make_transform(rotation_from_quaternion(a), p) for a, p in zip(q, place, strict=True)])
    return CameraPath("smooth", camera, evenly(curve, count), True)


def evenly(curve: Float64, count: int) -> Float64:
    """(count, 4, 4) poses at equal steps along a curve of poses (n, 4, 4)."""
    a, b = curve[:-1], curve[1:]
    way = np.linalg.norm(b[:, :3, 3] - a[:, :3, 3], axis=1)
    trace = np.einsum("nij,nij->n", a[:, :3, :3], b[:, :3, :3])
    run = np.concatenate([[0.0], np.cumsum(way + TURN_M * np.arccos(np.clip((trace - 1) / 2, -1, 1)))])
    if len(curve) == 1 or run[-1] < 1e-9:
        return np.repeat(curve[:1], count, axis=0)
    out = []
    for s in np.linspace(0, run[-1], count):
        k = min(int(np.searchsorted(run, s, side="right")) - 1, len(a) - 1)
        out.append(interpolated(a[k], b[k], float((s - run[k]) / max(run[k + 1] - run[k], 1e-12))))
    return np.array(out)


def orbit_path(
    scene: Scene, camera: Camera, count: int, *, target: Float64 | None = None, radius_m: float | None = None
) -> CameraPath:
    """Once around the room, or around a place, looking down at it; walls in between are seen through from behind.

    Args:
        scene: The scene.
        camera: The lens.
        count: Number of pictures; the last is one step before the first.
        target: (3,) middle; None = the room's.
        radius_m: Distance from it; None = such that the room fills the picture.
    """
    low, high = bounds(scene)
    centre = (low + high) / 2 if target is None else np.asarray(target, dtype=np.float64)
    centre = centre.copy()
    if target is None:
        centre[1] = low[1] + 0.3 * (high[1] - low[1])
    fit = float(np.tan(min(np.arctan(camera.width / 2 / camera.fx), np.arctan(camera.height / 2 / camera.fy))))
    radius = radius_m or ORBIT_REACH * float(np.linalg.norm((high - low)[[0, 2]]) / 2) / fit
    angles = 2 * np.pi * np.arange(count) / count + np.pi / 4
    ring = np.stack([np.cos(angles), np.full(count, np.tan(ORBIT_PITCH)), np.sin(angles)], axis=1)
    eyes = centre + radius * ring / np.linalg.norm(ring, axis=1, keepdims=True)
    return CameraPath("orbit", camera, np.array([look_at(e, centre) for e in eyes]), False)


def dolly_path(scene: Scene, camera: Camera, count: int, *, target: Float64) -> CameraPath:
    """From the captured pose that sees a place best slowly towards it and a little to the side, looking at it.

    Args:
        scene: With a camera track.
        camera: The lens.
        count: Number of pictures.
        target: (3,) what is looked at.
    """
    poses = _track(scene)
    local = np.array([(inverse(T) @ np.append(target, 1.0))[:3] for T in poses])
    off = np.degrees(np.arctan2(np.linalg.norm(local[:, :2], axis=1), local[:, 2]))
    gap = np.abs(np.linalg.norm(local, axis=1) - 1.8)
    eye = poses[int(np.argmin(off / 10 + gap))][:3, 3].copy()
    away = eye - target
    side = np.cross([0.0, 1.0, 0.0], away)
    side *= 0.3 * float(np.linalg.norm(away)) / max(float(np.linalg.norm(side)), 1e-9)
    s = np.linspace(0, 1, count)
    s = s * s * (3 - 2 * s)
    eyes = target + away * (1.05 - 0.45 * s)[:, None] + side * (s - 0.5)[:, None]
    return CameraPath("dolly", camera, np.array([look_at(e, target) for e in eyes]), False)


def top_down_path(scene: Scene, camera: Camera, count: int) -> CameraPath:
    """From above the room, straight down, coming a little closer; the ceiling is seen through."""
    low, high = bounds(scene)
    centre = (low + high) / 2
    wide, deep = (high - low)[[0, 2]]
    turned = deep > wide
    wide, deep = (deep, wide) if turned else (wide, deep)
    rise = 1.08 * max(wide * camera.fx / camera.width, deep * camera.fy / camera.height)
    up = np.array([-1.0, 0.0, 0.0]) if turned else np.array([0.0, 0.0, -1.0])
    z = np.array([0.0, -1.0, 0.0])
    R = np.column_stack([np.cross(-up, z), -up, z])
    out = [
        make_transform(R, (centre[0], high[1] + rise * (1.0 - 0.12 * s), centre[2])) for s in np.linspace(0, 1, count)
    ]
    return CameraPath("top_down", camera, np.array(out), False)


def middle_of(arrangement: Arrangement, scene: Scene) -> Float64:
    """(3,) what a video is about: the middle of the placed content, else of the largest table, else of the room."""
    boxes = []
    for p in arrangement.placements:
        centre = p.scale * p.content.bounds.mean(axis=0)
        boxes.append(p.T_world_content[:3, :3] @ centre + p.T_world_content[:3, 3])
    if boxes:
        return np.asarray(np.mean(boxes, axis=0))
    tables = sorted(scene.planes_labelled(Label.TABLE, Label.DESK), key=lambda p: -p.area_m2)
    if tables:
        return np.asarray(tables[0].to_world(tables[0].polygon.mean(axis=0)))
    low, high = bounds(scene)
    return np.asarray((low + high) / 2)


def bounds(scene: Scene) -> tuple[Float64, Float64]:
    """Lowest and highest corner (3,) of the scanned surface, less the farthest two per cent along each axis.

    Raises:
        UsageError: The scene has no mesh.
    """
    if scene.mesh is None or not len(scene.mesh.vertices):
        raise UsageError("a new camera path is drawn from the scanned mesh, and the scene has none")
    low, high = np.percentile(scene.mesh.vertices, [1, 99], axis=0)
    return low.astype(np.float64), high.astype(np.float64)


def _track(scene: Scene) -> Float64:
    if scene.track is None or not len(scene.track.indices):
        raise UsageError("this camera path follows the captured one, and the scene has no camera track")
    return scene.track.T_world_camera
