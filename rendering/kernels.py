"""The per-pixel loops, compiled by numba. Plain arrays in, plain arrays out; one thread, so results never vary.

Import this module only where it is used: numba takes a while to load.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile on first use and keep the machine code beside the module."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


@kernel
def smooth(low: float, high: float, x: float) -> float:
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@kernel
def sigma(z: float) -> float:
    """Standard error of depth cameras in metres: quadratic in distance (Nguyen et al. 2012, Kinect noise)."""
    return 0.0012 + 0.0019 * (z - 0.4) * (z - 0.4)


@kernel
def offset_rays(pixels: Array, offsets: Array, k: Array, R: Array, origin: Array) -> Array:
    """(n * m, 6) rays for m fixed offsets within each of the pixels (n, 2) [x, y]."""
    m = len(offsets)
    out = np.empty((len(pixels) * m, 6), dtype=np.float32)
    for i in range(len(pixels)):
        for s in range(m):
            x = (pixels[i, 0] + offsets[s, 0] - k[2]) / k[0]
            y = (pixels[i, 1] + offsets[s, 1] - k[3]) / k[1]
            for c in range(3):
                out[i * m + s, c] = origin[c]
                out[i * m + s, 3 + c] = R[c, 0] * x + R[c, 1] * y + R[c, 2]
    return out


@kernel
def plane_shadow(
    ratio_out: Array,
    on_plane: Array,
    need: Array,
    x0: int,
    y0: int,
    real: Array,
    k: Array,
    R: Array,
    origin: Array,
    T: Array,
    ratio: Array,
    inside: Array,
    low: Array,
    cell: float,
) -> None:
    """Lay a plane's light ratio over the pixels whose real surface is that plane; of several, what changes it most."""
    h, w = real.shape
    nx, nz = ratio.shape[:2]
    o, d = np.empty(3), np.empty(3)
    for c in range(3):
        o[c] = T[0, c] * (origin[0] - T[0, 3]) + T[1, c] * (origin[1] - T[1, 3]) + T[2, c] * (origin[2] - T[2, 3])
    if o[1] <= 0:
        return
    for i in range(h):
        for j in range(w):
            if not need[i, j]:
                continue
            x, y = (x0 + j - k[2]) / k[0], (y0 + i - k[3]) / k[1]
            for c in range(3):
                d[c] = 0.0
                for r in range(3):
                    d[c] += T[r, c] * (R[r, 0] * x + R[r, 1] * y + R[r, 2])
            if d[1] >= -1e-6:
                continue
            t = -o[1] / d[1]
            fx, fz = (o[0] + t * d[0] - low[0]) / cell, (o[2] + t * d[2] - low[1]) / cell
            if t <= 0 or fx < 0 or fz < 0 or fx >= nx - 1 or fz >= nz - 1:
                continue
            a, b = int(fx), int(fz)
            u, v = fx - a, fz - b
            z = real[i, j]
            flat = inside[a, b]
            if z > 0:
                # Low things take the plane's shadow too; "below the plane" can only be the sensor's error.
                height, s = o[1] + z * d[1], sigma(z)
                height = -0.5 * height if height < 0 else height
                flat *= 1.0 - smooth(0.025 + 2.0 * s, 0.05 + 4.0 * s, height)
            on_plane[i, j] = max(on_plane[i, j], flat)
            for c in range(3):
                value = (ratio[a, b, c] * (1 - u) + ratio[a + 1, b, c] * u) * (1 - v)
                value += (ratio[a, b + 1, c] * (1 - u) + ratio[a + 1, b + 1, c] * u) * v
                value = 1.0 - flat * (1.0 - value)
                if abs(value - 1.0) > abs(ratio_out[i, j, c] - 1.0):
                    ratio_out[i, j, c] = value


@kernel
def mesh_shadow(
    asked: Array, real: Array, scan: Array, face: Array, uv: Array, faces: Array, vertex: Array
) -> tuple[Array, Array]:
    """Shadow on the scanned surface where pixels really show it: (h, w, 3) darkness, negative where content adds light,
    and (h, w) how far it is known 0..1.

    -1 for "known" where the real surface is another one, which must keep its light, and where nobody looked.
    """
    h, w = real.shape
    dark, known = np.zeros((h, w, 3), dtype=np.float32), np.zeros((h, w), dtype=np.float32)
    for i in range(h):
        for j in range(w):
            m = scan[i, j]
            if not math.isfinite(m):
                known[i, j] = 0.0 if asked[i, j] else -1.0
                continue
            f = face[i, j]
            u, v = uv[i, j, 0], uv[i, j, 1]
            s = sigma(m)
            agree = 1.0 - smooth(0.015 + 1.5 * s, 0.03 + 4.0 * s, abs(m - real[i, j]))
            known[i, j] = agree if agree > 0.5 else -1.0
            for c in range(3):
                value = vertex[faces[f, 0], c] * (1 - u - v) + vertex[faces[f, 1], c] * u + vertex[faces[f, 2], c] * v
                dark[i, j, c] = agree * (1.0 - value)
    return dark, known


@kernel
def lay_mesh_shadow(ratio: Array, on_plane: Array, dark: Array, known: Array, wide: Array, weight: Array) -> None:
    """Darken `ratio` in place; where the mesh has a hole its surroundings' (blurred) darkness fades out into it."""
    h, w = on_plane.shape
    for i in range(h):
        for j in range(w):
            for c in range(3):
                value = dark[i, j, c]
                if known[i, j] == 0.0 and weight[i, j] > 0:
                    value = wide[i, j, c] / max(weight[i, j], 0.3)
                if abs(value) > 0.002:
                    ratio[i, j, c] *= 1.0 - (1.0 - on_plane[i, j]) * min(value, 1.0)


@kernel
def splat(points: Array, k: Array, R: Array, origin: Array, w: int, h: int, cell: int) -> Array:
    """Coarse picture of points (n, 3): (ceil(h / cell), ceil(w / cell)) uint8, 1 where any lies."""
    out = np.zeros(((h + cell - 1) // cell, (w + cell - 1) // cell), dtype=np.uint8)
    for n in range(len(points)):
        x, y, z = points[n, 0] - origin[0], points[n, 1] - origin[1], points[n, 2] - origin[2]
        c = R[0, 2] * x + R[1, 2] * y + R[2, 2] * z
        if c < 0.02:
            continue
        u = (R[0, 0] * x + R[1, 0] * y + R[2, 0] * z) / c * k[0] + k[2]
        v = (R[0, 1] * x + R[1, 1] * y + R[2, 1] * z) / c * k[1] + k[3]
        if -0.5 <= u < w - 0.5 and -0.5 <= v < h - 0.5:
            out[int(v + 0.5) // cell, int(u + 0.5) // cell] = 1
    return out


@kernel
def rays_where(mask: Array, x0: int, y0: int, k: Array, R: Array, origin: Array) -> tuple[Array, Array]:
    """(n, 6) rays through the pixels where `mask` (h, w) is set, and their flat positions (n,)."""
    h, w = mask.shape
    where = np.empty(h * w, dtype=np.int64)
    n = 0
    for i in range(h):
        for j in range(w):
            if mask[i, j]:
                where[n] = i * w + j
                n += 1
    out = np.empty((n, 6), dtype=np.float32)
    for q in range(n):
        x, y = (x0 + where[q] % w - k[2]) / k[0], (y0 + where[q] // w - k[3]) / k[1]
        for c in range(3):
            out[q, c] = origin[c]
            out[q, 3 + c] = R[c, 0] * x + R[c, 1] * y + R[c, 2]
    return out, where[:n]
