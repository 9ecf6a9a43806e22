"""Compiled loops over the cells of a surface raster. Imported on first use only: numba is slow to import."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, UInt8

RELIEF_M = 0.05
"""Readings so far from a plane, and as far as the sensor errs, tell of its relief: skirting boards, frames, panels."""
UNKNOWN, SURFACE, BEFORE, BEYOND = 0, 1, 2, 3
"""What one frame says of a cell: nothing; the surface is seen; something is before it; one looks through it."""


@njit(cache=True, nogil=True)
def depth_error(z: Any) -> Any:
    """Standard error of depth cameras in metres, of one z-depth or an array: quadratic (Nguyen et al. 2012, Kinect)."""
    return 0.0012 + 0.0019 * (z - 0.4) * (z - 0.4)


@njit(cache=True, nogil=True)
def observe(
    color: UInt8,
    depth: Float32,
    k: Float64,
    kd: Float64,
    A: Float64,
    B: Float64,
    C: Float64,
    eye_height: float,
    cell: float,
    wanted: UInt8,
    to_linear: Float32,
    guard: int,
    heights: Float32,
    trust: Float32,
    first: NDArray[Any],
    factor: int,
) -> tuple[Float32, Float32, UInt8]:
    """What a frame shows of a part of a raster.

    A cell counts as seen when the depth there, and `guard` depth pixels around it, lies in the plane within the
    sensor's error. Its weight is the squared number of pixels it covers, at most 1: near and straight views win.
    Heights over the plane are summed on the way, in coarser cells; readings count by the inverse of their variance.

    Args:
        color: (H, W, 3) sRGB.
        depth: (h, w) metres, 0 = none.
        k, kd: (4,) fx, fy, cx, cy of colour and depth.
        A, B, C: (3,) the part's cell (row, column) lies at C + column * A + row * B in the camera.
        eye_height: Height of the camera over the plane, metres.
        cell: Edge of a cell, metres.
        wanted: (rows, columns) cells to look at.
        to_linear: (256,) linear light of sRGB bytes.
        guard: Depth pixels by which outlines of nearer things are kept away from.
        heights, trust: (h, w) running sums of weighted heights and of weights, the whole raster's, in place.
        first: (2,) row and column of the part in the raster.
        factor: Cells of the raster per side of a cell of `heights`.

    Returns:
        (rows, columns, 3) linear colour, (rows, columns) weight, (rows, columns) verdict.
    """
    rows, columns = wanted.shape
    rgb = np.zeros((rows, columns, 3), dtype=np.float32)
    weight = np.zeros((rows, columns), dtype=np.float32)
    verdict = np.zeros((rows, columns), dtype=np.uint8)
    height, width = color.shape[:2]
    hd, wd = depth.shape
    n0, n1, n2 = A[1] * B[2] - A[2] * B[1], A[2] * B[0] - A[0] * B[2], A[0] * B[1] - A[1] * B[0]
    scale = 1.0 / math.sqrt(n0 * n0 + n1 * n1 + n2 * n2)
    if n0 * C[0] + n1 * C[1] + n2 * C[2] > 0:
        scale = -scale  # the normal points at the camera
    n0, n1, n2 = n0 * scale, n1 * scale, n2 * scale
    for r in range(rows):
        for c in range(columns):
            if not wanted[r, c]:
                continue
            x, y, z = C[0] + c * A[0] + r * B[0], C[1] + c * A[1] + r * B[1], C[2] + c * A[2] + r * B[2]
            if z < 0.15:
                continue
            a, b = x / z, y / z
            u, v = a * k[0] + k[2], b * k[1] + k[3]
            if u < 1 or v < 1 or u > width - 2 or v > height - 2:
                continue
            ud, vd = int(a * kd[0] + kd[2] + 0.5), int(b * kd[1] + kd[3] + 0.5)
            if ud < guard or vd < guard or ud >= wd - guard or vd >= hd - guard:
                continue
            d = depth[vd, ud]
            if d <= 0:
                continue
            slope = eye_height / z
            tolerance = 0.012 + 2.5 * depth_error(d) * slope
            over = eye_height - d * slope
            # Exactly so at the depth pixel's own ray; the cell's may lie half a pixel beside it.
            xd, yd = (ud - kd[2]) / kd[0], (vd - kd[3]) / kd[1]
            rise = eye_height + d * (n0 * xd + n1 * yd + n2)
            beside = abs(over) > tolerance
            if beside:
                if over > 2 * tolerance + 0.02:
                    verdict[r, c] = BEFORE
                elif over < -2 * tolerance - 0.02:
                    verdict[r, c] = BEYOND
                if abs(rise) > RELIEF_M + tolerance:
                    continue
            clear = True
            for dv in range(-guard, guard + 1, guard):
                for du in range(-guard, guard + 1, guard):
                    e = depth[vd + dv, ud + du]
                    # The neighbour's own ray has another slope; what counts is whether it is well before the surface.
                    if e > 0 and e < d - 0.03 - 0.06 * d:
                        clear = False
            if not clear:
                continue
            error = depth_error(d) * slope + 0.001
            share = 1.0 / (error * error)
            i, j = (first[0] + r) // factor, (first[1] + c) // factor
            heights[i, j] += share * rise
            trust[i, j] += share
            if beside:
                continue
            verdict[r, c] = SURFACE
            distance = math.sqrt(x * x + y * y + z * z)
            pixels = k[0] * k[1] * cell * cell * (eye_height / distance) / (z * z)
            margin = min(min(u, width - 1 - u) / width, min(v, height - 1 - v) / height)
            w = min(pixels, 1.0) ** 2 * min(1.0, 0.2 + 8.0 * margin)
            weight[r, c] = max(w, 1e-5)
            x0, y0 = int(u), int(v)
            fx, fy = u - x0, v - y0
            for q in range(3):
                top = to_linear[color[y0, x0, q]] * (1 - fx) + to_linear[color[y0, x0 + 1, q]] * fx
                low = to_linear[color[y0 + 1, x0, q]] * (1 - fx) + to_linear[color[y0 + 1, x0 + 1, q]] * fx
                rgb[r, c, q] = top * (1 - fy) + low * fy
    return rgb, weight, verdict


@njit(cache=True, nogil=True)
def add(
    rgb: Float32,
    weight: Float32,
    verdict: UInt8,
    gain: Float64,
    factor: float,
    sums: Float32,
    total: Float32,
    squares: Float32,
    counts: NDArray[Any],
) -> None:
    """Add a frame's view, brought to the common exposure, to the running sums of its part of the raster, in place."""
    rows, columns = weight.shape
    for r in range(rows):
        for c in range(columns):
            seen = verdict[r, c]
            if seen == UNKNOWN:
                continue
            if counts[seen - 1, r, c] < 255:
                counts[seen - 1, r, c] += 1
            if seen != SURFACE:
                continue
            w = weight[r, c] * factor
            total[r, c] += w
            level = 0.0
            for q in range(3):
                value = rgb[r, c, q] / gain[q]
                sums[r, c, q] += w * value
                level += value / 3.0
            squares[r, c] += w * level * level
