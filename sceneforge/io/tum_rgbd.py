"""TUM RGB-D: rgb.txt, depth.txt, groundtruth.txt, paired by time stamp (or by associations.txt)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.errors import ScanError
from sceneforge.core.scan import Scan

from ._frames import NO_POSE, Shot, has, scan_from_files
from ._poses import Pose, nearest, pose_from_quaternion
from ._text import as_floats, read_table, rows

MAX_DIFFERENCE_S = 0.02
"""Largest time between colour, depth and pose of one frame, as in the benchmark's own tools."""
UNIT_M = 1 / 5000

INTRINSICS = {
    1: (517.3, 516.5, 318.6, 255.3),
    2: (520.9, 521.0, 325.1, 249.7),
    3: (535.4, 539.2, 320.1, 247.6),
}
"""fx, fy, cx, cy of the benchmark's three Kinects (its "intrinsic camera calibration" table)."""
DEFAULT = (525.0, 525.0, 319.5, 239.5)
"""What the benchmark recommends where the camera is not known."""


class _Entry(NamedTuple):
    time: float
    file: Path


def sniff(path: Path) -> bool:
    """Whether the folder holds rgb/ and depth/ with their lists, or an associations.txt beside a groundtruth.txt."""
    if not has(path, "depth/") or (path / "truth_cam_poses.txt").exists():
        return False
    return has(path, "rgb/", "rgb.txt", "depth.txt") or has(path, "associations.txt", "groundtruth.txt")


def read(path: Path) -> Scan:
    """Depth images with the colour image and the pose nearest in time; 5000 units = 1 m; world Z up."""
    notes: list[str] = []
    if (path / "associations.txt").is_file():
        pairs = _associations(path)
    else:
        pairs, lonely = _by_stamp(_entries(path, "rgb.txt"), _entries(path, "depth.txt"))
        if lonely:
            notes.append(
                f"{lonely} depth images without a colour image within {MAX_DIFFERENCE_S * 1000:.0f} ms left out"
            )
    if not pairs:
        raise ScanError(
            "no colour and depth image belong together",
            path=path,
            expected=f"time stamps within {MAX_DIFFERENCE_S * 1000:.0f} ms of each other",
        )
    truth = path / "groundtruth.txt"
    poses = _poses(truth, [d.time for _, d in pairs]) if truth.is_file() else [NO_POSE] * len(pairs)
    if not truth.is_file():
        notes.append("no groundtruth.txt: the camera's path has to be estimated")
    shots = [Shot(f"{d.time:.6f}", c.file, d.file, d.time, p) for (c, d), p in zip(pairs, poses, strict=True)]
    K, note = intrinsics_for(path.resolve().name)
    return scan_from_files(
        path,
        "tum_rgbd",
        shots,
        K,
        unit_m=UNIT_M,
        K_size=(640, 480),
        up=np.array([0.0, 0.0, 1.0]) if truth.is_file() else None,
        notes=[*notes, note],
    )


def intrinsics_for(name: str) -> tuple[Float64, str]:
    """(K for 640x480, what was assumed) from a sequence's name, e.g. "rgbd_dataset_freiburg1_desk" or "fr1_desk"."""
    match = re.search(r"(?:freiburg|fr)_?([123])(?!\d)", name.lower())
    number = int(match.group(1)) if match else 0
    fx, fy, cx, cy = INTRINSICS.get(number, DEFAULT)
    origin = f"those of freiburg{number}, after the folder's name" if number else "the benchmark's default"
    K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    return K, f"intrinsics {fx}, {fy}, {cx}, {cy} are {origin}"


def _entries(path: Path, name: str) -> list[_Entry]:
    out = []
    for line, fields in rows(path / name):
        if len(fields) < 2:
            raise ScanError(f"line {line} has {len(fields)} field", path=path / name, expected="time stamp and file")
        out.append(_Entry(as_floats(fields[:1], path / name, line)[0], _inside(path, fields[1], name, line)))
    return sorted(out, key=lambda e: e.time)


def _associations(path: Path) -> list[tuple[_Entry, _Entry]]:
    name, out = "associations.txt", []
    for line, fields in rows(path / name):
        if len(fields) < 4:
            raise ScanError(f"line {line} has {len(fields)} fields", path=path / name, expected="stamp file stamp file")
        times = as_floats([fields[0], fields[2]], path / name, line)
        first, second = (
            _Entry(t, _inside(path, f, name, line)) for t, f in zip(times, (fields[1], fields[3]), strict=True)
        )
        swapped = first.file.parent.name == "depth" or second.file.parent.name in ("rgb", "color", "image")
        out.append((second, first) if swapped else (first, second))
    return sorted(out, key=lambda pair: pair[1].time)


def _inside(path: Path, name: str, list_name: str, line: int) -> Path:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ScanError(f"line {line} names {name}", path=path / list_name, expected="files inside the folder")
    return path / name


def _by_stamp(color: list[_Entry], depth: list[_Entry]) -> tuple[list[tuple[_Entry, _Entry]], int]:
    """Closest pairs first, each image once (the benchmark's associate.py)."""
    stamps = np.array([c.time for c in color])
    candidates = []
    for j, d in enumerate(depth):
        low, high = np.searchsorted(stamps, [d.time - MAX_DIFFERENCE_S, d.time + MAX_DIFFERENCE_S])
        candidates += [(abs(stamps[i] - d.time), int(i), j) for i in range(int(low), int(high))]
    used_color: set[int] = set()
    match: dict[int, int] = {}
    for _, i, j in sorted(candidates):
        if i not in used_color and j not in match:
            used_color.add(i)
            match[j] = i
    return [(color[i], depth[j]) for j, i in sorted(match.items())], len(depth) - len(match)


def _poses(path: Path, times: list[float]) -> list[Pose]:
    table = read_table(path, 8)
    found = nearest(table[:, 0], np.array(times), MAX_DIFFERENCE_S)
    return [
        Pose(None, f"no pose within {MAX_DIFFERENCE_S * 1000:.0f} ms of {t:.4f}")
        if i is None
        else pose_from_quaternion(table[i, 1:4], table[i, 4:8])
        for i, t in zip(found, times, strict=True)
    ]
