"""Depth edges beside colour edges, pixel by pixel. Import only where used: numba takes a while to load."""

from __future__ import annotations

import math

from sceneforge.core.depth_edge_kernels import GAP_PX, jumps

from .kernels import Array, kernel

STRONG = 60
"""Colour step (sum over channels) that an edge's surroundings must hold to be counted."""
CAP = 150
"""Colour steps count no more than this, so that a few stark ones do not decide."""


@kernel
def band_of(z: float, bands: Array) -> int:
    """Which band of ascending limits a depth lies in."""
    n = 0
    for limit in bands:
        if z >= limit:
            n += 1
    return n


@kernel
def edge_profiles(
    edges: Array, color: Array, k: Array, kd: Array, bands: Array, profiles: Array, counts: Array
) -> None:
    """Add the colour steps around every depth edge to `profiles` (B + 1, 4, 2 n + 1) and `counts` (B + 1, 4), in place.

    `edges` (m, 5) are those of `core.depth_edge_kernels.depth_edges`.
    First index: the near thing's band of `bands` (B,), its limits in metres, ascending.
    Sides of near things: 0 left, 1 right, 2 top, 3 bottom. A profile's middle is the depth's edge; its entries go from
    outside (lowest) to inside the near thing (highest).
    """
    height, width = color.shape[:2]
    search = (profiles.shape[2] - 1) // 2
    for n in range(len(edges)):
        axis, near_first = int(edges[n, 2]), edges[n, 3] > 0
        x = (edges[n, 0] - kd[2]) / kd[0] * k[0] + k[2]
        y = (edges[n, 1] - kd[3]) / kd[1] * k[1] + k[3]
        # The step between pixels p and p + 1 stands at p + 0.5.
        p = math.floor(x) if axis == 0 else math.floor(y)
        q = math.floor(y + 0.5) if axis == 0 else math.floor(x + 0.5)
        limit, other = (width, height) if axis == 0 else (height, width)
        if p - search < 0 or p + search + 1 >= limit or not 0 <= q < other:
            continue
        side, band = 2 * axis + (1 if near_first else 0), band_of(edges[n, 4], bands)
        strongest = 0
        for t in range(-search, search + 1):
            strongest = max(strongest, step(color, axis, p + t, q))
        if strongest > STRONG:
            counts[band, side] += 1
            for t in range(-search, search + 1):
                # Inside lies before the edge where the near thing comes first.
                at = search - t if near_first else search + t
                profiles[band, side, at] += min(step(color, axis, p + t, q), CAP)


@kernel
def step(color: Array, axis: int, p: int, q: int) -> int:
    """Sum over channels of the difference between pixels p and p + 1 along an axis (0 = x), on line q."""
    e = 0.0
    for c in range(3):
        if axis == 0:
            e += abs(float(color[q, p, c]) - float(color[q, p + 1, c]))
        else:
            e += abs(float(color[p, q, c]) - float(color[p + 1, q, c]))
    return int(e)


@kernel
def drop_displaced(sensor: Array, displacement: Array, bands: Array, out: Array, lean: Array) -> None:
    """Take readings out that lie between a depth edge and where colour has it.

    Args:
        sensor: (h, w) readings at colour pixels, 0 = none.
        displacement: (B + 1, 4) from `EdgeRegistration`.
        bands: (B,) its bands' limits.
        out: (h, w) copy of `sensor`; dropped readings become 0.
        lean: (h, w) uint8, becomes 1 where a far reading was dropped: the pixel is likely near.
    """
    h, w = sensor.shape
    for axis in range(2):
        if not displacement[:, 2 * axis : 2 * axis + 2].any():
            continue
        lines, length = (h, w) if axis == 0 else (w, h)
        for line in range(lines):
            last, before, start = -1, 0.0, 0
            for s in range(length):
                z = sensor[line, s] if axis == 0 else sensor[s, line]
                if z <= 0:
                    continue
                if last >= 0 and jumps(z, before):
                    near_first = before < z
                    n = displacement[band_of(min(before, z), bands), 2 * axis + (1 if near_first else 0)]
                    if s - last <= GAP_PX and n != 0:
                        inward = near_first if n > 0 else not near_first
                        many = abs(n)
                        if n > 0:  # a thin thing keeps its middle
                            wide = last + 1 - start
                            if not near_first:
                                wide = 1
                                while s + wide < length and wide < 3 * n:
                                    beyond = sensor[line, s + wide] if axis == 0 else sensor[s + wide, line]
                                    if beyond <= 0 or jumps(beyond, z):
                                        break
                                    wide += 1
                            many = min(n, wide // 3)
                        for t in range(many):
                            at = last - t if inward else s + t
                            if at < 0 or at >= length:
                                break
                            i, j = (line, at) if axis == 0 else (at, line)
                            if sensor[i, j] <= 0 or jumps(sensor[i, j], before if inward else z):
                                break
                            out[i, j], lean[i, j] = 0.0, 1 if n < 0 else 0
                    start = s
                last, before = s, z
