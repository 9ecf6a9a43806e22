"""A guess from one picture brought to metres: scale and shift from whatever was really measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64

from .estimator import DepthGuess

MIN_EVIDENCE = 12
"""Fewer measured pixels than this decide nothing."""
DRAWS = 200
MAX_SAMPLES = 5000
FAR_M = 30.0
"""Nothing indoors is farther; keeps a shift from sending pixels to infinity."""


@dataclass(frozen=True)
class AlignedDepth:
    """A guess in metres."""

    depth: Float32
    """(H, W) z-depth in metres, 0 = none."""
    sigma: Float32
    """(H, W) standard deviation in metres, inf where depth is 0."""
    scale: float
    """Inverse depth = scale * guess' + shift, where guess' is its disparity or the inverse of its depth."""
    shift: float
    """1/m."""
    inliers: float
    """Share of the evidence that agrees, 0..1; 0 where there was none."""
    aligned: bool
    """Whether evidence decided; otherwise a metric guess stands as it is."""


def align(guess: DepthGuess, measured: Float32 | None = None, *, seed: int = 0) -> AlignedDepth | None:
    """Bring a guess to metres. Disparity gets scale and shift, depth scale alone.

    Two-point RANSAC in inverse depth, then reweighted least squares with Tukey's weights on the inliers.

    Args:
        guess: What an estimator said.
        measured: (H, W) depth from a sensor, planes or sparse stereo, metres, 0 = none.
        seed: Of the draws.

    Returns:
        None where a guess without size meets too little evidence.
    """
    v = guess.values
    known = v > 1e-6
    x = v if guess.kind == "disparity" else np.divide(1, v, out=np.zeros_like(v), where=known)
    at = known & (measured > 0) if measured is not None else np.zeros(v.shape, bool)
    scale, shift, share, spread = 1.0, 0.0, 0.0, 0.0
    enough = at.sum() >= MIN_EVIDENCE
    if enough:
        assert measured is not None
        scale, shift, share, spread = _fitted(x[at], np.float32(1) / measured[at], guess.kind == "disparity", seed)
        enough = share > 0.3 and scale > 0
    if not enough:
        if guess.kind != "metric":
            return None
        scale, shift = 1.0, 0.0
    w = scale * x + shift
    depth = np.where(known & (w > 1 / FAR_M), 1 / np.maximum(w, 1 / FAR_M), 0).astype(np.float32)
    relative = max(spread, 0.5 * guess.sigma_share) if enough else guess.sigma_share
    sigma = np.where(depth > 0, relative * depth, np.float32(np.inf)).astype(np.float32)
    return AlignedDepth(depth, sigma, float(scale), float(shift), float(share), bool(enough))


def _fitted(x: NDArray[Any], w: NDArray[Any], with_shift: bool, seed: int) -> tuple[float, float, float, float]:
    """Scale, shift, share of inliers and their relative spread for w = scale x + shift."""
    rng = np.random.default_rng(seed)
    if len(x) > MAX_SAMPLES:
        chosen = np.sort(rng.choice(len(x), MAX_SAMPLES, replace=False))
        x, w = x[chosen], w[chosen]
    X, W = x.astype(np.float64), w.astype(np.float64)
    best, most = (1.0, 0.0), -1.0
    tolerance = 0.1 * W
    for _ in range(DRAWS):
        i, j = rng.integers(len(X), size=2)
        if with_shift:
            if abs(X[i] - X[j]) < 1e-9:
                continue
            a = (W[i] - W[j]) / (X[i] - X[j])
            b = W[i] - a * X[i]
        else:
            a, b = W[i] / X[i], 0.0
        inliers = float((np.abs(a * X + b - W) < tolerance).sum())
        if a > 0 and inliers > most:
            best, most = (a, b), inliers
    a, b = best
    for _ in range(10):
        r = (a * X + b - W) / W
        k = np.where(np.abs(r) < 0.2, (1 - (r / 0.2) ** 2) ** 2, 0) / W**2
        if k.sum() <= 0:
            break
        a, b = _weighted_line(X, W, k, with_shift)
    r = (a * X + b - W) / W
    close = np.abs(r) < 0.2
    spread = 1.4826 * float(np.median(np.abs(r[close]))) if close.any() else 1.0
    return a, b, float((np.abs(r) < 0.1).mean()), spread


def _weighted_line(X: Float64, W: Float64, k: Float64, with_shift: bool) -> tuple[float, float]:
    if not with_shift:
        return float((k * X * W).sum() / max((k * X * X).sum(), 1e-12)), 0.0
    mx, mw = (k * X).sum() / k.sum(), (k * W).sum() / k.sum()
    a = float((k * (X - mx) * (W - mw)).sum() / max((k * (X - mx) ** 2).sum(), 1e-12))
    return a, float(mw - a * mx)
