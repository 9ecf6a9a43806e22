"""Free floor seen from above, and where an agent of a radius can walk on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Label, Plane
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.trails import NavMesh

from ._stage import Stage

CELL_M = 0.05
STEP_M, HEAD_M = 0.1, 1.9
"""Surface between these heights above the floor is in the way."""
LARGEST_CELLS = 4_000_000
"""A larger map gets larger cells."""


@dataclass(frozen=True)
class FloorMap:
    """A grid over the floor; cell [i, j] covers `low + (i, j) * cell_m` and one cell more, along x and z."""

    low: Float64
    """(2,) world [x, z] of the first cell's corner."""
    cell_m: float
    """Edge of a cell."""
    floor_y: float
    """Height of the floor."""
    floor: NDArray[np.bool_]
    """(W, D) where there is floor."""
    blocked: NDArray[np.bool_]
    """(W, D) where something stands on it or hangs too low."""

    @property
    def free(self) -> NDArray[np.bool_]:
        """(W, D) floor with nothing on it."""
        return self.floor & ~self.blocked

    @cached_property
    def clearance(self) -> Float32:
        """(W, D) metres from each free cell's centre to the nearest cell that is not free."""
        from scipy.ndimage import distance_transform_edt

        return np.asarray(distance_transform_edt(np.pad(self.free, 1))[1:-1, 1:-1] * self.cell_m, dtype=np.float32)

    def navmesh(self, radius_m: float) -> NavMesh:
        """Where an agent of this radius can walk, as triangles, connected parts by size."""
        import shapely
        from scipy.ndimage import label

        walkable = self.clearance >= radius_m
        parts, count = label(walkable)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
        vertices: list[Float64] = []
        islands: list[int] = []
        for rank, part in enumerate(np.argsort(-sizes, kind="stable") + 1):
            shape = shapely.union_all(self._strips(parts == part)).simplify(1.2 * self.cell_m)
            for t in shapely.constrained_delaunay_triangles(shape).geoms:
                xz = np.array(t.exterior.coords[:3])
                a, b = xz[1] - xz[0], xz[2] - xz[0]
                xz = xz[::-1] if a[0] * b[1] - a[1] * b[0] > 0 else xz
                vertices.append(np.column_stack([xz[:, 0], np.full(3, self.floor_y), xz[:, 1]]))
                islands.append(rank)
        v = np.concatenate([np.zeros((0, 3)), *vertices]).astype(np.float32)
        unique, index = np.unique(v, axis=0, return_inverse=True)
        faces = index.reshape(-1, 3).astype(np.int32)
        return NavMesh(unique, faces, radius_m, np.array(islands, dtype=np.int32))

    def _strips(self, mask: NDArray[np.bool_]) -> list[object]:
        """Rectangles that cover the cells of a mask."""
        import shapely

        out: list[object] = []
        for i in np.flatnonzero(mask.any(axis=1)):
            edges = np.flatnonzero(np.diff(np.pad(mask[i].astype(np.int8), 1)))
            x0, x1 = self.low[0] + self.cell_m * i, self.low[0] + self.cell_m * (i + 1)
            for j0, j1 in edges.reshape(-1, 2):
                z0, z1 = self.low[1] + self.cell_m * j0, self.low[1] + self.cell_m * j1
                out.append(shapely.box(x0, z0, x1, z1))
        return out


def floor_map(stage: Stage) -> FloorMap | None:
    """The scene's floor with what stands on it, content included; None where no floor is known."""
    floors = stage.scene.planes_labelled(Label.FLOOR)
    if not floors:
        return None
    y = stage.floor_y
    rings = [p.to_world(p.polygon)[:, [0, 2]] for p in floors]
    low, high = np.concatenate(rings).min(axis=0), np.concatenate(rings).max(axis=0)
    cell = max(CELL_M, float(np.sqrt(np.prod(high - low) / LARGEST_CELLS)))
    size = np.maximum(np.ceil((high - low) / cell).astype(int), 1)
    centre = np.stack(
        np.meshgrid(*(low[k] + cell * (np.arange(size[k]) + 0.5) for k in (0, 1)), indexing="ij"), axis=-1
    )
    floor = np.zeros(size, dtype=bool)
    for plane in floors:
        floor |= _inside(plane, centre, y)
    points = [_samples(stage)]
    for p in stage.arrangement.placements:
        for part in p.content.parts:
            points.append(p.scale * part.vertices @ p.T_world_content[:3, :3].T + p.T_world_content[:3, 3])
    cloud = np.concatenate(points)
    tall = cloud[(cloud[:, 1] > y + STEP_M) & (cloud[:, 1] < y + HEAD_M)]
    at = np.floor((tall[:, [0, 2]] - low) / cell).astype(int)
    at = at[((at >= 0) & (at < size)).all(axis=1)]
    hits = np.bincount(at[:, 0] * size[1] + at[:, 1], minlength=int(np.prod(size))).reshape(size)
    return FloorMap(low, cell, y, floor, hits >= 2)


def _inside(plane: Plane, centre: Float64, y: float) -> NDArray[np.bool_]:
    import shapely

    world = np.stack([centre[..., 0], np.full(centre.shape[:-1], y), centre[..., 1]], axis=-1)
    local = plane.to_local(world)
    shape = shapely.Polygon(plane.polygon, [h for h in plane.holes if len(h) >= 3])
    shape = shape if shape.is_valid else shape.buffer(0)
    return np.asarray(shapely.contains_xy(shape, local[..., 0], local[..., 2]))


def _samples(stage: Stage) -> Float64:
    """(n, 3) points all over the scanned surface: vertices and the middles of faces."""
    mesh = stage.mesh
    v = mesh.vertices.astype(np.float64)
    return np.concatenate([v, v[mesh.faces].mean(axis=1)]) if len(mesh.faces) else v
