"""Solid shapes for furniture: smooth normals, texture coordinates in metres, evenly tessellated.

Every shape is finely tessellated on purpose: the renderer keeps the incoming light at the vertices.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float64


@dataclass(frozen=True)
class Part:
    """One surface of one material, in some local frame (metres, +Y up)."""

    vertices: Float64
    """(N, 3) float64."""
    normals: Float64
    """(N, 3) float64 unit shading normals."""
    uv: Float64
    """(N, 2) float64 texture coordinates in metres (pictures: 0..1 across the picture)."""
    faces: NDArray[np.int64]
    """(M, 3) int64, counter-clockwise seen from outside."""
    material: str
    two_sided: bool = False
    """True for leaves, paper and models of unknown winding: light is kept for both sides."""

    def moved(self, T_new_old: Float64) -> Part:
        """The same part in another frame; the transform is rigid, with uniform scale at most."""
        linear = T_new_old[:3, :3]
        normals = self.normals @ linear.T
        normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        return replace(self, vertices=self.vertices @ linear.T + T_new_old[:3, 3], normals=normals)

    def at(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Part:
        """The same part shifted by (x, y, z) metres."""
        return replace(self, vertices=self.vertices + np.array([x, y, z], float))

    def turned(self, axis: str, radians: float) -> Part:
        """The same part turned about a coordinate axis through its origin."""
        return self.moved(turn(axis, radians))

    def in_material(self, material: str) -> Part:
        """The same surface of another material."""
        return replace(self, material=material)


def turn(axis: str, radians: float) -> Float64:
    """A 4x4 right-handed rotation about "x", "y" or "z"."""
    i = "xyz".index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    T = np.eye(4)
    c, s = float(np.cos(radians)), float(np.sin(radians))
    T[j, j], T[j, k], T[k, j], T[k, k] = c, -s, s, c
    return T


def _lines(half: float, radius: float, step: float, arc: int) -> Float64:
    """Grid lines across one side of a rounded box: dense on the rounded rims, even in between."""
    if radius <= 0:
        count = max(1, int(np.ceil(2 * half / step)))
        return np.linspace(-half, half, count + 1)
    angles = np.linspace(np.pi / 4, 0.0, arc + 1)
    rim = (half - radius) + radius * np.tan(angles)
    inner = 2 * (half - radius)
    count = max(1, int(np.ceil(inner / step)))
    body = np.linspace(-(half - radius), half - radius, count + 1)
    return np.concatenate([-rim[:-1], body, rim[:-1][::-1]])


def box(
    size: tuple[float, float, float],
    material: str,
    *,
    bevel: float = 0.003,
    step: float = 0.05,
    puff: float = 0.0,
    base: bool = True,
) -> Part:
    """A box with rounded edges, base centred at the origin when `base`, else centred.

    `puff` swells the four upright sides and the top like a filled cushion (metres at the middle of a side).
    """
    half = np.array(size, float) / 2
    radius = float(min(bevel, half.min() * 0.999))
    arc = 1 if radius < 0.006 else (2 if radius < 0.02 else 5)
    vertices, normals, uvs, faces, start = [], [], [], [], 0
    for axis in range(3):
        b, c = (axis + 1) % 3, (axis + 2) % 3
        lb, lc = _lines(half[b], radius, step, arc), _lines(half[c], radius, step, arc)
        gb, gc = np.meshgrid(lb, lc, indexing="ij")
        nb, nc = gb.shape
        quad = (np.arange(nb - 1)[:, None] * nc + np.arange(nc - 1)).reshape(-1)
        triangles = np.concatenate(
            [np.stack([quad, quad + nc, quad + nc + 1], 1), np.stack([quad, quad + nc + 1, quad + 1], 1)]
        )
        for sign in (1.0, -1.0):
            p = np.zeros((gb.size, 3))
            p[:, axis], p[:, b], p[:, c] = sign * half[axis], gb.ravel(), gc.ravel()
            inner = np.clip(p, -(half - radius), half - radius)
            n = p - inner if radius > 0 else np.tile(np.eye(3)[axis] * sign, (len(p), 1))
            n = n / np.linalg.norm(n, axis=1, keepdims=True)
            q = inner + radius * n if radius > 0 else p
            if puff:
                dip = 1 - np.clip(np.abs(q) / half, 0, 1) ** 2
                # the same for both faces that meet in an edge, so that no seam opens
                swell = sum(n[:, k] ** 2 * dip[:, (k + 1) % 3] * dip[:, (k + 2) % 3] for k in range(3))
                q = q + n * (puff * swell)[:, None]
            # u runs along the longer side so that wood grain follows the board
            u, v = (gb, gc) if half[b] >= half[c] else (gc, gb)
            if axis != 1 and half[b] * 2 < 4 * half[c] * 2 and half[c] * 2 < 4 * half[b] * 2:
                u, v = (p[:, 2 if axis == 0 else 0], p[:, 1])
            vertices.append(q)
            normals.append(n)
            uvs.append(np.stack([np.ravel(u), np.ravel(v)], 1) + 0.37 * axis)
            faces.append((triangles if sign > 0 else triangles[:, ::-1]) + start)
            start += len(q)
    out = np.concatenate(vertices)
    if base:
        out[:, 1] += half[1]
    part = Part(out, np.concatenate(normals), np.concatenate(uvs), np.concatenate(faces), material)
    return replace(part, normals=_smooth(part)) if puff else part


def _smooth(part: Part) -> Float64:
    """Vertex normals from faces, shared between vertices at the same place (edges within 75 degrees)."""
    a, b, c = (part.vertices[part.faces[:, i]] for i in range(3))
    face = np.cross(b - a, c - a)
    _, group = np.unique(np.round(part.vertices, 5), axis=0, return_inverse=True)
    total = np.zeros((int(group.max()) + 1, 3))
    for i in range(3):
        np.add.at(total, group[part.faces[:, i]], face)
    out = total[group]
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12))


def lathe(profile: list[tuple[float, float]], material: str, *, around: int = 32, step: float = 0.03) -> Part:
    """A surface of revolution about +Y.

    `profile` runs upwards as (radius, height) pairs in metres with the solid on its left (towards the axis);
    a repeated point makes a sharp edge there. Points between are filled at `step`.
    """
    rows: list[tuple[float, float, float, float]] = []
    length = 0.0
    for (r0, y0), (r1, y1) in itertools.pairwise(profile):
        dr, dy = r1 - r0, y1 - y0
        span = float(np.hypot(dr, dy))
        if span < 1e-9:
            continue
        count = max(1, int(np.ceil(span / step)))
        for t in np.linspace(0, 1, count + 1):
            rows.append((r0 + t * dr, y0 + t * dy, length + t * span, float(np.arctan2(-dr, dy))))
        length += span
    table = np.array(rows)
    tilt = _soften(table)
    angle = np.linspace(0, 2 * np.pi, around + 1)
    radius, height, along = table[:, 0], table[:, 1], table[:, 2]
    ca, sa = np.cos(angle), np.sin(angle)
    p = np.stack([radius[:, None] * ca, np.repeat(height[:, None], around + 1, 1), -radius[:, None] * sa], -1)
    n = np.stack(
        [np.cos(tilt)[:, None] * ca, np.repeat(np.sin(tilt)[:, None], around + 1, 1), -np.cos(tilt)[:, None] * sa], -1
    )
    uv = np.stack(
        [
            np.repeat((angle * max(float(radius.max()), 1e-3))[None], len(table), 0),
            np.repeat(along[:, None], around + 1, 1),
        ],
        -1,
    )
    return _grid(p, n, uv, material)


def _soften(table: Float64) -> Float64:
    """Normals' tilt per profile row, averaged where two pieces meet at less than 40 degrees."""
    tilt = table[:, 3].copy()
    for i in range(1, len(table)):
        same = np.hypot(table[i, 0] - table[i - 1, 0], table[i, 1] - table[i - 1, 1]) < 1e-9
        if same and abs(table[i, 3] - table[i - 1, 3]) < np.radians(40):
            tilt[i] = tilt[i - 1] = (table[i, 3] + table[i - 1, 3]) / 2
    return tilt


def _grid(p: Float64, n: Float64, uv: Float64, material: str, two_sided: bool = False) -> Part:
    rows, cols = p.shape[:2]
    quad = (np.arange(rows - 1)[:, None] * cols + np.arange(cols - 1)).reshape(-1)
    faces = np.concatenate(
        [np.stack([quad, quad + 1, quad + cols + 1], 1), np.stack([quad, quad + cols + 1, quad + cols], 1)]
    )
    part = Part(p.reshape(-1, 3), n.reshape(-1, 3), uv.reshape(-1, 2), faces, material, two_sided)
    a, b, c = (part.vertices[faces[:, i]] for i in range(3))
    face = np.cross(b - a, c - a)
    keep = np.linalg.norm(face, axis=1) > 1e-12
    wrong = np.einsum(
        "ij,ij->i", face, part.normals[faces[:, 0]] + part.normals[faces[:, 1]] + part.normals[faces[:, 2]]
    )
    if wrong.sum() < 0:
        faces = faces[:, ::-1]
    return replace(part, faces=faces[keep])


def sheet(points: Float64, material: str, *, size: tuple[float, float], two_sided: bool = True) -> Part:
    """A curved sheet through a (R, C, 3) grid of points, texture `size` (metres along C, along R)."""
    dr, dc = np.gradient(points, axis=0), np.gradient(points, axis=1)
    n = np.cross(dc, dr)
    n = n / np.maximum(np.linalg.norm(n, axis=2, keepdims=True), 1e-12)
    rows, cols = points.shape[:2]
    u, v = np.meshgrid(np.linspace(0, size[0], cols), np.linspace(0, size[1], rows))
    return _grid(points, n, np.stack([u, v], -1), material, two_sided)


def tube(path: Float64, radius: float, material: str, *, around: int = 10) -> Part:
    """A round bar along a (K, 3) path of points, open ended."""
    tangent = np.gradient(path, axis=0)
    tangent = tangent / np.linalg.norm(tangent, axis=1, keepdims=True)
    seed = np.array([1.0, 0, 0]) if abs(tangent[0, 0]) < 0.8 else np.array([0, 0, 1.0])
    side = np.cross(tangent, seed)
    side = side / np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(tangent, side)
    angle = np.linspace(0, 2 * np.pi, around + 1)
    n = side[:, None] * np.cos(angle)[None, :, None] + other[:, None] * np.sin(angle)[None, :, None]
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    u, v = np.meshgrid(angle * radius, along)
    return _grid(path[:, None] + radius * n, n, np.stack([u, v], -1), material)


def panel(
    width: float,
    height: float,
    material: str,
    *,
    step: float,
    holes: tuple[tuple[float, float, float, float], ...] = (),
) -> Part:
    """A flat upright panel in the plane z = 0 facing +Z, x in [0, width], y in [0, height].

    `holes` are (x0, y0, x1, y1) rectangles cut out. uv = (x, y) metres.
    """
    xs, ys = (
        _ruled(width, [h[0] for h in holes] + [h[2] for h in holes], step),
        _ruled(height, [h[1] for h in holes] + [h[3] for h in holes], step),
    )
    gx, gy = np.meshgrid(xs, ys)
    p = np.stack([gx, gy, np.zeros_like(gx)], -1)
    n = np.zeros_like(p)
    n[..., 2] = 1
    part = _grid(p, n, np.stack([gx, gy], -1), material)
    middle = part.vertices[part.faces].mean(1)
    keep = np.ones(len(middle), bool)
    for x0, y0, x1, y1 in holes:
        keep &= ~((middle[:, 0] > x0) & (middle[:, 0] < x1) & (middle[:, 1] > y0) & (middle[:, 1] < y1))
    return replace(part, faces=part.faces[keep])


def _ruled(length: float, marks: list[float], step: float) -> Float64:
    stops = np.unique(np.round([0.0, length, *marks], 9))
    pieces = [np.linspace(a, b, max(2, int(np.ceil((b - a) / step)) + 1))[:-1] for a, b in itertools.pairwise(stops)]
    return np.concatenate([*pieces, [length]])
