"""Triangles that rays and distances are asked of (Open3D's embree scene), and points spread over triangles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float64
from sceneforge.core.scene import OrientedBox, Plane, Scene

Faces = NDArray[np.int64]

_BOX_FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4],
     [1, 5, 7], [1, 7, 3]]
)  # fmt: skip


class Triangles:
    """A triangle soup; the ray structure is built on first use."""

    def __init__(self, vertices: Float64, faces: Faces) -> None:
        self.vertices, self.faces = vertices, faces

    @cached_property
    def _rays(self) -> Any:
        import open3d as o3d

        scene = o3d.t.geometry.RaycastingScene()
        scene.add_triangles(
            o3d.core.Tensor(np.ascontiguousarray(self.vertices, dtype=np.float32)),
            o3d.core.Tensor(np.ascontiguousarray(self.faces, dtype=np.uint32)),
        )
        return scene

    def cast(self, origins: Float64, directions: Float64) -> tuple[Float64, Float64]:
        """First hits of N rays: distance in units of the direction's length (inf = none) and face normals (N, 3)."""
        import open3d as o3d

        if not len(self.faces):
            return np.full(len(origins), np.inf), np.zeros((len(origins), 3))
        rays = np.concatenate([origins, np.broadcast_to(directions, origins.shape)], axis=1).astype(np.float32)
        hits = self._rays.cast_rays(o3d.core.Tensor(rays))
        return hits["t_hit"].numpy().astype(np.float64), hits["primitive_normals"].numpy().astype(np.float64)

    def distance(self, points: Float64) -> Float64:
        """Unsigned distance of points (N, 3) to the nearest triangle; inf without triangles."""
        import open3d as o3d

        if not len(self.faces) or not len(points):
            return np.full(len(points), np.inf)
        return np.asarray(
            self._rays.compute_distance(o3d.core.Tensor(points.astype(np.float32))).numpy(), dtype=np.float64
        )

    def crossed_by(self, starts: Float64, ends: Float64) -> NDArray[np.bool_]:
        """Which of N segments cross a triangle."""
        t, _ = self.cast(starts, ends - starts)
        return t <= 1.0

    @cached_property
    def edges(self) -> Faces:
        """(E, 2) vertex indices, each edge once."""
        e = self.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
        n = len(self.vertices)
        key = np.unique(e.min(axis=1) * n + e.max(axis=1))
        return np.stack([key // n, key % n], axis=1)

    def near_box(self, low: Float64, high: Float64) -> Triangles:
        """The triangles whose bounds meet a box, on their own vertices."""
        outside = _outside(self.vertices, low, high)
        faces = self.faces[(outside[self.faces[:, 0]] & outside[self.faces[:, 1]] & outside[self.faces[:, 2]]) == 0]
        wanted = np.zeros(len(self.vertices), dtype=bool)
        wanted[faces] = True
        return Triangles(self.vertices[wanted], (np.cumsum(wanted) - 1)[faces])


def spread_points(
    vertices: Float64, faces: Faces, spacing: float, bounds: tuple[Float64, Float64] | None = None
) -> Float64:
    """Points (P, 3) on a lattice over each triangle, corners included, at most `spacing` apart along its edges.

    Args:
        vertices: (N, 3).
        faces: (M, 3).
        spacing: Metres.
        bounds: Lowest and highest corner (3,) of the box of interest: large triangles are only filled inside it.
    """
    corners = vertices[faces]
    if bounds is not None:
        corners = _split_within(corners, 48 * spacing, *bounds)
    if not len(corners):
        return np.zeros((0, 3))
    steps = np.maximum(np.ceil(_longest_edge(corners) / spacing), 1).astype(np.int64)
    points = []
    for n in np.unique(steps):
        i, j = (k.ravel() for k in np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij"))
        i, j = i[i + j <= n], j[i + j <= n]
        weights = np.stack([i, j, n - i - j], axis=1) / n
        points.append(np.einsum("wk,mkd->mwd", weights, corners[steps == n]).reshape(-1, 3))
    return np.concatenate(points)


def _longest_edge(corners: Float64) -> Float64:
    a, b, c = (corners[:, k] for k in range(3))
    ab, bc, ca = (np.einsum("ij,ij->i", d, d) for d in (a - b, b - c, c - a))
    return np.asarray(np.sqrt(np.maximum(np.maximum(ab, bc), ca)))


def _outside(points: Float64, low: Float64, high: Float64) -> NDArray[np.uint8]:
    """Bits (N,) of the six sides of a box beyond which each point lies: triangles with a common bit miss the box."""
    bits = np.zeros(len(points), dtype=np.uint8)
    for axis in range(3):
        bits |= (points[:, axis] < low[axis]).astype(np.uint8) << (2 * axis)
        bits |= (points[:, axis] > high[axis]).astype(np.uint8) << (2 * axis + 1)
    return bits


def _split_within(corners: Float64, longest: float, low: Float64, high: Float64) -> Float64:
    """Triangles (M, 3, 3) that meet a box, quartered until no edge exceeds `longest`."""
    done = []
    while len(corners):
        a, b, c = (_outside(corners[:, k], low, high) for k in range(3))
        corners = corners[(a & b & c) == 0]
        large = _longest_edge(corners) > longest
        done.append(corners[~large])
        p, q, r = (corners[large, k] for k in range(3))
        pq, qr, rp = (p + q) / 2, (q + r) / 2, (r + p) / 2
        quarters = [(p, pq, rp), (pq, q, qr), (rp, qr, r), (pq, qr, rp)]
        corners = np.concatenate([np.stack(part, axis=1) for part in quarters])
    return np.concatenate(done) if done else np.zeros((0, 3, 3))


def box_triangles(box: OrientedBox) -> tuple[Float64, Faces]:
    """Corners (8, 3) in the world and outward faces (12, 3) of a box."""
    return box.corners, _BOX_FACES


def plane_triangles(plane: Plane) -> tuple[Float64, Faces]:
    """World triangles (3 M, 3), (M, 3) of a plane's outline less its holes, facing along its normal."""
    import shapely

    outline = outline_polygon(plane)
    parts = shapely.get_parts(shapely.constrained_delaunay_triangles(outline))
    rings = np.array([np.asarray(p.exterior.coords)[:3] for p in parts]).reshape(-1, 3, 2)
    a, b = rings[:, 1] - rings[:, 0], rings[:, 2] - rings[:, 0]
    rings = np.where((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] > 0)[:, None, None], rings[:, ::-1], rings)
    return plane.to_world(rings.reshape(-1, 2)), np.arange(3 * len(rings)).reshape(-1, 3)


def outline_polygon(plane: Plane) -> Any:
    """The plane's outline less its holes as a valid shapely geometry in local [x, z]."""
    import shapely

    shape = shapely.make_valid(shapely.Polygon(plane.polygon))
    for hole in plane.holes:
        shape = shape.difference(shapely.make_valid(shapely.Polygon(hole)))
    return shape


OWN_TOP_M = 0.10
"""A box whose upper side lies this close to a plane carries it."""


def scene_triangles(scene: Scene, top: Plane | None = None) -> tuple[Triangles, tuple[OrientedBox, ...]]:
    """The scene's surface for rays and distances, and boxes whose inside is occupied.

    With a mesh, the mesh says it all. Without one (a headset's room file) the planes and the boxes of objects stand in;
    then the box under `top` is left out: devices report the plane of a table and its box centimetres apart.
    """
    if scene.mesh is not None and len(scene.mesh.faces):
        return Triangles(scene.mesh.vertices.astype(np.float64), scene.mesh.faces.astype(np.int64)), ()
    boxes = tuple(o.box for o in scene.objects if top is None or not _carries(o.box, top))
    return joined([plane_triangles(p) for p in scene.planes] + [box_triangles(b) for b in boxes]), boxes


def _carries(box: OrientedBox, plane: Plane) -> bool:
    """Whether a plane is the upper side of a box."""
    corners = plane.to_local(box.corners)
    middle = (plane.polygon.min(axis=0) + plane.polygon.max(axis=0)) / 2
    over = (corners.min(axis=0)[[0, 2]] <= middle).all() and (corners.max(axis=0)[[0, 2]] >= middle).all()
    return bool(over and abs(corners[:, 1].max()) < OWN_TOP_M and corners[:, 1].min() < -OWN_TOP_M)


def joined(pieces: Sequence[tuple[Float64, Faces]]) -> Triangles:
    """One soup of several (vertices, faces)."""
    starts = np.cumsum([0] + [len(v) for v, _ in pieces])
    vertices = np.concatenate([v for v, _ in pieces]) if pieces else np.zeros((0, 3))
    faces = [f + s for (_, f), s in zip(pieces, starts[:-1], strict=True)]
    return Triangles(vertices, np.concatenate(faces) if faces else np.zeros((0, 3), dtype=np.int64))
