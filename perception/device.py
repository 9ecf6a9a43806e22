"""What the headset itself says of a room, kept beside what the geometry shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sceneforge.core import Label, OrientedBox, Plane, SceneObject

from .labelling import STRUCTURE

MAX_ANGLE_DEG = 10.0
MAX_OFFSET_M = 0.10
MAX_REPAIR_M = 0.3
"""A floor, wall or ceiling of the device this far off the mesh is still that of the mesh, put down wrongly."""
MIN_PLANE_IOU = 0.5
MIN_BOX_IOU = 0.25
TRUST = 0.9
"""A person set the room up or confirmed it: better than geometry, and still at times wrong."""
UNSEEN_TRUST = 0.5
"""Of an entity that the geometry does not show: a window is a hole in the mesh, a picture is flush with the wall."""


def plane_overlap(a: Plane, b: Plane) -> tuple[float, float, float] | None:
    """(IoU of the outlines on b, angle in degrees, signed distance of a from the overlap's middle along a's normal).

    None where the planes face apart or do not overlap. Holes do not count.
    """
    angle = float(np.degrees(np.arccos(np.clip(a.normal @ b.normal, -1, 1))))
    if angle >= 90:
        return None
    target, outline = _polygon(b.polygon), _polygon(b.to_local(a.to_world(a.polygon))[:, [0, 2]])
    shared = target.intersection(outline)
    if shared.area <= 0:
        return None
    middle = b.to_world(np.array([[shared.centroid.x, shared.centroid.y]]))[0]
    iou = float(shared.area / (target.area + outline.area - shared.area))
    return iou, angle, float((a.origin - middle) @ a.normal)


def box_iou(a: OrientedBox, b: OrientedBox) -> float:
    """Intersection over union of two upright boxes: footprint overlap times shared height."""
    ca, cb = a.corners, b.corners
    shared = min(ca[:, 1].max(), cb[:, 1].max()) - max(ca[:, 1].min(), cb[:, 1].min())
    if shared <= 0:
        return 0.0
    overlap = float(_hull(ca).intersection(_hull(cb)).area * shared)
    return overlap / float(np.prod(a.size) + np.prod(b.size) - overlap)


def with_device_planes(found: Sequence[Plane], device: Sequence[Plane]) -> tuple[Plane, ...]:
    """Planes from geometry with the device's labels, and after them the device's planes that geometry does not show.

    The found ones keep their order, ids and places, also where the device put a floor, wall or ceiling beside its mesh
    (`misplaced` says where); added ones are called "device_plane_N" and have observed_fraction 0.
    """
    planes = list(found)
    extra: list[Plane] = []
    for d in device:
        best, best_iou = -1, MIN_PLANE_IOU
        for i, p in enumerate(found):
            overlap = plane_overlap(p, d)
            limit = MAX_REPAIR_M if d.label in STRUCTURE and p.label is d.label else MAX_OFFSET_M
            if overlap and overlap[0] > best_iou and overlap[1] < MAX_ANGLE_DEG and abs(overlap[2]) < limit:
                best, best_iou = i, overlap[0]
        if best < 0:
            name = f"device_plane_{len(extra)}"
            scores = {str(d.label): UNSEEN_TRUST, str(Label.UNLABELLED): 1 - UNSEEN_TRUST}
            extra.append(replace(d, id=name, confidence=UNSEEN_TRUST, scores=scores, observed_fraction=0.0))
        elif d.label not in (Label.OTHER, Label.UNLABELLED):
            p = planes[best]
            scores = {k: round((1 - TRUST) * v, 6) for k, v in p.scores.items()}
            scores[str(d.label)] = round(scores.get(str(d.label), 0.0) + TRUST, 6)
            planes[best] = replace(p, label=d.label, confidence=scores[str(d.label)], scores=scores)
    return (*planes, *extra)


def misplaced(found: Sequence[Plane], device: Sequence[Plane]) -> list[str]:
    """A line for each floor, wall and ceiling that the device put more than 10 cm off the surface it scanned."""
    notes = []
    for d in device:
        if d.label not in STRUCTURE:
            continue
        pairs = [(plane_overlap(p, d), p) for p in found if p.label is d.label]
        near = [(o, p) for o, p in pairs if o and o[0] > MIN_PLANE_IOU and o[1] < MAX_ANGLE_DEG]
        if not near:
            continue
        overlap, p = max(near, key=lambda pair: pair[0][0])
        if MAX_OFFSET_M <= abs(overlap[2]) < MAX_REPAIR_M:
            off = f"{1000 * abs(overlap[2]):.0f} mm off the mesh"
            notes.append(f"the device's {d.label} {d.id} lies {off}; {p.id} keeps the mesh's place")
    return notes


def with_device_objects(found: Sequence[SceneObject], device: Sequence[SceneObject]) -> tuple[SceneObject, ...]:
    """The device's boxes, called "device_object_N", and those found where the device has none."""
    named = [replace(d, id=f"device_object_{i}") for i, d in enumerate(device)]
    return (*named, *(o for o in found if all(box_iou(o.box, d.box) < MIN_BOX_IOU for d in named)))


def _hull(corners: Any) -> Any:
    from shapely.geometry import MultiPoint

    return MultiPoint(corners[:, [0, 2]]).convex_hull


def _polygon(outline: Any) -> Any:
    from shapely.geometry import Polygon

    shape = Polygon(outline)
    return shape if shape.is_valid else shape.buffer(0)
