"""Things on a plain surface that depth cannot tell from it: switches, sockets, posters, skirting boards, flush doors.

The surface is what can be reached from its largest even part without crossing a sharp edge, together with other parts
that look the same; what sharp edges fence in and looks different is something else. Soft shadows have no sharp edge,
and patches of sun are known by being much brighter in nearly the same colour.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64

from .surface_texture import SurfaceTexture

CELL_M = 0.008
EDGE, EDGE_OVER_GRAIN = 0.07, 5.0
"""Change of log colour from cell to cell that is an edge: this much, and so many times the surface's own grain."""
SAME_LIGHT, SAME_TINT = 0.13, 0.05
"""Difference of log brightness and log colour ratio within which a part is the same surface."""
SUN, SUN_TINT_SHARE = 0.4, 0.25
"""Brighter than the surface by more than this, with a change of colour below this share of it: sunlight."""
SHADOW, SHADOW_TINT_SHARE, SHADOW_M2 = 1.0, 0.12, 0.04
"""Darker than the surface by no more than this, with little change of colour for that, and not small: shadow."""
MAIN_SHARE = 0.4
"""Where less of the surface than this hangs together it is patterned, and nothing can be told."""


def outliers(texture: SurfaceTexture, inside: Float32) -> Float32:
    """(rows, columns) float32 0..1: parts of a surface that are something else.

    Args:
        texture: What frames saw.
        inside: (rows, columns) 0..1, the surface so far.
    """
    import cv2

    raster = texture.raster
    none = np.zeros(raster.shape, dtype=np.float32)
    factor = max(1, round(CELL_M / raster.metres_per_pixel))
    h, w = raster.height // factor, raster.width // factor
    if h < 8 or w < 8:
        return none
    seen = ((texture.weight > 0.005) & (inside > 0.5)).astype(np.float32)
    good = cv2.resize(seen, (w, h), interpolation=cv2.INTER_AREA) > 0.9
    if good.sum() < 400:
        return none
    small = np.asarray(cv2.resize(texture.color, (w, h), interpolation=cv2.INTER_AREA), dtype=np.float32)
    look = _look(small, good)
    fence = _fence(look, good)
    _, parts, stats, _ = cv2.connectedComponentsWithStats((good & ~fence).astype(np.uint8), connectivity=4)
    sizes = stats[:, cv2.CC_STAT_AREA].astype(float)
    sizes[0] = 0
    main = int(np.argmax(sizes))
    if sizes[main] < MAIN_SHARE * good.sum():
        return none
    ours = _like_main(look, np.asarray(parts, dtype=np.int32), main, sizes)[parts] & good & ~fence
    near = cv2.dilate(ours.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0  # the fence belongs to both sides
    odd = (good & ~near).astype(np.uint8)
    odd = np.asarray(cv2.morphologyEx(odd, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)), dtype=np.uint8)
    odd = _enclosed(odd, good)
    return np.asarray(cv2.resize(odd.astype(np.float32), (raster.width, raster.height)), dtype=np.float32)


def _look(color: Float32, good: NDArray[np.bool_]) -> Float64:
    """(h, w, 3) log brightness and twice two log colour ratios, lightly smoothed over the cells that are known."""
    import cv2

    log = np.log(np.maximum(color, 0.004))
    look = np.stack([log.mean(axis=2), 2 * (log[..., 0] - log[..., 1]), 2 * (log[..., 2] - log[..., 1])], axis=-1)
    weight = cv2.GaussianBlur(good.astype(np.float32), (0, 0), 0.7)[..., None]
    return np.asarray(cv2.GaussianBlur(look * good[..., None], (0, 0), 0.7) / np.maximum(weight, 1e-3), np.float64)


def _fence(look: Float64, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w) cells on a sharp edge, and those beside it."""
    import cv2

    dx, dy = np.zeros(look.shape), np.zeros(look.shape)
    dx[:, 1:-1], dy[1:-1] = (look[:, 2:] - look[:, :-2]) / 2, (look[2:] - look[:-2]) / 2
    step = np.sqrt((dx**2 + dy**2).sum(axis=2))
    inner = cv2.erode(good.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    step[~inner] = 0
    edge = step > max(EDGE, EDGE_OVER_GRAIN * float(np.median(step[inner]))) if inner.any() else inner
    return np.asarray(cv2.dilate(edge.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _like_main(look: Float64, parts: NDArray[np.int32], main: int, sizes: Float64) -> NDArray[np.bool_]:
    """For each part: is it the main one, or like it in the light that is to be expected at its place?"""
    h, w = parts.shape
    z, x = np.mgrid[:h, :w]
    x, z = x / w - 0.5, z / h - 0.5
    basis = np.stack([np.ones_like(x), x, z, x * z, x**2, z**2], axis=-1)
    here = parts == main
    step = max(1, int(here.sum()) // 20_000)
    B, L = basis[here][::step], look[here][::step]
    fit = np.linalg.lstsq(B, L, rcond=None)[0]
    away = (look - basis @ fit).reshape(-1, 3)
    count = np.bincount(parts.ravel(), minlength=len(sizes))
    mean = np.stack([np.bincount(parts.ravel(), away[:, c], len(sizes)) for c in range(3)]) / np.maximum(count, 1)
    light, tint = mean[0], np.hypot(mean[1], mean[2]) / 2
    same = (np.abs(light) < SAME_LIGHT) & (tint < SAME_TINT)
    sun = (light > SUN) & (tint < SUN_TINT_SHARE * light)
    shadow = (light > -SHADOW) & (light < 0) & (tint < SAME_TINT + SHADOW_TINT_SHARE * -light)
    large = sizes * (CELL_M * CELL_M) > SHADOW_M2
    out = ((same | sun) & (sizes > 12)) | (shadow & large)
    out[main], out[0] = True, False
    return np.asarray(out)


def _enclosed(odd: NDArray[np.uint8], good: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Small gaps within odd things filled, also where nothing was seen (a dark screen has no depth)."""
    import cv2

    outlines, _ = cv2.findContours(odd, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(odd)
    for outline in outlines:
        if cv2.contourArea(outline) < 0.5 * good.size:
            cv2.drawContours(filled, [outline], -1, 1, cv2.FILLED)
    return np.maximum(odd, filled)
