"""Our generic folder: any colour and depth images, described by a small scan.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.camera import Camera
from sceneforge.core.errors import ScanError
from sceneforge.core.scan import Scan

from ._frames import MANIFEST, NO_POSE, Shot, camera_from, common_size, same_count, scan_from_files
from ._poses import from_opengl, pose_from_quaternion
from ._text import natural_key, read_table, read_text

REQUIRED = ("camera", "color")
DEPTH = ("depth", "depth_unit_m")
"""Both or neither: a capture may be pictures alone."""
KEYS = frozenset({*REQUIRED, *DEPTH, "format", "version", "name", "depth_camera", "up", "trajectory", "axes"})


def sniff(path: Path) -> bool:
    """Whether it is a scan.yaml, or a folder with one."""
    return (path / MANIFEST).is_file() or (path.name == MANIFEST and path.is_file())


def read(path: Path) -> Scan:
    """Sorted glob results are paired in order; line i of the trajectory (TUM format) belongs to frame i.

    Raises:
        ScanError: The description is incomplete, names unknown keys or paths outside the folder, or counts differ.
    """
    manifest = path if path.name == MANIFEST else path / MANIFEST
    folder = manifest.parent
    data = _checked(manifest)
    color = _files(folder, data["color"], "color", manifest)
    depth: list[Path | None] = [None] * len(color)
    if data.get("depth") is not None:
        depth = [*_files(folder, data["depth"], "depth", manifest)]
        same_count(folder, colour_images=len(color), depth_images=len(depth))
    opengl = _choice(data, "axes", ("opencv", "opengl"), manifest) == "opengl"
    poses, stamps = [NO_POSE] * len(depth), [float(i) for i in range(len(depth))]
    if data.get("trajectory") is not None:
        table = read_table(_inside(folder, data["trajectory"], "trajectory", manifest), 8)
        same_count(folder, images=len(color), lines_in_the_trajectory=len(table))
        poses = [pose_from_quaternion(row[1:4], row[4:8]) for row in table]
        poses = [from_opengl(p) for p in poses] if opengl else poses
        stamps = [float(t) for t in table[:, 0]]
    camera = _camera(data["camera"], "camera", manifest)
    depth_camera = _camera(data["depth_camera"], "depth_camera", manifest) if data.get("depth_camera") else None
    _same_size(common_size([*color], "colour", folder), camera, "colour", manifest)
    if depth_camera is not None and data.get("depth") is not None:
        _same_size(common_size(depth, "depth", folder), depth_camera, "depth", manifest)
    shots = [
        Shot((d or c).stem, c, d, t, p, camera, depth_camera)
        for c, d, t, p in zip(color, depth, stamps, poses, strict=True)
    ]
    notes = [] if data.get("trajectory") else ["no trajectory: the camera's path has to be estimated"]
    if data.get("depth") is None:
        notes.append("no depth images: the pictures are all there is")
    return scan_from_files(
        folder,
        "scan_yaml",
        shots,
        camera.K,
        unit_m=None if data.get("depth") is None else _unit(data, manifest),
        K_size=(camera.width, camera.height),
        up=_up(data.get("up"), manifest),
        notes=notes,
        name=str(data.get("name") or folder.resolve().name),
    )


def _checked(path: Path) -> dict[str, Any]:
    import yaml

    text = read_text(path)
    if len(text) > 65536:
        raise ScanError(f"is {len(text)} characters long", path=path, expected="a short description")
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ScanError(f"is not valid YAML ({error})", path=path, expected="keys and values") from error
    if not isinstance(data, dict) or data.get("format") != "sceneforge.scan":
        raise ScanError("does not say 'format: sceneforge.scan'", path=path, expected="that line first")
    if data.get("version") != 1:
        raise ScanError(f"version is {data.get('version')!r}", path=path, expected="version: 1")
    unknown = sorted(str(k) for k in data.keys() - KEYS)
    if unknown:
        raise ScanError(f"has unknown keys {', '.join(unknown)}", path=path, expected=", ".join(sorted(KEYS)))
    lacking = [k for k in REQUIRED if data.get(k) is None]
    if any(data.get(k) is not None for k in DEPTH):
        lacking += [k for k in DEPTH if data.get(k) is None]
    if lacking:
        raise ScanError(
            f"lacks {', '.join(lacking)}",
            path=path,
            expected=f"the keys {', '.join(REQUIRED)}, and both or none of {' and '.join(DEPTH)}",
        )
    return data


def _inside(folder: Path, value: Any, key: str, manifest: Path) -> Path:
    name = str(value)
    if Path(name).is_absolute() or ".." in Path(name).parts or "\\" in name:
        raise ScanError(f"{key} is {name!r}", path=manifest, expected="a relative path inside the folder")
    target = folder / name
    if not target.resolve().is_relative_to(folder.resolve()):
        raise ScanError(f"{key} {name!r} leads out of the folder", path=manifest, expected="a path inside it")
    return target


def _files(folder: Path, value: Any, key: str, manifest: Path) -> list[Path]:
    pattern = _inside(folder, value, key, manifest).relative_to(folder)
    root = folder.resolve()
    files = sorted((p for p in folder.glob(str(pattern)) if p.is_file()), key=lambda p: natural_key(p.name))
    outside = next((p for p in files if not p.resolve().is_relative_to(root)), None)
    if outside is not None:
        raise ScanError(f"{key} {outside.name} links out of the folder", path=manifest, expected="files inside it")
    if not files:
        raise ScanError(f"{key}: nothing matches {value!r}", path=manifest, expected="a pattern such as color/*.jpg")
    return files


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def _camera(value: Any, key: str, path: Path) -> Camera:
    fields = ("width", "height", "fx", "fy", "cx", "cy")
    if not isinstance(value, dict) or not all(_number(value.get(f)) for f in fields) or set(value) - set(fields):
        raise ScanError(f"{key} is {value!r}", path=path, expected=f"numbers {', '.join(fields)}")
    K = np.array([[value["fx"], 0, value["cx"]], [0, value["fy"], value["cy"]], [0, 0, 1]], dtype=np.float64)
    try:
        return camera_from(K, (int(value["width"]), int(value["height"])), path)
    except ValueError as error:
        raise ScanError(f"{key}: {error}", path=path, expected="pixels") from error


def _same_size(size: tuple[int, int], camera: Camera, kind: str, path: Path) -> None:
    if size != (camera.width, camera.height):
        raise ScanError(
            f"{kind} images are {size[0]}x{size[1]}", path=path, expected=f"{camera.width}x{camera.height} as it says"
        )


def _unit(data: dict[str, Any], path: Path) -> float:
    value = data["depth_unit_m"]
    if not _number(value) or not 1e-6 <= value <= 1:
        raise ScanError(f"depth_unit_m is {value!r}", path=path, expected="metres per stored unit, e.g. 0.001")
    return float(value)


def _choice(data: dict[str, Any], key: str, choices: tuple[str, ...], path: Path) -> str:
    value = data.get(key) or choices[0]
    if value not in choices:
        raise ScanError(f"{key} is {value!r}", path=path, expected=" or ".join(choices))
    return str(value)


def _up(value: Any, path: Path) -> Float64 | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 3 or not all(_number(v) for v in value) or not any(value):
        raise ScanError(f"up is {value!r}", path=path, expected="a direction [x, y, z]")
    return np.array(value, dtype=np.float64)
