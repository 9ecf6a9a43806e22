"""Reads back what was understood: a folder with scene.json, and beside it surface.npz and trajectory.txt."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import LABEL_NAMES, CameraTrack, EnvironmentMap, Mesh, Scene, SceneFileError
from sceneforge.core.json_values import load_json
from sceneforge.core.scene_json import scene_from_dict
from sceneforge.core.transforms import make_transform, rotation_from_quaternion

from ._paints import read_paints

_MAX_SURFACE_BYTES = 4 << 30
_MAX_ENVIRONMENT_BYTES = 256 << 20
_MAX_TRAJECTORY_BYTES = 256 << 20
_ARRAYS = {"vertices": "f", "faces": "iu", "labels": "iu", "label_names": "U", "instances": "iu"}
_OPTIONAL_ARRAYS = {"colors": "u"}


def read_scene(folder: str | Path) -> Scene:
    """Read a scene folder.

    Args:
        folder: Holds scene.json; the mesh comes from surface.npz, the camera track from trajectory.txt, the light from
            environment.npz, painted surfaces from paint.json, where present.

    Raises:
        SceneFileError: A file is missing, damaged, unreasonably large, or written by a newer version.
    """
    root = Path(folder)
    if not (root / "scene.json").is_file():
        raise SceneFileError("there is no scene.json", path=root, fix="make one with: sceneforge understand SCAN")
    scene = scene_from_dict(load_json(root / "scene.json"))
    surface, trajectory, light = root / "surface.npz", root / "trajectory.txt", root / "environment.npz"
    paint = root / "paint.json"
    return replace(
        scene,
        mesh=read_surface(surface) if surface.is_file() else None,
        track=read_trajectory(trajectory) if trajectory.is_file() else None,
        environment=read_environment(light) if light.is_file() else None,
        paints=read_paints(paint) if paint.is_file() else (),
    )


def read_surface(path: str | Path) -> Mesh:
    """The mesh in a surface.npz. Nothing in the file is executed: arrays of plain numbers and text only.

    Raises:
        SceneFileError: The file is damaged, lacks an array, or would fill the memory.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(entry.file_size for entry in archive.infolist())
        if total > _MAX_SURFACE_BYTES:
            raise SceneFileError(f"the arrays take {total} bytes", path=path, expected=f"at most {_MAX_SURFACE_BYTES}")
        with np.load(path, allow_pickle=False) as data:
            wanted = (*_ARRAYS, *(key for key in _OPTIONAL_ARRAYS if key in data))
            arrays = {key: np.asarray(data[key]) for key in wanted}
    except KeyError as error:
        raise SceneFileError(f"has no array {error}", path=path, expected=", ".join(_ARRAYS)) from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, SyntaxError, MemoryError) as error:
        raise SceneFileError(f"is damaged: {error}", path=path, fix="understand the scan again") from error
    for key, kinds in (_ARRAYS | _OPTIONAL_ARRAYS).items():
        if key in arrays and arrays[key].dtype.kind not in kinds:
            raise SceneFileError(
                f"array '{key}' is {arrays[key].dtype}", path=path, expected=f"kind {' or '.join(kinds)}"
            )
    if not np.isfinite(arrays["vertices"]).all():
        raise SceneFileError("vertices hold NaN or infinity", path=path)
    try:
        return Mesh(
            arrays["vertices"],
            arrays["faces"],
            arrays.get("colors"),
            _label_numbers(arrays["labels"], arrays["label_names"], path),
            arrays["instances"],
        )
    except ValueError as error:
        raise SceneFileError(f"is damaged: {error}", path=path) from error


def read_environment(path: str | Path) -> EnvironmentMap:
    """The light in an environment.npz.

    Raises:
        SceneFileError: The file is damaged, lacks an array, or would fill the memory.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(entry.file_size for entry in archive.infolist())
        if total > _MAX_ENVIRONMENT_BYTES:
            limit = f"at most {_MAX_ENVIRONMENT_BYTES}"
            raise SceneFileError(f"the arrays take {total} bytes", path=path, expected=limit)
        with np.load(path, allow_pickle=False) as data:
            position, radiance, observed = (np.asarray(data[k]) for k in ("position", "radiance", "observed"))
        if any(a.dtype.kind != "f" or not np.isfinite(a).all() for a in (position, radiance, observed)):
            raise SceneFileError("has values that are no finite numbers", path=path)
        return EnvironmentMap(position, radiance.astype(np.float32), observed.astype(np.float32))
    except (KeyError, OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise SceneFileError(
            f"is no environment map ({error})", path=path, fix="make it anew with: sceneforge understand SCAN"
        ) from error


def _label_numbers(labels: NDArray[Any], names: NDArray[Any], path: str | Path) -> NDArray[np.uint8]:
    """The file's label numbers as ours: positions go by name, whichever version wrote the list."""
    unknown = sorted(set(names.tolist()) - set(LABEL_NAMES))
    if unknown:
        raise SceneFileError(
            f"label_names hold {', '.join(unknown)}", path=path, fix="upgrade with: pip install --upgrade sceneforge"
        )
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) < len(names):
        raise SceneFileError(f"labels go up to {int(labels.max())}", path=path, expected=f"0 to {len(names) - 1}")
    table = np.array([LABEL_NAMES.index(name) for name in names.tolist()], dtype=np.uint8)
    return np.asarray(table[labels], dtype=np.uint8) if len(table) else np.zeros(labels.shape, np.uint8)


def read_trajectory(path: str | Path) -> CameraTrack:
    """The camera track in a TUM trajectory file: `timestamp tx ty tz qx qy qz qw` per line, camera-to-world.

    Files of other programs, without our comment on frame indices, count their poses from 0 with confidence 1.

    Raises:
        SceneFileError: A line is not eight finite numbers, named by its number.
    """
    try:
        size = Path(path).stat().st_size
        if size > _MAX_TRAJECTORY_BYTES:
            raise SceneFileError(f"the file has {size} bytes", path=path, expected=f"at most {_MAX_TRAJECTORY_BYTES}")
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SceneFileError(f"cannot be read: {error.strerror or error}", path=path) from error
    times: list[float] = []
    poses: list[NDArray[np.float64]] = []
    facts: dict[str, Any] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith('# {"indices"'):
            facts = _facts(line[2:], path, number)
        if not line.strip() or line.startswith("#"):
            continue
        try:
            values = np.array([float(word) for word in line.split()])
            if values.shape != (8,) or not np.isfinite(values).all():
                raise ValueError(f"'{line[:60]}'")
            poses.append(make_transform(rotation_from_quaternion(values[4:]), values[1:4]))
        except ValueError as error:
            raise SceneFileError(
                f"line {number} is {error}", path=path, expected="timestamp tx ty tz qx qy qz qw, all finite"
            ) from error
        times.append(float(values[0]))
    indices = facts.get("indices", list(range(len(poses))))
    confidence = facts.get("confidence", [1.0] * len(poses))
    try:
        return CameraTrack(
            tuple(int(i) for i in indices),
            np.array(times),
            np.array(poses).reshape(-1, 4, 4),
            np.array(confidence, dtype=np.float64),
        )
    except (TypeError, ValueError) as error:
        raise SceneFileError(
            f"the comment on frames does not fit the {len(poses)} poses: {error}", path=path
        ) from error


def _facts(text: str, path: str | Path, number: int) -> dict[str, Any]:
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SceneFileError(f"line {number} is not valid JSON: {error}", path=path) from error
    return facts if isinstance(facts, dict) else {}
