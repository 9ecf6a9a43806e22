"""Light measured by the frames: linear, brought to one exposure, with the place in the room that each reading shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, Frame, Mesh
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.color import TO_LINEAR64

from .caster import Caster

ACROSS = 72
"""Cells of a frame's grid along its shorter side."""
EVERY = 2
"""Of cells that are not clipped, one in so many along either side is read: they change slowly."""
CLIPPED = 250
"""A pixel with a channel at or above this may have been any brighter."""


@dataclass(frozen=True)
class Glance:
    """What one frame shows at pixels spread over it: all that the light needs of a frame, some 20 KB."""

    camera: Camera
    """Of the frame's colour."""
    pixel: NDArray[np.uint16]
    """(N, 2) x and y."""
    color: UInt8
    """(N, 3) sRGB, mean of a little square around each."""
    weight: Float32
    """(N,) cells of the frame's grid that each stands for."""


def glance(frame: Frame) -> Glance:
    """A grid of pixels: all that may be clipped, for the shapes of lamps and windows, and a quarter of the others."""
    h, w = frame.camera.shape
    step = max(1, min(h, w) // ACROSS)
    v, u = np.arange(step // 2, h, step), np.arange(step // 2, w, step)
    color = _box_mean(frame.color, step)[v[:, None], u]
    clipped = color.max(axis=2) >= CLIPPED
    taken = clipped.copy()
    taken[::EVERY, ::EVERY] = True
    i, k = np.nonzero(taken)
    weight = np.where(clipped[i, k], 1.0, EVERY**2).astype(np.float32)
    return Glance(frame.camera, np.stack([u[k], v[i]], axis=1).astype(np.uint16), color[i, k], weight)


@dataclass(frozen=True)
class Readings:
    """N light readings of all frames together."""

    origin: Float32
    """(N, 3) where the camera stood."""
    direction: Float32
    """(N, 3) unit, away from the camera."""
    distance: Float32
    """(N,) metres to the scanned surface, inf where there is none."""
    radiance: Float32
    """(N, 3) linear RGB at the capture's usual exposure; clipped readings are what is known at least."""
    clipped: NDArray[np.bool_]
    """(N,) whether it may have been brighter."""
    up: Float32
    """(N,) world y of the scanned surface's normal, 0 where there is none."""
    weight: Float32 | None = None
    """(N,) how much each counts; None = all the same."""

    @property
    def points(self) -> Float32:
        """(N, 3) what was seen; not finite where `distance` is not."""
        return self.origin + self.distance[:, None] * self.direction


def read_light(glances: Iterable[tuple[Glance, Float64]], mesh: Mesh, caster: Caster) -> Readings:
    """Readings of all frames.

    Every frame's exposure and white balance are undone by comparison with the mesh's colours, which are the mean of all
    frames: the gain is the median ratio over the surface that both show.

    Args:
        glances: Of frames, with their camera-to-world poses (4, 4) in the mesh's world.
        mesh: The reconstructed surface; without colours the frames are taken as equally exposed.
        caster: Over the mesh.
    """
    parts = [(g, *_rays_of(g, T)) for g, T in glances]
    if not parts:
        empty = np.zeros((0, 3), np.float32)
        return Readings(empty, empty, np.zeros(0, np.float32), empty, np.zeros(0, np.bool_), empty[:, 0])
    origin, d = (np.concatenate([p[k] for p in parts]) for k in (1, 2))
    distance, face = caster.hits(origin, d)
    color, weight = (np.concatenate([getattr(p[0], name) for p in parts]) for name in ("color", "weight"))
    radiance = TO_LINEAR64[color]
    ends = np.cumsum([0, *(len(p[0].color) for p in parts)])
    for a, b in pairwise(ends.tolist()):
        radiance[a:b] /= _gain(radiance[a:b], face[a:b], mesh)
    f32 = np.float32
    return Readings(
        origin.astype(f32),
        d.astype(f32),
        distance,
        radiance.astype(f32),
        color.max(axis=1) >= CLIPPED,
        _upward(mesh, face),
        weight,
    )


def _rays_of(g: Glance, T: Float64) -> tuple[Float64, Float64]:
    """Origins and unit directions (N, 3) in the world."""
    c = g.camera
    x, y = (g.pixel[:, 0] - c.cx) / c.fx, (g.pixel[:, 1] - c.cy) / c.fy
    d = np.stack([x, y, np.ones(len(x))], axis=1)
    d = d / np.linalg.norm(d, axis=1, keepdims=True) @ T[:3, :3].T
    return np.broadcast_to(T[:3, 3], d.shape), d


def _upward(mesh: Mesh, face: NDArray[np.int64]) -> Float32:
    """(N,) world y of the normals of faces (N,), 0 for those below 0."""
    out = np.zeros(len(face), np.float32)
    seen = np.flatnonzero(face >= 0)
    corner = mesh.vertices[mesh.faces[face[seen]]].astype(np.float64)
    n = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    out[seen] = n[:, 1] / np.maximum(np.linalg.norm(n, axis=1), 1e-12)
    return out


def _box_mean(color: UInt8, step: int) -> UInt8:
    import cv2

    return np.asarray(color if step < 3 else cv2.blur(color, (step // 2 * 2 + 1,) * 2), dtype=np.uint8)


def _gain(linear: Float64, face: NDArray[np.int64], mesh: Mesh) -> Float64:
    """(3,) how much brighter this frame shows the surface than the mesh's colours do."""
    if mesh.colors is None:
        return np.ones(3)
    known = np.full(linear.shape, np.nan)
    seen = face >= 0
    known[seen] = TO_LINEAR64[mesh.colors[mesh.faces[face[seen], 0]]]
    use = seen & (known.min(axis=1) > 0.01) & (known.max(axis=1) < 0.85) & (linear.max(axis=1) < 0.85)
    if np.count_nonzero(use) < 50:
        return np.ones(3)
    return np.asarray(np.clip(np.median(linear[use] / known[use], axis=0), 0.2, 5))
