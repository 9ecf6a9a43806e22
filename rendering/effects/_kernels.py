"""Per-pixel loops of the effects, compiled by numba; one thread, so results never vary.

Import this module only where it is used: numba takes a while to load.
"""

from __future__ import annotations

import math

import numpy as np

from ..kernels import Array, kernel, smooth


@kernel
def cover_lines(
    mask: Array, depth: Array, sigma: Array, ends: Array, arc: Array, half: float, on_m: float, period_m: float,
    skin_m: float, hidden: float,
) -> None:  # fmt: skip
    """Coverage of antialiased line pieces, tested against the visible surface.

    Args:
        mask: (H, W) float32, raised to each line's coverage 0..1 in place.
        depth, sigma: (H, W) of the view; depth inf = unknown, there lines are seen.
        ends: (n, 6) x, y, z of both ends: pixels and z-depth in metres.
        arc: (n, 2) metres along the line at both ends, for dashes.
        half: Half the line's width, pixels.
        on_m, period_m: Length of a dash and of dash and gap; period 0 = solid.
        skin_m: How far behind the visible surface a line may lie and still be on it.
        hidden: Coverage of what lies behind it.
    """
    h, w = mask.shape
    reach = half + 1.0
    for i in range(len(ends)):
        x0, y0, z0, x1, y1, z1 = ends[i, 0], ends[i, 1], ends[i, 2], ends[i, 3], ends[i, 4], ends[i, 5]
        dx, dy = x1 - x0, y1 - y0
        length2 = dx * dx + dy * dy
        length = math.sqrt(length2)
        steep = abs(dy) > abs(dx)
        # Walk along the longer axis, and across over the pixels that the line's width can reach.
        a0, a1, b0, slope = (y0, y1, x0, 0.0) if steep else (x0, x1, y0, 0.0)
        if abs(a1 - a0) > 1e-9:
            slope = ((x1 - x0) if steep else (y1 - y0)) / (a1 - a0)
        wide = reach * math.sqrt(1.0 + slope * slope)
        top = (h if steep else w) - 1
        first = max(math.floor(min(a0, a1) - reach), 0)
        last = min(math.ceil(max(a0, a1) + reach), top)
        for a in range(first, last + 1):
            inside = min(max(float(a), min(a0, a1)), max(a0, a1))
            centre = b0 + slope * (inside - a0)
            side = (w if steep else h) - 1
            low, high = max(math.floor(centre - wide), 0), min(math.ceil(centre + wide), side)
            for b in range(low, high + 1):
                x, y = (b, a) if steep else (a, b)
                t = 0.0 if length2 < 1e-12 else ((x - x0) * dx + (y - y0) * dy) / length2
                t = min(max(t, 0.0), 1.0)
                ex, ey = x - x0 - t * dx, y - y0 - t * dy
                cover = min(max(half + 0.5 - math.sqrt(ex * ex + ey * ey), 0.0), 1.0) * min(2.0 * half, 1.0)
                if cover <= mask[y, x]:
                    continue
                inverse = (1.0 - t) / z0 + t / z1
                if period_m > 0.0:
                    s = ((1.0 - t) * arc[i, 0] / z0 + t * arc[i, 1] / z1) / inverse
                    step = abs(arc[i, 1] - arc[i, 0]) / max(length, 1.0)  # metres per pixel, about
                    phase = s - math.floor(s / period_m) * period_m
                    edge = min(phase, on_m - phase) if phase <= on_m else -min(phase - on_m, period_m - phase)
                    cover *= min(max(edge / max(step, 1e-6) + 0.5, 0.0), 1.0)
                d = depth[y, x]
                if d < 1e9:
                    z = 1.0 / inverse
                    skin = skin_m + 2.0 * min(sigma[y, x], 0.1)
                    seen = 1.0 - smooth(d + skin, d + 2.0 * skin, z)
                    cover *= hidden + (1.0 - hidden) * seen
                if cover > mask[y, x]:
                    mask[y, x] = cover


@kernel
def interpolate(face: Array, uv: Array, faces: Array, values: Array) -> Array:
    """(H, W) float32: values (N,) at vertices, at every pixel's triangle; NaN where `face` is -1."""
    h, w = face.shape
    out = np.full((h, w), np.nan, dtype=np.float32)
    for i in range(h):
        for j in range(w):
            f = face[i, j]
            if f >= 0:
                u, v = uv[i, j, 0], uv[i, j, 1]
                a, b, c = values[faces[f, 0]], values[faces[f, 1]], values[faces[f, 2]]
                out[i, j] = (1.0 - u - v) * a + u * b + v * c
    return out


@kernel
def plane_at(
    points: Array, owner: Array, frames: Array, starts: Array, ring: Array, tolerance: Array, reach_m: float
) -> None:
    """Fill `owner` (H, W) int32 where it is -1 with the plane on whose outline a pixel's point lies.

    Args:
        points: (H, W, 3) world; NaN = unknown.
        owner: Index of the plane, -1 = none yet; changed in place.
        frames: (P, 4, 4) world-to-plane.
        starts: (P + 1,) where each plane's outline starts in `ring`.
        ring: (K, 2) [x, z] of all outlines.
        tolerance: (H, W) metres, error of the point.
        reach_m: Distance from a plane that counts as on it, for a point without error.
    """
    h, w = owner.shape
    for i in range(h):
        for j in range(w):
            x, y, z = points[i, j, 0], points[i, j, 1], points[i, j, 2]
            if owner[i, j] >= 0 or x != x:
                continue
            best = reach_m + 2.0 * min(tolerance[i, j], 0.05)
            for p in range(len(frames)):
                M = frames[p]
                up = abs(M[1, 0] * x + M[1, 1] * y + M[1, 2] * z + M[1, 3])
                if up >= best:
                    continue
                px = M[0, 0] * x + M[0, 1] * y + M[0, 2] * z + M[0, 3]
                pz = M[2, 0] * x + M[2, 1] * y + M[2, 2] * z + M[2, 3]
                inside = False
                k = starts[p + 1] - 1
                for n in range(starts[p], starts[p + 1]):  # crossings of a ray along +x (Franklin's test)
                    if (ring[n, 1] > pz) != (ring[k, 1] > pz):
                        cross = ring[n, 0] + (pz - ring[n, 1]) / (ring[k, 1] - ring[n, 1]) * (ring[k, 0] - ring[n, 0])
                        if px < cross:
                            inside = not inside
                    k = n
                if inside:
                    best = up
                    owner[i, j] = p
