"""The shadow that goes with a removed thing: soft light and contact darkening it took from the surface around it.

What the thing can have taken is told from outside, traced with the room's lights (`Shade`); what it did take is read
off the surface. Its light is told from its own colour (`surface_shading`); brought back by the traced shadow, it is
carried across the shadow from around, and what is darker than that is lightened to it: no less and no more than in
proportion to the traced shadow. So other things' shadows stay, and no halo comes where no shadow can be.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64

from .surface_shading import shading, smoothed
from .surface_texture import SurfaceTexture

Shade = Callable[[Float64, Float64], Float32]
"""(n, 3) light by colour with the things over light without, of points (n, 3) on a surface with unit normal (3,)."""
FAINT = 0.02
"""Log light: smaller losses are none."""
CARRIED_M = 0.35
"""Over this distance light is smooth, but for the things' shadow."""
LEAST, MOST = 0.1, 1.6
"""Shares of the traced log shadow between which what is read off the surface is believed."""
WEAKEST, STRONGEST, USUAL = 0.25, 1.2, 0.5
"""Strength of the shadow over the traced one, and how much log light squared must speak for another than 1."""
CONTACT, CONTACT_M = 0.3, 0.03
"""Close to where things stand shadow may be so much deeper than traced: their scanned feet end above the surface."""
DEEPEST = 1.6
TINT = 0.4
"""Share by which a colour may be lightened more or less than the mean: window light is bluer than lamps'."""
SOFT_M = 0.03
SMOOTH_CELLS = 0.8


def relight(
    texture: SurfaceTexture, seen: NDArray[np.bool_], stood: NDArray[np.bool_], shade: Float32
) -> Float32 | None:
    """(rows, columns, 3) float32 factor, 1 and more, by which the surface is brighter without the things.

    Args:
        texture: What frames saw of the surface.
        seen: (rows, columns) cells that show the surface itself.
        stood: (rows, columns) cells over which the things stood.
        shade: (h, w, 3) `Shade` over the same extent, of any resolution.

    Returns:
        None where nothing was lost.
    """
    import cv2

    raster = texture.raster
    if float(shade.min()) > np.exp(-FAINT):
        return None
    light, _ = shading(texture, np.asarray(seen, dtype=np.uint8) * np.uint8(255))
    size = light.shape[::-1]
    cell = raster.metres_per_pixel * raster.width / size[0]
    soft = cv2.GaussianBlur(cv2.resize(shade, size, interpolation=cv2.INTER_LINEAR), (0, 0), SOFT_M / cell)
    by_color = np.log(np.clip(soft, np.exp(-2.0), 1)).astype(np.float64)
    traced = by_color.mean(axis=2)
    known = cv2.resize(seen.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.3
    if known.sum() < 40 or not (known & (traced < -FAINT)).any():
        return None
    log = np.log(np.maximum(light, 0.05)).astype(np.float64)
    taken = -traced * _strength(log, traced, known, CARRIED_M / cell)
    weight = np.where(known, np.exp(-3 * taken), 0).astype(np.float32)
    expected = smoothed(log + taken, weight, CARRIED_M / cell)
    contact = CONTACT * np.exp(-_away(stood, size) * cell / CONTACT_M) * (taken > FAINT)
    seen_loss = np.clip(expected - log, LEAST * taken, contact + MOST * taken)
    loss = cv2.GaussianBlur(np.where(known, seen_loss, taken).astype(np.float32), (0, 0), SMOOTH_CELLS)
    kept = np.where(loss > FAINT, loss, 0)
    share = np.clip(by_color / np.minimum(traced, -FAINT)[..., None], 1 - TINT, 1 + TINT)
    tinted = (kept[..., None] * share).astype(np.float32)
    fine = cv2.resize(tinted, (raster.width, raster.height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.exp(np.clip(fine, 0, DEEPEST)), dtype=np.float32)


def _strength(log: Float64, traced: Float64, known: NDArray[np.bool_], sigma: float) -> float:
    """How deep the shadow is over how deep it was traced: least squares, after what is smooth was taken from both."""
    weight = known.astype(np.float32)
    seen, told = log - smoothed(log, weight, sigma), traced - smoothed(traced, weight, sigma)
    at = known & (traced < -1.5 * FAINT)
    return float(np.clip(((told * seen)[at].sum() + USUAL) / ((told**2)[at].sum() + USUAL), WEAKEST, STRONGEST))


def _away(mask: NDArray[np.bool_], size: tuple[int, int]) -> Float32:
    """(h, w) cells of a coarser grid, of (w, h), to those of a mask."""
    import cv2

    coarse = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.3
    if not coarse.any():
        return np.full(coarse.shape, np.inf, dtype=np.float32)
    return np.asarray(cv2.distanceTransform((~coarse).astype(np.uint8), cv2.DIST_L2, 5), dtype=np.float32)
