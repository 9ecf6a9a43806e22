"""Wood: sheets, boards and parquet, cork. Grain and boards run along x. Same contract as the other generators."""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import Float32

from ._grid import Array, Grid, lit, mix, pick, ramp, smooth, srgb
from .procedural_laid import Pieces, courses, edge_light, herringbone

WOODS = [
    ["8a5f36", "b07f4c", "cfa56e"],
    ["5a3a22", "7a5233", "9a7048"],
    ["35241a", "4f3524", "6d4c35"],
    ["a98a62", "c7a97f", "e0c8a2"],
    ["5e2f1e", "814a30", "a1643f"],
    ["6a655c", "8c867b", "ada698"],
    ["96703e", "ba8f56", "d6b27c"],
]


def grain(g: Grid, palette: list[str], shift: Array | float = 0.0, salt: int = 0) -> Float32:
    """Straight grain along x: yearly rings cut at a slant, fibres, pores."""
    b = g.bent(0.5, 0.012, 70 + salt)
    broad = b.fbm(1.2, 71 + salt, 3, 0.5, tall=0.07)
    rings = 0.5 + 0.5 * np.sin(16.0 * broad + 3.0 * b.fbm(0.6, 73 + salt, 2, tall=0.010))
    fibre = g.fbm(0.25, 74 + salt, 4, 0.7, tall=0.006)
    pores = smooth(0.25, 0.7, g.fbm(0.05, 75 + salt, 2, tall=0.0022)) * g.shown(0.0022)
    tone = 0.5 + shift + 0.24 * (rings - 0.5) + 0.20 * broad + 0.13 * fibre
    return lit(ramp(palette, tone), 1 + 0.05 * fibre - 0.22 * pores + 0.04 * g.fbm(0.4, 76 + salt, 3))


def wood(g: Grid, rng: np.random.Generator) -> Float32:
    """One sheet of wood; now and then with knots that the grain flows around."""
    palette = pick(rng, WOODS)
    if rng.random() < 0.5:
        return grain(g, palette)
    flat = Grid(g.x, g.y * 2.2, g.seed, (g.period_m[0], g.period_m[1] * 2.2))  # a knot is long, along the grain
    depth, name = flat.spots(0.55, 90, 0.45, 0.05, 0.16)
    push = smooth(0.0, 0.8, depth)
    image = grain(Grid(g.x, g.y + 0.03 * push * np.sign(name - 0.5), g.seed, g.period_m), palette)
    core = smooth(0.55, 0.8, depth)
    knot = lit(srgb(palette[0]), 0.62 + 0.16 * np.cos(depth * 45) + 0.08 * g.fbm(0.02, 92, 3))
    return mix(lit(image, 1 - 0.22 * push), knot, core)


def wood_floor(g: Grid, rng: np.random.Generator, herring: bool = False) -> Float32:
    """Boards or parquet, each piece cut from another place of the tree."""
    palette = pick(rng, WOODS)
    kind = "herringbone" if herring else pick(rng, ["boards", "boards", "strips", "rough"])
    if kind == "herringbone":
        p = herringbone(g, float(rng.uniform(0.05, 0.08)), int(rng.integers(4, 7)))
    elif kind == "strips":
        p = courses(g, float(rng.uniform(0.35, 0.6)), float(rng.uniform(0.05, 0.08)), random=True)
    else:
        p = courses(g, float(rng.uniform(1.1, 1.9)), float(rng.uniform(0.10, 0.20)), random=True)
    image = grain(_own(p, g), palette, float(rng.uniform(0.12, 0.45)) * (p.name - 0.5))
    wide, deep = (0.003, 0.75) if kind == "rough" else (0.0012, 0.45)
    gap = 1 - deep * (1 - smooth(0.2 * wide, 1.3 * wide, p.joint))
    image = lit(image, (0.93 + 0.14 * p.other) * gap * edge_light(p, 0.004, g, 0.12))
    if kind != "rough":
        return image
    stain = smooth(-0.4, 1.0, g.bent(0.2, 0.1, 94).fbm(0.6, 95, 6, 0.65))
    return lit(image, (1 - 0.16 * stain) * (1 + 0.14 * g.fbm(0.25, 96, 5, 0.7, tall=0.01)))


def _own(p: Pieces, g: Grid) -> Grid:
    """Coordinates in which every piece has grain of its own, along its long side."""
    return Grid(p.u + 7.0 * np.round(p.other * 50), p.v + 3.0 * np.round(p.name * 50), g.seed, g.period_m)


def cork(g: Grid, rng: np.random.Generator) -> Float32:
    """Pressed granules of several sizes."""
    near, second, name = g.bent(0.02, 0.006, 3).cells(0.012, 5)
    _, _, large = g.bent(0.03, 0.012, 6).cells(0.03, 8)
    tone = 0.25 + 0.45 * name + 0.35 * (large - 0.5) + 0.2 * g.fbm(0.2, 7)
    dark = smooth(0.8, 0.95, (large * 5.3) % 1.0)
    image = lit(ramp(["8a5a30", "b98450", "d8aa76"], tone), 0.85 + 0.2 * smooth(0.0, 0.25, second - near))
    return mix(image, lit(srgb("5b3a22"), 0.9 + 0.2 * name), 0.7 * dark)
