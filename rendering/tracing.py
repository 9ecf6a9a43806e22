"""Thin layer over Open3D's embree scenes: numpy in, numpy out. Results do not depend on thread timing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32

SKIN_M = 0.04
"""Room this close above a receiving point is that surface's own noise (about two voxels of a scan)."""
LONGEST_START_M = 0.15
"""Grazing rays leave the skin no later than this far along."""
SUNK_M = 0.03
"""Content this far under the scanned face of what carries it still counts as being above it."""


class Tracer:
    """One triangle mesh that rays are cast into."""

    def __init__(self, vertices: NDArray[Any], faces: NDArray[Any]) -> None:
        import open3d as o3d

        self._tensor = o3d.core.Tensor
        self._scene = o3d.t.geometry.RaycastingScene()
        self.empty = len(faces) == 0
        if not self.empty:
            self._scene.add_triangles(
                self._tensor(np.ascontiguousarray(vertices, dtype=np.float32)),
                self._tensor(np.ascontiguousarray(faces, dtype=np.uint32)),
            )

    def first_hits(self, rays: Float32) -> tuple[Float32, NDArray[np.uint32], Float32]:
        """Nearest hits of rays (n, 6): distance in direction lengths (inf = none), face, barycentric uv."""
        n = len(rays)
        if self.empty or n == 0:
            none = np.full(n, 0xFFFFFFFF, dtype=np.uint32)
            return np.full(n, np.inf, dtype=np.float32), none, np.zeros((n, 2), dtype=np.float32)
        hit = self._scene.cast_rays(self._tensor(rays))
        return hit["t_hit"].numpy(), hit["primitive_ids"].numpy(), hit["primitive_uvs"].numpy()

    def first_sides(self, rays: Float32) -> tuple[Float32, NDArray[np.uint32], Float32]:
        """Nearest hits of rays (n, 6): distance in direction lengths (inf = none), face, and cosine between direction
        and the face's normal: positive on a face's back.
        """
        if self.empty or not len(rays):
            none = np.full(len(rays), 0xFFFFFFFF, dtype=np.uint32)
            return np.full(len(rays), np.inf, dtype=np.float32), none, np.zeros(len(rays), dtype=np.float32)
        hit = self._scene.cast_rays(self._tensor(rays))
        outward = np.einsum("ij,ij->i", rays[:, 3:], hit["primitive_normals"].numpy())
        return hit["t_hit"].numpy(), hit["primitive_ids"].numpy(), outward

    def hides(self, rays: Float32, reach: Float32) -> NDArray[np.bool_]:
        """(...) bool: whether anything lies on rays (..., 6) before `reach` (...) direction lengths."""
        if self.empty or not rays.size:
            return np.zeros(rays.shape[:-1], dtype=np.bool_)
        cut = rays.copy()
        cut[..., 3:] *= reach[..., None]
        return np.asarray(self._scene.test_occlusions(self._tensor(np.ascontiguousarray(cut)), 0.0, 1.0).numpy())

    def blocked(self, origins: Float32, directions: Float32, reach: float) -> NDArray[np.bool_]:
        """(n, k) bool: whether anything lies within `reach` metres of origins (n, 3) along directions (n, k, 3)."""
        n, k = directions.shape[:2]
        if self.empty or n == 0:
            return np.zeros((n, k), dtype=np.bool_)
        out = np.empty((n, k), dtype=np.bool_)
        step = max(1, 2_000_000 // k)  # bounds the ray buffer to 48 MB
        for start in range(0, n, step):
            part = slice(start, min(start + step, n))
            rays = np.empty((part.stop - start, k, 6), dtype=np.float32)
            rays[..., :3] = origins[part, None]
            rays[..., 3:] = directions[part]
            out[part] = self._scene.test_occlusions(self._tensor(rays), 0.0, reach).numpy()
        return out


def start_of(directions: Float32, normals: Float32) -> Float32:
    """(...) metres along unit directions (..., 3) at which rays into the room leave their surface's own noise."""
    cosine = (directions * normals).sum(axis=-1)
    return np.asarray(np.minimum(SKIN_M / np.maximum(cosine, 1e-3), LONGEST_START_M), dtype=np.float32)


def in_front(to_content: Float32, to_room: Float32, outward: Float32) -> NDArray[np.bool_]:
    """Whether content comes before the room along rays: a room's face as near as content counts as what carries it.

    Args:
        to_content: (...) metres, inf = none.
        to_room: (...) metres, inf = none.
        outward: (...) cosine between ray and the room's normal there.
    """
    sunk = np.where(outward > 0, SUNK_M / np.maximum(outward, 0.1), 0)
    return np.asarray(np.isfinite(to_content) & (to_room >= to_content + sunk))
