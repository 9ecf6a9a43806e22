"""Record3D's own .r3d recordings: a zip of metadata, rgbd/N.jpg and LZFSE-packed float32 rgbd/N.depth."""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from sceneforge.core.arrays import Float32, UInt8
from sceneforge.core.errors import FrameError, ScanError
from sceneforge.core.scan import FrameSource, Scan

from ._archive import SafeZip
from ._frames import checked
from ._images import MAX_SIDE, clean_depth, decode_color, header_size
from ._lzfse import unpacked
from ._record3d import Metadata, frame_cameras
from ._text import natural_key

KNOWN_SIZES = {256 * 192: (192, 256), 640 * 480: (480, 640)}
"""(width, height) of portrait LiDAR and TrueDepth images, for recordings that do not state it."""


def sniff(path: Path) -> bool:
    """Whether it is an .r3d file."""
    return path.suffix.lower() == ".r3d" and path.is_file()


def read(path: Path) -> Scan:
    """All frames with picture and depth; ARKit poses converted to OpenCV axes; metres, world Y up.

    Raises:
        UnsafeArchiveError: The zip file is unsafe.
        ScanError: No metadata or no frames in it.
        MissingExtra: Depth is packed and the package lzfse is not installed.
    """
    archive = SafeZip(path)
    files = set(archive.names())
    if "metadata" not in files:
        raise ScanError("holds no metadata", path=path, expected="a Record3D recording")
    try:
        text = archive.read("metadata", "metadata").decode("utf-8")
    except UnicodeDecodeError as error:
        raise ScanError("metadata is not text", path=path, expected="JSON") from error
    metadata = Metadata.parse(text, path)
    frames = [PurePosixPath(f).stem for f in files if f.startswith("rgbd/") and f.endswith((".jpg", ".depth"))]
    names = sorted({n for n in frames if n.isdecimal()}, key=natural_key)
    if not names:
        raise ScanError("no frames", path=path, expected="rgbd/0.jpg and rgbd/0.depth")
    color_size = next((s for n in names[:5] if (s := _color_size(archive, files, n))), metadata.size)
    depth_size = metadata.depth_size or _depth_size(archive, files, names, path)
    sources = []
    for name in names:
        index = int(name)
        camera, depth_camera = frame_cameras(metadata, index, color_size, depth_size)
        pose = metadata.pose(index)
        problem = pose.problem
        for suffix in ("jpg", "depth"):
            if f"rgbd/{name}.{suffix}" not in files:
                problem = f"rgbd/{name}.{suffix} is missing"
        sources.append(
            FrameSource(
                name,
                f"{path}/rgbd/{name}.depth",
                metadata.timestamp(index),
                camera,
                depth_camera,
                None if problem else pose.T,
                partial(_read_color, archive, name),
                partial(_read_depth, archive, name, depth_size),
                problem,
                files=(str(path),),
            )
        )
    scan = Scan(path.stem, str(path), "record3d_r3d", tuple(sources), np.array([0.0, 1.0, 0.0]))
    return checked(scan, "metres")


def _read_color(archive: SafeZip, name: str) -> UInt8:
    return decode_color(archive.read(f"rgbd/{name}.jpg", name), f"{archive.path}/rgbd/{name}.jpg", name)


def _read_depth(archive: SafeZip, name: str, size: tuple[int, int]) -> Float32:
    """(h, w) metres; stored plain when the entry has exactly that many float32, else packed with LZFSE."""
    expected = size[0] * size[1] * 4
    data = archive.read(f"rgbd/{name}.depth", name)
    data = data if len(data) == expected else unpacked(data, (expected,), archive.path, name)
    if len(data) != expected:
        raise FrameError(
            f"depth has {len(data) // 4} values", path=archive.path, frame=name, expected=f"{size[0]}x{size[1]}"
        )
    return clean_depth(np.frombuffer(data, dtype="<f4").reshape(size[1], size[0]))


def _color_size(archive: SafeZip, files: set[str], name: str) -> tuple[int, int] | None:
    """From the picture's header; None where it is missing or damaged, which is said when the frame is read."""
    if f"rgbd/{name}.jpg" not in files:
        return None
    try:
        size = header_size(archive.read(f"rgbd/{name}.jpg", name))
    except FrameError:
        return None
    return size if size and min(size) >= 1 and max(size) <= MAX_SIDE else None


def _depth_size(archive: SafeZip, files: set[str], names: list[str], path: Path) -> tuple[int, int]:
    """From the count of values in the first readable depth image."""
    sizes = [4 * count for count in KNOWN_SIZES]
    for name in names[:5]:
        if f"rgbd/{name}.depth" in files:
            try:
                data = archive.read(f"rgbd/{name}.depth", name)
                data = data if len(data) in sizes else unpacked(data, sizes, path, name)
            except FrameError:
                continue  # damaged: said when the frame is read
            return KNOWN_SIZES[len(data) // 4]
    raise ScanError("depth size is not stated", path=path, expected="dw and dh in the metadata")
