"""Grounds that grow, lie or flow: grass, meadow, leaves, soil, sand, gravel, rock, snow, ice, water, lava.

A generator takes a Grid and a random generator that fixes the variation (palette, sizes), and returns sRGB (H, W, 3)
float32 in 0..1. All values depend on plane coordinates alone.
"""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import Float32

from ._grid import Array, Grid, lit, mix, pick, ramp, smooth, srgb

GREENS = [
    ["24330f", "456b1e", "7fa83c"],
    ["1b3312", "2f6a22", "69a544"],
    ["33390f", "6a7a2a", "a9b45a"],
    ["152a12", "2b5524", "4f8a3a"],
    ["2c3a14", "5a8a2a", "9cc75a"],
]


def grass(g: Grid, rng: np.random.Generator) -> Float32:
    """Three layers of bent blades over shaded soil; patches of tone as mown or trodden lawns have them."""
    palette = pick(rng, GREENS)
    size = float(rng.uniform(0.010, 0.016))
    patches = g.fbm(0.9, 3, 4)
    image = lit(mix(srgb(palette[0]), srgb("2a2114"), 0.4 + 0.6 * g.fbm(0.05, 5)), 0.8 + 0.3 * g.fbm(0.02, 7, 3))
    for layer, (scale, shade) in enumerate(((1.0, 0.62), (1.15, 0.85), (1.35, 1.08))):
        along, across, name = g.strokes(size * scale, 40 + 10 * layer, 1.9, 0.16 + 0.03 * layer)
        tone = 0.15 + 0.55 * along + 0.35 * (name - 0.6) + 0.45 * patches
        light = shade * (0.72 + 0.42 * along) * (1 - 0.22 * across * np.sign(name - 0.5))
        image = np.where((along >= 0)[..., None], lit(ramp(palette, tone), light), image)
    dry = smooth(0.35, 0.9, g.fbm(0.5, 90, 3) + float(rng.uniform(-0.3, 0.15)))
    return mix(image, lit(srgb("a89a5c"), image.mean(-1) / 0.35), 0.5 * dry)


def meadow(g: Grid, rng: np.random.Generator) -> Float32:
    """Taller, looser grass with flowers of two to four colours in drifts."""
    image = grass(g, rng)
    image = lit(image, 0.85 + 0.35 * g.fbm(0.25, 200, 3))
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
    """Cushions of fine stems."""
    palette = pick(rng, [["1d2a0c", "47661d", "8fa63c"], ["1a2d10", "356127", "6f9a45"]])
    near, second, name = g.cells(0.05, 11)
    fine, _, _ = g.cells(0.006, 13)
    tone = 0.45 + 0.5 * g.fbm(0.3, 15) + 0.25 * (name - 0.5) - 0.25 * near
    return lit(ramp(palette, tone), 0.75 + 0.35 * (1 - fine) + 0.12 * (second - near) + 0.2 * g.fbm(0.02, 17, 3))


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
    """Trodden soil with crumbs and small stones."""
    palette = pick(
        rng, [["3b2a1a", "6b5034", "9a7c56"], ["4a4034", "7a6c58", "a69a80"], ["2e2018", "54392a", "7d5c42"]]
    )
    near, second, name = g.cells(0.02, 5)
    tone = 0.45 + 0.55 * g.fbm(0.4, 3, 5) + 0.2 * (name - 0.5)
    image = lit(ramp(palette, tone), 0.85 + 0.25 * g.fbm(0.012, 9, 4) + 0.15 * np.minimum(second - near, 0.6))
    depth, shade = g.spots(0.06, 20, 0.35, 0.06, 0.22)
    return mix(image, lit(srgb("9a9186"), 0.6 + 0.5 * depth + 0.3 * (shade - 0.5)), smooth(0.0, 0.2, depth) * 0.8)


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


def sand(g: Grid, rng: np.random.Generator) -> Float32:
    """Wind ripples, bent and broken, over grains."""
    palette = pick(
        rng, [["a8824e", "cfae78", "ecd6a4"], ["b0753c", "d29a5c", "ecc28a"], ["b8a888", "d8ccb0", "f0e8d2"]]
    )
    b = g.bent(0.6, 0.10, 30)
    x, y, px, py = b.lattice(0.35, float(rng.uniform(0.06, 0.11)))
    from . import noise

    ripple = noise.fbm(x * 0.25, y, g.seed + 1, 3, 0.5, (max(px // 4, 1) if px else 0, py))
    strength = smooth(-0.4, 0.4, g.fbm(1.2, 60, 2)) * float(rng.uniform(0.3, 1.0))
    tone = 0.5 + 0.55 * strength * ripple + 0.25 * g.fbm(0.8, 62, 3)
    return lit(ramp(palette, tone), 1 + 0.16 * g.fbm(0.004, 64, 2) + 0.05 * g.fbm(0.05, 65))


def gravel(g: Grid, rng: np.random.Generator) -> Float32:
    """Pebbles of two sizes, each with its own tone and a lit side."""
    palette = pick(
        rng, [["5a5752", "8f8b84", "c2beb5"], ["6b5a48", "a08c74", "cfc0a8"], ["3f4247", "6c7178", "a5abb2"]]
    )
    size = float(rng.uniform(0.018, 0.04))
    near, second, name = g.cells(size, 3)
    fine, fine2, fname = g.cells(size * 0.45, 7)
    stone = smooth(0.06, 0.22, second - near)
    small = lit(ramp(palette, fname), 0.35 + 0.45 * smooth(0.05, 0.4, fine2 - fine))
    big = lit(
        ramp(palette, 0.15 + 0.8 * name + 0.2 * g.fbm(0.01, 9, 3)), 1.12 - 0.55 * near + 0.1 * g.fbm(0.005, 11, 2)
    )
    return mix(small, big, stone * (name > 0.22))


def rock(g: Grid, rng: np.random.Generator) -> Float32:
    """A weathered face: ridges, clefts and lichen stains."""
    palette = pick(
        rng, [["2f2d2b", "6b6862", "a7a299"], ["3a2c24", "75604e", "ab967e"], ["23272b", "4f565e", "8a929b"]]
    )
    b = g.bent(0.5, 0.12, 4)
    ridge = 1 - np.abs(b.fbm(0.45, 6, 6, 0.6)) * 2
    near, second, _ = b.cells(0.35, 8)
    cleft = 1 - smooth(0.0, 0.09, second - near)
    tone = 0.3 + 0.45 * ridge + 0.3 * g.fbm(0.12, 10, 5)
    image = lit(ramp(palette, tone), (1 - 0.6 * cleft) * (0.9 + 0.35 * g.fbm(0.02, 12, 4)))
    return mix(image, srgb("8c9068"), 0.35 * smooth(0.3, 0.8, g.fbm(0.25, 14, 4)))


def snow(g: Grid, rng: np.random.Generator) -> Float32:
    """Soft drifts with bluish hollows and sparkling grains."""
    tone = 0.6 + 0.5 * g.fbm(0.7, 3, 4, 0.45)
    image = ramp(["c4d3e6", "e2ebf5", "f8fbff"], tone)
    spark, _ = g.spots(0.012, 9, 0.12, 0.1, 0.3)
    return lit(image, 1 + 0.05 * g.fbm(0.01, 5, 3) * float(rng.uniform(0.6, 1.4)) + 0.08 * spark)


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
    """Upright furrows between plates."""
    palette = pick(rng, [["2b2119", "5c4a3a", "8c7660"], ["3a3833", "6f6b62", "a19b8e"]])
    b = g.bent(0.12, 0.03, 3)
    furrow = b.fbm(0.035, 5, 4, 0.55, tall=0.20)
    tone = 0.5 + 0.9 * furrow + 0.2 * g.fbm(0.3, 9, 3)
    return lit(ramp(palette, tone), 0.9 + 0.3 * g.fbm(0.01, 7, 3))
