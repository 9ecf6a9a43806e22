"""Whether the real room hides content, per pixel.

Import this module only where it is used: numba takes a while to load.
"""

from __future__ import annotations

import math

import numpy as np

from .kernels import Array, kernel, sigma, smooth

SENSOR, MESH, PLANE, NOTHING = 1, 2, 3, 4
"""What decided whether a content pixel is hidden."""


@kernel
def hides(real: float, error: float, content: float, height: float, above: bool) -> float:
    """0..1: does the real surface at z `real` +- `error`, `height` metres over the content's supporting plane, hide it?

    Seen from above its plane, content can only be hidden by what rises from that plane: the plane itself and all below
    it never lie between the camera and content that stands on it, whatever the depth says.
    """
    if not math.isfinite(real):
        return 0.0
    front = smooth(-0.004 - error, 0.004 + error, content - real)
    if above:
        s = sigma(real)
        front *= smooth(0.008 + 1.0 * s, 0.018 + 2.5 * s, height)
    return front


@kernel
def visible_share(
    near: Array,
    far: Array,
    cover: Array,
    error: Array,
    source: Array,
    z: Array,
    coverage: Array,
    plane_of: Array,
    x0: int,
    y0: int,
    k: Array,
    R: Array,
    origin: Array,
    planes: Array,
) -> tuple[Array, Array]:
    """How much of each content pixel is seen past the real scene, (h, w) 0..1, and what decided (h, w).

    Args:
        near, far, cover, error, source: As in `RoomView`.
        z: (h, w) content's z-depth.
        coverage: (h, w) content's alpha; pixels with none are left out.
        plane_of: (h, w) row of `planes` for each content pixel, -1 = it stands on nothing.
        planes: (P, 4) unit normal n and offset d of the supporting planes, n . x = d.
    """
    h, w = near.shape
    visible, decided = np.ones((h, w), dtype=np.float32), np.zeros((h, w), dtype=np.uint8)
    over = np.empty(len(planes))
    for p in range(len(planes)):
        over[p] = -planes[p, 3]
        for c in range(3):
            over[p] += planes[p, c] * origin[c]
    for i in range(h):
        for j in range(w):
            if coverage[i, j] <= 0:
                continue
            p, zc, along = plane_of[i, j], z[i, j], 0.0
            above = p >= 0 and over[p] > 0
            if above:
                x, y = (x0 + j - k[2]) / k[0], (y0 + i - k[3]) / k[1]
                for c in range(3):
                    along += planes[p, c] * (R[c, 0] * x + R[c, 1] * y + R[c, 2])
            base, e = over[p] if above else 0.0, error[i, j]
            e = e if math.isfinite(e) else 1.0
            hidden = hides(near[i, j], e, zc, base + near[i, j] * along, above)
            real = near[i, j]
            if cover[i, j] < 1.0:
                behind = hides(far[i, j], e, zc, base + far[i, j] * along, above)
                hidden = cover[i, j] * hidden + (1.0 - cover[i, j]) * behind
                if cover[i, j] <= 0.5:
                    real = far[i, j]
            visible[i, j] = 1.0 - hidden
            if not math.isfinite(real):
                decided[i, j] = NOTHING
            elif above and base + real * along < 0.013 + 1.8 * sigma(real):
                decided[i, j] = PLANE
            elif source[i, j] == 0:
                decided[i, j] = NOTHING
            else:
                decided[i, j] = source[i, j]
    return visible, decided


@kernel
def edge_distances(
    color: Array, visible: Array, coverage: Array, cover: Array, search: int, least: int
) -> tuple[int, int]:
    """Number of silhouette edges of `visible` with a colour edge near, and the sum of distances between the two."""
    h, w = visible.shape
    count, total = 0, 0
    for i in range(1, h - 1):
        for j in range(1, w - 1):
            if coverage[i, j] < 0.5 or (cover[i, j] == 1.0 and visible[i, j] > 0.5):
                continue
            for axis in range(2):
                y, x = i + axis, j + 1 - axis
                if coverage[y, x] < 0.5 or (visible[i, j] > 0.5) == (visible[y, x] > 0.5):
                    continue
                if cover[i, j] == 1.0 and cover[y, x] == 1.0:
                    continue
                best, at = least - 1.0, -1
                for s in range(-search, search + 1):
                    a, b = i + axis * s, j + (1 - axis) * s
                    c, d = a + axis, b + 1 - axis
                    if a < 0 or b < 0 or c >= h or d >= w:
                        continue
                    e = 0.0
                    for n in range(3):
                        e += abs(float(color[a, b, n]) - float(color[c, d, n]))
                    if e > best or (e == best and at >= 0 and abs(s) < at):
                        best, at = e, abs(s)
                if at >= 0:
                    count, total = count + 1, total + at
    return count, total
