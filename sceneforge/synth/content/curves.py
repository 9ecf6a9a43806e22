"""Plane outlines and space curves that the shape helpers sweep, revolve and extrude."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .surface import Floats, Ints


def fillet(points: ArrayLike, radius: float | Sequence[float], steps: int = 3, *, closed: bool = False) -> Floats:
    """Round the corners of a polyline, (N, 2) or (N, 3), with arcs of at most `radius` metres (one, or one per point).

    A radius shrinks where the neighbouring edges are too short for it; 0 keeps the corner sharp.
    """
    p = np.asarray(points, dtype=np.float64)
    radii = [radius] * len(p) if isinstance(radius, (int, float)) else list(radius)
    out: list[Floats] = []
    for i, corner in enumerate(p):
        if radii[i] <= 0 or (not closed and i in (0, len(p) - 1)):
            out.append(corner)
            continue
        back, ahead = p[i - 1] - corner, p[(i + 1) % len(p)] - corner
        back_length, ahead_length = math.sqrt(float(back @ back)), math.sqrt(float(ahead @ ahead))
        u, v = back / back_length, ahead / ahead_length
        half = 0.5 * math.acos(max(-1.0, min(1.0, float(u @ v))))
        if half > 1.55:
            out.append(corner)
            continue
        reach = min(radii[i] / math.tan(half), 0.49 * back_length, 0.49 * ahead_length)
        arc_radius = reach * math.tan(half)
        axis = (u + v) / math.sqrt(float((u + v) @ (u + v)))
        centre = corner + axis * (arc_radius / math.sin(half))
        start, end = corner + u * reach - centre, corner + v * reach - centre
        sweep = math.pi - 2.0 * half
        for k in range(steps + 1):
            t = k / steps
            arc = (math.sin((1.0 - t) * sweep) * start + math.sin(t * sweep) * end) / math.sin(sweep)
            out.append(centre + arc)
    return np.array(out)


def spline(points: ArrayLike, per_span: int = 6, *, closed: bool = False) -> Floats:
    """Catmull-Rom curve through the points, (N, D); `per_span` samples between neighbours."""
    p = np.asarray(points, dtype=np.float64)
    if closed:
        ring = np.concatenate([p[-1:], p, p[:2]])
    else:
        ring = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.arange(per_span)[:, None] / per_span
    spans = []
    for k in range(len(ring) - 3):
        a, b, c, d = ring[k : k + 4]
        curve = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
        spans.append(0.5 * curve)
    return np.concatenate(spans if closed else [*spans, p[-1:]])


def rounded_rectangle(width: float, height: float, radius: float, steps: int = 3) -> Floats:
    """(N, 2) counter-clockwise outline about the origin."""
    x, y = width / 2, height / 2
    return fillet([(-x, -y), (x, -y), (x, y), (-x, y)], radius, steps, closed=True)


def circle(radius: float, count: int) -> Floats:
    """(N, 2) counter-clockwise regular polygon."""
    angle = 2 * np.pi * np.arange(count) / count
    return radius * np.column_stack([np.cos(angle), np.sin(angle)])


def inset(outline: Floats, distance: float) -> Floats:
    """A counter-clockwise closed outline, (N, 2), moved inwards by `distance` with mitred corners."""
    edge = np.roll(outline, -1, axis=0) - outline
    edge = edge / np.sqrt((edge**2).sum(axis=1, keepdims=True))
    inward = np.column_stack([-edge[:, 1], edge[:, 0]])
    before = np.roll(inward, 1, axis=0)
    bisector = inward + before
    reach: Floats = distance / (1.0 + (inward * before).sum(axis=1))
    return np.asarray(outline + bisector * reach[:, None])


def ear_clip(outline: Floats) -> Ints:
    """(N - 2, 3) triangles of a simple counter-clockwise polygon, (N, 2). Method: ear clipping (Meisters 1975)."""
    p = [(float(x), float(y)) for x, y in outline]

    def cross(i: int, j: int, k: int) -> float:
        return (p[j][0] - p[i][0]) * (p[k][1] - p[i][1]) - (p[j][1] - p[i][1]) * (p[k][0] - p[i][0])

    left = list(range(len(p)))
    triangles: list[tuple[int, int, int]] = []
    while len(left) > 3:
        best, best_quality = -1, -math.inf
        for n in range(len(left)):
            i, j, k = left[n - 1], left[n], left[(n + 1) % len(left)]
            turn = cross(i, j, k)
            if turn <= 0 or any(
                min(cross(i, j, m), cross(j, k, m), cross(k, i, m)) >= 0 for m in left if m not in (i, j, k)
            ):
                continue
            # Prefer stout ears: slivers across a panel catch the light.
            quality = turn / max(1e-18, (p[i][0] - p[k][0]) ** 2 + (p[i][1] - p[k][1]) ** 2)
            if quality > best_quality:
                best, best_quality = n, quality
        n = best if best >= 0 else 0
        triangles.append((left[n - 1], left[n], left[(n + 1) % len(left)]))
        del left[n]
    triangles.append((left[0], left[1], left[2]))
    return np.array(triangles, dtype=np.int64)


def transport_frames(path: Floats, *, up: Sequence[float] | None = None) -> tuple[Floats, Floats, Floats]:
    """Tangents and two normals, each (N, 3), along an open path, without twist.

    The first normal starts as near as possible to `up`. Method: double reflection (Wang et al. 2008, "Computation of
    Rotation Minimizing Frames").
    """
    step = np.diff(path, axis=0)
    step = step / np.sqrt((step**2).sum(axis=1, keepdims=True))
    tangent = np.concatenate([step[:1], step[:-1] + step[1:], step[-1:]])
    tangent = tangent / np.sqrt((tangent**2).sum(axis=1, keepdims=True))
    seed = np.asarray(
        up if up is not None else ((0, 1, 0) if abs(tangent[0, 1]) < 0.9 else (0, 0, 1)), dtype=np.float64
    )
    first = seed - tangent[0] * float(seed @ tangent[0])
    normals = [first / math.sqrt(float(first @ first))]
    for i in range(len(path) - 1):
        v1 = path[i + 1] - path[i]
        c1 = float(v1 @ v1)
        r = normals[i] - (2 / c1) * float(v1 @ normals[i]) * v1
        t = tangent[i] - (2 / c1) * float(v1 @ tangent[i]) * v1
        v2 = tangent[i + 1] - t
        c2 = float(v2 @ v2)
        normals.append(r if c2 < 1e-18 else r - (2 / c2) * float(v2 @ r) * v2)
    normal = np.array(normals)
    return tangent, normal, np.cross(tangent, normal)
