"""The picture in the frame: a lake between mountains at dusk, painted stroke by stroke from a seed.

Method: painterly rendering in layers from broad to fine brushes (Hertzmann 1998), over a composition made of analytic
sky, sun, ridgelines and water; strokes follow the direction of what they depict.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .surface import Floats
from .textures import fractal, ramp, srgb, to_bytes

_SKY = ["#27466b", "#5f7f9c", "#d7a98a", "#f4c58b", "#f9e0b0"]
_RIDGES = ["#a98a94", "#7b7d92", "#4f6a80", "#2c5062", "#173743"]
_HORIZON = 0.66  # of the height, from the top
_SUN = (1.02, 0.215, 0.058)  # across, down, radius: all in units of the height


def paint(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """The painting as (H, W, 3) sRGB."""
    rng = np.random.default_rng(seed)
    target, direction = _composition(height, width, rng)
    canvas = np.broadcast_to(srgb("#b98a63"), target.shape).copy()
    for length, breadth, count, mix in (
        (34, 7.0, 700, 0.9),
        (20, 4.0, 1700, 0.85),
        (11, 2.2, 3600, 0.8),
        (6, 1.3, 3600, 0.75),
    ):
        _layer(canvas, target, direction, length, breadth, count, mix, rng)
    weave = 0.985 + 0.03 * ((np.arange(height)[:, None] + np.arange(width)[None]) % 2)
    return to_bytes(np.asarray(canvas * weave[..., None]))


def _composition(height: int, width: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """What to paint, (H, W, 3), and the stroke direction in radians, (H, W)."""
    y, x = np.mgrid[0:height, 0:width] / height
    cloud = fractal(height, width, (3, 2), 4, rng)
    color = ramp(np.clip(y / _HORIZON + 0.16 * (cloud - 0.5), 0, 1), [srgb(c) for c in _SKY])
    direction = 0.9 * (cloud - 0.5) + 0.15
    distance = np.sqrt((x - _SUN[0]) ** 2 + (y - _SUN[1]) ** 2)
    halo = np.exp(-((distance / 0.30) ** 2))[..., None] * 0.62
    color = color * (1 - halo) + srgb("#ffc888") * halo
    disc = np.clip((_SUN[2] - distance) * height / 1.5, 0, 1)[..., None]
    color = color * (1 - disc) + srgb("#ffeab8") * disc
    for k, code in enumerate(_RIDGES):
        color, direction = _ridge(k, code, x, y, color, direction, rng)
    return _water(y, color, direction, height, rng)


def _ridge(
    k: int, code: str, x: Floats, y: Floats, color: Floats, direction: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """One range of mountains in front of what is there, lit from the sun's side, misty at its foot."""
    columns = x[0]
    peak = 0.335 + 0.055 * k
    line = np.full(len(columns), peak)
    for octave in range(6):
        wave, phase = 1.3 * 1.9**octave * (1 + 0.15 * k), rng.random() * 6.28
        fold = (
            np.abs(np.sin(wave * columns * 1.7 + phase)) if octave < 3 else np.sin(wave * columns * 2.2 + phase) * 0.5
        )
        line = line + 0.115 * 0.54**octave * (0.5 - fold) * (1.0 if k < 3 else 0.72)
    if k == len(_RIDGES) - 1:
        line = line + 0.16 * np.exp(-(((columns - 0.72) / 0.42) ** 2)) - 0.10 * np.clip(columns - 0.95, 0, 1)
    inside = (y > line[None]) & (y < _HORIZON + 0.02)
    slope = np.gradient(line)[None] * len(columns) / columns[-1]
    depth = np.clip((y - line[None]) / (_HORIZON - line[None] + 1e-6), 0, 1)
    light = np.clip(-slope * np.sign(_SUN[0] - x) * 0.5, -0.5, 0.7) * np.exp(-depth * 3)
    shade = srgb(code)[None, None] * (1 + 0.45 * light[..., None])
    mist = (0.62 - 0.09 * k) * depth[..., None] ** 1.6
    body = shade * (1 - mist) + srgb("#e9bd95") * mist
    color = np.where(inside[..., None], body, color)
    return color, np.where(inside, np.arctan(np.clip(slope, -2, 2)) + 0.3, direction)


def _water(y: Floats, color: Floats, direction: Floats, height: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Below the horizon: the mirrored picture, darker, broken by ripples; a dark shore in the foreground."""
    rows = np.arange(height)
    horizon = int(_HORIZON * height)
    width = y.shape[1]
    mirror = np.clip(2 * horizon - 1 - (horizon + (rows - horizon) * 1.5).astype(np.int64), 0, height - 1)
    ripple = np.round((fractal(height, width, (40, 3), 2, rng) - 0.5) * 26).astype(np.int64)
    source = np.clip(mirror[:, None] + np.where(y > _HORIZON, ripple, 0), 0, horizon - 1)
    reflected = color[source, np.arange(width)[None]] * 0.80 + srgb("#123a4e") * 0.13
    below = y >= _HORIZON
    color = np.where(below[..., None], reflected, color)
    glint = (np.abs(y - _HORIZON - 0.004) < 0.006)[..., None] * 0.5
    color = color * (1 - glint) + srgb("#f6d6a6") * glint
    shore = 0.93 + 0.05 * np.sin(np.linspace(0.4, 3.4, width)) + 0.012 * np.sin(np.linspace(0, 31, width))
    land = y > shore[None]
    color = np.where(land[..., None], srgb("#14292f"), color)
    return color, np.where(below, 0.0, direction)


def _layer(
    canvas: Floats,
    target: Floats,
    direction: Floats,
    length: float,
    breadth: float,
    count: int,
    mix: float,
    rng: np.random.Generator,
) -> None:
    """Lay `count` strokes on the canvas in place; a fine brush goes where the canvas still differs from the target."""
    height, width = target.shape[:2]
    tries = rng.random((count, 3, 2)) * (height - 1, width - 1)
    spots = tries.astype(np.int64)
    error = np.abs(canvas - target).sum(axis=2)[spots[..., 0], spots[..., 1]]
    chosen = spots[np.arange(count), np.argmax(error, axis=1)]
    chances = rng.random((count, 5)) - 0.5
    for (cy, cx), chance in zip(chosen, chances, strict=True):
        long, wide = length * (1 + 0.5 * chance[0]), breadth * (1 + 0.4 * chance[1])
        reach = int(long / 2 + wide) + 1
        y0, y1, x0, x1 = max(0, cy - reach), min(height, cy + reach + 1), max(0, cx - reach), min(width, cx + reach + 1)
        dy, dx = np.mgrid[y0:y1, x0:x1].astype(np.float64) - np.array([cy, cx])[:, None, None]
        angle = float(direction[cy, cx]) + 0.35 * chance[2]
        along, aside = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        over = np.maximum(np.abs(along) - long / 2, 0)
        cover = np.clip(1.3 - np.sqrt(over**2 + aside**2) / (wide / 2), 0, 1)
        bristle = 0.86 + 0.14 * np.cos(aside * 2.6 + 6.28 * chance[3])
        alpha = (np.minimum(cover, 1) * bristle * mix)[..., None]
        tone = target[cy, cx] * (1 + 0.10 * chance[4]) + 0.025 * chance[[0, 2, 3]]
        patch = canvas[y0:y1, x0:x1]
        patch += (tone - patch) * alpha
