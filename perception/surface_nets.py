"""From the voxel volume to a mesh, a few blocks and their neighbours at a time, so that the rest may lie on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Mesh
from sceneforge.core.arrays import Float32, Int32

from .block_store import BlockStore

BATCH = 4096
"""Blocks that are worked on at once, if memory holds them and their neighbours."""


@dataclass(frozen=True)
class Volume:
    """Blocks and where they lie."""

    store: BlockStore
    coords: Int32
    """(N, 3) block coordinates, by number."""
    table_key: NDArray[np.int64]
    """Hash of the coordinates: see `volume_kernels`."""
    table_value: Int32
    """Block numbers in the hash."""
    voxel_m: float
    """Voxel edge in metres."""

    def neighbours(self, first: int, last: int, step: int) -> Int32:
        """(last - first, 8) numbers of blocks and of their neighbours towards higher (1) or lower (-1) coordinates."""
        from .volume_kernels import neighbour_table

        return neighbour_table(self.coords[first:last], self.table_key, self.table_value, step)

    def in_memory(self, numbers: Int32) -> Int32:
        """Slots (any shape) of block numbers, which may repeat; -1 stays -1."""
        wanted, at = np.unique(numbers, return_inverse=True)
        none = int((wanted < 0).sum())
        slots = np.full(len(wanted), -1, np.int32)
        slots[none:] = self.store.resident(wanted[none:], write=False)
        return slots[at].reshape(numbers.shape)


def extract(volume: Volume, *, least: int, gain: Float32, min_component_m2: float) -> Mesh:
    """The surface by surface nets (Gibson 1998), faces towards free space.

    Args:
        volume: The voxels.
        least: How often a voxel must have been seen.
        gain: (3,) factor on colours.
        min_component_m2: Loose pieces with less surface than this are dropped.

    Returns:
        Vertices in the order of blocks and cells, whatever lay in memory.
    """
    from . import surface_net_kernels as k
    from .volume_kernels import SIDE

    count = len(volume.coords)
    # A block has 7 neighbours on one side, most of them in the batch as well.
    batch = int(np.clip(volume.store.slots // 8, 64, BATCH))
    starts = range(0, count, batch)
    occupied = np.empty((count, SIDE**3 // 8), np.uint8)
    places, colors, corners = _Growing(np.float32), _Growing(np.uint8), _Growing(np.int32)
    for first in starts:
        last = min(first + batch, count)
        after = volume.in_memory(volume.neighbours(first, last, 1))
        v = volume.store.voxels
        found, painted = k.cell_vertices(
            volume.coords[first:last],
            after,
            v["sdf"],
            v["seen"],
            v["color"],
            least,
            volume.voxel_m,
            occupied[first:last],
        )
        places.add(found)
        colors.add(np.clip(painted * gain + np.float32(0.5), 0, 255).astype(np.uint8))
    owned = np.bitwise_count(occupied).sum(axis=1, dtype=np.int64)
    begin = (np.cumsum(owned) - owned).astype(np.int32)
    for first in starts:
        last = min(first + batch, count)
        numbers, rows = np.unique(volume.neighbours(first, last, -1), return_inverse=True)
        none = int((numbers < 0).sum())
        index = k.cell_index(occupied[numbers[none:]], begin[numbers[none:]])
        before = (rows.reshape(-1, 8) - none).astype(np.int32)
        after = volume.in_memory(volume.neighbours(first, last, 1))
        v = volume.store.voxels
        corners.add(k.edge_faces(before, after, v["sdf"], v["seen"], least, index))
    kept = k.drop_small(places.rows, colors.rows, corners.rows, min_component_m2)
    for array, length in zip((places, colors, corners), kept, strict=True):
        array.shorten(length)
    return Mesh(places.rows, corners.rows, colors.rows)


class _Growing:
    """Rows (n, 3) that grow in place: systems move large arrays by their page tables, so nothing is held twice."""

    def __init__(self, dtype: Any) -> None:
        self.rows: NDArray[Any] = np.empty((0, 3), dtype)

    def add(self, more: NDArray[Any]) -> None:
        have = len(self.rows)
        self.rows.resize((have + len(more), 3), refcheck=False)
        self.rows[have:] = more

    def shorten(self, length: int) -> None:
        self.rows.resize((length, 3), refcheck=False)
