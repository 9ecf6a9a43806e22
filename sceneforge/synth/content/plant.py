"""The plant: a leafy houseplant in a two-tone stoneware pot, about 0.45 m tall."""

from __future__ import annotations

import math

import numpy as np

from .curves import fillet, spline, transport_frames
from .materials import Material, linear
from .model import Kit, Model
from .shapes import lathe, loft, tube
from .surface import Floats, Surface, merge, shade
from .textures import leaf, speckled

_LEAVES = 27
_SOIL = 0.121
_STEPS = np.array([0.05, 0.09, 0.13, 0.16, 0.17, 0.16, 0.12, 0.08, 0.04])  # along a blade, finer towards both ends


def build(seed: int = 7) -> Model:
    """The plant, standing on y = 0; the seed moves the leaves."""
    kit = Kit()
    _pot(kit)
    rng = np.random.default_rng(seed)
    kit.add(Material("soil", linear("#3a2a1e"), 0.0, 0.95), _soil(rng))
    green = Material("leaf", (1.0, 1.0, 1.0), 0.0, 0.42, texture=leaf(96, 192, seed=3), double_sided=True)
    stalk = Material("stalk", linear("#6f9a4a"), 0.0, 0.55)
    for k in range(_LEAVES):
        stem, blade = _leaf(k, rng)
        kit.add(stalk, stem)
        kit.add(green, blade)
    return Model.grounded("plant", [kit.part("plant")])


def _pot(kit: Kit) -> None:
    """Raw clay foot, speckled cream glaze dipped over it, thick rolled rim, and a saucer."""
    clay = Material("clay", linear("#b5714a"), 0.0, 0.85)
    glaze = Material(
        "cream_glaze", (1.0, 1.0, 1.0), 0.0, 0.28, texture=speckled(128, 128, "#e9e1d0", "#6b5a48", seed=9)
    )
    saucer = [
        (0.0, 0.0),
        (0.062, 0.0),
        (0.080, 0.0065),
        (0.0865, 0.0165),
        (0.0840, 0.0180),
        (0.0770, 0.0090),
        (0.060, 0.0060),
        (0.0, 0.0060),
    ]
    kit.add(clay, lathe(fillet(saucer, [0, 0.003, 0.008, 0.001, 0.001, 0.006, 0.002, 0], 2), 48))
    kit.add(clay, lathe(fillet([(0.0, 0.0058), (0.0550, 0.0058), (0.0585, 0.0090), (0.0700, 0.0560)], 0.003, 2), 48))
    dip = [(0.0694, 0.0535), (0.0718, 0.0548), (0.0735, 0.0600), (0.0800, 0.0950), (0.0838, 0.1200), (0.0845, 0.1270)]
    rim = [
        (0.0868, 0.1285),
        (0.0880, 0.1340),
        (0.0868, 0.1395),
        (0.0830, 0.1410),
        (0.0795, 0.1390),
        (0.0785, 0.1330),
        (0.0765, _SOIL - 0.006),
    ]
    wall = np.concatenate([dip, spline(rim, 2)])
    kit.add(glaze, lathe(wall, 52, crease_deg=35, uv_size=(0.16, 0.16)))


def _soil(rng: np.random.Generator) -> Surface:
    """Crumbly mound."""
    segments, radii = 30, np.array([0.0775, 0.068, 0.056, 0.043, 0.029, 0.014])
    angle = 2 * np.pi * np.arange(segments) / segments
    rings = np.empty((len(radii), segments, 3))
    for k, r in enumerate(radii):
        rough = r + (rng.random(segments) - 0.5) * (0.0 if k == 0 else 0.006)
        rings[k, :, 0], rings[k, :, 2] = rough * np.cos(angle), -rough * np.sin(angle)
        rings[k, :, 1] = _SOIL + 0.010 * (1 - (r / 0.0775) ** 2) + rng.random(segments) * 0.0045
    soil = loft(rings, cap_end=True, crease_deg=25)
    return soil.tinted((0.7 + 0.5 * rng.random(len(soil.positions)))[:, None] * np.ones(3))


def _leaf(k: int, rng: np.random.Generator) -> tuple[Surface, Surface]:
    """Stalk and blade number k: old outer leaves long and hanging, young inner ones short, upright and paler."""
    age = 1 - (k + 0.5) / _LEAVES
    jitter = rng.random(8) - 0.5
    turn = k * math.radians(137.508) + 0.35 * float(jitter[0])
    out = np.array([math.cos(turn), 0.0, -math.sin(turn)])
    lift = math.radians(87 - 38 * age + 16 * float(jitter[1]))
    stalk_length = 0.084 + 0.118 * (1 - age) + 0.050 * float(jitter[2])
    blade_length = 0.126 + 0.012 * age + 0.030 * float(jitter[3])
    start = out * (0.010 + 0.030 * age) + (0.0, _SOIL + 0.004, 0.0)
    rise = np.array([0.0, 1.0, 0.0])

    def walk(origin: Floats, angle: float, length: float, droop: float, steps: Floats) -> Floats:
        points = [origin]
        for share, step in zip(np.cumsum(steps) - steps / 2, steps, strict=True):
            a = angle - droop * float(share) ** 1.3
            points.append(points[-1] + (out * math.cos(a) + rise * math.sin(a)) * (length * float(step)))
        return np.array(points)

    stem = walk(start, min(lift + 0.30, 1.52), stalk_length, 0.45, np.full(5, 0.2))
    droop = 0.85 + 0.95 * age + 0.5 * float(jitter[4])
    spine = walk(stem[-1], lift - 0.12, blade_length, droop, _STEPS)
    side = np.cross(rise, out)
    spine = spine + side * (0.014 * float(jitter[5]) * np.linspace(0, 1, 10) ** 2)[:, None]
    width = blade_length * (0.245 + 0.035 * float(jitter[6]))
    blade = _blade(spine, width, fold=0.34 + 0.2 * float(jitter[7]), twist=0.5 * float(jitter[0]), up=rise)
    young = np.array([1.0, 1.0, 0.80]) * (0.85 + 0.15 * (1 - age))
    tint = young * (1 - 0.25 * age) + np.array([0.62, 0.80, 0.66]) * 0.25 * age
    return tube(stem, np.linspace(0.0023, 0.0014, len(stem)), 5), blade.tinted(tint)


def _blade(spine: Floats, width: float, *, fold: float, twist: float, up: Floats) -> Surface:
    """An ovate blade about a spine, (N, 3): folded along the midrib, edges waving a little, 0.7 mm thick."""
    n = len(spine)
    tangent, _, _ = transport_frames(spine)
    side = np.cross(tangent, up)
    side = side / np.sqrt((side**2).sum(axis=1, keepdims=True))
    normal = np.cross(side, tangent)
    t = np.concatenate([[0.0], np.cumsum(np.sqrt((np.diff(spine, axis=0) ** 2).sum(axis=1)))])
    t = t / t[-1]
    roll = twist * t[:, None]
    side, normal = side * np.cos(roll) + normal * np.sin(roll), normal * np.cos(roll) - side * np.sin(roll)
    half = width * 1.78 * t**0.62 * (1 - t) ** 0.72 + 0.0004
    s = np.array([-1.0, -0.58, 0.0, 0.58, 1.0])
    across = len(s)
    reach = half[:, None] * s[None]
    rise = np.abs(reach) * math.tan(fold) - 1.6 * reach**2 / max(width, 1e-6) * 0.5
    rise = rise + 0.0022 * np.sin(3.5 * np.pi * t)[:, None] * (s**2)[None] * np.sign(s)[None]
    top = spine[:, None] + side[:, None] * reach[..., None] + normal[:, None] * rise[..., None]
    thick = (0.0007 * (1 - s**2) + 0.0001)[None, :, None]
    below = top - normal[:, None] * thick
    u, v = np.meshgrid(t, (s + 1) / 2, indexing="ij")
    uv = np.column_stack([u.ravel(), v.ravel()])
    index = np.arange(n * across).reshape(n, across)
    a, b, c, d = (q.ravel() for q in (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]))
    faces = np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, d])])
    upper = shade(top.reshape(-1, 3), faces, uv, crease_deg=60)
    lower = shade(below.reshape(-1, 3), faces[:, ::-1], uv, crease_deg=60)
    return merge([upper, lower])
