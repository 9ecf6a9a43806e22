"""The robot: a small friendly character, 0.35 m tall, that tilts its head and waves."""

from __future__ import annotations

import math

import numpy as np

from .curves import fillet, spline
from .materials import (
    Material,
    accent_orange,
    aluminium,
    glass_black,
    graphite,
    linear,
    livery_teal,
    rubber,
    shell_white,
)
from .model import Kit, Model, Part
from .shapes import extrude, knob, lathe, limb, loft, superellipsoid, torus, tube
from .surface import Floats, Ints, Surface, along, chain, rotate, scale, shade, translate

_HEAD = (0.088, 0.066, 0.074)  # half width, height and depth of the head
_HEAD_POWER = 0.72
_BODY_SCALE = scale(1.0, 1.0, 0.90)

Point = tuple[float, float, float]


class _Paint:
    """One set of materials, so that all parts share them."""

    def __init__(self) -> None:
        self.white, self.teal, self.orange = shell_white(), livery_teal(), accent_orange()
        self.dark, self.rubber, self.metal, self.glass = graphite(), rubber(), aluminium(), glass_black()
        self.eye = Material("eye_glow", linear("#7ff0ff"), 0.0, 0.3, emissive=(0.25, 0.85, 1.0))
        self.tip = Material("antenna_glow", linear("#f0702a"), 0.0, 0.3, emissive=(0.75, 0.20, 0.03))


def build() -> Model:
    """The robot, standing on y = 0."""
    paint = _Paint()
    nod = chain(
        translate(0.0, 0.199, 0.0), rotate("z", 7), rotate("y", -8), rotate("x", -5), translate(0.0, 0.064, 0.004)
    )
    parts: list[Part] = [_body(paint), _head(paint, nod), _leg(paint, 1.0), _leg(paint, -1.0)]
    raised: tuple[Point, Point, Point] = ((-0.079, 0.162, 0.0), (-0.122, 0.150, 0.014), (-0.139, 0.207, 0.034))
    relaxed: tuple[Point, Point, Point] = ((0.079, 0.162, 0.0), (0.110, 0.122, -0.004), (0.101, 0.078, 0.026))
    parts.append(_arm(paint, "arm_right", raised, spread=1.0, thumb=1.0))
    parts.append(_arm(paint, "arm_left", relaxed, spread=0.35, thumb=-1.0))
    return Model.grounded("robot", parts)


def _body(paint: _Paint) -> Part:
    """Pear-shaped shell: white above, teal below a dark waist line, with a chest light and a collar."""
    kit = Kit()
    upper = spline([(0.0790, 0.1140), (0.0775, 0.1400), (0.0690, 0.1650), (0.0530, 0.1850), (0.0330, 0.1940)], 3)
    lower = spline([(0.0300, 0.0500), (0.0520, 0.0560), (0.0690, 0.0740), (0.0775, 0.0940), (0.0792, 0.1085)], 3)
    lip_up = [(0.0755, 0.1118), (0.0782, 0.1122)]
    lip_low = [(0.0785, 0.1101), (0.0755, 0.1105)]
    kit.add(paint.white, lathe([*lip_up, *upper, (0.0, 0.1955)], 36).at(_BODY_SCALE))
    kit.add(paint.teal, lathe([(0.0, 0.0490), *lower, *lip_low], 36).at(_BODY_SCALE))
    kit.add(paint.dark, lathe([(0.0765, 0.1080), (0.0765, 0.1140)], 28).at(_BODY_SCALE))
    collar = fillet([(0.041, 0.187), (0.042, 0.196), (0.032, 0.200), (0.0, 0.200)], 0.003, 1)
    kit.add(paint.dark, lathe(collar, 24).at(_BODY_SCALE))
    neck = [(0.026 + 0.003 * math.cos(math.pi * k), 0.198 + 0.0030 * k) for k in range(5)]
    kit.add(paint.dark, lathe(neck, 20, crease_deg=70))
    badge = chain(translate(0.0, 0.1440, 0.0682), rotate("x", 79))
    kit.add(paint.orange, torus(0.0130, 0.0024, 24, 6).at(badge))
    kit.add(paint.glass, lathe([(0.0128, -0.002), (0.0125, 0.0008), (0.0, 0.0024)], 24, crease_deg=60).at(badge))
    port = chain(translate(0.0, 0.138, -0.0692), rotate("x", -84))
    kit.add(paint.teal, knob(0.0215, 0.0040, 0.0018, 24, 2).at(port))
    kit.add(paint.dark, knob(0.0150, 0.0050, 0.0012, 20).at(port))
    kit.add(paint.orange, knob(0.0052, 0.0066, 0.0014, 12).at(port))
    bar = _pill(0.0030, 0.0105)
    for k, shift in enumerate((-0.0058, 0.0, 0.0058)):
        length = (0.72, 1.0, 0.72)[k]
        kit.add(paint.eye, bar.at(chain(badge, translate(shift, 0.0022, 0.0), scale(1.0, 1.0, length))))
    kit.add_pair(
        paint.dark, knob(0.0165, 0.021, 0.003, 18, 2).at(chain(translate(0.0570, 0.160, 0.0), rotate("z", -78)))
    )
    return kit.part("body")


def _pill(width: float, length: float) -> Surface:
    """A small domed lozenge lying on XZ."""
    angle = 2 * np.pi * np.arange(10) / 10
    outline = np.column_stack([width / 2 * np.cos(angle), width / 2 * np.sin(angle)])
    outline[:, 1] += np.where(outline[:, 1] > 0, 1, -1) * (length - width) / 2
    return extrude(outline, 0.0022, 0.0008, 1, open_back=True, crease_deg=80).turned("x", -90)


def _on_head(x: Floats, y: Floats, lift: float) -> Floats:
    """Points of the head's front, (..., 3), at lateral positions x, y in units of its half sizes, lifted outwards."""
    p = 2 / _HEAD_POWER
    z = np.maximum(1e-9, 1 - np.abs(x) ** p - np.abs(y) ** p) ** (1 / p)
    radii = np.array(_HEAD)
    point = np.stack([x, y, z], axis=-1) * radii
    slope = np.sign(point) * np.abs(point / radii) ** (p - 1) / radii
    return np.asarray(point + lift * slope / np.sqrt((slope**2).sum(axis=-1, keepdims=True)))


def _decal(outline: Floats, levels: list[tuple[float, float]]) -> Surface:
    """A plate that follows the head's curve: `outline` (N, 2) in head units, shrunk and lifted level by level."""
    centre = outline.mean(axis=0)
    rings = [centre + (outline - centre) * size for size, _ in levels]
    points = np.stack([_on_head(r[:, 0], r[:, 1], lift) for r, (_, lift) in zip(rings, levels, strict=True)])
    return loft(points, crease_deg=75)


def _oval(width: float, height: float, power: float, count: int, x: float = 0.0, y: float = 0.0) -> Floats:
    """Counter-clockwise superellipse outline about (x, y)."""
    t = 2 * np.pi * np.arange(count) / count
    c, s = np.cos(t), np.sin(t)
    c, s = np.where(np.abs(c) < 1e-12, 0.0, c), np.where(np.abs(s) < 1e-12, 0.0, s)
    return np.column_stack([x + width * np.sign(c) * np.abs(c) ** power, y + height * np.sign(s) * np.abs(s) ** power])


def _head(paint: _Paint, pose: Floats) -> Part:
    """Rounded head with a glass visor set in a gasket, glowing eyes and smile, ear discs and an antenna."""
    kit = Kit()
    kit.add(paint.white, _head_shell())
    visor = _oval(0.80, 0.66, 0.62, 40, y=-0.03)
    kit.add(
        paint.dark, _decal(visor, [(1.06, -0.0008), (1.055, 0.0010), (1.035, 0.0018), (1.00, 0.0014), (0.985, 0.0)])
    )
    kit.add(paint.glass, _decal(visor, [(1.0, 0.0004), (0.97, 0.0013), (0.8, 0.0019), (0.45, 0.0023), (0.0, 0.0024)]))
    dome = [(1.0, 0.0016), (0.96, 0.0030), (0.75, 0.0036), (0.0, 0.0038)]
    for x in (-0.32, 0.32):
        kit.add(paint.eye, _decal(_oval(0.105, 0.205, 0.85, 20, x, 0.06), dome))
    t = np.linspace(math.radians(215), math.radians(325), 9)
    smile = np.column_stack([0.15 * np.cos(t), 0.15 * np.sin(t) - 0.19])
    kit.add(paint.eye, tube(_on_head(smile[:, 0], smile[:, 1], 0.0028), 0.0017, 6))
    for y in (-0.16, 0.0, 0.16):
        vent = _decal(_oval(0.20, 0.042, 0.7, 12, y=y), [(1.0, -0.0006), (0.9, 0.0009), (0.0, 0.0011)])
        kit.add(paint.dark, vent.turned("y", 180))
    ear = chain(translate(_HEAD[0] - 0.005, -0.002, 0.0), rotate("z", -90))
    kit.add_pair(paint.teal, knob(0.0265, 0.0125, 0.0045, 26, 2).at(ear))
    kit.add_pair(paint.orange, torus(0.0168, 0.0022, 22, 5).moved(y=0.0120).at(ear))
    kit.add_pair(paint.white, knob(0.0105, 0.0155, 0.003, 16, 1).at(ear))
    top = _HEAD[1] - 0.001
    kit.add(
        paint.teal,
        lathe(
            fillet([(0.017, top - 0.003), (0.015, top + 0.004), (0.006, top + 0.007), (0.0, top + 0.007)], 0.002, 1), 16
        ),
    )
    stem = spline([(0.0, top + 0.004, 0.0), (0.001, top + 0.016, -0.001), (0.004, top + 0.027, -0.005)], 3)
    kit.add(paint.metal, tube(stem, 0.0017, 6))
    kit.add(paint.tip, superellipsoid((0.0068,) * 3, segments=14, rings=8).moved(0.0045, top + 0.031, -0.0062))
    return kit.part("head", pose)


def _head_shell() -> Surface:
    """The head |x/a|^p + |y/b|^p + |z/c|^p = 1, sampled evenly by pushing a subdivided cube onto it."""
    n = 10
    line = np.tan(np.linspace(-np.pi / 4, np.pi / 4, n))
    a, b = (g.ravel() for g in np.meshgrid(line, line, indexing="ij"))
    quad = np.arange(n * n).reshape(n, n)
    q = [quad[:-1, :-1].ravel(), quad[1:, :-1].ravel(), quad[1:, 1:].ravel(), quad[:-1, 1:].ravel()]
    patch = np.concatenate([np.column_stack([q[0], q[1], q[2]]), np.column_stack([q[0], q[2], q[3]])])
    positions: list[Floats] = []
    faces: list[Ints] = []
    for axis in range(3):
        for sign in (1.0, -1.0):
            d = np.empty((n * n, 3))
            d[:, axis], d[:, (axis + 1) % 3], d[:, (axis + 2) % 3] = sign, a, b
            p = 2 / _HEAD_POWER
            size = (np.abs(d) ** p).sum(axis=1, keepdims=True) ** (1 / p)
            faces.append((patch if sign > 0 else patch[:, ::-1]) + len(positions) * n * n)
            positions.append(d / size * np.array(_HEAD))
    return shade(np.concatenate(positions), np.concatenate(faces), crease_deg=80)


def _leg(paint: _Paint, side: float) -> Part:
    """A short bellows leg and a big soft boot, turned out a little."""
    kit = Kit()
    bellows = [(0.0185 + 0.0022 * math.cos(math.pi * k), 0.030 + 0.0042 * k) for k in range(8)]
    kit.add(paint.dark, lathe(bellows, 16, crease_deg=70))
    kit.add(paint.white, _boot(0.0, 1.0, 0.0085, 0.0385))
    kit.add(paint.rubber, _boot(0.0012, 1.0, 0.0, 0.0095))
    cuff = fillet([(0.0150, 0.030), (0.0255, 0.033), (0.0255, 0.041), (0.0150, 0.043)], 0.002, 1)
    kit.add(paint.orange, lathe(cuff, 20))
    toe = superellipsoid((0.0322, 0.0165, 0.0285), 0.85, 0.85, 24, 10)
    kit.add(paint.teal, toe.turned("x", 6).moved(y=0.0190, z=0.0345))
    pose = chain(translate(0.036 * side, 0.0, 0.004), rotate("y", 12 * side))
    return kit.part("leg_left" if side > 0 else "leg_right", pose)


def _boot(grow: float, fullness: float, low: float, high: float) -> Surface:
    """A rounded boot between two heights: stadium-like rings that draw in towards the top."""
    t = 2 * np.pi * np.arange(24) / 24
    c, s = np.cos(t), np.sin(t)
    x = (0.0315 + grow) * np.sign(c) * np.abs(c) ** 0.8
    z = -(0.047 + grow) * np.sign(s) * np.abs(s) ** 0.8 + 0.013
    edge = 0.0025 if high - low < 0.02 else 0.0
    rings, heights = [], np.linspace(0.0, 1.0, 7)
    for h in heights:
        y = low + (high - low) * h
        if edge:
            inner = min(h, 1 - h) * (high - low)
            shrink = 1 - max(0.0, edge - inner) / 0.045
            rings.append(np.column_stack([x * shrink, np.full(24, y), 0.013 + (z - 0.013) * shrink]))
        else:
            draw = math.sqrt(max(0.0, 1 - (0.93 * h) ** 2.4))
            rings.append(np.column_stack([x * draw * fullness, np.full(24, y), 0.013 * draw + (z - 0.013) * draw]))
    return loft(np.stack(rings), cap_start=True, cap_end=True, crease_deg=50)


def _arm(paint: _Paint, name: str, joints: tuple[Point, Point, Point], *, spread: float, thumb: float) -> Part:
    """Shoulder ball, tapered arm, elbow ring, flared forearm with a cuff, and a mitten hand."""
    kit = Kit()
    shoulder, elbow, wrist = joints
    kit.add(paint.white, superellipsoid((0.0185,) * 3, segments=18, rings=10).moved(*shoulder))
    kit.add(paint.dark, limb(shoulder, elbow, 0.0105, 0.0100, 12, 2))
    kit.add(paint.orange, torus(0.0118, 0.0026, 18, 6).at(along(_between(shoulder, elbow, 0.52), elbow)))
    kit.add(paint.dark, superellipsoid((0.0132,) * 3, segments=14, rings=8).moved(*elbow))
    reach = math.dist(elbow, wrist)
    sleeve = [
        (0.0, 0.006),
        (0.0110, 0.006),
        (0.0150, 0.014),
        (0.0172, reach * 0.55),
        (0.0178, reach - 0.004),
        (0.0160, reach),
        (0.0, reach),
    ]
    kit.add(paint.white, lathe(fillet(sleeve, 0.003, 1), 20).at(along(elbow, wrist)))
    cuff = fillet(
        [(0.0175, reach - 0.019), (0.0190, reach - 0.018), (0.0190, reach - 0.008), (0.0175, reach - 0.007)], 0.001, 1
    )
    kit.add(paint.teal, lathe(cuff, 20).at(along(elbow, wrist)))
    _hand(kit, paint, chain(along(elbow, wrist), translate(y=reach)), spread, thumb)
    return kit.part(name)


def _between(a: Point, b: Point, share: float) -> Point:
    x, y, z = (p * (1 - share) + q * share for p, q in zip(a, b, strict=True))
    return x, y, z


def _hand(kit: Kit, paint: _Paint, T: Floats, spread: float, thumb: float) -> None:
    """A rounded palm, three fingers and a thumb along +Y of the frame T; the palm faces Z."""
    kit.add(paint.dark, superellipsoid((0.0165, 0.0150, 0.0105), 0.9, 0.85, 16, 8).moved(y=0.012).at(T))
    for k in (-1, 0, 1):
        fan = math.radians(22 * spread * k)
        base = (0.0098 * k, 0.020 - 0.002 * abs(k), 0.0)
        mid = (base[0] + 0.011 * math.sin(fan), base[1] + 0.011 * math.cos(fan), 0.001)
        tip = (mid[0] + 0.009 * math.sin(fan * 1.1), mid[1] + 0.009 * math.cos(fan * 1.1), 0.004 - 0.003 * spread)
        kit.add(paint.dark, limb(base, mid, 0.0052, 0.0050, 8, 2).at(T))
        kit.add(paint.white, limb(mid, tip, 0.0055, 0.0048, 8, 2).at(T))
    root, end = (0.0120 * thumb, 0.006, 0.001), (0.0235 * thumb, 0.0145, 0.004)
    kit.add(paint.dark, limb(root, end, 0.0056, 0.0050, 8, 2).at(T))
    kit.add(paint.white, limb(_between(root, end, 0.72), end, 0.0058, 0.0054, 8, 2).at(T))
