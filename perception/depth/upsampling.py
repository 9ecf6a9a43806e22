"""Depth of a picture made smaller, brought to the whole picture's pixels: smooth on surfaces, sharp at colour edges."""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import Float32, UInt8

SAME_SURFACE = 0.02
"""Inverse depths this close, as a share, are one surface between two pixels."""


def upsampled(depth: Float32, sigma: Float32, small: UInt8, color: UInt8) -> tuple[Float32, Float32]:
    """Depth and its standard deviation at every pixel of a larger picture.

    Between pixels of one surface inverse depth is interpolated; between two surfaces the pixel takes the one whose
    colour is most like its own (after Kopf et al., Joint Bilateral Upsampling, SIGGRAPH 2007).

    Args:
        depth: (h, w) metres, 0 = none.
        sigma: (h, w) metres.
        small: (h, w, 3) the picture they belong to.
        color: (H, W, 3) the whole picture.
    """
    import cv2

    if small.shape == color.shape:
        return depth, sigma
    height, width = color.shape[:2]
    h, w = depth.shape
    inverse = np.divide(1, depth, out=np.zeros_like(depth), where=depth > 0)
    smooth = cv2.resize(inverse, (width, height), interpolation=cv2.INTER_LINEAR)
    v = np.clip((np.arange(height) + 0.5) * (h / height) - 0.5, 0, h - 1)
    u = np.clip((np.arange(width) + 0.5) * (w / width) - 0.5, 0, w - 1)
    low = np.full((height, width), np.inf, np.float32)
    high = np.zeros((height, width), np.float32)
    least = np.full((height, width), np.inf, np.float32)
    best, s = np.zeros_like(high), np.zeros_like(high)
    for rows in (np.floor(v).astype(int), np.ceil(v).astype(int)):
        for columns in (np.floor(u).astype(int), np.ceil(u).astype(int)):
            at = np.ix_(rows, columns)
            here = inverse[at]
            low, high = np.minimum(low, here), np.maximum(high, here)
            unlike = np.abs(small[at].astype(np.int16) - color).sum(axis=2).astype(np.float32)
            nearer = unlike < least
            least[nearer], best[nearer], s[nearer] = unlike[nearer], here[nearer], sigma[at][nearer]
    got = np.where((low > 0) & (high - low < SAME_SURFACE * low), smooth, best)
    return np.divide(1, got, out=np.zeros_like(got), where=got > 0), s
