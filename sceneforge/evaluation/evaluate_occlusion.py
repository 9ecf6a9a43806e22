"""`sceneforge evaluate occlusion`: is virtual content hidden where it should be, and does its edge hold still?"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import Frame, Scan, ScanError, Scene, UsageError
from sceneforge.core.arrays import Float32, Float64
from sceneforge.io import load
from sceneforge.pipeline import understand
from sceneforge.rendering.occlusion import seen_past
from sceneforge.rendering.room_view import RoomView, RoomViewer

from .occlusion import (
    PLANE_DEPTHS_M,
    Bools,
    FlickerScores,
    PlaneScores,
    held_plane,
    mean_known,
    points_in_frame,
    silhouettes,
)

METHODS = ("ours", "raw", "mesh")
"""Our decision; the frame's nearest depth reading against the content's, holes hiding nothing; the mesh alone."""
MADE = (("living_room", 1), ("office", 1), ("bedroom", 1))
"""Kind and seed of the scans that are made where no folder is given."""
MADE_FRAMES, MADE_SIZE = 24, (640, 480)
FOLLOWED = 8
"""Frames for which a still plane hangs in the room before the next one takes its place."""
POINTS = 60_000
"""Points on the true surface that flicker is counted on."""


@dataclass
class _Scores:
    planes: PlaneScores = field(default_factory=PlaneScores)
    flicker: FlickerScores = field(default_factory=FlickerScores)

    def figures(self) -> dict[str, float]:
        known = {"flicker": round(self.flicker.share, 6)} if self.flicker.pairs else {}
        return {**self.planes.means(), **known}


def evaluate(*, data: Path | None = None, seed: int = 0, every: int = 1) -> dict[str, Any]:
    """Measure on every generated scan with true depth under `data`; without it three small ones are made for the day.

    Of a scan with compact truth, such as the embedded sample, the frames that have it are looked at, without flicker.

    Returns:
        {"name", "metrics", "cases"}: metrics and cases hold the same figures for "ours", "raw" and "mesh":

        - iou, band_iou: harmonic mean of the IoU of visible and hidden pixels, whole picture and boundary band, mean
          over frames and fronto-parallel planes at 1.5 ... 5.0 m;
        - band_wrong: share of the boundary band decided wrongly; silhouette_wrong: of its part at jumps of depth;
        - flicker: share of surface points that change state between two frames where truth does not.

        "ours_over_raw" says by what ours multiplies raw's errors.

    Raises:
        UsageError: `data` holds no generated scan with true depth.
    """
    if data is None:
        with tempfile.TemporaryDirectory() as folder:
            return _summary([case(path, seed, every) for path in _made(Path(folder), seed)])
    folders = [p for p in (data, *sorted(d for d in data.iterdir() if d.is_dir())) if (p / "truth_depth").is_dir()]
    if not folders:
        raise UsageError(f"{data} holds no generated scan with true depth (a folder with scan.yaml and truth_depth)")
    return _summary([case(folder, seed, every) for folder in folders])


def _made(folder: Path, seed: int) -> Iterator[Path]:
    from sceneforge.synth import generate

    for kind, number in MADE:
        name = folder / f"{kind}_{number + seed}"
        yield generate(
            name, kind=kind, seed=number + seed, frames=MADE_FRAMES, size=MADE_SIZE, truth="full", quality="draft"
        )


def _summary(cases: list[dict[str, Any]]) -> dict[str, Any]:
    keys = dict.fromkeys(k for c in cases for k in c["ours"])
    metrics: dict[str, Any] = {
        m: {k: round(mean_known(c[m][k] for c in cases if k in c[m]), 5) for k in keys} for m in METHODS
    }
    metrics["ours_over_raw"] = {
        k: round(metrics["ours"][k] / max(metrics["raw"][k], 1e-9), 3)
        for k in ("band_wrong", "silhouette_wrong", "flicker")
        if k in keys
    }
    return {"name": "occlusion", "metrics": metrics, "cases": cases}


def case(folder: Path, seed: int, every: int = 1, scene: Scene | None = None) -> dict[str, Any]:
    """Figures of one generated scan: {"case", "ours", "raw", "mesh"}.

    Args:
        folder: The scan, with true depth of some frames or all.
        seed: For understanding it.
        every: Fronto-parallel planes are held into every n-th frame.
        scene: What was understood of it before; default: it is understood now.
    """
    scan = load(folder)
    if not isinstance(scan, Scan):
        raise UsageError(f"{folder} is no RGB-D scan")
    scene = understand(scan, seed=seed) if scene is None else scene
    if scene.track is None or scene.mesh is None:
        raise ScanError("no mesh or camera track was found", path=folder)
    true_poses = [
        np.array(t["T_world_camera"]) for t in json.loads((folder / "truth.json").read_bytes())["synth"]["track"]
    ]
    points = surface_points(folder / "truth.npz") if (folder / "truth.npz").is_file() else None
    poses = dict(zip(scene.track.indices, scene.track.T_world_camera, strict=True))
    viewer = RoomViewer(scene)
    scores = {m: _Scores() for m in METHODS}
    first: Float64 | None = None
    known = [i for i in scene.track.indices if _true_depth_file(folder, i).is_file()]
    for count, frame in enumerate(scan.frames(known, bad=[])):
        truth = true_depth(folder, frame)
        tests = tests_of(frame, viewer.see(frame, poses[frame.index]))
        if count % every == 0:
            _hold_planes(scores, tests, truth)
        if points is None:
            continue
        T = true_poses[frame.index]
        if count % FOLLOWED == 0 or first is None:
            first, distance = T, float(np.quantile(truth[truth > 0], 0.75))
            for s in scores.values():
                s.flicker.restart()
        plane = held_plane(first, distance, frame.camera, T)
        at, seen = points_in_frame(points, frame.camera, T, truth)
        for method, s in scores.items():
            s.flicker.add(tests[method](plane), plane < truth, at, seen & np.isfinite(plane).reshape(-1)[at])
    return {"case": folder.name, **{m: s.figures() for m, s in scores.items()}}


def _hold_planes(scores: dict[str, _Scores], tests: dict[str, Callable[[Float32], Bools]], truth: Float32) -> None:
    jumps = silhouettes(truth)
    for z in PLANE_DEPTHS_M:
        plane = np.full(truth.shape, z, dtype=np.float32)
        for method, s in scores.items():
            s.planes.add(tests[method](plane), plane < truth, truth > 0, jumps)


def tests_of(frame: Frame, view: RoomView) -> dict[str, Callable[[Float32], Bools]]:
    """Per method, a function from content's z-depth (H, W) to where it is visible (H, W) bool."""
    sensor = nearest_reading(frame)
    return {
        "ours": lambda z: seen_past(view, z) > 0.5,
        "raw": lambda z: (sensor <= 0) | (z < sensor),
        "mesh": lambda z: z < view.hits.depth,
    }


def nearest_reading(frame: Frame) -> Float32:
    """(H, W) the depth reading nearest to every colour pixel, metres, 0 = none."""
    c, d = frame.camera, frame.depth_camera
    x = np.rint((np.arange(c.width) - c.cx) / c.fx * d.fx + d.cx).astype(int)
    y = np.rint((np.arange(c.height) - c.cy) / c.fy * d.fy + d.cy).astype(int)
    inside = ((y >= 0) & (y < d.height))[:, None] & ((x >= 0) & (x < d.width))[None]
    return np.where(inside, frame.depth[np.clip(y, 0, d.height - 1)[:, None], np.clip(x, 0, d.width - 1)[None]], 0)


def true_depth(folder: Path, frame: Frame) -> Float32:
    """(H, W) true z-depth in metres of a generated scan's frame, 0 = nothing in sight."""
    import cv2

    path = _true_depth_file(folder, frame.index)
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if stored is None:
        raise ScanError("cannot be decoded", path=path, expected="a 16-bit PNG; make the scan with truth='full'")
    return np.asarray(stored, dtype=np.float32) * np.float32(0.0002)


def _true_depth_file(folder: Path, index: int) -> Path:
    return folder / "truth_depth" / f"{index:06d}.png"


def surface_points(path: Path) -> Float64:
    """(POINTS, 3) points evenly over the true surface, always the same ones."""
    with np.load(path, allow_pickle=False) as stored:
        v, f = stored["vertices"].astype(np.float64), stored["faces"]
    a, b, c = v[f[:, 0]], v[f[:, 1]], v[f[:, 2]]
    area = np.cumsum(np.linalg.norm(np.cross(b - a, c - a), axis=1))
    rng = np.random.default_rng(0)
    pick = np.searchsorted(area, (np.arange(POINTS) + rng.random(POINTS)) / POINTS * area[-1])
    s, t = rng.random((2, POINTS, 1))
    s, t = np.where(s + t > 1, 1 - s, s), np.where(s + t > 1, 1 - t, t)
    pick = np.minimum(pick, len(f) - 1)
    return np.asarray(a[pick] + s * (b[pick] - a[pick]) + t * (c[pick] - a[pick]))
