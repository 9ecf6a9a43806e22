"""`sceneforge evaluate rooms --data DIR`: headset room captures, from their mesh alone and with what the device says.

The device's entities are the reference: a person set them up or confirmed them, which is good and no survey. What its
mesh shows of the doors, windows and pictures is measured too: whether the surface changes along their outlines more
than along rectangles of the same size elsewhere on the same wall.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import Label, Mesh, Plane, RoomCapture, Scene, SceneForgeError, UsageError
from sceneforge.core.arrays import Float64
from sceneforge.io import load
from sceneforge.perception.device import box_iou, plane_overlap
from sceneforge.perception.labelling import ON_WALLS, STRUCTURE
from sceneforge.perception.understand import understand_room

from .planes import match_planes

CELL_M = 0.01
RELIEF_M = 0.012
"""Surface this far off its wall stands out or back; headsets flatten what is nearer."""
BAND = 4
"""Half the width of an outline, cells."""
PLACES = 300
"""Rectangles that an outline is compared with."""
MIN_IOU = 0.25
BEFORE_M = 0.3


def evaluate(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Measure on every room capture with a mesh and device entities under `data`.

    Returns:
        {"name", "metrics", "cases"}. Per case, "alone" (the mesh alone) and "kept" (the whole capture) hold [found, of,
        reported] of structure (angle < 10 degrees, offset < 0.1 m, IoU > 0.5), boxes and openings (IoU > 0.25, labels
        of boxes not counted); "shown" says of each opening which share of random rectangles of its size on its wall has
        less relief and fewer edges of triangles along its outline (against its inside): 0.5 is chance. Metrics are the
        sums, and how many openings stand out from 95 % of the rectangles.

    Raises:
        UsageError: `data` is missing or holds no such capture.
    """
    rooms = _rooms(data) if data is not None else []
    if not rooms:
        raise UsageError("evaluate rooms needs --data with room captures that hold a mesh and device entities")
    cases = [_case(room, seed) for room in rooms]
    metrics: dict[str, Any] = {}
    for way in ("alone", "kept"):
        for what in ("structure", "boxes", "openings"):
            metrics[f"{what}_{way}"] = np.sum([c[way][what] for c in cases], axis=0).tolist()
    shown = [s for c in cases for s in c["shown"]]
    for kind in ("relief", "edges"):
        metrics[f"openings_shown_by_{kind}"] = [sum(s[kind] > 0.95 for s in shown), len(shown)]
    return {"name": "rooms", "metrics": metrics, "cases": cases}


def _rooms(data: Path) -> list[RoomCapture]:
    found = []
    for path in sorted(p for p in (data, *data.iterdir(), *data.glob("*/*.json")) if p.exists()):
        try:
            capture = load(path)
        except SceneForgeError:
            continue
        if isinstance(capture, RoomCapture) and capture.mesh is not None and capture.planes:
            found.append(capture)
    return found


def _case(room: RoomCapture, seed: int) -> dict[str, Any]:
    alone, _ = understand_room(replace(room, planes=(), objects=()))
    kept, _ = understand_room(room)
    assert room.mesh is not None
    openings = [p for p in room.planes if p.label in ON_WALLS]
    walls = [p for p in room.planes if p.label is Label.WALL]
    pairs = [(p, wall) for p in openings if (wall := _wall_of(p, walls)) is not None]
    return {
        "case": room.name,
        "alone": _found(alone, room),
        "kept": _found(kept, room),
        "shown": [{"id": p.id, "label": str(p.label), **_shown(p, wall, room.mesh, seed)} for p, wall in pairs],
    }


def _found(scene: Scene, room: RoomCapture) -> dict[str, list[int]]:
    asked = [p for p in room.planes if p.label in STRUCTURE]
    structure = [p for p in scene.planes if p.label in STRUCTURE]
    openings = [p for p in room.planes if p.label in ON_WALLS]
    reported = [p for p in scene.planes if p.label in ON_WALLS]
    boxes = np.array([[box_iou(a.box, b.box) for b in scene.objects] for a in room.objects])
    overlaps = np.array([[_overlap(a, b) for b in reported] for a in openings])
    return {
        "structure": [len(match_planes(structure, asked)), len(asked), len(structure)],
        "boxes": [_pairs(boxes), len(room.objects), len(scene.objects)],
        "openings": [_pairs(overlaps), len(openings), len(reported)],
    }


def _overlap(wanted: Plane, found: Plane) -> float:
    """IoU of an opening with one of its own label, on the same wall; 0 for others."""
    overlap = plane_overlap(found, wanted) if found.label is wanted.label else None
    return overlap[0] if overlap and overlap[1] < 10 and abs(overlap[2]) < BEFORE_M else 0.0


def _pairs(iou: Float64) -> int:
    """One to one matches above 0.25."""
    from scipy.optimize import linear_sum_assignment

    if not iou.size:
        return 0
    rows, columns = linear_sum_assignment(-np.where(iou > MIN_IOU, iou, 0))
    return int((iou[rows, columns] > MIN_IOU).sum())


def _wall_of(opening: Plane, walls: list[Plane]) -> Plane | None:
    """The device's wall that an opening lies on."""
    pairs = [(o, i) for i, w in enumerate(walls) if (o := plane_overlap(opening, w)) and o[1] < 10]
    near = [(o[0], -i) for o, i in pairs if abs(o[2]) < BEFORE_M]
    return walls[-max(near)[1]] if near else None


def _shown(opening: Plane, wall: Plane, mesh: Mesh, seed: int) -> dict[str, float]:
    """Share of random rectangles on the wall whose outline shows less, by relief and by edges of triangles."""
    low, high = wall.polygon.min(axis=0), wall.polygon.max(axis=0)
    relief, edges = _maps(wall, mesh, low, high)
    local = (wall.to_local(opening.to_world(opening.polygon))[:, [0, 2]] - low) / CELL_M
    first, last = np.round(local.min(axis=0)).astype(int), np.round(local.max(axis=0)).astype(int)
    first, last = np.maximum(first, 0), np.minimum(last, relief.shape)
    size = last - first
    rng = np.random.default_rng(seed)
    span = np.maximum(np.array(relief.shape) - size, 0)
    places = [rng.integers(0, span + 1) for _ in range(PLACES)]
    if opening.label is Label.DOOR:  # doors stand on the floor
        places = [np.array([p[0], first[1]]) for p in places]
    out = {}
    for name, values in (("relief", relief), ("edges", edges)):
        own = _contrast(values, first, size)
        others = np.array([_contrast(values, p, size) for p in places])
        # Ties count half: on a wall without any relief every place is alike.
        out[name] = round(float((others < own - 1e-9).mean() + 0.5 * (np.abs(others - own) <= 1e-9).mean()), 3)
    return out


def _maps(wall: Plane, mesh: Mesh, low: Float64, high: Float64) -> tuple[Float64, Float64]:
    """On cells of the wall, by [x, z]: whether the surface is off it, and whether an edge of the mesh runs there."""
    import open3d as o3d

    shape = np.maximum(((high - low) / CELL_M).astype(int), 1)
    x, z = (low[k] + (np.arange(shape[k]) + 0.5) * CELL_M for k in range(2))
    X, Z = np.meshgrid(x, z, indexing="ij")
    origins = wall.to_world(np.stack([X.ravel(), Z.ravel()], axis=1)) + BEFORE_M * wall.normal
    caster = o3d.t.geometry.RaycastingScene()
    caster.add_triangles(o3d.core.Tensor(mesh.vertices.copy()), o3d.core.Tensor(mesh.faces.astype(np.uint32)))
    rays = np.concatenate([origins, np.broadcast_to(-wall.normal, origins.shape)], axis=1).astype(np.float32)
    hit = caster.cast_rays(o3d.core.Tensor(rays))
    off = BEFORE_M - hit["t_hit"].numpy().astype(np.float64).reshape(shape)
    triangle = hit["primitive_ids"].numpy().astype(np.int64).reshape(shape)
    edges = np.zeros(shape)
    edges[1:] += triangle[1:] != triangle[:-1]
    edges[:, 1:] += triangle[:, 1:] != triangle[:, :-1]
    return (~(np.abs(off) < RELIEF_M)).astype(np.float64), np.minimum(edges, 1)


def _contrast(values: Float64, first: Any, size: Any) -> float:
    """Mean on the outline of a rectangle of cells less that inside; the wall's own rim is left out."""
    rim = BAND + 2
    grid = np.array(values.shape)
    outer = values[_slices(np.maximum(first - BAND, rim), np.minimum(first + size + BAND, grid - rim))]
    inner = values[_slices(np.maximum(first + BAND, rim), np.minimum(first + size - BAND, grid - rim))]
    band = outer.size - inner.size
    if band <= 0 or not inner.size:
        return 0.0
    return float((outer.sum() - inner.sum()) / band - inner.mean())


def _slices(first: Any, last: Any) -> tuple[slice, slice]:
    return slice(int(first[0]), int(max(last[0], first[0]))), slice(int(first[1]), int(max(last[1], first[1])))
