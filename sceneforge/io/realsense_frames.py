"""Single RealSense views: color/, depth/ and cam_params_realsense.json, without poses."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sceneforge.core.errors import ScanError
from sceneforge.core.scan import Scan

from ._frames import Shot, has, listed, paired, scan_from_files
from ._text import checked_intrinsics, read_json

CAMERA_FILE = "cam_params_realsense.json"


def sniff(path: Path) -> bool:
    """Whether the folder holds color/, depth/ and cam_params_realsense.json."""
    return has(path, "color/", "depth/", CAMERA_FILE)


def read(path: Path) -> Scan:
    """Every image is a view of its own: no poses. Depth is 16-bit millimetres, registered to colour."""
    camera = read_json(path / CAMERA_FILE)
    values = camera.get("intrinsic_matrix")
    if not isinstance(values, list) or len(values) != 9 or not all(isinstance(v, int | float) for v in values):
        raise ScanError("no usable intrinsic_matrix", path=path / CAMERA_FILE, expected="9 numbers, column by column")
    K = checked_intrinsics(np.array(values, dtype=np.float64).reshape(3, 3).T, path / CAMERA_FILE)
    sides = camera.get("width"), camera.get("height")
    size = (sides[0], sides[1]) if isinstance(sides[0], int) and isinstance(sides[1], int) else None
    pairs = paired(listed(path / "color", ".png", ".jpg", ".jpeg"), listed(path / "depth", ".png"))
    shots = [Shot(name, color, depth, float(i)) for i, (name, color, depth) in enumerate(pairs)]
    note = "separate views without poses: each frame is understood on its own"
    return scan_from_files(path, "realsense_frames", shots, K, unit_m=0.001, K_size=size, notes=[note])
