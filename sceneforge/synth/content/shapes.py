"""Shape helpers: lofts, lathes, tubes, bevelled extrusions and rounded solids, all with UVs and shaded normals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .curves import circle, ear_clip, inset, transport_frames
from .surface import Floats, Ints, Surface, along, merge, shade


def loft(
    rings: Floats,
    *,
    closed: bool = True,
    cap_start: bool = False,
    cap_end: bool = False,
    crease_deg: float = 40.0,
    uv_size: tuple[float, float] | None = None,
) -> Surface:
    """Skin through rings, (R, S, 3), that run counter-clockwise about the direction of travel.

    `closed` joins each ring's last point to its first. Caps are fans about the ring's centroid. UV runs 0 to 1 around
    and along (v down, by mean arc length), or in units of `uv_size` metres (around, along).
    """
    if closed:
        rings = np.concatenate([rings, rings[:, :1]], axis=1)
    n_rings, n_side = rings.shape[:2]
    index = np.arange(n_rings * n_side).reshape(n_rings, n_side)
    a, b = index[:-1, :-1].ravel(), index[:-1, 1:].ravel()
    c, d = index[1:, 1:].ravel(), index[1:, :-1].ravel()
    faces = np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, d])])
    uv = _loft_uv(rings, uv_size)
    positions = rings.reshape(-1, 3)
    for end, wanted in ((0, cap_start), (n_rings - 1, cap_end)):
        if not wanted:
            continue
        ring = index[end]
        centre = rings[end, : -1 if closed else None].mean(axis=0)
        hub = np.full(n_side - 1, len(positions))
        positions = np.concatenate([positions, centre[None]])
        uv = np.concatenate([uv, uv[ring[:1]]])
        fan = np.column_stack([hub, ring[1:], ring[:-1]])
        faces = np.concatenate([faces, fan if end == 0 else fan[:, ::-1]])
    return shade(positions, faces, uv, crease_deg=crease_deg)


def _loft_uv(rings: Floats, uv_size: tuple[float, float] | None) -> Floats:
    around = np.sqrt((np.diff(rings, axis=1) ** 2).sum(axis=2))
    along_path = np.sqrt((np.diff(rings, axis=0) ** 2).sum(axis=2)).mean(axis=1)
    u = np.concatenate([[0.0], np.cumsum(around.max(axis=0))])
    v = np.concatenate([[0.0], np.cumsum(along_path)])
    u_unit, v_unit = uv_size if uv_size is not None else (u[-1], v[-1])
    grid_u, grid_v = np.meshgrid(u / u_unit, (v[-1] - v) / v_unit)
    return np.column_stack([grid_u.ravel(), grid_v.ravel()])


def lathe(
    profile: ArrayLike, segments: int = 32, *, crease_deg: float = 40.0, uv_size: tuple[float, float] | None = None
) -> Surface:
    """Revolve (N, 2) points (radius, y) about +Y. Walk the outline upwards on the outside, downwards on the inside."""
    p = np.asarray(profile, dtype=np.float64)
    ring = circle(1.0, segments)
    rings = np.empty((len(p), segments, 3))
    rings[:, :, 0] = p[:, :1] * ring[:, 0]
    rings[:, :, 1] = p[:, 1:]
    rings[:, :, 2] = -p[:, :1] * ring[:, 1]
    return loft(rings, crease_deg=crease_deg, uv_size=uv_size)


def disc(radius: float, height: float, bevel: float, segments: int = 16, steps: int = 1) -> Surface:
    """A round puck with rounded edges, standing on y = 0."""
    arc = [math.pi / 2 * k / steps for k in range(steps + 1)]
    low = [(radius - bevel + bevel * math.sin(t), bevel - bevel * math.cos(t)) for t in arc]
    high = [(radius - bevel + bevel * math.cos(t), height - bevel + bevel * math.sin(t)) for t in arc]
    return lathe([(0.0, 0.0), *low, *high, (0.0, height)], segments)


def knob(radius: float, height: float, bevel: float, segments: int = 16, steps: int = 1) -> Surface:
    """The upper part of a `disc`, open below: for buttons and caps that sit on something."""
    arc = [math.pi / 2 * k / steps for k in range(steps + 1)]
    high = [(radius - bevel + bevel * math.cos(t), height - bevel + bevel * math.sin(t)) for t in arc]
    return lathe([(radius, 0.0), *high, (0.0, height)], segments)


def tube(
    path: ArrayLike,
    radius: float | ArrayLike,
    sides: int = 8,
    *,
    section: Floats | None = None,
    up: Sequence[float] | None = None,
    caps: bool = True,
    crease_deg: float = 50.0,
) -> Surface:
    """Sweep a circle, or a counter-clockwise `section` (S, 2) scaled by `radius`, along an open path, (N, 3).

    `radius` is one number or one per path point. The section's y axis starts along `up`.
    """
    p = np.asarray(path, dtype=np.float64)
    outline = circle(1.0, sides) if section is None else section
    _, normal, side = transport_frames(p, up=up)
    r = np.broadcast_to(np.asarray(radius, dtype=np.float64), (len(p),))[:, None, None]
    # (side, normal) turned so that the ring runs counter-clockwise about the direction of travel.
    rings = p[:, None] + r * (outline[None, :, :1] * -side[:, None] + outline[None, :, 1:] * normal[:, None])
    return loft(rings, cap_start=caps, cap_end=caps, crease_deg=crease_deg)


def limb(
    start: Sequence[float], end: Sequence[float], r_start: float, r_end: float, segments: int = 20, steps: int = 3
) -> Surface:
    """A tapered capsule between two points: hemispheres of both radii joined by a cone."""
    length = math.dist(start, end)
    arc = [math.pi / 2 * k / steps for k in range(steps + 1)]
    low = [(r_start * math.sin(t), -r_start * math.cos(t)) for t in arc]
    high = [(r_end * math.cos(t), length + r_end * math.sin(t)) for t in arc]
    return lathe([*low, *high], segments, crease_deg=60.0).at(along(start, end))


def extrude(
    outline: ArrayLike, depth: float, bevel: float, steps: int = 2, *, open_back: bool = False, crease_deg: float = 32.0
) -> Surface:
    """Extrude a simple counter-clockwise outline, (N, 2) in XY, by `depth` centred on z = 0, with rounded edges.

    `open_back` leaves out the bevel and the cap at -z, for plates that lie on something.
    """
    base = np.asarray(outline, dtype=np.float64)
    turns = [math.pi / 2 * k / steps for k in range(steps + 1)]
    half = [(bevel * (1 - math.sin(t)), -depth / 2 + bevel * (1 - math.cos(t))) for t in turns]
    back = [(0.0, -depth / 2)] if open_back else half
    layers = [*back, *((d, -z) for d, z in reversed(half))]
    rings = np.stack([np.column_stack([inset(base, d), np.full(len(base), z)]) for d, z in layers])
    count = len(base)
    cap = ear_clip(rings[-1, :, :2])
    n_rings = len(rings)
    index = np.arange(n_rings * count).reshape(n_rings, count)
    nxt = np.roll(index, -1, axis=1)
    a, b, c, d = (q.ravel() for q in (index[:-1], nxt[:-1], nxt[1:], index[1:]))
    caps = [cap + (n_rings - 1) * count] if open_back else [cap[:, ::-1], cap + (n_rings - 1) * count]
    faces = np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, d]), *caps])
    positions = rings.reshape(-1, 3)
    low, size = base.min(axis=0), np.ptp(base, axis=0)
    uv = (positions[:, :2] - low) / size
    return shade(positions, faces, np.column_stack([uv[:, 0], 1.0 - uv[:, 1]]), crease_deg=crease_deg)


def rounded_box(x: float, y: float, z: float, radius: float, steps: int = 2) -> Surface:
    """A box of outer size x, y, z centred on the origin whose edges and corners are rounded by `radius`."""
    half = np.array([x, y, z]) / 2 - radius
    lean = np.tan(np.pi / 4 * np.arange(steps + 1) / steps)
    slope = np.concatenate([-lean[::-1], lean])
    side = np.concatenate([-np.ones(steps + 1), np.ones(steps + 1)])
    n = len(slope)
    i, j = (g.ravel() for g in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
    quad = np.arange(n * n).reshape(n, n)
    a, b, c, d = (q.ravel() for q in (quad[:-1, :-1], quad[1:, :-1], quad[1:, 1:], quad[:-1, 1:]))
    patch = np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, d])])
    positions: list[Floats] = []
    faces: list[Ints] = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        for sign in (1.0, -1.0):
            direction, corner = np.empty((n * n, 3)), np.empty((n * n, 3))
            direction[:, axis], direction[:, u], direction[:, v] = sign, slope[i], slope[j]
            corner[:, axis], corner[:, u], corner[:, v] = sign, side[i], side[j]
            direction /= np.sqrt((direction**2).sum(axis=1, keepdims=True))
            faces.append((patch if sign > 0 else patch[:, ::-1]) + len(positions) * n * n)
            positions.append(corner * half + radius * direction)
    return shade(np.concatenate(positions), np.concatenate(faces), crease_deg=60.0)


def superellipsoid(
    radii: Sequence[float], east: float = 1.0, north: float = 1.0, segments: int = 32, rings: int = 18
) -> Surface:
    """|x/a|^(2/e) ... solid about the origin with poles on Y (Barr 1981); exponents below 1 make it boxier."""
    latitude = np.linspace(-np.pi / 2, np.pi / 2, rings + 1)[:, None]
    longitude = 2 * np.pi * np.arange(segments)[None] / segments
    flat = _power(np.cos(latitude), north)
    grid = np.empty((rings + 1, segments, 3))
    grid[:, :, 0] = radii[0] * flat * _power(np.cos(longitude), east)
    grid[:, :, 1] = radii[1] * _power(np.sin(latitude), north)
    grid[:, :, 2] = -radii[2] * flat * _power(np.sin(longitude), east)
    return loft(grid, crease_deg=70.0)


def _power(value: Floats, exponent: float) -> Floats:
    value = np.where(np.abs(value) < 1e-12, 0.0, value)
    return np.asarray(np.sign(value) * np.abs(value) ** exponent, dtype=np.float64)


def ring_of(item: Surface, count: int, axis: str = "y", start_deg: float = 0.0) -> Surface:
    """`count` copies of an item about an axis through the origin."""
    return merge(item.turned(axis, start_deg + 360.0 * k / count) for k in range(count))


def torus(major: float, minor: float, segments: int = 32, sides: int = 10) -> Surface:
    """A ring about +Y centred on the origin."""
    section = circle(minor, sides)
    section[:, 0] += major
    return lathe(np.concatenate([section, section[:1]]), segments, crease_deg=60.0)
