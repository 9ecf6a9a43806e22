"""A closed solid of a scanned surface, for physics engines: thickened behind, hollows filled, a 2-manifold.

A signed distance grid (sign from angle-weighted pseudonormals, Baerentzen & Aanaes 2005) is negative where the nearest
scanned surface is seen from behind, up to a thickness, and surface nets extract it. So the scanned side stays where it
is, the two sides of a thin wall meet between them, and what is thinner than a voxel is kept by a shell around it.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from sceneforge.core import Mesh, SceneForgeWarning
from sceneforge.core.arrays import Float32, Float64, Int32

from .decimation import decimate, distances, dressed

MOST_VOXELS = 32_000_000
"""A larger grid is made coarser: 32 million voxels take about 350 MB."""
LOST_VOXELS = math.sqrt(3)
"""A scanned vertex that lies farther from the solid's surface than a voxel's diagonal was lost by the grid, or is
buried: layers of noise closer together than the thickness fuse."""
SHELL_VOXELS = math.sqrt(3) / 2
"""Any point has a voxel this near: a shell this thick around thin things always holds one."""
BLOCK = 8
CHUNK = 512


@dataclass(frozen=True)
class Solid:
    """A closed mesh and how far it is from the surface it was made of."""

    mesh: Mesh
    """Every edge is shared by two triangles, outwards; colours, labels and instances of the nearest scanned vertex."""
    voxel_m: float
    """Edge of the voxels, larger than asked where the grid would have been too large."""
    thickness_m: float
    """How far the solid reaches behind what was seen from one side only."""
    volume_m3: float
    error_m: float
    """999 of 1000 scanned vertices lie no farther than this from the solid's surface: measured over all of them."""
    largest_error_m: float


def solid(mesh: Mesh, *, voxel_m: float = 0.02, thickness_m: float = 0.06, most_voxels: int = MOST_VOXELS) -> Solid:
    """The solid behind a one-sided surface.

    Holes narrower than the thickness are closed flush; hollows that the surface shows only its back to are filled, so
    that scanned furniture is solid. The same mesh and options give the same bytes.

    Args:
        mesh: The surface, (M, 3) faces counter-clockwise seen from free space.
        voxel_m: Detail in metres.
        thickness_m: At least two voxels; less is raised to that, with a warning.
        most_voxels: Bound of the grid; coarser voxels are taken, with a warning, where it would be larger.

    Raises:
        ValueError: Nothing to thicken, or a length that is not positive.
    """
    from . import solid_kernels as k

    if not (voxel_m > 0 and thickness_m > 0):
        raise ValueError(f"voxel_m and thickness_m must be positive, got {voxel_m} and {thickness_m}")
    if not len(mesh.faces):
        raise ValueError("the surface has no faces to thicken")
    voxel, thickness, origin, shape = _grid(mesh.vertices[np.unique(mesh.faces)], voxel_m, thickness_m, most_voxels)
    surface = _Surface(mesh)
    if not len(surface.faces):
        raise ValueError("every face of the surface is degenerate: there is nothing to thicken")
    thin = np.zeros(len(surface.faces), bool)
    for attempt in range(2):
        field, front = _field(surface, thin, origin, shape, voxel, thickness)
        _fill_hollows(field, front)
        del front
        k.mend(field, k.fillable(), 0.25 * voxel)
        vertices, faces = k.extract(field, origin, voxel)
        del field
        off = np.full(len(surface.used), np.inf, np.float32)
        if len(faces):
            off = distances(mesh.vertices[surface.used], vertices, faces)
        lost = np.flatnonzero(off > LOST_VOXELS * voxel)
        if attempt or not len(lost):
            break
        # Thinner than a voxel, and fallen through the grid.
        thin = np.isin(surface.faces, surface.merged[surface.used[lost]]).max(axis=1)
    bound = max(thickness, LOST_VOXELS * voxel)
    if off.max() > bound:
        count = int((off > bound).sum())
        text = f"{count} scanned vertices lie up to {off.max():.3f} m from the solid; smaller voxels help"
        warnings.warn(text, SceneForgeWarning, stacklevel=2)
    return _measured(mesh, dressed(mesh, vertices, faces), voxel, thickness)


def lighter(whole: Solid, mesh: Mesh, max_error_m: float) -> Solid:
    """The solid with fewer triangles, no vertex farther than `max_error_m` from the new surface, and still closed.

    `mesh` is the scanned surface. Where no such thing is found, the solid itself comes back.
    """
    light = decimate(whole.mesh, max_error_m).mesh
    return _measured(mesh, light, whole.voxel_m, whole.thickness_m) if is_closed(light) else whole


def is_closed(mesh: Mesh) -> bool:
    """Whether every edge is shared by exactly two triangles that run along it in opposite directions."""
    import trimesh

    shape = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    if not (len(mesh.faces) and shape.is_watertight and shape.is_winding_consistent):
        return False
    _, uses = np.unique(np.sort(mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0, return_counts=True)
    return bool((uses == 2).all())


def _measured(mesh: Mesh, closed: Mesh, voxel: float, thickness: float) -> Solid:
    off = distances(mesh.vertices[np.unique(mesh.faces)], closed.vertices, closed.faces)
    volume = _volume(closed)
    return Solid(closed, voxel, thickness, volume, float(np.quantile(off, 0.999)), float(off.max()))


def _grid(points: Float32, voxel: float, thickness: float, most: int) -> tuple[float, float, Float64, tuple[int, ...]]:
    """Voxel edge, thickness, the first voxel's centre (3,) and the number of voxels along each axis."""
    asked = voxel
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    while True:
        deep = max(thickness, 2 * voxel)
        # Off the round numbers at which walls like to stand, so that no voxel lies exactly on one.
        origin = low - (deep + 2.37 * voxel)
        cells = np.ceil((high - origin + deep + 2 * voxel) / voxel) + 1
        total = float(np.prod(cells))
        if total <= most:
            break
        voxel *= max((total / most) ** (1 / 3), 1.01)
    if voxel > asked:
        text = f"voxels of {1000 * voxel:.0f} mm instead of {1000 * asked:.0f} mm: the room would need too many"
        warnings.warn(text, SceneForgeWarning, stacklevel=3)
    if deep > thickness:
        text = f"{1000 * thickness:.0f} mm is less than two voxels; the solid is {1000 * deep:.0f} mm thick"
        warnings.warn(text, SceneForgeWarning, stacklevel=3)
    return voxel, deep, origin, tuple(int(c) for c in cells)


class _Surface:
    """The surface with vertices of one place merged, its normals at faces, edges and vertices, and nearest points."""

    def __init__(self, mesh: Mesh) -> None:
        import open3d as o3d

        places, merged = np.unique(mesh.vertices, axis=0, return_inverse=True)
        self.merged: Any = merged.reshape(-1)
        """(N,) number of each vertex' place."""
        faces = self.merged[mesh.faces]
        a, b, c = (places[faces[:, i]].astype(np.float64) for i in range(3))
        normal = np.cross(b - a, c - a)
        length = np.linalg.norm(normal, axis=1)
        self.kept: Any = length > 0
        """(M,) faces that have an area."""
        self.faces = faces[self.kept]
        self.used: Any = np.unique(mesh.faces[self.kept])
        self.normals = normal[self.kept] / length[self.kept, None]
        corners = np.stack([a, b, c], axis=1)[self.kept]
        self.vertex_normals = np.zeros((len(places), 3))
        for i in range(3):
            one, two = corners[:, (i + 1) % 3] - corners[:, i], corners[:, (i + 2) % 3] - corners[:, i]
            angle = np.arctan2(np.linalg.norm(np.cross(one, two), axis=1), np.einsum("ij,ij->i", one, two))
            for axis in range(3):
                weight = angle * self.normals[:, axis]
                self.vertex_normals[:, axis] += np.bincount(self.faces[:, i], weight, minlength=len(places))
        ends = np.sort(np.stack([self.faces[:, [1, 2]], self.faces[:, [2, 0]], self.faces[:, [0, 1]]], axis=1), axis=2)
        _, edge = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
        self.edges: Any = edge.reshape(-1, 3)
        """(M, 3) edge across from each corner."""
        owner = np.repeat(np.arange(len(self.faces)), 3)
        self.edge_normals = np.stack([np.bincount(edge.ravel(), self.normals[owner, i]) for i in range(3)], axis=1)
        self._scene = o3d.t.geometry.RaycastingScene()
        self._scene.add_triangles(o3d.core.Tensor(places), o3d.core.Tensor(self.faces.astype(np.uint32)))

    def distance(self, points: Float32) -> Float32:
        """(N,) unsigned."""
        import open3d as o3d

        return np.asarray(self._scene.compute_distance(o3d.core.Tensor(points)).numpy())

    def nearest(self, points: Float32) -> tuple[Float32, Int32]:
        """(N,) distances, negative where the nearest surface turns its back, and the numbers of the nearest faces."""
        import open3d as o3d

        found = self._scene.compute_closest_points(o3d.core.Tensor(points))
        face = found["primitive_ids"].numpy().astype(np.int32)
        uv = found["primitive_uvs"].numpy()
        share = np.stack([1 - uv[:, 0] - uv[:, 1], uv[:, 0], uv[:, 1]], axis=1)
        zero = share < 1e-4
        normal = self.normals[face]
        on_edge = zero.sum(axis=1) == 1
        normal[on_edge] = self.edge_normals[self.edges[face[on_edge], zero[on_edge].argmax(axis=1)]]
        on_corner = zero.sum(axis=1) >= 2
        normal[on_corner] = self.vertex_normals[self.faces[face[on_corner], share[on_corner].argmax(axis=1)]]
        out = points - found["points"].numpy()
        behind = np.einsum("ij,ij->i", out, normal) < 0
        distance = np.linalg.norm(out, axis=1).astype(np.float32)
        return np.where(behind, -distance, distance), face


def _field(
    surface: _Surface, thin: Any, origin: Float64, shape: tuple[int, ...], voxel: float, thickness: float
) -> tuple[Float32, Any]:
    """The grid (X, Y, Z) float32, negative inside, and a mask of the voxels just before a surface."""
    field = np.full(shape, thickness, np.float32)
    front = np.zeros(shape, bool)
    counts = [-(-s // BLOCK) for s in shape]
    blocks = np.stack(np.meshgrid(*(np.arange(c) for c in counts), indexing="ij"), -1).reshape(-1, 3)
    centres = (origin + (BLOCK * blocks + (BLOCK - 1) / 2) * voxel).astype(np.float32)
    reach = thickness + voxel + BLOCK * voxel * math.sqrt(3) / 2
    near = np.concatenate([surface.distance(part) for part in np.array_split(centres, len(centres) // 65536 + 1)])
    blocks = blocks[near <= reach]
    within = np.stack(np.meshgrid(*[np.arange(BLOCK)] * 3, indexing="ij"), -1).reshape(1, -1, 3)
    for start in range(0, len(blocks), CHUNK):
        cells = (BLOCK * blocks[start : start + CHUNK, None] + within).reshape(-1, 3)
        cells = cells[(cells < shape).all(axis=1)]
        signed, face = surface.nearest((origin + cells * voxel).astype(np.float32))
        behind = signed < 0
        value = np.where(behind, np.maximum(signed, -signed - np.float32(thickness)), signed)
        shell = np.abs(signed) - np.float32(SHELL_VOXELS * voxel)
        value = np.where(thin[face], np.minimum(value, shell), value)
        at = tuple(cells.T)
        field[at] = value
        front[at] = ~behind & (signed < 2 * voxel)
    return field, front


def _fill_hollows(field: Float32, front: Any) -> None:
    """Fill, in place, the connected air that no surface faces and that does not reach the grid's rim."""
    from scipy import ndimage

    air, count = ndimage.label(field >= 0)
    seen = np.zeros(count + 1, bool)
    seen[np.unique(air[front])] = True
    for axis in range(3):
        for end in (0, -1):
            seen[np.unique(np.take(air, end, axis=axis))] = True
    seen[0] = True
    hollow = ~seen[air]
    field[hollow] = -np.maximum(field[hollow], np.float32(1e-6))


def _volume(mesh: Mesh) -> float:
    v = mesh.vertices[mesh.faces].astype(np.float64)
    return float(np.einsum("ij,ij->i", v[:, 0], np.cross(v[:, 1], v[:, 2])).sum() / 6)
