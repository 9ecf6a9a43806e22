"""A mesh while it is being decimated: who touches whom, the quadrics of its vertices, and the points it must stay near.

Imported on first use only: numba is slow to import.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float64, Int32, UInt8

BORDER_WEIGHT = 1.0
"""Open borders against surface of the same size, in the choice of places."""


class Surface(NamedTuple):
    """A mesh that is being decimated, all arrays changed in place."""

    vertices: Float64
    """(V, 3) places now."""
    faces: Int32
    """(F, 3) vertices now."""
    alive: UInt8
    """(F,) 0 = collapsed."""
    head: Int32
    """(V,) first corner (3 * face + k) of the vertex, -1 = none."""
    tail: Int32
    """(V,) last corner."""
    chain: Int32
    """(3 F,) next corner of the same vertex, -1 = end. Corners of dead faces stay in it."""
    quadrics: Float64
    """(V, 11) sum of area-weighted plane quadrics: xx xy xz xd yy yz yd zz zd dd, and the sum of weights."""
    border: UInt8
    """(V,) 1 = on an edge with one face."""
    points: Float64
    """(P, 3) points of the surface before."""
    normals: Float64
    """(P, 3) its unit normals there."""
    first: Int32
    """(F,) first point that hangs on the face, -1 = none."""
    further: Int32
    """(P,) next point on the same face."""
    version: Int32
    """(V,) grows with every change around the vertex."""
    tried: Int32
    """(3 F,) versions of an edge's ends when its collapse was refused."""


def empty(vertices: NDArray[np.floating], faces: Int32) -> Surface:
    """A surface to `prepare`."""
    n, m = len(vertices), len(faces)
    places = vertices.astype(np.float64)
    ints = [np.empty(k, np.int32) for k in (n, n, 3 * m, m, n)]
    return Surface(
        places,
        faces.copy(),
        np.ones(m, np.uint8),
        ints[0],
        ints[1],
        ints[2],
        np.zeros((n, 11)),
        np.zeros(n, np.uint8),
        places.copy(),
        np.zeros((n, 3)),
        ints[3],
        ints[4],
        np.zeros(n, np.int32),
        np.full(3 * m, -1, np.int32),
    )


@njit(cache=True, nogil=True)
def add_plane(quadric: Float64, normal: Float64, at: Float64, weight: float) -> None:
    """Add the squared distance from a plane, times weight."""
    x, y, z = normal[0], normal[1], normal[2]
    d = -(x * at[0] + y * at[1] + z * at[2])
    for k, value in enumerate((x * x, x * y, x * z, x * d, y * y, y * z, y * d, z * z, z * d, d * d)):
        quadric[k] += weight * value
    quadric[10] += weight


@njit(cache=True, nogil=True)
def prepare(s: Surface, borders: Int32) -> None:
    """Fill chains, quadrics, borders and points; `borders` (E,) are the corners at which lone edges begin."""
    s.head[:], s.tail[:], s.chain[:], s.first[:], s.further[:] = -1, -1, -1, -1, -1
    for f in range(len(s.faces)):
        n = normal_of(s.vertices[s.faces[f, 0]], s.vertices[s.faces[f, 1]], s.vertices[s.faces[f, 2]])
        for k in range(3):
            v, corner = s.faces[f, k], 3 * f + k
            if s.head[v] < 0:
                s.head[v] = corner
                s.further[v], s.first[f] = s.first[f], v
            else:
                s.chain[s.tail[v]] = corner
            s.tail[v] = corner
        for k in range(3):
            s.normals[s.faces[f, k]] += n
    for corner in borders:
        f, k = corner // 3, corner % 3
        s.border[s.faces[f, k]] = s.border[s.faces[f, (k + 1) % 3]] = 1
    for v in range(len(s.vertices)):
        s.normals[v] /= max(np.sqrt((s.normals[v] ** 2).sum()), 1e-20)
        set_quadric(s, v)


@njit(cache=True, nogil=True)
def set_quadric(s: Surface, v: int) -> None:
    """Sum the planes of the faces around a vertex as they are now, and of the borders that it lies on."""
    q = s.quadrics[v]
    q[:] = 0
    corner = s.head[v]
    while corner >= 0:
        f, k = corner // 3, corner % 3
        corner = s.chain[corner]
        if not s.alive[f]:
            continue
        after, before = s.faces[f, (k + 1) % 3], s.faces[f, (k + 2) % 3]
        n = normal_of(s.vertices[v], s.vertices[after], s.vertices[before])
        area = np.sqrt((n * n).sum())
        if area <= 0:
            continue
        n /= area
        add_plane(q, n, s.vertices[v], 0.5 * area)
        if s.border[v]:
            for w in (after, before):
                if s.border[w] and _shared(s, v, w) == 1:
                    along = s.vertices[w] - s.vertices[v]
                    length = np.sqrt((along * along).sum())
                    if length > 0:
                        add_plane(q, np.cross(along, n) / length, s.vertices[v], BORDER_WEIGHT * length * length)


@njit(cache=True, nogil=True)
def _shared(s: Surface, v: int, w: int) -> int:
    """How many faces two vertices share."""
    count, corner = 0, s.head[v]
    while corner >= 0:
        f = corner // 3
        corner = s.chain[corner]
        count += s.alive[f] and (s.faces[f, 0] == w or s.faces[f, 1] == w or s.faces[f, 2] == w)
    return count


@njit(cache=True, nogil=True)
def normal_of(a: Float64, b: Float64, c: Float64) -> Float64:
    return np.cross(b - a, c - a)
