"""`sceneforge evaluate scene`: planes, boxes, surface, track and contact against the exact truth of generated scans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import Camera, Label, Request, Scan, ScanError, Scene, UsageError
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.scene_json import scene_from_dict
from sceneforge.data import sample_content, sample_scan
from sceneforge.io import load, load_content
from sceneforge.perception.device import box_iou
from sceneforge.perception.labelling import STRUCTURE
from sceneforge.pipeline import arrange, understand

from .planes import match_planes
from .trajectory import trajectory_error

MIN_SEEN = 0.35
"""Reference planes seen less than this are not asked for."""
MIN_AREA_M2 = 0.10
"""Nor are smaller ones."""
LABEL_FAMILY = {Label.DESK: Label.TABLE, Label.COUNTER: Label.TABLE, Label.COUCH: Label.SEAT, Label.CHAIR: Label.SEAT}


def evaluate(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Measure on every generated scan under `data`, or on the embedded sample.

    Returns:
        {"name", "metrics", "cases"}: means over the cases, and each case's figures. Per case:

        - planes: precision and recall of floor, ceiling and walls, recall of tables and seats, median angle, offset
          and IoU of the matches, and the share with the right label;
        - boxes: recall of furniture at oriented IoU 0.25, label not counted;
        - surface: median distance along the ray between mesh and true depth, and share within 30 mm;
        - track: ATE RMSE with the poses withheld, and the share of frames tracked;
        - contact: signed height of the rover's base above the true surface under it.

    Raises:
        UsageError: `data` holds no generated scan.
    """
    if data is None:
        folders = [sample_scan("living_room")]
    else:
        folders = [p for p in (data, *sorted(d for d in data.iterdir() if d.is_dir())) if (p / "truth.json").is_file()]
    if not folders:
        raise UsageError(f"{data} holds no generated scan (a folder with scan.yaml and truth.json)")
    cases = [_case(folder, seed) for folder in folders]
    names = [k for k in cases[0] if isinstance(cases[0][k], int | float)]
    means = {k: _mean([c[k] for c in cases if c[k] is not None]) for k in names}
    return {"name": "scene", "metrics": means, "cases": cases}


def _case(folder: Path, seed: int) -> dict[str, Any]:
    scan = load(folder)
    assert isinstance(scan, Scan)
    document = json.loads((folder / "truth.json").read_bytes())
    truth = scene_from_dict({k: v for k, v in document.items() if k != "synth"}, path=folder / "truth.json")
    true_track = np.array([t["T_world_camera"] for t in document["synth"]["track"]], dtype=np.float64)
    scene = understand(scan, seed=seed)
    return {
        "case": folder.name,
        **_planes(scene, truth),
        **_boxes(scene, truth),
        **_surface(scene, folder, scan.sources[0].depth_camera),
        **_track(scan, true_track, seed),
        **_contact(scene, truth, seed),
    }


def _planes(scene: Scene, truth: Scene) -> dict[str, Any]:
    asked = [p for p in truth.planes if p.observed_fraction >= MIN_SEEN and p.area_m2 >= MIN_AREA_M2]
    structure = [p for p in asked if p.label in STRUCTURE]
    tops = [p for p in asked if _family(p.label) in (Label.TABLE, Label.SEAT)]
    found = [p for p in scene.planes if p.label in STRUCTURE]
    matches = match_planes(scene.planes, asked)
    named = {m.reference.id for m in matches}
    right = [m for m in matches if _family(m.reference.label) is _family(m.predicted.label)]
    tried = [m for m in matches if _family(m.reference.label) in (*STRUCTURE, Label.TABLE, Label.SEAT)]
    return {
        "structure_recall": _share([p.id in named for p in structure]),
        "structure_precision": _share(
            [any(m.predicted is p for m in match_planes(found, truth.planes, min_iou=0.25)) for p in found]
        ),
        "tops_recall": _share([p.id in named for p in tops]),
        "label_accuracy": _share([m in right for m in tried]),
        "plane_angle_deg": _median([m.angle_deg for m in matches]),
        "plane_offset_mm": _median([1000 * abs(m.offset_m) for m in matches]),
        "plane_iou": _median([m.iou for m in matches]),
        "floor_offset_mm": _median([1000 * m.offset_m for m in matches if m.reference.label is Label.FLOOR]),
    }


def _boxes(scene: Scene, truth: Scene) -> dict[str, Any]:
    furniture = [o for o in truth.objects if o.box.size.max() > 0.4 and o.label not in (Label.RUG, Label.WALL_ART)]
    best = [max((box_iou(o.box, p.box) for p in scene.objects), default=0.0) for o in furniture]
    return {"boxes_recall_25": _share([b > 0.25 for b in best])}


def _surface(scene: Scene, folder: Path, camera: Camera) -> dict[str, Any]:
    """Mesh against clean depth, where there is any."""
    import cv2
    import open3d as o3d

    assert scene.mesh is not None and scene.track is not None
    caster = o3d.t.geometry.RaycastingScene()
    caster.add_triangles(
        o3d.core.Tensor(scene.mesh.vertices.copy()), o3d.core.Tensor(scene.mesh.faces.astype(np.uint32))
    )
    errors: list[Float32] = []
    for path in sorted((folder / "truth_depth").glob("*.png")):
        index = [s.stem for s in sorted((folder / "depth").glob("*.png"))].index(path.stem)
        if index not in scene.track.indices:
            continue
        T = scene.track.T_world_camera[scene.track.indices.index(index)]
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if stored is None:
            raise ScanError("cannot be decoded", path=path, expected="a 16-bit PNG")
        true = stored.astype(np.float32) * np.float32(0.0002)
        # Not create_rays_pinhole: its pixel centres lie half a pixel off ours.
        directions = camera.rays() @ T[:3, :3].T.astype(np.float32)
        origins = np.broadcast_to(T[:3, 3].astype(np.float32), directions.shape)
        t = caster.cast_rays(o3d.core.Tensor(np.concatenate([origins, directions], axis=2)))["t_hit"].numpy()
        both = np.isfinite(t) & (true > 0) & (true < 4.0)
        errors.append(np.abs(t[both] - true[both]))
    if not errors:
        return {"surface_median_mm": None, "surface_within_30mm": None}
    e = np.concatenate(errors)
    return {
        "surface_median_mm": round(1000 * float(np.median(e)), 2),
        "surface_within_30mm": round(float((e < 0.03).mean()), 4),
    }


def _track(scan: Scan, true_track: Float64, seed: int) -> dict[str, Any]:
    from sceneforge.perception.tracking import track

    poses = track(scan, seed=seed).T_world_camera
    error = trajectory_error(poses, list(true_track))
    return {
        "ate_rmse_m": round(error.ate_rmse_m, 4),
        "tracked": _share([p is not None for p in poses]),
    }


def _contact(scene: Scene, truth: Scene, seed: int) -> dict[str, Any]:
    rover = load_content(sample_content("rover"))
    arrangement = arrange(scene, [Request("rover", rover, on=("table", "largest_horizontal"))], seed=seed)
    if not arrangement.placements:
        return {"placed": 0.0, "contact_mm": None, "certificate_gap_mm": None}
    placed = arrangement.placements[0]
    base = placed.T_world_content[:3, 3]
    # The surface that truly carries it: the highest one that is not well above its base.
    carrying = [p for p in truth.planes if p.normal[1] > 0.9 and _contains(p, base) and p.to_local(base)[1] > -0.3]
    height = min((float(p.to_local(base)[1]) for p in carrying), default=None)
    return {
        "placed": 1.0,
        "contact_mm": None if height is None else round(1000 * height, 2),
        "certificate_gap_mm": round(1000 * placed.certificate.contact_gap_m, 2),
    }


def _contains(plane: Any, point: Float64) -> bool:
    from shapely.geometry import Point, Polygon

    local = plane.to_local(point)
    return bool(Polygon(plane.polygon).contains(Point(local[0], local[2])))


def _family(label: Label) -> Label:
    return LABEL_FAMILY.get(label, label)


def _share(values: list[bool]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def _median(values: list[float]) -> float | None:
    return round(float(np.median(values)), 3) if values else None


def _mean(values: list[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
