"""Exact depth images of planes, boxes and cylinders, for tests: ray casting in double precision."""

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


def noisy(depth: Float32, seed: int, at_1_m: float = 0.002) -> Float32:
    """Depth with the noise of a structured-light sensor: even in inverse depth."""
    rng = np.random.default_rng(seed)
    with np.errstate(divide="ignore"):
        q = 1 / depth.astype(np.float64) + rng.normal(0, at_1_m, depth.shape)
    return np.where(depth > 0, 1 / q, 0).astype(np.float32)
