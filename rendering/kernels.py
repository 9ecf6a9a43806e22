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

SENSOR, SCAN_MESH, SUPPORT, NOTHING = 1, 2, 3, 4
"""What decided whether a content pixel is hidden."""


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
def sensor_depth(
    depth: Array, color: Array, need: Array, x0: int, y0: int, k: Array, kd: Array, same: bool
) -> tuple[Array, Array]:
    """Depth at colour pixels: (h, w) z in metres (0 = none) and whether the neighbourhood agrees.

    Of the nine depth samples around a colour pixel, those on the pixel's side of a depth edge are averaged: the side
    whose own colours are most like the pixel's (joint bilateral upsampling, Kopf et al. 2007, with a hard split at
    the edge, so that no depth between foreground and background is ever made up).
    """
    h, w = need.shape
    out, sure = np.zeros((h, w), dtype=np.float32), np.zeros((h, w), dtype=np.bool_)
    hd, wd = depth.shape
    hc, wc = color.shape[:2]
    z, weight = np.empty(9), np.empty(9)
    for i in range(h):
        for j in range(w):
            if not need[i, j]:
                continue
            u, v = (x0 + j - k[2]) / k[0] * kd[0] + kd[2], (y0 + i - k[3]) / k[1] * kd[1] + kd[3]
            cu, cv = math.floor(u + 0.5), math.floor(v + 0.5)
            n, low, high, total = 0, 1e9, 0.0, 0.0
            for dv in range(-1, 2):
                for du in range(-1, 2):
                    a, b = cu + du, cv + dv
                    if a < 0 or b < 0 or a >= wd or b >= hd:
                        continue
                    d = depth[b, a]
                    if d > 0:
                        low, high, total = min(low, d), max(high, d), total + d
                        z[n], weight[n] = d, b * wd + a
                        n += 1
            if n < 3:
                continue
            gap = max(0.03, 0.03 * low)
            if high - low <= gap:
                near = same and 0 <= cu < wd and 0 <= cv < hd and depth[cv, cu] > 0
                out[i, j] = 0.5 * (total / n + depth[cv, cu]) if near else total / n
                sure[i, j] = n >= 5
                continue
            middle = 0.5 * (low + high)
            sums, counts = np.zeros(2), np.zeros(2)
            for s in range(n):
                a, b = int(weight[s]) % wd, int(weight[s]) // wd
                x = int((a - kd[2]) / kd[0] * k[0] + k[2] + 0.5)
                y = int((b - kd[3]) / kd[1] * k[1] + k[3] + 0.5)
                x, y = min(max(x, 0), wc - 1), min(max(y, 0), hc - 1)
                e = 0.0
                for c in range(3):
                    e += (float(color[y, x, c]) - float(color[y0 + i, x0 + j, c])) ** 2
                g = math.exp(-e / 800.0 - ((a - u) ** 2 + (b - v) ** 2) / 1.5) + 1e-9
                side = 0 if z[s] < middle else 1
                sums[side] += g * z[s]
                counts[side] += g
            side = 0 if counts[0] >= counts[1] else 1
            out[i, j] = sums[side] / counts[side]
    return out, sure


@kernel
def fuse_depth(sensor: Array, sure: Array, scan: Array) -> tuple[Array, Array]:
    """The real surface per pixel: (h, w) z (0 = unknown) and its source.

    Where both see the same surface the mesh's steadier value is taken. Where they differ, the sensor is right about
    things that moved or that the mesh has not (people), unless its own neighbourhood is torn and the mesh is nearer.
    """
    h, w = sensor.shape
    out, source = np.zeros((h, w), dtype=np.float32), np.full((h, w), NOTHING, dtype=np.uint8)
    for i in range(h):
        for j in range(w):
            s, m = sensor[i, j], scan[i, j]
            known = math.isfinite(m)
            if s > 0:
                tolerance = 0.02 + 3 * sigma(s)
                out[i, j], source[i, j] = s, SENSOR
                if known and abs(s - m) <= tolerance:
                    out[i, j] = m
                elif known and m < s and not sure[i, j]:
                    out[i, j], source[i, j] = m, SCAN_MESH
            elif known:
                out[i, j], source[i, j] = m, SCAN_MESH
    return out, source


@kernel
def errors(depth: Array, source: Array, sensor: Array, sure: Array, scan: Array) -> Array:
    """Standard error of a fused depth (h, w), metres; inf where nothing is known.

    The mesh averages many frames, so where it agrees with the sensor half the error is left; where the sensor's
    neighbourhood is torn, or only an outline of a plane is known, the error is twice the sensor's.
    """
    h, w = depth.shape
    out = np.full((h, w), np.inf, dtype=np.float32)
    for i in range(h):
        for j in range(w):
            z = depth[i, j]
            if source[i, j] == 0:
                continue
            s = sigma(z)
            if source[i, j] == 3 or (source[i, j] == SENSOR and not sure[i, j]):
                s *= 2.0
            elif source[i, j] == SCAN_MESH or (math.isfinite(scan[i, j]) and abs(scan[i, j] - sensor[i, j]) < s):
                s *= 0.5
            out[i, j] = s
    return out


@kernel
def hides(real: float, content: float, height: float, above: bool) -> float:
    """0..1: does the real surface at z `real`, `height` metres over the content's supporting plane, hide the content?

    Seen from above its plane, content can only be hidden by what rises from that plane: the plane itself and all below
    it never lie between the camera and content that stands on it, whatever the depth says.
    """
    if real <= 0:
        return 0.0
    s = sigma(real)
    front = smooth(0.008 + 0.8 * s, 0.024 + 3.0 * s, content - real)
    if above:
        front *= smooth(0.008 + 1.0 * s, 0.018 + 2.5 * s, height)
    return front


@kernel
def occlusion(
    color: Array,
    x0: int,
    y0: int,
    real: Array,
    source: Array,
    z: Array,
    plane_of: Array,
    coverage: Array,
    k: Array,
    R: Array,
    origin: Array,
    planes: Array,
) -> tuple[Array, Array]:
    """How much of each content pixel is seen past the real scene, (h, w) 0..1, and what decided.

    Near an occluder's outline the answer is a vote of the neighbourhood, each neighbour's depth weighted by how much
    its colour is like the pixel's: depth maps fray at edges, colour does not.

    Args:
        planes: (P, 4) unit normal n and offset d of each content's supporting plane, n . x = d.
        plane_of: (h, w) row of `planes` for each content pixel.
    """
    h, w = real.shape
    visible, decided = np.ones((h, w), dtype=np.float32), np.zeros((h, w), dtype=np.uint8)
    heights = np.empty((len(planes), h, w), dtype=np.float32)
    over = np.empty(len(planes))
    for p in range(len(planes)):
        over[p] = -planes[p, 3]
        for c in range(3):
            over[p] += planes[p, c] * origin[c]
        for i in range(h):
            for j in range(w):
                x, y, along = (x0 + j - k[2]) / k[0], (y0 + i - k[3]) / k[1], 0.0
                for c in range(3):
                    along += planes[p, c] * (R[c, 0] * x + R[c, 1] * y + R[c, 2])
                heights[p, i, j] = over[p] + real[i, j] * along
    for i in range(h):
        for j in range(w):
            if coverage[i, j] <= 0:
                continue
            height, above = heights[plane_of[i, j]], over[plane_of[i, j]] > 0
            zc = z[i, j]
            here = hides(real[i, j], zc, height[i, j], above)
            r, mixed = 4, False
            for a in (-r, -r // 2, 0, r // 2, r):
                for b in (-r, -r // 2, 0, r // 2, r):
                    y, x = min(max(i + a, 0), h - 1), min(max(j + b, 0), w - 1)
                    if real[y, x] > 0 and abs(hides(real[y, x], zc, height[y, x], above) - here) > 0.1:
                        mixed = True
            if mixed:
                votes, total = 0.0, 1e-6
                for a in range(-r, r + 1):
                    for b in range(-r, r + 1):
                        y, x = i + a, j + b
                        if y < 0 or x < 0 or y >= h or x >= w or real[y, x] <= 0:
                            continue
                        e = 0.0
                        for c in range(3):
                            e += (float(color[y, x, c]) - float(color[i, j, c])) ** 2
                        g = math.exp(-e / 450.0 - (a * a + b * b) / 10.0)
                        votes += g * hides(real[y, x], zc, height[y, x], above)
                        total += g
                here = smooth(0.2, 0.8, votes / total)
            visible[i, j] = 1.0 - here
            if real[i, j] <= 0:
                decided[i, j] = NOTHING
            elif above and height[i, j] < 0.013 + 1.8 * sigma(real[i, j]):
                decided[i, j] = SUPPORT
            else:
                decided[i, j] = source[i, j]
    return visible, decided


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
    """Lay a plane's shadow map over the pixels whose real surface is that plane (min with what is there)."""
    h, w = real.shape
    nx, nz = ratio.shape
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
            value = (ratio[a, b] * (1 - u) + ratio[a + 1, b] * u) * (1 - v)
            value += (ratio[a, b + 1] * (1 - u) + ratio[a + 1, b + 1] * u) * v
            z = real[i, j]
            flat = inside[a, b]
            if z > 0:
                # Low things take the plane's shadow too; "below the plane" can only be the sensor's error.
                height, s = o[1] + z * d[1], sigma(z)
                height = -0.5 * height if height < 0 else height
                flat *= 1.0 - smooth(0.025 + 2.0 * s, 0.05 + 4.0 * s, height)
            on_plane[i, j] = max(on_plane[i, j], flat)
            ratio_out[i, j] = min(ratio_out[i, j], 1.0 - flat * (1.0 - value))


@kernel
def mesh_shadow(
    asked: Array, real: Array, scan: Array, face: Array, uv: Array, faces: Array, vertex: Array
) -> tuple[Array, Array]:
    """Shadow on the scanned surface where pixels really show it: (h, w) darkness 0..1 and how far it is known 0..1.

    -1 for "known" where the real surface is another one, which must keep its light, and where nobody looked.
    """
    h, w = real.shape
    dark, known = np.zeros((h, w), dtype=np.float32), np.zeros((h, w), dtype=np.float32)
    for i in range(h):
        for j in range(w):
            m = scan[i, j]
            if not math.isfinite(m):
                known[i, j] = 0.0 if asked[i, j] else -1.0
                continue
            f = face[i, j]
            u, v = uv[i, j, 0], uv[i, j, 1]
            value = vertex[faces[f, 0]] * (1 - u - v) + vertex[faces[f, 1]] * u + vertex[faces[f, 2]] * v
            s = sigma(m)
            agree = 1.0 - smooth(0.015 + 1.5 * s, 0.03 + 4.0 * s, abs(m - real[i, j]))
            dark[i, j], known[i, j] = agree * (1.0 - value), agree if agree > 0.5 else -1.0
    return dark, known


@kernel
def lay_mesh_shadow(ratio: Array, on_plane: Array, dark: Array, known: Array, wide: Array, weight: Array) -> None:
    """Darken `ratio` in place; where the mesh has a hole its surroundings' (blurred) darkness fades out into it."""
    h, w = ratio.shape
    for i in range(h):
        for j in range(w):
            value = dark[i, j]
            if known[i, j] == 0.0 and weight[i, j] > 0:
                value = wide[i, j] / max(weight[i, j], 0.3)
            if value > 0.002:
                ratio[i, j] *= 1.0 - (1.0 - on_plane[i, j]) * min(value, 1.0)


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
