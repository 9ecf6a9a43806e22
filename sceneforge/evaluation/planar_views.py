"""Exact depth images of planes, boxes and cylinders with their truth: ray casting in double precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera
from sceneforge.core.arrays import Float32, Float64

CAMERA = Camera(640, 480, 525.0, 525.0, 319.5, 239.5)


@dataclass(frozen=True)
class Surface:
    """z-depth (H, W) of one surface, inf where a ray misses it."""

    depth: Float64


def plane(normal: Float64, offset: float, camera: Camera = CAMERA) -> Surface:
    """All of normal . p + offset = 0 in front of the camera."""
    along = camera.rays().astype(np.float64) @ (normal / np.linalg.norm(normal))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = -offset / along
    return Surface(np.where(z > 0, z, np.inf))


def patch(surface: Surface, keep: NDArray[np.bool_]) -> Surface:
    """The surface where `keep` (H, W) says so."""
    return Surface(np.where(keep, surface.depth, np.inf))


def cylinder(point: Float64, axis: Float64, radius: float, camera: Camera = CAMERA) -> Surface:
    """The near side of an endless cylinder."""
    a = axis / np.linalg.norm(axis)
    rays = camera.rays().astype(np.float64)
    d = rays - (rays @ a)[..., None] * a
    o = -(point - (point @ a) * a)
    qa, qb, qc = (d * d).sum(-1), (d @ o), (o @ o) - radius**2
    root = qb * qb - qa * qc
    z = (-qb - np.sqrt(np.maximum(root, 0))) / qa
    return Surface(np.where((root > 0) & (z > 0), z, np.inf))


def seen(*surfaces: Surface) -> tuple[Float32, NDArray[np.int64]]:
    """Depth image (H, W), 0 = none, and which surface each pixel shows, from 1, 0 = none."""
    stack = np.stack([s.depth for s in surfaces])
    nearest = stack.argmin(0) + 1
    depth = stack.min(0)
    hit = np.isfinite(depth)
    return np.where(hit, depth, 0).astype(np.float32), np.where(hit, nearest, 0)


def box(centre: Float64, size: Float64, yaw: float, up: Float64, camera: Camera = CAMERA) -> tuple[Surface, ...]:
    """The six faces of a box that stands along `up`, each a surface."""
    y = up / np.linalg.norm(up)
    x = np.cross(y, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    z = np.cross(x, y)
    x, z = np.cos(yaw) * x + np.sin(yaw) * z, np.cos(yaw) * z - np.sin(yaw) * x
    axes = np.stack([x, y, z])
    rays = camera.rays().astype(np.float64)
    faces = []
    for k in range(3):
        for sign in (1.0, -1.0):
            n, at = sign * axes[k], centre + sign * axes[k] * size[k] / 2
            face = plane(n, -float(n @ at), camera)
            with np.errstate(invalid="ignore"):
                local = (rays * face.depth[..., None] - centre) @ axes.T
                inside = (np.abs(local) <= size / 2 + 1e-9).all(-1)
            faces.append(patch(face, inside))
    return tuple(faces)


def furnished_view(seed: int, camera: Camera = CAMERA) -> tuple[Float32, NDArray[np.int64], NDArray[np.bool_]]:
    """A floor, two walls, two boxes, a shelf of a box's height and two upright cylinders, seen from a random place.

    Returns depth without noise, which surface each pixel shows, and whether that is curved.
    """
    rng = np.random.default_rng(seed)
    tilt = rng.uniform(0.25, 0.7)
    up = np.array([0.0, -np.cos(tilt), -np.sin(tilt)])
    height = rng.uniform(1.1, 1.7)
    ahead = np.array([0.0, -up[2], up[1]])
    ahead = -ahead if ahead[2] < 0 else ahead
    side = np.cross(up, ahead)
    turn = rng.uniform(-0.5, 0.5)
    depth_dir, across = np.cos(turn) * ahead + np.sin(turn) * side, np.cos(turn) * side - np.sin(turn) * ahead

    def on_floor(right: float, forward: float, above: float) -> Float64:
        return np.asarray(right * side + forward * ahead + (above - height) * up)

    surfaces = [plane(up, height, camera), plane(-depth_dir, rng.uniform(2.6, 3.4), camera)]
    surfaces.append(plane(across, rng.uniform(1.2, 1.8), camera))
    for right in (rng.uniform(-0.8, -0.3), rng.uniform(0.2, 0.7)):
        size = rng.uniform([0.3, 0.25, 0.3], [0.7, 0.8, 0.6])
        at = on_floor(right, rng.uniform(1.3, 2.2), size[1] / 2)
        surfaces.extend(box(at, size, rng.uniform(0, np.pi / 2), up, camera))
    flat = len(surfaces)
    for right in (rng.uniform(-0.3, 0.1), rng.uniform(0.3, 0.9)):
        surfaces.append(cylinder(on_floor(right, rng.uniform(1.4, 2.4), 0), up, rng.uniform(0.06, 0.2), camera))
    depth, truth = seen(*surfaces)
    return depth, truth, truth > flat


def noisy(depth: Float32, seed: int, at_1_m: float = 0.002) -> Float32:
    """Depth with the noise of a structured-light sensor: even in inverse depth."""
    rng = np.random.default_rng(seed)
    with np.errstate(divide="ignore"):
        q = 1 / depth.astype(np.float64) + rng.normal(0, at_1_m, depth.shape)
    return np.where(depth > 0, 1 / q, 0).astype(np.float32)
