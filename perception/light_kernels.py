"""Compiled loops of the light fit: rays against emitters. Imported on first use only: numba is slow to import."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64

LIFT_M = 0.02
"""Rays start this far off the surface."""
LATE_M = 0.15
"""Scanned surface this far before an emitter may be the emitter's own."""


@njit(cache=True, nogil=True, error_model="numpy")
def into_rectangles(
    origin: Float64,
    direction: Float64,
    before: Float32,
    centre: Float64,
    normal: Float64,
    width: Float64,
    height: Float64,
    half: Float64,
    out: NDArray[np.bool_],
) -> None:
    """Set `out` (n,) where rays run into the shining side of one of E rectangles; see `light_fit.meets`.

    Args:
        origin, direction: (n, 3) of the rays.
        before: (n,) metres to the scanned surface.
        centre, normal, width, height: (E, 3) of the rectangles; the last three are unit.
        half: (E, 2) half their sizes.
        out: Other entries stay.
    """
    for i in range(len(origin)):
        for e in range(len(centre)):
            towards, ahead = 0.0, 0.0
            for k in range(3):
                towards += direction[i, k] * normal[e, k]
                ahead += (centre[e, k] - origin[i, k]) * normal[e, k]
            if not towards < -1e-3:
                continue
            t = ahead / towards
            if not 0 < t < before[i] + LATE_M:
                continue
            a, b = 0.0, 0.0
            for k in range(3):
                p = origin[i, k] + t * direction[i, k] - centre[e, k]
                a += p * width[e, k]
                b += p * height[e, k]
            if abs(a) < half[e, 0] and abs(b) < half[e, 1]:
                out[i] = True
                break


@njit(cache=True, nogil=True, error_model="numpy")
def rays_to(
    point: Float64, normal: Float64, target: Float64, facing: Float64, reach: float
) -> tuple[Float32, NDArray[np.int64], Float64]:
    """Rays (n, 6) from points (P, 3) to points of an emitter (T, 3) that may see each other, up to just before it.

    Also the point each starts at, and its share of irradiance per unit radiance and area.

    Args:
        point, normal: (P, 3) of the surface.
        target: (T, 3).
        facing: (3,) the emitter's normal; zeros for a ball.
        reach: Rays end this much before the target, metres.
    """
    rays = np.empty((len(target) * len(point), 6), np.float32)
    at, share = np.empty(len(rays), np.int64), np.empty(len(rays))
    ball = not facing.any()
    count = 0
    for t in range(len(target)):
        for i in range(len(point)):
            square, here, there = 0.0, 0.0, 0.0
            for k in range(3):
                d = target[t, k] - point[i, k]
                square += d * d
                here += d * normal[i, k]
                there -= d * facing[k]
            r = np.sqrt(square)
            here, there = here / r, 1.0 if ball else there / r
            if not (here > 0 and there > 0):
                continue
            near = min(max(1 - reach / r, 0.1), 1.0)
            for k in range(3):
                start = point[i, k] + LIFT_M * normal[i, k]
                rays[count, k], rays[count, 3 + k] = start, (target[t, k] - start) * near
            at[count], share[count] = i, here * there / max(square, 0.02)
            count += 1
    return rays[:count].copy(), at[:count].copy(), share[:count].copy()
