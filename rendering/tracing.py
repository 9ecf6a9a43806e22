"""Thin layer over Open3D's embree scenes: numpy in, numpy out. Results do not depend on thread timing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32


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
