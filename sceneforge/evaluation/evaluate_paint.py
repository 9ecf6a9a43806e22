"""`sceneforge evaluate paint`: does paint cover its surface, all of it and nothing else, and does it stay in place?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge._report import peak_rss_mb
from sceneforge.core import Frame, Label, PaintJob, Plane, Scan, Scene, SurfacePaint, UsageError
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.transforms import inverse
from sceneforge.io import load
from sceneforge.painting import paint
from sceneforge.pipeline import understand
from sceneforge.rendering.painted import PaintLayer
from sceneforge.rendering.room_view import RoomViewer

from .paint_texture import fingerprint, fingerprint_elsewhere, texture_scores
from .paint_truth import PaintTruth

JOBS = (
    PaintJob("floor", "lush grass", relief_m=0.0),
    PaintJob("ceiling", "white plaster", mode="replace"),
    PaintJob("wall", "red brick wall"),
)
FRAMES = 12
"""Frames measured per scan, evenly spread."""
SAME_M = 0.08
"""Paint belongs to the true surface whose plane it lies within this of."""


def evaluate(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Measure on every generated scan with full truth (`sceneforge synth`) under `data`, or on one made for it.

    Returns:
        {"name", "metrics", "cases"}. Per label of surface:

        - leak: share of the paint that lies on what is not that surface; `leak_rugs` counts rugs on the painted floor
          too, which otherwise are neither floor nor not;
        - miss: share of the surface without paint. Of a pixel where several things meet the truth is the share of
          each, as the pictures are antialiased and as the paint is;
        - leak_hard, miss_hard: the same against whoever shows in the pixel's middle, whole;
        - edge: the errors together, without the pixels next to the surface's true outline;

        and per scan

        - warp: mean difference (sRGB bytes) between a painted floor pixel and the same point of the floor in a frame
          three later, found by true depth and poses, and `warp_captured`: that of the captured frames;
        - slip_mm: how far the texture moves under a fixed point of the floor between those frames, median;
        - seam, repetition: of the floor's texture, and of its first square metre tiled (`paint_texture`);
        - same_bytes: 1 if a second process makes the same paints, bit by bit, for this seed and the next, and the two
          differ; asked of the first scan alone;
        - seconds of gathering and painting, and of a painted frame; MB of memory at most.

    Raises:
        UsageError: `data` holds no generated scan with full truth.
    """
    if data is None:
        import tempfile

        from sceneforge.synth import generate

        with tempfile.TemporaryDirectory() as folder:
            made = generate(Path(folder) / "room", seed=seed, frames=24, size=(320, 240), truth="full", quality="draft")
            cases = [_case(made, seed, again=True)]
    else:
        found = [p for p in (data, *sorted(d for d in data.iterdir() if d.is_dir())) if (p / "truth_planes").is_dir()]
        if not found:
            raise UsageError(f"{data} holds no generated scan with full truth (a folder with truth_planes)")
        cases = [_case(folder, seed, again=n == 0) for n, folder in enumerate(found)]
    numbers = sorted({k for c in cases for k, v in c.items() if isinstance(v, int | float)})
    metrics = {k: _mean([c[k] for c in cases if c.get(k) is not None]) for k in numbers}
    return {"name": "paint", "metrics": metrics, "cases": cases}


@dataclass(frozen=True)
class _View:
    """A frame with its truth and what was drawn."""

    frame: Frame
    T_world_camera: Float64
    planes: NDArray[np.uint16]
    depth: Float32
    painted: UInt8


def painted_scan(folder: Path, seed: int) -> tuple[Scan, Scene, tuple[SurfacePaint, ...], float]:
    """A generated scan, its scene, the floor, ceiling and walls painted, and the CPU seconds that painting took."""
    scan = load(folder)
    assert isinstance(scan, Scan)
    scene = understand(scan, seed=seed)
    jobs = [j for j in JOBS if scene.planes_labelled(Label(j.surface))]
    begun = time.process_time()
    paints = paint(scene, scan, jobs, painter="procedural", seed=seed)
    return scan, scene, paints, time.process_time() - begun


def _made_again(folder: Path, seed: int, paints: tuple[SurfacePaint, ...]) -> dict[str, Any]:
    """Whether another process makes the same for two seeds, and the seeds differ; with the fingerprints."""
    first, second = fingerprint(paints), fingerprint(painted_scan(folder, seed + 1)[2])
    same = first == fingerprint_elsewhere(folder, seed) and second == fingerprint_elsewhere(folder, seed + 1)
    return {"same_bytes": int(same and first != second), "fingerprints": [first, second]}


def _case(folder: Path, seed: int, again: bool) -> dict[str, Any]:
    known = PaintTruth(folder)
    truth = known.scene
    scan, scene, paints, made_s = painted_scan(folder, seed)
    assert scene.track is not None
    poses = dict(zip(scene.track.indices, scene.track.T_world_camera, strict=True))
    asked = np.unique(np.linspace(0, len(scene.track.indices) - 1, FRAMES).round().astype(int))
    wanted = sorted({scene.track.indices[min(i + d, len(scene.track.indices) - 1)] for i in asked for d in (0, 3)})
    viewer, layer = RoomViewer(scene), PaintLayer(scene, paints)
    views: dict[int, _View] = {}
    totals: dict[str, NDArray[np.float64]] = {}
    frame_s = []
    for frame in scan.frames(wanted):
        T = poses[frame.index]
        room = viewer.see(frame, T)
        begun = time.process_time()
        painted = layer.apply(frame.color, room, frame, T, 0.0)
        frame_s.append(time.process_time() - begun)
        planes, depth, rug = known.frame(scan, frame.index)
        view = _View(frame, T, planes, depth, painted)
        views[frame.index] = view
        if frame.index not in {scene.track.indices[i] for i in asked}:
            continue
        for p, alpha in zip(paints, layer.coverage(room, frame, T), strict=True):
            label, own = _own(p, scene, truth)
            on_rug = rug if label == "floor" else np.zeros_like(rug)
            shares = known.shares(planes, on_rug, own, frame.camera, frame.index)
            totals[label] = totals.get(label, np.zeros(10)) + _count(alpha, np.isin(planes, own), on_rug, *shares)
    out: dict[str, Any] = {"case": folder.name}
    for label in sorted(totals):
        paint_px, all_px, leak, leak_rugs, surface, miss, inner, inner_wrong, hard_leak, hard_miss = totals[label]
        out |= {
            f"leak_{label}": round(leak / max(paint_px, 1), 5),
            f"leak_rugs_{label}": round(leak_rugs / max(all_px, 1), 5),
            f"miss_{label}": round(miss / max(surface, 1), 5),
            f"leak_hard_{label}": round(hard_leak / max(paint_px, 1), 5),
            f"miss_hard_{label}": round(hard_miss / max(surface, 1), 5),
            f"edge_{label}": round(inner_wrong / max(inner, 1), 5),
        }
    out |= _stays([views[i] for i in wanted], scene, paints, truth)
    floor = next((p for p in paints if p.color is not None and scene.plane(p.planes[0]).label is Label.FLOOR), None)
    out |= {} if floor is None else texture_scores(floor)
    out |= _made_again(folder, seed, paints) if again else {}
    return out | {
        "paint_cpu_s": round(made_s, 2),
        "frame_cpu_ms": round(1000 * float(np.median(frame_s)), 1),
        "peak_mb": peak_rss_mb(),
    }


def _own(p: SurfacePaint, scene: Scene, truth: Scene) -> tuple[str, list[int]]:
    """The paint's label, and the numbers of the true planes it should cover."""
    found = scene.plane(p.planes[0])
    own = [n for n, t in enumerate(truth.planes, 1) if t.label is found.label and _same(found, t)]
    return found.label.value, own


def _same(found: Plane, true: Plane) -> bool:
    offset = float(np.abs(true.to_local(found.to_world(found.polygon))[:, 1]).mean())
    return float(found.normal @ true.normal) > 0.98 and offset < SAME_M


def _count(
    alpha: Float32, mine: NDArray[np.bool_], rug: NDArray[np.bool_], share: Float32, rug_share: Float32
) -> NDArray[np.float64]:
    """Paint off rugs, paint, leak, leak with rugs, surface, miss, pixels off the outline, wrong ones among them, leak
    and miss against whole pixels."""
    import cv2

    kernel = np.ones((3, 3), np.uint8)
    m = mine.astype(np.uint8)
    inner = (cv2.dilate(m, kernel) == cv2.erode(m, kernel)) & ~rug
    beyond, lacking = np.maximum(alpha - share, 0), np.maximum(share - alpha, 0)
    return np.array(
        [
            np.minimum(alpha, 1 - rug_share).sum(), alpha.sum(), np.maximum(beyond - rug_share, 0).sum(), beyond.sum(),
            share.sum(), lacking.sum(), mine[inner].sum(), (beyond + lacking)[inner].sum(),
            alpha[~mine & ~rug].sum(), (1 - alpha)[mine].sum(),
        ]
    )  # fmt: skip


def _stays(views: list[_View], scene: Scene, paints: tuple[SurfacePaint, ...], truth: Scene) -> dict[str, Any]:
    """Warp error and slip between frames three apart, on the floor."""
    floor = next((p for p in paints if scene.plane(p.planes[0]).label is Label.FLOOR), None)
    if floor is None:
        return {}
    _, own = _own(floor, scene, truth)
    by_index = {v.frame.index: v for v in views}
    errors: list[NDArray[Any]] = []
    captured: list[NDArray[Any]] = []
    slips: list[NDArray[Any]] = []
    for first in views:
        second = by_index.get(first.frame.index + 3)
        if second is None:
            continue
        v, u = np.nonzero(np.isin(first.planes, own) & (first.depth > 0))
        v, u = v[::7], u[::7]
        p = first.frame.camera.rays()[v, u] * first.depth[v, u][:, None]
        world = p @ first.T_world_camera[:3, :3].T + first.T_world_camera[:3, 3]
        T = inverse(second.T_world_camera)
        uv, z = second.frame.camera.project(world @ T[:3, :3].T + T[:3, 3])
        h, w = second.depth.shape
        with np.errstate(invalid="ignore"):
            ok = (z > 0.1) & (uv > 1).all(axis=1) & (uv[:, 0] < w - 2) & (uv[:, 1] < h - 2)
        u, v, uv, z, world = u[ok], v[ok], uv[ok], z[ok], world[ok]
        x, y = np.rint(uv).astype(int).T
        ok = np.isin(second.planes[y, x], own) & (np.abs(second.depth[y, x] - z) < 0.01)
        u, v, uv = u[ok], v[ok], uv[ok]
        if not len(u):
            continue
        for out, one, two in (
            (errors, first.painted, second.painted),
            (captured, first.frame.color, second.frame.color),
        ):
            out.append(np.abs(one[v, u] - _sampled(two, uv)).mean(axis=1))
        slips.append(_slip(floor, first, second, np.stack([u, v], axis=1).astype(float), uv))
    if not errors:
        return {}
    return {
        "warp": round(float(np.concatenate(errors).mean()), 3),
        "warp_captured": round(float(np.concatenate(captured).mean()), 3),
        "slip_mm": round(1000 * float(np.median(np.concatenate(slips))), 3),
    }


def _sampled(image: UInt8, uv: Float64) -> Float64:
    """(n, 3) bilinear."""
    x0, y0 = np.floor(uv).astype(int).T
    fx, fy = (uv - np.floor(uv)).T[..., None]
    i = image.astype(np.float64)
    top = i[y0, x0] * (1 - fx) + i[y0, x0 + 1] * fx
    return np.asarray(top * (1 - fy) + (i[y0 + 1, x0] * (1 - fx) + i[y0 + 1, x0 + 1] * fx) * fy)


def _slip(floor: SurfacePaint, first: _View, second: _View, uv1: Float64, uv2: Float64) -> Float64:
    """(n,) metres between the texture's places under the same points of the floor in two frames."""
    places = []
    for view, uv in ((first, uv1), (second, uv2)):
        c = view.frame.camera
        T = inverse(floor.raster.T_world_plane) @ view.T_world_camera
        d = np.column_stack([(uv - (c.cx, c.cy)) / (c.fx, c.fy), np.ones(len(uv))]) @ T[:3, :3].T
        places.append(T[[0, 2], 3] - T[1, 3] / d[:, 1:2] * d[:, [0, 2]])
    return np.asarray(np.linalg.norm(places[0] - places[1], axis=1))


def _mean(values: list[float]) -> float | None:
    return round(float(np.mean(values)), 5) if values else None
