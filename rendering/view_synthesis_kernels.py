"""Per-pixel loop of view synthesis, compiled by numba; one thread, so results never vary.

Import this module only where it is used: numba takes a while to load.
"""

from __future__ import annotations

from .kernels import Array, kernel

FULL = 0.02
"""Sum of weights from which captured colours fully replace the mesh's own."""
CUT = 0.02
"""Share of a captured picture's width along its rim that is not used: registered and undistorted pictures have seams
there.
"""
RIM = 12.0
"""Pixels from there on within which its weight fades."""


@kernel
def gather(
    total: Array, points: Array, face: Array, color: Array, depth: Array, k: Array, M: Array, weight: float,
    background: bool,
) -> None:  # fmt: skip
    """Add one captured picture's colours to the pixels whose surface it saw.

    Args:
        total: (H, W, 4) float32: colour times weight, and weight; changed in place.
        points: (H, W, 3) world position of each pixel's surface; far away where there is none.
        face: (H, W) its triangle, -1 = none.
        color: (h, w, 3) uint8 captured picture.
        depth: (h, w) z-depth of the mesh from its pose, inf = none.
        k: fx, fy, cx, cy of its camera.
        M: (3, 4) world-to-camera.
        weight: Of this picture.
        background: Whether pixels without surface take the captured picture's pixels without surface.
    """
    h, w = depth.shape
    for i in range(total.shape[0]):
        for j in range(total.shape[1]):
            if face[i, j] < 0 and not background:
                continue
            px, py, pz = points[i, j, 0], points[i, j, 1], points[i, j, 2]
            z = M[2, 0] * px + M[2, 1] * py + M[2, 2] * pz + M[2, 3]
            if z < 0.05:
                continue
            x = k[0] * (M[0, 0] * px + M[0, 1] * py + M[0, 2] * pz + M[0, 3]) / z + k[2]
            y = k[1] * (M[1, 0] * px + M[1, 1] * py + M[1, 2] * pz + M[1, 3]) / z + k[3]
            rim = min(min(x, w - 1.0 - x), min(y, h - 1.0 - y)) - CUT * w
            if rim <= 0.0:
                continue
            u, v = int(x), int(y)
            seen = depth[int(y + 0.5), int(x + 0.5)]
            if face[i, j] >= 0:
                off = abs(seen - z)
                if off > 0.02 + 0.02 * z:
                    continue
                # Beside an edge of depth a picture's own blur and the mesh's error mix near and far.
                a, b = depth[v, u], depth[v + 1, u + 1]
                if abs(a - b) > 0.05 + 0.05 * z:
                    continue
            elif seen < 1e9:
                continue
            share = weight * min(rim / RIM, 1.0)
            fx, fy = x - u, y - v
            for c in range(3):
                top = (1.0 - fx) * color[v, u, c] + fx * color[v, u + 1, c]
                low = (1.0 - fx) * color[v + 1, u, c] + fx * color[v + 1, u + 1, c]
                total[i, j, c] += share * ((1.0 - fy) * top + fy * low)
            total[i, j, 3] += share
