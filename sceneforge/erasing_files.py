"""What `erase` writes: a scan folder that reads like any capture, its masks, the video, and the paints that stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sceneforge.core import Camera, Frame, FrameError, Progress, Scan, Scene, SurfacePaint
from sceneforge.core.arrays import Float64, UInt8

if TYPE_CHECKING:
    from sceneforge.perception.removal import Thing
    from sceneforge.rendering.erasing import Erased, Eraser

DEPTH_UNIT_M = 0.0005
TOUCH_M = 0.05
"""A thing this near to a painted surface stood on it."""


@dataclass(frozen=True)
class Written:
    """What the frames came to."""

    stamps_s: Float64
    """(N,) seconds."""
    T_world_camera: Float64
    """(N, 4, 4) camera-to-world."""
    indices: tuple[int, ...]
    """The frames' indices in the capture."""
    changed: int
    """Pixels that were changed."""
    unknown: int
    """Those behind which nothing is known."""


def write_frames(
    capture: Scan,
    poses: Mapping[int, Float64],
    eraser: Eraser,
    gains: Mapping[int, Float64],
    folder: Path,
    fps: float,
    bad: list[FrameError],
    progress: Progress,
) -> Written:
    """Write frames, masks and the before-and-after video.

    Args:
        capture: The frames.
        poses: Frame index -> (4, 4) camera-to-world.
        eraser: Takes the things out.
        gains: Frame index -> (3,) linear brightness over the mean exposure.
        folder: Where to.
        fps: Frames per second of the video.
        bad: Collects frames that cannot be read.
        progress: Told after each frame.
    """
    from sceneforge.rendering.video import encode_video

    for name in ("color", "depth", "masks"):
        (folder / name).mkdir()
    stamps: list[float] = []
    used: list[int] = []
    count = {"changed": 0, "unknown": 0}
    first = capture.sources[next(iter(poses))].camera
    width, height = 2 * (first.width // 2) * 2, first.height - first.height % 2

    def pictures() -> Iterator[UInt8]:
        for n, frame in enumerate(capture.frames(list(poses), bad=bad)):
            done = eraser.erase(frame, poses[frame.index], gains.get(frame.index, np.ones(3)))
            _write_frame(folder, len(stamps), done)
            stamps.append(frame.timestamp_s)
            used.append(frame.index)
            count["changed"] += int(np.count_nonzero(done.mask))
            count["unknown"] += done.unknown
            progress("erase", n + 1, len(poses))
            yield _side_by_side(frame, done.color, width, height)

    encode_video(pictures(), folder / "before_after.mp4", width, height, fps)
    path = np.stack([poses[i] for i in used])
    return Written(np.array(stamps), path, tuple(used), count["changed"], count["unknown"])


def _side_by_side(frame: Frame, color: UInt8, width: int, height: int) -> UInt8:
    half = width // 2
    both = [np.zeros((height, half, 3), np.uint8) for _ in range(2)]
    for picture, target in zip((frame.color, color), both, strict=True):
        h, w = min(height, picture.shape[0]), min(half, picture.shape[1])
        target[:h, :w] = picture[:h, :w]
    return np.concatenate(both, axis=1)


def _write_frame(folder: Path, number: int, done: Erased) -> None:
    import cv2

    name = f"{number:06d}.png"
    counts = np.rint(done.depth.astype(np.float64) / DEPTH_UNIT_M)
    for part, image in (
        ("color", done.color[..., ::-1]),
        ("depth", np.where(counts < 65536, counts, 0).astype(np.uint16)),
        ("masks", done.mask),
    ):
        (folder / part / name).write_bytes(cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 4])[1].tobytes())


def write_manifest(folder: Path, name: str, camera: Camera, depth_camera: Camera) -> None:
    """Write scan.yaml."""
    import yaml

    def described(c: Camera) -> dict[str, float]:
        return {"width": c.width, "height": c.height, "fx": c.fx, "fy": c.fy, "cx": c.cx, "cy": c.cy}

    manifest = {
        "format": "sceneforge.scan",
        "version": 1,
        "name": name,
        "depth_unit_m": DEPTH_UNIT_M,
        "camera": described(camera),
        "depth_camera": described(depth_camera),
        "up": [0, 1, 0],
        "color": "color/*.png",
        "depth": "depth/*.png",
        "trajectory": "trajectory.txt",
    }
    (folder / "scan.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")


def kept_paints(scene: Scene, things: Sequence[Thing], used: Sequence[int]) -> tuple[SurfacePaint, ...]:
    """The scene's paints as the new frames show them: frames renumbered, and paint also where the things stood."""
    import cv2

    there, out = {p.id for p in scene.planes}, []
    for paint in scene.paints:
        if not there.intersection(paint.planes):
            continue
        raster, mask = paint.raster, np.array(paint.mask)
        for thing in things:
            local = (thing.box.corners - raster.T_world_plane[:3, 3]) @ raster.T_world_plane[:3, :3]
            if local[:, 1].min() > TOUCH_M or local[:, 1].max() < -TOUCH_M:
                continue
            hull = cv2.convexHull(raster.cells(local[:, [0, 2]]).round().astype(np.int32))
            stood = cv2.fillConvexPoly(np.zeros_like(mask), hull, 1)
            rim = 2 * max(1, round(TOUCH_M / raster.metres_per_pixel)) + 1
            stood = cv2.dilate(stood, np.ones((rim, rim), np.uint8))
            # Beside the thing the mask ended for other reasons: only holes that the paint surrounds are closed.
            closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
            around = cv2.dilate(stood, np.ones((5, 5), np.uint8)) - stood
            if paint.mode != "inpaint" and np.mean(closed[around > 0] > 127) > 0.5:
                mask[stood > 0] = 255
        gains = {n: paint.gains[i] for n, i in enumerate(used) if i in paint.gains}
        planes = tuple(p for p in paint.planes if p in there)
        out.append(replace(paint, planes=planes, mask=mask, gains=gains))
    return tuple(out)
