"""The camera's path of a video without depth, with its size from a guess and how sure that size is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core import FrameError, Progress, Scan, silent
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import inverse
from sceneforge.perception.depth.estimator import DepthEstimator, load_estimator

from .monocular import Structure, structure
from .result import TrackResult

GUESSED = 12
"""Frames whose guess decides the size."""
MIN_POINTS = 20
SHARED_SHARE = 0.5
"""Part of an estimator's error that all frames share, and that no number of frames averages out."""


@dataclass(frozen=True)
class Size:
    """The length that one unit of a structure stands for."""

    metres: float
    """Metres per unit."""
    sigma_share: float
    """Standard deviation as a share of it."""
    frames: int
    """Frames that took part."""


def track_pictures(
    scan: Scan,
    *,
    seed: int = 0,
    estimator: DepthEstimator | None = None,
    progress: Progress = silent,
    bad: list[FrameError] | None = None,
) -> TrackResult:
    """Camera path from pictures alone; depth and poses in the scan are not looked at.

    Args:
        scan: The capture.
        seed: Of the random draws.
        estimator: Guesses metric depth; the size of everything comes from it. The embedded one when None, which
            assumes the camera's height.
        progress: Told of each stage.
        bad: Collects the errors of unreadable frames.

    Raises:
        ScanError: No two pictures are matched well enough to begin.
    """
    known = 0 if bad is None else len(bad)
    found = structure(scan, seed=seed, progress=progress, bad=bad)
    guesser = estimator or load_estimator()
    size = measured_size(found, scan, guesser)
    n = len(scan)
    poses: list[Float64 | None] = [None] * n
    T_first = found.T_camera_world[found.frames[0]]
    for i in found.frames:
        T = T_first @ inverse(found.T_camera_world[i])
        T[:3, 3] *= size.metres
        poses[i] = T
    confidence = np.zeros(n)
    support = np.bincount(found.seen.camera, minlength=len(found.frames))
    confidence[list(found.frames)] = 1 - np.exp(-support / 60)
    notes = [
        f"size from {size.frames} frames' guessed depth ({guesser.name}): right within "
        f"{100 * size.sigma_share:.0f} % (one standard deviation)"
    ]
    unread = [] if bad is None else bad[known:]
    notes.extend(f"a frame has no pose: {error}" for error in unread)
    damaged = {error.frame for error in unread}
    lost = [s.name for s, T in zip(scan.sources, poses, strict=True) if T is None and s.name not in damaged]
    if lost:
        notes.append(
            f"{len(lost)} of {n} frames share too little with the others and have no pose, the first: {lost[0]}"
        )
    return TrackResult(tuple(poses), confidence, (found.frames,), tuple(notes), size.sigma_share)


def measured_size(found: Structure, scan: Scan, estimator: DepthEstimator) -> Size:
    """Size of a structure from an estimator's metric depth at its points.

    Per frame the median ratio of guessed depth to the structure's; over frames their median. What all guesses have in
    common stays as uncertainty.
    """
    chosen = np.unique(np.linspace(0, len(found.frames) - 1, GUESSED).astype(int))
    ratios = []
    share = 1.0
    for k in chosen.tolist():
        frame = scan.read(found.frames[k])
        guess = estimator.estimate(frame.color, frame.camera)
        if guess.kind != "metric":
            continue
        share = guess.sigma_share
        mine = found.seen.camera == k
        T = found.T_camera_world[found.frames[k]]
        z = found.points[found.seen.point[mine]] @ T[2, :3] + T[2, 3]
        c = frame.camera
        pixel = np.rint(found.seen.ray[mine] * [c.fx, c.fy] + [c.cx, c.cy]).astype(int)
        inside = (pixel >= 0).all(axis=1) & (pixel[:, 0] < c.width) & (pixel[:, 1] < c.height) & (z > 0)
        depth = guess.values[pixel[inside, 1], pixel[inside, 0]]
        ok = depth > 0
        if ok.sum() >= MIN_POINTS:
            ratios.append(float(np.median(depth[ok] / z[inside][ok])))
    if not ratios:
        return Size(1.0, 1.0, 0)
    middle = float(np.median(ratios))
    spread = 1.4826 * float(np.median(np.abs(np.array(ratios) - middle))) / middle
    return Size(middle, float(np.hypot(SHARED_SHARE * share, spread / np.sqrt(len(ratios)))), len(ratios))
