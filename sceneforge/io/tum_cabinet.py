"""Key frames of a TUM sequence as CubeSLAM exports them: raw_imgs/, depth_imgs/, truth_cam_poses.txt, TUM*.yaml."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.errors import ScanError
from sceneforge.core.scan import Scan

from ._frames import Shot, has, listed, same_count, scan_from_files
from ._poses import pose_from_quaternion
from ._text import read_table, read_text


def sniff(path: Path) -> bool:
    """Whether the folder holds raw_imgs/, depth_imgs/ and truth_cam_poses.txt."""
    return has(path, "raw_imgs/", "depth_imgs/", "truth_cam_poses.txt")


def read(path: Path) -> Scan:
    """Line i of truth_cam_poses.txt (t tx ty tz qx qy qz qw, camera-to-world) belongs to image i; world Z up.

    Intrinsics and depth factor come from the ORB-SLAM style *.yaml in the folder.
    """
    table = read_table(path / "truth_cam_poses.txt", 8)
    color, depth = listed(path / "raw_imgs", ".jpg", ".jpeg", ".png"), listed(path / "depth_imgs", ".png")
    same_count(path, colour_images=len(color), depth_images=len(depth), poses=len(table))
    shots = [
        Shot(c.stem.removesuffix("_rgb_raw"), c, d, float(row[0]), pose_from_quaternion(row[1:4], row[4:8]))
        for c, d, row in zip(color, depth, table, strict=True)
    ]
    K, factor = _orb_slam_camera(path)
    return scan_from_files(path, "tum_cabinet", shots, K, unit_m=1 / factor, up=np.array([0.0, 0.0, 1.0]))


def _orb_slam_camera(path: Path) -> tuple[Float64, float]:
    """(K, depth units per metre) from the settings file. It is OpenCV YAML, which YAML parsers refuse: read by line."""
    files = listed(path, ".yaml", ".yml")
    if not files:
        raise ScanError(
            "no intrinsics", path=path, expected="an ORB-SLAM settings file such as TUM3.yaml with Camera.fx ..."
        )
    text = read_text(files[0])
    found = dict(re.findall(r"^\s*([\w.]+)\s*:\s*([-+.\deE]+)\s*(?:#.*)?$", text, flags=re.MULTILINE))
    try:
        fx, fy, cx, cy = (float(found[f"Camera.{k}"]) for k in ("fx", "fy", "cx", "cy"))
        factor = float(found.get("DepthMapFactor", 5000.0))
    except (KeyError, ValueError) as error:
        raise ScanError(f"no usable {error}", path=files[0], expected="Camera.fx, .fy, .cx and .cy") from error
    if not factor > 0:
        raise ScanError(f"DepthMapFactor is {factor:g}", path=files[0], expected="units per metre, above 0")
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), factor
