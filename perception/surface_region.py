"""A part of a surface with a soft, uneven border: the lawn that ends in the middle of the room, the puddle."""

from __future__ import annotations

import numpy as np

from sceneforge.core import PaintRegion, SurfaceRaster
from sceneforge.core.arrays import Float32, Float64, UInt8

from .surface_mask import covered


def region_mask(raster: SurfaceRaster, surface: UInt8, region: PaintRegion, seed: int) -> Float32:
    """(rows, columns) float32 0..1: inside the region, thinning out over its border.

    Args:
        raster: The surface's raster.
        surface: (rows, columns) cells that are the surface.
        region: Which part.
        seed: Of the border's wandering, which is fixed in the plane.
    """
    import cv2

    x, z = raster.centres()
    if region.polygon is not None:
        inside = (covered(raster, [np.array(region.polygon, dtype=np.float64)]) > 0.5).astype(np.uint8)
        signed = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
        depth = signed.astype(np.float64) * raster.metres_per_pixel
    else:
        center = region.center_xz if region.center_xz is not None else open_middle(raster, surface)
        depth = float(region.radius_m or 0) - np.hypot(x[None, :] - center[0], z[:, None] - center[1])
    width = max(region.soft_m, raster.metres_per_pixel)
    reach = region.uneven * 1.5 * width
    wander = np.zeros(raster.shape)
    for octave in range(4):
        wander += 0.55**octave * _noise(x, z, 2.5 * width / 2**octave, [seed, octave])
    t = np.clip((depth + reach * wander) / width + 0.5, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def open_middle(raster: SurfaceRaster, surface: UInt8) -> tuple[float, float]:
    """[x, z] of the place that is farthest from everything that is not the surface."""
    import cv2

    inside = np.pad((surface > 127).astype(np.uint8), 1)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(distance)), distance.shape)
    x, z = raster.centres()
    return float(x[column]), float(z[row])


def _noise(x: Float64, z: Float64, cell_m: float, seed: list[int]) -> Float64:
    """(rows, columns) smooth noise of about -1..1, the same at the same place of the plane."""
    u, v = x / cell_m, z / cell_m
    r0 = int(np.floor(v[0]))
    lattice = np.stack(
        [
            np.random.default_rng([*seed, abs(r), int(r < 0)]).uniform(-1, 1, 4096)
            for r in range(r0, int(np.floor(v[-1])) + 2)
        ]
    )
    ci, ri = np.floor(u).astype(int), np.floor(v).astype(int)
    fu, fv = u - ci, v - ri
    fu, fv = fu * fu * (3 - 2 * fu), (fv * fv * (3 - 2 * fv))[:, None]
    rows, columns = (ri - r0)[:, None], (ci % 4096)[None, :]
    nxt = ((ci + 1) % 4096)[None, :]
    top = lattice[rows, columns] * (1 - fu) + lattice[rows, nxt] * fu
    low = lattice[rows + 1, columns] * (1 - fu) + lattice[rows + 1, nxt] * fu
    return np.asarray(top * (1 - fv) + low * fv)
