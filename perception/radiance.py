"""Light measured by the frames: linear, brought to one exposure, with the place in the room that each reading shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Frame, Mesh
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.color import TO_LINEAR64

ACROSS = 72
"""Readings along the shorter side of a frame."""
CLIPPED = 250
"""A pixel with a channel at or above this may have been any brighter."""


class Caster:
    """The scanned surface, for rays."""

    def __init__(self, mesh: Mesh) -> None:
        import open3d as o3d

        self._tensor = o3d.core.Tensor
        self._scene = o3d.t.geometry.RaycastingScene()
        self._scene.add_triangles(
            self._tensor(np.ascontiguousarray(mesh.vertices)), self._tensor(mesh.faces.astype(np.uint32))
        )

    def hits(self, origins: Float64, directions: Float64) -> tuple[Float32, NDArray[np.int64]]:
        """Distance in direction lengths (inf = none) and face (-1 = none) of the first hits of rays (n, 3), (n, 3)."""
        hit = self._scene.cast_rays(self._tensor(_rays(origins, directions)))
        face = hit["primitive_ids"].numpy().astype(np.int64)
        distance = hit["t_hit"].numpy()
        return distance, np.where(np.isfinite(distance), face, -1)

    def blocked(self, origins: Float64, directions: Float64, far: float) -> NDArray[np.bool_]:
        """(n,) whether anything lies within `far` direction lengths."""
        rays = self._tensor(_rays(origins, directions))
        return np.asarray(self._scene.test_occlusions(rays, 0.0, far).numpy())


def _rays(origins: Float64, directions: Float64) -> Float32:
    return np.concatenate(np.broadcast_arrays(origins, directions), axis=-1).astype(np.float32)


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

    @property
    def points(self) -> Float32:
        """(N, 3) what was seen; not finite where `distance` is not."""
        return self.origin + self.distance[:, None] * self.direction


def read_light(frames: Iterable[tuple[Frame, Float64]], mesh: Mesh, caster: Caster) -> Readings:
    """Readings on a grid in every frame.

    Every frame's exposure and white balance are undone by comparison with the mesh's colours, which are the mean of all
    frames: the gain is the median ratio over the surface that both show.

    Args:
        frames: Frames with their camera-to-world poses (4, 4) in the mesh's world.
        mesh: The reconstructed surface; without colours the frames are taken as equally exposed.
        caster: Over the mesh.
    """
    parts: list[tuple[NDArray[Any], ...]] = []
    upward = mesh.face_normals[:, 1]
    for frame, T in frames:
        h, w = frame.camera.shape
        step = max(1, min(h, w) // ACROSS)
        v, u = (g.ravel() for g in np.mgrid[step // 2 : h : step, step // 2 : w : step])
        color = _box_mean(frame.color, step)[v, u]
        d = frame.camera.rays()[v, u].astype(np.float64)
        length = np.linalg.norm(d, axis=1)
        d = d / length[:, None] @ T[:3, :3].T
        distance, face = caster.hits(T[:3, 3], d)
        linear = TO_LINEAR64[color]
        radiance = linear / _gain(linear, face, mesh)
        origin = np.broadcast_to(T[:3, 3], d.shape)
        up = np.where(face >= 0, upward[face], 0)
        parts.append((origin, d, distance, radiance, color.max(axis=1) >= CLIPPED, up))
    if not parts:
        empty = np.zeros((0, 3), np.float32)
        return Readings(empty, empty, np.zeros(0, np.float32), empty, np.zeros(0, np.bool_), empty[:, 0])
    origin, d, distance, radiance, clipped, up = (np.concatenate(column) for column in zip(*parts, strict=True))
    f32 = np.float32
    return Readings(
        origin.astype(f32), d.astype(f32), distance.astype(f32), radiance.astype(f32), clipped, up.astype(f32)
    )


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
