"""`sceneforge evaluate depth`: refined depth, depth from several views and from one picture, against the truth."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, Frame, Scan, Scene
from sceneforge.core.arrays import Float32, UInt8
from sceneforge.depth import studied_refiner
from sceneforge.io import load
from sceneforge.perception.depth import DepthRefiner
from sceneforge.perception.depth.estimator import load_estimator
from sceneforge.perception.depth.multiview import SweptDepth, as_sensor, swept_depth
from sceneforge.perception.understand import understand_scan

from .cases import posed_scans

FRAMES = 4
"""Frames measured per capture."""
TRUTH_UNIT_M = 0.0002
EDGE_SHARE = 0.03
"""A depth edge of the truth: a jump of this share in inverse depth, beyond the slope beside it."""
BAND = 7
"""Edges are dilated by this many pixels (implicit-depth's boundary band)."""
PEER_RADIUS, PEER_SPACE, PEER_COLOR = 9, 4.0, 15.0
"""The joint bilateral filter: window, and standard deviations in pixels and colour."""


SCORES = ("abs_rel", "delta_1", "coverage")


@dataclass(frozen=True)
class _Case:
    frame: Frame
    truth: Float32
    T_scene_camera: NDArray[np.float64] | None


def evaluate(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Measure on posed captures: `data` itself, those in its folders, or the embedded sample.

    Returns:
        {"name", "metrics", "cases"}: means over the cases, and each case's figures, millimetres unless said otherwise.

        Generated scans (with truth_depth), for `none` (the sensor), `bilateral` (joint bilateral filter, repeated until
        holes are filled), `refined`: `edge_mae`, `edge_rmse` within 7x7 of depth edges, `edge_read_mae` and
        `edge_read_rmse` on those of them that the sensor read (the same pixels for all), `edge_wrong` (share off by
        more than 10 %), `hole_mae`, `hole_rmse` where the sensor has no reading, `surface_mae` elsewhere, `rmse` over
        all, `coverage`; for `refined` also `within_1_sigma`, `within_2_sigma`, `ence` (expected normalised calibration
        error over ten equal bins) and `cpu_s` per frame.

        All captures, against the truth or else the sensor: `views` and `views_dense` (depth from the posed pictures
        alone as confirmed, and refined to every pixel) and `single` (embedded estimator): `abs_rel`, `delta_1`
        (share within a factor of 1.25), `coverage`, `cpu_s` per frame.

    Raises:
        UsageError: `data` holds no posed capture.
    """
    cases = [_measured(folder, seed) for folder in posed_scans(data)]
    sums: dict[str, list[float]] = defaultdict(list)
    for case in cases:
        for key, value in case.items():
            if isinstance(value, float):
                sums[key].append(value)
    return {"name": "depth", "metrics": {k: round(float(np.mean(v)), 4) for k, v in sums.items()}, "cases": cases}


def _measured(folder: Path, seed: int) -> dict[str, Any]:
    scan = load(folder)
    assert isinstance(scan, Scan)
    out: dict[str, Any] = {"case": folder.name}
    made = (folder / "truth_depth").is_dir()
    chosen = _chosen(scan, folder if made else None)
    if made:
        scene, _ = understand_scan(scan, seed=seed)
        out |= _refinement(scan, scene, _cases(scan, chosen, folder, scene))
    out |= _without_sensor(scan, _cases(scan, chosen, folder if made else None, None))
    return out


def _chosen(scan: Scan, folder: Path | None) -> list[int]:
    usable = [i for i, s in enumerate(scan.sources) if s.problem is None and s.T_world_camera is not None]
    if folder is not None:
        usable = [i for i in usable if (folder / "truth_depth" / f"{scan.sources[i].name}.png").is_file()]
    return [usable[k] for k in np.unique(np.linspace(0, len(usable) - 1, FRAMES).astype(int))]


def _cases(scan: Scan, chosen: list[int], folder: Path | None, scene: Scene | None) -> list[_Case]:
    import cv2

    poses = {}
    if scene is not None and scene.track is not None:
        poses = dict(zip(scene.track.indices, scene.track.T_world_camera, strict=True))
    out = []
    for frame in scan.frames(chosen, bad=[]):
        truth = frame.depth
        if folder is not None:
            stored = cv2.imread(str(folder / "truth_depth" / f"{frame.name}.png"), cv2.IMREAD_UNCHANGED)
            assert stored is not None
            truth = stored.astype(np.float32) * np.float32(TRUTH_UNIT_M)
        out.append(_Case(frame, np.asarray(truth, dtype=np.float32), poses.get(frame.index)))
    return out


def _refinement(scan: Scan, scene: Scene, cases: list[_Case]) -> dict[str, float]:
    refiner = studied_refiner(scan, scene)
    errors: dict[str, list[Float32]] = defaultdict(list)
    missing: dict[str, list[float]] = defaultdict(list)
    sigmas: list[Float32] = []
    seconds: list[float] = []
    for case in cases:
        start = time.process_time()
        refined = refiner.refine(case.frame, case.T_scene_camera)
        seconds.append(time.process_time() - start)
        truth, known = case.truth, case.truth > 0
        edge, hole = edge_band(truth) & known, (case.frame.depth == 0) & known
        found = {"none": case.frame.depth, "bilateral": bilateral(case.frame), "refined": refined.depth}
        for name, z in found.items():
            ok = known & (z > 0)
            missing[name].append(float(ok.sum() / known.sum()))
            e = z - truth
            errors[f"{name}_all"].append(e[ok])
            errors[f"{name}_edge"].append(e[ok & edge])
            errors[f"{name}_read"].append(e[ok & edge & ~hole])
            errors[f"{name}_off"].append((np.abs(e) > 0.1 * truth)[ok & edge].astype(np.float32))
            errors[f"{name}_hole"].append(e[ok & hole])
            errors[f"{name}_surface"].append(e[ok & ~edge & ~hole])
        sigmas.append(refined.sigma[known & (refined.depth > 0)])
    out: dict[str, float] = {}
    for name in ("none", "bilateral", "refined"):
        by = {k: np.concatenate(errors[f"{name}_{k}"]) for k in ("all", "edge", "read", "off", "hole", "surface")}
        for part, key in (("edge", "edge"), ("read", "edge_read"), ("hole", "hole")):
            if len(by[part]):
                out[f"{name}.{key}_mae"] = _mm(np.abs(by[part]).mean())
                out[f"{name}.{key}_rmse"] = _mm(np.sqrt((by[part] ** 2).mean()))
        out[f"{name}.edge_wrong"] = round(float(by["off"].mean()), 4)
        out[f"{name}.surface_mae"] = _mm(np.abs(by["surface"]).mean())
        out[f"{name}.rmse"] = _mm(np.sqrt((by["all"] ** 2).mean()))
        out[f"{name}.coverage"] = round(float(np.mean(missing[name])), 4)
    off, s = np.concatenate(errors["refined_all"]), np.concatenate(sigmas)
    out["refined.within_1_sigma"] = round(float((np.abs(off) < s).mean()), 4)
    out["refined.within_2_sigma"] = round(float((np.abs(off) < 2 * s).mean()), 4)
    out["refined.ence"] = round(calibration_error(off, s), 4)
    out["refined.cpu_s"] = round(float(np.mean(seconds)), 3)
    return out


def _without_sensor(scan: Scan, cases: list[_Case]) -> dict[str, float]:
    swept: list[tuple[int, int]] = []
    start = time.process_time()
    found = swept_depth(
        scan, [c.frame.index for c in cases], progress=lambda _, done, total: swept.append((done, total))
    )
    per_sweep = (time.process_time() - start) / max(len(swept), 1)
    estimator = load_estimator()
    rows: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    guessing = 0.0
    for case in cases:
        frame, truth = case.frame, _at_color(case)
        mine = found.get(frame.index)
        rows["views"].append(_scored(_upscaled(mine, frame.camera), truth))
        if mine is not None:
            dense = DepthRefiner(noise=mine.noise).refine(as_sensor(frame, mine))
            rows["views_dense"].append(_scored(dense.depth, truth))
        start = time.process_time()
        guess = estimator.estimate(frame.color, frame.camera)
        guessing += time.process_time() - start
        rows["single"].append(_scored(guess.values, truth))
    out: dict[str, float] = {}
    for name, values in rows.items():
        with np.errstate(invalid="ignore"):
            mean = np.nanmean(np.array(values), axis=0)
        out |= {
            f"{name}.{k}": round(float(v), 4) for k, v in zip(("abs_rel", "delta_1", "coverage"), mean, strict=True)
        }
    out["views.cpu_s"] = round(per_sweep, 3)
    out["single.cpu_s"] = round(guessing / max(len(cases), 1), 3)
    return out


def _at_color(case: _Case) -> Float32:
    """The truth at the colour image's pixels: nearest."""
    import cv2

    size = (case.frame.camera.width, case.frame.camera.height)
    return np.asarray(cv2.resize(case.truth, size, interpolation=cv2.INTER_NEAREST), dtype=np.float32)


def _upscaled(found: SweptDepth | None, camera: Camera) -> Float32:
    import cv2

    if found is None:
        return np.zeros(camera.shape, np.float32)
    size = (camera.width, camera.height)
    return np.asarray(cv2.resize(found.depth, size, interpolation=cv2.INTER_NEAREST), dtype=np.float32)


def _scored(depth: Float32, truth: Float32) -> tuple[float, float, float]:
    """AbsRel, share within a factor of 1.25, coverage of the known truth; NaN where nothing overlaps."""
    known = truth > 0
    both = known & (depth > 0)
    if not both.any():
        return float("nan"), float("nan"), 0.0
    z, t = depth[both], truth[both]
    ratio = np.maximum(z / t, t / z)
    return float((np.abs(z - t) / t).mean()), float((ratio < 1.25).mean()), float(both.sum() / known.sum())


def bilateral(frame: Frame) -> Float32:
    """The peer: joint bilateral filter of the sensor's depth, repeated in holes until they are filled."""
    from sceneforge.perception.depth.kernels import joint_bilateral

    color = frame.color.astype(np.float32)
    depth, where = frame.depth, np.ones(frame.depth.shape, np.uint8)
    for _ in range(100):
        out = np.empty_like(depth)
        joint_bilateral(0, len(depth), depth, color, PEER_RADIUS, PEER_SPACE, PEER_COLOR, where, out)
        filled = int((out > 0).sum())
        if filled == out.size or (filled == int((depth > 0).sum()) < out.size and not where.all()):
            return out
        depth, where = out, (out <= 0).astype(np.uint8)
    return depth


def edge_band(truth: Float32) -> NDArray[np.bool_]:
    """(H, W) pixels within the 7x7 surroundings of a depth edge."""
    import cv2

    w = np.divide(1, truth, out=np.zeros_like(truth), where=truth > 0)
    edge: UInt8 = np.zeros(truth.shape, np.uint8)
    for axis in (0, 1):
        a, b = (w[:-1], w[1:]) if axis == 0 else (w[:, :-1], w[:, 1:])
        jump = np.abs(a - b)
        pad = np.pad(jump, [(1, 1), (0, 0)] if axis == 0 else [(0, 0), (1, 1)], mode="edge")
        beside = np.minimum(pad[:-2], pad[2:]) if axis == 0 else np.minimum(pad[:, :-2], pad[:, 2:])
        least = EDGE_SHARE * np.minimum(a, b)
        found = ((jump - beside > least) & (least > 0)).astype(np.uint8)
        if axis == 0:
            edge[:-1] |= found
            edge[1:] |= found
        else:
            edge[:, :-1] |= found
            edge[:, 1:] |= found
    return np.asarray(cv2.dilate(edge, np.ones((BAND, BAND), np.uint8)) > 0)


def calibration_error(errors: Float32, sigmas: Float32, bins: int = 10) -> float:
    """Expected normalised calibration error (Levi et al. 2019): mean |RMS error - RMS sigma| / RMS sigma over bins."""
    order = np.argsort(sigmas, kind="stable")
    out = []
    for part in np.array_split(order, bins):
        rms_s = float(np.sqrt(np.mean(np.square(sigmas[part], dtype=np.float64))))
        rms_e = float(np.sqrt(np.mean(np.square(errors[part], dtype=np.float64))))
        out.append(abs(rms_e - rms_s) / max(rms_s, 1e-9))
    return float(np.mean(out))


def _mm(metres: Any) -> float:
    return round(1000 * float(metres), 2)
