"""Planes and boxes against references, by the definitions the field uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sceneforge.core import OrientedBox, Plane

MAX_ANGLE_DEG = 10.0
MAX_OFFSET_M = 0.10
MIN_IOU = 0.5


@dataclass(frozen=True)
class PlaneMatch:
    """A predicted plane and the reference it stands for."""

    predicted: Plane
    """What was found."""
    reference: Plane
    """What is there."""
    iou: float
    """Of the outlines, projected onto the reference."""
    angle_deg: float
    """Between the normals."""
    offset_m: float
    """Distance of the predicted plane from the middle of the overlap, along the reference's normal; signed."""


def match_planes(
    predicted: Sequence[Plane], reference: Sequence[Plane], *, min_iou: float = MIN_IOU
) -> list[PlaneMatch]:
    """Match one to one, the largest outline overlap first, whatever the labels.

    A pair qualifies with an angle below 10 degrees, an offset below 0.10 m at the overlap and an IoU above `min_iou`
    on the reference plane. Holes do not count: references often have none.
    """
    pairs: list[tuple[float, int, int, PlaneMatch]] = []
    for j, ref in enumerate(reference):
        target = _polygon(ref.polygon)
        for i, p in enumerate(predicted):
            angle = float(np.degrees(np.arccos(np.clip(p.normal @ ref.normal, -1, 1))))
            if angle >= MAX_ANGLE_DEG:
                continue
            outline = _polygon(ref.to_local(p.to_world(p.polygon))[:, [0, 2]])
            overlap = target.intersection(outline)
            union = target.area + outline.area - overlap.area
            iou = float(overlap.area / union) if union > 0 else 0.0
            if iou <= min_iou:
                continue
            middle = ref.to_world(np.array([[overlap.centroid.x, overlap.centroid.y]]))[0]
            offset = float((p.origin - middle) @ p.normal)
            if abs(offset) < MAX_OFFSET_M:
                pairs.append((iou, i, j, PlaneMatch(p, ref, iou, angle, offset)))
    taken_i: set[int] = set()
    taken_j: set[int] = set()
    matches = []
    for _, i, j, match in sorted(pairs, key=lambda t: (-t[0], t[1], t[2])):
        if i not in taken_i and j not in taken_j:
            taken_i.add(i)
            taken_j.add(j)
            matches.append(match)
    return matches


def box_iou(a: OrientedBox, b: OrientedBox) -> float:
    """Intersection over union of two upright boxes: footprint overlap times shared height."""
    ca, cb = a.corners, b.corners
    shared = min(ca[:, 1].max(), cb[:, 1].max()) - max(ca[:, 1].min(), cb[:, 1].min())
    if shared <= 0:
        return 0.0
    overlap = float(_hull(ca).intersection(_hull(cb)).area * shared)
    return overlap / float(np.prod(a.size) + np.prod(b.size) - overlap)


def _hull(corners: Any) -> Any:
    from shapely.geometry import MultiPoint

    return MultiPoint(corners[:, [0, 2]]).convex_hull


def _polygon(outline: Any) -> Any:
    from shapely.geometry import Polygon

    shape = Polygon(outline)
    return shape if shape.is_valid else shape.buffer(0)
