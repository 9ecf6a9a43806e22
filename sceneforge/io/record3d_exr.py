"""Record3D's "EXR + RGB" export: rgb/I.jpg, depth/I.exr and metadata.json."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from sceneforge.core.arrays import Float32
from sceneforge.core.errors import FrameError, ScanError
from sceneforge.core.scan import FrameSource, Scan

from ._exr import exr_size, read_exr
from ._frames import any_listed, checked, common_size, has, listed, missing, paired
from ._images import read_color
from ._record3d import Metadata, frame_cameras


def sniff(path: Path) -> bool:
    """Whether the folder, or EXR_RGBD in it, holds metadata.json, rgb/ and depth/*.exr."""
    return _root(path) is not None


def read(path: Path) -> Scan:
    """Frames whose files are there (numbers may be missing); depth has its own, smaller size; world Y up."""
    root = _root(path)
    if root is None:
        raise ScanError("is no Record3D export", path=path, expected="metadata.json, rgb/ and depth/*.exr")
    metadata = Metadata.read_file(root / "metadata.json")
    pairs = paired(listed(root / "rgb", ".jpg", ".png"), listed(root / "depth", ".exr"))
    color_size = common_size([c for _, c, _ in pairs], "colour", root)
    depth_size = _depth_size([d for _, _, d in pairs if d is not None], root)
    sources = []
    for name, color, depth in pairs:
        if not name.isdecimal():
            raise ScanError(f"unexpected file name {name}", path=root, expected="frame numbers such as 0.jpg")
        index = int(name)
        camera, depth_camera = frame_cameras(metadata, index, color_size, depth_size)
        pose = metadata.pose(index)
        problem = pose.problem
        if color is None or depth is None:
            problem = missing("colour" if color is None else "depth", None, depth or color)
        file = depth or color or root
        sources.append(
            FrameSource(
                name,
                str(file),
                metadata.timestamp(index),
                camera,
                depth_camera,
                None if problem else pose.T,
                partial(read_color, color or file, name),
                partial(_read_depth, depth or file, name),
                problem,
                files=tuple(str(f) for f in (color, depth) if f is not None),
            )
        )
    folder = root.resolve()
    name = folder.parent.name if folder.name == "EXR_RGBD" else folder.name
    absent = metadata.count - len(sources)
    notes = (f"{absent} of {metadata.count} recorded frames are not in the folder",) if absent > 0 else ()
    up = np.array([0.0, 1.0, 0.0])
    scan = Scan(name, str(path), "record3d_exr", tuple(sources), up, notes)
    return checked(scan, "metres")


def _root(path: Path) -> Path | None:
    for root in (path, path / "EXR_RGBD"):
        if has(root, "metadata.json", "rgb/", "depth/") and any_listed(root / "depth", ".exr"):
            return root
    return None


def _depth_size(files: list[Path], root: Path) -> tuple[int, int]:
    for file in files[:5]:
        size = exr_size(file)
        if size:
            return size
    raise ScanError("no depth image can be read", path=root / "depth", expected="OpenEXR files")


def _read_depth(path: Path, frame: str) -> Float32:
    depth = read_exr(path, frame)
    if depth.ndim != 2:
        raise FrameError("depth image has several channels", path=path, frame=frame, expected="one channel")
    return depth
