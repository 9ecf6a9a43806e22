"""What stands out of a surface by less than it takes to be a thing: skirting boards, door frames, panels.

A single depth image cannot tell a skirting board from its wall; the mean of all readings of a capture can. The surface
itself is what most readings lie on, up to a bow; what leaves it by several standard errors of those means is not it,
however alike its colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64

from .surface_texture import RELIEF_CELL_M

SMOOTH_CELLS = 1.0
LEAST_M, SURE_M = 0.004, 0.006
"""Height that may be relief beside what surely is, and height that surely is, for readings without noise."""
ERRORS, SURE_ERRORS = 2.5, 4.0
"""The same in standard errors of the smoothed height."""
FRINGE_CELLS = 4
"""Strips thinner than this beside unknown cells are no relief."""
SPECK_CELLS, SPECK_ERRORS = 60, 7.0
"""Smaller parts, a switch say, must stand out by so many standard errors on average."""
LEAST_SHARE = 0.3
"""Smoothing leaves at least this share of the sensor's error, since steps of quantised depth err together."""
DRIFT_M = 0.25
"""Standard deviation of the window within which slow changes are followed."""
BOW_M = 0.02
"""So far the surface itself may leave its plane; the fitted bow explains it."""
RIVAL_SHARE = 0.5
MOST_SHARE = 0.45
"""Where more than this share of a surface stands out of it, the fit is wrong and nothing can be told."""
_STEP_M = 0.00025
"""Of heights in bytes, for the median filter."""


@dataclass(frozen=True)
class Relief:
    """Height over a surface's own bow."""

    height: Float32
    """(h, w) float32 metres, lightly smoothed; 0 where unknown."""
    error: Float32
    """(h, w) float32 metres: standard error of `height` around each cell, from how it differs from its neighbours."""
    known: NDArray[np.bool_]
    """(h, w) cells with a height."""
    stands: NDArray[np.bool_]
    """(h, w) cells that stand out of the surface, or lie deeper."""


def relief(height: Float32, sensor_error: Float32, surface: NDArray[np.bool_]) -> Relief | None:
    """Split the height map of a surface into the surface's bow and what leaves it.

    Args:
        height: (h, w) metres over the plane, NaN where unknown.
        sensor_error: (h, w) its standard error as far as the sensor's own goes, metres.
        surface: (h, w) cells that may be the surface.

    Returns:
        None where there is too little to tell.
    """
    import cv2

    known = surface & np.isfinite(height)
    if known.sum() < 400:
        return None
    weight = known.astype(np.float32)
    blurred = cv2.GaussianBlur(np.where(known, height, 0).astype(np.float32), (0, 0), SMOOTH_CELLS)
    share = np.maximum(cv2.GaussianBlur(weight, (0, 0), SMOOTH_CELLS), 1e-3)
    smooth: Float32 = np.asarray(blurred / share, dtype=np.float32)
    # Few readings agree with each other by chance: how the error falls with their number bounds it everywhere.
    found, expected = _error(smooth, known), np.where(known, sensor_error, 1)
    least = max(float(np.median((found / expected)[known])), LEAST_SHARE)
    error = np.maximum(found, least * np.where(known, sensor_error, 0)).astype(np.float32)
    bow = _bow(smooth, error, known)
    if bow is None:
        return None
    straight: Float32 = np.asarray(smooth - bow, dtype=np.float32)
    left: Float32 = np.where(known, straight - _drift(straight, error, known), 0).astype(np.float32)
    # Sensors that bend a plain wall by centimetres tell nothing of skirting boards: the spread is an error too.
    spread = np.float32(1.48 * np.median(np.abs(left[known])))
    error = np.hypot(error, 0.8 * spread).astype(np.float32)
    sure = known & (np.abs(left) > np.maximum(SURE_M, SURE_ERRORS * error))
    maybe = known & (np.abs(left) > np.maximum(LEAST_M, ERRORS * error))
    stands = _reached(maybe, np.asarray(cv2.morphologyEx(sure.astype(np.uint8), cv2.MORPH_OPEN, _square(2))) > 0)
    stands &= ~_fringe(stands, known)
    stands &= ~_specks(stands, np.asarray(np.abs(left) / error, np.float32))
    stands = np.asarray(cv2.morphologyEx(stands.astype(np.uint8), cv2.MORPH_CLOSE, _square(3))) > 0
    if stands.sum() > MOST_SHARE * known.sum():
        return None
    return Relief(left, error, known, stands & surface)


def _square(n: int) -> NDArray[np.uint8]:
    return np.ones((n, n), np.uint8)


def _error(smooth: Float32, known: NDArray[np.bool_]) -> Float32:
    """(h, w) noise of a height map around each cell: the median difference to cells two away, both ways.

    Two cells, since smoothed neighbours err alike; the median over a window, since edges are not noise.
    """
    import cv2

    step = np.zeros(smooth.shape, dtype=np.float32)
    n = np.zeros(smooth.shape, dtype=np.float32)
    for axis in (0, 1):
        for way in (-2, 2):
            both = known & np.roll(known, way, axis)
            step += np.where(both, np.abs(smooth - np.roll(smooth, way, axis)), 0)
            n += both
    mean = np.where(n > 0, step / np.maximum(n, 1), 0.002)
    coded = np.clip(mean / _STEP_M, 0, 255).astype(np.uint8)
    typical = cv2.medianBlur(coded, 21).astype(np.float32) * np.float32(_STEP_M)
    return np.asarray(cv2.blur(typical, (9, 9)) / 1.13 + 2e-4, dtype=np.float32)  # E|a - b| = 1.13 sigma


def _bow(smooth: Float32, error: Float32, known: NDArray[np.bool_]) -> Float32 | None:
    """(h, w) the second-order surface that most cells lie on: fitted from the most frequent height outwards."""
    h, w = smooth.shape
    z, x = np.mgrid[:h, :w]
    scale = 2.0 / max(h, w)
    x, z = (x - w / 2) * scale, (z - h / 2) * scale
    every = max(1, int(known.sum()) // 40_000)
    at = np.flatnonzero(known.ravel())[::every]
    y, e = smooth.ravel()[at].astype(np.float64), error.ravel()[at].astype(np.float64)
    X = np.stack([np.ones(len(at)), *(b.ravel()[at] for b in (x, z, x * z, x * x, z * z))], axis=1)
    reach = np.maximum(0.003, 2 * e)
    level = _mode(y, float(np.median(reach)))
    if abs(level) > 2 * BOW_M:
        return None
    fit = np.array([level, 0, 0, 0, 0, 0], dtype=np.float64)
    terms = (3, 3, 6, 6, 6, 6, 6)
    for n in terms:
        away = (y - X @ fit) / reach
        weight = 1 / (1 + away**2) ** 2  # Geman and McClure: what stands out does not pull
        A = X[:, :n] * weight[:, None]
        # A slight pull towards flat: a wall seen in one corner alone says nothing of the other.
        ridge = np.diag([0.0, *([1e-3 * weight.sum()] * (n - 1))])
        fit = np.zeros(6)
        fit[:n] = np.linalg.solve(A.T @ X[:, :n] + ridge, A.T @ y)
    bow: Float64 = fit[0] + fit[1] * x + fit[2] * z + fit[3] * x * z + fit[4] * x * x + fit[5] * z * z
    return bow.astype(np.float32)


def _drift(left: Float32, error: Float32, known: NDArray[np.bool_]) -> Float32:
    """(h, w) what is left of slow changes: sensors bend walls, and they do so smoothly over a door's width."""
    import cv2

    even = (known & (np.abs(left) < np.maximum(LEAST_M, SURE_ERRORS * error))).astype(np.float32)
    inside = cv2.erode(even, _square(5)) + np.float32(1e-6)  # not the slopes of steps
    sigma = DRIFT_M / RELIEF_CELL_M
    small = (max(1, left.shape[1] // 4), max(1, left.shape[0] // 4))
    sums, total = (
        cv2.GaussianBlur(cv2.resize(a, small, interpolation=cv2.INTER_AREA), (0, 0), sigma / 4)
        for a in (np.where(known, left, 0) * inside, inside)
    )
    return np.asarray(cv2.resize(sums / (total + 1e-3), left.shape[::-1]), dtype=np.float32)


def _mode(values: Float64, width: float) -> float:
    """The most frequent height; the deepest, where others are nearly as frequent: things stand before a surface."""
    bins = np.arange(-0.06, 0.0601, 0.001)
    count = np.histogram(values, bins)[0].astype(np.float64)
    t = np.arange(-30, 31) * 0.001 / max(width, 0.001)
    smooth = np.convolve(count, np.exp(-0.5 * t * t), mode="same")
    peak = (smooth >= np.roll(smooth, 1)) & (smooth > np.roll(smooth, -1)) & (smooth > RIVAL_SHARE * smooth.max())
    return float(bins[int(np.flatnonzero(peak)[0])] + 0.0005)


def _fringe(stands: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w) thin strips along what nothing is known of: there readings mix with those of the thing before it."""
    import cv2

    thick = cv2.morphologyEx(stands.astype(np.uint8), cv2.MORPH_OPEN, _square(FRINGE_CELLS))
    thin = stands & (cv2.dilate(thick, _square(3)) == 0)
    beside = cv2.dilate((~known).astype(np.uint8), _square(2 * FRINGE_CELLS - 1)) > 0
    return np.asarray(_reached(thin, thin & beside))


def _specks(stands: NDArray[np.bool_], errors: Float32) -> NDArray[np.bool_]:
    """(h, w) small parts that are no clearer than chance makes some of so many cells."""
    import cv2

    n, parts, stats, _ = cv2.connectedComponentsWithStats(stands.astype(np.uint8), connectivity=8)
    mean = np.bincount(parts.ravel(), errors.ravel(), n) / np.maximum(stats[:, cv2.CC_STAT_AREA], 1)
    small = (stats[:, cv2.CC_STAT_AREA] < SPECK_CELLS) & (mean < SPECK_ERRORS)
    small[0] = False
    return np.asarray(small[parts])


def _reached(maybe: NDArray[np.bool_], sure: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Connected parts of `maybe` that hold something sure."""
    import cv2

    _, parts = cv2.connectedComponents(maybe.astype(np.uint8), connectivity=8)
    kept = np.zeros(int(parts.max()) + 1, dtype=np.bool_)
    kept[np.unique(parts[sure & maybe])] = True
    kept[0] = False
    return np.asarray(kept[parts])
