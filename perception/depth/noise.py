"""How noisy a depth sensor is, measured on the capture itself."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32

from .threads import in_parts

FIT_RADIUS = 4
"""Half the window of the local plane fits, pixels."""
STEEPEST = 3.0
"""Tangent of the largest slope against the image plane that the first pass of a fit follows (72 degrees)."""
ABSORBED = 3.0
"""The fits take most of what errs together with them: what their residuals still show is a third of it (measured on
generated scans, whose sensor's noise is known)."""
EDGE_SHARE = 0.05
"""A depth edge is a jump of at least this share of inverse depth."""
MIN_GAPS, ONE_SIDED = 100, 0.67
"""Pixels in gaps beside near surfaces that an image must show, and the share of them on one side (median over images)
that tells where the sensor's shadows fall."""
ALIKE = 0.5
"""Shadows tell their width when the middle half of them lies within this share of the median."""
MIN_PIXELS = 2000
"""Fewer fitted readings than this say nothing about noise."""


@dataclass(frozen=True)
class SensorNoise:
    """Standard deviation of a depth reading: sqrt(floor^2 + (square * z^2)^2) metres at z metres."""

    floor_m: float = 0.002
    """What remains near by."""
    square: float = 0.0025
    """Growth with the square of distance, 1/m: triangulation's."""
    correlation: float = 9.0
    """Pixels that err together: the mean of n readings errs like that of n / correlation independent ones."""

    shadow_side: int = 0
    """Where near surfaces hide what lies behind from a projector or second eye: 1 = on their right, 2 = on their left,
    0 = on both or not known."""
    shadow_width: float = 0.0
    """Width of such a shadow over the step in inverse depth beside it, as a share of the focal length: the distance of
    the two eyes in metres. 0 = not known."""

    def sigma_m(self, z: Float32) -> Float32:
        """Standard deviation in metres at z-depth z (any shape)."""
        return np.asarray(np.sqrt(np.float32(self.floor_m**2) + (np.float32(self.square) * z * z) ** 2))

    def sigma_w(self, w: Float32) -> Float32:
        """The same in inverse depth (1/m) at inverse depth w > 0; 1 where w is 0."""
        z = np.divide(1, w, out=np.ones_like(w), where=w > 0)
        return np.where(w > 0, self.sigma_m(z) * w * w, np.float32(1)).astype(np.float32)


GENERIC = SensorNoise()
"""Twice what structured light and time-of-flight sensors show (Nguyen et al. 2012): wide enough to fit any."""


def plane_fits(w: Float32, noise: SensorNoise, focal: float) -> Float32:
    """Local planes of inverse depth w (H, W): (5, H, W) w, gx, gy, readings used, root mean square residual."""
    from .kernels import local_planes

    out = np.empty((5, *w.shape), np.float32)
    sigma, steepest = noise.sigma_w(w), (np.float32(STEEPEST / focal) * w).astype(np.float32)
    in_parts(len(w), lambda a, b: local_planes(a, b, w, sigma, steepest, FIT_RADIUS, out))
    return out


def measure_noise(images: list[tuple[Float32, float]]) -> SensorNoise:
    """Noise of a sensor from the residuals of local plane fits in a few depth images.

    Args:
        images: Inverse depth (H, W) and focal length in pixels of each.

    Returns:
        `GENERIC` where too little flat surface was seen.
    """
    from .shadow_kernels import near_flanks, shadow_widths

    z_all, r_all, block = [], [], []
    flanks: list[tuple[int, int]] = []
    window = (2 * FIT_RADIUS + 1) ** 2
    for w, focal in images:
        fit = plane_fits(w, GENERIC, focal)
        good = (fit[3] > 0.8 * window) & (w > 0)
        z = np.divide(1, w, out=np.zeros_like(w), where=good)
        z_all.append(z[good])
        r_all.append(fit[4][good] * z[good] ** 2)
        block.append(_block_ratio(w, fit, good))
        flanks.append(near_flanks(w, EDGE_SHARE, w.shape[1] // 16)[1:])
    z, r = np.concatenate(z_all), np.concatenate(r_all)
    levels = np.unique(z)
    if len(z) < MIN_PIXELS:
        return GENERIC
    edges = np.quantile(z, np.linspace(0.02, 0.98, 9))
    rows = [
        (float(np.median(z[m])), float(np.hypot(_typical(r[m]), _step(levels, lo, hi) / np.sqrt(12))))
        for lo, hi in pairwise(edges)
        if (m := (z >= lo) & (z <= hi)).sum() > 100
    ]
    at, sigma = np.array(rows).T
    # least squares of sigma^2 = a + b z^4, relative, both terms kept non-negative
    A = np.stack([np.ones_like(at), at**4], axis=1) / sigma[:, None] ** 2
    from scipy.optimize import nnls

    (a, b), _ = nnls(A, np.ones_like(at))
    ratios = [x for x in block if x is not None]
    correlation = float(np.clip(ABSORBED * np.median(ratios), 1.0, 25.0)) if ratios else GENERIC.correlation
    side = _side(flanks)
    widths = [shadow_widths(w, EDGE_SHARE, w.shape[1] // 16, side) / focal for w, focal in images] if side else []
    return SensorNoise(
        max(float(np.sqrt(a)), 0.0005), max(float(np.sqrt(b)), 0.0002), correlation, side, _shadow_width(widths)
    )


def _side(flanks: list[tuple[int, int]]) -> int:
    """The side that gaps beside near surfaces are on in most images, 0 where neither is."""
    shares = [right / (left + right) for left, right in flanks if left + right >= MIN_GAPS]
    if len(shares) < 2:
        return 0
    middle = float(np.median(shares))
    return 1 if middle < 1 - ONE_SIDED else 2 if middle > ONE_SIDED else 0


def _shadow_width(widths: list[Float32]) -> float:
    found = np.concatenate([*widths, np.empty(0, np.float32)])
    if len(found) < MIN_GAPS:
        return 0.0
    low, middle, high = np.quantile(found, [0.25, 0.5, 0.75])
    return round(float(middle), 5) if high - low < ALIKE * middle else 0.0


def _step(levels: Float32, low: float, high: float) -> float:
    """Distance of neighbouring depth values between low and high: inside one step a fit sees no noise."""
    inside = levels[(levels >= low) & (levels <= high)]
    return max(float(np.median(np.diff(inside))), 1e-4) if len(inside) > 1 else max(high - low, 1e-4)


def _typical(r: Float32) -> float:
    """Root mean square without the largest tenth: coarse steps leave many windows without any residual."""
    kept = r[r <= np.quantile(r, 0.9)]
    return float(np.sqrt(np.mean(np.square(kept, dtype=np.float64))))


def _block_ratio(w: Float32, fit: Float32, good: NDArray[np.bool_]) -> float | None:
    """Variance of 5x5 blocks' mean residual, times 25, over that of single residuals: 1 for white noise."""
    size = 5
    h, v = (n // size * size for n in w.shape)
    residual = np.where(good, (w - fit[0]) / np.maximum(fit[4], 1e-9), 0)[:h, :v].astype(np.float64)
    residual = np.clip(residual, -3, 3)
    whole = good[:h, :v].reshape(h // size, size, v // size, size).all(axis=(1, 3))
    if whole.sum() < 50:
        return None
    means = residual.reshape(h // size, size, v // size, size).mean(axis=(1, 3))[whole]
    single = residual[good[:h, :v]].var()
    return float(means.var() * size * size / max(single, 1e-12))
