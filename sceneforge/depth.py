"""Dense depth for every picture of a capture: one 16-bit image per frame, one with its uncertainty, and depth.json."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sceneforge._depth_files import DepthMap, check_positive, shares, write_maps
from sceneforge.core import (
    Camera,
    Frame,
    Progress,
    Scan,
    Scene,
    UsageError,
    check_same_capture,
    silent,
)
from sceneforge.core.arrays import Float32
from sceneforge.core.scan import FrameSource

if TYPE_CHECKING:
    from sceneforge.perception.depth import DepthRefiner
    from sceneforge.perception.depth.estimator import DepthEstimator

VIEW_RAD = 1.1
"""Horizontal view of a picture whose camera is not known: a phone's main lens."""
STUDIED = 12
"""Frames looked at to learn the sensor's noise and registration."""


def depth_maps(
    source: str | Path | Scan,
    out: str | Path,
    *,
    every: int = 1,
    scene: Scene | None = None,
    estimator: DepthEstimator | None = None,
    pictures: bool = False,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the best depth there is for every picture of a capture.

    Sensor depth is refined to the colour image with what the whole capture knows of the room. Without a sensor, depth
    comes from the views beside each picture where the capture has poses, else from each picture alone.

    Args:
        source: A path that `load` recognises, or a loaded scan.
        out: Folder for depth/NAME.png (16-bit millimetres, 0 = none), sigma/NAME.png (16-bit, 0.1 mm, 65535 = unknown)
            and depth.json.
        every: Use every n-th frame.
        scene: The capture as `understand` found it; understood here when None.
        estimator: Guesses depth from one picture (`load_estimator`); aligned to what was measured, it answers where
            that is less sure. The embedded one is used only where nothing was measured.
        pictures: Whether to write pictures/NAME.png to look at, too.
        seed: Of the tracker's sampling, for captures without poses.
        progress: Told of each stage.

    Returns:
        What depth.json holds.

    Raises:
        UsageError: The capture has no pictures, or the scene is another capture's.
        InputError: The capture cannot be used.
    """
    if every < 1:
        raise UsageError(f"every must be at least 1, got {every}")
    scan = _scan(source)
    wanted = range(0, len(scan), every)
    if scan.has_depth:
        maps, facts = _refined(scan, wanted, scene, seed, progress)
    elif scan.has_poses:
        maps, facts = _swept(scan, wanted, progress)
    else:
        maps, facts = _unmeasured(scan, wanted), {"method": "single", "notes": list(scan.notes)}
    if estimator is not None or facts["method"] == "single":
        maps = _guessed(scan, wanted, maps, estimator or load_estimator(), seed)
    return write_maps(maps, Path(out), scan.name, len(wanted), facts, pictures, progress)


def _scan(source: str | Path | Scan) -> Scan:
    from sceneforge.io import load

    capture = load(source) if isinstance(source, str | Path) else source
    if not isinstance(capture, Scan):
        raise UsageError(f"'{capture.name}' has no pictures to find depth for")
    return capture


def _refined(
    scan: Scan, wanted: Sequence[int], scene: Scene | None, seed: int, progress: Progress
) -> tuple[Iterator[DepthMap], dict[str, Any]]:
    from sceneforge.perception.understand import understand_scan

    notes: list[str] = []
    if scene is None:
        scene, account = understand_scan(scan, seed=seed, progress=progress)
        notes = account.warnings
    elif scene.track is None:
        raise UsageError("the scene has no camera track: it was not understood from this capture")
    else:
        check_same_capture(scan, scene, scene.track)
    refiner = studied_refiner(scan, scene)
    poses = dict(zip(scene.track.indices, scene.track.T_world_camera, strict=True)) if scene.track is not None else {}
    r, n = refiner.registration, refiner.noise
    facts = {
        "method": "refine",
        "registration": {"scale": r.scale, "right_px": r.right_px, "down_px": r.down_px, "gain": r.gain},
        "noise": {"floor_m": round(n.floor_m, 6), "square": round(n.square, 6), "correlation": round(n.correlation, 2)},
        "notes": notes,
    }

    def maps() -> Iterator[DepthMap]:
        for frame in scan.frames(wanted, bad=[]):
            got = refiner.refine(frame, poses.get(frame.index))
            yield DepthMap(frame.name, got.depth, got.sigma, got.camera, {"sources": shares(got.source)})

    return maps(), facts


def _swept(scan: Scan, wanted: Sequence[int], progress: Progress) -> tuple[Iterator[DepthMap], dict[str, Any]]:
    from sceneforge.perception.depth import DepthRefiner
    from sceneforge.perception.depth.multiview import as_sensor, swept_depth

    found = swept_depth(scan, wanted, progress=progress)

    def maps() -> Iterator[DepthMap]:
        for frame in scan.frames([i for i in wanted if i in found], bad=[]):
            mine = found[frame.index]
            got = DepthRefiner(noise=mine.noise).refine(as_sensor(frame, mine))
            facts = {"confirmed": round(float((mine.depth > 0).mean()), 4), "sources": shares(got.source)}
            yield DepthMap(frame.name, got.depth, got.sigma, got.camera, facts)

    return maps(), {"method": "multi_view", "notes": list(scan.notes)}


def _unmeasured(scan: Scan, wanted: Sequence[int]) -> Iterator[DepthMap]:
    for f in scan.frames(wanted, bad=[]):
        shape = f.camera.shape
        yield DepthMap(f.name, np.zeros(shape, np.float32), np.full(shape, np.inf, np.float32), f.camera)


def _guessed(
    scan: Scan, wanted: Sequence[int], maps: Iterator[DepthMap], estimator: DepthEstimator, seed: int
) -> Iterator[DepthMap]:
    """The maps with an estimator's guess where it is surer than what was measured."""
    from sceneforge.perception.depth.align import align

    place = {scan.sources[i].name: i for i in wanted}
    for m in maps:
        frame = scan.read(place[m.name])
        up = None
        if scan.up is not None and frame.T_world_camera is not None:
            up = frame.T_world_camera[:3, :3].T @ scan.up
        guess = estimator.estimate(frame.color, m.camera, up)
        firm = np.where(m.sigma < 0.1 * m.depth, m.depth, np.float32(0))
        got = align(guess, firm, seed=seed)
        facts: dict[str, Any] = {"estimator": estimator.name, "note": guess.note}
        if got is None:
            yield replace(m, facts={**m.facts, **facts, "note": "no measured depth gives the guess its size"})
            continue
        surer = got.sigma < m.sigma
        sources = {**m.facts.get("sources", {}), "guess": round(float(surer.mean()), 4)}
        facts |= {"scale": got.scale, "shift": got.shift, "agreement": round(got.inliers, 4), "aligned": got.aligned}
        yield replace(
            m,
            depth=np.where(surer, got.depth, m.depth),
            sigma=np.where(surer, got.sigma, m.sigma),
            facts={**m.facts, **facts, "sources": sources},
        )


def picture_scan(path: str | Path, focal_px: float | None = None) -> Scan:
    """A single picture as a scan of one frame, without depth or pose.

    Args:
        path: PNG, JPEG or PNM file.
        focal_px: Focal length in pixels; that of a phone's main lens when None.

    Raises:
        InputError: The file cannot be read.
        UsageError: The focal length is not positive.
    """
    from sceneforge.io import read_image

    if focal_px is not None:
        check_positive("focal_px", focal_px)
    color = read_image(path)
    h, w = color.shape[:2]
    focal = focal_px or w / 2 / np.tan(VIEW_RAD / 2)
    camera = Camera(w, h, focal, focal, (w - 1) / 2, (h - 1) / 2)
    notes = () if focal_px else (f"the camera is not known: a focal length of {focal:.0f} px is assumed",)
    source = FrameSource(
        Path(path).stem,
        str(path),
        0.0,
        camera,
        camera,
        None,
        lambda: color,
        lambda: np.zeros(camera.shape, np.float32),
        has_depth=False,
    )
    return Scan(Path(path).stem, str(path), "picture", (source,), notes=notes)


def load_estimator(name: str = "embedded", **options: Any) -> DepthEstimator:
    """A depth estimator by name: "embedded" needs nothing, "huggingface" a checkpoint (`model=`).

    Raises:
        UsageError: No estimator has this name.
        MissingExtra: It needs a package that is not installed.
    """
    from sceneforge.perception.depth.estimator import load_estimator as load

    return load(name, **options)


def studied_refiner(scan: Scan, scene: Scene | None) -> DepthRefiner:
    """A refiner that knows the sensor's noise and its registration from up to `STUDIED` frames of the scan."""
    from sceneforge.perception.depth import DepthRefiner
    from sceneforge.perception.depth.noise import measure_noise
    from sceneforge.perception.depth.registration import register

    chosen = np.unique(np.linspace(0, len(scan) - 1, STUDIED).astype(int)).tolist()
    frames = list(scan.frames(chosen, bad=[]))
    noise = measure_noise([(_inverse(f), f.depth_camera.fx) for f in frames[::3]])
    return DepthRefiner(scene, noise=noise, registration=register(frames))


def _inverse(frame: Frame) -> Float32:
    d = frame.depth
    return np.divide(1, d, out=np.zeros_like(d), where=d > 0)
