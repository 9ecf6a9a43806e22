"""Compiled loops of the voxel volume. Imported on first use only: numba is slow to import.

Arrays: `table_key` int64 and `table_value` int32 form an open-addressing hash from packed block coordinates to block
numbers; `coords` (N, 3) int32 are block coordinates; `sdf`, `weight` float32, `seen` uint8 and `color` uint16 (times 3)
hold 8 x 8 x 8 voxels per block, x slowest.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, Int32, UInt8

SIDE = 8
COLOR_SCALE = 128.0
"""Colours are kept in steps of 1 / 128, with room above white for frames that were exposed longer."""
EMPTY = np.int64(-1)
_REACH = 1 << 20
_HALF = _REACH // 2


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True, inline="always")
def _pack(x: int, y: int, z: int) -> int:
    return ((x + _HALF) * _REACH + (y + _HALF)) * _REACH + (z + _HALF)


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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
    for v in range(stride // 2, depth.shape[0], 2 * stride):
        for u in range(stride // 2, depth.shape[1], 2 * stride):
            rx, ry = (u - cx) / fx, (v - cy) / fy
            z = step
            while z < depth[v, u] - band:
                x = T[0, 0] * rx * z + T[0, 1] * ry * z + T[0, 2] * z + T[0, 3]
                y = T[1, 0] * rx * z + T[1, 1] * ry * z + T[1, 2] * z + T[1, 3]
                w = T[2, 0] * rx * z + T[2, 1] * ry * z + T[2, 2] * z + T[2, 3]
                z += step
                bx, by, bz = int(np.floor(x / block_m)), int(np.floor(y / block_m)), int(np.floor(w / block_m))
                if not (abs(bx) < _HALF and abs(by) < _HALF and abs(bz) < _HALF):
                    continue
                number = find(table_key, table_value, bx, by, bz)
                if number >= 0 and stamp[number] != now:
                    stamp[number] = now
                    out[touched] = number
                    touched += 1
    return count, touched


@njit(cache=True, nogil=True)
def integrate(
    blocks: Int32,
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
    """Fold one frame into the given blocks: running weighted means of distance and colour (Curless & Levoy 1996).

    Readings weigh as `reading_weights` says, colours are multiplied by `gain`. Behind the surface a reading fades
    (Bylow et al. 2013) and ends as soon as noise allows: what lies there is hidden, and a reading that reached on would
    grow skirts past far edges.
    """
    fx, fy, cx, cy = depth_intrinsics
    gx, gy, hx, hy = color_intrinsics
    height, width = depth.shape
    tall, wide = picture.shape[:2]
    R = T_camera_world
    inverse_band = 1.0 / band
    for n in range(len(blocks)):
        b = blocks[n]
        ox, oy, oz = coords[b, 0] * SIDE * voxel_m, coords[b, 1] * SIDE * voxel_m, coords[b, 2] * SIDE * voxel_m
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
                    u = int(np.floor(fx * qx / qz + cx + 0.5))
                    v = int(np.floor(fy * qy / qz + cy + 0.5))
                    if u < 0 or v < 0 or u >= width or v >= height:
                        continue
                    d = depth[v, u]
                    if d <= 0:
                        continue
                    distance = d - qz
                    behind = min(2.6 * voxel_m + 0.004 * d * d, band)
                    if distance <= -behind:
                        continue
                    w = float(weights[v, u])
                    if distance < 0:
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
                        s = int(np.floor(gx * qx / qz + hx + 0.5))
                        t = int(np.floor(gy * qy / qz + hy + 0.5))
                        if 0 <= s < wide and 0 <= t < tall:
                            # Free space seen before has weight but no colour yet.
                            bare = color[b, at, 0] == 0 and color[b, at, 1] == 0 and color[b, at, 2] == 0
                            blend = 1.0 if bare else share
                            for c in range(3):
                                now = color[b, at, c]
                                fresh = min(COLOR_SCALE * gain[c] * picture[t, s, c], 65534.0)
                                color[b, at, c] = np.uint16(now + (fresh - now) * blend + 0.5)


@njit(cache=True, nogil=True)
def cell_vertices(
    count: int,
    coords: Int32,
    neighbours: Int32,
    sdf: Float32,
    seen: UInt8,
    color: NDArray[np.uint16],
    least: int,
    voxel_m: float,
    index: Int32,
) -> tuple[Float32, Float32]:
    """Surface nets, first half (Gibson 1998): one vertex in every cell the surface passes, at the mean of its edge
    crossings. `index` (N, 512) gets each cell's vertex, -1 = none."""
    capacity = 1024
    vertices = np.empty((capacity, 3), np.float32)
    colors = np.empty((capacity, 3), np.float32)
    used = 0
    d = np.empty(8)
    at_block = np.empty(8, np.int64)
    at_voxel = np.empty(8, np.int64)
    for b in range(count):
        for i in range(SIDE):
            for j in range(SIDE):
                for k in range(SIDE):
                    cell = (i * SIDE + j) * SIDE + k
                    index[b, cell] = -1
                    inside = 0
                    whole = True
                    for corner in range(8):
                        x, y, z = i + (corner >> 2), j + (corner >> 1 & 1), k + (corner & 1)
                        side = (x // SIDE) * 4 + (y // SIDE) * 2 + z // SIDE
                        other = neighbours[b, side]
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
                    index[b, cell] = used
                    used += 1
    return vertices[:used].copy(), colors[:used].copy()


@njit(cache=True, nogil=True)
def edge_faces(count: int, before: Int32, after: Int32, sdf: Float32, seen: UInt8, least: int, index: Int32) -> Int32:
    """Surface nets, second half: two triangles around every voxel edge that the surface crosses, through the vertices
    of the four cells that share the edge. `before` and `after` (N, 8) are neighbours towards lower and higher
    coordinates."""
    capacity = 2048
    faces = np.empty((capacity, 3), np.int32)
    used = 0
    quad = np.empty(4, np.int32)
    for b in range(count):
        for i in range(SIDE):
            for j in range(SIDE):
                for k in range(SIDE):
                    here = (i * SIDE + j) * SIDE + k
                    if seen[b, here] < least:
                        continue
                    for axis in range(3):
                        x, y, z = i + (axis == 0), j + (axis == 1), k + (axis == 2)
                        other = after[b, (x // SIDE) * 4 + (y // SIDE) * 2 + z // SIDE]
                        if other < 0:
                            continue
                        there = ((x % SIDE) * SIDE + y % SIDE) * SIDE + z % SIDE
                        if seen[other, there] < least or (sdf[b, here] < 0) == (sdf[other, there] < 0):
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
                        if sdf[b, here] >= 0:
                            first, second, third, fourth = quad[0], quad[1], quad[2], quad[3]
                        else:
                            first, second, third, fourth = quad[3], quad[2], quad[1], quad[0]
                        faces[used, 0], faces[used, 1], faces[used, 2] = first, second, third
                        faces[used + 1, 0], faces[used + 1, 1], faces[used + 1, 2] = first, third, fourth
                        used += 2
    return faces[:used].copy()


@njit(cache=True, nogil=True)
def neighbour_table(count: int, coords: Int32, table_key: NDArray[np.int64], table_value: Int32, step: int) -> Int32:
    """(N, 8) numbers of the blocks at offsets (dx, dy, dz) * step, each 0 or 1, number dx * 4 + dy * 2 + dz."""
    out = np.empty((count, 8), np.int32)
    for b in range(count):
        for side in range(8):
            dx, dy, dz = (side >> 2) * step, (side >> 1 & 1) * step, (side & 1) * step
            out[b, side] = find(table_key, table_value, coords[b, 0] + dx, coords[b, 1] + dy, coords[b, 2] + dz)
    return out


@njit(cache=True, nogil=True)
def rehash(count: int, coords: Int32, table_key: NDArray[np.int64], table_value: Int32) -> None:
    """Fill an empty table with the known blocks."""
    for b in range(count):
        insert(table_key, table_value, coords[b, 0], coords[b, 1], coords[b, 2], b)
