"""`sceneforge evaluate layout`: walls, corners, room area, openings and gravity against the exact truth of rooms.

Without `data`, furnished rooms are made on the fly and looked at all around by a simulated depth camera, in a world
that is turned and tilted at random, so that nothing is aligned with its axes and gravity has to be found.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import Label, Plane, Scan, Scene, UsageError
from sceneforge.core.arrays import Float64
from sceneforge.core.scene_json import scene_from_dict
from sceneforge.core.transforms import make_transform, rotation_between, yaw_rotation
from sceneforge.io import load
from sceneforge.perception.device import plane_overlap
from sceneforge.perception.labelling import ON_WALLS, STRUCTURE
from sceneforge.perception.understand import understand_scan

from .made_rooms import KINDS, look_around
from .planes import match_planes

MIN_SEEN = 0.35
"""Of scans with their own truth: walls and pictures seen less are not asked for."""
NEAR_CORNER_M = 0.3


def evaluate(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Measure the layout of generated rooms.

    Args:
        data: Folder of generated scans (scan.yaml and truth.json); None makes one room of each kind.
        seed: Of the rooms that are made.

    Returns:
        {"name", "metrics", "cases"}: means over the cases, and each case's figures. Per case:

        - structure_f1, _recall, _precision: floor, ceiling and walls at an outline IoU of 0.5 (10 degrees, 0.1 m). Of
          scans with their own truth, walls seen less than `MIN_SEEN` are not asked for; one that was reported as far as
          it was seen, on the true plane and within its outline, is then neither right nor wrong;
        - structure_precision_all: the same, all that was reported counted: the seen end of a wall is wrong;
        - corners_found, corner_median_mm: true corners of the room with one of the found outline within 0.3 m;
        - area_error, height_error_mm: of the room;
        - openings_recall, _precision: doors, windows and pictures at IoU 0.25;
        - offset_within_2_sigma: share of matched planes off by no more than twice their own standard deviation
          (about 0.95 when `Plane.covariance` is right);
        - gravity_error_deg, where the capture did not state it.

    Raises:
        UsageError: `data` holds no generated scan.
    """
    if data is None:
        cases = [_made(kind, seed) for kind in KINDS]
    else:
        folders = [p for p in (data, *sorted(d for d in data.iterdir() if d.is_dir())) if (p / "truth.json").is_file()]
        if not folders:
            raise UsageError(f"{data} holds no generated scan (a folder with scan.yaml and truth.json)")
        cases = [_recorded(folder, seed) for folder in folders]
    names = [k for k in cases[0] if k != "case"]
    values = {k: [c[k] for c in cases if c.get(k) is not None] for k in names}
    return {
        "name": "layout",
        "metrics": {k: round(float(np.mean(v)), 4) if v else None for k, v in values.items()},
        "cases": cases,
    }


def measure(scene: Scene, truth: Scene, *, whole: bool = True) -> dict[str, Any]:
    """The figures of one case; `truth` in the scene's world. With `whole` False the room's size is not asked for."""
    walls = [p for p in truth.planes if p.label in STRUCTURE and p.observed_fraction >= MIN_SEEN]
    found = [p for p in scene.planes if p.label in STRUCTURE]
    matches = match_planes(found, [p for p in truth.planes if p.label in STRUCTURE])
    named = {m.reference.id for m in matches if m.predicted.label is m.reference.label}
    hit = {m.predicted.id for m in matches if m.predicted.label is m.reference.label}
    recall = _share([p.id in named for p in walls])
    little = [p for p in truth.planes if p.label in STRUCTURE and p.observed_fraction < MIN_SEEN]
    counted = [p for p in found if p.id in hit or not any(_part_of(p, q) for q in little)]
    precision = _share([p.id in hit for p in counted])
    f1 = 2 * recall * precision / (recall + precision) if recall and precision else 0.0
    sigma = [(abs(m.offset_m), _sigma(m.predicted, m.reference)) for m in matches]
    return {
        "structure_f1": round(f1, 4),
        "structure_recall": recall,
        "structure_precision": precision,
        "structure_precision_all": _share([p.id in hit for p in found]),
        **_room(scene, truth, whole),
        **_openings(scene, truth),
        "offset_within_2_sigma": _share([off <= 2 * s for off, s in sigma if s is not None]),
    }


def _part_of(found: Plane, true: Plane) -> bool:
    """Whether a plane lies on a true one of its label (10 degrees, 0.1 m), nine tenths of it within the outline."""
    import shapely

    off = (found.to_world(found.polygon) - true.origin) @ true.normal
    if found.label is not true.label or found.normal @ true.normal < np.cos(np.radians(10)) or np.abs(off).max() > 0.1:
        return False
    shape = shapely.Polygon(true.to_local(found.to_world(found.polygon))[:, [0, 2]]).buffer(0)
    outline = shapely.Polygon(true.polygon).buffer(0.1)
    return bool(shape.intersection(outline).area > 0.9 * shape.area)


def _sigma(found: Plane, true: Plane) -> float | None:
    """Standard deviation of the found plane at the middle of the true one."""
    at = found.to_local(true.origin)[[0, 2]]
    sigma = found.sigma_at(at)
    return None if sigma is None else float(sigma)


def _room(scene: Scene, truth: Scene, whole: bool) -> dict[str, Any]:
    import shapely

    true = truth.rooms[0]
    if not scene.rooms:
        return dict.fromkeys(("corners_found", "corner_median_mm", "area_error", "height_error_mm"))
    room = scene.rooms[0]
    away = np.linalg.norm(room.polygon[None] - true.polygon[:, None], axis=2).min(axis=1)
    near = away[away < NEAR_CORNER_M]
    area, wanted = (float(shapely.Polygon(r.polygon).area) for r in (room, true))
    height = None if room.height_m is None or true.height_m is None else abs(room.height_m - true.height_m)
    return {
        "corners_found": round(len(near) / len(away), 4),
        "corner_median_mm": round(1000 * float(np.median(near)), 1) if len(near) else None,
        "area_error": round(abs(area / wanted - 1), 4) if whole else None,
        "height_error_mm": None if height is None else round(1000 * height, 1),
    }


def _openings(scene: Scene, truth: Scene) -> dict[str, Any]:
    """Doors, windows and pictures, the label not counted between door and passage."""
    family = {Label.OPENING: Label.DOOR}
    asked = [p for p in truth.planes if p.label in ON_WALLS and p.area_m2 > 0.1 and _asked(p)]
    found = [p for p in scene.planes if p.label in ON_WALLS]

    def fits(p: Plane, q: Plane) -> bool:
        if family.get(p.label, p.label) is not family.get(q.label, q.label):
            return False
        overlap = plane_overlap(p, q)
        return overlap is not None and overlap[0] > 0.25 and overlap[1] < 10 and abs(overlap[2]) < 0.25

    every = [p for p in truth.planes if p.label in ON_WALLS]
    return {
        "openings_recall": _share([any(fits(p, q) for p in found) for q in asked]),
        "openings_precision": _share([any(fits(p, q) for q in every) for p in found]),
    }


def _asked(p: Plane) -> bool:
    return p.observed_fraction >= MIN_SEEN


def _recorded(folder: Path, seed: int) -> dict[str, Any]:
    scan = load(folder)
    assert isinstance(scan, Scan)
    document = json.loads((folder / "truth.json").read_bytes())
    truth = scene_from_dict({k: v for k, v in document.items() if k != "synth"}, path=folder / "truth.json")
    scene, _ = understand_scan(scan, seed=seed)
    return {"case": folder.name, **measure(scene, truth, whole=False), "gravity_error_deg": None}


def _made(kind: str, seed: int) -> dict[str, Any]:
    """A room made on the fly, tilted, seen all around, and understood without being told what is up."""
    rng = np.random.Generator(np.random.PCG64([seed, KINDS.index(kind), 77]))
    tilt = rotation_between((0, 1, 0), rng.normal((0, 1, 0), 0.3)) @ yaw_rotation(float(rng.uniform(-3, 3)))
    T_source_room = make_transform(tilt, rng.uniform(-2, 2, 3))
    scan, truth = look_around(kind, seed, T_source_room)
    scene, _ = understand_scan(scan, seed=seed)
    T_scene_room = scene.T_scene_source @ T_source_room
    moved = replace(
        truth,
        planes=tuple(replace(p, T_world_plane=T_scene_room @ p.T_world_plane) for p in truth.planes),
        rooms=tuple(replace(r, polygon=_in_plan(T_scene_room, r.polygon)) for r in truth.rooms),
    )
    error = float(np.degrees(np.arccos(np.clip(T_scene_room[1, 1], -1, 1))))
    return {"case": f"{kind}_{seed}", **measure(scene, moved), "gravity_error_deg": round(error, 4)}


def _in_plan(T: Float64, ring: Float64) -> Float64:
    p = np.stack([ring[:, 0], np.zeros(len(ring)), ring[:, 1]], axis=1) @ T[:3, :3].T + T[:3, 3]
    return np.asarray(p[:, [0, 2]])


def _share(values: Sequence[bool]) -> float | None:
    return round(float(np.mean(values)), 4) if len(values) else None
