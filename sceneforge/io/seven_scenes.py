"""7-Scenes and everything that borrows its naming: frame-NNNNNN.color/.depth/.pose (3DMatch, SUN3D exports)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.errors import ScanError
from sceneforge.core.scan import Scan

from ._frames import Shot, has, scan_from_files
from ._poses import Pose, pose_from_matrix
from ._text import natural_key, read_intrinsics, read_numbers

KINECT = np.array([[585.0, 0, 320], [0, 585, 240], [0, 0, 1]])
"""Nominal Kinect v1 intrinsics for 640x480, as the data set's page gives them."""

RATE_HZ = 30.0
"""A Kinect's."""


def sniff(path: Path) -> bool:
    """Whether the folder, or a seq-XX folder in it, holds frame-*.depth.png files."""
    return has(path) and bool(_sequences(path))


def read(path: Path) -> Scan:
    """Frames by name; poses are camera-to-world 4x4; depth is 16-bit millimetres, 0 and 65535 = none.

    A frame that lacks one of its two images is counted, with a problem.
    `camera-intrinsics.txt` (any headers) and `gravity-direction.txt` are used where present, in the folder or above the
    sequence.
    """
    notes: list[str] = []
    sequences = _sequences(path)
    if len(sequences) > 1:
        notes.append(f"reads {len(sequences)} sequences as one scan: {', '.join(s.name for s in sequences)}")
    shots: list[Shot] = []
    for folder in sequences:
        start = shots[-1].timestamp_s + 1 / RATE_HZ if shots else 0.0  # each sequence's clock begins at 0
        prefix = f"{folder.name}/" if folder != path else ""
        for stem, color, depth in _images(folder):
            number = "".join(c for c in stem.removeprefix("frame-") if c.isdigit())
            time = start + (int(number) / RATE_HZ if number else float(len(shots)))
            shots.append(Shot(prefix + stem, color, depth, time, _pose(folder / f"{stem}.pose.txt")))
    if not any(s.pose.T is not None for s in shots) and all("missing" in (s.pose.problem or "") for s in shots):
        shots = [Shot(s.name, s.color, s.depth, s.timestamp_s) for s in shots]
        notes.append("no pose files: the camera's path has to be estimated")
    K = _find(path, sequences, "camera-intrinsics.txt")
    if K is None:
        notes.append("no camera-intrinsics.txt: nominal Kinect intrinsics 585, 585, 320, 240 are assumed")
    gravity = _find(path, sequences, "gravity-direction.txt")
    return scan_from_files(
        path,
        "seven_scenes",
        shots,
        KINECT if K is None else read_intrinsics(K),
        unit_m=0.001,
        K_size=(640, 480) if K is None else None,
        up=None if gravity is None else _up(gravity),
        notes=notes,
    )


def _images(folder: Path) -> list[tuple[str, Path, Path]]:
    """(stem, colour, depth) for every frame that has at least one of them; the other path then leads nowhere."""
    depths = {p.name.removesuffix(".depth.png"): p for p in folder.glob("frame-*.depth.png")}
    colors = {p.name.rsplit(".color", 1)[0]: p for e in ("png", "jpg") for p in folder.glob(f"frame-*.color.{e}")}
    kind = next(iter(colors.values())).suffix if colors else ".png"
    stems = sorted(depths.keys() | colors.keys(), key=natural_key)
    return [(s, colors.get(s, folder / f"{s}.color{kind}"), depths.get(s, folder / f"{s}.depth.png")) for s in stems]


def _sequences(path: Path) -> list[Path]:
    folders = [path, *sorted((p for p in path.glob("seq*") if p.is_dir()), key=lambda p: natural_key(p.name))]
    return [f for f in folders if next(f.glob("frame-*.depth.png"), None) is not None]


def _pose(path: Path) -> Pose:
    if not path.is_file():
        return Pose(None, f"pose file {path.name} is missing")
    try:
        return pose_from_matrix(read_numbers(path))
    except ScanError as error:
        return Pose(None, f"pose file {path.name} is damaged: {error.problem}")


def _find(path: Path, sequences: list[Path], name: str) -> Path | None:
    return next((f / name for f in (path, *sequences, path.parent) if (f / name).is_file()), None)


def _up(path: Path) -> Float64:
    gravity = read_numbers(path)
    if gravity.size != 3 or not np.isfinite(gravity).all() or np.linalg.norm(gravity) < 1e-6:
        raise ScanError(f"holds {gravity.tolist()}", path=path, expected="a direction of three numbers")
    return np.asarray(-gravity)
