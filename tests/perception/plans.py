"""Rooms built from a plan, with exact truth: walls with rectangular gaps, floors and ceilings of any outline."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from sceneforge.core import Mesh, RoomCapture
from sceneforge.core.arrays import Float64

Gap = tuple[float, float, float, float]
"""(from, to, bottom, top): metres along the wall from its first end, and above the floor."""


def wall(a: Sequence[float], b: Sequence[float], height: float, gaps: Sequence[Gap] = (), *, base: float = 0.0) -> Mesh:
    """An upright wall from plan point a to b [x, z]; its free side lies towards (b - a) x up: +z if along +x."""
    start, end = np.asarray(a, float), np.asarray(b, float)
    length = float(np.linalg.norm(end - start))
    u = (end - start) / length
    s = sorted({0.0, length, *(e for g in gaps for e in g[:2])})
    h = sorted({base, height, *(e for g in gaps for e in g[2:])})
    quads = []
    for s0, s1 in pairwise(s):
        for h0, h1 in pairwise(h):
            ms, mh = (s0 + s1) / 2, (h0 + h1) / 2
            if h0 < base or any(g[0] < ms < g[1] and g[2] < mh < g[3] for g in gaps):
                continue
            p0, p1 = start + u * s0, start + u * s1
            quads.append([(p0[0], h0, p0[1]), (p1[0], h0, p1[1]), (p1[0], h1, p1[1]), (p0[0], h1, p0[1])])
    return _quads(quads)


def level(outline: Sequence[Sequence[float]], y: float, *, up: bool = True) -> Mesh:
    """A floor (or, with `up` False, a ceiling) over a plan outline."""
    import shapely

    faces, vertices = [], []
    for tri in shapely.constrained_delaunay_triangles(shapely.Polygon(outline)).geoms:
        ring = np.asarray(tri.exterior.coords)[:3]
        p = np.stack([ring[:, 0], np.full(3, y), ring[:, 1]], axis=1)
        if (np.cross(p[1] - p[0], p[2] - p[0])[1] > 0) != up:
            p = p[::-1]
        faces.append(np.arange(3) + len(vertices) * 3)
        vertices.append(p)
    return Mesh(np.concatenate(vertices).astype(np.float32), np.array(faces, np.int32))


def slab(a: Sequence[float], b: Sequence[float], height: float) -> list[Mesh]:
    """A block on the floor between plan corners a and b [x, z]: its top and four sides."""
    (x0, z0), (x1, z1) = a, b
    ring = [(x0, z0), (x1, z0), (x1, z1), (x0, z1)]
    return [level(ring, height), *(wall(ring[(i + 1) % 4], ring[i], height) for i in range(4))]


def shell(
    outline: Sequence[Sequence[float]], height: float, gaps: dict[int, Sequence[Gap]] | None = None
) -> list[Mesh]:
    """Floor, ceiling and walls of a room; wall i runs from corner i to i + 1 and faces the inside."""
    import shapely

    ring = np.asarray(outline, float)
    assert shapely.Polygon(ring).exterior.is_ccw, "give corners with positive shoelace area in (x, z)"
    parts = [level(outline, 0.0), level(outline, height, up=False)]
    for i in range(len(ring)):
        parts.append(wall(ring[i], ring[(i + 1) % len(ring)], height, (gaps or {}).get(i, ())))
    return parts


def capture(parts: Sequence[Mesh]) -> RoomCapture:
    """A room capture of the joined parts, Y up."""
    offset, vertices, faces = 0, [], []
    for m in parts:
        vertices.append(m.vertices)
        faces.append(m.faces + offset)
        offset += len(m.vertices)
    mesh = Mesh(np.concatenate(vertices), np.concatenate(faces).astype(np.int32))
    return RoomCapture("room", "room.ply", "mesh", mesh, up=np.array([0.0, 1.0, 0.0]))


def corner_errors(found: Float64, true: Sequence[Sequence[float]]) -> Float64:
    """Distance of each true corner from the nearest found one."""
    t = np.asarray(true, float)
    return np.asarray(np.linalg.norm(found[None] - t[:, None], axis=2).min(axis=1))


def _quads(quads: list[list[tuple[float, float, float]]]) -> Mesh:
    v = np.array(quads, np.float32).reshape(-1, 3)
    first = 4 * np.arange(len(quads))[:, None]
    faces = np.concatenate([first + np.array(t) for t in ((0, 1, 2), (0, 2, 3))]).astype(np.int32)
    return Mesh(v, faces)
