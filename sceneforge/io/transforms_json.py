"""nerfstudio's transforms.json with depth, as its tools and Polycam exports write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.camera import Camera
from sceneforge.core.errors import ScanError
from sceneforge.core.scan import Scan

from ._frames import Shot, common_size, has, scan_from_files
from ._poses import Pose, from_opengl, pose_from_matrix
from ._text import natural_key, read_json

NAME = "transforms.json"
DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
NEGLIGIBLE = 1e-3
"""Distortion coefficients below this move no pixel by more than a fraction of one."""


def sniff(path: Path) -> bool:
    """Whether it is a transforms.json, or a folder with one."""
    return has(path, NAME) or (path.name == NAME and path.is_file())


def read(path: Path) -> Scan:
    """Frames with both file_path and depth_file_path, by file name; OpenGL camera axes; depth in millimetres.

    Intrinsics are global or per frame. The world's up is not stated by the format and has to be estimated.

    Raises:
        ScanError: No frame has depth, no intrinsics, an unusual camera model, or paths that leave the folder.
    """
    file = path if path.name == NAME else path / NAME
    folder = file.parent
    data = read_json(file)
    frames = data.get("frames")
    if not isinstance(frames, list) or not all(isinstance(f, dict) and "file_path" in f for f in frames):
        raise ScanError("holds no frames", path=file, expected="a list of frames with file_path")
    model = str(data.get("camera_model", "OPENCV"))
    if model not in ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE"):
        raise ScanError(f"camera_model is {model}", path=file, expected="a pinhole camera", fix="undistort it first")
    with_depth = [f for f in frames if f.get("depth_file_path")]
    if not with_depth:
        raise ScanError(
            f"none of {len(frames)} frames has a depth_file_path", path=file, expected="an export with depth"
        )
    notes = []
    if len(with_depth) < len(frames):
        notes.append(f"{len(frames) - len(with_depth)} of {len(frames)} frames have no depth and are left out")
    bent = [k for k in DISTORTION if any(abs(_number(f, data, k, file) or 0.0) > NEGLIGIBLE for f in with_depth)]
    if bent:
        notes.append(f"lens distortion ({', '.join(bent)}) is ignored")
    scale = float(data.get("applied_scale", 1.0))
    if not scale > 0:
        raise ScanError(f"applied_scale is {scale}", path=file, expected="a positive number")
    if scale != 1.0:
        notes.append(f"positions are divided by applied_scale {scale:g} to get metres back")
    with_depth.sort(key=lambda f: natural_key(str(f["file_path"])))
    colors = [_image(folder, f["file_path"], file) for f in with_depth]
    depths = [_image(folder, f["depth_file_path"], file) for f in with_depth]
    color_size, depth_size = common_size(colors, "colour", folder), common_size(depths, "depth", folder)
    shots = []
    for i, (f, color, depth) in enumerate(zip(with_depth, colors, depths, strict=True)):
        camera = _camera(f, data, color_size, file)
        depth_camera = camera if depth_size == color_size else camera.resized(*depth_size)
        shots.append(Shot(color.stem, color, depth, float(i), _pose(f, scale), camera, depth_camera))
    return scan_from_files(folder, "transforms_json", shots, None, unit_m=0.001, notes=notes)


def _number(frame: dict[str, Any], data: dict[str, Any], key: str, path: Path) -> float | None:
    """A value of the frame, or else of the whole file."""
    value = frame.get(key, data.get(key))
    if value is None:
        return None
    if not isinstance(value, int | float) or not np.isfinite(value):
        raise ScanError(f"{key} is {value!r}", path=path, expected="a number")
    return float(value)


def _camera(frame: dict[str, Any], data: dict[str, Any], size: tuple[int, int], path: Path) -> Camera:
    width = int(_number(frame, data, "w", path) or size[0])
    height = int(_number(frame, data, "h", path) or size[1])
    fx, angle = _number(frame, data, "fl_x", path), _number(frame, data, "camera_angle_x", path)
    if fx is None and angle is not None:
        fx = width / 2 / float(np.tan(angle / 2))
    if fx is None:
        raise ScanError("no intrinsics", path=path, frame=str(frame["file_path"]), expected="fl_x, fl_y, cx, cy")
    fy = _number(frame, data, "fl_y", path) or fx
    cx, cy = _number(frame, data, "cx", path), _number(frame, data, "cy", path)
    try:
        camera = Camera(
            width, height, fx, fy, (width - 1) / 2 if cx is None else cx, (height - 1) / 2 if cy is None else cy
        )
    except ValueError as error:
        raise ScanError(str(error), path=path, frame=str(frame["file_path"]), expected="pixels") from error
    return camera if (width, height) == size else camera.resized(*size)


def _pose(frame: dict[str, Any], scale: float) -> Pose:
    try:
        matrix: Float64 = np.array(frame["transform_matrix"], dtype=np.float64)
    except (KeyError, ValueError, TypeError):
        return Pose(None, "transform_matrix is missing or malformed")
    if matrix.shape in ((4, 4), (3, 4)):
        matrix[:3, 3] /= scale
    return from_opengl(pose_from_matrix(matrix))


def _image(folder: Path, value: Any, path: Path) -> Path:
    """The file a frame names; Blender-style exports leave the suffix off."""
    name = str(value)
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ScanError(f"names {name!r}", path=path, expected="paths inside the folder")
    target = folder / name
    if not target.suffix:
        target = next((t for e in (".png", ".jpg") if (t := target.with_suffix(e)).is_file()), target)
    if not target.resolve().is_relative_to(folder.resolve()):
        raise ScanError(f"names {name!r}, a link out of the folder", path=path, expected="files inside it")
    return target
