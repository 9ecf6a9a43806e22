"""Noise fixed in the plane: the value at a point depends on the point and the seed, never on the picture it falls in.

Two windows of one plane therefore agree wherever they overlap. Compiled by numba; import only where it is used. Points
come in lattice units, and a period in whole cells makes the pattern repeat exactly (0 = never).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32

Array = NDArray[Any]
F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile on first use and keep the machine code beside the module."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


@kernel
def lattice_hash(i: int, j: int, seed: int) -> int:
    """32 well-mixed bits for a lattice point (the finaliser of MurmurHash3, Appleby 2008)."""
    h = (i * 0x27D4EB2D) ^ (j * 0x165667B1) ^ (seed * 0x9E3779B1)
    h &= 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return h ^ (h >> 16)


@kernel
def unit(i: int, j: int, seed: int) -> float:
    """A number in 0..1 for a lattice point."""
    return lattice_hash(i, j, seed) / 4294967296.0


@kernel
def wrapped(i: int, period: int) -> int:
    return i % period if period > 0 else i


@kernel
def _slope(i: int, j: int, seed: int, dx: float, dy: float) -> float:
    angle = unit(i, j, seed) * 6.283185307179586
    return math.cos(angle) * dx + math.sin(angle) * dy


@kernel
def perlin(x: Array, y: Array, seed: int, px: int, py: int) -> Array:
    """Gradient noise (Perlin 2002, quintic fade), about -1..1 with a deviation near 0.35."""
    h, w = x.shape
    out = np.empty((h, w), dtype=np.float32)
    for r in range(h):
        for c in range(w):
            xf, yf = math.floor(x[r, c]), math.floor(y[r, c])
            u, v = x[r, c] - xf, y[r, c] - yf
            i, j = wrapped(int(xf), px), wrapped(int(yf), py)
            i1, j1 = wrapped(int(xf) + 1, px), wrapped(int(yf) + 1, py)
            fu = u * u * u * (u * (u * 6 - 15) + 10)
            fv = v * v * v * (v * (v * 6 - 15) + 10)
            top = _slope(i, j, seed, u, v) * (1 - fu) + _slope(i1, j, seed, u - 1, v) * fu
            low = _slope(i, j1, seed, u, v - 1) * (1 - fu) + _slope(i1, j1, seed, u - 1, v - 1) * fu
            out[r, c] = 1.41 * (top * (1 - fv) + low * fv)
    return out


@kernel
def cells(x: Array, y: Array, seed: int, jitter: float, px: int, py: int) -> tuple[Array, Array, Array]:
    """Worley's cellular noise (1996): distances to the nearest and second nearest point, and the nearest's 0..1 id."""
    h, w = x.shape
    near = np.empty((h, w), dtype=np.float32)
    second = np.empty((h, w), dtype=np.float32)
    name = np.empty((h, w), dtype=np.float32)
    for r in range(h):
        for c in range(w):
            ci, cj = math.floor(x[r, c]), math.floor(y[r, c])
            a, b, who = 1e9, 1e9, 0.0
            for dj in range(-1, 2):
                for di in range(-1, 2):
                    i, j = wrapped(ci + di, px), wrapped(cj + dj, py)
                    sx = ci + di + 0.5 + jitter * (unit(i, j, seed) - 0.5)
                    sy = cj + dj + 0.5 + jitter * (unit(i, j, seed + 1) - 0.5)
                    d = (x[r, c] - sx) ** 2 + (y[r, c] - sy) ** 2
                    if d < a:
                        a, b, who = d, a, unit(i, j, seed + 2)
                    elif d < b:
                        b = d
            near[r, c], second[r, c], name[r, c] = math.sqrt(a), math.sqrt(b), who
    return near, second, name


@kernel
def strokes(
    x: Array, y: Array, seed: int, length: float, width: float, spread: float, px: int, py: int
) -> tuple[Array, Array, Array]:
    """Tapered strokes (blades, straws, fibres), one per lattice cell, the one with the higher id on top.

    Args:
        length, width: Of a stroke, in cells; at most about 2 long.
        spread: 0 = all along y, 1 = any direction.

    Returns:
        (along (H, W): 0 at the root to 1 at the tip, -1 where there is no stroke; across (H, W): -1..1; id (H, W)).
    """
    h, w = x.shape
    along = np.full((h, w), np.float32(-1))
    across = np.zeros((h, w), dtype=np.float32)
    name = np.zeros((h, w), dtype=np.float32)
    for r in range(h):
        for c in range(w):
            ci, cj = math.floor(x[r, c]), math.floor(y[r, c])
            best = -1.0
            for dj in range(-2, 3):
                for di in range(-2, 3):
                    i, j = wrapped(ci + di, px), wrapped(cj + dj, py)
                    rank = unit(i, j, seed + 2)
                    if rank <= best:
                        continue
                    sx = ci + di + unit(i, j, seed)
                    sy = cj + dj + unit(i, j, seed + 1)
                    angle = (unit(i, j, seed + 3) - 0.5) * 6.283185307179586 * spread + 1.5707963
                    ux, uy = math.cos(angle), math.sin(angle)
                    dx, dy = x[r, c] - sx, y[r, c] - sy
                    t = (dx * ux + dy * uy) / (length * (0.6 + 0.4 * unit(i, j, seed + 4)))
                    if t < 0 or t > 1:
                        continue
                    bend = (unit(i, j, seed + 5) - 0.5) * length * 0.5 * t * t
                    s = (dy * ux - dx * uy - bend) / (width * (1.0 - 0.85 * t))
                    if abs(s) < 1:
                        best = rank
                        along[r, c], across[r, c], name[r, c] = t, s, rank
    return along, across, name


@kernel
def spots(
    x: Array, y: Array, seed: int, share: float, small: float, large: float, px: int, py: int
) -> tuple[Array, Array]:
    """Round spots in a share of the lattice cells: (depth (H, W): 1 in the middle to 0 at the rim; id (H, W))."""
    h, w = x.shape
    depth = np.zeros((h, w), dtype=np.float32)
    name = np.zeros((h, w), dtype=np.float32)
    for r in range(h):
        for c in range(w):
            ci, cj = math.floor(x[r, c]), math.floor(y[r, c])
            for dj in range(-1, 2):
                for di in range(-1, 2):
                    i, j = wrapped(ci + di, px), wrapped(cj + dj, py)
                    if unit(i, j, seed + 3) > share:
                        continue
                    radius = small + (large - small) * unit(i, j, seed + 4) ** 2
                    sx = ci + di + 0.5 + 0.8 * (unit(i, j, seed) - 0.5)
                    sy = cj + dj + 0.5 + 0.8 * (unit(i, j, seed + 1) - 0.5)
                    d = 1 - math.sqrt((x[r, c] - sx) ** 2 + (y[r, c] - sy) ** 2) / radius
                    if d > depth[r, c]:
                        depth[r, c], name[r, c] = d, unit(i, j, seed + 2)
    return depth, name


@kernel
def stars(x: Array, y: Array, seed: int, sharp: float, faint: float, px: int, py: int) -> Array:
    """Light of one star per lattice cell as (H, W, 3): brightness, and brightness weighted by blue and by red.

    Counts follow log10 N(<m) = 0.51 m + const, the slope of naked-eye star counts (Allen, Astrophysical Quantities,
    section 117), so brightness F has N(>F) ~ F^-1.28; `faint` is that of the faintest. A star is a Gaussian of `sharp`
    cells, widened for bright ones as an eye or a lens does.
    """
    h, w = x.shape
    out = np.zeros((h, w, 3), dtype=np.float32)
    for r in range(h):
        for c in range(w):
            ci, cj = math.floor(x[r, c]), math.floor(y[r, c])
            for dj in range(-1, 2):
                for di in range(-1, 2):
                    i, j = wrapped(ci + di, px), wrapped(cj + dj, py)
                    flux = min(faint * (1e-6 + unit(i, j, seed + 2)) ** (-1 / 1.28), 30.0)
                    size = sharp * (1 + 0.10 * math.log1p(flux))
                    dx = x[r, c] - (ci + di + unit(i, j, seed))
                    dy = y[r, c] - (cj + dj + unit(i, j, seed + 1))
                    d2 = (dx * dx + dy * dy) / (size * size)
                    light = flux * (math.exp(-0.5 * d2) if d2 < 40 else 0.0)
                    hue = unit(i, j, seed + 3)
                    out[r, c, 0] += light
                    out[r, c, 1] += light * hue
                    out[r, c, 2] += light * (1 - hue)
    return out


def fbm(
    x: Array, y: Array, seed: int, octaves: int = 4, gain: float = 0.5, period: tuple[int, int] = (0, 0)
) -> Float32:
    """Octaves of gradient noise, each twice as fine and `gain` times as strong; (H, W), deviation near 0.35."""
    total = np.zeros(x.shape, dtype=np.float32)
    weight, norm = 1.0, 0.0
    for k in range(octaves):
        scale = 2**k
        total += np.float32(weight) * perlin(x * scale, y * scale, seed + 101 * k, period[0] * scale, period[1] * scale)
        norm += weight * weight
        weight *= gain
    return np.asarray(total / np.float32(math.sqrt(norm)), dtype=np.float32)
