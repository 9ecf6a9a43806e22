"""ScanNet as its SensReader exports it: color/, depth/, pose/, intrinsic/."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sceneforge.core.errors import ScanError
from sceneforge.core.scan import Scan

from ._frames import Shot, has, listed, paired, scan_from_files
from ._poses import Pose, pose_from_matrix
from ._text import read_intrinsics, read_numbers


def sniff(path: Path) -> bool:
    """Whether the folder holds color/, depth/, pose/ and intrinsic/intrinsic_depth.txt."""
    return has(path, "color/", "depth/", "pose/") and (path / "intrinsic" / "intrinsic_depth.txt").is_file()


def read(path: Path) -> Scan:
    """Files by frame number; poses are camera-to-world, -inf where tracking was lost; millimetres; world Z up."""
    K_depth = read_intrinsics(path / "intrinsic" / "intrinsic_depth.txt")
    color_file = path / "intrinsic" / "intrinsic_color.txt"
    if not color_file.is_file():
        raise ScanError("no colour intrinsics", path=path, expected="intrinsic/intrinsic_color.txt")
    pairs = paired(listed(path / "color", ".jpg", ".jpeg", ".png"), listed(path / "depth", ".png"))
    shots = [
        Shot(
            name, color, depth, int(name) / 30.0 if name.isdecimal() else float(i), _pose(path / "pose" / f"{name}.txt")
        )
        for i, (name, color, depth) in enumerate(pairs)
    ]
    lost = sum(s.pose.problem is not None for s in shots)
    return scan_from_files(
        path,
        "scannet",
        shots,
        read_intrinsics(color_file),
        unit_m=0.001,
        K_depth=K_depth,
        up=np.array([0.0, 0.0, 1.0]),
        notes=[f"{lost} of {len(shots)} frames have no valid pose"] if lost else [],
    )


def _pose(path: Path) -> Pose:
    if not path.is_file():
        return Pose(None, f"pose file {path.name} is missing")
    try:
        return pose_from_matrix(read_numbers(path))
    except ScanError as error:
        return Pose(None, f"pose file {path.name} is damaged: {error.problem}")
