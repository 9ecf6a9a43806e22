"""Depth from a rectified stereo pair: OpenCV's semi-global matcher with a left-right check."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core import Camera, UsageError
from sceneforge.core.arrays import Float32, UInt8

NEAR_M, FAR_M = 0.3, 20.0
WINDOW = 5
AGREEMENT_PX = 1.0
"""How far the disparities seen from left and right may differ."""
SIGMA_PX = 0.35
"""Standard deviation of a confirmed disparity."""
MAX_DISPARITIES = 512
MAX_CELLS = 120_000_000
"""Pixels times disparities that the matcher may hold (4 bytes each); larger pictures are matched made smaller."""
MIN_SIDE_PX = 16


@dataclass(frozen=True)
class StereoDepth:
    """Depth of the left picture."""

    depth: Float32
    """(H, W) z-depth in metres, 0 = not found from both sides."""
    sigma: Float32
    """(H, W) standard deviation in metres, inf where depth is 0."""
    camera: Camera
    """Intrinsics of `depth`: those of the left picture, or of it made smaller."""


def stereo_depth(
    left: UInt8,
    right: UInt8,
    camera: Camera,
    baseline_m: float,
    *,
    offset_px: float = 0.0,
    disparities: int | None = None,
) -> StereoDepth:
    """Depth of the left picture of a rectified pair (Hirschmüller 2008, as OpenCV has it).

    Args:
        left, right: (H, W, 3) uint8 sRGB, rectified: the same row shows the same line of the scene.
        camera: Intrinsics of the left picture.
        baseline_m: Distance of the cameras, metres; the right one lies to the right.
        offset_px: Principal point of the right picture less that of the left: depth = f b / (disparity + offset).
        disparities: Look at disparities from 0 to this many pixels; None = at those of things 0.3 to 20 m away.

    Raises:
        UsageError: Sizes differ, or baseline and focal length give no usable disparities.
    """
    import cv2

    if left.shape != right.shape or left.shape[:2] != camera.shape:
        raise UsageError(f"stereo pair: {left.shape} and {right.shape} pixels for a camera of {camera.shape}")
    low, count = _range(camera, baseline_m, offset_px, disparities)
    smaller = int(np.ceil(np.cbrt(camera.width * camera.height * count / MAX_CELLS)))
    if smaller > 1:
        size = (camera.width // smaller, camera.height // smaller)
        left, right = (np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA), np.uint8) for p in (left, right))
        kx = size[0] / camera.width
        camera, offset_px = camera.resized(*size), offset_px * kx
        low, count = _range(camera, baseline_m, offset_px, disparities and int(np.ceil(disparities * kx)))
    fb = camera.fx * baseline_m
    matcher = cv2.StereoSGBM.create(
        minDisparity=low,
        numDisparities=count,
        blockSize=WINDOW,
        P1=8 * 3 * WINDOW**2,
        P2=32 * 3 * WINDOW**2,
        uniquenessRatio=5,
        speckleWindowSize=100,
        speckleRange=2,
        mode=cv2.STEREO_SGBM_MODE_HH,
    )
    seen_left = _disparity(matcher, left, right, low)
    # The same matcher seen from the right: both pictures mirrored and exchanged.
    mirrored = _disparity(matcher, right[:, ::-1], left[:, ::-1], low)
    seen_right = mirrored[:, ::-1]
    x = np.arange(camera.width)[None, :] - np.rint(np.nan_to_num(seen_left)).astype(int)
    inside = (x >= 0) & (x < camera.width) & np.isfinite(seen_left)
    opposite = np.take_along_axis(seen_right, np.clip(x, 0, camera.width - 1), axis=1)
    with np.errstate(invalid="ignore"):
        good = inside & (np.abs(opposite - seen_left) <= AGREEMENT_PX)
    total = np.where(good, seen_left + offset_px, 1.0)
    good &= total > fb / FAR_M
    depth = np.where(good, fb / np.maximum(total, 1e-6), 0).astype(np.float32)
    sigma = np.where(good, depth**2 * np.float32(SIGMA_PX / fb), np.float32(np.inf)).astype(np.float32)
    return StereoDepth(depth, sigma, camera)


def _range(camera: Camera, baseline_m: float, offset_px: float, disparities: int | None) -> tuple[int, int]:
    """The least disparity and how many there are to look at, a multiple of 16."""
    fb = camera.fx * baseline_m
    low = 0 if disparities else max(int(np.floor(fb / FAR_M - offset_px)), -64)
    count = int(np.ceil((disparities or fb / NEAR_M - offset_px - low) / 16)) * 16
    if baseline_m <= 0 or count < 16:
        raise UsageError(f"stereo pair: baseline {baseline_m:g} m and focal length {camera.fx:g} px give no disparity")
    if low >= camera.width or min(camera.shape) < MIN_SIDE_PX:
        raise UsageError(
            f"stereo pair: with baseline {baseline_m:g} m and focal length {camera.fx:g} px nothing nearer than "
            f"{FAR_M:g} m is in both pictures of {camera.width}x{camera.height} pixels; is the baseline in metres?"
        )
    return low, min(count, MAX_DISPARITIES, max(16, camera.width // 2 // 16 * 16))


def _disparity(matcher: object, left: UInt8, right: UInt8, low: int) -> Float32:
    """(H, W) disparity in pixels, NaN = none. The matcher needs a margin of its search range on the left."""
    import cv2

    margin = matcher.getNumDisparities() + max(low, 0)  # type: ignore[attr-defined]
    padded = [cv2.copyMakeBorder(np.ascontiguousarray(p), 0, 0, margin, 0, cv2.BORDER_REPLICATE) for p in (left, right)]
    found = matcher.compute(*padded)[:, margin:].astype(np.float32) / 16  # type: ignore[attr-defined]
    return np.asarray(np.where(found < low, np.float32(np.nan), found), dtype=np.float32)
