"""What the headset itself says of a room, kept beside what the geometry shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sceneforge.core import Label, OrientedBox, Plane, Scene, SceneObject
from sceneforge.core.arrays import Float32

from .device_openings import instances_on_walls, put_on_walls
from .labelling import STRUCTURE
from .relations import find_relations
from .rooms import find_rooms, with_openings
from .surfaces import label_mesh

MAX_ANGLE_DEG = 10.0
MAX_OFFSET_M = 0.10
MAX_REPAIR_M = 0.3
"""A floor, wall or ceiling of the device this far off the mesh is still that of the mesh, put down wrongly."""
MIN_PLANE_IOU = 0.5
MIN_BOX_IOU = 0.25
MIN_POINTS = 5
"""Fewer points of the surface in a box are what stands beside it."""
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
            extra.append(
                replace(d, id=name, confidence=UNSEEN_TRUST, scores=scores, observed_fraction=0.0, source="device")
            )
        elif d.label not in (Label.OTHER, Label.UNLABELLED):
            p = planes[best]
            scores = {k: round((1 - TRUST) * v, 6) for k, v in p.scores.items()}
            scores[str(d.label)] = round(scores.get(str(d.label), 0.0) + TRUST, 6)
            planes[best] = replace(p, label=d.label, confidence=scores[str(d.label)], scores=scores, source="both")
        else:
            planes[best] = replace(planes[best], source="both")
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


def with_device_objects(
    found: Sequence[SceneObject], device: Sequence[SceneObject], surface: Float32
) -> tuple[tuple[SceneObject, ...], list[str]]:
    """The device's boxes, called "device_object_N", and those found where the device has none.

    Args:
        found: Objects of the geometry.
        device: The device's.
        surface: (N, 3) points of the scanned surface.

    Returns:
        (The objects; a line for each of the device's in which nothing was scanned, and which is trusted less).
    """
    named: list[SceneObject] = []
    notes: list[str] = []
    for i, d in enumerate(device):
        seen = any(box_iou(o.box, d.box) >= MIN_BOX_IOU for o in found)
        thing = replace(d, id=f"device_object_{i}", source="both" if seen else "device")
        if not seen and _points_inside(surface, d.box) < MIN_POINTS:
            scores = {str(d.label): UNSEEN_TRUST, str(Label.UNLABELLED): 1 - UNSEEN_TRUST}
            thing = replace(thing, confidence=UNSEEN_TRUST, scores=scores)
            notes.append(f"nothing was scanned where the device has a {d.label} ({thing.id})")
        named.append(thing)
    return (*named, *(o for o in found if all(box_iou(o.box, d.box) < MIN_BOX_IOU for d in named))), notes


def with_entities(scene: Scene, planes: Sequence[Plane], boxes: Sequence[SceneObject]) -> tuple[Scene, list[str]]:
    """The scene with a device's own planes and boxes, checked against what was scanned and put right.

    They name what geometry cannot. Every plane and object says in `source` who knows of it.

    Args:
        scene: Understood from the capture's mesh.
        planes: The device's, in the scene's world.
        boxes: Likewise.

    Returns:
        (The scene; a line for each entity that disagrees with the scan).
    """
    assert scene.mesh is not None and scene.mesh.instances is not None
    notes = misplaced(scene.planes, planes)
    every = with_device_planes(scene.planes, planes)
    placed, moved = put_on_walls(every, len(scene.planes))
    objects, unseen = with_device_objects(scene.objects, boxes, scene.mesh.vertices)
    instances = instances_on_walls(scene.mesh, scene.mesh.instances - np.int32(1), placed)
    mesh = label_mesh(scene.mesh, tuple(placed), instances)
    graph = find_relations(tuple(placed), objects)
    rooms = with_openings(scene.rooms or find_rooms(tuple(placed)), tuple(placed))
    scene = replace(scene, planes=tuple(placed), objects=objects, rooms=rooms, graph=graph, mesh=mesh)
    return scene, [*notes, *moved, *unseen]


def _points_inside(points: Float32, box: OrientedBox) -> int:
    """Points in a box, less those in the 5 cm over its bottom: they may be of what it stands on."""
    local = (points - box.T_world_box[:3, 3]) @ box.T_world_box[:3, :3]
    inside = (np.abs(local) <= box.size / 2 + 0.03).all(axis=1)
    return int((inside & (local[:, 1] > 0.05 - box.size[1] / 2)).sum())


def _hull(corners: Any) -> Any:
    from shapely.geometry import MultiPoint

    return MultiPoint(corners[:, [0, 2]]).convex_hull


def _polygon(outline: Any) -> Any:
    from shapely.geometry import Polygon

    shape = Polygon(outline)
    return shape if shape.is_valid else shape.buffer(0)
