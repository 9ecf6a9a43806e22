"""Doors in: `load` for captures, `load_content` for models. One reader per file; see docs/formats.md."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sceneforge.core import Content, RoomCapture, Scan, Scene
    from sceneforge.core.arrays import UInt8

    from ._stereo_pair import StereoPair

__all__ = ["is_stereo_pair", "load", "load_content", "read_image", "read_scene", "read_stereo_pair"]


def load(path: str | Path, *, format: str | None = None) -> Scan | RoomCapture:
    """Open a capture: recognise its layout, check it, and read lazily.

    Args:
        path: A capture's folder or file.
        format: Name of a reader, e.g. "seven_scenes", to skip recognition.

    Returns:
        A `Scan` (RGB-D frames, decoded one by one on demand) or a `RoomCapture` (planes, boxes, mesh).

    Raises:
        UnknownFormatError: Nothing recognises the path; the message lists the known layouts.
        ScanError: The capture as a whole is unusable.
        UnsafeArchiveError: An archive would write outside its folder or grow without measure.
        MissingExtra: The format needs a package that is not installed.
    """
    from ._discover import open_capture

    return open_capture(Path(path), format)


def load_content(path: str | Path) -> Content:
    """Open a model to place: .glb, .gltf, .obj, .ply, .stl or .off, with materials, textures and vertex colours.

    Args:
        path: The model's file. Other files it refers to are read only from its own folder.

    Returns:
        Content in metres, +Y up, node transforms applied.

    Raises:
        ContentError: Missing, damaged, without triangles, or refers to files outside its folder.
    """
    from ._content import read_content

    return read_content(Path(path))


def read_image(path: str | Path) -> UInt8:
    """(H, W, 3) uint8 sRGB from a PNG, JPEG or PNM file, as stored (EXIF rotation is not applied).

    Raises:
        FrameError: The file is missing, damaged, cut short or absurdly large.
    """
    from ._images import read_color

    return read_color(Path(path), Path(path).name)


def is_stereo_pair(path: str | Path) -> bool:
    """Whether the path is a folder with two pictures, im0 and im1 or left and right, and their calib.txt."""
    from ._stereo_pair import is_stereo_pair as asked

    return asked(Path(path))


def read_stereo_pair(folder: str | Path) -> StereoPair:
    """Open the rectified stereo pair in such a folder (Middlebury 2014 and 2021, ETH3D).

    Raises:
        ScanError: A file is missing or the calibration makes no sense.
    """
    from ._stereo_pair import read_stereo_pair as read

    return read(folder)


def read_scene(folder: str | Path) -> Scene:
    """Read back what `understand` wrote: scene.json with surface.npz and trajectory.txt where present.

    Raises:
        SceneFileError: A file is missing, damaged, or from a newer version.
    """
    from .scene_folder import read_scene as read

    return read(folder)
