"""Textures without a model: the generator of the class a prompt names, in its colours, at any size and scale."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from sceneforge.core.arrays import Float32

from . import procedural_built as built
from . import procedural_laid as laid
from . import procedural_nature as nature
from . import procedural_sky as sky
from . import procedural_stone as stone
from . import procedural_wood as wood
from ._grid import Array, Grid, smooth
from .concepts import COLORS, SKIES
from .text import SIDE, Meaning, color_of

Generator = Callable[[Grid, np.random.Generator], Float32]

GENERATORS: dict[str, Generator] = {
    **{f.__name__: f for f in (nature.grass, nature.meadow, nature.moss, nature.leaves, nature.ground, nature.cracked)},
    **{f.__name__: f for f in (nature.sand, stone.gravel, stone.rock, nature.snow, nature.ice, nature.water)},
    **{f.__name__: f for f in (nature.lava, nature.bark, sky.clouds, sky.starfield, sky.milkyway, sky.nebula)},
    **{f.__name__: f for f in (wood.wood, wood.wood_floor, laid.tiles, laid.brick, laid.stone_paving)},
    **{f.__name__: f for f in (stone.marble, stone.plaster, stone.concrete, stone.asphalt, stone.terrazzo)},
    **{f.__name__: f for f in (built.carpet, built.fabric, built.metal, wood.cork, laid.roof, built.thatch)},
    **{f.__name__: f for f in (laid.ceiling_tiles, built.wallpaper)},
    "paper": stone.plaster,
}
"""Class -> its generator; every class of `concepts.CLASSES` has one."""

PATTERNS: dict[tuple[str, str], Generator] = {
    **{("clouds", w): partial(sky.clouds, skies=sky.DUSK) for w in ("sunset", "orange", "pink", "purple", "red")},
    ("marble", "checkered"): partial(laid.tiles, pattern="chequer"),
    **{("marble", w): partial(stone.marble, veined=True, tone="dark") for w in ("black", "dark")},
    **{("marble", w): partial(stone.marble, veined=True, tone="light") for w in ("white", "light")},
    **{("marble", w): partial(stone.marble, veined=True) for w in ("veins", *COLORS) if w not in ("black", "white")},
    **{("metal", w): partial(built.metal, rusty=True) for w in ("rusty", "old")},
    ("tiles", "checkered"): partial(laid.tiles, pattern="chequer"),
    ("tiles", "hexagonal"): partial(laid.tiles, pattern="hexagon"),
    ("tiles", "patterned"): partial(laid.tiles, pattern="motif"),
    ("tiles", "small"): partial(laid.tiles, pattern="mosaic"),
    ("fabric", "checkered"): partial(built.fabric, pattern="check"),
    ("fabric", "striped"): partial(built.fabric, pattern="stripes"),
    ("wood", "herringbone"): partial(wood.wood_floor, herring=True),
    ("sand", "ripples"): partial(nature.sand, rippled=True),
    ("wallpaper", "striped"): partial(built.wallpaper, striped=True),
    ("wood_floor", "herringbone"): partial(wood.wood_floor, herring=True),
    ("brick", "herringbone"): partial(laid.brick, herring=True),
    ("brick", "red"): partial(laid.brick, red=True),
    ("stone_paving", "herringbone"): partial(laid.stone_paving, pattern="herringbone"),
    ("stone_paving", "stones"): partial(laid.stone_paving, pattern="setts"),
}
"""(class, quality) -> the generator with the pattern that the quality asks for; the first that fits counts."""

OWN = frozenset(
    {("brick", "red"), ("marble", "white"), ("marble", "black"), ("grass", "green"), ("meadow", "green"),
     ("moss", "green")}
)  # fmt: skip
"""(class, colour) that a generator has itself, better than any recolouring."""
EARTHEN = frozenset(
    {"brick", "roof", "wood", "wood_floor", "rock", "ground", "sand", "gravel", "stone_paving", "bark", "cork",
     "thatch"}
)  # fmt: skip
"""Classes whose colours are dull by nature: a red brick is not as red as red paint."""

FINEST_M = 0.005
"""Pixels larger than this are averaged from several samples, so that blades and grains do not alias."""
BAND_PIXELS = 400_000
"""Samples evaluated at once: the memory of a generator is some 40 floats per sample."""


def texture(
    meaning: Meaning,
    shape: tuple[int, int],
    metres_per_pixel: float,
    seed: int,
    *,
    origin_m: tuple[float, float] = (0.0, 0.0),
    period_m: tuple[float, float] = (0.0, 0.0),
    supersample: int = 4,
    progress: Callable[[float], None] | None = None,
) -> Float32:
    """(H, W, 3) float32 sRGB in 0..1 of what the prompt means.

    Args:
        meaning: Of the prompt; without a class it becomes painted plaster.
        shape: (H, W).
        metres_per_pixel: Size of a pixel.
        seed: Of the pattern and of the variation of its palette.
        origin_m: Plane coordinates of the upper left corner.
        period_m: Length of a repeat along x and y; 0 = none.
        supersample: At most this many samples along the side of a pixel, against aliasing.
        progress: Told the share that is done.
    """
    height, width = shape
    fine = max(1, min(supersample, math.ceil(metres_per_pixel / FINEST_M)))
    step = metres_per_pixel / fine
    rows = max(1, BAND_PIXELS // (width * fine * fine))
    out = np.empty((height, width, 3), np.float32)
    x = origin_m[0] + (np.arange(width * fine) + 0.5) * step
    for top in range(0, height, rows):
        n = min(rows, height - top)
        y = origin_m[1] + (top * fine + np.arange(n * fine) + 0.5) * step
        band = _evaluate(meaning, x, y, seed, period_m)
        out[top : top + n] = band.reshape(n, fine, width, fine, 3).mean((1, 3))
        if progress:
            progress((top + n) / height)
    return np.clip(_colored(out, meaning, seed), 0, 1)


def _evaluate(meaning: Meaning, x: np.ndarray, y: np.ndarray, seed: int, period_m: tuple[float, float]) -> Float32:
    words = meaning.words
    zoom = 1.7 if "small" in words and "flowers" not in words else 1 / 1.7 if "large" in words else 1.0
    gx, gy = np.meshgrid(x * zoom, y * zoom)
    grid = Grid(gx, gy, (seed * 7919) % 2**31, (period_m[0] * zoom, period_m[1] * zoom))
    kind = meaning.kind or "plaster"
    image: Array = _generator(kind, meaning.own)(grid, np.random.default_rng([seed, 1]))
    if "mossy" in words:
        words = {**words, "moss": SIDE}
    for k, name in enumerate(n for n in GENERATORS if n in words and n != kind):
        other = GENERATORS[name](
            Grid(gx, gy, grid.seed + 5003 * (k + 1), grid.period_m), np.random.default_rng([seed, 2 + k])
        )
        where = smooth(0.10, 0.22, grid.fbm(0.7, 7001 + k, 5))[..., None]
        image = image * (1 - where) + other * where
    return np.asarray(image, np.float32)


def _generator(kind: str, words: frozenset[str]) -> Generator:
    """The generator of a class, told the qualities that change its pattern."""
    for (name, asked), made in PATTERNS.items():
        if name == kind and asked in words:
            return made
    return GENERATORS[kind]


def _colored(image: Array, meaning: Meaning, seed: int) -> Float32:
    """Recolour to what the prompt names: the pattern's brightness stays, its mean becomes the colour asked for.

    The reference mean is the generator's own over a fixed square metre, so that every picture of a plane agrees.
    """
    words = meaning.words
    target = color_of(meaning)
    if any((meaning.kind, w) in OWN for w in meaning.own) or {"checkered", "black", "white"} <= words.keys():
        target = None
    if target is not None and "flowers" not in words and meaning.kind not in {"lava", *SKIES}:
        sample = (np.arange(48) + 0.5) / 48
        mean = _evaluate(meaning, sample, sample, seed, (0.0, 0.0)).mean((0, 1))
        if meaning.kind in EARTHEN:
            target = 0.6 * target + 0.4 * mean * (target.mean() / max(float(mean.mean()), 1e-3))
        gray = image.mean(-1, keepdims=True) / max(float(mean.mean()), 1e-3)
        image = 0.7 * gray * target + 0.3 * image * (target / np.maximum(mean, 0.05))
    gamma = 1.45 if "dark" in words else 0.72 if "light" in words else 1.0
    if gamma != 1.0:
        image = np.maximum(image, 0) ** gamma
    if "muted" in words or "old" in words:
        image = 0.6 * image + 0.4 * image.mean(-1, keepdims=True)
    colourful = 1.35 if "vivid" in words else 1.15 if "lush" in words else 1.0
    image = image.mean(-1, keepdims=True) + colourful * (image - image.mean(-1, keepdims=True))
    if "dry" in words and meaning.kind in {"grass", "meadow", "moss", "leaves"}:
        image = 0.5 * image + 0.5 * image.mean(-1, keepdims=True) * np.array([1.35, 1.12, 0.62])
    if "wet" in words and meaning.kind not in {"water", *SKIES}:
        image = 0.72 * image.mean(-1, keepdims=True) + 0.86 * (image - image.mean(-1, keepdims=True))
    return np.asarray(image, np.float32)
