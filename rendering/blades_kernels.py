"""Blades of grass drawn one by one where the camera is near, compiled by numba. One thread, so results never vary.

Every cell of a grid fixed to the painted plane grows one blade; place, height, lean and tint are hashed from the cell's
number alone, so that blades stay where they are from frame to frame. A blade is a parabola that thins out to its tip;
each pixel gets the share of it that the blade covers, so that distant blades fade instead of flickering.
"""

from __future__ import annotations

import math

import numpy as np

from .kernels import Array, kernel, smooth
from .painted_kernels import BLADE_WIDTH as WIDTH
from .painted_kernels import FULL_PX, LEAST_PX, bilinear, fetch, hash01

PIECES, LONG_PX = 4, 12.0
"""Straight pieces per blade that is longer than so many pixels, half as many of shorter ones."""
SPACING = 0.2
"""Distance between blades over the height of the grass."""
COLOR_M = 0.012
"""A blade has the mean colour of this much of the texture around its root."""
ROOT, TIP = 0.55, 2.25
"""Light at the foot of a blade and at its tip, over that on the surface."""
FLOWER_M, FLOWER = 0.009, 0.10
"""Half the width of a flower on a blade's tip, and how much less of a flower's light than of the grass's is green."""
BROAD_M = 0.06
"""Over this much of the texture flowers are lost in the grass."""
BEFORE_M = 0.012
"""So far a blade must stand before a thing to hide it."""
DATA = 8
"""Numbers per blade: root x, z, height, lean x, z, width, tint, depth."""


@kernel
def grow(
    k: Array, R: Array, o: Array, size: Array, origin: Array, cell: float, mask: Array, mask_level: Array,
    height_m: float,
) -> Array:  # fmt: skip
    """(n, DATA) blades in view and near enough, in the order of their cells.

    Args:
        k, R, o: As in `painted_matte_kernels.geometry`.
        size: (2,) of the picture, width and height.
        origin, cell: Of the raster, metres.
        mask: (n, 5) texels of the paint; mask_level: (3,) first texel, width and height of its finest level.
        height_m: Of the tallest blades.
    """  # fmt: skip
    step = max(SPACING * height_m, 0.003)
    w, h = mask_level[1], mask_level[2]
    far = k[0] * WIDTH * height_m / LEAST_PX
    low_x, low_z = max(origin[0], o[0] - far), max(origin[1], o[2] - far)
    high_x, high_z = min(origin[0] + w * cell, o[0] + far), min(origin[1] + h * cell, o[2] + far)
    c0, c1 = math.floor(low_x / step), math.ceil(high_x / step)
    r0, r1 = math.floor(low_z / step), math.ceil(high_z / step)
    out = np.empty((max((c1 - c0) * (r1 - r0), 0), DATA), dtype=np.float32)
    n = 0
    for r in range(r0, r1):
        for c in range(c0, c1):
            x, z = (c + hash01(c, r)) * step, (r + hash01(r + 17, c)) * step
            # To the camera: its rows are the plane's axes seen from it.
            px, pz = x - o[0], z - o[2]
            depth = R[0, 2] * px - R[1, 2] * o[1] + R[2, 2] * pz
            if depth < 0.05 or depth > far:
                continue
            u = (R[0, 0] * px - R[1, 0] * o[1] + R[2, 0] * pz) / depth * k[0] + k[2]
            v = (R[0, 1] * px - R[1, 1] * o[1] + R[2, 1] * pz) / depth * k[1] + k[3]
            edge = 1.6 * height_m / depth * k[0] + 2.0
            if u < -edge or v < -edge or u > size[0] + edge or v > size[1] + edge:
                continue
            mc, mr = int((x - origin[0]) / cell), int((z - origin[1]) / cell)
            if mc < 0 or mr < 0 or mc >= w or mr >= h:
                continue
            there = mask[mask_level[0] + mr * w + mc, 3] / 255.0
            if there < 0.15 + 0.7 * hash01(c + 5, r + 11):
                continue
            turn, lean = 6.2832 * hash01(c + 101, r), 0.15 + 0.65 * hash01(c, r + 203) ** 1.5
            out[n, 0], out[n, 1] = x, z
            out[n, 2] = height_m * (0.5 + 0.5 * hash01(c + 31, r + 57)) * (1.0 - 0.3 * lean)
            out[n, 3], out[n, 4] = lean * height_m * math.cos(turn), lean * height_m * math.sin(turn)
            # A blade is flat; which side it shows is chance.
            out[n, 5] = WIDTH * height_m * (0.45 + 0.55 * abs(math.sin(6.2832 * hash01(c + 71, r + 7))))
            out[n, 6] = hash01(c + 9, r + 301)
            out[n, 7] = depth
            n += 1
    return out[:n]


@kernel
def draw(
    layer: Array, blades: Array, order: Array, matte: Array, depth: Array, k: Array, R: Array, o: Array,
    origin: Array, cell: float, texels: Array, levels: Array, shading: Array, shade_scale: Array, light: Array,
    to_linear: Array,
) -> None:  # fmt: skip
    """Draw blades over a layer (H, W, 4) of linear light times coverage, and coverage; in place.

    Args:
        blades: From `grow`; order: (n,) the farthest first.
        matte: (H, W) how much of a pixel shows the surface they grow on.
        depth: (H, W) real z-depth: blades hide what lies behind them, and are hidden by what stands before them.
        the others: As in `painted_kernels.lay`.
    """  # fmt: skip
    h, w = matte.shape
    value, color, petal, bloom = np.zeros(5), np.zeros(3), np.zeros(5), np.zeros(3)
    points = np.zeros((PIECES + 1, 4))
    level = levels[min(max(int(math.log2(max(COLOR_M / cell, 1.0)) + 0.5), 0), len(levels) - 1)]
    broad = levels[min(max(int(math.log2(max(BROAD_M / cell, 1.0)) + 0.5), 0), len(levels) - 1)]
    shrink, shrunk = level[1] / levels[0, 1], broad[1] / levels[0, 1]
    for q in range(len(order)):
        b = blades[order[q]]
        px = b[5] * k[0] / b[7]
        seen = smooth(LEAST_PX, FULL_PX, px)
        if seen <= 0:
            continue
        x, z = (b[0] - origin[0]) / cell - 0.5, (b[1] - origin[1]) / cell - 0.5
        value[:] = 0.0
        fetch(texels, level, (x + 0.5) * shrink - 0.5, (z + 0.5) * shrink - 0.5, to_linear, value, 1.0)
        lit = bilinear(shading, (x + 0.5) * shade_scale[0] - 0.5, (z + 0.5) * shade_scale[1] - 0.5)
        lit *= 0.75 + 0.5 * b[6]
        warm = 1.0 + 0.25 * (hash01(int(b[6] * 65535.0), 3) - 0.4)
        color[0], color[1], color[2] = value[0] * warm, value[1], value[2] * (2.0 - warm)
        # A texel that is less green than the grass around is a flower's: it sits on the tip.
        green, all_light = value[1], value[0] + value[1] + value[2]
        petal[:] = 0.0
        fetch(texels, levels[0], x, z, to_linear, petal, 1.0)
        shown = petal[0] + petal[1] + petal[2]
        value[:] = 0.0
        fetch(texels, broad, (x + 0.5) * shrunk - 0.5, (z + 0.5) * shrunk - 0.5, to_linear, value, 1.0)
        around = value[0] + value[1] + value[2]
        flower = shown > around and petal[1] * around < (value[1] - FLOWER * around) * shown
        if flower and green * around < (value[1] - 0.5 * FLOWER * around) * all_light:
            for c in range(3):  # the blade itself stays green
                color[c] = value[c]
        for c in range(3):
            color[c] *= lit * light[c]
            bloom[c] = petal[c] * lit * light[c]
        pieces = PIECES if b[2] * k[1] > LONG_PX * b[7] else PIECES // 2
        in_front, shows = True, False
        for n in range(pieces + 1):
            s = n / pieces
            # Upright at the root, bent at the tip.
            X, Y, Z = b[0] + b[3] * s * s - o[0], b[2] * (s - 0.25 * s * s) / 0.75 - o[1], b[1] + b[4] * s * s - o[2]
            D = R[0, 2] * X + R[1, 2] * Y + R[2, 2] * Z
            if D < 0.05:
                in_front = False
                break
            points[n, 0] = (R[0, 0] * X + R[1, 0] * Y + R[2, 0] * Z) / D * k[0] + k[2]
            points[n, 1] = (R[0, 1] * X + R[1, 1] * Y + R[2, 1] * Z) / D * k[1] + k[3]
            points[n, 2] = D
            points[n, 3] = 0.5 * b[5] * (1.0 - s**1.7) * k[0] / D
            j, i = int(points[n, 0] + 0.5), int(points[n, 1] + 0.5)
            shows = shows or i < 0 or j < 0 or i >= h or j >= w or matte[i, j] > 0.004 or depth[i, j] > D + BEFORE_M
        if not in_front or not shows:
            continue
        for n in range(pieces):
            stroke(layer, points[n], points[n + 1], n / pieces, 1.0 / pieces, seen, color, matte, depth, h, w)
        if flower:
            tip = points[pieces]
            half = FLOWER_M * k[0] / tip[2]
            points[0], points[1] = tip, tip
            points[0, 1], points[1, 1] = tip[1] - 0.6 * half, tip[1] + 0.6 * half
            points[0, 3], points[1, 3] = half, half
            stroke(layer, points[0], points[1], 0.3, 0.0, min(1.0, 2.0 * half), bloom, matte, depth, h, w)


@kernel
def stroke(
    layer: Array, a: Array, b: Array, first: float, part: float, seen: float, color: Array, matte: Array, depth: Array,
    h: int, w: int,
) -> None:  # fmt: skip
    """One straight piece of a blade, from a to b (x, y, z-depth, half width in pixels)."""
    reach = max(a[3], b[3]) + 0.5
    j0, j1 = max(math.floor(min(a[0], b[0]) - reach), 0), min(math.ceil(max(a[0], b[0]) + reach), w - 1)
    i0, i1 = max(math.floor(min(a[1], b[1]) - reach), 0), min(math.ceil(max(a[1], b[1]) + reach), h - 1)
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy)
    if length < 1e-4:
        return
    dx, dy = dx / length, dy / length
    for i in range(i0, i1 + 1):
        for j in range(j0, j1 + 1):
            along = (j - a[0]) * dx + (i - a[1]) * dy
            # Of the pixel's box along the stroke, what lies between its ends; pieces so share the pixel they meet in.
            run = min(along + 0.5, length) - max(along - 0.5, 0.0)
            if run <= 0:
                continue
            s = min(max(along / length, 0.0), 1.0)
            across = abs((j - a[0]) * dy - (i - a[1]) * dx)
            half = a[3] + (b[3] - a[3]) * s
            cover = min(half, across + 0.5) - max(-half, across - 0.5)
            if cover <= 0:
                continue
            alpha = min(cover, 1.0) * min(run, 1.0) * seen
            on, z = matte[i, j], depth[i, j]
            if on < 0.98 and not a[2] + (b[2] - a[2]) * s < z - BEFORE_M:
                alpha *= on
            if alpha < 0.01:
                continue
            up = first + part * s
            bright = (ROOT + (TIP - ROOT) * up) * alpha
            for c in range(3):
                layer[i, j, c] = layer[i, j, c] * (1.0 - alpha) + color[c] * bright
            layer[i, j, 3] = layer[i, j, 3] * (1.0 - alpha) + alpha
