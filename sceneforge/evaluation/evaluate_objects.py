"""`sceneforge evaluate objects`: boxes and labels of furniture against the exact truth of rooms.

Without `data`, furnished rooms are made on the fly and looked at all around by a simulated depth camera.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import InputError, Label, Scan, Scene, SceneObject, UsageError
from sceneforge.core.arrays import Float64
from sceneforge.core.scene_json import scene_from_dict
from sceneforge.io import load
from sceneforge.perception.device import box_iou
from sceneforge.perception.understand import understand_scan

from .made_rooms import KINDS, look_around

MIN_IOU = 0.25
MIN_SIZE_M = 0.35
"""Smaller things are not asked for ..."""
MIN_DEEP_M = 0.12
"""... nor flatter ones: pictures, rugs, curtains and radiators are parts of the wall or the floor to geometry."""
MIN_SHARE = 0.01
"""Of a scan with its own truth, a thing is asked for when it fills this much of the picture ..."""
MIN_FRAMES = 5
"""... in so many frames."""
FAMILY = {
    Label.DESK: Label.TABLE,
    Label.SHELF: Label.STORAGE,
    Label.CABINET: Label.STORAGE,
    Label.BOOKS: Label.OTHER,
    Label.BOX: Label.OTHER,
    Label.TRASH_CAN: Label.OTHER,
}
"""What geometry does not tell apart counts as one."""


def evaluate(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Measure the objects of generated rooms.

    Args:
        data: Folder of generated scans with full truth (`truth_objects`); None makes one room of each kind.
        seed: Of the rooms that are made.

    Returns:
        {"name", "metrics", "cases"}: figures over all things, and of each case.

        - recall, precision: one to one matches at an oriented IoU above 0.25, labels not counted. Asked for are things
          of at least 35 cm, 12 cm deep, that were in view; what was found may be any true thing, however small;
        - recall_50: likewise at IoU 0.5;
        - median_iou: of the matches;
        - label_accuracy: share of the matched things that have their label (cabinets, shelves and storage are one, so
          are tables and desks);
        - named: by label, [matched, with the right label, asked for].

    Raises:
        UsageError: `data` holds no generated scan with full truth.
    """
    if data is None:
        cases = [_made(kind, seed) for kind in KINDS]
    else:
        folders = [
            p for p in (data, *sorted(d for d in data.iterdir() if d.is_dir())) if (p / "truth_objects").is_dir()
        ]
        if not folders:
            raise UsageError(f"{data} holds no generated scan with full truth (a folder with truth_objects)")
        cases = [_recorded(folder, seed) for folder in folders]
    return {"name": "objects", "metrics": pooled([c["counts"] for c in cases]), "cases": [_figures(c) for c in cases]}


def measure(scene: Scene, things: Sequence[SceneObject], asked: Sequence[bool]) -> dict[str, Any]:
    """Counts of one case, for `pooled`.

    Args:
        scene: What was found.
        things: What is there, in the scene's world.
        asked: For each of them, whether it must be found.
    """
    iou = np.array([[box_iou(t.box, o.box) for o in scene.objects] for t in things]).reshape(len(things), -1)
    must = np.flatnonzero(asked)
    named: dict[str, list[int]] = {}
    matches = matched(iou[must])
    hit = {int(must[i]): j for i, j in matches}
    for i in must.tolist():
        wanted = _family(things[i].label)
        row = named.setdefault(str(wanted), [0, 0, 0])
        row[2] += 1
        if i in hit:
            row[0] += 1
            row[1] += _family(scene.objects[hit[i]].label) is wanted
    return {
        "asked": len(must),
        "found": len(matches),
        "found_50": len(matched(iou[must], 0.5)),
        "reported": len(scene.objects),
        "true": len(matched(iou)),
        "iou": [round(float(iou[i, j]), 4) for i, j in hit.items()],
        "named": named,
    }


def pooled(counts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures over several cases' counts."""
    total = {k: sum(c[k] for c in counts) for k in ("asked", "found", "found_50", "reported", "true")}
    named: dict[str, list[int]] = {}
    for c in counts:
        for label, row in c["named"].items():
            named[label] = [a + b for a, b in zip(named.get(label, [0, 0, 0]), row, strict=True)]
    right = sum(row[1] for row in named.values())
    overlaps = [v for c in counts for v in c["iou"]]
    return {
        "recall": _share(total["found"], total["asked"]),
        "recall_50": _share(total["found_50"], total["asked"]),
        "precision": _share(total["true"], total["reported"]),
        "median_iou": round(float(np.median(overlaps)), 4) if overlaps else None,
        "label_accuracy": _share(right, total["found"]),
        **total,
        "named": dict(sorted(named.items())),
    }


def matched(iou: Float64, least: float = MIN_IOU) -> list[tuple[int, int]]:
    """One to one matches (row, column) above `least` with the largest sum."""
    from scipy.optimize import linear_sum_assignment

    if not iou.size:
        return []
    rows, columns = linear_sum_assignment(-np.where(iou > least, iou, 0))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if iou[i, j] > least]


def is_asked(thing: SceneObject) -> bool:
    """Whether a true thing is large and deep enough to be asked for."""
    flat = thing.label in (Label.CURTAIN, Label.RADIATOR, Label.WALL_ART, Label.RUG)
    return bool(thing.box.size.max() >= MIN_SIZE_M and thing.box.size.min() >= MIN_DEEP_M and not flat)


def _made(kind: str, seed: int) -> dict[str, Any]:
    scan, truth = look_around(kind, seed, np.eye(4), inward=True)
    scene, _ = understand_scan(scan, seed=seed)
    moved = [_moved(o, scene.T_scene_source) for o in truth.objects]
    return {"case": f"{kind}_{seed}", "counts": measure(scene, moved, [is_asked(o) for o in moved])}


def _recorded(folder: Path, seed: int) -> dict[str, Any]:
    scan = load(folder)
    if not isinstance(scan, Scan):
        raise InputError("not a scan", path=folder, expected="a folder that `sceneforge synth` wrote")
    document = json.loads((folder / "truth.json").read_bytes())
    truth = scene_from_dict({k: v for k, v in document.items() if k != "synth"}, path=folder / "truth.json")
    scene, _ = understand_scan(scan, seed=seed)
    moved = [_moved(o, scene.T_scene_source) for o in truth.objects]
    seen = in_view(folder, len(moved))
    return {
        "case": folder.name,
        "counts": measure(scene, moved, [is_asked(o) and s for o, s in zip(moved, seen, strict=True)]),
    }


def in_view(folder: Path, count: int) -> list[bool]:
    """For each true thing, whether it fills enough of enough frames."""
    import cv2

    frames = np.zeros(count + 1, np.int64)
    for path in sorted((folder / "truth_objects").glob("*.png")):
        ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if ids is None:
            raise InputError("cannot be decoded", path=path, expected="a 16-bit PNG")
        frames += np.bincount(ids.ravel(), minlength=count + 1)[: count + 1] > MIN_SHARE * ids.size
    return [bool(n >= MIN_FRAMES) for n in frames[1:]]


def _moved(o: SceneObject, T: Float64) -> SceneObject:
    return replace(o, box=replace(o.box, T_world_box=T @ o.box.T_world_box))


def _figures(case: dict[str, Any]) -> dict[str, Any]:
    return {"case": case["case"], **pooled([case["counts"]])}


def _family(label: Label) -> Label:
    return FAMILY.get(label, label)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
