"""Planes against references, by the definitions the field uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sceneforge.core import Plane
from sceneforge.perception.device import plane_overlap

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
        for i, p in enumerate(predicted):
            overlap = plane_overlap(p, ref)
            if overlap is None:
                continue
            iou, angle, offset = overlap
            if iou > min_iou and angle < MAX_ANGLE_DEG and abs(offset) < MAX_OFFSET_M:
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
