"""Structural similarity of pictures (Wang et al. 2004)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sceneforge.core.arrays import Float64, UInt8


def ssim_map(a: Float64, b: Float64, mean: Callable[[Float64], Float64], unbiased: float = 1.0) -> Float64:
    """Similarity around every place.

    Args:
        a, b: Pictures of one shape, values 0..255.
        mean: Mean over the window around every place.
        unbiased: Factor of the covariances: n / (n - 1) for windows of n equal weights, 1 = none.
    """
    ma, mb = mean(a), mean(b)
    va, vb = unbiased * (mean(a * a) - ma * ma), unbiased * (mean(b * b) - mb * mb)
    covariance = unbiased * (mean(a * b) - ma * mb)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return np.asarray((2 * ma * mb + c1) * (2 * covariance + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2)))


def luma_similarity(a: UInt8, b: UInt8) -> Float64:
    """(H, W) similarity of two pictures' luma under a Gaussian window of 1.5 pixels."""
    import cv2

    x, y = (cv2.cvtColor(p, cv2.COLOR_RGB2GRAY).astype(np.float64) for p in (a, b))
    return ssim_map(x, y, lambda values: np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), dtype=np.float64))


def similarity(a: UInt8, b: UInt8) -> float:
    """Mean similarity over the channels, in windows of 7 x 7 pixels of equal weight that lie wholly inside."""
    import cv2

    def mean(values: Float64) -> Float64:
        return np.asarray(cv2.blur(values, (7, 7)), np.float64)[3:-3, 3:-3]

    return float(ssim_map(a.astype(np.float64), b.astype(np.float64), mean, 49 / 48).mean())
