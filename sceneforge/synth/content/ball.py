"""The ball: 0.22 m, thirty-two puffed panels of a truncated icosahedron with sunk seams."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

from .materials import Material, linear
from .model import Kit, Model
from .shapes import superellipsoid
from .surface import Floats, Ints, Surface, rotate, shade

RADIUS = 0.11
_EDGE_CUTS = 4  # points per panel edge
# Rings of a panel: (share of the way from its middle to its corners, metres sunk below the sphere).
_LEVELS = ((0.0, 0.0), (0.47, 0.0), (0.57, 0.0), (0.82, 0.0), (0.90, 0.0010), (0.945, 0.0024), (0.97, 0.0052))
_PRINT = (1, 2)  # the printed ring lies between these levels


def build() -> Model:
    """The ball, resting on y = 0."""
    cream = Material("ball_cream", linear("#f1ebdd"), 0.0, 0.42)
    teal = Material("ball_teal", linear("#17606b"), 0.0, 0.4)
    orange = Material("ball_orange", linear("#f0702a"), 0.0, 0.4)
    navy = Material("ball_navy", linear("#17303d"), 0.0, 0.4)
    seam = Material("ball_seam", linear("#20262b"), 0.0, 0.8)

    pentagons, hexagons = _panels()
    kit = Kit()
    kit.add(seam, superellipsoid((RADIUS * 0.966,) * 3, segments=32, rings=16))
    for corners in hexagons:
        centre, ring, field = _panel(corners, soft=1.0)
        kit.add(cream, centre, field)
        kit.add(teal, ring)
    for corners in pentagons:
        centre, ring, field = _panel(corners, soft=0.6)
        kit.add(orange, centre)
        kit.add(cream, ring)
        kit.add(navy, field)
    return Model.grounded("ball", [kit.part("ball")])


def _panels() -> tuple[list[Floats], list[Floats]]:
    """Unit corner directions of the 12 pentagons (5, 3) and 20 hexagons (6, 3), a hexagon straight down."""
    phi = (1 + math.sqrt(5)) / 2
    points = np.array([(0, a, b * phi) for a in (1, -1) for b in (1, -1)], dtype=np.float64)
    ico = np.concatenate([np.roll(points, k, axis=1) for k in range(3)])
    ico /= math.sqrt(1 + phi * phi)
    distance = np.sqrt(((ico[:, None] - ico[None]) ** 2).sum(axis=2))
    edge = float(distance[distance > 1e-6].min())
    near = np.abs(distance - edge) < 1e-6
    triples = [t for t in combinations(range(12), 3) if all(near[i, j] for i, j in combinations(t, 2))]
    spin = _down(ico[list(triples[0])].mean(axis=0))

    def third(i: int, j: int) -> Floats:
        return np.asarray(ico[i] * 2 / 3 + ico[j] / 3)

    pentagons = [np.array([third(i, int(j)) for j in np.flatnonzero(near[i])]) for i in range(12)]
    hexagons = [np.array([third(i, j) for i in t for j in t if i != j]) for t in triples]
    return [_sorted(p) @ spin.T for p in pentagons], [_sorted(h) @ spin.T for h in hexagons]


def _down(direction: Floats) -> Floats:
    """(3, 3) rotation that takes a direction to -Y, then turns it so that a pentagon faces the front and up."""
    y = -direction / math.sqrt(float(direction @ direction))
    x = np.cross(y, (0.0, 0.0, 1.0))
    x /= math.sqrt(float(x @ x))
    return np.asarray(rotate("y", 18.0)[:3, :3] @ np.stack([x, y, np.cross(x, y)]))


def _sorted(corners: Floats) -> Floats:
    """Corners counter-clockwise seen from outside."""
    normal = corners.mean(axis=0)
    normal /= math.sqrt(float(normal @ normal))
    x = corners[0] - normal * float(corners[0] @ normal)
    y = np.cross(normal, x)
    return np.asarray(corners[np.argsort(np.arctan2(corners @ y, corners @ x))])


def _panel(corners: Floats, soft: float) -> list[Surface]:
    """One puffed panel as bands from the middle outwards: centre, printed ring, field with its turned-down edge.

    `soft` turns the print from the panel's own outline (0) to a circle (1).
    """
    nxt = np.roll(corners, -1, axis=0)
    t = np.arange(_EDGE_CUTS) / _EDGE_CUTS
    rim = (corners[:, None] * (1 - t[:, None]) + nxt[:, None] * t[:, None]).reshape(-1, 3)
    middle = corners.mean(axis=0)
    span = np.sqrt(((rim - middle) ** 2).sum(axis=1, keepdims=True))
    circle = (rim - middle) * (span.min() / span)
    rings = []
    for reach, drop in _LEVELS:
        share = soft if reach < 0.7 else 0.0
        flat = middle + ((rim - middle) * (1 - share) + circle * share) * reach
        unit = flat / np.sqrt((flat**2).sum(axis=1, keepdims=True))
        rings.append(unit * (RADIUS - drop))
    positions, faces = _bands(np.stack(rings))
    per_ring = 2 * len(rim)
    spans = ((0, _PRINT[0]), (_PRINT[0], _PRINT[1]), (_PRINT[1], len(_LEVELS) - 1))
    return [shade(positions, faces[per_ring * low : per_ring * high], crease_deg=60.0) for low, high in spans]


def _bands(rings: Floats) -> tuple[Floats, Ints]:
    """Vertices and faces of concentric rings, faces ordered ring by ring (two per rim point)."""
    count, n = rings.shape[:2]
    index = np.arange(count * n).reshape(count, n)
    nxt = np.roll(index, -1, axis=1)
    per_ring = [
        np.concatenate(
            [np.column_stack([index[k], index[k + 1], nxt[k + 1]]), np.column_stack([index[k], nxt[k + 1], nxt[k]])]
        )
        for k in range(count - 1)
    ]
    return rings.reshape(-1, 3), np.concatenate(per_ring)
