"""Compiled loops over one frame's readings: how much each depth reading is worth, and how the frame was exposed.

Imported on first use only: numba is slow to import.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, Int32, UInt8

from .volume_kernels import COLOR_SCALE, SIDE

REACH = 2
"""Slopes are taken over this many pixels to each side: sensors smooth over as many."""
BINS = 128
LARGEST = 0.7
"""Exposures that differ by more than a factor of two (natural logarithm) are not believed."""
MIN_SAMPLES = 400


@njit(cache=True, nogil=True, error_model="numpy")
def reading_weights(depth: Float32, fx: float, fy: float) -> Float32:
    """Weight (H, W) of each depth reading: what its error grows with, distance and grazing angle, counts against it.

    Inverse square of the distance and cosine of the angle, as in KinectFusion (Newcombe et al. 2011); 1 within a metre
    face on.
    """
    height, width = depth.shape
    out = np.empty((height, width), np.float32)
    across, down = np.float32(fx / (2 * REACH)), np.float32(fy / (2 * REACH))
    none = np.zeros(width, np.float32)
    for v in range(height):
        inside = REACH <= v < height - REACH
        above, below = (depth[v - REACH], depth[v + REACH]) if inside else (none, none)
        _row_weights(depth[v], above, below, across, down, out[v])
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _row_weights(
    row: Float32, above: Float32, below: Float32, across: np.float32, down: np.float32, out: Float32
) -> None:
    """Weights of one row; without a branch in the loop, so that the compiler can do several pixels at once."""
    zero, one, least = np.float32(0), np.float32(1), np.float32(0.1)
    width = len(row)
    for u in range(width):
        d = row[u] if row[u] > zero else one
        y = (below[u] - above[u]) * down / d if (above[u] > zero) & (below[u] > zero) else zero
        out[u] = y * y
    for u in range(REACH, width - REACH):
        a, b = row[u - REACH], row[u + REACH]
        d = row[u] if row[u] > zero else one
        x = (b - a) * across / d if (a > zero) & (b > zero) else zero
        out[u] += x * x
    for u in range(width):
        d = row[u]
        far = d * d if d > one else one
        lean = one / np.sqrt(one + out[u])
        weight = (lean if lean > least else least) / far
        out[u] = weight if d > zero else zero


@njit(cache=True, nogil=True, error_model="numpy")
def exposure_gain(
    slots: Int32,
    coords: Int32,
    sdf: Float32,
    seen: UInt8,
    color: NDArray[np.uint16],
    depth: Float32,
    picture: UInt8,
    depth_intrinsics: Float64,
    color_intrinsics: Float64,
    T_camera_world: Float64,
    voxel_m: float,
) -> tuple[bool, Float64]:
    """Whether enough says so, and the factors (3,) that give a picture the exposure of the surface fused so far.

    The median ratio of a channel over surface voxels seen before, where neither is dark or burnt out.
    """
    fx, fy, cx, cy = depth_intrinsics
    gx, gy, hx, hy = color_intrinsics
    height, width = depth.shape
    tall, wide = picture.shape[:2]
    R = T_camera_world
    held = np.zeros((3, BINS), np.int64)
    samples = 0
    for n in range(len(slots)):
        b = slots[n]
        for cell in range(n % 3, SIDE * SIDE * SIDE, 3):  # a third of the voxels will do
            if seen[b, cell] < 1 or abs(sdf[b, cell]) > 0.25:
                continue
            x = (coords[n, 0] * SIDE + cell // 64) * voxel_m
            y = (coords[n, 1] * SIDE + cell // 8 % 8) * voxel_m
            z = (coords[n, 2] * SIDE + cell % 8) * voxel_m
            qz = R[2, 0] * x + R[2, 1] * y + R[2, 2] * z + R[2, 3]
            if qz < 0.05:
                continue
            qx = (R[0, 0] * x + R[0, 1] * y + R[0, 2] * z + R[0, 3]) / qz
            qy = (R[1, 0] * x + R[1, 1] * y + R[1, 2] * z + R[1, 3]) / qz
            u, v = int(np.floor(fx * qx + cx + 0.5)), int(np.floor(fy * qy + cy + 0.5))
            s, t = int(np.floor(gx * qx + hx + 0.5)), int(np.floor(gy * qy + hy + 0.5))
            if not (0 <= u < width and 0 <= v < height and 0 <= s < wide and 0 <= t < tall):
                continue
            if abs(depth[v, u] - qz) > 1.5 * voxel_m:
                continue
            fine = True
            for c in range(3):
                fine = fine and 16 <= picture[t, s, c] <= 240 and color[b, cell, c] >= 16 * COLOR_SCALE
            if fine:
                samples += 1
                for c in range(3):
                    r = np.log(color[b, cell, c] / (COLOR_SCALE * picture[t, s, c]))
                    held[c, min(max(int((r / LARGEST + 1) * BINS / 2), 0), BINS - 1)] += 1
    gain = np.ones(3)
    believed = samples >= MIN_SAMPLES
    if believed:
        for c in range(3):
            total, k = 0, 0
            while 2 * (total + held[c, k]) < samples:
                total += held[c, k]
                k += 1
            inside = (0.5 * samples - total) / held[c, k]
            log = ((k + inside) * 2 / BINS - 1) * LARGEST
            believed = believed and abs(log) < 0.95 * LARGEST
            gain[c] = np.exp(log)
    return believed, gain
