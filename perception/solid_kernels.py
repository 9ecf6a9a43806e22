"""Compiled loops that make a closed 2-manifold of a signed distance grid. Imported on first use only.

Surface nets (Gibson 1998) put one vertex into every cell that the surface crosses. They are a 2-manifold where no cell
is ambiguous, that is where the grid is well-composed (Latecki 1997): the inside corners of every cell hang together
along its edges, so do the outside ones, and no face has inside corners across its diagonal only. `mend` makes it so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, Int32, UInt8

NEAR_CORNER = 0.05
"""A vertex keeps this share of an edge away from corners, so that no two of different cells coincide."""


@njit(cache=True)
def fillable() -> UInt8:
    """(256,) for each set of inside corners (bit x * 4 + y * 2 + z) those outside that spoil the cell, 0 if none."""
    out = np.zeros(256, np.uint8)
    for inside in range(256):
        bad = 0
        for axis in (4, 2, 1):
            one, two = (2, 1) if axis == 4 else (4, 1) if axis == 2 else (4, 2)
            for base in (0, axis):
                a, b, c, d = (inside >> base) & 1, (inside >> (base | one)) & 1, (inside >> (base | two)) & 1, 0
                d = (inside >> (base | one | two)) & 1
                if a == d and b == c and a != b:
                    bad |= (1 << (base | one)) | (1 << (base | two)) if a else (1 << base) | (1 << (base | one | two))
        if bad == 0:
            for corner in range(4):
                pair = (1 << corner) | (1 << (7 - corner))
                if inside == pair or inside == 255 - pair:
                    bad = 255 - inside
        out[inside] = bad
    return out


@njit(cache=True)
def mend(field: Float32, spoils: UInt8, least: float) -> int:
    """Fill single voxels of `field` (X, Y, Z; negative inside), changed in place, until no cell is ambiguous.

    The outside voxel nearest to the surface becomes inside by `least`. It only ever adds, so it ends. Returns how many.
    """
    nx, ny, nz = field.shape
    filled = 0
    first, last = 0, nx - 2
    while first <= last:
        low, high = nx, -1
        for i in range(first, last + 1):
            for j in range(ny - 1):
                for k in range(nz - 1):
                    inside = 0
                    for c in range(8):
                        if field[i + (c >> 2), j + (c >> 1 & 1), k + (c & 1)] < 0:
                            inside |= 1 << c
                    bad = spoils[inside]
                    if bad == 0:
                        continue
                    nearest, where = np.float32(np.inf), 0
                    for c in range(8):
                        d = field[i + (c >> 2), j + (c >> 1 & 1), k + (c & 1)]
                        if bad >> c & 1 and d < nearest:
                            nearest, where = d, c
                    field[i + (where >> 2), j + (where >> 1 & 1), k + (where & 1)] = -least
                    filled += 1
                    low, high = min(low, i), max(high, i)
        # What was filled concerns the cells around it alone.
        first, last = max(low - 1, 0), min(high + 1, nx - 2)
    return filled


@njit(cache=True)
def extract(field: Float32, origin: Float64, voxel_m: float) -> tuple[Float32, Int32]:
    """Vertices (N, 3) in metres and faces (M, 3), outwards, of the zero level of a mended `field` whose rim is outside.

    Only two layers of cell numbers are held at a time.
    """
    nx, ny, nz = field.shape
    vertices, faces = np.empty((4096, 3), np.float32), np.empty((8192, 3), np.int32)
    count = used = 0
    layers = np.full((2, ny, nz), -1, np.int32)
    for i in range(nx - 1):
        now, before = layers[i % 2], layers[(i + 1) % 2]
        now[:] = -1
        for j in range(ny - 1):
            for k in range(nz - 1):
                inside = 0
                for c in range(8):
                    inside += field[i + (c >> 2), j + (c >> 1 & 1), k + (c & 1)] < 0
                if inside == 0 or inside == 8:
                    continue
                if count == len(vertices):
                    vertices = _larger(vertices)
                x, y, z = _centre(field, i, j, k)
                vertices[count, 0] = origin[0] + (i + x) * voxel_m
                vertices[count, 1] = origin[1] + (j + y) * voxel_m
                vertices[count, 2] = origin[2] + (k + z) * voxel_m
                now[j, k] = count
                count += 1
        for j in range(1, ny - 1):
            for k in range(1, nz - 1):
                if used + 6 > len(faces):
                    faces = _larger(faces)
                here = field[i, j, k] < 0
                if here != (field[i + 1, j, k] < 0):
                    used = _quad(faces, used, here, now[j - 1, k - 1], now[j, k - 1], now[j, k], now[j - 1, k])
                if i == 0:
                    continue
                if here != (field[i, j + 1, k] < 0):
                    used = _quad(faces, used, here, before[j, k - 1], before[j, k], now[j, k], now[j, k - 1])
                if here != (field[i, j, k + 1] < 0):
                    used = _quad(faces, used, here, before[j - 1, k], now[j - 1, k], now[j, k], before[j, k])
    return vertices[:count].copy(), faces[:used].copy()


@njit(cache=True, inline="always")
def _centre(field: Float32, i: int, j: int, k: int) -> tuple[float, float, float]:
    """Mean of the points where the surface crosses the cell's edges, in voxels from its lowest corner."""
    x = y = z = 0.0
    crossings = 0
    for a in range(8):
        da = field[i + (a >> 2), j + (a >> 1 & 1), k + (a & 1)]
        for bit in (4, 2, 1):
            b = a | bit
            if a & bit:
                continue
            db = field[i + (b >> 2), j + (b >> 1 & 1), k + (b & 1)]
            if (da < 0) == (db < 0):
                continue
            t = min(max(da / (da - db), NEAR_CORNER), 1.0 - NEAR_CORNER)
            x += (a >> 2) + (t if bit == 4 else 0.0)
            y += (a >> 1 & 1) + (t if bit == 2 else 0.0)
            z += (a & 1) + (t if bit == 1 else 0.0)
            crossings += 1
    return x / crossings, y / crossings, z / crossings


@njit(cache=True, inline="always")
def _quad(faces: Int32, used: int, inside: bool, a: int, b: int, c: int, d: int) -> int:
    if inside:
        faces[used, 0], faces[used, 1], faces[used, 2] = a, b, c
        faces[used + 1, 0], faces[used + 1, 1], faces[used + 1, 2] = a, c, d
    else:
        faces[used, 0], faces[used, 1], faces[used, 2] = c, b, a
        faces[used + 1, 0], faces[used + 1, 1], faces[used + 1, 2] = d, c, a
    return used + 2


@njit(cache=True)
def _larger(rows: NDArray[Any]) -> NDArray[Any]:
    more = np.empty((2 * len(rows), 3), rows.dtype)
    more[: len(rows)] = rows
    return more
