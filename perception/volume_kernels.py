"""Compiled loops of the voxel volume. Imported on first use only: numba is slow to import.

Arrays: `table_key` int64 and `table_value` int32 form an open-addressing hash from packed block coordinates to block
numbers; `coords` (N, 3) int32 are block coordinates; `sdf`, `weight` float32, `seen` uint8 and `color` uint16 (times 3)
hold 8 x 8 x 8 voxels per slot of `block_store`, x slowest.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, Int32, UInt8

SIDE = 8
COLOR_SCALE = 128.0
"""Colours are kept in steps of 1 / 128, with room above white for frames that were exposed longer."""
THIN_BACK = 1.5
"""Voxels behind the front of a thin thing that are taken to be in it."""
RAY_STEPS = 96
"""Blocks along a ray that are remembered."""
EMPTY = np.int64(-1)
_REACH = 1 << 20
_HALF = _REACH // 2


@njit(cache=True, nogil=True, error_model="numpy")
def clean_depth(depth: Float32, near: float, far: float, ratio: float) -> Float32:
    """Depth without far readings and flying pixels.

    A pixel flies when its left and right (or upper and lower) neighbours lie on different sides of it and each differs
    from it by more than `ratio` / 2 of its depth: a ramp that steep is interpolation between two surfaces.
    """
    height, width = depth.shape
    out = np.zeros((height, width), np.float32)
    half = np.float32(ratio / 2)
    for y in range(height):
        for x in range(width):
            d = depth[y, x]
            if not (d > near and d < far):
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
            out[y, x] = d
    return out


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _pack(x: int, y: int, z: int) -> int:
    return ((x + _HALF) * _REACH + (y + _HALF)) * _REACH + (z + _HALF)


@njit(cache=True, nogil=True, error_model="numpy")
def find(table_key: NDArray[np.int64], table_value: Int32, x: int, y: int, z: int) -> int:
    """Number of the block at (x, y, z), -1 if there is none."""
    key = _pack(x, y, z)
    mask = len(table_key) - 1
    slot = (key * 0x9E3779B97F4A7C1 >> 20) & mask
    while table_key[slot] != EMPTY:
        if table_key[slot] == key:
            return int(table_value[slot])
        slot = (slot + 1) & mask
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def insert(table_key: NDArray[np.int64], table_value: Int32, x: int, y: int, z: int, number: int) -> int:
    """Number of the block at (x, y, z), which becomes `number` if it is new."""
    key = _pack(x, y, z)
    mask = len(table_key) - 1
    slot = (key * 0x9E3779B97F4A7C1 >> 20) & mask
    while table_key[slot] != EMPTY:
        if table_key[slot] == key:
            return int(table_value[slot])
        slot = (slot + 1) & mask
    table_key[slot] = key
    table_value[slot] = number
    return number


@njit(cache=True, nogil=True, error_model="numpy")
def touch(
    depth: Float32,
    intrinsics: Float64,
    T: Float64,
    stride: int,
    band: float,
    block_m: float,
    table_key: NDArray[np.int64],
    table_value: Int32,
    coords: Int32,
    stamp: Int32,
    count: int,
    now: int,
    out: Int32,
) -> tuple[int, int]:
    """Blocks within `band` of the depth readings, which get numbers when they are new, and known ones before them.

    Returns the number of blocks known and of those written to `out`; a negative first value means: no room, grow.
    """
    fx, fy, cx, cy = intrinsics
    touched = 0
    # Neighbouring rays mostly meet the same blocks: what the last ray met at the same place need not be looked up.
    last = np.full((RAY_STEPS, 3), 1 << 22, np.int64)
    for v in range(stride // 2, depth.shape[0], stride):
        for u in range(stride // 2, depth.shape[1], stride):
            d = depth[v, u]
            if d <= 0:
                continue
            rx, ry = (u - cx) / fx, (v - cy) / fy
            px, py, pz = 1 << 21, 0, 0
            for k in range(-2, 3):
                z = d + band * 0.5 * k
                x = T[0, 0] * rx * z + T[0, 1] * ry * z + T[0, 2] * z + T[0, 3]
                y = T[1, 0] * rx * z + T[1, 1] * ry * z + T[1, 2] * z + T[1, 3]
                w = T[2, 0] * rx * z + T[2, 1] * ry * z + T[2, 2] * z + T[2, 3]
                bx, by, bz = int(np.floor(x / block_m)), int(np.floor(y / block_m)), int(np.floor(w / block_m))
                if bx == px and by == py and bz == pz:
                    continue
                px, py, pz = bx, by, bz
                if last[k + 2, 0] == bx and last[k + 2, 1] == by and last[k + 2, 2] == bz:
                    continue
                last[k + 2, 0], last[k + 2, 1], last[k + 2, 2] = bx, by, bz
                if not (abs(bx) < _HALF and abs(by) < _HALF and abs(bz) < _HALF):
                    continue
                number = insert(table_key, table_value, bx, by, bz, count)
                if number == count:
                    coords[count, 0], coords[count, 1], coords[count, 2] = bx, by, bz
                    count += 1
                if stamp[number] != now:
                    stamp[number] = now
                    out[touched] = number
                    touched += 1
                if count >= len(coords) or touched >= len(out):
                    return -count, touched
    # Known blocks in the free space before the readings: they are carved, or rims and moved things would stay.
    step = 0.9 * block_m
    last[:] = 1 << 22
    for v in range(stride // 2, depth.shape[0], 2 * stride):
        for u in range(stride // 2, depth.shape[1], 2 * stride):
            rx, ry = (u - cx) / fx, (v - cy) / fy
            z, k = step, 0
            while z < depth[v, u] - band:
                x = T[0, 0] * rx * z + T[0, 1] * ry * z + T[0, 2] * z + T[0, 3]
                y = T[1, 0] * rx * z + T[1, 1] * ry * z + T[1, 2] * z + T[1, 3]
                w = T[2, 0] * rx * z + T[2, 1] * ry * z + T[2, 2] * z + T[2, 3]
                z += step
                bx, by, bz = int(np.floor(x / block_m)), int(np.floor(y / block_m)), int(np.floor(w / block_m))
                k = min(k + 1, RAY_STEPS - 1)
                if last[k, 0] == bx and last[k, 1] == by and last[k, 2] == bz:
                    continue
                last[k, 0], last[k, 1], last[k, 2] = bx, by, bz
                if not (abs(bx) < _HALF and abs(by) < _HALF and abs(bz) < _HALF):
                    continue
                number = find(table_key, table_value, bx, by, bz)
                if number >= 0 and stamp[number] != now:
                    stamp[number] = now
                    out[touched] = number
                    touched += 1
    return count, touched


@njit(cache=True, nogil=True, error_model="numpy")
def integrate(
    slots: Int32,
    coords: Int32,
    sdf: Float32,
    weight: Float32,
    seen: UInt8,
    color: NDArray[np.uint16],
    depth: Float32,
    weights: Float32,
    picture: UInt8,
    gain: Float64,
    depth_intrinsics: Float64,
    color_intrinsics: Float64,
    T_camera_world: Float64,
    voxel_m: float,
    band: float,
) -> None:
    """Fold one frame into the blocks in `slots` (n,) at `coords` (n, 3).

    Running weighted means of distance and colour (Curless & Levoy 1996).

    Readings weigh as `reading_weights` says, colours are multiplied by `gain`. Behind the surface a reading fades
    (Bylow et al. 2013) and ends as soon as noise allows: what lies there is hidden, and a reading that reached on would
    grow skirts past far edges. Negative weights mark thin things (`thin_kernels`): what is close behind them speaks in
    full against the rays that pass beside them, and nothing beyond, since no thickness is known.
    """
    fx, fy, cx, cy = depth_intrinsics
    gx, gy, hx, hy = color_intrinsics
    height, width = depth.shape
    tall, wide = picture.shape[:2]
    R = T_camera_world
    inverse_band = 1.0 / band
    one_camera = tall == height and wide == width and fx == gx and fy == gy and cx == hx and cy == hy
    for n in range(len(slots)):
        b = slots[n]
        ox, oy, oz = coords[n, 0] * SIDE * voxel_m, coords[n, 1] * SIDE * voxel_m, coords[n, 2] * SIDE * voxel_m
        for i in range(SIDE):
            for j in range(SIDE):
                x, y, z = ox + i * voxel_m, oy + j * voxel_m, oz
                px = R[0, 0] * x + R[0, 1] * y + R[0, 2] * z + R[0, 3]
                py = R[1, 0] * x + R[1, 1] * y + R[1, 2] * z + R[1, 3]
                pz = R[2, 0] * x + R[2, 1] * y + R[2, 2] * z + R[2, 3]
                for k in range(SIDE):
                    qz = pz + R[2, 2] * k * voxel_m
                    if qz < 0.05:
                        continue
                    qx = px + R[0, 2] * k * voxel_m
                    qy = py + R[1, 2] * k * voxel_m
                    by_z = 1.0 / qz
                    u = int(np.floor(fx * qx * by_z + cx + 0.5))
                    v = int(np.floor(fy * qy * by_z + cy + 0.5))
                    if u < 0 or v < 0 or u >= width or v >= height:
                        continue
                    d = depth[v, u]
                    if d <= 0:
                        continue
                    distance = d - qz
                    w = float(weights[v, u])
                    behind = THIN_BACK * voxel_m if w < 0 else min(2.6 * voxel_m + 0.004 * d * d, band)
                    if distance <= -behind:
                        continue
                    if w < 0:
                        w = -w
                    elif distance < 0:
                        w *= 1.0 + 0.9 * distance / behind
                    value = min(distance * inverse_band, 1.0)
                    at = (i * SIDE + j) * SIDE + k
                    old = weight[b, at]
                    share = w / (old + w)
                    sdf[b, at] += np.float32((value - sdf[b, at]) * share)
                    weight[b, at] = min(old + w, 64.0)
                    if seen[b, at] < 255:
                        seen[b, at] += 1
                    if distance < band:
                        s, t = u, v
                        if not one_camera:
                            s = int(np.floor(gx * qx * by_z + hx + 0.5))
                            t = int(np.floor(gy * qy * by_z + hy + 0.5))
                        if 0 <= s < wide and 0 <= t < tall:
                            # Free space seen before has weight but no colour yet.
                            bare = color[b, at, 0] == 0 and color[b, at, 1] == 0 and color[b, at, 2] == 0
                            blend = 1.0 if bare else share
                            for c in range(3):
                                now = color[b, at, c]
                                fresh = min(COLOR_SCALE * gain[c] * picture[t, s, c], 65534.0)
                                color[b, at, c] = np.uint16(now + (fresh - now) * blend + 0.5)


@njit(cache=True, nogil=True, error_model="numpy")
def neighbour_table(coords: Int32, table_key: NDArray[np.int64], table_value: Int32, step: int) -> Int32:
    """(N, 8) numbers of the blocks at `coords` (N, 3) + (dx, dy, dz) * step, each 0 or 1, at dx * 4 + dy * 2 + dz."""
    out = np.empty((len(coords), 8), np.int32)
    for b in range(len(coords)):
        for side in range(8):
            dx, dy, dz = (side >> 2) * step, (side >> 1 & 1) * step, (side & 1) * step
            out[b, side] = find(table_key, table_value, coords[b, 0] + dx, coords[b, 1] + dy, coords[b, 2] + dz)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def rehash(count: int, coords: Int32, table_key: NDArray[np.int64], table_value: Int32) -> None:
    """Fill an empty table with the known blocks."""
    for b in range(count):
        insert(table_key, table_value, coords[b, 0], coords[b, 1], coords[b, 2], b)
