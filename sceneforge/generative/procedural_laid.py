"""What is laid in courses or patterns: bricks, setts and flags, tiles, shingles, ceiling panels. Courses run along x.

Same contract as the generators of natural grounds. A pattern cuts the plane into pieces and says of every point how far
it is from the joints, and which piece it is in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sceneforge.core.arrays import Float32

from . import noise
from ._grid import Array, Grid, lit, mix, pick, ramp, smooth, srgb


@dataclass(frozen=True)
class Pieces:
    """Where each point lies in its piece; fields (H, W)."""

    joint: Array
    """Metres to the nearest joint."""
    name: Array
    """Of the piece, 0..1 at random."""
    other: Array
    """The same, independent of `name`."""
    u: Array
    """Along the piece's long side, in metres from its end."""
    v: Array
    """Across it."""
    size: tuple[float, float] = (0.0, 0.0)
    """Metres along and across, where all pieces are alike."""
    even: Array | None = None
    """Of a pattern in rows: whether row and column add up to an even number."""


def courses(
    g: Grid, long: float, high: float, offset: float = 0.5, random: bool = False, paired: bool = False
) -> Pieces:
    """Rows of blocks, each row moved by `offset` of a block against the last, or at random. `paired`: a repeat holds an
    even number of both, as a chequer needs."""
    (sx, px), (sy, py) = _fitting(long, g.period_m[0], 1 + paired), _fitting(high, g.period_m[1], 1 if random else 2)
    row = np.floor(g.y / sy).astype(np.int64)
    v = g.y / sy - row
    row = row % py if py else row
    shift = _random(row, np.full_like(row, 7), g.seed + 5) if random else offset * (row % 2)
    u = g.x / sx + shift
    column = np.floor(u).astype(np.int64)
    u = u - column
    column = column % px if px else column
    joint = np.minimum(np.minimum(u, 1 - u) * sx, np.minimum(v, 1 - v) * sy)
    return _pieces(g, joint, column, row, u * sx, v * sy, (sx, sy), (row + column) % 2 == 0)


def herringbone(g: Grid, wide: float, times: int = 4) -> Pieces:
    """Blocks of `wide` metres and `times` that long, at right angles to each other and at 45 degrees to the axes."""
    diagonal = wide * math.sqrt(2.0)
    (sx, a), (sy, b) = _fitting(diagonal, g.period_m[0], times), _fitting(diagonal, g.period_m[1])
    x, y = g.x / sx + g.y / sy, g.y / sy - g.x / sx  # in blocks' widths, along the blocks
    i, j = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    place = (i - j) % (2 * times)
    upright = place >= times
    first_i, first_j = np.where(upright, i, i - place), np.where(upright, j - (2 * times - 1 - place), j)
    along = np.where(upright, y - first_j, x - first_i)
    across = np.where(upright, x - first_i, y - first_j)
    joint = wide * np.minimum(np.minimum(along, times - along), np.minimum(across, 1 - across))
    down, up = first_i - first_j, first_i + first_j
    down, up = (down % (2 * a) if a else down), (up % (2 * b) if b else up)
    return _pieces(g, joint, down, up, along * wide, across * wide, (times * wide, wide))


def hexagons(g: Grid, wide: float) -> Pieces:
    """Regular hexagons `wide` metres across their flats; u and v are from the middle of each."""
    (sx, px), (sy, py) = _fitting(wide, g.period_m[0]), _fitting(wide * math.sqrt(3.0), g.period_m[1])
    lattices = []
    for shift in (0.0, 0.5):  # two rectangular lattices of middles; the nearer middle has the point
        i, j = np.floor(g.x / sx + shift + 0.5), np.floor(g.y / sy + shift + 0.5)
        dx, dy = g.x - (i - shift) * sx, g.y - (j - shift) * sy
        i, j = (i % px if px else i), (j % py if py else j)
        lattices.append((dx, dy, i, 2 * j + 2 * shift))
    first = np.hypot(*lattices[0][:2]) <= np.hypot(*lattices[1][:2])
    dx, dy, i, j = (np.where(first, a, b) for a, b in zip(*lattices, strict=True))
    out = np.maximum(np.abs(dx), 0.5 * np.abs(dx) + 0.5 * math.sqrt(3.0) * np.abs(dy))
    return _pieces(g, sx / 2 - out, i.astype(np.int64), j.astype(np.int64), dx, dy, (sx, sx))


def polygons(g: Grid, size: float) -> Pieces:
    """Irregular flags of about `size` metres."""
    near, second, name = g.bent(0.3 * size, 0.03 * size, 3).cells(size, 5)
    return Pieces((second - near) * 0.45 * size, name, (name * 17.0) % 1.0, g.x, g.y)


def _pieces(
    g: Grid, joint: Array, i: Array, j: Array, u: Array, v: Array, size: tuple[float, float], even: Array | None = None
) -> Pieces:
    return Pieces(joint, _random(i, j, g.seed + 9), _random(i, j, g.seed + 19), u, v, size, even)


def _fitting(size: float, period: float, multiple: int = 1) -> tuple[float, int]:
    """A size near the one asked for, a multiple of which fits the period, and how many do (0 = no period)."""
    count = multiple * max(1, round(period / size / multiple)) if period else 0
    return (period / count, count) if count else (size, 0)


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


def edge_light(p: Pieces, width: float, g: Grid, depth: float = 0.35) -> Array:
    """Light on rounded edges: darker towards the joint, over `width` metres that vary along it."""
    rough = width * (1 + 0.5 * g.fbm(0.04, 91, 3))
    return np.asarray(1 - depth * (1 - smooth(0.0, 1.0, p.joint / np.maximum(rough, 1e-4))), np.float32)


def brick(g: Grid, rng: np.random.Generator, herring: bool = False, red: bool = False) -> Float32:
    """Bricks of 21.5 x 6.5 cm in mortar, hand-made or wire-cut, now and then with bleached or sooty courses."""
    palettes = [["6b3226", "94503a", "b4705a"], ["8a4a30", "b06a44", "c88a60"], ["4a3a34", "6e574c", "8d7568"],
                ["7a6248", "a88a66", "cbb08a"], ["4a4644", "77716c", "a09a92"], ["2f2b2a", "4a4442", "6a625e"],
                ["8f8a80", "b5afa3", "d4cfc4"]]  # fmt: skip
    palette = pick(rng, palettes[:2] if red or herring else palettes)
    rough = float(rng.uniform(0.3, 1.0))
    b = g.bent(0.05, 0.004 * rough, 3).bent(0.4, 0.006 * rough, 4)
    p = herringbone(b, 0.075, 3) if herring else courses(b, 0.225, 0.075, float(pick(rng, [0.5, 0.5, 0.25, 0.33])))
    wide = float(rng.uniform(0.004, 0.007)) * (1 + 0.7 * rough * g.fbm(0.025, 8, 3))
    face = smooth(0.0, 0.0035, p.joint - wide)
    clay = g.fbm(0.05, 11, 5, 0.6)
    tone = 0.5 + float(rng.uniform(0.35, 0.9)) * (p.name - 0.5) + 0.22 * clay
    body = lit(ramp(palette, tone), edge_light(p, 0.016, g, 0.30) * (0.93 + 0.14 * p.other + 0.10 * rough * clay))
    pits, _ = g.spots(0.02, 21, 0.25 * rough, 0.05, 0.22)
    body = lit(body, 1 - 0.35 * smooth(0.1, 0.6, pits))
    mortar = srgb(pick(rng, ["b8b2a6", "8f8a82", "75706a", "a39a8a"]))
    image = mix(lit(mortar, 0.78 + 0.16 * g.fbm(0.008, 15, 3) + 0.10 * g.fbm(0.3, 16, 3)), body, face)
    image = mix(image, lit(srgb("d9d4ca"), 0.9 + 0.1 * clay), 0.30 * smooth(0.25, 0.8, g.fbm(0.5, 17, 5, 0.6)))
    return lit(image, 1 - 0.22 * smooth(0.1, 0.8, g.fbm(0.7, 18, 5, 0.6)))


def stone_paving(g: Grid, rng: np.random.Generator, pattern: str = "") -> Float32:
    """Setts in rows, sawn slabs, pavers or irregular flags, rounded by feet, with sand or moss in the joints."""
    palette = pick(
        rng,
        [["5c5a56", "82807a", "a9a69e"], ["6a5f52", "8f8372", "b5a893"], ["4f5357", "74797d", "9a9fa2"],
         ["7a7770", "a09d94", "c3c0b6"], ["5a4a44", "7f6f67", "a3948b"]],
    )  # fmt: skip
    kind = pattern or pick(rng, ["setts", "slabs", "pavers", "flags"])
    p, gap, dome = _paving(kind, g, rng)
    tone = 0.5 + float(rng.uniform(0.3, 0.7)) * (p.name - 0.5) + 0.16 * g.fbm(0.12, 11, 5) + 0.08 * g.fbm(0.01, 12, 3)
    worn = g.relief(lambda q: 0.004 * q.fbm(0.05, 13, 4, 0.55), 0.5)
    body = lit(ramp(palette, tone), worn * edge_light(p, dome, g, 0.38) * (0.95 + 0.10 * p.other))
    soil = mix(srgb("5f574a"), srgb("575c3a"), smooth(-0.1, 0.4, g.fbm(0.6, 16, 4) + float(rng.uniform(-0.6, 0.25))))
    joint = lit(soil, 0.65 + 0.35 * g.fbm(0.008, 15, 3))
    wide = gap * (1 + 0.6 * g.fbm(0.05, 17, 3))
    image = mix(joint, body, smooth(0.0, 0.4, (p.joint - wide) / max(gap, 0.004)))
    return lit(image, 1 + 0.08 * g.fbm(0.9, 18, 4))


def _paving(kind: str, g: Grid, rng: np.random.Generator) -> tuple[Pieces, float, float]:
    """A pattern's pieces, half the width of its joints, and how far its edges are rounded, in metres."""
    b = g.bent(0.06, 0.005, 3)
    if kind == "herringbone":
        return herringbone(g, 0.10, 2), 0.004, 0.015
    if kind == "setts":
        size = float(rng.uniform(0.09, 0.13))
        long = size * float(rng.uniform(1.0, 1.5))
        return courses(b.bent(0.3, 0.015, 6), long, size, random=True), 0.009, 0.03
    if kind == "slabs":
        size = float(rng.uniform(0.2, 0.42))
        long = size * float(pick(rng, [1.0, 1.5, 2.0]))
        return courses(g, long, size, random=bool(rng.integers(2))), 0.003, 0.008
    if kind == "pavers":
        return courses(g, 0.21, 0.105), 0.003, 0.01
    return polygons(b, float(rng.uniform(0.18, 0.38))), 0.012, 0.02


def tiles(g: Grid, rng: np.random.Generator, pattern: str = "") -> Float32:
    """Ceramic tiles with grout: square, oblong, hexagonal, mosaic, chequered, or printed with a motif."""
    tone = pick(
        rng, ["d9d4c8", "b9b6ae", "f2f2ee", "7f97a6", "8fa38a", "b4826a", "3f444a", "2f6f8f", "e6ddcc", "55524e"]
    )
    kind = pattern or pick(rng, ["plain", "plain", "oblong", "mosaic", "chequer", "hexagon", "dots", "motif"])
    size = {"mosaic": 0.05, "hexagon": float(pick(rng, [0.05, 0.12, 0.2])), "oblong": 0.10}.get(
        kind, float(pick(rng, [0.10, 0.15, 0.20, 0.30]))
    )
    if kind == "hexagon":
        p = hexagons(g, size)
    elif kind == "oblong":
        p = courses(g, 2 * size, size)
    else:
        p = courses(g, size, size, 0.0, paired=kind == "chequer")
    uneven = 0.30 if kind == "mosaic" else 0.07
    glaze = 1 + uneven * (p.name - 0.5) + 0.04 * g.bent(0.1, 0.03, 30).fbm(0.2, 31, 5)
    face = lit(srgb(tone), glaze)
    second = srgb("23262a") if np.mean(srgb(tone)) > 0.45 else srgb("e4e0d6")
    if kind == "chequer" and p.even is not None:
        face = np.where(p.even[..., None], lit(second, glaze), face)
    elif kind == "motif":
        face = mix(face, lit(second, glaze), 0.85 * _motif(p, rng))
    grey = float(rng.uniform(0.35, 0.75) if np.mean(srgb(tone)) > 0.45 else rng.uniform(0.7, 1.05))  # to be seen
    joint = lit(srgb("cfcac0"), grey * (1 + 0.08 * g.fbm(0.02, 41, 4)))
    gap = float(rng.uniform(0.0015, 0.004))
    image = mix(joint, lit(face, edge_light(p, 0.008, g, 0.14)), smooth(0.0, 0.002, p.joint - gap))
    if kind == "dots":
        corner = np.hypot(*(np.minimum(at, side - at) for at, side in zip((p.u, p.v), p.size, strict=True)))
        image = mix(image, second, 1 - smooth(0.0, 0.003, corner - 0.16 * size))
    return lit(image, 1 + 0.03 * g.fbm(0.9, 43, 3))


def _motif(p: Pieces, rng: np.random.Generator) -> Array:
    """A printed ornament (0..1), symmetrical in every tile: rosettes and arcs of a few random harmonics."""
    x, y = np.abs(p.u / p.size[0] - 0.5), np.abs(p.v / p.size[1] - 0.5)
    a, b = np.maximum(x, y), np.minimum(x, y)
    angle, radius = np.arctan2(b, a), np.hypot(a, b)
    petals = int(pick(rng, [4, 8, 12]))
    rose = 0.24 + 0.09 * np.cos(petals * angle) * float(rng.choice([-1.0, 1.0]))
    ring = np.abs(radius - float(rng.uniform(0.36, 0.44)))
    corner = np.hypot(0.5 - a, 0.5 - b)
    lines = np.minimum(np.abs(radius - rose), np.minimum(ring, np.abs(corner - float(rng.uniform(0.12, 0.25)))))
    return np.asarray(
        np.maximum(1 - smooth(0.015, 0.035, lines), 1 - smooth(0.0, 0.03, radius - 0.5 * rose)), np.float32
    )


def roof(g: Grid, rng: np.random.Generator) -> Float32:
    """Overlapping shingles: each course throws a shadow on the next."""
    palette = pick(
        rng, [["5a2a1e", "8f4a34", "b8745a"], ["33363b", "565b62", "7d838b"], ["5b4c40", "85725f", "a8937c"]]
    )
    p = courses(g.bent(0.1, 0.004, 2), 0.20, 0.14)
    body = lit(
        ramp(palette, 0.5 + 0.6 * (p.name - 0.5) + 0.25 * g.fbm(0.1, 3, 5)),
        0.66 + 0.40 * p.v / p.size[1] + 0.1 * p.other,
    )
    side = np.minimum(p.u, p.size[0] - p.u)
    return lit(body, 0.35 + 0.65 * np.minimum(smooth(0.001, 0.006, side), smooth(0.0, 0.020, p.v)))


def ceiling_tiles(g: Grid, rng: np.random.Generator) -> Float32:
    """A 60 cm grid of mineral-fibre panels with fissures."""
    p = courses(g, 0.6, 0.6, 0.0)
    depth, _ = g.spots(0.014, 9, 0.4, 0.05, 0.16)
    panel = lit(srgb("ece9e2"), 1 + 0.03 * (p.name - 0.5) - 0.35 * smooth(0.1, 0.6, depth) + 0.04 * g.fbm(0.01, 5))
    return mix(
        lit(srgb("f6f6f4"), np.ones(g.x.shape)),
        lit(panel, 0.9 + 0.1 * smooth(0.012, 0.02, p.joint)),
        smooth(0.010, 0.0125, p.joint),
    )
