"""Skies: clouds, the night sky, the Milky Way, nebulae. Same contract as the generators of natural grounds.

Counts of stars follow those of the naked-eye sky; see `noise.stars`.
"""

from __future__ import annotations

import math

import numpy as np

from sceneforge.core.arrays import Float32

from . import noise
from ._grid import Array, Grid, lit, mix, pick, ramp, smooth, srgb

DAY = [["3a78c8", "86b8ea"], ["2f66b5", "7aaee2"]]
"""Skies by day, as pairs of hex colours."""
DUSK = [["d9814f", "f0b884"], ["6a6f9e", "c79aa8"]]
"""Skies when the sun is low."""


def clouds(g: Grid, rng: np.random.Generator, skies: list[list[str]] = DAY) -> Float32:
    """Fair-weather cumulus, lit from one side; the sky behind runs between the two colours of one of `skies`."""
    sky = pick(rng, skies)
    cover = float(rng.uniform(-0.15, 0.2))
    b = g.bent(1.2, 0.25, 3)
    body = b.fbm(1.6, 5, 7, 0.55)
    lifted = Grid(b.x - 0.08, b.y - 0.08, g.seed, g.period_m).fbm(1.6, 5, 7, 0.55)
    dense = smooth(-0.05, 0.45, body + cover)
    thick = smooth(0.15, 0.9, body + cover)  # what is deep inside gets less light
    light = np.clip(0.88 + 0.95 * (body - lifted) + 0.10 * dense - 0.42 * thick, 0.3, 1.0)
    back = ramp(sky, 0.5 + 0.4 * g.fbm(3.0, 9, 2))
    return mix(back, lit(mix(srgb("b9c2d0"), srgb("ffffff"), light), 0.86 + 0.14 * light), dense)


def starfield(g: Grid, rng: np.random.Generator) -> Float32:
    """A clear moonless sky: many faint stars, few bright ones, a faint uneven glow."""
    tint = pick(rng, ["04060d", "05070f", "020308", "070b18"])
    glow = 0.6 + 0.8 * np.clip(0.5 + g.fbm(2.0, 3, 4), 0, 1)
    return _with_stars(g, lit(srgb(tint), glow), 0.035 * float(rng.uniform(0.8, 1.3)), 0.5)


def milkyway(g: Grid, rng: np.random.Generator) -> Float32:
    """The band of our galaxy across the sky: unresolved stars, torn by dust lanes."""
    angle = float(rng.uniform(-0.5, 0.5)) if not any(g.period_m) else 0.0
    b = g.bent(1.5, 0.25, 3)
    off = -b.x * math.sin(angle) + b.y * math.cos(angle)
    # A band every 4 m (or once per period), so that every ceiling meets one.
    off = off - g.period_m[1] / 2 if g.period_m[1] else (off + 2.0) % 4.0 - 2.0
    band = np.exp(-0.5 * (off / 0.45) ** 2)
    dust = smooth(0.0, 0.55, g.bent(0.5, 0.15, 60).fbm(0.7, 8, 6, 0.6) + 0.25 * np.exp(-((off / 0.12) ** 2)))
    glow = band * (0.65 + 0.7 * g.fbm(0.5, 12, 5)) * (1 - 0.75 * dust)
    color = ramp(["04050b", "1a1822", "4a4246", "8f8078", "c9b9a6"], 0.95 * glow)
    return _with_stars(g, color, 0.03, 0.45, 1 + 2.0 * band * (1 - 0.6 * dust))


def nebula(g: Grid, rng: np.random.Generator) -> Float32:
    """Glowing gas in two colours with dark clouds before it."""
    pairs = [["1b0a2c", "7a1f6a", "e0608a"], ["06121f", "0f4a6a", "4fb0c0"], ["200806", "8a2a12", "f09048"]]
    a, c = (pairs[i] for i in rng.permutation(len(pairs))[:2])
    b = g.bent(0.9, 0.35, 3)
    first, second = b.fbm(1.3, 5, 6, 0.58), b.fbm(1.0, 25, 6, 0.58)
    image = np.maximum(ramp(["050409", *a], 0.30 + 0.9 * first), ramp(["050409", *c], 0.25 + 0.9 * second))
    image = lit(image, 1 - 0.75 * smooth(0.1, 0.6, b.fbm(0.8, 45, 5)))
    return _with_stars(g, image, 0.03, 0.6)


def _with_stars(g: Grid, back: Float32, faint: float, sharp: float, density: Array | float = 1.0) -> Float32:
    """Stars over a sky in two lattices: 9 mm for the faint host, 60 mm for those that draw the eye.

    A star is never narrower than a pixel of the grid, and then keeps its light.
    """
    pitch = float(abs(g.x[0, 1] - g.x[0, 0])) if g.x.shape[1] > 1 else 0.004
    image: Array = back
    for salt, cell, scale in ((300, 0.009, 1.0), (340, 0.08, 2.5)):
        x, y, px, py = g.lattice(cell)
        size = max(0.0016 * sharp * 2, 0.5 * pitch) / cell
        thin = (0.0016 * sharp * 2 / (size * cell)) ** 2 if size * cell > 0.0016 * sharp * 2 else 1.0
        light = noise.stars(x, y, g.seed + salt, size, faint * scale * max(thin, 0.35), px, py)
        white, blue, red = light[..., 0], light[..., 1], light[..., 2]
        glow = np.stack([white * 0.82 + 0.30 * red, white * 0.86 + 0.10 * (red + blue), white * 0.80 + 0.42 * blue], -1)
        image = image + np.asarray(density, np.float32)[..., None] * glow * np.float32(0.8)
    return np.asarray(np.clip(image, 0, 1), np.float32)
