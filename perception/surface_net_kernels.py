"""Compiled loops from the voxel volume to a mesh. Imported on first use only: numba is slow to import.

`sdf`, `seen` and `color` are those of `block_store`, by slot; see `volume_kernels`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Int32, UInt8

from .volume_kernels import COLOR_SCALE, SIDE


@njit(cache=True, nogil=True)
def cell_vertices(
    coords: Int32,
    after: Int32,
    sdf: Float32,
    seen: UInt8,
    color: NDArray[np.uint16],
    least: int,
    voxel_m: float,
    occupied: UInt8,
) -> tuple[Float32, Float32]:
    """Surface nets, first half (Gibson 1998): one vertex in every cell the surface passes, at the mean of its edge
    crossings.

    Args:
        coords: (N, 3) the blocks.
        after: (N, 8) slots of them and their neighbours towards higher coordinates, -1 = none.
        occupied: (N, 64) filled with a bit per cell that has a vertex.

    Returns:
        (V, 3) vertices in metres, by block and cell; (V, 3) colours 0..255.
    """
    capacity = 1024
    vertices = np.empty((capacity, 3), np.float32)
    colors = np.empty((capacity, 3), np.float32)
    used = 0
    d = np.empty(8)
    at_block = np.empty(8, np.int64)
    at_voxel = np.empty(8, np.int64)
    occupied[:] = 0
    for b in range(len(coords)):
        for i in range(SIDE):
            for j in range(SIDE):
                for k in range(SIDE):
                    cell = (i * SIDE + j) * SIDE + k
                    inside = 0
                    whole = True
                    for corner in range(8):
                        x, y, z = i + (corner >> 2), j + (corner >> 1 & 1), k + (corner & 1)
                        side = (x // SIDE) * 4 + (y // SIDE) * 2 + z // SIDE
                        other = after[b, side]
                        if other < 0:
                            whole = False
                            break
                        voxel = ((x % SIDE) * SIDE + y % SIDE) * SIDE + z % SIDE
                        if seen[other, voxel] < least:
                            whole = False
                            break
                        at_block[corner], at_voxel[corner] = other, voxel
                        d[corner] = sdf[other, voxel]
                        inside += d[corner] < 0
                    if not whole or inside == 0 or inside == 8:
                        continue
                    sx = sy = sz = red = green = blue = 0.0
                    crossings = 0
                    for a in range(8):
                        for bit in (4, 2, 1):
                            e = a | bit
                            if a & bit or (d[a] < 0) == (d[e] < 0):
                                continue
                            t = d[a] / (d[a] - d[e])
                            sx += (a >> 2) + (t if bit == 4 else 0.0)
                            sy += (a >> 1 & 1) + (t if bit == 2 else 0.0)
                            sz += (a & 1) + (t if bit == 1 else 0.0)
                            ca, ce = color[at_block[a], at_voxel[a]], color[at_block[e], at_voxel[e]]
                            red += ca[0] + (float(ce[0]) - ca[0]) * t
                            green += ca[1] + (float(ce[1]) - ca[1]) * t
                            blue += ca[2] + (float(ce[2]) - ca[2]) * t
                            crossings += 1
                    if used == capacity:
                        capacity *= 2
                        more = np.empty((capacity, 3), np.float32)
                        more[:used] = vertices
                        vertices = more
                        paint = np.empty((capacity, 3), np.float32)
                        paint[:used] = colors
                        colors = paint
                    vertices[used, 0] = (coords[b, 0] * SIDE + i + sx / crossings) * voxel_m
                    vertices[used, 1] = (coords[b, 1] * SIDE + j + sy / crossings) * voxel_m
                    vertices[used, 2] = (coords[b, 2] * SIDE + k + sz / crossings) * voxel_m
                    scale = 1.0 / (COLOR_SCALE * crossings)
                    colors[used, 0] = red * scale
                    colors[used, 1] = green * scale
                    colors[used, 2] = blue * scale
                    occupied[b, cell >> 3] |= np.uint8(1 << (cell & 7))
                    used += 1
    return vertices[:used].copy(), colors[:used].copy()


@njit(cache=True, nogil=True)
def edge_faces(before: Int32, after: Int32, sdf: Float32, seen: UInt8, least: int, index: Int32) -> Int32:
    """Surface nets, second half: two triangles around every voxel edge that the surface crosses, through the vertices
    of the four cells that share the edge.

    Args:
        before: (N, 8) rows in `index` of the blocks and their neighbours towards lower coordinates, -1 = none.
        after: (N, 8) slots of them and their neighbours towards higher coordinates, -1 = none.
        index: (M, 512) vertex of each cell, -1 = none.
    """
    capacity = 2048
    faces = np.empty((capacity, 3), np.int32)
    used = 0
    quad = np.empty(4, np.int32)
    for b in range(len(after)):
        slot = after[b, 0]
        for i in range(SIDE):
            for j in range(SIDE):
                for k in range(SIDE):
                    here = (i * SIDE + j) * SIDE + k
                    if seen[slot, here] < least:
                        continue
                    for axis in range(3):
                        x, y, z = i + (axis == 0), j + (axis == 1), k + (axis == 2)
                        other = after[b, (x // SIDE) * 4 + (y // SIDE) * 2 + z // SIDE]
                        if other < 0:
                            continue
                        there = ((x % SIDE) * SIDE + y % SIDE) * SIDE + z % SIDE
                        if seen[other, there] < least or (sdf[slot, here] < 0) == (sdf[other, there] < 0):
                            continue
                        closed = True
                        for q in range(4):
                            # Cells around the edge, in turn: the other two axes step back by 0 or 1.
                            one, two = (0, 1, 1, 0)[q], (0, 0, 1, 1)[q]
                            x = i - (one if axis == 1 else two if axis == 2 else 0)
                            y = j - (one if axis == 2 else two if axis == 0 else 0)
                            z = k - (one if axis == 0 else two if axis == 1 else 0)
                            home = before[b, (x < 0) * 4 + (y < 0) * 2 + (z < 0)]
                            if home < 0:
                                closed = False
                                break
                            cell = ((x % SIDE) * SIDE + y % SIDE) * SIDE + z % SIDE
                            quad[q] = index[home, cell]
                            if quad[q] < 0:
                                closed = False
                                break
                        if not closed:
                            continue
                        if used + 2 > capacity:
                            capacity *= 2
                            more = np.empty((capacity, 3), np.int32)
                            more[:used] = faces
                            faces = more
                        if sdf[slot, here] >= 0:
                            first, second, third, fourth = quad[0], quad[1], quad[2], quad[3]
                        else:
                            first, second, third, fourth = quad[3], quad[2], quad[1], quad[0]
                        faces[used, 0], faces[used, 1], faces[used, 2] = first, second, third
                        faces[used + 1, 0], faces[used + 1, 1], faces[used + 1, 2] = first, third, fourth
                        used += 2
    return faces[:used].copy()


@njit(cache=True, nogil=True)
def cell_index(occupied: UInt8, first: Int32) -> Int32:
    """(M, 512) vertex of each cell, -1 = none: each block counts on from its `first` (M,) over `occupied` (M, 64)."""
    out = np.empty((len(first), SIDE * SIDE * SIDE), np.int32)
    for b in range(len(first)):
        vertex = first[b]
        for cell in range(out.shape[1]):
            if occupied[b, cell >> 3] >> (cell & 7) & 1:
                out[b, cell] = vertex
                vertex += 1
            else:
                out[b, cell] = -1
    return out


@njit(cache=True, nogil=True)
def drop_small(vertices: Float32, colors: UInt8, faces: Int32, least_m2: float) -> tuple[int, int, int]:
    """Drop faces of connected pieces with less surface than `least_m2`, and vertices without a face, in place.

    Returns:
        How many rows at the beginning of `vertices` (V, 3), `colors` (V, 3) and `faces` (F, 3) are left.
    """
    root = np.arange(len(vertices)).astype(np.int32)
    for f in range(len(faces)):
        a = _root(root, faces[f, 0])
        for corner in range(1, 3):
            b = _root(root, faces[f, corner])
            # The least vertex leads its piece.
            root[max(a, b)] = min(a, b)
            a = min(a, b)
    area = np.zeros(len(vertices))
    for f in range(len(faces)):
        area[_root(root, faces[f, 0])] += _area(vertices, faces[f])
    rank = np.full(len(vertices), -1, np.int32)
    kept = 0
    for f in range(len(faces)):
        if area[_root(root, faces[f, 0])] >= least_m2:
            for corner in range(3):
                rank[faces[f, corner]] = 0
                faces[kept, corner] = faces[f, corner]
            kept += 1
    used = 0
    for vertex in range(len(vertices)):
        if rank[vertex] >= 0:
            vertices[used], colors[used] = vertices[vertex], colors[vertex]
            rank[vertex] = used
            used += 1
    for f in range(kept):
        for corner in range(3):
            faces[f, corner] = rank[faces[f, corner]]
    return used, used, kept


@njit(cache=True, nogil=True)
def _root(root: Int32, vertex: int) -> int:
    while root[vertex] != vertex:
        root[vertex] = root[root[vertex]]
        vertex = root[vertex]
    return vertex


@njit(cache=True, nogil=True)
def _area(vertices: Float32, face: Int32) -> float:
    p, q, r = vertices[face[0]], vertices[face[1]], vertices[face[2]]
    ax, ay, az = q[0] - p[0], q[1] - p[1], q[2] - p[2]
    bx, by, bz = r[0] - p[0], r[1] - p[1], r[2] - p[2]
    x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    return float(0.5 * np.sqrt(x * x + y * y + z * z))
