"""What is woven, pressed or rolled: carpet, fabric, metal, thatch, wallpaper.

Same contract as the generators of natural grounds.
"""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import Float32

from . import noise
from ._grid import Array, Grid, lit, mix, pick, ramp, smooth, srgb


def carpet(g: Grid, rng: np.random.Generator) -> Float32:
    """Loop or cut pile: plain, flecked, or in ribs, faintly worn."""
    tone = pick(rng, ["8a4a44", "5f6f86", "b0a48c", "6a6a66", "5f6f58", "c2b59a", "4a4c52", "9a948a"])
    pitch = float(rng.uniform(0.005, 0.010))
    near, _, name = g.bent(0.02, 0.002, 2).cells(pitch, 3, 0.7)
    fleck = float(rng.uniform(0.08, 0.35))
    light = 1.08 - 0.22 * near + fleck * (name - 0.5) + 0.05 * g.bent(0.2, 0.1, 4).fbm(0.4, 5, 5, 0.6)
    if rng.random() < 0.4:
        rib = float(rng.uniform(0.02, 0.06))
        _, y, _, _ = g.lattice(rib)
        light = light + 0.10 * np.cos(2 * np.pi * y) * g.shown(rib)
    return lit(srgb(tone), light + 0.05 * g.fbm(0.03, 6, 3))


def fabric(g: Grid, rng: np.random.Generator, pattern: str = "") -> Float32:
    """Plain weave with slubs, twill, or a check of coloured threads."""
    tones = ["3f5f8a", "8a8478", "c4b59a", "6a2f3a", "3f6a5a", "cfcac0", "2b2d33", "9a8fb0", "a85a3a"]
    tone = pick(rng, tones)
    kind = pattern or pick(rng, ["plain", "plain", "twill", "check"])
    pitch = float(rng.uniform(0.003, 0.008))
    x, y, _, _ = g.lattice(pitch)
    odd = (np.floor(x) + np.floor(y)) % 2
    if kind == "twill":
        over = 0.5 + 0.5 * np.cos(np.pi * (x + y))
    else:
        over = np.where(odd == 0, np.sin(np.pi * x) ** 2, np.sin(np.pi * y) ** 2)
    slub = g.fbm(0.08, 3, 3, tall=pitch) + g.fbm(pitch, 5, 3, tall=0.08)
    light = 0.93 + 0.30 * (over - 0.5) * g.shown(pitch) + 0.08 * slub + 0.03 * g.fbm(0.5, 6, 4)
    face: Array = srgb(tone)
    if kind in {"check", "stripes"}:
        repeat = float(rng.uniform(0.06, 0.25))
        u, v, _, _ = g.lattice(repeat)
        second = srgb(pick(rng, [t for t in tones if t != tone]))
        edge = float(rng.uniform(0.2, 0.35))
        warp, weft = (smooth(edge - 0.01, edge + 0.01, np.abs(a - np.floor(a) - 0.5)) for a in (u, v))
        face = mix(face, second, 0.5 * (warp + weft) if kind == "check" else weft)
    return lit(face, light)


def metal(g: Grid, rng: np.random.Generator, rusty: bool = False) -> Float32:
    """Brushed or galvanised sheet, or painted sheet that is worn; rust where it is asked for."""
    tone = pick(rng, ["a4a6a8", "8a8d91", "b5b2ab", "c9cbcc", "75797d"])
    kind = pick(rng, ["brushed", "galvanised", "painted", "dull"])
    light = 1 + 0.05 * g.bent(0.3, 0.1, 2).fbm(0.6, 5, 5, 0.6)
    if kind == "brushed":
        light = light + 0.05 * g.fbm(0.8, 3, 3, tall=0.004)
    elif kind == "galvanised":
        _, _, name = g.bent(0.03, 0.012, 6).cells(0.035, 7)
        light = light + 0.10 * (name - 0.5)
    image = lit(srgb(tone), light)
    if kind == "painted":
        paint = srgb(pick(rng, ["e8e8e4", "5a7a8f", "4a6a4a", "a9b4bd", "8f3a30", "d8cfa8"]))
        worn = smooth(0.25, 0.5, g.bent(0.1, 0.04, 8).fbm(0.25, 9, 6, 0.65, tall=0.5) + float(rng.uniform(-0.3, 0.15)))
        image = mix(lit(paint, 1 + 0.05 * g.fbm(0.7, 10, 5)), image * np.float32(0.92), worn)
    scratch = smooth(0.45, 0.7, g.fbm(0.25, 12, 3, tall=0.003)) * g.shown(0.003)
    image = lit(image, 1 + 0.10 * scratch)
    if not rusty:
        return image
    rust = smooth(-0.05, 0.35, g.bent(0.3, 0.1, 19).fbm(0.5, 11, 6, 0.65) + float(rng.uniform(-0.2, 0.25)))
    tones = ramp(["4a2a1c", "7f4526", "a8683c"], 0.5 + 0.9 * g.fbm(0.08, 13, 6, 0.65))
    return mix(image, lit(tones, 0.95 + 0.2 * g.fbm(0.01, 15, 3)), rust)


def thatch(g: Grid, rng: np.random.Generator) -> Float32:
    """Straw lying along y in layers."""
    palette = pick(rng, [["4a3a22", "8a7044", "c4a868"], ["3f3a33", "6f675a", "a0968a"]])
    image = lit(srgb(palette[0]), 0.7 + 0.2 * g.fbm(0.05, 3))
    for layer in range(3):
        along, across, name = g.strokes(0.012, 20 + 10 * layer, 2.0, 0.14, 0.12)
        image = np.where(
            (along >= 0)[..., None],
            lit(ramp(palette, 0.2 + 0.8 * name), (0.7 + 0.2 * layer) * (1 - 0.2 * across)),
            image,
        )
    return image


def wallpaper(g: Grid, rng: np.random.Generator, striped: bool = False) -> Float32:
    """Printed paper: a damask-like motif mirrored in each 26 cm repeat, or stripes."""
    a, b = pick(rng, [("e8e0d0", "b8a888"), ("d6dde0", "8fa3b0"), ("efe6e2", "c08a80"), ("dfe5d6", "8aa07a")])
    x, y, _, _ = g.lattice(0.26)
    if striped or rng.random() < 0.4:
        return mix(
            srgb(a), srgb(b), 0.9 * smooth(0.3, 0.33, np.abs(x * 2 - np.floor(x * 2) - 0.5)) + 0.03 * g.fbm(0.01, 3)
        )
    u, v = np.abs(x - np.floor(x) - 0.5), y - np.floor(y)
    motif = (
        noise.fbm(u * 6 + 100, v * 6, g.seed + 3, 3, 0.5, (0, 6))
        + 0.25
        - 0.9 * np.abs(np.hypot(u, (v - 0.5) * 0.8) - 0.22)
    )
    return mix(srgb(a), srgb(b), 0.85 * smooth(0.0, 0.06, motif) + 0.04 * g.fbm(0.01, 5))
