"""Streaming volumetric fusion of depth frames into one mesh: a truncated signed distance volume in sparse blocks.

Curless & Levoy 1996 in the blocks of Niessner et al. 2013. Memory follows the surface seen, not the number of frames:
each frame is integrated and dropped. Blocks are numbered in the order they are first seen and every voxel sees the
frames in order, so the same frames give the same mesh to the last bit, on any number of threads.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, Mesh
from sceneforge.core.arrays import Float32, Float64, Int32
from sceneforge.core.transforms import inverse

if TYPE_CHECKING:
    from sceneforge.core import Frame

SIDE = 8
"""Voxels along a block's edge."""
BAND_VOXELS = 4.0
"""Half the width of the band around the surface in which distances are kept."""
NEAR_M = 0.15
"""Nearer readings are the sensor's own dirt."""


class DepthFusion:
    """A volume that grows where depth is seen.

    Args:
        voxel_m: Voxel edge in metres.
        max_depth_m: Readings farther than this are ignored: the error of consumer depth grows with its square.
        edge_ratio: Flying pixels: see `volume_kernels.clean_depth`.
        threads: Worker threads; default all cores. The result does not depend on it.
    """

    def __init__(
        self,
        *,
        voxel_m: float = 0.02,
        max_depth_m: float = 4.5,
        edge_ratio: float = 0.05,
        threads: int | None = None,
    ) -> None:
        self.voxel_m, self.max_depth_m, self.edge_ratio = voxel_m, max_depth_m, edge_ratio
        self.frames = 0
        self._gain, self._log_gains = np.ones(3), np.zeros(3)
        self._band = BAND_VOXELS * voxel_m
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._threads = threads or cores
        self._count = self._stamps = 0
        self._hash(1 << 14)
        self._voxels: dict[str, NDArray[Any]] = {}
        self._coords = np.empty((0, 3), np.int32)
        self._stamp = np.empty(0, np.int32)
        self._grow(2048)

    def add(self, frame: Frame, T_world_camera: Float64) -> None:
        """Integrate one frame seen from `T_world_camera` (4, 4).

        Its colours are brought to the exposure of what was fused before, so that a camera that adapts leaves no seams.
        """
        from . import reading_kernels as r
        from . import volume_kernels as k

        self.frames += 1
        depth = k.clean_depth(frame.depth, NEAR_M, self.max_depth_m, self.edge_ratio)
        K_depth, K_color = _intrinsics(frame.depth_camera), _intrinsics(frame.camera)
        blocks = self._touched(depth, K_depth, np.ascontiguousarray(T_world_camera, dtype=np.float64))
        T_camera_world = inverse(T_world_camera)
        v = self._voxels
        weights = r.reading_weights(depth, K_depth[0], K_depth[1])
        believed, gain = r.exposure_gain(
            blocks,
            self._coords,
            v["sdf"],
            v["seen"],
            v["color"],
            depth,
            frame.color,
            K_depth,
            K_color,
            T_camera_world,
            self.voxel_m,
        )
        if believed:  # else too little known is in view, and the exposure before is the best guess
            self._gain = gain
        gain = self._gain
        self._log_gains += np.log(gain)

        def work(part: Int32) -> None:
            k.integrate(
                part,
                self._coords,
                v["sdf"],
                v["weight"],
                v["seen"],
                v["color"],
                depth,
                weights,
                frame.color,
                gain,
                K_depth,
                K_color,
                T_camera_world,
                self.voxel_m,
                self._band,
            )

        # Each block is written by one thread only.
        parts = [p for p in np.array_split(blocks, self._threads) if len(p)]
        if len(parts) > 1:
            with ThreadPoolExecutor(len(parts)) as pool:
                list(pool.map(work, parts))
        elif parts:
            work(parts[0])

    @property
    def blocks(self) -> int:
        """Blocks in use: 16 KB each."""
        return self._count

    def mesh(self, *, min_component_m2: float = 0.01) -> Mesh:
        """The surface where it was seen often enough, by surface nets (Gibson 1998), faces towards free space.

        Args:
            min_component_m2: Loose pieces with less surface than this are noise and dropped.
        """
        from . import volume_kernels as k

        n, v = self._count, self._voxels
        least = int(np.clip(self.frames // 15, 1, 2))
        after = k.neighbour_table(n, self._coords, self._table_key, self._table_value, 1)
        index = np.empty((n, SIDE**3), np.int32)
        vertices, painted = k.cell_vertices(
            n, self._coords, after, v["sdf"], v["seen"], v["color"], least, self.voxel_m, index
        )
        before = k.neighbour_table(n, self._coords, self._table_key, self._table_value, -1)
        # From the first frame's exposure to that of a typical one.
        typical = np.exp(-self._log_gains / max(self.frames, 1))
        colors = np.clip(painted * typical.astype(np.float32) + np.float32(0.5), 0, 255).astype(np.uint8)
        faces = k.edge_faces(n, before, after, v["sdf"], v["seen"], least, index)
        faces = faces[_large_components(vertices, faces, min_component_m2)]
        used = np.zeros(len(vertices), bool)
        used[faces] = True
        rank = np.cumsum(used, dtype=np.int32) - np.int32(1)
        return Mesh(vertices[used], rank[faces], colors[used])

    def _touched(self, depth: Float32, K: Float64, T: Float64) -> Int32:
        """Numbers of the blocks near this frame's surface; makes room for new ones."""
        from . import volume_kernels as k

        # Rays a third of a block apart at the far end reach every block.
        stride = max(int(SIDE * self.voxel_m * K[0] / self.max_depth_m / 3), 1)
        block_m = SIDE * self.voxel_m
        while True:
            if 2 * self._count > len(self._table_key) - 4096:
                self._hash(2 * len(self._table_key))
            self._stamps += 1
            out = np.empty(len(self._coords), np.int32)
            count, touched = k.touch(
                depth,
                K,
                T,
                stride,
                self._band,
                block_m,
                self._table_key,
                self._table_value,
                self._coords,
                self._stamp,
                self._count,
                self._stamps,
                out,
            )
            self._count = abs(count)
            if count >= 0 and self._count < len(self._coords):
                return out[:touched]
            self._grow(len(self._coords) * 3 // 2)

    def _hash(self, size: int) -> None:
        from . import volume_kernels as k

        self._table_key = np.full(size, k.EMPTY, np.int64)
        self._table_value = np.zeros(size, np.int32)
        if self._count:
            k.rehash(self._count, self._coords, self._table_key, self._table_value)

    def _grow(self, capacity: int) -> None:
        n = self._count
        for name, dtype, width in (
            ("sdf", np.float32, ()),
            ("weight", np.float32, ()),
            ("seen", np.uint8, ()),
            ("color", np.uint16, (3,)),
        ):
            bigger = np.zeros((capacity, SIDE**3, *width), dtype)
            if n:
                bigger[:n] = self._voxels[name][:n]
            self._voxels[name] = bigger
        coords, stamp = np.zeros((capacity, 3), np.int32), np.zeros(capacity, np.int32)
        coords[:n], stamp[:n] = self._coords[:n], self._stamp[:n]
        self._coords, self._stamp = coords, stamp
        while 2 * capacity > len(self._table_key):
            self._hash(2 * len(self._table_key))


def _intrinsics(c: Camera) -> Float64:
    return np.array([c.fx, c.fy, c.cx, c.cy])


def _large_components(vertices: Float32, faces: Int32, min_area_m2: float) -> NDArray[np.bool_]:
    """Mask (M,) of faces that belong to connected pieces of at least `min_area_m2`."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if not len(faces):
        return np.zeros(0, bool)
    n = len(vertices)
    rows, cols = faces[:, [0, 1]].ravel(), faces[:, [1, 2]].ravel()
    graph = coo_matrix((np.ones(len(rows), np.uint8), (rows, cols)), (n, n))
    count, piece = connected_components(graph, directed=False)
    v = vertices[faces]
    area = 0.5 * np.linalg.norm(np.cross(v[:, 1] - v[:, 0], v[:, 2] - v[:, 0]), axis=1)
    owner = piece[faces[:, 0]]
    return np.asarray(np.bincount(owner, area, minlength=count)[owner] >= min_area_m2)
