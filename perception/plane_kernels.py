"""Compiled loops of fitting and relating planes. Imported on first use only: numba is slow to import."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64

Int64 = NDArray[np.int64]

TUKEY = 4.685 * 1.4826
"""Times the median residual: where Tukey's weight ends."""
LEAST_SCALE_M = 0.004


@njit(cache=True, nogil=True)
def fit_plane(position: Float64, normal: Float64, area: Float64, members: Int64) -> tuple[Float64, Float64, float]:
    """Normal (3,), centre (3,) and root mean square distance of the plane through `members` (n,); see `planes.fit`."""
    n = len(members)
    facing, total = np.zeros(3), 0.0
    for i in members:
        total += area[i]
        for k in range(3):
            facing[k] += normal[i, k] * area[i]
    w, residual = area[members], np.empty(n)
    centre, axis = np.zeros(3), np.zeros(3)
    for _ in range(3):
        centre[:] = 0.0
        mass = 0.0
        for m in range(n):
            mass += w[m]
            for k in range(3):
                centre[k] += position[members[m], k] * w[m]
        centre /= mass
        spread = np.zeros((3, 3))
        for m in range(n):
            x = position[members[m], 0] - centre[0]
            y = position[members[m], 1] - centre[1]
            z = position[members[m], 2] - centre[2]
            spread[0, 0] += w[m] * x * x
            spread[0, 1] += w[m] * x * y
            spread[0, 2] += w[m] * x * z
            spread[1, 1] += w[m] * y * y
            spread[1, 2] += w[m] * y * z
            spread[2, 2] += w[m] * z * z
        spread[1, 0], spread[2, 0], spread[2, 1] = spread[0, 1], spread[0, 2], spread[1, 2]
        _, vectors = np.linalg.eigh(spread)
        turned = vectors[0, 0] * facing[0] + vectors[1, 0] * facing[1] + vectors[2, 0] * facing[2] < 0
        for k in range(3):
            axis[k] = -vectors[k, 0] if turned else vectors[k, 0]
        for m in range(n):
            off = 0.0
            for k in range(3):
                off += (position[members[m], k] - centre[k]) * axis[k]
            residual[m] = off
        scale = max(TUKEY * np.median(np.abs(residual)), LEAST_SCALE_M)
        left = 0.0
        for m in range(n):
            share = max(1 - (residual[m] / scale) ** 2, 0.0)
            w[m] = area[members[m]] * share * share
            left += w[m]
        if not left > 0.2 * total:
            w[:] = area[members]
    square = 0.0
    for m in range(n):
        square += area[members[m]] * residual[m] ** 2
    return axis, centre, np.sqrt(square / total)


@njit(cache=True, nogil=True)
def between(
    points: Float32, normals: Float32, normal: Float64, offset: float, low: float, high: float, facing: float
) -> Int64:
    """Indices of points (N, 3) with low < p @ normal - offset < high whose own normals face that way."""
    out = np.empty(len(points), np.int64)
    count = 0
    a, b, c = normal
    for i in range(len(points)):
        off = points[i, 0] * a + points[i, 1] * b + points[i, 2] * c - offset
        if low < off < high and normals[i, 0] * a + normals[i, 1] * b + normals[i, 2] * c > facing:
            out[count] = i
            count += 1
    return out[:count].copy()


@njit(cache=True, nogil=True)
def better(
    position: Float64,
    normal: Float64,
    plane: Float64,
    offset: float,
    limit: float,
    facing: float,
    best: Float64,
    cost: Float64,
) -> Int64:
    """Surfels (n,) that lie on a plane, face as it does, and lie better on it than on what they lie on best so far.

    Args:
        position, normal: (S, 3).
        plane: (3,) unit normal of the plane.
        offset: Its distance from the origin along the normal.
        limit: Farthest distance, metres.
        facing: Least cosine between the normals.
        best: (S,) cost on the best plane so far.
        cost: (S,) written where a surfel is better: metres, and 1 cm per unit of cosine.
    """
    out = np.empty(len(position), np.int64)
    count = 0
    a, b, c = plane
    for i in range(len(position)):
        off = abs(position[i, 0] * a + position[i, 1] * b + position[i, 2] * c - offset)
        if off < limit:
            tilt = normal[i, 0] * a + normal[i, 1] * b + normal[i, 2] * c
            price = off + 0.01 * (1 - tilt)
            # A larger plane wins ties by a little, so that boundaries do not flicker between equal fits.
            if tilt > facing and price < best[i] - 1e-9:
                cost[i] = price
                out[count] = i
                count += 1
    return out[:count].copy()


@njit(cache=True, nogil=True)
def corner_facts(vertices: Float32, faces: NDArray[np.int32]) -> tuple[Float64, Float64, Float32]:
    """Unit normals (N, 3) and areas (N,) of a mesh's vertices, and its triangles' edges (M, 3), metres.

    Normals weigh faces by area, zero without any; a triangle's area goes to its corners in equal parts.
    """
    normal, area = np.zeros((len(vertices), 3)), np.zeros(len(vertices))
    edge = np.empty((len(faces), 3), np.float32)
    p, q, n = np.empty(3), np.empty(3), np.empty(3)
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        one, two, three = 0.0, 0.0, 0.0
        for a in range(3):
            p[a] = np.float64(vertices[j, a]) - np.float64(vertices[i, a])
            q[a] = np.float64(vertices[k, a]) - np.float64(vertices[i, a])
            one += p[a] * p[a]
            two += (q[a] - p[a]) ** 2
            three += q[a] * q[a]
        edge[f, 0], edge[f, 1], edge[f, 2] = np.sqrt(one), np.sqrt(two), np.sqrt(three)
        n[0], n[1], n[2] = p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]
        share = np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]) / 6
        for c in range(3):
            at = faces[f, c]
            area[at] += share
            for a in range(3):
                normal[at, a] += n[a]
    for i in range(len(vertices)):
        length = np.sqrt(normal[i, 0] ** 2 + normal[i, 1] ** 2 + normal[i, 2] ** 2)
        if length > 0:
            for a in range(3):
                normal[i, a] /= length
    return normal, area, edge


@njit(cache=True, nogil=True)
def _pull(H: Float64, g: Float64, residual: float, weight: float, i: int, a: Float64, j: int, b: Float64) -> None:
    for k in range(2):
        g[2 * i + k] += weight * residual * a[k]
        for m in range(2):
            H[2 * i + k, 2 * i + m] += weight * a[k] * a[m]
    if j < 0:
        return
    for k in range(2):
        g[2 * j + k] += weight * residual * b[k]
        for m in range(2):
            H[2 * j + k, 2 * j + m] += weight * b[k] * b[m]
            H[2 * i + k, 2 * j + m] += weight * a[k] * b[m]
            H[2 * j + k, 2 * i + m] += weight * b[k] * a[m]


@njit(cache=True, nogil=True)
def lean(T: Float64, n: Float64, D: Float64, reach: float, sigma: float, let_go: float, H: Float64, g: Float64) -> None:
    """Add to H (2N, 2N) and g (2N,) what pairs of planes, and planes and the vertical, say; see `refinement`.

    Args:
        T: (N, 4, 4) frames.
        n: (N, 3) normals at the present turns.
        D: (N, 3, 2) their derivatives.
        reach: Residuals beyond it say nothing, radians.
        sigma: Standard deviation of built rooms.
        let_go: Scale of the robust weight.
        H: Normal equations.
        g: Their right side.
    """
    none = np.zeros(2)
    for i in range(len(n)):
        for j in range(i, len(n)):  # j = i stands for the vertical
            x, y, z = (0.0, 1.0, 0.0) if j == i else (n[j, 0], n[j, 1], n[j, 2])
            other = -1 if j == i else j
            c = n[i, 0] * x + n[i, 1] * y + n[i, 2] * z
            a, b = np.zeros(2), none
            if abs(c) < 0.06:  # square: the cosine is the residual
                if abs(c) <= reach:
                    for k in range(2):
                        a[k] = x * D[i, 0, k] + y * D[i, 1, k] + z * D[i, 2, k]
                    if other >= 0:
                        b = np.zeros(2)
                        for k in range(2):
                            b[k] = n[i, 0] * D[j, 0, k] + n[i, 1] * D[j, 1, k] + n[i, 2] * D[j, 2, k]
                    _pull(H, g, c, 1 / sigma**2 / (1 + (c / let_go) ** 2) ** 2, i, a, other, b)
            elif abs(c) > 0.998:  # parallel: two residuals, along the frame's axes
                s = 1.0 if c > 0 else -1.0
                for axis in (0, 2):
                    p, q, r = T[i, 0, axis], T[i, 1, axis], T[i, 2, axis]
                    residual = p * (n[i, 0] - s * x) + q * (n[i, 1] - s * y) + r * (n[i, 2] - s * z)
                    if abs(residual) > reach:
                        continue
                    for k in range(2):
                        a[k] = p * D[i, 0, k] + q * D[i, 1, k] + r * D[i, 2, k]
                    if other >= 0:
                        b = np.zeros(2)
                        for k in range(2):
                            b[k] = -s * (p * D[j, 0, k] + q * D[j, 1, k] + r * D[j, 2, k])
                    weight = 1 / sigma**2 / (1 + (residual / let_go) ** 2) ** 2
                    _pull(H, g, residual, weight, i, a, other, b)
