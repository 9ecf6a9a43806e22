"""Single-channel OpenEXR depth images, through the OpenEXR package."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from sceneforge.core.arrays import Float32
from sceneforge.core.errors import FrameError, MissingExtra

from ._images import MAX_SIDE, clean_depth

_MAGIC = b"\x76\x2f\x31\x01"


def exr_size(path: Path) -> tuple[int, int] | None:
    """(width, height) of the data window, from the header alone; None when the file is no OpenEXR file."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return None
    at = head.find(b"dataWindow\0box2i\0")
    if not head.startswith(_MAGIC) or at < 0 or len(head) < at + 37:
        return None
    left, top, right, bottom = struct.unpack("<4i", head[at + 21 : at + 37])
    size = (right - left + 1, bottom - top + 1)
    return size if min(size) >= 1 and max(size) <= MAX_SIDE else None


def read_exr(path: Path, frame: str) -> Float32:
    """(h, w) float32 depth in the file's unit, 0 = none, from the only channel (or R, Y, Z of several equal ones).

    Raises:
        FrameError: Damaged, cut short, or no depth channel.
        MissingExtra: The package OpenEXR is not installed.
    """
    try:
        import OpenEXR
    except ImportError as error:
        raise MissingExtra("OpenEXR", "record3d", "Reading Record3D's EXR depth images") from error
    size = exr_size(path)
    if size is None:
        raise FrameError("is not an OpenEXR image of sane size", path=path, frame=frame)
    try:
        channels = OpenEXR.File(str(path)).channels()
    except Exception as error:  # the package raises bare ValueError and RuntimeError for damaged files
        raise FrameError("depth image is damaged or cut short", path=path, frame=frame) from error
    name = next((n for n in ("R", "Y", "Z", "RGB", "RGBA") if n in channels), None)
    if name is None:
        raise FrameError(f"has the channels {sorted(channels)}", path=path, frame=frame, expected="R, Y or Z")
    pixels = np.asarray(channels[name].pixels)
    return clean_depth(pixels if pixels.ndim == 2 else pixels[..., 0])
