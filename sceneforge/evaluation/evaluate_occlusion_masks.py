"""`sceneforge evaluate occlusion_masks`: a virtual slab behind and between real things, against masks of the things.

Single RGB-D frames without mesh or track, as the mOSD set of table tops has them (NAME_color.png, NAME_depth_mm.png,
NAME_label.png: 0 not labelled, 1 the table, from 20 on things). The slab stands upright on the table right behind a
thing: it must be hidden exactly by the things before it, and seen before all that stands behind it. Pixels without a
label, and things that the slab would cut, are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, Frame, InputError, Label, Plane, Scene, UsageError
from sceneforge.core.arrays import Float32
from sceneforge.core.transforms import make_transform
from sceneforge.rendering.occlusion import occlusion
from sceneforge.rendering.occlusion_score import OcclusionScore
from sceneforge.rendering.room_view import RoomViewer

from .evaluate_occlusion import nearest_reading
from .occlusion import Bools, boundary_band, harmonic_iou, mean_known

INTRINSICS = 525.0, 525.0, 319.5, 239.5
"""fx, fy, cx, cy of the set's Kinect."""
TABLE, FIRST_THING = 1, 20
BEHIND_M, HEIGHT_M, MARGIN_M = 0.03, 0.35, 0.15
"""How far behind a thing the slab stands, how high it is, and how far it reaches out to either side."""


@dataclass(frozen=True)
class _Picture:
    frame: Frame
    labels: NDArray[np.uint16]
    scene: Scene


def evaluate(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Measure on every labelled frame in the folder `data`.

    Returns:
        {"name", "metrics", "cases"}: per method ("ours", "raw") iou, the harmonic mean of the IoU of hidden and seen
        pixels of the slab, band_iou and band_wrong, the same within the boundary band, and edge_px, the distance of the
        decision's edge from the picture's (`OcclusionScore`), for the masks themselves too: masks that were drawn on
        depth have depth's own fattened edges, and then only edge_px says which edge is the better one. A case is a
        slab.

    Raises:
        UsageError: There is no folder of labelled frames.
    """
    del seed  # nothing is drawn by chance
    names = [] if data is None else sorted(p.name.removesuffix("_label.png") for p in data.glob("*_label.png"))
    if data is None or not names:
        raise UsageError("give --data a folder with NAME_color.png, NAME_depth_mm.png and NAME_label.png")
    cases = [case for name in names for case in _cases(name, _picture(data, name))]
    keys = ("iou", "band_iou", "band_wrong", "edge_px")
    metrics = {m: {k: round(mean_known(c[m][k] for c in cases), 4) for k in keys} for m in ("ours", "raw")}
    metrics["mask"] = {"edge_px": round(mean_known(c["mask"]["edge_px"] for c in cases), 4)}
    return {"name": "occlusion_masks", "metrics": metrics, "cases": cases}


def _picture(folder: Path, name: str) -> _Picture:
    color, depth, labels = (_image(folder / f"{name}_{kind}.png") for kind in ("color", "depth_mm", "label"))
    h, w = depth.shape
    camera = Camera(w, h, *INTRINSICS)
    metres = depth.astype(np.float32) * np.float32(0.001)
    frame = Frame(0, name, 0.0, np.ascontiguousarray(color[..., ::-1]), metres, camera, camera, np.eye(4))
    return _Picture(frame, labels, Scene(planes=(_table(frame, labels),)))


def _image(path: Path) -> NDArray[Any]:
    import cv2

    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise InputError("cannot be decoded", path=path, expected="a PNG")
    return np.asarray(image)


def _table(frame: Frame, labels: NDArray[np.uint16]) -> Plane:
    """The plane through the labelled table, normal towards the camera."""
    points = frame.camera.backproject(frame.depth)[(labels == TABLE) & (frame.depth > 0)].astype(np.float64)
    middle = np.median(points, axis=0)
    for _ in range(5):  # the rim's readings are far off
        centre = points.mean(axis=0)
        normal = np.linalg.svd((points - centre)[::7], full_matrices=False)[2][2]
        off = np.abs((points - centre) @ normal)
        points = points[off <= max(2.5 * float(np.sqrt(np.mean(off**2))), 0.004)]
    normal = -normal if normal @ centre > 0 else normal
    x = np.cross(normal, (0.0, 0.0, 1.0))
    x /= np.linalg.norm(x)
    T = make_transform(
        np.column_stack([x, normal, np.cross(x, normal)]), middle - normal * ((middle - centre) @ normal)
    )
    return Plane("table", Label.TABLE, 1.0, T, np.array([[-1.0, -1], [-1, 1], [1, 1], [1, -1]]), area_m2=4.0)


def _cases(name: str, picture: _Picture) -> list[dict[str, Any]]:
    view = RoomViewer(picture.scene).see(picture.frame, np.eye(4))
    table = picture.scene.planes[0]
    planes = np.array([[*table.normal, float(table.normal @ table.origin)]])
    sensor = nearest_reading(picture.frame)
    out = []
    for number in (int(n) for n in np.unique(picture.labels) if n >= FIRST_THING):
        z, hidden, counted = _slab(picture, table, number)
        if np.count_nonzero(hidden & counted) < 200:
            continue
        coverage = np.isfinite(z).astype(np.float32)
        stands = np.zeros(z.shape, dtype=np.int32)
        camera = picture.frame.camera
        share = occlusion(view, z, coverage, camera, np.eye(4), plane_of=stands, planes=planes).visible
        tests = {"ours": share > 0.5, "raw": (sensor <= 0) | (z < sensor)}
        band = boundary_band(~hidden) & counted
        case: dict[str, Any] = {"case": f"{name}_{number}"}
        for method, visible in (*tests.items(), ("mask", ~hidden)):
            score = OcclusionScore()
            score.add_edges(picture.frame.color, visible.astype(np.float32), coverage, view.cover)
            edges = {"edge_px": float("nan") if score.boundary_px is None else round(score.boundary_px, 3)}
            case[method] = edges if method == "mask" else {**_figures(visible, ~hidden, counted, band), **edges}
        out.append(case)
    return out


def _figures(visible: Bools, truth: Bools, counted: Bools, band: Bools) -> dict[str, float]:
    return {
        "iou": round(harmonic_iou(visible, truth, counted), 4),
        "band_iou": round(harmonic_iou(visible, truth, band), 4),
        "band_wrong": round(float((visible != truth)[band].mean()), 4),
    }


def _slab(picture: _Picture, table: Plane, number: int) -> tuple[Float32, Bools, Bools]:
    """The slab right behind a thing: (H, W) z-depth (inf = not there), where truth hides it, where truth is known."""
    frame, labels = picture.frame, picture.labels
    points = frame.camera.backproject(frame.depth).astype(np.float64)
    up = table.normal
    away = np.array([0.0, 0.0, 1.0]) - up * up[2]
    away /= np.linalg.norm(away)
    side = np.cross(up, away)
    reach = points @ away
    at = float(np.percentile(reach[labels == number], 98)) + BEHIND_M
    rays = frame.camera.rays().astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = at / (rays @ away)
    hit = rays * z[..., None]
    height = (hit - table.origin) @ up
    own = points[labels == number] @ side
    across = hit @ side
    there = (z > 0) & (height >= 0) & (height < HEIGHT_M)
    there &= (across > own.min() - MARGIN_M) & (across < own.max() + MARGIN_M)
    hidden, counted = np.zeros(labels.shape, np.bool_), there & (labels > 0)
    for other in (int(n) for n in np.unique(labels) if n >= FIRST_THING):
        its = labels == other
        low, high = np.percentile(reach[its], [5, 95])
        if high < at:
            hidden |= its
        elif low < at:
            counted &= ~its  # the slab would cut it
    return np.where(there, z, np.inf).astype(np.float32), hidden & there, counted
