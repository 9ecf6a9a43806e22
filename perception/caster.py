"""The scanned surface, for rays and distances. Its tree takes longer to build than most questions: share it."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from importlib import import_module
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Mesh
from sceneforge.core.arrays import Float32, Float64

Floats = NDArray[np.floating]


def load_ahead() -> None:
    """Begin to load what a `Caster` needs, half a second's worth, while the caller does something else."""

    def load() -> None:
        with suppress(ImportError, OSError):  # whoever needs it will say so
            import_module("open3d")

    Thread(target=load).start()


class Caster:
    """Rays against a mesh, and distances to it; its labels may change, its surface may not.

    Args:
        mesh: In the world that rays and points are given in.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

    @cached_property
    def _scene(self) -> Any:
        import open3d as o3d

        scene = o3d.t.geometry.RaycastingScene()
        faces = self._mesh.faces.astype(np.uint32)
        scene.add_triangles(_tensor(self._mesh.vertices.copy()), _tensor(faces))
        return scene

    def hits(self, origins: Floats, directions: Floats) -> tuple[Float32, NDArray[np.int64]]:
        """Distance in direction lengths (inf = none) and face (-1 = none) of the first hits of rays (n, 3), (n, 3)."""
        if not len(self._mesh.faces) or not len(directions):
            n = len(directions)
            return np.full(n, np.inf, np.float32), np.full(n, -1, np.int64)
        hit = self._scene.cast_rays(_tensor(_rays(origins, directions)))
        face = hit["primitive_ids"].numpy().astype(np.int64)
        distance = hit["t_hit"].numpy()
        return distance, np.where(np.isfinite(distance), face, -1)

    def blocked(self, origins: Floats, directions: Floats, far: float) -> NDArray[np.bool_]:
        """(n,) whether anything lies within `far` direction lengths."""
        return np.asarray(self._scene.test_occlusions(_tensor(_rays(origins, directions)), 0.0, far).numpy())

    def distance_to(self, points: Floats) -> Float32:
        """(n,) metres from points (n, 3) to the surface."""
        return np.asarray(self._scene.compute_distance(_tensor(points.astype(np.float32))).numpy(), dtype=np.float32)

    def closest(self, points: Floats) -> tuple[Float64, Float64]:
        """The surface's points (n, 3) nearest to points (n, 3), and its unit normals (n, 3) there."""
        found = self._scene.compute_closest_points(_tensor(points.astype(np.float32)))
        return found["points"].numpy().astype(np.float64), found["primitive_normals"].numpy().astype(np.float64)


def _tensor(array: NDArray[Any]) -> Any:
    import open3d as o3d

    return o3d.core.Tensor(array)


def _rays(origins: Floats, directions: Floats) -> Float32:
    return np.concatenate(np.broadcast_arrays(origins, directions), axis=-1).astype(np.float32)
