"""Compiled loops of decimation. Imported on first use only: numba is slow to import.

Edges are collapsed from the cheapest upwards, by quadrics (Garland & Heckbert 1997) of the surface as it is now
(Lindstrom & Turk 1998): the planes of small noisy triangles would be far off a few steps away. No point of the surface
before may come to lie farther than the bound from the surface now. Every such point hangs on the face that is nearest
to it; a collapse hands on the points of the faces it changes (one-sided Hausdorff distance, Klein, Liebich & Strasser
1996), and is refused where one of them would be left behind.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sceneforge.core.arrays import Float64, Int32

from .decimation_surface import Surface, normal_of, set_quadric

RING_FACES, RING_POINTS = 96, 8192
"""Collapses that would change more than this are refused: their test would take too long."""
PULL = 0.01
"""How much a new vertex is drawn to the edge's middle: along a plane its place is free, and noise would choose it."""
TURN = 0.1
"""Least cosine between a face before and after."""
SLIVER = 0.04
"""Faces may not become thinner than this (1 = equilateral), unless one was before."""
GOOD = 0.04
"""Share of the squared bound within which no nearer face is looked for."""
SWEEPS = 6
"""Sweeps over all edges at one cost, each of which collapses edges that do not touch."""
ENOUGH = 0.01
"""A sweep that collapses a smaller share of the faces ends its cost."""


@njit(cache=True, nogil=True)
def decimate(s: Surface, bound: float, least_cost: float, most_cost: float) -> int:
    """Collapse edges, the allowed cost (mean squared distance) growing fourfold from `least_cost` to `most_cost`.

    Returns the number of faces left.
    """
    mark = np.zeros(len(s.vertices), np.int32)
    busy = np.zeros(len(s.vertices), np.int32)
    where = np.empty(3)
    ring = np.empty(RING_FACES, np.int32)
    held = np.empty(RING_POINTS, np.int32)
    home = np.empty(RING_POINTS, np.int32)
    left, sweep, turn = len(s.faces), 0, 0
    cost = least_cost
    while True:
        last = cost >= most_cost
        for _ in range(SWEEPS * (3 if last else 1)):
            before = left
            sweep += 1
            for f in range(len(s.faces)):
                for k in range(3):
                    if not s.alive[f]:
                        break
                    a, b = s.faces[f, k], s.faces[f, (k + 1) % 3]
                    if busy[a] == sweep or busy[b] == sweep or s.tried[3 * f + k] == s.version[a] + s.version[b]:
                        continue
                    if not _place(s, a, b, cost, where):
                        continue
                    turn += 1
                    if _collapse(s, a, b, where, bound, mark, turn, ring, held, home, busy, sweep):
                        left -= 1 if s.border[a] and s.border[b] else 2
                    else:
                        s.tried[3 * f + k] = s.version[a] + s.version[b]
            if before - left <= ENOUGH * before * (0.1 if last else 1.0):
                break
        if last:
            return left
        cost = min(4 * cost, most_cost)


@njit(cache=True, nogil=True)
def _place(s: Surface, a: int, b: int, cost: float, where: Float64) -> bool:
    """Where the vertex of a collapsed edge would best lie, and whether that is cheap enough."""
    q = s.quadrics[a] + s.quadrics[b]
    if q[10] <= 0:
        return False
    middle = 0.5 * (s.vertices[a] + s.vertices[b])
    if s.border[a] and not s.border[b]:
        where[:] = s.vertices[a]
    elif s.border[b] and not s.border[a]:
        where[:] = s.vertices[b]
    else:
        pull = PULL * (q[0] + q[4] + q[7])
        xx, yy, zz = q[0] + pull, q[4] + pull, q[7] + pull
        cx, cy, cz = yy * zz - q[5] * q[5], q[2] * q[5] - q[1] * zz, q[1] * q[5] - q[2] * yy
        det = xx * cx + q[1] * cy + q[2] * cz
        where[:] = middle
        if det > 1e-12 * pull**3:
            dy, dz, ez = xx * zz - q[2] * q[2], q[1] * q[2] - xx * q[5], xx * yy - q[1] * q[1]
            for _ in range(2):  # the second time draws to where the first led, and so hardly off sharp edges
                x, y, z = pull * where[0] - q[3], pull * where[1] - q[6], pull * where[2] - q[8]
                where[0] = (cx * x + cy * y + cz * z) / det
                where[1] = (cy * x + dy * y + dz * z) / det
                where[2] = (cz * x + dz * y + ez * z) / det
            edge = s.vertices[a] - s.vertices[b]
            if ((where - middle) ** 2).sum() > (edge**2).sum():
                where[:] = middle
    x, y, z = where
    off = q[0] * x * x + q[4] * y * y + q[7] * z * z + q[9]
    off += 2 * (q[1] * x * y + q[2] * x * z + q[5] * y * z + q[3] * x + q[6] * y + q[8] * z)
    return bool(off <= cost * q[10])


@njit(cache=True, nogil=True)
def _collapse(
    s: Surface,
    a: int,
    b: int,
    where: Float64,
    bound: float,
    mark: Int32,
    turn: int,
    ring: Int32,
    held: Int32,
    home: Int32,
    busy: Int32,
    sweep: int,
) -> bool:
    """Collapse the edge from a to b into a vertex at `where`, unless topology, shape or the bound forbid it."""
    faces = _ring(s, a, b, mark, 3 * turn, ring)
    if faces <= 0 or not _keeps_shape(s, a, b, where, ring, faces):
        return False
    points = _hand_on(s, a, b, where, bound, ring, faces, held, home)
    if points < 0 or not _lies_on(s, where, bound, held[:points]):
        return False
    for n in range(faces):
        f = ring[n]
        s.first[f] = -1
        both = 0
        for k in range(3):
            v = s.faces[f, k]
            busy[v] = sweep
            s.version[v] += 1
            both += v in (a, b)
        if both == 2:
            s.alive[f] = 0
        else:
            for k in range(3):
                if s.faces[f, k] == b:
                    s.faces[f, k] = a
    for n in range(points):
        s.further[held[n]], s.first[home[n]] = s.first[home[n]], held[n]
    s.chain[s.tail[a]], s.tail[a] = s.head[b], s.tail[b]
    s.vertices[a] = where
    s.border[a] = max(s.border[a], s.border[b])
    for n in range(faces):
        f = ring[n]
        if s.alive[f]:
            for k in range(3):
                v = s.faces[f, k]
                if mark[v] != -turn:
                    mark[v] = -turn
                    set_quadric(s, v)
    return True


@njit(cache=True, nogil=True)
def _ring(s: Surface, a: int, b: int, mark: Int32, stamp: int, ring: Int32) -> int:
    """Write the faces around both vertices to `ring`; 0 = too many, or the collapse would change the topology.

    Link condition (Dey et al. 1999): both ends have no neighbours in common but the corners opposite to the edge.
    """
    count = shared = common = 0
    for end in range(2):
        v, other = (a, b) if end == 0 else (b, a)
        corner = s.head[v]
        while corner >= 0:
            f = corner // 3
            corner = s.chain[corner]
            if not s.alive[f]:
                continue
            has = s.faces[f, 0] == other or s.faces[f, 1] == other or s.faces[f, 2] == other
            if end == 0 or not has:
                if count == len(ring):
                    return 0
                ring[count] = f
                count += 1
            shared += has and end == 0
            for k in range(3):
                w = s.faces[f, k]
                if w in (a, b):
                    continue
                if end == 0:
                    mark[w] = stamp
                elif mark[w] == stamp:
                    mark[w] = stamp + 1
                    common += 1
    both_border = s.border[a] > 0 and s.border[b] > 0
    if common != shared or shared != (1 if both_border else 2):
        return 0
    return count if count - shared >= (1 if both_border else 3) else 0


@njit(cache=True, nogil=True)
def _keeps_shape(s: Surface, a: int, b: int, where: Float64, ring: Int32, count: int) -> bool:
    """Whether the faces that stay neither turn over nor become slivers."""
    thinnest_before, thinnest = 1.0, 1.0
    for n in range(count):
        f = ring[n]
        p, q, r = s.vertices[s.faces[f, 0]], s.vertices[s.faces[f, 1]], s.vertices[s.faces[f, 2]]
        old = normal_of(p, q, r)
        thinnest_before = min(thinnest_before, _roundness(p, q, r, old))
        u, v, w = s.faces[f]
        moved = (u in (a, b)) + (v in (a, b)) + (w in (a, b))
        if moved == 2:
            continue
        p = where if u in (a, b) else p
        q = where if v in (a, b) else q
        r = where if w in (a, b) else r
        new = normal_of(p, q, r)
        if (new * old).sum() <= TURN * np.sqrt((new * new).sum() * (old * old).sum()):
            return False
        thinnest = min(thinnest, _roundness(p, q, r, new))
    return thinnest >= min(SLIVER, thinnest_before)


@njit(cache=True, nogil=True)
def _roundness(p: Float64, q: Float64, r: Float64, normal: Float64) -> float:
    """Area over that of an equilateral triangle with sides as long in the root mean square."""
    sides = ((p - q) ** 2).sum() + ((q - r) ** 2).sum() + ((r - p) ** 2).sum()
    return float(2 * np.sqrt(3.0) * np.sqrt((normal * normal).sum()) / sides) if sides > 0 else 0.0


@njit(cache=True, nogil=True)
def _hand_on(
    s: Surface, a: int, b: int, where: Float64, bound: float, ring: Int32, faces: int, held: Int32, home: Int32
) -> int:
    """Find a face of the ring, as it would be, for each point that hangs on it; -1 = one has none within the bound."""
    new = np.empty((faces, 9))
    number = np.empty(faces, np.int32)
    stay = 0
    for n in range(faces):
        f, both = ring[n], 0
        for k in range(3):
            v = s.faces[f, k]
            moved = v in (a, b)
            both += moved
            for c in range(3):
                new[stay, 3 * k + c] = where[c] if moved else s.vertices[v, c]
        if both == 1:
            number[stay] = f
            stay += 1
    points, limit = 0, bound * bound
    for n in range(faces):
        point = s.first[ring[n]]
        while point >= 0:
            if points == len(held):
                return -1
            nearest, best = -1, limit
            for m in range(stay):
                d = squared_distance(s.points[point], new[m])
                if d <= best:
                    nearest, best = number[m], d
                    if d <= GOOD * limit:
                        break
            if nearest < 0:
                return -1
            held[points], home[points] = point, nearest
            points += 1
            point = s.further[point]
    return points


@njit(cache=True, nogil=True)
def _lies_on(s: Surface, where: Float64, bound: float, held: Int32) -> bool:
    """Whether a place lies within the bound of the surface before, as the nearest of some of its points sees it."""
    nearest, best = -1, np.inf
    for point in held:
        x, y, z = where[0] - s.points[point, 0], where[1] - s.points[point, 1], where[2] - s.points[point, 2]
        if x * x + y * y + z * z < best:
            nearest, best = point, x * x + y * y + z * z
    off = 0.0
    for c in range(3):
        off += s.normals[nearest, c] * (where[c] - s.points[nearest, c])
    return bool(nearest < 0 or abs(off) <= bound)


@njit(cache=True, nogil=True)
def squared_distance(point: Float64, t: Float64) -> float:
    """Squared distance of a point from a triangle (9,), after Ericson, Real-Time Collision Detection, section 5.1.5."""
    ax, ay, az = t[3] - t[0], t[4] - t[1], t[5] - t[2]
    bx, by, bz = t[6] - t[0], t[7] - t[1], t[8] - t[2]
    px, py, pz = point[0] - t[0], point[1] - t[1], point[2] - t[2]
    aa, ab, bb = ax * ax + ay * ay + az * az, ax * bx + ay * by + az * bz, bx * bx + by * by + bz * bz
    pa, pb = px * ax + py * ay + pz * az, px * bx + py * by + pz * bz
    det = aa * bb - ab * ab
    u, v = bb * pa - ab * pb, aa * pb - ab * pa
    if det > 0 and u >= 0 and v >= 0 and u + v <= det:
        u, v = u / det, v / det
    else:  # on one of the three sides
        best = np.inf
        u = v = 0.0
        for side in range(3):
            if side == 0:
                i = min(max(pa / aa, 0.0), 1.0) if aa > 0 else 0.0
                j = 0.0
            elif side == 1:
                i = 0.0
                j = min(max(pb / bb, 0.0), 1.0) if bb > 0 else 0.0
            else:
                length = aa - 2 * ab + bb
                j = min(max((aa - ab - pa + pb) / length, 0.0), 1.0) if length > 0 else 0.0
                i = 1.0 - j
            x, y, z = px - i * ax - j * bx, py - i * ay - j * by, pz - i * az - j * bz
            if x * x + y * y + z * z < best:
                best, u, v = x * x + y * y + z * z, i, j
    x, y, z = px - u * ax - v * bx, py - u * ay - v * by, pz - u * az - v * bz
    return float(x * x + y * y + z * z)
