"""The per-pixel loops of painted surfaces, compiled by numba. One thread, so results never vary."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .kernels import Array, kernel, smooth

MAX_PROBES = 6
MAX_STEPS = 20
BLADE_WIDTH = 0.1
"""Of a blade of grass at its root, over the height of the grass."""
LEAST_PX, FULL_PX = 0.5, 1.0
"""Width in pixels below which blades are not drawn, and from which they hide the ground."""
BETWEEN = 0.45
"""Of the light, what grass keeps from the ground between its blades."""


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
    layer: Array,
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
    blades_m: float,
    to_linear: Array,
) -> None:
    """Lay a painted texture over a layer (H, W, 4), in place, in the light that fell on the old surface.

    Args:
        layer: Linear light times coverage, and coverage.
        matte: (H, W) how much of the pixel shows the surface.
        depth: (H, W) real z-depth, for what stands in high paint.
        k, R, o: As in `geometry`.
        origin: (2,) and cell: the raster's corner and cell size, metres.
        texels: (n, 5) r, g, b, mask, relief of all levels of the texture; levels: (L, 3) offset, width, height.
        shading: (h, w) light on the surface; shade_scale: (2,) its cells per cell of the raster, x and z.
        light: (3,) radiance of white where shading is 1, in this frame's exposure.
        relief_m: Height of the highest relief; 0 = flat.
        blades_m: Height of grass that stands on it and is drawn for itself; 0 = none.
    """
    h, w = matte.shape
    value = np.zeros(5)
    lw, lh = levels[0, 1], levels[0, 2]
    for i in range(h):
        for j in range(w):
            on = matte[i, j]
            if on < 0.004 and (relief_m <= 0 or depth[i, j] <= 0):
                continue
            dx, dy, dz = plane_ray(k, R, j, i)
            if dy > -1e-4:
                continue
            t = -o[1] / dy
            real = depth[i, j]
            if on < 0.004 and (o[1] + real * dy > relief_m or real >= t):
                continue
            x, z = (o[0] + t * dx - origin[0]) / cell - 0.5, (o[2] + t * dz - origin[1]) / cell - 0.5
            if x < -1 or z < -1 or x > lw or z > lh:
                continue
            scale = t / cell
            ax, az = scale * (R[0, 0] - dx * R[1, 0] / dy) / k[0], scale * (R[2, 0] - dz * R[1, 0] / dy) / k[0]
            bx, bz = scale * (R[0, 1] - dx * R[1, 1] / dy) / k[1], scale * (R[2, 1] - dz * R[1, 1] / dy) / k[1]
            dark = 1.0 - BETWEEN * smooth(LEAST_PX, FULL_PX, BLADE_WIDTH * blades_m * k[0] / t)
            if relief_m > 0:
                # Grain is followed where it is larger than a pixel; it comes in gently, so that no line shows where.
                grain = relief_m * k[1] / t
                fades = smooth(1.0, 2.0, grain)
                if fades <= 0 and on < 0.004:
                    continue
                if fades > 0:
                    high, n = relief_m * fades, min(max(int(2.0 * grain * -dy + 4), 4), MAX_STEPS)
                    lod = min(max(math.log2(max(math.hypot(ax, az), 1.0)), 0.0), len(levels) - 1.0)
                    top, end = (high - o[1]) / dy, t if on > 0.5 else min(real, t)
                    found, raised, lead = climb(texels, levels, k, R, o, j, i, origin, cell, lod, high, top, end, n)
                    if found < 0 and on < 0.004:
                        continue
                    if found >= 0:
                        x = (o[0] + found * dx - origin[0]) / cell - 0.5
                        z = (o[2] + found * dz - origin[1]) / cell - 0.5
                        # Where grain stands before what was measured, its edge is as soft as a pixel.
                        on = max(on, smooth(0.0, 1.0, lead * grain))
                    dark = 1.0 + fades * (0.5 * raised - 0.28)  # light reaches the tips more easily than the roots
            sample(texels, levels, x, z, ax, az, bx, bz, to_linear, value)
            alpha = on * value[3] * strength
            if alpha < 0.004:
                continue
            lit = bilinear(shading, (x + 0.5) * shade_scale[0] - 0.5, (z + 0.5) * shade_scale[1] - 0.5) * dark
            for c in range(3):
                layer[i, j, c] = layer[i, j, c] * (1.0 - alpha) + value[c] * lit * light[c] * alpha
            layer[i, j, 3] = layer[i, j, 3] * (1.0 - alpha) + alpha


@kernel
def climb(
    texels: Array,
    levels: Array,
    k: Array,
    R: Array,
    o: Array,
    px: float,
    py: float,
    origin: Array,
    cell: float,
    lod: float,
    high: float,
    top: float,
    end: float,
    n: int,
) -> tuple[float, float, float]:
    """Follow a pixel's ray down through relief: z-depth where it enters, -1 = nowhere; the height there, 0..1; and how
    far into the relief it went below, 0..1 of the greatest height.

    Steps are equal, and the crossing lies where heights of ray and relief, taken as straight between steps, are equal
    (Policarpo et al., I3D 2005, with one secant step).
    """
    dx, dy, dz = plane_ray(k, R, px, py)
    before_gap, before = 1.0, top
    deepest, found, raised = 0.0, -1.0, 0.0
    for q in range(n + 1):
        s = top + (end - top) * q / n
        x, z = (o[0] + s * dx - origin[0]) / cell - 0.5, (o[2] + s * dz - origin[1]) / cell - 0.5
        grain, there = grain_at(texels, levels, x, z, lod)
        ray = (o[1] + s * dy) / high
        gap = ray - grain if there > 0.4 else 1.0
        if found < 0 and gap <= 0:
            share = before_gap / max(before_gap - gap, 1e-6) if q > 0 else 1.0
            found = before + (s - before) * share
            raised = min(max((o[1] + found * dy) / high, 0.0), 1.0)
        if found >= 0:
            deepest = max(deepest, -gap)
            if q > 0 and s > found:
                break
        before_gap, before = gap, s
    return found, raised, deepest


@kernel
def grain_at(texels: Array, levels: Array, x: float, y: float, lod: float) -> tuple[float, float]:
    """Relief and mask, 0..1 each, at cell (x, y): bilinear within the nearest level."""
    level = int(lod + 0.5)
    offset, w, h = levels[level, 0], levels[level, 1], levels[level, 2]
    size = 1.0 / (1 << level)
    x, y = (x + 0.5) * size - 0.5, (y + 0.5) * size - 0.5
    if x < -0.5 or y < -0.5 or x > w - 0.5 or y > h - 0.5:
        return 0.0, 0.0
    x, y = min(max(x, 0.0), w - 1.0), min(max(y, 0.0), h - 1.0)
    x0, y0 = int(x), int(y)
    x1, y1 = min(x0 + 1, w - 1), min(y0 + 1, h - 1)
    fx, fy = x - x0, y - y0
    grain, there = 0.0, 0.0
    for n in range(4):
        at = offset + (y0 if n < 2 else y1) * w + (x0 if n % 2 == 0 else x1)
        g = (fx if n % 2 else 1.0 - fx) * (fy if n >= 2 else 1.0 - fy)
        grain += g * texels[at, 4]
        there += g * texels[at, 3]
    return grain / 255.0, there / 255.0


@kernel
def hash01(a: int, b: int) -> float:
    """A number 0..1 that looks random, fixed for two whole numbers."""
    n = (a * 374761393 + b * 668265263) & 0xFFFFFFFF
    n = ((n ^ (n >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((n ^ (n >> 16)) & 0xFFFF) / 65535.0


@kernel
def open_portal(
    layer: Array,
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
) -> None:
    """Lay an environment at infinity, seen through a surface, over a layer (H, W, 4), in place.

    Only the ray's direction counts.

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
                layer[i, j, c] = layer[i, j, c] * (1.0 - alpha) + value[c] * flicker * light[c] * alpha
            layer[i, j, 3] = layer[i, j, 3] * (1.0 - alpha) + alpha
