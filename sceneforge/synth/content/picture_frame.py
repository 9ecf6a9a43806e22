"""The picture frame: 0.40 x 0.30 m, walnut moulding with a gilt slip, bevelled passe-partout and a painting.

Its origin is the centre of the wall side; the picture looks towards +Z.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .curves import fillet
from .materials import Material, brass, linear
from .model import Kit, Model
from .painting import paint
from .shapes import loft
from .surface import Floats, Surface, shade
from .textures import wood

WIDTH, HEIGHT = 0.40, 0.30
_SIGHT = (0.344, 0.244)  # opening of the moulding
_WINDOW = (0.272, 0.172)  # opening of the passe-partout
_ART_SEED = 20


def build() -> Model:
    """The frame, its back on z = 0."""
    kit = Kit()
    grain = wood(256, 256, ["#38261a", "#583d28", "#745237", "#886546"], seed=4)
    walnut = Material("walnut", (1.0, 1.0, 1.0), 0.0, 0.46, texture=grain)
    gilt = brass()
    paper = Material("passe_partout", linear("#f3efe6"), 0.0, 0.92)
    core = Material("board_core", linear("#fffdf8"), 0.0, 0.85)
    canvas = Material("painting", (1.0, 1.0, 1.0), 0.0, 0.6, texture=paint(232, 368, _ART_SEED))
    backing = Material("backing", linear("#6b5540"), 0.0, 0.9)

    # Profile from the back outer edge over the face to the sight edge: (in from the outside, out from the wall).
    outline = [
        (0.0, 0.0),
        (0.0, 0.0145),
        (0.0035, 0.0205),
        (0.0085, 0.0215),
        (0.0125, 0.0185),
        (0.0185, 0.0120),
        (0.0225, 0.0115),
        (0.0250, 0.0135),
        (0.0280, 0.0125),
    ]
    profile = fillet(outline, [0, 0.003, 0.004, 0.004, 0.006, 0.010, 0.003, 0.003, 0], 3)
    for side in range(4):
        kit.add(walnut, _member(profile, side, grain_offset=0.23 * side))
    slip = fillet(
        [(0.0275, 0.0060), (0.0275, 0.0122), (0.0290, 0.0128), (0.0310, 0.0110), (0.0318, 0.0060)],
        [0, 0.0006, 0.0012, 0.002, 0],
        2,
    )
    for side in range(4):
        kit.add(gilt, _member(slip, side, grain_offset=0.0))
    kit.add(paper, _border((0.350, 0.250), _WINDOW, 0.0085, 0.0085))
    kit.add(core, _border(_WINDOW, (_WINDOW[0] - 0.005, _WINDOW[1] - 0.005), 0.0085, 0.0058))
    kit.add(canvas, _sheet(_WINDOW[0] - 0.003, _WINDOW[1] - 0.003, 0.0058))
    kit.add(backing, _sheet(WIDTH - 0.004, HEIGHT - 0.004, 0.0004).turned("y", 180).moved(z=0.0008))
    return Model("picture_frame", (kit.part("picture_frame"),))


def _member(profile: Floats, side: int, grain_offset: float) -> Surface:
    """One of the four mitred sides (0 bottom, then counter-clockwise), its wood grain running along it."""
    long, across = (WIDTH, HEIGHT) if side % 2 == 0 else (HEIGHT, WIDTH)
    inset, depth = profile[:, 0], profile[:, 1]
    ends = []
    for sign in (-1.0, 1.0):
        ends.append(np.column_stack([sign * (long / 2 - inset), inset - across / 2, depth]))
    rings = np.stack(ends)  # two rings along the member; the profile runs across
    surface = loft(rings[:, ::-1], closed=False, crease_deg=38, uv_size=(0.12, 0.40))
    # Grain runs along the image's width, so the member's length is u.
    swapped = np.column_stack([surface.positions[:, 0] / 0.40 + grain_offset, surface.uv[:, 0] + grain_offset * 1.7])
    return replace(surface, uv=swapped).turned("z", 90.0 * side)


def _border(outer: tuple[float, float], inner: tuple[float, float], z_outer: float, z_inner: float) -> Surface:
    """A rectangular band between two rectangles at their heights, facing +Z."""
    corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    points = np.concatenate(
        [
            np.column_stack([corners * outer, np.full(4, z_outer)]),
            np.column_stack([corners * inner, np.full(4, z_inner)]),
        ]
    )
    faces = [f for k in range(4) for f in ((k, (k + 1) % 4, 4 + (k + 1) % 4), (k, 4 + (k + 1) % 4, 4 + k))]
    return shade(points, np.array(faces), crease_deg=10)


def _sheet(width: float, height: float, z: float) -> Surface:
    """A rectangle facing +Z, textured once."""
    x, y = width / 2, height / 2
    points = np.array([(-x, -y, z), (x, -y, z), (x, y, z), (-x, y, z)])
    uv = np.array([(0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
    return shade(points, np.array([(0, 1, 2), (0, 2, 3)]), uv)
