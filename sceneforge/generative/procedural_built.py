"""Surfaces that people make: boards, tiles, bricks, plaster, metal. Boards and courses run along x.

Same contract as the generators of natural grounds.
"""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import Float32

from . import noise
from ._grid import Array, Grid, lit, mix, pick, ramp, smooth, srgb

WOODS = [
    ["8a5f36", "b98a55", "d8b380"],
    ["5a3a22", "7f5634", "a37a50"],
    ["3a2416", "573823", "7a5538"],
    ["a98a62", "cdb088", "e6d0ac"],
    ["5e2a1a", "8a4228", "b0643c"],
    ["6f6a62", "958f84", "b9b3a6"],
]


def grain(g: Grid, palette: list[str], shift: Array | float = 0.0, salt: int = 0) -> Float32:
    """Straight-grained wood along x with cathedral arches and pores."""
    b = g.bent(0.4, 0.02, 70 + salt)
    broad = b.fbm(0.9, 71 + salt, 3, 0.5, tall=0.09)
    rings = 0.5 + 0.5 * np.sin(14.0 * broad + 2.5 * g.fbm(0.5, 73 + salt, 2, tall=0.012))
    pores = g.fbm(0.12, 75 + salt, 3, 0.6, tall=0.0025)
    return lit(ramp(palette, 0.42 + shift + 0.30 * (rings - 0.5) + 0.25 * broad), 1 + 0.10 * pores)


def wood(g: Grid, rng: np.random.Generator) -> Float32:
    """One sheet of wood with a few knots."""
    palette = pick(rng, WOODS)
    image = grain(g, palette)
    depth, _ = g.spots(0.4, 90, 0.25, 0.02, 0.05)
    return mix(image, lit(srgb(palette[0]), 0.55 + 0.25 * np.cos(depth * 20)), smooth(0.0, 0.5, depth))


def _courses(g: Grid, long: float, high: float, offset: float, random: bool) -> tuple[Array, Array, Array, Array]:
    """Blocks in rows: (distance to the nearest joint along x and y in metres, id 0..1, column id 0..1)."""
    sx, px = (
        (g.period_m[0] / max(1, round(g.period_m[0] / long)), max(1, round(g.period_m[0] / long)))
        if g.period_m[0]
        else (long, 0)
    )
    sy, py = (
        (g.period_m[1] / max(1, round(g.period_m[1] / high)), max(1, round(g.period_m[1] / high)))
        if g.period_m[1]
        else (high, 0)
    )
    row = np.floor(g.y / sy).astype(np.int64)
    v = g.y / sy - row
    row = row % py if py else row
    shift = _random(row, np.full_like(row, 7), g.seed + 5) if random else offset * (row % 2)
    u = g.x / sx + shift
    col = np.floor(u).astype(np.int64)
    u = u - col
    col = col % px if px else col
    return (
        np.minimum(u, 1 - u) * sx,
        np.minimum(v, 1 - v) * sy,
        _random(col, row, g.seed + 9),
        _random(col, row, g.seed + 19),
    )


@noise.kernel
def _hashes(i: Array, j: Array, seed: int) -> Array:
    h, w = i.shape
    out = np.empty((h, w), dtype=np.float32)
    for r in range(h):
        for c in range(w):
            out[r, c] = noise.unit(i[r, c], j[r, c], seed)
    return out


def _random(i: Array, j: Array, seed: int) -> Float32:
    return np.asarray(_hashes(i, j, seed), np.float32)


def wood_floor(g: Grid, rng: np.random.Generator) -> Float32:
    """Boards of one width in random lengths' offset, each cut from another place of the tree."""
    palette = pick(rng, WOODS)
    across, along = float(rng.uniform(0.07, 0.19)), float(rng.uniform(0.9, 1.6))
    dx, dy, name, other = _courses(g, along, across, 0.5, True)
    moved = Grid(g.x + 7.0 * np.round(other * 50), g.y + 3.0 * np.round(name * 50), g.seed, g.period_m)
    image = grain(moved, palette, 0.30 * (name - 0.5))
    gap = np.minimum(smooth(0.0008, 0.0025, dy), smooth(0.0008, 0.0025, dx))
    return lit(image, (0.92 + 0.16 * other) * (0.30 + 0.70 * gap))


def tiles(g: Grid, rng: np.random.Generator) -> Float32:
    """Square or oblong tiles with grout; plain, marbled, or two tones in a chequer."""
    tone = pick(rng, ["d9d4c8", "b9b6ae", "f2f2ee", "7f97a6", "8fa38a", "c48a68", "3f444a", "2f6f8f"])
    size = float(rng.choice([0.10, 0.15, 0.20, 0.30, 0.45]))
    aspect = float(rng.choice([1.0, 1.0, 2.0]))
    kind = int(rng.integers(3))
    dx, dy, name, _ = _courses(g, size * aspect, size, 0.0 if aspect == 1 else 0.5, False)
    veins = g.bent(0.3, 0.1, 30).fbm(0.4, 31, 5)
    light = 0.97 + 0.10 * (name - 0.5) + (0.12 * veins if kind == 1 else 0.02 * veins)
    if kind == 2 and aspect == 1:
        even = (np.floor(g.x / size) + np.floor(g.y / size)) % 2
        light = light * (0.55 + 0.45 * even)
    grout = np.minimum(smooth(0.001, 0.0035, dx), smooth(0.001, 0.0035, dy))
    rim = 0.92 + 0.08 * np.minimum(smooth(0.003, 0.010, dx), smooth(0.003, 0.010, dy))
    joint = lit(srgb(pick(rng, ["cfcac0", "8a867e", "5a5752"])), 1 + 0.10 * g.fbm(0.01, 41, 3))
    return mix(joint, lit(srgb(tone), light * rim), grout)


def brick(g: Grid, rng: np.random.Generator) -> Float32:
    """Stretcher bond of 21.5 x 6.5 cm bricks and 1 cm of mortar."""
    palette = pick(
        rng, [["6e2f20", "9c4a32", "c07050"], ["7a6248", "a88a66", "cbb08a"], ["4a4644", "77716c", "a09a92"]]
    )
    b = g.bent(0.03, 0.003, 3)
    dx, dy, name, other = _courses(b, 0.225, 0.075, 0.5, False)
    face = np.minimum(smooth(0.004, 0.008, dx), smooth(0.004, 0.008, dy))
    body = lit(ramp(palette, name + 0.25 * g.fbm(0.06, 11, 4)), 0.9 + 0.2 * other + 0.18 * g.fbm(0.008, 13, 3))
    mortar = lit(srgb(pick(rng, ["b8b2a6", "8f8a82"])), 0.85 + 0.2 * g.fbm(0.006, 15, 3))
    return mix(mortar, body, face)


def stone_paving(g: Grid, rng: np.random.Generator) -> Float32:
    """Setts in rows, or polygonal flags, with sandy joints."""
    palette = pick(
        rng, [["55534f", "85827c", "b0aca4"], ["6a5a48", "98856c", "c0ad92"], ["41474d", "6d757d", "9aa3ab"]]
    )
    if rng.random() < 0.5:
        dx, dy, name, other = _courses(g.bent(0.06, 0.006, 3), float(rng.choice([0.12, 0.2, 0.4])), 0.12, 0.5, True)
        edge = np.minimum(dx, dy) / 0.03
    else:
        near, second, name = g.bent(0.1, 0.01, 3).cells(float(rng.uniform(0.15, 0.35)), 5)
        edge, other = (second - near) / 0.22, name
    body = lit(
        ramp(palette, 0.15 + 0.7 * name + 0.25 * g.fbm(0.08, 11, 5)), 0.9 + 0.2 * g.fbm(0.01, 13, 3) + 0.1 * other
    )
    joint = lit(srgb("5f574a"), 0.7 + 0.4 * g.fbm(0.008, 15, 3))
    return mix(joint, lit(body, 0.72 + 0.28 * smooth(0.2, 1.0, edge)), smooth(0.12, 0.35, edge))


def marble(g: Grid, rng: np.random.Generator) -> Float32:
    """Clouded stone with veins where folded noise crosses zero."""
    base, vein = pick(rng, [("eceae6", "8d8f94"), ("2b2d30", "c9c6bd"), ("d8c8ac", "8a6a48"), ("5d7a6a", "d8e2d8")])
    b = g.bent(0.7, 0.35, 3)
    image = lit(srgb(base), 0.96 + 0.16 * b.fbm(0.6, 5, 5))
    for k, (size, width) in enumerate(((0.9, 0.030), (0.4, 0.022))):
        line = np.exp(-np.abs(g.bent(0.5, 0.25, 20 + k).fbm(size, 30 + k, 4)) / width)
        image = mix(image, srgb(vein), (0.75 - 0.3 * k) * line * smooth(-0.3, 0.5, g.fbm(0.8, 40 + k, 3)))
    return image


def plaster(g: Grid, rng: np.random.Generator) -> Float32:
    """Trowelled plaster or rolled paint: broad clouds and a fine skin."""
    tone = pick(rng, ["e6e2d8", "d8d2c6", "cfd4d6", "c98a6a", "b8c4b0", "e0cf9f"])
    trowel = g.bent(0.2, 0.06, 3).fbm(0.35, 5, 5, 0.55)
    return lit(srgb(tone), 0.97 + 0.09 * trowel * float(rng.uniform(0.2, 1.2)) + 0.03 * g.fbm(0.006, 7, 2))


def concrete(g: Grid, rng: np.random.Generator) -> Float32:
    """Cast concrete: stains, pits, now and then a hairline crack."""
    tone = pick(rng, ["8e8d89", "a8a6a0", "6f7073", "b9b4a8"])
    image = lit(srgb(tone), 0.95 + 0.20 * g.fbm(0.7, 3, 6, 0.55) + 0.06 * g.fbm(0.005, 5, 2))
    depth, _ = g.spots(0.03, 9, 0.25, 0.03, 0.12)
    near, second, _ = g.bent(0.25, 0.12, 11).cells(1.1, 13)
    crack = np.exp(-(second - near) / 0.006) * smooth(0.0, 0.4, g.fbm(0.9, 15, 2))
    return lit(image, 1 - 0.45 * smooth(0.2, 0.7, depth) - 0.55 * crack)


def asphalt(g: Grid, rng: np.random.Generator) -> Float32:
    """Bitumen with chips of stone."""
    near, _, name = g.cells(0.008, 3)
    chip = 1 - smooth(0.25, 0.6, near)
    tone = float(rng.uniform(0.18, 0.36))
    return lit(srgb("f2f0ec"), tone * (0.75 + 0.55 * chip * name + 0.20 * g.fbm(0.6, 5, 5)))


def terrazzo(g: Grid, rng: np.random.Generator) -> Float32:
    """Chips of stone in a ground binder."""
    base = pick(rng, ["e6e2da", "cfc9bf", "4a4b4d", "d5dde0"])
    chips = pick(rng, [["2b2b2b", "8a8178", "c9b8a4"], ["7a3f2a", "d8a45a", "2f4a55"], ["f5f3ee", "a8a29a", "55524e"]])
    image = lit(srgb(base), 1 + 0.05 * g.fbm(0.01, 3, 2))
    for size, salt in ((0.045, 10), (0.02, 30), (0.010, 50)):
        near, second, name = g.bent(size, size * 0.25, salt).cells(size, salt + 1)
        body = smooth(0.18, 0.26, second - near) * (name > 0.45)
        image = mix(image, ramp(chips, (name - 0.45) / 0.55), body)
    return image


def carpet(g: Grid, rng: np.random.Generator) -> Float32:
    """Loop pile, flecked, with worn patches."""
    tone = pick(rng, ["8a3f3a", "5f6f86", "b0a48c", "6a6a66", "4f6a4a", "c2b59a"])
    near, _, name = g.cells(0.005, 3, 0.6)
    return lit(srgb(tone), 1.12 - 0.45 * near + 0.20 * (name - 0.5) + 0.10 * g.fbm(0.5, 5, 4))


def fabric(g: Grid, rng: np.random.Generator) -> Float32:
    """Plain weave with slubs."""
    tone = pick(rng, ["3f5f8a", "8a8478", "c4b59a", "6a2f3a", "3f6a5a", "cfcac0"])
    pitch = float(rng.uniform(0.003, 0.008))
    x, y, _, _ = g.lattice(pitch)
    over = np.sin(np.pi * x) ** 2 * ((np.floor(x) + np.floor(y)) % 2 == 0) + np.sin(np.pi * y) ** 2 * (
        (np.floor(x) + np.floor(y)) % 2
    )
    slub = g.fbm(0.08, 3, 3, tall=pitch) + g.fbm(pitch, 5, 3, tall=0.08)
    return lit(srgb(tone), 0.78 + 0.30 * over + 0.10 * slub)


def metal(g: Grid, rng: np.random.Generator) -> Float32:
    """Brushed sheet, or one that rusts."""
    tone = pick(rng, ["9a9da1", "b08a5a", "6f757c", "b5b2ab"])
    image = lit(srgb(tone), 1 + 0.10 * g.fbm(0.8, 3, 3, tall=0.002) + 0.08 * g.fbm(0.9, 5, 3))
    rust = smooth(0.0, 0.45, g.bent(0.3, 0.1, 9).fbm(0.5, 11, 6, 0.6) + float(rng.uniform(-0.7, 0.25)))
    return mix(
        image, lit(ramp(["3f1d10", "7f3c1a", "b5692f"], 0.5 + g.fbm(0.04, 13, 4)), 0.9 + 0.3 * g.fbm(0.01, 15)), rust
    )


def cork(g: Grid, rng: np.random.Generator) -> Float32:
    """Pressed granules."""
    near, second, name = g.bent(0.02, 0.004, 3).cells(0.012, 5)
    return lit(
        ramp(["8a5a30", "b98450", "d8aa76"], name + 0.2 * g.fbm(0.2, 7)), 0.72 + 0.35 * smooth(0.0, 0.25, second - near)
    )


def roof(g: Grid, rng: np.random.Generator) -> Float32:
    """Overlapping shingles: each course throws a shadow on the next."""
    palette = pick(rng, [["5a2a1e", "8f4a34", "b8745a"], ["33363b", "565b62", "7d838b"]])
    dx, _, name, other = _courses(g, 0.20, 0.14, 0.5, False)
    _, fit = g.lattice(0.20, 0.14)[:2]
    v = fit - np.floor(fit)
    body = lit(ramp(palette, name + 0.3 * g.fbm(0.1, 3, 4)), (0.60 + 0.5 * v) * (0.9 + 0.2 * other))
    return lit(body, 0.35 + 0.65 * np.minimum(smooth(0.001, 0.006, dx), smooth(0.0, 0.014, v * 0.14)))


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


def ceiling_tiles(g: Grid, rng: np.random.Generator) -> Float32:
    """A 60 cm grid of mineral-fibre panels with fissures."""
    dx, dy, name, _ = _courses(g, 0.6, 0.6, 0.0, False)
    depth, _ = g.spots(0.014, 9, 0.4, 0.05, 0.16)
    panel = lit(srgb("ece9e2"), 1 + 0.03 * (name - 0.5) - 0.35 * smooth(0.1, 0.6, depth) + 0.04 * g.fbm(0.01, 5))
    return mix(
        lit(srgb("f6f6f4"), np.ones(g.x.shape)),
        lit(panel, 0.9 + 0.1 * smooth(0.012, 0.02, np.minimum(dx, dy))),
        smooth(0.010, 0.0125, np.minimum(dx, dy)),
    )


def wallpaper(g: Grid, rng: np.random.Generator) -> Float32:
    """Printed paper: a damask-like motif mirrored in each 26 cm repeat, or stripes."""
    a, b = pick(rng, [("e8e0d0", "b8a888"), ("d6dde0", "8fa3b0"), ("efe6e2", "c08a80"), ("dfe5d6", "8aa07a")])
    x, y, _, _ = g.lattice(0.26)
    if rng.random() < 0.4:
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
