"""Open3D's reconstruction system and the Redwood data: color/ (or image/, rgb/), depth/, intrinsics, trajectory.log."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.errors import ScanError
from sceneforge.core.scan import Scan

from ._frames import NO_POSE, Shot, common_size, has, listed, same_count, scan_from_files
from ._poses import Pose, pose_from_matrix
from ._text import as_floats, checked_intrinsics, read_json, rows

COLOR = ("color", "image", "rgb")
INTRINSICS = ("intrinsic.json", "camera_intrinsic.json", "intrinsics.json")
TRAJECTORIES = ("trajectory.log", "scene/trajectory.log", "camera_trajectory.log")
PRIMESENSE = np.array([[525.0, 0, 319.5], [0, 525.0, 239.5], [0, 0, 1]])
"""Open3D's PrimeSenseDefault for 640x480."""


def sniff(path: Path) -> bool:
    """Whether the folder holds depth/, a colour folder, and Open3D intrinsics or a .log trajectory."""
    if not has(path, "depth/") or not any((path / c).is_dir() for c in COLOR):
        return False
    return any((path / n).is_file() for n in (*INTRINSICS, *TRAJECTORIES))


def read(path: Path) -> Scan:
    """Images paired in natural order, as Open3D does; trajectory entries are camera-to-world; depth scale 1000."""
    color_folder = next((path / c for c in COLOR if (path / c).is_dir()), None)
    if color_folder is None:
        raise ScanError("no colour folder", path=path, expected=f"one of {', '.join(COLOR)}")
    color, depth = listed(color_folder, ".jpg", ".jpeg", ".png"), listed(path / "depth", ".png")
    same_count(path, colour_images=len(color), depth_images=len(depth))
    notes: list[str] = []
    log = next((path / n for n in TRAJECTORIES if (path / n).is_file()), None)
    poses = read_log(log, len(depth)) if log else [NO_POSE] * len(depth)
    if log is None:
        notes.append("no trajectory.log: the camera's path has to be estimated")
    shots = [Shot(d.stem, c, d, float(i), p) for i, (c, d, p) in enumerate(zip(color, depth, poses, strict=True))]
    file = next((path / n for n in INTRINSICS if (path / n).is_file()), None)
    if file is None:
        size = common_size(list(depth), "depth", path)
        if size != (640, 480):
            raise ScanError(
                f"no intrinsics for {size[0]}x{size[1]} images", path=path, expected=f"one of {', '.join(INTRINSICS)}"
            )
        notes.append("no intrinsics in the folder: Open3D's PrimeSense default 525, 525, 319.5, 239.5 is assumed")
    K, K_size = (PRIMESENSE, (640, 480)) if file is None else _intrinsics(file)
    return scan_from_files(path, "redwood", shots, K, unit_m=0.001, K_size=K_size, notes=notes)


def read_log(path: Path, count: int) -> list[Pose]:
    """One pose per frame from a .log trajectory: five lines an entry, the first number of each is the frame.

    Raises:
        ScanError: The file does not consist of such entries, or names a frame twice or beyond the last.
    """
    lines = rows(path)
    if len(lines) % 5:
        raise ScanError(f"holds {len(lines)} lines", path=path, expected="entries of 5 lines")
    out = [Pose(None, "the trajectory has no entry for this frame")] * count
    seen: set[int] = set()
    for at in range(0, len(lines), 5):
        number, fields = lines[at]
        index = int(as_floats(fields[:1], path, number)[0])
        if not 0 <= index < count or index in seen:
            raise ScanError(
                f"line {number} names frame {index}", path=path, expected=f"each of the {count} frames at most once"
            )
        seen.add(index)
        values = [as_floats(f, path, n) for n, f in lines[at + 1 : at + 5]]
        if any(len(v) != 4 for v in values):
            raise ScanError(f"the matrix after line {number} is not 4x4", path=path, expected="4 lines of 4 numbers")
        out[index] = pose_from_matrix(values)
    return out


def _intrinsics(path: Path) -> tuple[Float64, tuple[int, int] | None]:
    data = read_json(path)
    values = data.get("intrinsic_matrix")
    try:
        K = np.array(values, dtype=np.float64).reshape(3, 3)
        if K[2, 2] == 1 and K[0, 2] == 0 and K[1, 2] == 0:  # Open3D writes column by column
            K = K.T
        size = (int(data["width"]), int(data["height"])) if "width" in data and "height" in data else None
    except (TypeError, ValueError) as error:
        raise ScanError("no usable intrinsic_matrix", path=path, expected="9 numbers, column by column") from error
    return checked_intrinsics(K, path), size
