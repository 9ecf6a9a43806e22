"""The blur of a picture, with its direction, measured in the picture, and content blurred alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, UInt8

DRAWN = 0.17
"""px^2; variance that a picture of ideal pixels, like the renderer's, shows by this measure."""
MAX_BLUR = 6.0
"""Pixels of standard deviation; a line of 20 pixels has 5.8."""
DIRECTIONS = 12
PER_DIRECTION = 100
"""Edges looked at of each direction: the clearest."""
SHARP, MIDDLE = 0.3, 0.55
"""The blur is this quantile of the edges' widths where they are sharp, and where they are not: things' own soft edges
are wider, which counts the less the more the picture is blurred; detail within a wide edge makes it look narrower.
"""
SHARP_PX2, WIDE_PX2 = 0.8, 2.5
"""Variances up to which the first and from which the second holds."""
FEWEST = 30
TIE = 0.003
"""Weight, per edge, of the wish that blur be the same in all directions."""
LEAST = 0.25
"""Pixels; less is not added."""


def measure_blur(color: UInt8, noise: float) -> Float64:
    """(2, 2) covariance in px^2 of the blur of a picture (H, W, 3) uint8, a pixel's own extent included.

    Edges of all directions are found at a scale at which blurred ones count as much as sharp ones. Across each the
    brightness is followed from plateau to plateau, and bars and shading are told from steps. A step's variance is
    n' C n or, if the thing's edge is soft, more: C is the quadratic form at a quantile of all steps (quantile
    regression, Koenker and Bassett 1978), a low one where the picture is sharp.
    """
    import cv2

    from .edge_kernels import edge_widths

    sharp = np.eye(2) * DRAWN
    grey: NDArray[Any] = cv2.cvtColor(np.ascontiguousarray(color), cv2.COLOR_RGB2GRAY)
    if min(grey.shape) < 64:
        return sharp
    places, normals = _edges(grey)
    variances, _ = edge_widths(grey.astype(np.float32), places, normals, noise)
    clean = np.isfinite(variances)
    if np.count_nonzero(clean) < FEWEST:
        return sharp
    return _bounded(_fit(normals[clean], variances[clean]))


def _edges(grey: UInt8) -> tuple[Float64, Float64]:
    """Places (n, 2) and unit normals (n, 2) towards the brighter side of the clearest edges of each direction."""
    import cv2

    h, w = grey.shape
    half = cv2.resize(grey, (w // 2, h // 2), interpolation=cv2.INTER_AREA).astype(np.float32)
    half = np.asarray(cv2.GaussianBlur(half, (0, 0), 1.5))
    gx, gy = cv2.Sobel(half, cv2.CV_32F, 1, 0), cv2.Sobel(half, cv2.CV_32F, 0, 1)
    size = np.sqrt(gx * gx + gy * gy)
    r, c = np.nonzero(size[1:-1, 1:-1] > 12)
    r, c = r + 1, c + 1
    s = size[r, c]
    nx, ny = gx[r, c] / s, gy[r, c] / s
    dx, dy = np.rint(nx).astype(int), np.rint(ny).astype(int)
    peak = (s >= size[r + dy, c + dx]) & (s > size[r - dy, c - dx])
    r, c, s, nx, ny = r[peak], c[peak], s[peak], nx[peak], ny[peak]
    way = np.floor(np.arctan2(ny, nx) / np.pi * DIRECTIONS + 0.5).astype(int) % DIRECTIONS
    order = np.lexsort((np.arange(len(s)), -s, way))
    starts = np.searchsorted(way[order], np.arange(DIRECTIONS))
    rank = np.arange(len(s)) - starts[way[order]]
    kept = order[rank < PER_DIRECTION]
    places = np.column_stack((2 * c[kept] + 0.5, 2 * r[kept] + 0.5)).astype(np.float64)
    return places, np.column_stack((nx[kept], ny[kept])).astype(np.float64)


def _fit(normals: Float64, variances: Float64) -> Float64:
    """Covariance whose n' C n is the SHARP to MIDDLE quantile of the variances, round where directions are wanting."""
    x, y = normals.T
    way = np.floor(np.arctan2(y, x) / np.pi * DIRECTIONS + 0.5).astype(int) % DIRECTIONS
    own = 1 / np.sqrt(np.bincount(way, minlength=DIRECTIONS)[way])  # many edges of one direction know little more
    rows = np.column_stack((x * x, 2 * x * y, y * y))
    low = float(np.quantile(variances, SHARP))
    c = np.array([low, 0.0, low])
    round_ = np.diag([0.0, 4.0, 0.0]) + np.array([[1.0, 0, -1], [0, 0, 0], [-1, 0, 1]])
    for _ in range(30):
        met = rows @ c
        gap = variances - met
        quantile = np.interp(met, [SHARP_PX2, WIDE_PX2], [SHARP, MIDDLE])
        scale = 0.3 + np.maximum(met, 0)  # widths scatter in proportion to themselves
        weight = own * np.where(gap > 0, quantile, 1 - quantile) / (np.maximum(np.abs(gap), 0.05 * scale) * scale)
        left = rows.T * weight
        tie = TIE * own.sum() / (0.05 * scale.max() ** 2)
        c = np.linalg.solve(left @ rows + tie * round_, left @ variances)
    return np.array([[c[0], c[1]], [c[1], c[2]]])


def _bounded(covariance: Float64) -> Float64:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.clip(values, 0, MAX_BLUR**2)) @ vectors.T)


def extra_blur(blur: Float64) -> Float64:
    """(2, 2) covariance to blur drawn content with so that it shows `blur`; zero if that is too little to see."""
    values, vectors = np.linalg.eigh(blur - np.eye(2) * DRAWN)
    return np.asarray((vectors * np.where(values < LEAST**2, 0.0, np.minimum(values, MAX_BLUR**2))) @ vectors.T)


def reach_of(covariance: Float64) -> int:
    """Pixels beyond content that `blurred` reaches."""
    least, motion = (float(v) for v in np.maximum(np.diff(np.linalg.eigvalsh(covariance), prepend=0), 0))
    return int(np.ceil(2 * np.sqrt(least) + np.sqrt(3 * motion)))


def blurred(image: Float32, covariance: Float64) -> Float32:
    """An image (H, W, C) blurred: a Gaussian as wide as the lesser axis and, what is more on the greater, a line."""
    import cv2

    values, vectors = np.linalg.eigh(covariance)
    least, motion = max(float(values[0]), 0.0), float(values[1] - max(values[0], 0.0))
    if motion > LEAST**2:
        image = np.asarray(cv2.filter2D(image, -1, _line(vectors[:, 1], motion), borderType=cv2.BORDER_REPLICATE))
    if least > 1e-6:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(np.sqrt(least)), borderType=cv2.BORDER_REPLICATE))
    return image


def _line(direction: Float64, variance: float) -> Float32:
    """Kernel of a line along a unit direction; a uniform line of length L has the variance L^2 / 12."""
    length = np.sqrt(12 * variance)
    reach = int(np.ceil(length / 2)) + 1
    out = np.zeros((2 * reach + 1, 2 * reach + 1))
    steps = (np.arange(64) + 0.5) / 64 - 0.5
    x, y = (reach + length * steps * d for d in direction)
    c, r = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = x - c, y - r
    for dy, dx, part in ((0, 0, (1 - fx) * (1 - fy)), (0, 1, fx * (1 - fy)), (1, 0, (1 - fx) * fy), (1, 1, fx * fy)):
        np.add.at(out, (r + dy, c + dx), part / 64)
    return out.astype(np.float32)
