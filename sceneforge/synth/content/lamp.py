"""The lamp: a glazed, turned base on walnut, a brass stem and a lit linen shade; 0.45 m tall."""

from __future__ import annotations

import numpy as np

from .curves import fillet, spline
from .materials import Material, brass, graphite, linear
from .model import Kit, Model
from .shapes import disc, knob, lathe, limb, ring_of, superellipsoid, torus, tube
from .surface import Surface, merge
from .textures import linen, ramp, srgb, to_bytes, wood

_SHADE_LOW, _SHADE_HIGH = (0.1180, 0.258), (0.0760, 0.430)  # (radius, height) of the shade's two rims


def build() -> Model:
    """The lamp, standing on y = 0, lit."""
    kit = Kit()
    gold, dark = brass(), graphite()
    _base(kit, gold, dark)
    _stem(kit, gold, dark)
    _shade(kit, gold)
    return Model.grounded("lamp", [kit.part("lamp")])


def _base(kit: Kit, gold: Material, dark: Material) -> None:
    """Walnut foot with a bead, then a baluster of teal glaze with turned rings."""
    grain = wood(128, 256, ["#2d1a10", "#5b3822", "#835535", "#a06f47"], seed=11)
    walnut = Material("walnut", (1.0, 1.0, 1.0), 0.0, 0.45, texture=grain)
    glaze = Material("teal_glaze", linear("#1d5f68"), 0.0, 0.14)
    kit.add(dark, lathe([(0.0, 0.0), (0.070, 0.0), (0.071, 0.002)], 40))
    foot = [
        (0.071, 0.0015),
        (0.0765, 0.0025),
        (0.0775, 0.012),
        (0.0715, 0.0165),
        (0.0665, 0.0185),
        (0.0645, 0.024),
        (0.030, 0.0255),
    ]
    kit.add(walnut, lathe(fillet(foot, [0, 0.0015, 0.005, 0.003, 0.002, 0.002, 0], 2), 40, uv_size=(0.22, 0.06)))
    kit.add(gold, torus(0.0400, 0.0042, 36, 8).moved(y=0.0275))
    belly = [(0.0365, 0.0290), (0.0440, 0.0360), (0.0545, 0.0560), (0.0585, 0.0820), (0.0545, 0.1080)]
    neck = [(0.0420, 0.1330), (0.0285, 0.1530), (0.0205, 0.1720), (0.0178, 0.1880)]
    kit.add(glaze, lathe(spline([*belly, *neck], 3), 40, crease_deg=60))
    for y, r, thick in ((0.1180, 0.0500, 0.0022), (0.1255, 0.0458, 0.0017)):
        kit.add(glaze, torus(r, thick, 40, 6).moved(y=y))
    collar = [(0.0190, 0.1860), (0.0215, 0.1890), (0.0215, 0.1930), (0.0150, 0.1975), (0.0115, 0.2050), (0.0, 0.2050)]
    kit.add(gold, lathe(fillet(collar, 0.0015, 2), 26))


def _stem(kit: Kit, gold: Material, dark: Material) -> None:
    """Brass stem, socket, glowing bulb, the harp that carries the shade, finial and a pull chain."""
    glow = Material("bulb", linear("#fff1d6"), 0.0, 0.3, emissive=(1.0, 0.80, 0.50))
    kit.add(gold, lathe([(0.0062, 0.200), (0.0062, 0.262)], 16))
    kit.add(gold, disc(0.0098, 0.007, 0.002, 20, 2).moved(y=0.226))
    kit.add(
        dark,
        lathe(
            fillet(
                [(0.0, 0.256), (0.0130, 0.258), (0.0155, 0.272), (0.0155, 0.292), (0.0120, 0.296), (0.0, 0.296)],
                0.002,
                2,
            ),
            24,
        ),
    )
    bulb = spline(
        [(0.0115, 0.2950), (0.0135, 0.3060), (0.0230, 0.3250), (0.0272, 0.3450), (0.0215, 0.3640), (0.0, 0.3725)], 3
    )
    kit.add(glow, lathe(bulb, 22, crease_deg=80))
    bow = [(0.0130, 0.262, 0.0), (0.0330, 0.285, 0.0), (0.0400, 0.340, 0.0), (0.0300, 0.395, 0.0), (0.0, 0.4225, 0.0)]
    wire = tube(spline(bow, 4), 0.0016, 5)
    kit.add_pair(gold, wire)
    spoke = tube([(0.004, 0.4245, 0.0), (0.040, 0.4250, 0.0), (0.0752, 0.4275, 0.0)], 0.0014, 5)
    kit.add(gold, ring_of(spoke, 3, "y", 30.0))
    kit.add(gold, knob(0.0105, 0.006, 0.002, 20, 2).moved(y=0.4215))
    finial = [(0.0030, 0.4260), (0.0034, 0.4310), (0.0062, 0.4365), (0.0068, 0.4410), (0.0040, 0.4475), (0.0, 0.4500)]
    kit.add(gold, lathe(spline(finial, 3), 18, crease_deg=70))
    kit.add(gold, _chain(), limb((0.034, 0.2115, 0.030), (0.034, 0.2025, 0.030), 0.0032, 0.0044, 12))


def _chain() -> Surface:
    """A beaded pull chain from the socket, over the stem's side, hanging below the shade."""
    bead = superellipsoid((0.0017,) * 3, segments=5, rings=3)
    path = spline(
        [(0.0150, 0.2800, 0.0130), (0.0290, 0.2790, 0.0255), (0.0340, 0.2600, 0.0300), (0.0340, 0.2150, 0.0300)], 5
    )
    thread = tube(path, 0.0007, 4)
    return merge([thread, *(bead.moved(*point) for point in path)])


def _shade(kit: Kit, gold: Material) -> None:
    """Linen cone with real thickness, rolled hems, and light soaking through the cloth around the bulb."""
    cloth = linen(192, "#f0dfc2", seed=5)
    height = np.linspace(1.0, 0.0, 64)  # image rows run from the top rim (v = 0) downwards
    soak = np.exp(-(((height - 0.50) / 0.34) ** 2))[:, None]
    warm = ramp(np.broadcast_to(soak, (64, 4)), [srgb("#8a4a1c"), srgb("#d98a45"), srgb("#ffd190")])
    outer = Material("shade_linen", (1.0, 1.0, 1.0), 0.0, 0.9, (0.62, 0.52, 0.40), texture=cloth, glow=to_bytes(warm))
    lining = Material("shade_lining", linear("#fff0d8"), 0.0, 0.9, (0.80, 0.62, 0.40), double_sided=True)
    hem = Material("shade_hem", linear("#b98f5e"), 0.0, 0.85, (0.10, 0.06, 0.03))
    (r0, y0), (r1, y1) = _SHADE_LOW, _SHADE_HIGH
    rows = np.linspace(0.0, 1.0, 7)[:, None]
    wall = np.array([[r0, y0]]) * (1 - rows) + np.array([[r1, y1]]) * rows
    # A slight waist: stretched cloth draws in between its wire rings.
    wall[:, 0] -= 0.0022 * np.sin(np.pi * rows[:, 0])
    # The weave repeats four times around; the glow map is even around, so both share one set of coordinates.
    kit.add(outer, lathe(wall, 48, uv_size=(2 * np.pi * r0 / 4, float(np.hypot(r0 - r1, y1 - y0)))))
    kit.add(lining, lathe(wall[::-1] - (0.0016, 0.0), 48))
    for r, y in (_SHADE_LOW, _SHADE_HIGH):
        band = [(r + 0.0006, y - 0.0035), (r + 0.0010, y - 0.0005), (r + 0.0002, y + 0.0040)]
        edge = [(-0.0022, 0.0040), (-0.0026, -0.0030), (-0.0010, -0.0048)]
        ring = [*band, *((r + dr, y + dy) for dr, dy in edge), band[0]]
        kit.add(hem, lathe(ring, 48, crease_deg=60))
    kit.add(gold, torus(r1 - 0.0034, 0.0013, 36, 5).moved(y=y1 - 0.002))
