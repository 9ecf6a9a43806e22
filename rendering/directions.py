"""Fixed sample patterns: the same everywhere and in every frame, so that nothing flickers."""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import Float64

_GOLDEN = np.pi * (3 - np.sqrt(5))

PIXEL_OFFSETS = np.array([[1, -3], [3, 1], [-1, 3], [-3, -1]], dtype=np.float32) / 8
"""(4, 2) offsets within a pixel: the rotated grid of graphics hardware. The pixel's centre is the fifth sample."""


def cosine_hemisphere(count: int) -> Float64:
    """(count, 3) unit directions around +Y as dense as the cosine (Vogel spiral lifted to the sphere)."""
    i = np.arange(count) + 0.5
    r, phi = np.sqrt(i / count), i * _GOLDEN
    return np.stack([r * np.cos(phi), np.sqrt(1 - r * r), r * np.sin(phi)], axis=1)


def cone(axis: Float64, half_angle: float, count: int) -> Float64:
    """(count, 3) unit directions spread evenly over a cone around `axis`."""
    i = np.arange(count) + 0.5
    r, phi = np.tan(half_angle) * np.sqrt(i / count), i * _GOLDEN
    frame = frames(axis[None])[0]
    d = frame @ np.stack([r * np.cos(phi), np.ones(count), r * np.sin(phi)])
    return np.asarray((d / np.linalg.norm(d, axis=0)).T)


def frames(normals: Float64) -> Float64:
    """(n, 3, 3) rotations whose middle column is the normal (Duff et al. 2017, "Building an orthonormal basis")."""
    x, y, z = normals[:, 0], normals[:, 2], normals[:, 1]  # the paper's z is our y
    sign = np.where(z >= 0, 1.0, -1.0)
    a = -1 / (sign + z)
    b = x * y * a
    t = np.stack([1 + sign * x * x * a, -sign * x, sign * b], axis=1)
    s = np.stack([b, -y, sign + y * y * a], axis=1)
    return np.stack([t, normals, s], axis=2)
