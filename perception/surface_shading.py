"""The light on a surface apart from its own colour, so that new paint is lit as the old surface was.

Retinex in the form of a Poisson problem (Horn 1974; Tappen et al., PAMI 2005 for deciding gradient by gradient): steps
of log brightness that come with a change of colour, or belong to a regular pattern, are the surface's own; the rest is
light. What remains is integrated and smoothed, so that only low frequencies, soft shadows among them, are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, UInt8

from .surface_texture import SurfaceTexture

CELL_M = 0.02
SHARP = 0.22
"""Log step within one cell that is an edge, not a gradient."""
COLOUR_STEP, COLOUR_SHARE = 0.06, 0.35
"""Change of log colour ratio within one cell that says another material; it must also be this share of the change of
brightness, since sun and sky differ in colour too, but far more in strength."""
PATTERN_SHARE = 0.05
"""Share of cells with a sharp edge from which edges are taken for the surface's pattern (tiles, joints)."""
BLOWN = 0.75
"""Linear light from which a channel counts as overexposed."""
SMOOTH_M, SMOOTH_LOG = 0.10, 0.2
"""Grain of the old surface is smoothed away over this distance, but not across larger steps of log light."""
WIDE_CELLS = 8
"""Standard deviation of a Gaussian that a coarser grid still holds."""


def shading(texture: SurfaceTexture, mask: UInt8) -> tuple[Float32, Float64]:
    """Split what a surface looks like into light and own colour.

    Args:
        texture: What frames saw.
        mask: (rows, columns) cells that are the surface.

    Returns:
        (h, w) float32 light relative to its median on the surface, cells of about CELL_M over the same extent; and
        (3,) linear colour of the surface where that is 1.
    """
    import cv2

    raster = texture.raster
    factor = max(1, round(CELL_M / raster.metres_per_pixel))
    h, w = -(-raster.height // factor), -(-raster.width // factor)
    weight = np.minimum(texture.weight, 1.0) * (mask / np.float32(255))
    sums = _pooled(np.concatenate([texture.color * weight[..., None], weight[..., None]], axis=2), factor, h, w)
    share = sums[..., 3]
    known = share > 0.02
    if known.sum() < 20:
        return np.ones((h, w), dtype=np.float32), np.full(3, 0.4)
    color = np.maximum(sums[..., :3] / np.maximum(share, 1e-6)[..., None], 1e-3)
    log = np.log(color)
    light = _integrate(log, known, color.max(axis=2) > BLOWN)
    light = smoothed(light, known.astype(np.float32), 0.5)
    cells = SMOOTH_M / (raster.metres_per_pixel * factor)
    light = cv2.bilateralFilter(light.astype(np.float32), -1, SMOOTH_LOG, cells / 2).astype(np.float64)
    light -= np.median(light[known])
    level = np.exp(np.median((log - light[..., None])[known], axis=0)).astype(np.float64)
    full = np.exp(np.clip(light, -3.0, 2.0)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(full, (0, 0), 0.8), dtype=np.float32), level


def _pooled(values: Float32, factor: int, h: int, w: int) -> Float64:
    """Means of factor x factor cells; the last ones may be cut off by the raster's edge and count zeros there."""
    padded = np.zeros((h * factor, w * factor, values.shape[2]), dtype=np.float32)
    padded[: values.shape[0], : values.shape[1]] = values
    return np.asarray(padded.reshape(h, factor, w, factor, -1).mean(axis=(1, 3), dtype=np.float64))


def _integrate(log: Float64, known: NDArray[np.bool_], blown: NDArray[np.bool_]) -> Float64:
    """(h, w) log light: the image whose steps are nearest to those of log brightness that light makes.

    Steps into overexposed cells are light: nothing but light makes a surface that bright, and their colour is lost.
    """
    from scipy import sparse
    from scipy.sparse.linalg import cg

    h, w = known.shape
    brightness = log.mean(axis=2)
    ratio = np.stack([log[..., 0] - log[..., 1], log[..., 2] - log[..., 1]], axis=-1)
    number = np.arange(h * w).reshape(h, w)
    rows: list[NDArray[Any]] = []
    steps: list[NDArray[Any]] = []
    weights: list[NDArray[Any]] = []
    for a, b in (((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
                 ((slice(None, -1), slice(None)), (slice(1, None), slice(None)))):  # fmt: skip
        both = known[a] & known[b]
        step = np.where(both, brightness[b] - brightness[a], 0.0)
        tint = np.where(both, np.abs(ratio[b] - ratio[a]).max(axis=-1), 0.0)
        sharp = np.abs(step) > SHARP
        pattern = sharp.sum() > PATTERN_SHARE * max(both.sum(), 1)
        glare = blown[a] | blown[b]
        dyed = (tint > COLOUR_STEP) & (tint > COLOUR_SHARE * np.abs(step))
        own = ~glare & (dyed | (sharp & pattern))
        rows.append(np.stack([number[a].ravel(), number[b].ravel()], axis=1))
        steps.append(np.where(own, 0.0, step).ravel())
        weights.append(np.where(both, 1.0, 0.05).ravel())
    pairs, step, weight = np.concatenate(rows), np.concatenate(steps), np.concatenate(weights)
    n = len(pairs)
    D = sparse.csr_matrix((np.repeat([-1.0, 1.0], n), (np.tile(np.arange(n), 2), pairs.T.ravel())), shape=(n, h * w))
    W = sparse.diags(weight)
    # A faint pull towards brightness itself keeps the far ends of long integrations where they were seen.
    pull = np.where(known, 2e-4, 1e-7).ravel()
    middle = float(np.median(brightness[known]))
    target = np.where(known, brightness, middle).ravel()
    A = (D.T @ W @ D + sparse.diags(pull)).tocsr()
    start = smoothed(np.where(known, brightness, 0.0), known.astype(np.float32), 8.0).ravel()
    preconditioner = sparse.diags(1 / A.diagonal())
    light, _ = cg(A, D.T @ (weight * step) + pull * target, x0=start, rtol=1e-3, maxiter=150, M=preconditioner)
    return np.asarray(light.reshape(h, w))


def smoothed(values: Float64, weight: Float32, sigma: float) -> Float64:
    """Gaussian mean of the known cells; where there are none near, wider and wider ones."""
    out = np.zeros(values.shape)
    left = np.ones(values.shape)
    while True:
        total = _blurred(weight.astype(np.float64), sigma)
        mean = _blurred(np.where(weight > 0, values, 0.0) * weight, sigma) / np.maximum(total, 1e-12)
        trust = np.clip(total / 0.2, 0, 1) * left
        out += trust * mean
        left -= trust
        if left.max() < 1e-3 or sigma > max(values.shape):
            return np.asarray(out + left * np.sum(values * weight) / max(float(weight.sum()), 1e-9))
        sigma *= 3


def _blurred(values: Float64, sigma: float) -> Float64:
    """(h, w) Gaussian means; wide ones are taken on a coarser grid, which holds all that they leave."""
    import cv2

    (h, w), factor = values.shape, int(sigma // WIDE_CELLS)
    if factor < 2:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma))
    size = (max(-(-w // factor), 1), max(-(-h // factor), 1))
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    deviation = (sigma * size[0] / w, sigma * size[1] / h)
    soft = cv2.GaussianBlur(small, (0, 0), deviation[0], sigmaY=deviation[1], borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(soft, (w, h), interpolation=cv2.INTER_LINEAR))
