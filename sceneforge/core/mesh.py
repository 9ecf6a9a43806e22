"""Triangle meshes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import Float32, Float64, Int32, UInt8, owned_array


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh with optional per-vertex colour, label and instance. Arrays handed in become read-only."""

    vertices: Float32
    """(N, 3) float32 metres."""
    faces: Int32
    """(M, 3) int32 vertex indices, counter-clockwise seen from outside."""
    colors: UInt8 | None = None
    """(N, 3) uint8 sRGB."""
    labels: UInt8 | None = None
    """(N,) uint8 `Label.number`; 0 = unlabelled."""
    instances: Int32 | None = None
    """(N,) int32 surface instance: i + 1 for scene.planes[i], 0 = none."""

    def __post_init__(self) -> None:
        n = len(self.vertices)
        set_ = object.__setattr__
        set_(self, "vertices", owned_array(self.vertices, (None, 3), np.float32, "vertices"))
        set_(self, "faces", owned_array(self.faces, (None, 3), np.int32, "faces"))
        if len(self.faces) and (self.faces.min() < 0 or self.faces.max() >= n):
            raise ValueError(f"faces refer to vertex {int(self.faces.max())}, the mesh has {n}")
        if self.colors is not None:
            set_(self, "colors", owned_array(self.colors, (n, 3), np.uint8, "colors"))
        if self.labels is not None:
            set_(self, "labels", owned_array(self.labels, (n,), np.uint8, "labels"))
        if self.instances is not None:
            set_(self, "instances", owned_array(self.instances, (n,), np.int32, "instances"))

    @property
    def face_normals(self) -> Float64:
        """(M, 3) float64 unit normals; zero for degenerate faces."""
        v = self.vertices.astype(np.float64)
        n = np.cross(v[self.faces[:, 1]] - v[self.faces[:, 0]], v[self.faces[:, 2]] - v[self.faces[:, 0]])
        return _normalised(n)

    @property
    def vertex_normals(self) -> Float64:
        """(N, 3) float64 unit normals, faces weighted by area; zero for vertices without faces."""
        v = self.vertices.astype(np.float64)
        n = np.cross(v[self.faces[:, 1]] - v[self.faces[:, 0]], v[self.faces[:, 2]] - v[self.faces[:, 0]])
        out = np.stack(
            [sum(np.bincount(self.faces[:, k], n[:, axis], minlength=len(v)) for k in range(3)) for axis in range(3)],
            axis=1,
        )
        return _normalised(out)


def _normalised(vectors: Float64) -> Float64:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0))
