"""Streaming volumetric fusion of depth frames into one mesh: a truncated signed distance volume in sparse blocks.

Curless & Levoy 1996 in the blocks of Niessner et al. 2013. Memory follows the surface seen, not the number of frames:
each frame is integrated and dropped. Beyond a limit the blocks seen longest ago lie on disk (`block_store`). Blocks are
numbered in the order they are first seen and every voxel sees the frames in order, so the same frames give the same
mesh to the last bit, on any number of threads and with any limit.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sceneforge.core import Camera, Mesh
from sceneforge.core.arrays import Float32, Float64, Int32
from sceneforge.core.transforms import inverse

from .block_store import BlockStore
from .surface_nets import Volume, extract

if TYPE_CHECKING:
    from sceneforge.core import Frame

SIDE = 8
"""Voxels along a block's edge."""
BAND_VOXELS = 4.0
"""Half the width of the band around the surface in which distances are kept."""
THIN_VOXELS = 1.5
"""What is narrower than this in front of something else is widened to it, or it would fall between voxels."""
MEMORY_MB = 1024
"""140,000 blocks: about 1,000 square metres of surface at 2 cm."""
NEAR_M = 0.15
"""Nearer readings are the sensor's own dirt."""


@dataclass(frozen=True)
class Prepared:
    """A frame's depth, made ready to be fused: what does not depend on the frames before it."""

    depth: Float32
    """(H, W) metres, 0 = none."""
    weights: Float32
    """(H, W) what each reading is worth; negative on thin things."""


class DepthFusion:
    """A volume that grows where depth is seen.

    Args:
        voxel_m: Voxel edge in metres.
        max_depth_m: Readings farther than this are ignored: the error of consumer depth grows with its square.
        edge_ratio: Flying pixels: see `volume_kernels.clean_depth`.
        threads: Worker threads; default all cores. The result does not depend on it.
        memory_mb: What the voxels may take in memory, MiB: what was seen longest ago moves to a temporary file beyond
            that. One frame's own blocks always fit. The result does not depend on it.
    """

    def __init__(
        self,
        *,
        voxel_m: float = 0.02,
        max_depth_m: float = 4.5,
        edge_ratio: float = 0.05,
        threads: int | None = None,
        memory_mb: float = MEMORY_MB,
    ) -> None:
        self.voxel_m, self.max_depth_m, self.edge_ratio = voxel_m, max_depth_m, edge_ratio
        self.frames = 0
        self._gain, self._log_gains = np.ones(3), np.zeros(3)
        self._band = BAND_VOXELS * voxel_m
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._threads = threads or cores
        self._pool = ThreadPoolExecutor(self._threads)
        self._count = self._stamps = 0
        self._hash(1 << 14)
        self._store = BlockStore(memory_mb)
        self._coords = np.empty((0, 3), np.int32)
        self._stamp = np.empty(0, np.int32)
        self._grow(2048)

    def prepare(self, frame: Frame) -> Prepared:
        """What `add` needs of a frame; it may be called for the next frame while one is being fused."""
        from .reading_kernels import reading_weights
        from .thin_kernels import thicken
        from .volume_kernels import clean_depth

        depth = clean_depth(frame.depth, NEAR_M, self.max_depth_m, self.edge_ratio)
        fx, fy = frame.depth_camera.fx, frame.depth_camera.fy
        depth, thin = thicken(depth, fx, fy, THIN_VOXELS * self.voxel_m, self._band)
        weights = reading_weights(depth, fx, fy)
        weights[thin == 1] *= -1
        return Prepared(depth, weights)

    def add(self, frame: Frame, T_world_camera: Float64, prepared: Prepared | None = None) -> None:
        """Integrate one frame seen from `T_world_camera` (4, 4).

        Its colours are brought to the exposure of what was fused before, so that a camera that adapts leaves no seams.

        Args:
            frame: The frame.
            T_world_camera: (4, 4) camera-to-world.
            prepared: Of the frame, where it is at hand.
        """
        from . import reading_kernels as r
        from . import volume_kernels as k

        self.frames += 1
        prepared = prepared or self.prepare(frame)
        depth, weights = prepared.depth, prepared.weights
        K_depth, K_color = _intrinsics(frame.depth_camera), _intrinsics(frame.camera)
        blocks = self._touched(depth, K_depth, np.ascontiguousarray(T_world_camera, dtype=np.float64))
        T_camera_world = inverse(T_world_camera)
        slots, coords = self._store.resident(blocks, write=True), self._coords[blocks]
        v = self._store.voxels
        believed, gain = r.exposure_gain(
            slots,
            coords,
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

        def work(part: slice) -> None:
            k.integrate(
                slots[part],
                coords[part],
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
        cuts = np.linspace(0, len(slots), self._threads + 1).astype(int).tolist()
        parts = [slice(a, b) for a, b in pairwise(cuts) if a < b]
        others = [self._pool.submit(work, part) for part in parts[1:]]
        for part in parts[:1]:
            work(part)
        for other in others:
            other.result()

    @property
    def gain(self) -> Float64:
        """(3,) factor that brought the latest frame's bytes to the exposure of the first."""
        return self._gain.copy()

    @property
    def blocks(self) -> int:
        """Blocks in use."""
        return self._count

    @property
    def bytes_on_disk(self) -> int:
        """Size of the temporary file that holds blocks beyond the memory limit; 0 as long as memory suffices."""
        return self._store.bytes_on_disk

    def mesh(self, *, min_component_m2: float = 0.002) -> Mesh:
        """The surface where it was seen often enough, by surface nets (Gibson 1998), faces towards free space.

        Args:
            min_component_m2: Loose pieces with less surface than this are noise and dropped.
        """
        # From the first frame's exposure to that of a typical one.
        typical = np.exp(-self._log_gains / max(self.frames, 1)).astype(np.float32)
        coords = self._coords[: self._count]
        volume = Volume(self._store, coords, self._table_key, self._table_value, self.voxel_m)
        least = int(np.clip(self.frames // 15, 1, 2))
        return extract(volume, least=least, gain=typical, min_component_m2=min_component_m2)

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
        coords, stamp = np.zeros((capacity, 3), np.int32), np.zeros(capacity, np.int32)
        coords[:n], stamp[:n] = self._coords[:n], self._stamp[:n]
        self._coords, self._stamp = coords, stamp
        while 2 * capacity > len(self._table_key):
            self._hash(2 * len(self._table_key))


def _intrinsics(c: Camera) -> Float64:
    return np.array([c.fx, c.fy, c.cx, c.cy])
