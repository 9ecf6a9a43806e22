"""Stray Scanner (iPhone LiDAR): rgb.mp4, depth/NNNNNN.png, confidence/, odometry.csv, camera_matrix.csv."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from sceneforge.core.arrays import Float32
from sceneforge.core.errors import ScanError
from sceneforge.core.scan import FrameSource, Scan

from ._frames import camera_from, checked, common_size, has, listed
from ._images import decode_gray, read_bytes, read_depth
from ._poses import pose_from_quaternion
from ._text import as_floats, read_intrinsics, rows
from ._video import Video

MIN_CONFIDENCE = 1
"""ARKit's levels are 0, 1, 2; depth of level 0 is dropped, as the app's own viewer does."""
COLUMNS = ("x", "y", "z", "qx", "qy", "qz", "qw")


def sniff(path: Path) -> bool:
    """Whether the folder holds rgb.mp4, odometry.csv, camera_matrix.csv and depth/."""
    return has(path, "rgb.mp4", "odometry.csv", "camera_matrix.csv", "depth/")


def read(path: Path) -> Scan:
    """Row i of odometry.csv belongs to depth image i and video frame i.

    Poses are camera-to-world with OpenCV camera axes (the app converts ARKit's) in ARKit's Y-up world; depth is 16-bit
    millimetres at 256x192, K belongs to the video.

    Raises:
        ScanError: A file is malformed, or the video cannot be decoded.
    """
    stamps, frames, table = _odometry(path / "odometry.csv")
    depths = {p.stem: p for p in listed(path / "depth", ".png")}
    if not depths:
        raise ScanError("no depth images", path=path / "depth", expected="NNNNNN.png in millimetres")
    video = Video(path / "rgb.mp4")
    depth_size = common_size(list(depths.values()), "depth", path)
    camera = camera_from(read_intrinsics(path / "camera_matrix.csv"), video.size, path)
    depth_camera = camera.resized(*depth_size)
    confidences = {p.stem: p for p in listed(path / "confidence", ".png")}
    sources = []
    for stamp, index, row in zip(stamps, frames, table, strict=True):
        name = f"{index:06d}"
        depth = depths.get(name)
        pose = pose_from_quaternion(row[:3], row[3:7])
        problem = pose.problem
        if depth is None:
            problem = f"depth image {name}.png is missing"
        elif index >= video.count:
            problem = f"the video has {video.count} frames, none for frame {index}"
        sources.append(
            FrameSource(
                name,
                str(depth or path / "depth" / f"{name}.png"),
                stamp,
                camera,
                depth_camera,
                None if problem else pose.T,
                partial(video.read, index),
                partial(_read_depth, depth or path, confidences.get(name), name),
                problem,
                files=(str(video.path), *(str(c) for c in (confidences.get(name),) if c is not None)),
            )
        )
    notes = ["depth of the lowest confidence is dropped"] if confidences else []
    up = np.array([0.0, 1.0, 0.0])
    scan = Scan(path.resolve().name, str(path), "stray_scanner", tuple(sources), up, tuple(notes))
    return checked(scan, "millimetres")


def _odometry(path: Path) -> tuple[list[float], list[int], list[list[float]]]:
    """(seconds, frame numbers, [x y z qx qy qz qw]) by the names in the file's first line."""
    lines = rows(path)
    if not lines:
        raise ScanError("is empty", path=path, expected="a header and one line per frame")
    header = [c.lower() for c in lines[0][1]]
    lacking = [c for c in COLUMNS if c not in header]
    if lacking:
        raise ScanError(f"lacks {' '.join(lacking)}", path=path, expected=f"a header with {', '.join(COLUMNS)}")
    stamps, frames, table = [], [], []
    for i, (number, fields) in enumerate(lines[1:]):
        if len(fields) < len(header):
            raise ScanError(f"line {number} has {len(fields)} values", path=path, expected=f"{len(header)}")
        values = dict(zip(header, as_floats(fields[: len(header)], path, number), strict=True))
        stamps.append(values.get("timestamp", i / 60.0))
        frames.append(int(values.get("frame", i)))
        table.append([values[c] for c in COLUMNS])
    return stamps, frames, table


def _read_depth(path: Path, confidence: Path | None, frame: str) -> Float32:
    depth = read_depth(path, frame, 0.001)
    if confidence is not None:
        level = decode_gray(read_bytes(confidence, frame), confidence, frame)
        if level.shape == depth.shape:
            depth[level < MIN_CONFIDENCE] = 0.0
    return depth
