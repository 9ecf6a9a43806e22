"""Grounds that grow, lie or flow: grass, meadow, leaves, soil, sand, gravel, rock, snow, ice, water, lava.

A generator takes a Grid and a random generator that fixes the variation (palette, sizes), and returns sRGB (H, W, 3)
float32 in 0..1. All values depend on plane coordinates alone.
"""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import Float32

from ._grid import Array, Grid, lit, mix, pick, ramp, smooth, srgb

GREENS = [
    ["34501a", "648f30", "a3c45c"],
    ["2c4f20", "4f8a35", "8fbd66"],
    ["4a5220", "83913e", "bcc274"],
    ["2a4a26", "4a7d3c", "7fae62"],
    ["3d5a1c", "74a23a", "b4d27a"],
]


def grass(g: Grid, rng: np.random.Generator) -> Float32:
    """Four layers of bent blades, the lower ones in the others' shade; drier and lusher places as lawns have them."""
    palette = pick(rng, GREENS)
    size = float(rng.uniform(0.014, 0.026))
    lush = g.bent(0.4, 0.2, 2).fbm(1.1, 3, 5, 0.55)
    image = lit(mix(srgb(palette[0]), srgb("3d3220"), 0.35 + 0.5 * g.fbm(0.05, 5)), 0.75 + 0.25 * g.fbm(0.02, 7, 3))
    for layer, (scale, shade) in enumerate(((0.8, 0.62), (1.0, 0.78), (1.15, 0.94), (1.3, 1.08))):
        along, across, name = g.strokes(size * scale, 40 + 10 * layer, 2.0, 0.15 + 0.02 * layer)
        tone = 0.28 + 0.42 * along + 0.40 * (name - 0.6) + 0.22 * lush
        light = shade * (0.80 + 0.28 * along) * (1 - 0.20 * across * np.sign(name - 0.5))
        image = np.where((along >= 0)[..., None], lit(ramp(palette, tone), light), image)
    dry = smooth(0.30, 0.95, g.bent(0.3, 0.15, 89).fbm(0.7, 90, 5, 0.6) + float(rng.uniform(-0.3, 0.1)))
    return mix(image, lit(srgb("b3a468"), image.mean(-1) / 0.42), 0.45 * dry)


def meadow(g: Grid, rng: np.random.Generator) -> Float32:
    """Taller, looser grass with flowers of two to four colours in drifts."""
    image = grass(g, rng)
    image = lit(image, 0.93 + 0.20 * g.fbm(0.25, 200, 3))
    bloom = ["f4f0e6", "f2cf3b", "d94a4a", "8d63c9", "e58fb4", "5f8fdd", "f08a2c"]
    chosen = [bloom[i] for i in rng.permutation(len(bloom))[: int(rng.integers(2, 5))]]
    share = float(rng.uniform(0.10, 0.30))
    for k, color in enumerate(chosen):
        drift = smooth(-0.25, 0.45, g.fbm(1.1, 210 + k, 2))
        depth, name = g.spots(0.055, 220 + 10 * k, share, 0.10, 0.26)
        petal = smooth(0.0, 0.25, depth) * (name < 0.25 + 0.75 * drift)
        shade = lit(srgb(color), 0.72 + 0.4 * depth)
        image = mix(image, shade, petal)
        image = mix(image, srgb("c9971c"), smooth(0.62, 0.75, depth) * petal)
    return image


def moss(g: Grid, rng: np.random.Generator) -> Float32:
    """Low cushions of fine stems."""
    palette = pick(
        rng, [["1f330e", "3f6620", "7f9c42"], ["1c3814", "35652a", "6a9448"], ["3a3c1a", "66682e", "9a9a58"]]
    )
    near, second, name = g.bent(0.03, 0.015, 10).cells(0.05, 11)
    fine, _, tip = g.cells(0.008, 13)
    swell = g.relief(lambda q: 0.012 * q.fbm(0.10, 15, 4), 0.12)
    tone = 0.42 + 0.26 * g.bent(0.3, 0.15, 14).fbm(0.4, 16, 5) + 0.14 * (name - 0.5) + 0.22 * (tip - 0.5) - 0.10 * near
    return lit(
        ramp(palette, tone), swell * (0.84 + 0.28 * (1 - fine) + 0.10 * (second - near) + 0.14 * g.fbm(0.02, 17, 3))
    )


def leaves(g: Grid, rng: np.random.Generator) -> Float32:
    """Fallen leaves lying over each other."""
    palette = pick(
        rng, [["5a2d12", "a85a1e", "d99a3a", "c8b04a"], ["3a2a1a", "6e4b2a", "9b7a4a"], ["2c3a14", "6a8a2a"]]
    )
    image = lit(srgb("2b2016"), 0.9 + 0.5 * g.fbm(0.05, 3))
    for layer in range(4):
        along, across, name = g.strokes(0.05, 20 + 10 * layer, 1.3, 0.42)
        vein = 1 - 0.3 * np.exp(-((across / 0.08) ** 2))
        shade = lit(
            ramp(palette, name + 0.4 * g.fbm(0.03, 70 + layer, 2)), (0.6 + 0.14 * layer) * vein * (0.85 + 0.3 * along)
        )
        image = np.where((along >= 0)[..., None], shade, image)
    return image


def ground(g: Grid, rng: np.random.Generator) -> Float32:
    """Trodden soil: crumbs, small stones and dead bits of plants, strewn more thickly here than there."""
    palette = pick(
        rng,
        [["4a3a2a", "6f5a42", "957c5e"], ["544a3c", "7a6d5a", "a0937c"], ["4a382c", "6b5343", "8c7360"],
         ["5f5a4f", "858072", "aaa595"], ["57503a", "7d7656", "a39c78"]],
    )  # fmt: skip
    strewn = smooth(-0.5, 0.6, g.bent(0.2, 0.1, 1).fbm(0.35, 3, 5, 0.6))
    tone = 0.50 + 0.16 * g.bent(0.2, 0.1, 2).fbm(0.5, 4, 6, 0.65) + 0.12 * g.fbm(0.015, 9, 3, 0.6)
    image = lit(ramp(palette, tone), g.relief(lambda q: 0.008 * q.fbm(0.10, 6, 5, 0.5), 0.22))
    bits = pick(rng, [["8a7a58", "4d4030", "a89a78"], ["7d8250", "5a4a34", "a39468"], ["9a9186", "6a625a", "b8b0a2"]])
    for k, size in enumerate((0.010, 0.018, 0.034)):
        near, second, name = g.bent(size, 0.3 * size, 10 + k).cells(size, 20 + 3 * k)
        lies = smooth(0.10, 0.35, second - near) * (name < (0.16 + 0.30 * strewn) * (1.3 - 0.35 * k))
        bit = lit(ramp(bits, (name * 31.0) % 1.0), 1.05 - 0.35 * near)
        image = mix(lit(image, 1 - 0.25 * smooth(0.0, 0.15, second - near) * lies), bit, 0.8 * lies)
    along, _, name = g.strokes(0.05, 30, 1.4, 0.035)
    stalk = (along >= 0) & (name > float(rng.uniform(0.6, 1.1)))
    return np.where(stalk[..., None], lit(srgb("a3936c"), 0.75 + 0.3 * name), image)


def cracked(g: Grid, rng: np.random.Generator) -> Float32:
    """A dried-out pan: polygonal plates with dark cracks and curled, lighter rims."""
    palette = pick(
        rng, [["7a5a3a", "b08a5e", "d2b48a"], ["6e4a34", "9a6a48", "c09470"], ["8a8272", "b3aa98", "cfc8b8"]]
    )
    size = float(rng.uniform(0.12, 0.22))
    b = g.bent(0.08, 0.02, 40)
    near, second, name = b.cells(size, 5)
    fine, fine2, _ = b.cells(size / 3.2, 8)
    tone = 0.5 + 0.4 * g.fbm(0.3, 11) + 0.35 * (name - 0.5)
    image = lit(ramp(palette, tone), 0.92 + 0.18 * g.fbm(0.02, 13) + 0.12 * smooth(0.04, 0.25, second - near))
    crack = np.maximum(1 - smooth(0.03, 0.11, second - near), 0.55 * (1 - smooth(0.02, 0.10, fine2 - fine)))
    return mix(image, srgb("2b1d12"), crack)


def sand(g: Grid, rng: np.random.Generator, rippled: bool = False) -> Float32:
    """Grains, and where the wind was strong ripples, bent and broken."""
    palette = pick(
        rng, [["b08a58", "d0ac78", "ead0a0"], ["b08a64", "cfaa80", "e8cca6"], ["b8a888", "d2c4a6", "eae0c8"],
              ["a07a54", "c09a70", "dcb890"]],
    )  # fmt: skip
    b = g.bent(0.6, 0.10, 30)
    pitch, strength = float(rng.uniform(0.06, 0.11)), 1.0 if rippled else float(rng.choice([0.0, 0.5, 1.0]))
    windy = smooth(-0.4, 0.4, g.fbm(1.2, 60, 2)) * strength
    light = b.relief(lambda q: 0.022 * q.fbm(1.4, 1, 3, 0.5, tall=pitch) * windy + 0.002 * q.fbm(0.10, 61, 4), 0.35)
    tone = 0.5 + 0.22 * g.bent(0.3, 0.2, 62).fbm(0.8, 63, 5, 0.6)
    grains = 0.16 * g.fbm(0.005, 64, 2) + 0.10 * g.fbm(0.014, 65, 3) + 0.06 * g.fbm(0.06, 66, 4, 0.6)
    return lit(ramp(palette, tone), light * (1 + grains))


def snow(g: Grid, rng: np.random.Generator) -> Float32:
    """Soft hummocks with bluish hollows, crusted or powdery, with sparkling grains."""
    soft = float(rng.uniform(0.4, 1.0))
    swell = g.relief(lambda q: 0.03 * soft * q.fbm(0.35, 3, 6, 0.42), 0.30)
    tone = 0.55 + 1.1 * (swell - 1) + 0.15 * g.fbm(0.5, 4, 4)
    image = ramp(["c8d6e6", "e0e9f2", "f8fafd"], tone)
    spark, _ = g.spots(0.012, 9, 0.12, 0.1, 0.3)
    return lit(image, 1 + 0.05 * g.fbm(0.02, 5, 4) * float(rng.uniform(0.6, 1.4)) + 0.05 * spark)


def ice(g: Grid, rng: np.random.Generator) -> Float32:
    """Clear blue ice with white fracture lines at two depths."""
    palette = pick(rng, [["6fa8c9", "a9d2e8", "e2f3fb"], ["4a86a8", "8fc0da", "d0e8f4"]])
    image = ramp(palette, 0.5 + 0.55 * g.fbm(0.6, 3, 5))
    for k, (size, strength) in enumerate(((0.5, 0.75), (0.22, 0.4))):
        b = g.bent(0.2, 0.05, 20 + k)
        near, second, _ = b.cells(size, 30 + k)
        image = mix(image, srgb("f6fcff"), strength * np.exp(-(second - near) / 0.035))
    return image


def water(g: Grid, rng: np.random.Generator) -> Float32:
    """Light bent by small waves: a web of caustics over blue depth."""
    palette = pick(
        rng, [["06304f", "0e5c86", "3f9cc0"], ["0a4a52", "178a90", "62c6c0"], ["0a1f3c", "123f72", "2f72b0"]]
    )
    web: Array = np.zeros(g.x.shape, np.float32)
    for k, size in enumerate((0.34, 0.21)):
        near, second, _ = g.bent(0.3, 0.09, 10 + k).cells(size, 20 + k)
        web = web + np.exp(-(second - near) / 0.10) * (0.6 if k == 0 else 0.4)
    tone = 0.42 + 0.5 * g.fbm(0.9, 30, 4)
    return mix(ramp(palette, tone), srgb("d8f4f6"), 0.62 * np.clip(web, 0, 1) ** 2.2 * (0.55 + 0.6 * g.fbm(0.6, 33, 2)))


def lava(g: Grid, rng: np.random.Generator) -> Float32:
    """Dark crust in plates, glowing where they part."""
    size = float(rng.uniform(0.22, 0.40))
    b = g.bent(0.25, 0.08, 3)
    near, second, name = b.cells(size, 5)
    heat = 0.55 * np.exp(-(second - near) / 0.10) * (1 + 0.8 * g.fbm(0.6, 9, 3)) + 0.35 * smooth(
        0.2, 0.9, g.fbm(1.0, 11, 3)
    )
    crust = lit(mix(srgb("171313"), srgb("3b302c"), 0.5 + g.fbm(0.05, 13, 4)), 0.85 + 0.5 * (name - 0.5))
    glow = ramp(["1c0604", "8c1a05", "ea5a0c", "ffb52e", "fff3b0"], heat * 1.7)
    return mix(crust, glow, smooth(0.10, 0.40, heat))


def bark(g: Grid, rng: np.random.Generator) -> Float32:
    """Upright plates parted by furrows, under one light, with lichen."""
    palette = pick(
        rng, [["3f3226", "6a5644", "94806a"], ["4a4740", "78746a", "a39e92"], ["57553e", "858260", "aeab88"],
              ["4f3a2c", "7a5d48", "a08468"]],
    )  # fmt: skip
    size = float(rng.uniform(0.03, 0.07))

    def height(q: Grid) -> Array:
        b = q.bent(0.12, 0.03, 3)
        return np.asarray(0.25 * size * (1 - np.abs(b.fbm(size, 5, 4, 0.5, tall=5 * size))) + 0.002 * q.fbm(0.02, 7, 3))

    furrow = smooth(0.0, 0.25, np.abs(g.bent(0.12, 0.03, 3).fbm(size, 5, 4, 0.5, tall=5 * size)))
    tone = 0.40 + 0.20 * furrow + 0.20 * g.fbm(0.3, 9, 5) + 0.10 * g.fbm(0.02, 10, 4, 0.6)
    image = lit(ramp(palette, tone), g.relief(height, 0.3) * (0.84 + 0.16 * furrow))
    return mix(image, lit(srgb("8f9a72"), 0.9 + 0.3 * furrow), 0.4 * smooth(0.3, 0.8, g.fbm(0.4, 14, 5, 0.6)))
