"""Plane outlines as triangles, for scenes without a mesh and for pictures of the planes."""

from __future__ import annotations

import numpy as np

from sceneforge.core import Plane, Scene
from sceneforge.core.arrays import Float32, Int32


def triangulated(plane: Plane) -> tuple[Float32, Int32]:
    """World vertices (n, 3) and faces (m, 3), facing the plane's normal, of its outline without its holes."""
    import shapely

    outline = shapely.Polygon(plane.polygon, [h for h in plane.holes if len(h) >= 3])
    if not outline.is_valid:
        outline = outline.buffer(0)
    corners: list[list[tuple[float, float]]] = [
        [(float(x), float(z)) for x, z in triangle.exterior.coords[:3]]
        for triangle in shapely.constrained_delaunay_triangles(outline).geoms
    ]
    if not corners:
        return np.zeros((0, 3), dtype=np.float32), np.zeros((0, 3), dtype=np.int32)
    xz = np.array(corners)
    a, b = xz[:, 1] - xz[:, 0], xz[:, 2] - xz[:, 0]
    down = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] > 0  # x turning to z is clockwise seen against +Y
    xz[down] = xz[down][:, ::-1]
    vertices = plane.to_world(xz.reshape(-1, 2)).astype(np.float32)
    return vertices, np.arange(len(vertices), dtype=np.int32).reshape(-1, 3)


def plane_triangles(scene: Scene) -> tuple[Float32, Int32]:
    """All planes of a scene as one mesh."""
    vertices, faces, count = [np.zeros((0, 3), np.float32)], [np.zeros((0, 3), np.int32)], 0
    for plane in scene.planes:
        v, f = triangulated(plane)
        vertices.append(v)
        faces.append(f + count)
        count += len(v)
    return np.concatenate(vertices), np.concatenate(faces)
