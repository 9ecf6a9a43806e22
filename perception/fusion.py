"""Streaming volumetric fusion of depth frames into one mesh (Curless & Levoy 1996), on Open3D's sparse voxel blocks.

Memory follows the surface seen, not the number of frames: each frame is integrated and dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Mesh
from sceneforge.core.arrays import Float32, Float64, Int32, UInt8
from sceneforge.core.transforms import inverse

if TYPE_CHECKING:
    from sceneforge.core import Frame

UInt16: TypeAlias = NDArray[np.uint16]

DEPTH_UNITS_PER_M = 5000.0
"""Depth is handed to Open3D as uint16 in 0.2 mm steps: its integer path is twice as fast as its float path."""

BLOCK = 16
"""Voxels along a block's edge."""


class DepthFusion:
    """A truncated signed distance volume that grows where depth is seen.

    Args:
        voxel_m: Voxel edge in metres. The truncation band is four voxels.
        max_depth_m: Readings farther than this are ignored: the error of consumer depth grows with its square.
        edge_ratio: A reading is a flying pixel, and ignored, when it lies between neighbours whose depth differs by
            more than this share of the depth.
    """

    def __init__(self, *, voxel_m: float = 0.02, max_depth_m: float = 4.5, edge_ratio: float = 0.05) -> None:
        import open3d as o3d

        self.voxel_m, self.max_depth_m, self.edge_ratio = voxel_m, max_depth_m, edge_ratio
        self.frames = 0
        self._core = o3d.core
        self._image = o3d.t.geometry.Image
        c = o3d.core
        self._grid = o3d.t.geometry.VoxelBlockGrid(
            ("tsdf", "weight", "color"),
            (c.float32, c.uint16, c.uint16),
            ((1), (1), (3)),
            voxel_m,
            BLOCK,
            2000,
            c.Device("CPU:0"),
        )

    def add(self, frame: Frame, T_world_camera: Float64) -> None:
        """Integrate one frame seen from `T_world_camera` (4, 4)."""
        limit = min(self.max_depth_m, 65534 / DEPTH_UNITS_PER_M)
        units = depth_to_units(frame.depth, limit_m=limit, edge_ratio=self.edge_ratio)
        if not units.any():
            self.frames += 1
            return
        tensor = self._core.Tensor
        depth_image, color_image = self._image(tensor(units)), self._image(tensor(np.ascontiguousarray(frame.color)))
        K_depth, K_color = tensor(frame.depth_camera.K), tensor(frame.camera.K)
        extrinsic = tensor(inverse(T_world_camera))
        blocks = self._grid.compute_unique_block_coordinates(
            depth_image, K_depth, extrinsic, DEPTH_UNITS_PER_M, limit, 4.0
        )
        self._grid.integrate(
            blocks, depth_image, color_image, K_depth, K_color, extrinsic, DEPTH_UNITS_PER_M, limit, 4.0
        )
        self.frames += 1

    def mesh(self, *, min_component_m2: float = 0.01) -> Mesh:
        """Extract the surface where it was seen often enough, in canonical order (same input, same bytes).

        Args:
            min_component_m2: Loose pieces with less surface than this are noise and dropped.
        """
        if self._grid.hashmap().size() == 0:
            return _empty_mesh()
        # Open3D keeps voxels of more than this weight; each sighting adds one.
        weight = float(np.clip(self.frames // 15, 1, 3)) - 0.5
        raw = self._grid.extract_triangle_mesh(weight)
        if "indices" not in raw.triangle or len(raw.triangle.indices) == 0:
            return _empty_mesh()
        vertices = raw.vertex.positions.numpy()
        faces = raw.triangle.indices.numpy().astype(np.int32)
        colors = raw.vertex.colors.numpy()
        colors = np.clip(colors * 255.0 + 0.5, 0, 255).astype(np.uint8)
        faces = faces[_large_components(vertices, faces, min_component_m2)]
        return _canonical(vertices, faces, colors)


@cache
def _kernel() -> Callable[[Float32, float, float, float], UInt16]:
    """Compiled on first use, then read from numba's cache."""
    from numba import njit

    @njit(cache=True, nogil=True)
    def to_units(depth: Float32, units_per_m: float, limit: float, ratio: float) -> UInt16:
        height, width = depth.shape
        out = np.zeros((height, width), np.uint16)
        half = np.float32(ratio / 2)
        for y in range(height):
            for x in range(width):
                d = depth[y, x]
                if not (d > 0 and d < limit):
                    continue
                steep = half * d
                if 0 < x < width - 1:
                    a, b = depth[y, x - 1], depth[y, x + 1]
                    if a > 0 and b > 0 and (d - a) * (b - d) > 0 and abs(d - a) > steep and abs(b - d) > steep:
                        continue
                if 0 < y < height - 1:
                    a, b = depth[y - 1, x], depth[y + 1, x]
                    if a > 0 and b > 0 and (d - a) * (b - d) > 0 and abs(d - a) > steep and abs(b - d) > steep:
                        continue
                out[y, x] = np.uint16(d * units_per_m + 0.5)
        return out

    return cast("Callable[[Float32, float, float, float], UInt16]", to_units)


def depth_to_units(depth: Float32, *, limit_m: float, edge_ratio: float) -> UInt16:
    """Metres (H, W) float32 to `DEPTH_UNITS_PER_M` uint16, without far readings and flying pixels.

    A pixel flies when its left and right (or upper and lower) neighbours lie on different sides of it and each differs
    from it by more than `edge_ratio` / 2 of its depth: a ramp that steep is interpolation between two surfaces.
    """
    return _kernel()(depth, DEPTH_UNITS_PER_M, limit_m, edge_ratio)


def _empty_mesh() -> Mesh:
    return Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), np.zeros((0, 3), np.uint8))


def _large_components(vertices: Float32, faces: Int32, min_area_m2: float) -> NDArray[np.bool_]:
    """Mask (M,) of faces that belong to connected pieces of at least `min_area_m2`."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(vertices)
    rows, cols = faces[:, [0, 1]].ravel(), faces[:, [1, 2]].ravel()
    graph = coo_matrix((np.ones(len(rows), np.uint8), (rows, cols)), (n, n))
    count, piece = connected_components(graph, directed=False)
    v = vertices[faces]
    area = 0.5 * np.linalg.norm(np.cross(v[:, 1] - v[:, 0], v[:, 2] - v[:, 0]), axis=1)
    # Face order differs from run to run, so sum in integers (0.01 mm2): float sums would depend on it.
    total = np.zeros(count, np.int64)
    np.add.at(total, piece[faces[:, 0]], np.rint(area * 1e8).astype(np.int64))
    return np.asarray(total[piece[faces[:, 0]]] >= min_area_m2 * 1e8)


def _canonical(vertices: Float32, faces: Int32, colors: UInt8) -> Mesh:
    """Order vertices by position and faces by index; drop what no face uses.

    Open3D extracts in parallel: the same surface comes in another order each run.
    """
    used = np.zeros(len(vertices), bool)
    used[faces] = True
    order = np.flatnonzero(used)
    order = order[np.lexsort(vertices[order].T[::-1])]
    rank = np.empty(len(vertices), np.int64)
    rank[order] = np.arange(len(order))
    f = rank[faces]
    first = np.argmin(f, axis=1)
    f = f[np.arange(len(f))[:, None], (first[:, None] + np.arange(3)) % 3]
    f = f[np.lexsort(f.T[::-1])]
    return Mesh(vertices[order], f.astype(np.int32), colors[order])
