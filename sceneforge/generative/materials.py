"""A surface of two materials, a rug on boards say, told apart, so that each is continued from its own kind.

Materials are told by their palettes: the surface's colours are gathered into a few, and two parts differ if the shares
of those in a window differ (histograms as texture descriptors: Varma and Zisserman, IJCV 2005). Windows shrink from
round to round, as the palettes get known, so that the border ends up sharp. In the hole the border is continued by the
exemplar painter on the picture of labels alone, where nothing distracts it: straight edges stay straight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.color import LUMINANCE

CELL_M = 0.02
COLOURS = 8
WINDOWS_M = (0.30, 0.20, 0.12, 0.07, 0.05)
"""Sides of the windows, round by round: wider than a pattern's period first."""
BRIGHTNESS = 0.35
"""Weight of log brightness beside the log colour ratios: light changes it within a material."""
ALIKE = 0.5
"""Two parts whose palettes share this much are one material."""
LEAST_SHARE = 0.06
"""Share of the seen cells that the lesser material must hold."""
TINT, LIT = 0.25, 0.35
"""Least difference of mean log colour ratios between two materials, and what is asked for more per log brightness by
which they differ: the sun is warmer than the sky, so that light parts and shaded ones of one floor differ in both."""
FAINT = 0.02
SMALLEST = 9


def two_materials(color: Float32, seen: NDArray[np.bool_], hole: NDArray[np.bool_], cell_m: float) -> UInt8 | None:
    """(H, W) uint8 0 or 1, the material of every cell, the hole's continued; None where there is but one.

    Args:
        color: (H, W, 3) linear light.
        seen: (H, W) where it is known.
        hole: (H, W) what is to be filled.
        cell_m: Edge of a cell.
    """
    import cv2

    factor = max(1, round(CELL_M / cell_m))
    h, w = seen.shape[0] // factor, seen.shape[1] // factor
    if min(h, w) < 16:
        return None

    def pooled(values: Float32) -> Float32:
        return np.asarray(
            cv2.resize(values[: h * factor, : w * factor], (w, h), interpolation=cv2.INTER_AREA), dtype=np.float32
        )

    share = pooled(seen.astype(np.float32))
    known = share > 0.5
    gap = pooled(hole.astype(np.float32)) > 0
    if known.sum() < 400 or not paintable(known & ~gap):
        return None
    mean: Float32 = (pooled(color * seen[..., None]) / np.maximum(share, 1e-6)[..., None]).astype(np.float32)
    palette = _palette(mean, known)
    labels = _split(palette, known, CELL_M if factor > 1 else cell_m)
    if labels is None or not _are_two(mean, labels, known):
        return None
    labels = _continued(labels, known & ~gap)
    soft = cv2.GaussianBlur(labels.astype(np.float32), (0, 0), 1.0)
    fine = cv2.resize(soft, (w * factor, h * factor), interpolation=cv2.INTER_LINEAR)
    full = np.pad(fine, ((0, seen.shape[0] - h * factor), (0, seen.shape[1] - w * factor)), mode="edge")
    return np.asarray(full > 0.5, dtype=np.uint8)


def paintable(seen: NDArray[np.bool_]) -> bool:
    """Whether a picture holds enough that is known for a painter to continue it: a square of SMALLEST pixels."""
    import cv2

    square = np.ones((SMALLEST, SMALLEST), np.uint8)
    return bool(cv2.erode(seen.astype(np.uint8), square, borderType=cv2.BORDER_CONSTANT, borderValue=0).any())


def _palette(mean: Float32, known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(h, w) number of each cell's colour; -1 where not known."""
    import cv2

    log = np.log(np.maximum(mean, 1e-3))
    ratio = np.stack([log[..., 0] - log[..., 1], log[..., 2] - log[..., 1]], axis=-1)
    feature = np.concatenate([ratio, BRIGHTNESS * (log @ LUMINANCE)[..., None]], axis=-1)[known].astype(np.float32)
    cv2.setRNGSeed(1)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.01)
    _, number, _ = cv2.kmeans(feature, COLOURS, np.zeros(0, np.int32), stop, 2, cv2.KMEANS_PP_CENTERS)
    out = np.full(known.shape, -1, dtype=np.int64)
    out[known] = number.ravel()
    return out


def _are_two(mean: Float32, labels: UInt8, known: NDArray[np.bool_]) -> bool:
    """Whether the parts differ by more than light makes of one material."""
    log = np.log(np.maximum(mean, 1e-3))
    first, second = (log[known & (labels == k)].mean(axis=0) for k in (0, 1))
    tint = np.abs((first - first[1]) - (second - second[1])).max()
    return bool(tint > TINT + LIT * abs(float((first - second) @ LUMINANCE)))


def _split(palette: NDArray[np.int64], known: NDArray[np.bool_], cell_m: float) -> UInt8 | None:
    """(h, w) uint8 labels 0 and 1 of the known cells, or None if they are one material."""
    import cv2

    one_hot = np.stack([(palette == k).astype(np.float32) for k in range(COLOURS)], axis=-1)
    side = round(WINDOWS_M[0] / cell_m) | 1
    count = cv2.blur(known.astype(np.float32), (side, side))
    shares = (cv2.blur(one_hot, (side, side)) / np.maximum(count, 1e-6)[..., None])[known]
    cv2.setRNGSeed(2)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.001)
    roots = np.sqrt(shares).astype(np.float32)
    _, first, _ = cv2.kmeans(roots, 2, np.zeros(0, np.int32), stop, 3, cv2.KMEANS_PP_CENTERS)
    labels = np.zeros(known.shape, dtype=np.uint8)
    labels[known] = first.ravel()
    for window in WINDOWS_M[1:]:
        histograms = _histograms(palette, labels, known)
        if histograms is None or _shared(histograms) > ALIKE:
            return None
        side = max(round(window / cell_m), 1) | 1
        evidence = np.where(known, np.log(histograms[1] / histograms[0])[np.maximum(palette, 0)], 0)
        labels = np.asarray(cv2.blur(evidence.astype(np.float32), (side, side)) > 0, dtype=np.uint8)
    final = _histograms(palette, labels, known)
    return None if final is None or _shared(final) > ALIKE else labels


def _shared(histograms: Float64) -> float:
    return float(np.minimum(histograms[0], histograms[1]).sum())


def _histograms(palette: NDArray[np.int64], labels: UInt8, known: NDArray[np.bool_]) -> Float64 | None:
    """(2, COLOURS) shares of the colours in either material; None where one is too small."""
    parts = [palette[known & (labels == k)] for k in (0, 1)]
    if min(len(p) for p in parts) < LEAST_SHARE * known.sum():
        return None
    counts = np.stack([np.bincount(p, minlength=COLOURS) / len(p) for p in parts])
    return np.asarray((counts + FAINT) / (1 + COLOURS * FAINT))


def _continued(labels: UInt8, known: NDArray[np.bool_]) -> UInt8:
    """Labels with the unknown ones from the exemplar painter, which sees nothing else."""
    from .backends.exemplar import ExemplarPainter

    if known.all():
        return labels
    picture = np.repeat(np.where(labels > 0, 220, 30).astype(np.uint8)[..., None], 3, axis=2)
    done = ExemplarPainter().paint(picture, ~known, "", CELL_M, 0, match_surroundings=True)
    return np.asarray(np.where(known, labels, done[..., 0] > 125), dtype=np.uint8)
