"""First relations of the scene graph: on, above, next_to, each with the distances that led to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from sceneforge.core import Plane, Relation, SceneGraph, SceneObject
from sceneforge.core.arrays import Float64

ON_GAP_M = 0.06
"""An object whose base is this close to a surface under it stands on it: scanned bases are ragged."""
NEXT_TO_M = 0.5
"""Horizontal gap below which two things are next to each other."""


def find_relations(planes: tuple[Plane, ...], objects: tuple[SceneObject, ...]) -> SceneGraph:
    """Relations between objects and level planes, and among objects.

    on: the object's base lies within 6 cm of the plane and over it. above: one level plane lies over another with at
    least 30 % of its area and nothing between. next_to: the gap between two footprints is below 0.5 m and their heights
    overlap; it is reported once, with the lower id as subject.
    """
    level = [p for p in planes if p.normal[1] > 0.9]
    areas = {p.id: _outline(p) for p in level}
    prints = {o.id: _footprint(o) for o in objects}
    relations: list[Relation] = []
    for o in objects:
        base = float(o.box.corners[:, 1].min())
        best: tuple[float, Plane, float] | None = None
        for p in level:
            overlap = prints[o.id].intersection(areas[p.id]).area / max(prints[o.id].area, 1e-9)
            gap = base - _height_at(p, o.box.T_world_box[:3, 3])
            if abs(gap) <= ON_GAP_M and overlap > 0.3 and (best is None or overlap > best[0]):
                best = (overlap, p, gap)
        if best:
            overlap, p, gap = best
            confidence = float(np.clip(overlap * (1 - 0.5 * abs(gap) / ON_GAP_M), 0, 1))
            relations.append(Relation(o.id, "on", p.id, round(confidence, 4), _rounded(gap_m=gap, overlap=overlap)))
    for upper in level:
        below: tuple[float, Plane, float] | None = None
        for lower in level:
            drop = float(upper.origin[1]) - _height_at(lower, upper.origin)
            if lower.id == upper.id or drop < 0.1:
                continue
            overlap = areas[upper.id].intersection(areas[lower.id]).area / max(areas[upper.id].area, 1e-9)
            if overlap >= 0.3 and (below is None or drop < below[2]):
                below = (overlap, lower, drop)
        if below:
            overlap, lower, drop = below
            evidence = _rounded(height_m=drop, overlap=overlap)
            relations.append(Relation(upper.id, "above", lower.id, round(float(min(overlap, 1.0)), 4), evidence))
    for i, a in enumerate(objects):
        for b in objects[i + 1 :]:
            gap = float(prints[a.id].distance(prints[b.id]))
            ya, yb = a.box.corners[:, 1], b.box.corners[:, 1]
            shared = float(min(ya.max(), yb.max()) - max(ya.min(), yb.min()))
            if gap < NEXT_TO_M and shared > 0:
                evidence = _rounded(gap_m=gap, shared_height_m=shared)
                relations.append(Relation(a.id, "next_to", b.id, round(1 - gap / NEXT_TO_M, 4), evidence))
    return SceneGraph(tuple(sorted(relations, key=lambda r: (r.subject, r.predicate, r.object))))


def _rounded(**values: float) -> dict[str, float]:
    return {k: round(float(v), 4) + 0.0 for k, v in values.items()}  # no negative zero


def _height_at(plane: Plane, point: Float64) -> float:
    """Height of a level plane straight below or above a world point."""
    n, c = plane.normal, plane.origin
    return float(c[1] - (n[0] * (point[0] - c[0]) + n[2] * (point[2] - c[2])) / n[1])


def _outline(plane: Plane) -> Any:
    from shapely.geometry import Polygon

    ring = plane.to_world(plane.polygon)[:, [0, 2]]
    shape = Polygon(ring, [plane.to_world(h)[:, [0, 2]] for h in plane.holes])
    return shape if shape.is_valid else shape.buffer(0)


def _footprint(o: SceneObject) -> Any:
    from shapely.geometry import MultiPoint

    return MultiPoint(o.box.corners[:, [0, 2]]).convex_hull.buffer(1e-6)
