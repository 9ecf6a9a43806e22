"""What the camera does to a picture, measured in the frame so that content can be given the same: noise and blur."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core.arrays import Float32, Float64, UInt8

from .camera_blur import measure_blur

BLOCK = 8
LEVELS = 8
"""Brightness classes that noise is measured in."""
QUIET = 0.2
"""Noise is read off this quantile of the blocks of a class: the others hold texture."""
QUIET_BIAS = 1.08
"""True deviation over its 0.2 quantile, for 64 samples less a fitted plane (chi distribution with 61 degrees)."""
UNLIKE = 2.0
"""A brightness class with more than this times the median noise of all classes holds texture and no plain surface."""
TILE = 256
SEED = 20170


@dataclass(frozen=True)
class CameraLook:
    """Noise and blur of a picture."""

    noise: Float64
    """(3, LEVELS) standard deviation in sRGB steps at the middles of LEVELS equal classes of 0..255."""
    common: float
    """Share of the noise's variance that is the same in all channels."""
    grain: float
    """Correlation of the noise between neighbouring pixels, 0..0.66."""
    blur: Float64
    """(2, 2) covariance in px^2 of the picture's blur, a pixel's own extent included."""


def measure(color: UInt8) -> CameraLook:
    """Noise and blur of a picture (H, W, 3) uint8.

    Noise: residuals of 8x8 blocks to a fitted plane; the quietest blocks of a brightness are taken to be plain surface.
    Blur: the widths of edges of all directions; see `measure_blur`.
    """
    noise, common, grain = _noise(color)
    return CameraLook(noise, common, grain, measure_blur(color, float(noise.mean())))


def measure_noise(color: UInt8) -> Float64:
    """(3, LEVELS) `CameraLook.noise` of a picture (H, W, 3) alone; blocks that touch black or white do not count."""
    return _noise(color)[0]


def _noise(color: UInt8) -> tuple[Float64, float, float]:
    h, w = color.shape[0] // BLOCK, color.shape[1] // BLOCK
    if h < 2 or w < 2:
        return np.zeros((3, LEVELS)), 0.0, 0.0
    step = max(1, h * w // 1500)  # as many blocks as the quantiles need
    cut = color[: h * BLOCK, : w * BLOCK].reshape(h, BLOCK, w, BLOCK, 3).transpose(0, 2, 4, 1, 3).reshape(h * w, 3, -1)
    blocks = cut[::step].astype(np.float32)
    clipped = ((blocks < 3) | (blocks > 252)).any(axis=(1, 2))
    y, x = np.mgrid[:BLOCK, :BLOCK] - (BLOCK - 1) / 2
    mean = blocks.mean(axis=2, keepdims=True)
    rest = blocks - mean
    for axis in (x, y):
        plane = (axis / np.linalg.norm(axis)).ravel().astype(np.float32)
        rest -= (rest @ plane)[..., None] * plane
    deviation = np.sqrt((rest**2).sum(axis=2) / (BLOCK * BLOCK - 3))
    brightness = np.clip(mean[..., 0].mean(axis=1) * LEVELS / 256, 0, LEVELS - 1).astype(int)
    out = np.full((3, LEVELS), np.nan)
    for level in range(LEVELS):
        mine = np.flatnonzero((brightness == level) & ~clipped)
        if len(mine) < 12:
            continue
        out[:, level] = QUIET_BIAS * np.quantile(deviation[mine], QUIET, axis=0)
    known = np.flatnonzero(np.isfinite(out[0]))
    if not len(known):
        return np.zeros((3, LEVELS)), 0.0, 0.0
    usual = np.nanmedian(out, axis=1, keepdims=True)
    out = np.minimum(out, UNLIKE * usual)
    plain = ~clipped & (deviation.sum(axis=1) <= usual.sum())
    filled = np.stack([np.interp(np.arange(LEVELS), known, row[known]) for row in out])
    return filled, *_structure(rest[plain].reshape(-1, 3, BLOCK, BLOCK))


def _structure(rest: Float32) -> tuple[float, float]:
    """Share of noise (n, 3, 8, 8) that channels have in common, and its correlation between neighbours."""
    if not len(rest):
        return 0.0, 0.0
    variance = float((rest**2).mean()) + 1e-9
    across = float((rest.sum(axis=1) ** 2).mean() - 3 * variance) / 6
    beside = 0.5 * float((rest[..., 1:] * rest[..., :-1]).mean() + (rest[..., 1:, :] * rest[..., :-1, :]).mean())
    # Taking a plane out of small blocks takes correlation out too; the line is fitted to noise of known structure.
    return float(np.clip(across / variance, 0, 1)), float(np.clip(1.14 * beside / variance + 0.085, 0, 0.66))


class LookTracker:
    """The look of frames fed in order: noise steadied over them, blur as each frame has it."""

    CARRIED = ("_noise", "_structure")
    """What carries over from frame to frame; see `memory`."""

    def __init__(self, smoothing: float = 0.2) -> None:
        self._smoothing = smoothing
        self._noise: Float64 | None = None
        self._structure = np.zeros(2)
        rng = np.random.Generator(np.random.PCG64(SEED))
        self._white = rng.standard_normal((TILE, TILE, 4), np.float32)
        self._tiles: dict[tuple[float, float], Float32] = {}

    def reset(self) -> None:
        """Forget the frames seen."""
        self._noise = None

    def update(self, color: UInt8) -> CameraLook:
        """Look of the next frame."""
        now = measure(color)
        structure = np.array([now.common, now.grain])
        if self._noise is None:
            self._noise, self._structure = now.noise, structure
        else:
            self._noise = self._noise + self._smoothing * (now.noise - self._noise)
            self._structure = self._structure + self._smoothing * (structure - self._structure)
        return CameraLook(self._noise, float(self._structure[0]), float(self._structure[1]), now.blur)

    def grain(self, look: CameraLook, frame: int) -> Float32:
        """(TILE, TILE, 3) noise of unit deviation with the look's structure, another one for every frame number."""
        import cv2

        key = (round(look.common * 8) / 8, round(look.grain * 8) / 8)
        if key not in self._tiles:
            common, grain = key
            mixed = np.sqrt(common) * self._white[..., 3:] + np.sqrt(1 - common) * self._white[..., :3]
            side = _tap(grain)
            wide = cv2.copyMakeBorder(mixed, 1, 1, 1, 1, cv2.BORDER_WRAP)
            tap = np.array([side, 1.0, side], dtype=np.float32)
            tile = cv2.sepFilter2D(wide, -1, tap, tap)[1:-1, 1:-1]
            self._tiles[key] = np.ascontiguousarray(tile / tile.std(), dtype=np.float32)
        shift = (frame * 97) % TILE, (frame * 151 + 31) % TILE
        return np.ascontiguousarray(np.roll(self._tiles[key], shift, axis=(0, 1)))


def _tap(correlation: float) -> float:
    """Side weight s of the filter [s, 1, s] whose output has this correlation between neighbours: 2 s / (1 + 2 s^2)."""
    c = min(correlation, 0.66)
    return 0.0 if c < 1e-3 else float((1 - np.sqrt(1 - 2 * c * c)) / (2 * c))
