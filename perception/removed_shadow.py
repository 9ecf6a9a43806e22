"""The shadow that goes with a removed thing: soft light and contact darkening it took from the surface around it.

The light on the surface is told from the surface's own colour (`surface_shading`); within reach of where the thing
stood, the light that lies around is carried inwards, and what was darker than that is lightened to it. Shadows of
things that stay are left, as are changes that go on beyond the reach.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, UInt8

from .surface_shading import shading, smoothed
from .surface_texture import SurfaceTexture

REACH_M, REACH_SHARE = 0.12, 0.8
"""A thing's shadow is looked for this far from where it stood, and this share of its height more."""
FARTHEST_M = 0.55
LEAST, MOST = 0.03, 1.4
"""Log light: smaller losses are noise, larger ones no shadow."""
SMOOTH_CELLS = 1.2


def relight(
    texture: SurfaceTexture, seen: NDArray[np.bool_], stood: NDArray[np.bool_], stays: NDArray[np.bool_], reach_m: float
) -> Float32 | None:
    """(rows, columns) float32 factor, 1 and more, by which the surface is brighter without the thing.

    Args:
        texture: What frames saw of the surface.
        seen: (rows, columns) cells that show the surface itself.
        stood: (rows, columns) cells over which the thing stood.
        stays: (rows, columns) cells over which other things stand.
        reach_m: How far from there its shadow may go.

    Returns:
        None where nothing was lost.
    """
    import cv2

    raster = texture.raster
    light, _ = shading(texture, np.asarray(seen, dtype=np.uint8) * np.uint8(255))
    size = light.shape[::-1]
    cell = raster.metres_per_pixel * raster.width / size[0]

    def coarse(mask: NDArray[np.bool_]) -> Float32:
        return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA), dtype=np.float32)

    def away(mask: Float32) -> Float32:
        """Metres from the cells of a mask."""
        if not (mask > 0.3).any():
            return np.full(mask.shape, np.inf, dtype=np.float32)
        other: UInt8 = (mask <= 0.3).astype(np.uint8)
        return np.asarray(cv2.distanceTransform(other, cv2.DIST_L2, 5) * cell, dtype=np.float32)

    log = np.log(np.maximum(light, 0.05)).astype(np.float64)
    known, near = coarse(seen) > 0.3, away(coarse(stood))
    zone = (near < reach_m) & (near < away(coarse(stays)))
    around = known & ~zone
    if around.sum() < 40 or not (zone & known).any():
        return None
    expected = smoothed(log, around.astype(np.float32), max(reach_m / cell / 2, 1.0))
    loss = np.where(zone & known, np.clip(expected - log, 0, MOST), 0)
    loss = np.where(loss > LEAST, loss, 0) * np.clip((reach_m - near) / (0.35 * reach_m), 0, 1)
    weight = cv2.GaussianBlur(known.astype(np.float32), (0, 0), SMOOTH_CELLS)
    loss = cv2.GaussianBlur(loss.astype(np.float32), (0, 0), SMOOTH_CELLS) / np.maximum(weight, 0.2)
    if float(loss.max()) < 2 * LEAST:
        return None
    fine = cv2.resize(loss.astype(np.float32), (raster.width, raster.height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.exp(np.maximum(fine, 0)), dtype=np.float32)
