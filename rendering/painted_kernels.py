"""The per-pixel loops of painted surfaces, compiled by numba. One thread, so results never vary."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .kernels import Array, kernel

MAX_PROBES = 6
MAX_STEPS = 20


@kernel
def plane_ray(k: Array, R: Array, x: float, y: float) -> tuple[float, float, float]:
    """Direction of a pixel's ray in the plane's frame, z-depth 1 in the camera's."""
    a, b = (x - k[2]) / k[0], (y - k[3]) / k[1]
    return (
        R[0, 0] * a + R[0, 1] * b + R[0, 2],
        R[1, 0] * a + R[1, 1] * b + R[1, 2],
        R[2, 0] * a + R[2, 1] * b + R[2, 2],
    )


@kernel
def encode(value: float, to_srgb: Array) -> int:
    steps = len(to_srgb) - 1
    x = min(max(value, 0.0), 1.0) * steps
    n = min(int(x), steps - 1)
    return int(to_srgb[n] + (to_srgb[n + 1] - to_srgb[n]) * (x - n) + 0.5)


@kernel
def fetch(texels: Array, level: Array, x: float, y: float, to_linear: Array, out: Array, share: float) -> None:
    """Add `share` of one level's bilinear sample at its cell (x, y) to out (5,): linear r, g, b, mask, relief."""
    offset, w, h = level[0], level[1], level[2]
    x, y = min(max(x, 0.0), w - 1.0), min(max(y, 0.0), h - 1.0)
    x0, y0 = int(x), int(y)
    x1, y1 = min(x0 + 1, w - 1), min(y0 + 1, h - 1)
    fx, fy = x - x0, y - y0
    for n in range(4):
        xx, yy = x0 if n % 2 == 0 else x1, y0 if n < 2 else y1
        g = share * (fx if n % 2 else 1.0 - fx) * (fy if n >= 2 else 1.0 - fy)
        at = offset + yy * w + xx
        for c in range(3):
            out[c] += g * to_linear[texels[at, c]]
        out[3] += g * texels[at, 3] * (1.0 / 255.0)
        out[4] += g * texels[at, 4] * (1.0 / 255.0)


@kernel
def sample(
    texels: Array,
    levels: Array,
    x: float,
    y: float,
    ax: float,
    ay: float,
    bx: float,
    by: float,
    to_linear: Array,
    out: Array,
) -> None:
    """Filtered sample at cell (x, y) for a pixel whose sides span (ax, ay) and (bx, by) cells.

    Several trilinear probes along the longer side (Feline: McCormack et al., SIGGRAPH 1999, much simplified).
    """
    out[:] = 0.0
    la, lb = math.hypot(ax, ay), math.hypot(bx, by)
    if lb > la:
        ax, ay, la = bx, by, lb
    minor = max(abs(ax * by - ay * bx) / max(la, 1e-9), 1e-3)
    if lb > la - 1e-12:
        minor = max(min(la, math.hypot(bx, by)), 1e-3) if minor < 1e-2 else minor
    probes = min(max(math.ceil(la / max(minor, 1.0)), 1), MAX_PROBES)
    lod = math.log2(max(max(minor, la / probes), 1.0))
    last = len(levels) - 1
    lod = min(lod, float(last))
    l0 = int(lod)
    l1, f = min(l0 + 1, last), lod - l0
    for p in range(probes):
        s = (p + 0.5) / probes - 0.5
        u, v = x + s * ax, y + s * ay
        for n in range(2):
            level, part = (l0, 1.0 - f) if n == 0 else (l1, f)
            if part > 0.0:
                size = 1.0 / (1 << level)
                fetch(
                    texels, levels[level], (u + 0.5) * size - 0.5, (v + 0.5) * size - 0.5, to_linear, out, part / probes
                )


@kernel
def bilinear(image: Array, x: float, y: float) -> Any:
    """Value of an (h, w) image between its cells' centres, repeated beyond its edge."""
    h, w = image.shape
    x, y = min(max(x, 0.0), w - 1.0), min(max(y, 0.0), h - 1.0)
    x0, y0 = int(x), int(y)
    x1, y1 = min(x0 + 1, w - 1), min(y0 + 1, h - 1)
    fx, fy = x - x0, y - y0
    top = image[y0, x0] * (1 - fx) + image[y0, x1] * fx
    return top * (1 - fy) + (image[y1, x0] * (1 - fx) + image[y1, x1] * fx) * fy


@kernel
def lay(
    picture: Array,
    matte: Array,
    depth: Array,
    k: Array,
    R: Array,
    o: Array,
    origin: Array,
    cell: float,
    texels: Array,
    levels: Array,
    shading: Array,
    shade_scale: Array,
    light: Array,
    strength: float,
    relief_m: float,
    to_linear: Array,
    to_srgb: Array,
) -> None:
    """Lay a painted texture into a picture (H, W, 3), in place, in the light that fell on the old surface.

    Args:
        matte: (H, W) how much of the pixel shows the surface.
        depth: (H, W) real z-depth, for what stands in high paint.
        k, R, o: As in `geometry`.
        origin: (2,) and cell: the raster's corner and cell size, metres.
        texels: (n, 5) r, g, b, mask, relief of all levels of the texture; levels: (L, 3) offset, width, height.
        shading: (h, w) light on the surface; shade_scale: (2,) its cells per cell of the raster, x and z.
        light: (3,) radiance of white where shading is 1, in this frame's exposure.
        relief_m: Height of the highest relief; 0 = flat.
    """
    h, w = matte.shape
    value = np.zeros(5)
    for i in range(h):
        for j in range(w):
            on = matte[i, j]
            standing = relief_m > 0 and depth[i, j] > 0
            if on < 0.004 and not standing:
                continue
            dx, dy, dz = plane_ray(k, R, j, i)
            if dy > -1e-4:
                continue
            t = -o[1] / dy
            real = depth[i, j]
            if on < 0.004 and (o[1] + real * dy > relief_m or real >= t):
                continue
            x, z = (o[0] + t * dx - origin[0]) / cell - 0.5, (o[2] + t * dz - origin[1]) / cell - 0.5
            lw, lh = levels[0, 1], levels[0, 2]
            if x < -1 or z < -1 or x > lw or z > lh:
                continue
            scale = t / cell
            ax, az = scale * (R[0, 0] - dx * R[1, 0] / dy) / k[0], scale * (R[2, 0] - dz * R[1, 0] / dy) / k[0]
            bx, bz = scale * (R[0, 1] - dx * R[1, 1] / dy) / k[1], scale * (R[2, 1] - dz * R[1, 1] / dy) / k[1]
            dark, raised = 1.0, 0.0
            if relief_m > 0:
                grain = relief_m * k[1] / t
                if grain > 1.0:
                    top = (relief_m - o[1]) / dy
                    end = t if on > 0.5 else min(real, t)
                    n = min(max(int(2.0 * grain * -dy + 4), 4), MAX_STEPS)
                    lod = min(int(max(math.log2(max(math.hypot(ax, az), 1.0)), 0.0)), len(levels) - 1)
                    found = -1.0
                    for q in range(n):
                        s = top + (end - top) * (q + 0.5) / n
                        sx, sz = (o[0] + s * dx - origin[0]) / cell, (o[2] + s * dz - origin[1]) / cell
                        size = 1 << lod
                        cx, cz = int(sx) // size, int(sz) // size
                        if cx < 0 or cz < 0 or cx >= levels[lod, 1] or cz >= levels[lod, 2]:
                            continue
                        at = levels[lod, 0] + cz * levels[lod, 1] + cx
                        if texels[at, 4] * relief_m >= 255.0 * (o[1] + s * dy) and texels[at, 3] > 100:
                            found = s
                            break
                    if found >= 0:
                        if found < t:
                            x = (o[0] + found * dx - origin[0]) / cell - 0.5
                            z = (o[2] + found * dz - origin[1]) / cell - 0.5
                            raised = (o[1] + found * dy) / relief_m
                        if on < 0.5:
                            on = 1.0
                    elif on < 0.004:
                        continue
                    dark = 0.72 + 0.5 * raised  # light reaches the tips more easily than the roots
                elif on < 0.004:
                    continue
            elif on < 0.004:
                continue
            sample(texels, levels, x, z, ax, az, bx, bz, to_linear, value)
            alpha = on * value[3] * strength
            if alpha < 0.004:
                continue
            lit = bilinear(shading, (x + 0.5) * shade_scale[0] - 0.5, (z + 0.5) * shade_scale[1] - 0.5) * dark
            for c in range(3):
                new = value[c] * lit * light[c]
                picture[i, j, c] = encode(to_linear[picture[i, j, c]] * (1.0 - alpha) + new * alpha, to_srgb)


@kernel
def hash01(a: int, b: int) -> float:
    """A number 0..1 that looks random, fixed for two whole numbers."""
    n = (a * 374761393 + b * 668265263) & 0xFFFFFFFF
    n = ((n ^ (n >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((n ^ (n >> 16)) & 0xFFFF) / 65535.0


@kernel
def open_portal(
    picture: Array,
    matte: Array,
    k: Array,
    R: Array,
    o: Array,
    origin: Array,
    cell: float,
    mask: Array,
    texels: Array,
    levels: Array,
    light: Array,
    strength: float,
    turn: float,
    twinkle: float,
    time_s: float,
    to_linear: Array,
    to_srgb: Array,
) -> None:
    """Show an environment at infinity through a surface, in place: only the ray's direction counts.

    Args:
        mask: (rows, columns) uint8 of the raster.
        texels, levels: Equal-area picture (Lambert azimuthal) of the half space behind the plane, as in `lay`.
        turn: Radians by which it has turned about the straight direction.
        twinkle: Share by which bright points flicker.
    """
    h, w = matte.shape
    n = levels[0, 1]
    ct, st = math.cos(turn), math.sin(turn)
    value = np.zeros(5)
    per_radian = n / (2.0 * math.sqrt(2.0))
    mh, mw = mask.shape
    for i in range(h):
        for j in range(w):
            on = matte[i, j]
            if on < 0.004:
                continue
            dx, dy, dz = plane_ray(k, R, j, i)
            if dy > -1e-4:
                continue
            t = -o[1] / dy
            mx, mz = (o[0] + t * dx - origin[0]) / cell - 0.5, (o[2] + t * dz - origin[1]) / cell - 0.5
            if mx < 0 or mz < 0 or mx > mw - 1 or mz > mh - 1:
                continue
            alpha = on * bilinear(mask, mx, mz) / 255.0 * strength
            if alpha < 0.004:
                continue
            length, flat = math.sqrt(dx * dx + dy * dy + dz * dz), math.hypot(dx, dz)
            r = math.sqrt(max(2.0 * (1.0 + dy / length), 0.0))
            u, v = (dx / flat * r, dz / flat * r) if flat > 1e-9 else (0.0, 0.0)
            u, v = ct * u - st * v, st * u + ct * v
            x, y = (u / math.sqrt(2.0) + 1.0) * 0.5 * n - 0.5, (v / math.sqrt(2.0) + 1.0) * 0.5 * n - 0.5
            span = per_radian / k[0] / (length * length)
            sample(texels, levels, x, y, span, 0.0, 0.0, span, to_linear, value)
            level = max(value[0], max(value[1], value[2]))
            flicker = 1.0
            if twinkle > 0 and level > 0.02:
                a, b = int(x / 6.0), int(y / 6.0)
                phase, pace = 6.2832 * hash01(a, b), 3.0 + 6.0 * hash01(b, a + 7)
                flicker += twinkle * min(level * 4.0, 1.0) * math.sin(phase + pace * time_s)
            for c in range(3):
                new = value[c] * flicker * light[c]
                picture[i, j, c] = encode(to_linear[picture[i, j, c]] * (1.0 - alpha) + new * alpha, to_srgb)
