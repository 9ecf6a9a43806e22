"""Fewer triangles within a stated error: quadric decimation (Garland & Heckbert 1997), and the error is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sceneforge.core import Mesh

STEPS = 6
BORDER_WEIGHT = 10.0
KEPT = 0.999
"""Share of the vertices that the bound holds for."""
MOST = 0.98
"""At most this share of the triangles is removed."""


@dataclass(frozen=True)
class Decimated:
    """A mesh with fewer triangles."""

    mesh: Mesh
    """Colours, labels and instances are those of the nearest vertex before."""
    error_m: float
    """999 of 1000 vertices before lie no farther than this from the surface now: measured over all of them."""
    largest_error_m: float
    """The farthest of all, usually a loose triangle on a frayed rim that was dropped."""


def decimate(mesh: Mesh, max_error_m: float, *, kept: float = KEPT) -> Decimated:
    """The coarsest mesh, as far as bisection finds it, that keeps a share `kept` of the vertices within `max_error_m`.

    Returns the mesh itself where no triangle can be spared. The same mesh and error give the same bytes.

    Raises:
        ValueError: `max_error_m` is not positive.
    """
    if not max_error_m > 0:
        raise ValueError(f"max_error_m must be positive, got {max_error_m}")
    best = Decimated(mesh, 0.0, 0.0)
    if len(mesh.faces) < 4:
        return best
    low, high = 0.0, MOST
    for step in range(STEPS):
        share = high if step == 0 else 0.5 * (low + high)
        vertices, faces = _simplified(mesh, share)
        off = distances(mesh.vertices, vertices, faces) if len(faces) else np.full(1, np.inf)
        error = float(np.quantile(off, KEPT))
        if float(np.quantile(off, kept)) <= max_error_m:
            best, low = Decimated(dressed(mesh, vertices, faces), error, float(off.max())), share
            if share == MOST:
                break
        else:
            high = share
    return best


def _simplified(mesh: Mesh, share: float) -> tuple[Any, Any]:
    import open3d as o3d

    whole = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(np.array(mesh.vertices, np.float64)),
        o3d.utility.Vector3iVector(np.array(mesh.faces, np.int32)),
    )
    # Open borders count ten times as much as the surface: without that their corners are cut off first.
    light = whole.simplify_quadric_decimation(round((1 - share) * len(mesh.faces)), boundary_weight=BORDER_WEIGHT)
    return np.asarray(light.vertices).astype(np.float32), np.asarray(light.triangles).astype(np.int32)


def distances(points: Any, vertices: Any, faces: Any) -> Any:
    """(N,) distances of points (N, 3) from a surface."""
    import open3d as o3d

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(o3d.core.Tensor(vertices.copy()), o3d.core.Tensor(faces.astype(np.uint32)))
    return scene.compute_distance(o3d.core.Tensor(np.array(points, np.float32))).numpy()


def dressed(mesh: Mesh, vertices: Any, faces: Any) -> Mesh:
    """Another surface with the colours, labels and instances of the nearest vertices of `mesh`."""
    from scipy.spatial import cKDTree

    _, nearest = cKDTree(mesh.vertices).query(vertices)
    kept = {k: None if (v := getattr(mesh, k)) is None else v[nearest] for k in ("colors", "labels", "instances")}
    return replace(mesh, vertices=vertices, faces=faces, **kept)
