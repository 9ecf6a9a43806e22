"""The rover: a six-wheel exploration rover with rocker-bogie legs, 0.22 x 0.28 x 0.29 m."""

from __future__ import annotations

import math

import numpy as np

from .curves import fillet, rounded_rectangle, spline
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
from .model import Kit, Model, Part, PartMesh
from .shapes import disc, extrude, knob, lathe, limb, loft, ring_of, rounded_box, tube
from .surface import Surface, chain, merge, rotate, translate

_WHEEL_RADIUS = 0.034
_TRACK = 0.092  # wheel centre from the middle plane
_AXLES = {"front": 0.110, "middle": 0.002, "rear": -0.110}
_BELLY, _SHOULDER, _DECK = 0.074, 0.098, 0.129  # heights of the hull's bottom, paint line and top
_MAST = (0.020, 0.0, 0.072)
_DISH = (-0.040, 0.0, -0.080)
_SIDEWAYS = rotate("y", -90)  # outlines drawn as (z, y), extruded along X
_OUTWARDS = rotate("z", -90)  # lathes and discs laid so that their top faces +X


class _Paint:
    """One set of materials, so that all parts share them."""

    def __init__(self) -> None:
        self.white, self.teal, self.orange = shell_white(), livery_teal(), accent_orange()
        self.dark, self.rubber, self.metal, self.glass = graphite(), rubber(), aluminium(), glass_black()
        self.cell = Material("solar_cell", linear("#182c57"), 0.35, 0.16)
        self.lamp = Material("headlamp", linear("#fff4dc"), 0.0, 0.2, emissive=(0.9, 0.78, 0.55))


def build() -> Model:
    """The rover, standing on y = 0."""
    paint = _Paint()
    wheel = _wheel(paint)
    parts: list[Part] = [_hull(paint), _deck(paint), _mast(paint), _head(paint), _antennas(paint), _legs(paint)]
    for side, x, turn in (("left", _TRACK, 0.0), ("right", -_TRACK, 180.0)):
        for place, z in _AXLES.items():
            pose = chain(translate(x, _WHEEL_RADIUS, z), rotate("y", turn))
            parts.append(Part(f"wheel_{place}_{side}", wheel, pose))
    return Model.grounded("rover", parts)


def _wheel(paint: _Paint) -> PartMesh:
    """A wheel about the X axis, outer face towards +X: crowned tyre, chevron grousers, dished hub with six spokes."""
    kit = Kit()
    rim = _WHEEL_RADIUS - 0.0022
    tyre = [(0.0239, -0.0147), (0.0268, -0.0162), (rim - 0.0008, -0.0150), (rim, 0.0)]
    tyre += [(r, -y) for r, y in reversed(tyre[:-1])]
    kit.add(paint.rubber, lathe(tyre, 24, crease_deg=35).at(_OUTWARDS))
    kit.add(paint.rubber, ring_of(_grouser(rim), 14, "x"))
    kit.add(
        paint.metal, lathe([(0.0250, 0.0150), (0.0236, 0.0135), (0.0236, -0.0135), (0.0250, -0.0150)], 16).at(_OUTWARDS)
    )
    dish = [(0.0110, -0.0090), (0.0245, -0.0090), (0.0236, -0.0040), (0.0100, -0.0010)]
    kit.add(paint.dark, lathe(dish, 16, crease_deg=50).at(_OUTWARDS))
    blade = [(0.0060, -0.0040), (0.0238, -0.0024), (0.0238, 0.0024), (0.0060, 0.0040)]
    spoke = extrude(blade, 0.0060, 0.0011, 1, open_back=True).turned("y", 90).turned("z", -8).moved(x=0.0066)
    kit.add(paint.metal, ring_of(spoke, 6, "x"))
    hub = [(0.0098, -0.0010), (0.0098, 0.0108), (0.0088, 0.0120), (0.0060, 0.0120), (0.0052, 0.0105)]
    kit.add(paint.orange, lathe(hub, 12).at(_OUTWARDS))
    kit.add(paint.metal, knob(0.0052, 0.0030, 0.0012, 8).moved(y=0.0104).at(_OUTWARDS))
    motor = [(0.0, -0.017), (0.0105, -0.017), (0.0125, -0.014), (0.0125, -0.008)]
    kit.add(paint.dark, lathe(motor, 12).at(_OUTWARDS))
    return kit.mesh("wheel")


def _grouser(rim: float) -> Surface:
    """One chevron bar of the tread, at the top of a wheel about X, open where it meets the tyre."""
    half, lead = 0.0150, 0.0042
    rings = []
    for x, z, base, top in (
        (-half, -lead, -0.0030, 0.0011),
        (0.0, lead, -0.0020, 0.0022),
        (half, -lead, -0.0030, 0.0011),
    ):
        section = [(0.0024, base), (0.0014, top), (-0.0014, top), (-0.0024, base)]
        rings.append([(x, rim + y, z + dz) for dz, y in section])
    return loft(np.array(rings)[::-1], closed=False, cap_start=True, cap_end=True, crease_deg=25)


def _hull(paint: _Paint) -> Part:
    """Body: teal belly, dark waist groove, white upper shell, side panels, nose with headlamps, radiator behind."""
    kit = Kit()

    def slab(points: list[tuple[float, float]], width: float, bevel: float) -> Surface:
        return extrude(fillet(points, 0.005, 2, closed=True), width, bevel, 2).at(_SIDEWAYS)

    low, high = _SHOULDER - 0.001, _SHOULDER + 0.0015
    belly = [(-0.100, 0.086), (-0.086, _BELLY), (0.066, _BELLY), (0.106, 0.088), (0.112, low), (-0.104, low)]
    upper = [(-0.106, high), (0.1135, high), (0.116, 0.106), (0.094, _DECK), (-0.098, _DECK), (-0.106, 0.119)]
    kit.add(paint.teal, slab(belly, 0.112, 0.0026))
    kit.add(paint.dark, rounded_box(0.106, 0.008, 0.206, 0.002, 1).moved(y=_SHOULDER, z=0.003))
    kit.add(paint.white, slab(upper, 0.118, 0.0045))
    panel = extrude(rounded_rectangle(0.074, 0.0185, 0.004, 2), 0.003, 0.0012, open_back=True)
    kit.add_pair(paint.white, panel.turned("y", 90).moved(0.0592, 0.1145, -0.050))
    for k, material in ((0, paint.orange), (1, paint.teal)):
        stripe = [(z + 0.0165 * k, y) for z, y in ((0.002, 0.1055), (0.014, 0.1055), (0.028, 0.1235), (0.016, 0.1235))]
        plate = extrude([(-z, y) for z, y in reversed(stripe)], 0.0016, 0.0005, 1, open_back=True)
        kit.add_pair(material, plate.turned("y", 90).moved(x=0.0592))
    screw = knob(0.0015, 0.0010, 0.0005, 5).at(_OUTWARDS)
    kit.add_pair(paint.metal, *(screw.moved(0.0606, y, z) for y, z in ((0.108, -0.083), (0.121, -0.017))))
    slot = extrude(rounded_rectangle(0.020, 0.0042, 0.0020, 1), 0.0016, 0.0006, 1, open_back=True).turned("x", -90)
    kit.add(paint.dark, *(slot.moved(-0.031, _DECK + 0.0006, 0.068 + 0.0075 * k) for k in range(3)))
    _nose(kit, paint)
    _radiator(kit, paint)
    return kit.part("hull")


def _nose(kit: Kit, paint: _Paint) -> None:
    """Sloped nose plate with two headlamps in dark bezels, and a bumper bar below."""
    face = chain(translate(0.0, 0.1175, 0.1055), rotate("x", -math.degrees(math.atan2(0.022, _DECK - 0.106))))
    bezel = extrude(rounded_rectangle(0.086, 0.017, 0.007, 3), 0.004, 0.0014, open_back=True)
    kit.add(paint.dark, bezel.at(face))
    for x in (-0.029, 0.029):
        pose = chain(face, translate(x, 0, 0.0008), rotate("x", 90))
        kit.add(paint.metal, lathe([(0.0066, 0.0), (0.0066, 0.0042), (0.0056, 0.0048), (0.0048, 0.0034)], 14).at(pose))
        kit.add(paint.lamp, lathe([(0.0050, 0.0030), (0.0036, 0.0042), (0.0, 0.0047)], 14, crease_deg=80).at(pose))
    kit.add(paint.orange, rounded_box(0.026, 0.0030, 0.0030, 0.0012, 1).at(chain(face, translate(0, 0, 0.0022))))
    bar = fillet(
        [(-0.046, 0.083, 0.084), (-0.046, 0.083, 0.1185), (0.046, 0.083, 0.1185), (0.046, 0.083, 0.084)], 0.014, 3
    )
    kit.add(paint.metal, tube(bar, 0.0032, 7))
    grip = limb((-0.020, 0.083, 0.1185), (0.020, 0.083, 0.1185), 0.0046, 0.0046, 8, 2)
    kit.add(paint.dark, grip)


def _radiator(kit: Kit, paint: _Paint) -> None:
    """A finned power unit slung off the back."""
    kit.add(paint.dark, rounded_box(0.060, 0.030, 0.014, 0.004, 1).moved(y=0.104, z=-0.110))
    fin = extrude(rounded_rectangle(0.026, 0.034, 0.005, 1), 0.0022, 0.0008, 1).turned("y", 90)
    kit.add(paint.metal, merge(fin.moved(x=-0.0245 + 0.01225 * k, y=0.105, z=-0.1235) for k in range(5)))
    kit.add(paint.orange, rounded_box(0.066, 0.005, 0.006, 0.002, 1).moved(y=0.119, z=-0.114))


def _deck(paint: _Paint) -> Part:
    """Solar deck: a white tray with rounded corners and a grid of blue cells, wings dipping at the sides."""
    kit = Kit()
    lay = rotate("x", -90)
    tray = fillet([(-0.066, -0.058), (0.066, -0.058), (0.066, 0.106), (-0.066, 0.106)], 0.008, 2, closed=True)
    kit.add(paint.white, extrude(tray, 0.0055, 0.0018).at(lay).moved(y=_DECK + 0.0035))
    kit.add(paint.dark, rounded_box(0.104, 0.006, 0.140, 0.002, 1).moved(y=_DECK, z=-0.024))
    half, notch = (0.0142, 0.0122), 0.003
    chip = [(-half[0], -half[1]), (half[0] - notch, -half[1]), (half[0], notch - half[1]), half, (-half[0], half[1])]
    cell = extrude(chip, 0.0018, 0.0006, 1, open_back=True).at(lay)
    for k in range(4):
        for row in range(6):
            place = cell if (k + row) % 2 == 0 else cell.turned("y", 180)
            kit.add(paint.cell, place.moved(-0.0462 + 0.0308 * k, _DECK + 0.0066, -0.0905 + 0.0266 * row))
    outline = fillet([(0, -0.050), (0.030, -0.040), (0.030, 0.040), (0, 0.050)], 0.005, 2, closed=True)
    strip = extrude(
        [(0.004, -0.018), (0.0255, -0.018), (0.0255, 0.018), (0.004, 0.018)], 0.0018, 0.0006, 1, open_back=True
    )
    pose = chain(translate(0.0675, _DECK + 0.0035, -0.028), rotate("z", -9), lay)
    kit.add_pair(paint.white, extrude(outline, 0.0040, 0.0014).at(pose))
    kit.add_pair(paint.cell, *(strip.at(chain(pose, translate(0, y, 0.0026))) for y in (-0.0195, 0.0195)))
    hinge = [(0.0668, _DECK + 0.0045, -0.066), (0.0668, _DECK + 0.0045, 0.010)]
    kit.add_pair(paint.metal, tube(hinge, 0.0026, 8))
    return kit.part("solar_deck")


def _mast(paint: _Paint) -> Part:
    """Mast from a collar on the hood, with the cable that winds up it."""
    kit = Kit()
    foot = _DECK - 0.001
    collar = [
        (0.0175, foot),
        (0.0175, foot + 0.004),
        (0.0105, foot + 0.008),
        (0.0105, foot + 0.016),
        (0.0, foot + 0.016),
    ]
    kit.add(paint.dark, lathe(fillet(collar, 0.0016, 1), 16).moved(*_MAST))
    kit.add(paint.metal, lathe([(0.0066, foot + 0.010), (0.0060, 0.236)], 16).moved(*_MAST))
    for y, material, r in ((0.176, paint.orange, 0.0088), (0.188, paint.dark, 0.0082), (0.229, paint.dark, 0.0100)):
        kit.add(material, disc(r, 0.009, 0.0022, 16).moved(_MAST[0], y, _MAST[2]))
    turns = np.linspace(0, 2.6 * 2 * np.pi, 18)
    radius = 0.0086 + 0.0012 * np.sin(turns * 0.5) ** 2
    climb = np.linspace(foot + 0.016, 0.231, 18)
    cable = np.column_stack([_MAST[0] + radius * np.cos(turns), climb, _MAST[2] + radius * np.sin(turns)])
    lead = [(0.052, foot + 0.004, 0.045), (0.050, foot + 0.012, 0.056), (0.036, foot + 0.014, 0.066)]
    kit.add(paint.dark, tube(spline(np.concatenate([lead, cable]), 2), 0.0015, 4))
    return kit.part("mast")


def _head(paint: _Paint) -> Part:
    """The twin-camera head, glancing a little to its right and down."""
    kit = Kit()
    outline = [(-0.043, -0.013), (0.043, -0.013), (0.043, 0.010), (0.034, 0.018), (-0.034, 0.018), (-0.043, 0.010)]
    kit.add(paint.white, extrude(fillet(outline, 0.006, 2, closed=True), 0.036, 0.005, 2))
    mask = extrude(rounded_rectangle(0.076, 0.0235, 0.0095, 4), 0.006, 0.0018, open_back=True)
    kit.add(paint.dark, mask.moved(y=0.001, z=0.0172))
    for x in (-0.0205, 0.0205):
        pose = chain(translate(x, 0.001, 0.0175), rotate("x", 90))
        barrel = [(0.0112, 0.0), (0.0112, 0.0105), (0.0104, 0.0115), (0.0088, 0.0115), (0.0082, 0.0080)]
        kit.add(paint.metal, lathe(barrel, 20).at(pose))
        lens = [(0.0084, 0.0078), (0.0066, 0.0096), (0.0036, 0.0106), (0.0, 0.0110)]
        kit.add(paint.glass, lathe(lens, 20, crease_deg=80).at(pose))
        kit.add(paint.lamp, lathe([(0.0017, 0.0105), (0.0010, 0.0114), (0.0, 0.0116)], 10, crease_deg=80).at(pose))
    hood = fillet([(-0.038, 0.0), (0.038, 0.0), (0.038, 0.017), (-0.038, 0.017)], 0.004, 2, closed=True)
    kit.add(paint.teal, extrude(hood, 0.0030, 0.0011).at(chain(translate(0, 0.0175, 0.011), rotate("x", 97))))
    kit.add(paint.teal, rounded_box(0.060, 0.004, 0.026, 0.0015, 1).moved(y=0.0178, z=-0.002))
    kit.add_pair(paint.orange, knob(0.0072, 0.004, 0.0014, 14, 2).at(_OUTWARDS).moved(0.0425, 0.0005, -0.002))
    kit.add(paint.dark, rounded_box(0.018, 0.012, 0.018, 0.003, 1).moved(y=-0.016))
    vent = extrude(rounded_rectangle(0.050, 0.013, 0.004, 2), 0.0024, 0.0009, 1, open_back=True).turned("y", 180)
    kit.add(paint.dark, vent.moved(y=0.001, z=-0.0188))
    kit.add(paint.orange, rounded_box(0.010, 0.0026, 0.0026, 0.0012, 1).moved(0.013, 0.001, -0.0198))
    return kit.part("head", chain(translate(_MAST[0], 0.2575, _MAST[2]), rotate("y", -12), rotate("x", 7)))


def _antennas(paint: _Paint) -> Part:
    """High-gain dish on a gimbal at the rear right, whip at the rear left."""
    kit = Kit()
    foot = _DECK + 0.005
    kit.add(paint.dark, knob(0.010, 0.008, 0.002).moved(_DISH[0], foot, _DISH[2]))
    kit.add(paint.metal, tube([(_DISH[0], foot + 0.006, _DISH[2]), (_DISH[0], 0.160, _DISH[2])], 0.0036, 10))
    outside = [(0.0, -0.0100), (0.012, -0.0080), (0.024, -0.0030), (0.0325, 0.0045), (0.0340, 0.0056)]
    inside = [(0.0320, 0.0060), (0.0235, -0.0014), (0.012, -0.0062), (0.0, -0.0080)]
    pose = chain(translate(_DISH[0], 0.174, _DISH[2] + 0.006), rotate("y", -30), rotate("x", 52))
    kit.add(paint.white, lathe([*outside, *inside], 22, crease_deg=50).at(pose))
    kit.add(paint.orange, lathe([(0.0, 0.012), (0.0032, 0.013), (0.0026, 0.0175), (0.0, 0.018)], 10).at(pose))
    for k in range(3):
        angle = 2 * math.pi * k / 3
        strut = [(0.025 * math.cos(angle), -0.001, 0.025 * math.sin(angle)), (0.0, 0.0150, 0.0)]
        kit.add(paint.metal, tube(strut, 0.0008, 4).at(pose))
    kit.add(paint.dark, limb((-0.0055, 0, 0), (0.0055, 0, 0), 0.0050, 0.0050, 8, 2).moved(_DISH[0], 0.1575, _DISH[2]))
    whip = spline([(0.050, foot, -0.092), (0.0505, 0.170, -0.094), (0.053, 0.222, -0.100), (0.0585, 0.262, -0.110)], 4)
    kit.add(paint.dark, tube(whip, np.linspace(0.0016, 0.0007, len(whip)), 6))
    kit.add(
        paint.dark, lathe([(0.006, 0.0), (0.006, 0.006), (0.0025, 0.014), (0.0, 0.014)], 12).moved(0.050, foot, -0.092)
    )
    kit.add(paint.orange, limb((0.0585, 0.262, -0.110), (0.0587, 0.2625, -0.1103), 0.0032, 0.0032, 8, 2))
    return kit.part("antennas")


def _legs(paint: _Paint) -> Part:
    """Rocker and bogie arms, pivots, wheel forks and the cables that run down them."""
    kit = Kit()
    x, axle = 0.0685, _WHEEL_RADIUS
    front, middle, rear = _AXLES["front"], _AXLES["middle"], _AXLES["rear"]
    pivot, bogie = (x, 0.089, 0.026), (x, 0.069, -0.052)
    section = rounded_rectangle(0.0075, 0.0125, 0.0028, 1)

    def arm(points: list[tuple[float, float, float]], bend: float) -> Surface:
        return tube(fillet(points, bend, 3), 1.0, section=section, up=(0, 1, 0.2), crease_deg=60)

    kit.add_pair(paint.white, arm([pivot, (x, 0.098, 0.070), (x, 0.082, front - 0.006), (x, axle, front)], 0.014))
    kit.add_pair(paint.white, arm([pivot, (x, 0.087, -0.020), bogie], 0.012))
    kit.add_pair(paint.teal, arm([bogie, (x, 0.064, -0.018), (x, axle, middle)], 0.016))
    kit.add_pair(paint.teal, arm([bogie, (x, 0.070, rear + 0.010), (x, axle, rear)], 0.014))
    for (_, y, z), r in ((pivot, 0.0135), (bogie, 0.0105)):
        kit.add_pair(paint.dark, disc(r, 0.016, 0.0025, 16).at(_OUTWARDS).moved(x - 0.009, y, z))
        kit.add_pair(paint.orange, knob(r * 0.62, 0.004, 0.0014, 14).at(_OUTWARDS).moved(x + 0.006, y, z))
    motor = knob(0.0115, 0.012, 0.0025, 12).at(rotate("z", 90))
    kit.add_pair(paint.dark, *(motor.moved(x + 0.006, axle, z) for z in _AXLES.values()))
    kit.add_pair(paint.dark, disc(0.0095, 0.012, 0.002, 14).moved(x, 0.056, front - 0.003))
    power = [
        (0.060, 0.093, 0.050),
        (0.0745, 0.106, 0.066),
        (0.0745, 0.101, 0.090),
        (0.0745, 0.078, 0.1095),
        (0.072, 0.052, 0.111),
    ]
    kit.add_pair(paint.dark, tube(spline(power, 3), 0.0014, 4))
    sense = [
        (0.061, 0.084, -0.030),
        (0.0735, 0.081, -0.050),
        (0.0745, 0.078, -0.080),
        (0.0735, 0.058, -0.105),
        (0.070, 0.045, -0.109),
    ]
    kit.add_pair(paint.orange, tube(spline(sense, 3), 0.0013, 4))
    return kit.part("rocker_bogie")
