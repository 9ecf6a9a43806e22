"""Which pixels show a painted surface itself: by depth, and near outlines by colour. One thread, compiled by numba."""

from __future__ import annotations

import math

import numpy as np

from .kernels import Array, kernel, smooth
from .painted_kernels import encode, plane_ray

REACH = 8
"""Pixels of a 640 pixel wide picture around an outline within which colour decides what is surface and what is not."""
LOOK_VOTE = 0.4
"""Weight of the surface's known look beside the votes of the pixels around."""
CLUTTER = 0.15
"""How alike a pixel is to a side of which nothing is seen nearby."""
LOW, HIGH = 0.2, 0.8
"""Chances from which a pixel begins to be the surface, and from which it is nothing else."""
ENOUGH = 3.0
"""Votes that must speak for a surface where nobody has seen it."""
GUESSED, SCANNED, FILLED = 0, 2, 3
"""`RoomView.source` where depth is a guess from around, where only the scanned mesh is known, and where a plane was put
into a gap."""
UNSEEN, ELSEWHERE = 0.0, 1e-5
"""How far is believed what nobody has seen, and what other frames alone have: they have no vote."""
SIDE, APART = 2, 60.0
"""Pixels to look around an outline for the colours of its sides; sRGB units by which these must differ."""
COVERED = 0.98
"""What covers more of a pixel by depth may cover less by colour; below, depth's edges were laid along colour's. What is
open counts squared: colours under furniture, in its shadow, are taken for floor rather than the other way round."""
IN_PLANE, MEETING = 1, 2
"""Of a triangle: it lies in the painted plane; in a plane that cuts it, or in the rounded corner between the two."""
NEARER, BEYOND = 1, 2
"""How depth contradicts the mesh."""


@kernel
def shadows_of_depth(depth: Array, reach: float) -> Array:
    """(h, w) uint8: 1 where a near thing hides what the depth camera's other eye or projector would have to see.

    Such a gap in a row lies between a near and a far reading and is no wider than the difference of their disparities.

    Args:
        depth: (h, w) metres, 0 = no reading.
        reach: Baseline times focal length, metres times pixels.
    """
    h, w = depth.shape
    out = np.zeros((h, w), dtype=np.uint8)
    for i in range(h):
        last = -1
        for j in range(w):
            z = depth[i, j]
            if z <= 0:
                continue
            gap = j - last - 1
            if last >= 0 and gap > 0:
                near, far = min(z, depth[i, last]), max(z, depth[i, last])
                if far - near > 0.05 + 0.06 * near and gap <= reach * (1.0 / near - 1.0 / far) + 2.0:
                    out[i, last + 1 : j] = 1
            last = j
    return out


@kernel
def geometry(
    depth: Array,
    near: Array,
    cover: Array,
    sigma: Array,
    source: Array,
    face: Array,
    hit: Array,
    in_plane: Array,
    k: Array,
    R: Array,
    o: Array,
    area: Array,
    extent: Array,
) -> tuple[Array, Array, Array, Array]:
    """Is what a pixel shows the plane itself, by depth alone? (h, w) 0..1; how far that can be believed, 0..1; where
    depth contradicts a mesh that lies in the plane: NEARER or BEYOND; and the share of the pixel, 0..1, that things
    before the plane leave open.

    Where neither sensor nor mesh saw anything, a plane that fills the gap proves nothing. Walls, floor and ceiling
    that meet the plane stand before nothing of it, wherever exactly the mesh rounds the corner off.

    Args:
        depth, near, cover, sigma, source, face: As in `RoomView`.
        hit: (h, w) the mesh's triangle behind the pixel, whatever stands before it.
        in_plane: (F,) of the mesh's triangles: IN_PLANE, MEETING (a surface that cuts the plane) or 0.
        k: (4,) fx, fy, cx, cy.
        R, o: Camera-to-plane rotation (3, 3) and camera position (3,) in the plane's frame.
        area: (4,) the raster's extent, x low, z low, x high, z high, metres: nothing is asked of other pixels.
        extent: (rows, columns, 2) over that extent: 0..1, whether the surface is there at all, and how surely.
    """
    h, w = depth.shape
    eh, ew = extent.shape[:2]
    on, sure = np.zeros((h, w), dtype=np.float32), np.zeros((h, w), dtype=np.float32)
    against, free = np.zeros((h, w), dtype=np.uint8), np.ones((h, w), dtype=np.float32)
    for i in range(h):
        for j in range(w):
            dx, dy, dz = plane_ray(k, R, j, i)
            if dy > -1e-4:
                sure[i, j] = 1.0
                continue
            t = -o[1] / dy
            x, z = o[0] + t * dx, o[2] + t * dz
            if x < area[0] or z < area[1] or x > area[2] or z > area[3]:
                sure[i, j] = 1.0
                continue
            r = min(int((z - area[1]) / (area[3] - area[1]) * eh), eh - 1)
            c = min(int((x - area[0]) / (area[2] - area[0]) * ew), ew - 1)
            there, told = extent[r, c, 0], extent[r, c, 1]
            if there < 0.004:
                sure[i, j] = told
                continue
            real = depth[i, j]
            if not math.isfinite(real) or source[i, j] == FILLED or source[i, j] == GUESSED:
                on[i, j], sure[i, j] = 0.7 * there, UNSEEN
                continue
            f = face[i, j]
            if f >= 0 and in_plane[f] == MEETING:
                on[i, j] = there
                continue
            height, s = o[1] + real * dy, sigma[i, j] * -dy
            if not math.isfinite(s):
                s = 0.02 * -dy
            if cover[i, j] < COVERED and o[1] + near[i, j] * dy > 0.03 + 3.0 * s:
                free[i, j] = (1.0 - cover[i, j]) ** 2
            if height > 0:
                value = 1.0 - smooth(0.008 + 1.0 * s, 0.022 + 2.6 * s, height)
            else:
                value = 1.0 - smooth(0.03 + 2.5 * s, 0.08 + 5.0 * s, -height)
            if f >= 0 and height < 0.02 + 4.0 * s and height > -0.03 - 4.0 * s:
                # The fused mesh knows better than one frame whether this patch is flat in the plane.
                value = 0.5 * value + 0.5 * (1.0 if in_plane[f] == IN_PLANE else 0.0)
            elif f < 0 and source[i, j] != SCANNED and hit[i, j] >= 0 and in_plane[hit[i, j]] == IN_PLANE:
                against[i, j] = NEARER if height > 0 else BEYOND
            told = max(told, 0.05)
            if source[i, j] == SCANNED and value > 0.5:
                # Black and mirroring things have no depth, and other frames look past them: the colour shall tell.
                on[i, j], sure[i, j] = 0.85 * value * there, ELSEWHERE
                continue
            on[i, j] = value * there
            sure[i, j] = told if value < 0.1 or value > 0.9 else 0.4 * told
    return on, sure, against, free


@kernel
def refine(
    color: Array,
    on: Array,
    sure: Array,
    wide: Array,
    reach: int,
    spread: float,
    k: Array,
    R: Array,
    o: Array,
    area: Array,
    look: Array,
    gain: Array,
    to_linear: Array,
    to_srgb: Array,
) -> Array:
    """Settle outlines, and where depth says nothing, by colour: (h, w) 0..1.

    Near an outline depth frays and may lie pixels beside colour, so there a pixel belongs to the side whose colours
    around it are more like its own (a local two-class colour model, as in Bayes matting: Chuang et al., CVPR 2001),
    with what depth says as the prior.

    Args:
        color: (h, w, 3) sRGB.
        on, sure: From `geometry`.
        wide: (h, w) mean of `on` over a window of the reach: neither 0 nor 1 near outlines.
        reach: Pixels to look around.
        spread: Colour distance, sRGB units, that still counts as alike.
        k, R, o, area: As in `geometry`.
        look: (h, w, 4) the unpainted surface over that extent, sRGB, and 0..255 how well it is known.
        gain: (3,) brightness of this frame over the look's exposure.
    """
    h, w = on.shape
    lh, lw = look.shape[:2]
    out = on.copy()
    step = max(1, reach // 4)
    scale = 1.0 / (2.0 * spread * spread)
    table = np.exp(-np.arange(256) / 32.0).astype(np.float32)
    for i in range(h):
        for j in range(w):
            m = wide[i, j]
            if (m < 0.015 and on[i, j] < 0.05) or (m > 0.985 and on[i, j] > 0.95):
                continue
            prior = 0.12 + 0.76 * (0.5 * m + 0.5 * on[i, j])
            mine, other, n_mine, n_other = 0.0, 0.0, 1e-6, 1e-6
            dx, dy, dz = plane_ray(k, R, j, i)
            told = False
            if dy < -1e-4:
                # One vote is what the surface looked like here in other frames.
                t = -o[1] / dy
                u = (o[0] + t * dx - area[0]) / (area[2] - area[0]) * lw
                v2 = (o[2] + t * dz - area[1]) / (area[3] - area[1]) * lh
                if 0 <= u < lw and 0 <= v2 < lh and look[int(v2), int(u), 3] > 40:
                    e = 0.0
                    for c in range(3):
                        known = encode(to_linear[look[int(v2), int(u), c]] * gain[c], to_srgb)
                        e += (known - color[i, j, c]) ** 2
                    g = math.exp(-e * scale * 0.35)
                    weight = LOOK_VOTE * look[int(v2), int(u), 3] / 255.0
                    mine, n_mine, told = weight * g, weight, True
                elif sure[i, j] <= np.float32(ELSEWHERE):
                    prior *= 0.3  # neither here nor from elsewhere has anybody seen the surface
            alone = told and m > 0.8 and sure[i, j] == np.float32(ELSEWHERE)
            r0, r1, r2 = float(color[i, j, 0]), float(color[i, j, 1]), float(color[i, j, 2])
            for a in range(-reach, reach + 1, step):
                y = i + a
                if alone or y < 0 or y >= h:
                    continue
                for b in range(-reach, reach + 1, step):
                    x = j + b
                    if x < 0 or x >= w:
                        continue
                    # Votes from deep inside a region count more than those beside an outline.
                    certain = sure[y, x] * (0.06 + (2.0 * wide[y, x] - 1.0) ** 2)
                    d0, d1, d2 = color[y, x, 0] - r0, color[y, x, 1] - r1, color[y, x, 2] - r2
                    e = (d0 * d0 + d1 * d1 + d2 * d2) * scale * 32.0
                    g = table[int(e)] if e < 255 else 0.0
                    v = on[y, x]
                    mine += certain * v * g
                    n_mine += certain * v
                    other += certain * (1.0 - v) * g
                    n_other += certain * (1.0 - v)
            like_on, like_off = mine / n_mine + 0.004, other / n_other + 0.004
            if n_mine < 0.02:
                like_on = CLUTTER
            if n_other < 0.02:
                like_off = CLUTTER
            if not told and sure[i, j] <= np.float32(ELSEWHERE):
                # To be unlike its surroundings, or like a few stray readings, makes nothing a floor that nobody saw.
                like_off = max(like_off, CLUTTER)
                like_on *= min(n_mine / ENOUGH, 1.0)
            out[i, j] = smooth(LOW, HIGH, prior * like_on / (prior * like_on + (1.0 - prior) * like_off))
    return out


@kernel
def antialias(color: Array, matte: Array) -> Array:
    """How much of the pixels along outlines shows the surface: (h, w) 0..1; elsewhere as given.

    Such a pixel's colour lies between those of the two sides, and how far says its share of either (Porter and Duff
    1984), where the sides are told apart by more than noise and the pixel holds nothing else.

    Args:
        color: (h, w, 3) sRGB.
        matte: (h, w) 0..1, sides settled.
    """
    h, w = matte.shape
    out = matte.copy()
    inner, outer = np.empty(3), np.empty(3)
    for i in range(1, h - 1):
        for j in range(1, w - 1):
            if not _mixed(matte, i, j):
                continue
            n_in, n_out = 0, 0
            inner[:], outer[:] = 0.0, 0.0
            for y in range(max(i - SIDE, 1), min(i + SIDE + 1, h - 1)):
                for x in range(max(j - SIDE, 1), min(j + SIDE + 1, w - 1)):
                    if _mixed(matte, y, x):
                        continue
                    if matte[y, x] > 0.5:
                        n_in += 1
                        for c in range(3):
                            inner[c] += color[y, x, c]
                    else:
                        n_out += 1
                        for c in range(3):
                            outer[c] += color[y, x, c]
            if n_in < 2 or n_out < 2:
                continue
            along, apart, here = 0.0, 0.0, 0.0
            for c in range(3):
                a, b = inner[c] / n_in, outer[c] / n_out
                apart += (a - b) ** 2
                along += (color[i, j, c] - b) * (a - b)
                here += (color[i, j, c] - b) ** 2
            if apart < APART * APART:
                continue
            share = along / apart
            if here - share * along > (0.15 * 0.15) * apart:
                continue
            out[i, j] = min(max((share - 0.06) / 0.88, 0.0), 1.0)
    return out


@kernel
def _mixed(matte: Array, i: int, j: int) -> bool:
    """Whether both sides of an outline lie within a pixel of (i, j)."""
    low, high = False, False
    for y in range(i - 1, i + 2):
        for x in range(j - 1, j + 2):
            if matte[y, x] > 0.5:
                high = True
            else:
                low = True
    return low and high


@kernel
def expected(
    wanted: Array, look: Array, gain: Array, k: Array, R: Array, o: Array, area: Array, to_linear: Array
) -> Array:
    """(h, w, 4) float32: what other frames say that the bare surface looks like at each pixel, linear light in this
    frame's exposure, and 0..1 how well that is known; 0 where not wanted. Arguments as in `refine`."""
    h, w = wanted.shape
    lh, lw = look.shape[:2]
    out = np.zeros((h, w, 4), dtype=np.float32)
    for i in range(h):
        for j in range(w):
            if not wanted[i, j]:
                continue
            dx, dy, dz = plane_ray(k, R, j, i)
            if dy > -1e-4:
                continue
            t = -o[1] / dy
            x = (o[0] + t * dx - area[0]) / (area[2] - area[0]) * lw - 0.5
            z = (o[2] + t * dz - area[1]) / (area[3] - area[1]) * lh - 0.5
            if x < 0 or z < 0 or x >= lw - 1 or z >= lh - 1:
                continue
            x0, z0 = int(x), int(z)
            fx, fz = x - x0, z - z0
            for n in range(4):
                xx, zz = x0 + n % 2, z0 + n // 2
                g = (fx if n % 2 else 1.0 - fx) * (fz if n >= 2 else 1.0 - fz)
                for c in range(3):
                    out[i, j, c] += g * to_linear[look[zz, xx, c]] * gain[c]
                out[i, j, 3] += g * look[zz, xx, 3] / 255.0
    return out


@kernel
def stands_out(
    look: Array,
    mean: Array,
    variance: Array,
    color: Array,
    floor: Array,
    lit: Array,
    least: float,
    tint_share: float,
    black: float,
) -> Array:
    """(h, w) float32: distance of each floor pixel's look (h, w, 3) from a mean, in deviations; 0 for what is lit.

    Changes of brightness with little change of tint are light, unless they are darker than `black`.
    """
    h, w = floor.shape
    out = np.zeros((h, w), dtype=np.float32)
    for i in range(h):
        for j in range(w):
            if not floor[i, j] or lit[i, j]:
                continue
            light = look[i, j, 0] - mean[i, j, 0]
            a, b = look[i, j, 1] - mean[i, j, 1], look[i, j, 2] - mean[i, j, 2]
            if 0.5 * math.hypot(a, b) < tint_share * abs(light) and light > -black:
                continue
            v = least * least
            d = light * light / (max(variance[i, j, 0], 0.0) + v)
            d += a * a / (max(variance[i, j, 1], 0.0) + v) + b * b / (max(variance[i, j, 2], 0.0) + v)
            out[i, j] = math.sqrt(d)
    return out
