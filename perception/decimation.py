"""Fewer triangles within a stated error that every vertex of the surface before keeps, one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Mesh
from sceneforge.core.arrays import Float32, Float64, Int32

FINEST, COARSEST = 1 / 64, 1.0
"""Collapses are done from the cheapest to the dearest, in shares of the bound; the points decide what goes."""
SHRUNK = 1 - 1e-4
"""Places are kept in single precision in the end."""
SAMPLES = 300_000
"""Points of the new surface whose distance from the one before is measured."""


@dataclass(frozen=True)
class Decimated:
    """A mesh with fewer triangles."""

    mesh: Mesh
    """Colours, labels and instances are those of the nearest vertex before."""
    error_m: float
    """999 of 1000 vertices before lie no farther than this from the surface now: measured over all of them."""
    largest_error_m: float
    """The farthest of all vertices before; within the bound."""
    backward_m: float = 0.0
    """999 of 1000 points of the surface now lie no farther than this from the one before: measured on samples."""


def decimate(mesh: Mesh, max_error_m: float) -> Decimated:
    """A coarse mesh that keeps every vertex of `mesh` within `max_error_m` of its surface.

    Noise below the bound goes with the triangles: vertices move to where the planes around them meet in the mean.
    Pieces, holes and borders stay as they are connected; a closed surface stays closed. Returns the mesh itself where
    no triangle can be spared. The same mesh and error give the same bytes.

    Raises:
        ValueError: `max_error_m` is not positive.
    """
    if not max_error_m > 0:
        raise ValueError(f"max_error_m must be positive, got {max_error_m}")
    vertices, faces = _collapsed(mesh, max_error_m * SHRUNK)
    if len(faces) >= len(mesh.faces):
        return Decimated(mesh, 0.0, 0.0)
    off = distances(mesh.vertices[np.unique(mesh.faces)], vertices, faces)
    back = distances(samples(vertices, faces, SAMPLES)[0], mesh.vertices, mesh.faces)
    return Decimated(
        dressed(mesh, vertices, faces),
        float(np.quantile(off, 0.999)),
        float(off.max()),
        float(np.quantile(back, 0.999)),
    )


def _collapsed(mesh: Mesh, bound: float) -> tuple[Float32, Int32]:
    from . import decimation_kernels as k
    from .decimation_surface import empty, prepare
    from .sheets import sheets

    faces, origin, borders = sheets(mesh.vertices, mesh.faces)
    surface = empty(mesh.vertices[origin], faces)
    prepare(surface, borders)
    k.decimate(surface, bound, (FINEST * bound) ** 2, (COARSEST * bound) ** 2)
    left = surface.faces[surface.alive == 1]
    used, rank = np.unique(left, return_inverse=True)
    return surface.vertices[used].astype(np.float32), rank.reshape(-1, 3).astype(np.int32)


def samples(vertices: Float32, faces: Int32, count: int) -> tuple[Float64, Int32]:
    """(N, 3) about `count` points spread evenly over a surface, the same ones every time, and the face (N,) of each."""
    v = vertices[faces].astype(np.float64)
    area = 0.5 * np.linalg.norm(np.cross(v[:, 1] - v[:, 0], v[:, 2] - v[:, 0]), axis=1)
    each = np.ceil(area * (count / max(area.sum(), 1e-12))).astype(np.int64)
    owner = np.repeat(np.arange(len(faces)), each)
    # A two-dimensional golden-ratio sequence (Roberts 2018), folded into the triangle.
    a, b = np.modf(np.outer((0.7548776662466927, 0.5698402909980532), np.arange(1, len(owner) + 1)))[0]
    a, b = np.where(a + b > 1, 1 - a, a), np.where(a + b > 1, 1 - b, b)
    points = v[owner, 0] + a[:, None] * (v[owner, 1] - v[owner, 0]) + b[:, None] * (v[owner, 2] - v[owner, 0])
    return points, owner.astype(np.int32)


def distances(points: NDArray[np.floating], vertices: Float32, faces: Int32) -> Float32:
    """(N,) distances of points (N, 3) from a surface."""
    import open3d as o3d

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(o3d.core.Tensor(vertices.copy()), o3d.core.Tensor(faces.astype(np.uint32)))
    return np.asarray(scene.compute_distance(o3d.core.Tensor(np.array(points, np.float32))).numpy())


def dressed(mesh: Mesh, vertices: Any, faces: Any) -> Mesh:
    """Another surface with the colours, labels and instances of the nearest vertices of `mesh`."""
    from scipy.spatial import cKDTree

    _, nearest = cKDTree(mesh.vertices).query(vertices)
    kept = {k: None if (v := getattr(mesh, k)) is None else v[nearest] for k in ("colors", "labels", "instances")}
    return replace(mesh, vertices=vertices, faces=faces, **kept)
