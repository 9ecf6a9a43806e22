"""Depth of a rectified stereo pair: two pictures and numbers, or a folder with its calibration and maybe the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sceneforge._depth_files import DepthMap, check_positive, shares, write_maps
from sceneforge.core import Camera, Frame, Progress, UsageError, silent
from sceneforge.core.arrays import Float32, UInt8

BAD_PX = (1.0, 2.0, 4.0)
"""Errors of disparity that Middlebury counts, pixels of the full picture."""


def stereo_depth_map(
    left: str | Path,
    right: str | Path,
    out: str | Path,
    *,
    focal_px: float,
    baseline_m: float,
    center_px: tuple[float, float] | None = None,
    offset_px: float = 0.0,
    pictures: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the depth of the left picture of a rectified stereo pair.

    Args:
        left, right: PNG or JPEG files of one size, rectified.
        out: Folder, as for `depth_maps`.
        focal_px: Focal length, pixels.
        baseline_m: Distance of the two cameras, metres.
        center_px: Principal point (x, y) of the left picture; its middle when None.
        offset_px: Principal point x of the right picture less that of the left (Middlebury's doffs).
        pictures: Whether to write a picture to look at, too.
        progress: Told of each stage.

    Raises:
        InputError: A file cannot be read.
        UsageError: Sizes differ or the numbers make no sense.
    """
    from sceneforge.io import read_image

    check_positive("focal_px", focal_px)
    check_positive("baseline_m", baseline_m)
    if not np.isfinite(offset_px):
        raise UsageError(f"offset_px must be a number, got {offset_px:g}")
    colors = read_image(left), read_image(right)
    h, w = colors[0].shape[:2]
    camera = Camera(w, h, focal_px, focal_px, *(center_px or ((w - 1) / 2, (h - 1) / 2)))
    name = Path(left).stem
    found, _ = _matched(name, colors, camera, baseline_m, offset_px, None)
    return write_maps(iter([found]), Path(out), name, 1, {"method": "stereo", "notes": []}, pictures, progress)


def stereo_folder_depth(
    folder: str | Path, out: str | Path, *, pictures: bool = False, progress: Progress = silent
) -> dict[str, Any]:
    """Write the depth of the left picture of a folder with im0, im1 and calib.txt (Middlebury 2014, 2021, ETH3D).

    Where the folder holds the true disparity (disp0.pfm or disp0GT.pfm), depth.json says under `truth` how far the
    result lies from it: for `confirmed` (found from both sides), `dense` (every pixel) and, where mask0nocc.png says
    what both cameras see, `dense_visible`.

    Args:
        folder: The pair's.
        out: Folder, as for `depth_maps`.
        pictures: Whether to write a picture to look at, too.
        progress: Told of each stage.

    Raises:
        InputError: A file is missing, damaged, or does not fit the others.
        UsageError: The calibration gives no disparities.
    """
    from dataclasses import replace

    from sceneforge.io import read_stereo_pair

    pair = read_stereo_pair(folder)
    name = Path(folder).resolve().name
    found, confirmed = _matched(name, pair.pictures(), pair.camera, pair.baseline_m, pair.offset_px, pair.disparities)
    truth = pair.true_disparity()
    if truth is not None:
        fb = pair.camera.fx * pair.baseline_m
        scores = {
            "confirmed": disparity_scores(confirmed, truth, fb, pair.offset_px),
            "dense": disparity_scores(found.depth, truth, fb, pair.offset_px),
        }
        visible = pair.visible_mask()
        if visible is not None:
            seen = np.where(visible, truth, np.float32(0))
            scores["dense_visible"] = disparity_scores(found.depth, seen, fb, pair.offset_px)
        found = replace(found, facts={**found.facts, "truth": scores})
    return write_maps(iter([found]), Path(out), name, 1, {"method": "stereo", "notes": []}, pictures, progress)


def disparity_scores(depth: Float32, truth: Float32, fb: float, offset_px: float) -> dict[str, float]:
    """How far depth lies from a true disparity, as Middlebury counts (Scharstein et al., GCPR 2014).

    Args:
        depth: (H, W) metres, 0 = none.
        truth: (H, W) disparity in pixels, 0 = not known.
        fb: Focal length in pixels times baseline in metres.
        offset_px: depth = fb / (disparity + offset).

    Returns:
        `bad_1`, `bad_2`, `bad_4`: share of the answers more than so many pixels off; `mean_px`: mean error; `abs_rel`:
        mean error of depth as a share; `coverage`: share of the known pixels that have an answer.
    """
    known = truth > 0
    both = known & (depth > 0)
    if not both.any():
        return {"coverage": 0.0}
    z, d = depth[both].astype(np.float64), truth[both].astype(np.float64)
    off = np.abs(fb / z - offset_px - d)
    true_z = fb / (d + offset_px)
    out = {f"bad_{px:g}": round(float((off > px).mean()), 4) for px in BAD_PX}
    out |= {"mean_px": round(float(off.mean()), 3), "abs_rel": round(float((np.abs(z - true_z) / true_z).mean()), 4)}
    return {**out, "coverage": round(float(both.sum() / known.sum()), 4)}


def _matched(
    name: str,
    colors: tuple[UInt8, UInt8],
    camera: Camera,
    baseline_m: float,
    offset_px: float,
    disparities: int | None,
) -> tuple[DepthMap, Float32]:
    """The left picture's depth at every pixel; (H, W) depth where both sides found the same, 0 elsewhere."""
    import cv2

    from sceneforge.perception.depth import DepthRefiner
    from sceneforge.perception.depth.noise import SensorNoise
    from sceneforge.perception.depth.stereo import SIGMA_PX, stereo_depth
    from sceneforge.perception.depth.upsampling import upsampled

    found = stereo_depth(*colors, camera, baseline_m, offset_px=offset_px, disparities=disparities)
    matched = found.camera
    small = np.asarray(cv2.resize(colors[0], (matched.width, matched.height), interpolation=cv2.INTER_AREA), np.uint8)
    noise = SensorNoise(0.0005, SIGMA_PX / (matched.fx * baseline_m), 9.0)
    got = DepthRefiner(noise=noise).refine(Frame(0, name, 0.0, small, found.depth, matched, matched, None))
    facts = {"confirmed": round(float((found.depth > 0).mean()), 4), "sources": shares(got.source)}
    depth, sigma = upsampled(got.depth, got.sigma, small, colors[0])
    confirmed = cv2.resize(found.depth, (camera.width, camera.height), interpolation=cv2.INTER_NEAREST)
    return DepthMap(name, depth, sigma, camera, facts), np.asarray(confirmed, dtype=np.float32)
