"""Stone and what is cast from it: rock, gravel, marble and granite, terrazzo, concrete, asphalt, plaster.

Same contract as the generators of natural grounds.
"""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import Float32

from ._grid import Array, Grid, lit, mix, pick, ramp, smooth, srgb


def rock(g: Grid, rng: np.random.Generator) -> Float32:
    """A broken face: tilted facets, ledges and clefts under one light, with stains in the hollows."""
    palette = pick(
        rng,
        [["3c3a38", "6f6c67", "a39e95"], ["5b4a3a", "8f7a62", "bfab90"], ["23282c", "3d454c", "666f77"],
         ["6e6a62", "9a958b", "c4bfb4"], ["6e5a42", "96805f", "bda883"]],
    )  # fmt: skip
    size, ledge = float(rng.uniform(0.10, 0.30)), float(rng.uniform(1.0, 2.2))

    def height(p: Grid) -> Array:
        b = p.bent(0.3, 0.09, 4)
        folds = np.abs(b.fbm(1.6 * size * ledge, 6, 6, 0.55, tall=1.6 * size))
        near, second, name = b.cells(size, 8)
        chip, chip2, _ = p.bent(0.05, 0.02, 5).cells(0.3 * size, 9)
        return np.asarray(
            0.10
            * size
            * (1.5 * folds + 0.7 * near * (name - 0.3) * smooth(0.0, 0.25, second - near) + 0.12 * (chip2 - chip))
            + 0.0030 * p.fbm(0.05, 12, 4, 0.5)
        )

    high = height(g) / size
    light = g.relief(height, 0.6)
    tone = 0.45 + 0.30 * g.fbm(0.7, 10, 5) + 0.12 * g.fbm(0.015, 11, 3)
    hollow = 0.72 + 0.28 * smooth(-0.02, 0.10, high)
    image = lit(ramp(palette, tone), light * hollow)
    stain = srgb(pick(rng, ["8c9068", "8a6a48", "c8c2b0"]))
    return mix(image, lit(stain, light), 0.30 * smooth(0.25, 0.9, g.fbm(0.4, 14, 5)))


def gravel(g: Grid, rng: np.random.Generator) -> Float32:
    """Broken or rounded stones of three sizes over each other, each with its own tone and its lit side."""
    palette = pick(
        rng, [["5f5d58", "8b8882", "b7b3ab"], ["6b5d4c", "99896f", "c4b59a"], ["45484b", "6f7376", "9da1a4"],
              ["7a766c", "a6a294", "cdc8bb"]],
    )  # fmt: skip
    size, sharp = float(rng.uniform(0.022, 0.065)), float(rng.uniform(0.6, 1.0))
    ground = ramp(palette, 0.25 + 0.35 * g.fbm(0.15, 5, 4))
    image = lit(ground, 0.55 + 0.25 * g.fbm(0.006, 6, 3))
    for k, (scale, share) in enumerate(((0.35, 0.05), (0.6, 0.35), (1.0, 0.45))):
        b = g.bent(size * scale, size * scale * 0.22 * sharp, 20 + 9 * k)
        near, second, name = b.cells(size * scale, 30 + 9 * k)
        lies = smooth(0.05, 0.16, second - near) * (name > share)
        # A stone is a plane tilted its own way, falling off at its rim.
        ux, uy, _, _ = b.lattice(size * scale)
        way = 6.2832 * ((name * 37.0) % 1.0)
        tilt = np.cos(way) * (ux - np.floor(ux) - 0.5) + np.sin(way) * (uy - np.floor(uy) - 0.5)
        rim = smooth(0.0, 0.45, second - near)
        light = 0.62 + 0.34 * rim + 0.30 * sharp * tilt + 0.08 * g.fbm(0.005, 40 + k, 2)
        stone = lit(ramp(palette, 0.10 + 0.85 * (name - share) / (1 - share) + 0.12 * g.fbm(0.02, 44, 3)), light)
        image = mix(lit(image, 1 - 0.45 * smooth(0.0, 0.05, second - near) * (name > share)), stone, lies)
    return lit(image, 1 + 0.08 * g.fbm(0.8, 50, 4))


def marble(g: Grid, rng: np.random.Generator, veined: bool = False, tone: str = "") -> Float32:
    """Veined marble; where no vein or colour is asked for now and then banded travertine or speckled granite."""
    kind = 0.0 if veined else rng.random()
    if kind > 0.55:
        return _granite(g, rng) if kind > 0.8 else _travertine(g, rng)
    tones = [
        ("eceae6", "8d8f94", "d6d4d0"),
        ("d9cbb2", "8a6a48", "c7b596"),
        ("b7a79a", "6a4f44", "cdbfb2"),
        ("3c4a42", "c3d0c6", "54655a"),
        ("232427", "b9b5ab", "34363a"),
    ]
    base, vein, second = pick(rng, {"dark": tones[4:], "light": tones[:1]}.get(tone, tones))
    b = g.bent(0.5, 0.22, 3)
    cloud = 0.7 * b.fbm(0.35, 5, 6, 0.65) + 0.45 * g.bent(0.03, 0.012, 6).fbm(0.06, 7, 4, 0.7)
    image = mix(srgb(base), srgb(second), smooth(-0.5, 0.7, cloud))
    image = lit(image, 1 + 0.07 * g.fbm(0.02, 8, 4, 0.75))
    for k, (size, width, strength) in enumerate(((0.9, 0.012, 0.8), (0.4, 0.010, 0.6), (0.17, 0.012, 0.45))):
        line = np.abs(g.bent(0.35, 0.16, 20 + k).bent(0.06, 0.010, 24 + k).fbm(size, 30 + k, 4, 0.5, tall=size * 0.6))
        broken = smooth(-0.3, 0.6, g.fbm(0.4, 40 + k, 5, 0.6))
        image = mix(image, srgb(vein), strength * np.exp(-line / (width * (0.3 + 1.4 * broken))) * broken)
    return image


def _travertine(g: Grid, rng: np.random.Generator) -> Float32:
    palette = pick(
        rng, [["8a6038", "cfa268", "eed6ae", "b98a58"], ["4c4a42", "85836f", "b0ae9a", "62604f"],
              ["a89a88", "d2c8ba", "ece6dc", "bdb0a0"]],
    )  # fmt: skip
    b = g.bent(0.7, float(rng.uniform(0.03, 0.14)), 3)
    band = b.fbm(1.5, 5, 6, 0.68, tall=0.12)
    pits = smooth(0.35, 0.7, b.fbm(0.05, 9, 3, tall=0.012)) * 0.35
    return lit(ramp(palette, 0.5 + 0.75 * band), (1 - pits) * (1 + 0.05 * g.fbm(0.008, 7, 3)))


def _granite(g: Grid, rng: np.random.Generator) -> Float32:
    palette = pick(
        rng, [["3a3734", "8d857c", "cfc7bd"], ["5b4a3e", "a38f78", "d2c3ab"], ["4d4a50", "918d97", "c8c4cc"],
              ["141517", "2d2f33", "6f7379"]],
    )  # fmt: skip
    near, _, name = g.bent(0.01, 0.004, 3).cells(0.011, 5)
    _, _, large = g.bent(0.02, 0.008, 7).cells(0.022, 9)
    tone = 0.45 + 0.5 * (name - 0.5) + 0.3 * (large - 0.5) + 0.10 * g.fbm(0.3, 11, 4)
    return lit(ramp(palette, tone), 1.03 - 0.10 * near)


def terrazzo(g: Grid, rng: np.random.Generator) -> Float32:
    """Chips of stone of many sizes, apart from each other in a cast binder."""
    base = pick(rng, ["e6e2da", "cfc9bf", "3a3d42", "b9b6bb", "2f4a44", "c2b196", "24303f"])
    chips = pick(
        rng, [["2b2b2b", "8a8178", "e2d8c8"], ["8a3f2a", "d8a07a", "f0e6da"], ["f5f3ee", "a8a29a", "55524e"],
              ["3a5a54", "a9b4a4", "d96f5a"]],
    )  # fmt: skip
    image = lit(srgb(base), 1 + 0.04 * g.fbm(0.01, 3, 2) + 0.03 * g.fbm(0.5, 4, 3))
    largest, crowd = float(rng.uniform(0.02, 0.07)), float(rng.uniform(0.55, 0.85))
    for k, part in enumerate((0.25, 0.5, 1.0)):
        size = largest * part
        b = g.bent(size * 0.7, size * 0.16, 10 + 20 * k)
        near, second, name = b.cells(size, 11 + 20 * k)
        chip = smooth(0.10, 0.10 + 0.25 * min(1.0, 0.01 / size + 0.2), second - near - 0.25 * (1 - name))
        image = mix(image, lit(ramp(chips, (name * 7.3) % 1.0), 0.95 + 0.1 * g.fbm(0.01, 5, 3)), chip * (name > crowd))
    return image


def plaster(g: Grid, rng: np.random.Generator) -> Float32:
    """Trowelled plaster or rolled paint: broad clouds and a fine skin."""
    tone = pick(rng, ["e6e2d8", "d8d2c6", "cfd4d6", "c98a6a", "b8c4b0", "e0cf9f"])
    trowel = g.bent(0.2, 0.06, 3).fbm(0.35, 5, 5, 0.55)
    return lit(srgb(tone), 0.97 + 0.09 * trowel * float(rng.uniform(0.2, 1.2)) + 0.03 * g.fbm(0.006, 7, 2))


def concrete(g: Grid, rng: np.random.Generator) -> Float32:
    """Cast concrete: clouds of damp, runs, pores; now and then a hairline crack or the joints of its shuttering."""
    tone = pick(rng, ["8e8d89", "7d7b77", "a09e98", "63605b", "8b867b"])
    clouds, run = float(rng.uniform(0.05, 0.16)), float(rng.uniform(0.0, 0.07))
    image = lit(
        srgb(tone),
        1
        + clouds * g.bent(0.2, 0.08, 2).fbm(0.45, 3, 6, 0.65)
        + run * g.fbm(0.10, 4, 4, 0.55, tall=0.8)
        + 0.06 * g.fbm(0.012, 5, 3),
    )
    depth, _ = g.spots(0.035, 9, float(rng.uniform(0.05, 0.4)), 0.04, 0.16)
    image = lit(image, 1 - 0.40 * smooth(0.2, 0.7, depth))
    image = mix(image, srgb("6a5844"), 0.25 * smooth(0.35, 0.9, g.bent(0.2, 0.1, 7).fbm(0.6, 8, 5, 0.6)))
    if rng.random() < 0.35:
        near, second, _ = g.bent(0.25, 0.12, 11).cells(1.1, 13)
        image = lit(image, 1 - 0.5 * np.exp(-(second - near) / 0.006) * smooth(0.0, 0.4, g.fbm(0.9, 15, 2)))
    return image


def asphalt(g: Grid, rng: np.random.Generator) -> Float32:
    """Bitumen with chips of stone, worn paler where it is driven on."""
    tone = pick(rng, ["3a3a3b", "4a4946", "5c5a56", "6a6d70", "77726a"])
    near, _, name = g.bent(0.006, 0.002, 2).cells(0.009, 3)
    chip = 1 - smooth(0.2, 0.6, near)
    light = 0.92 + 0.40 * chip * (name - 0.35) + 0.07 * g.fbm(0.05, 5, 4, 0.6) + 0.05 * g.fbm(0.8, 7, 4)
    image = lit(srgb(tone), light)
    if rng.random() < 0.3:
        near, second, _ = g.bent(0.2, 0.12, 11).cells(0.9, 13)
        image = lit(image, 1 - 0.45 * np.exp(-(second - near) / 0.010) * smooth(-0.2, 0.3, g.fbm(0.7, 15, 2)))
    return image
