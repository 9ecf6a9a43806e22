"""The RGB-D example of "14 lectures on visual SLAM": color/N.png, depth/N.pgm and one pose.txt."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sceneforge.core.scan import Scan

from ._frames import Shot, any_listed, has, listed, paired, same_count, scan_from_files
from ._poses import pose_from_quaternion
from ._text import read_table

K = np.array([[518.0, 0, 325.5], [0, 519.0, 253.5], [0, 0, 1]])
"""Intrinsics in the book's code; the folder itself holds none."""


def sniff(path: Path) -> bool:
    """Whether the folder holds color/, pose.txt and depth/*.pgm."""
    return has(path, "color/", "depth/", "pose.txt") and any_listed(path / "depth", ".pgm")


def read(path: Path) -> Scan:
    """Line i of pose.txt (tx ty tz qx qy qz qw, camera-to-world) belongs to the i-th image; depth in millimetres."""
    pairs = paired(listed(path / "color", ".png", ".jpg"), listed(path / "depth", ".pgm"))
    table = read_table(path / "pose.txt", 7)
    same_count(path, images=len(pairs), poses=len(table))
    shots = [
        Shot(name, color, depth, float(i), pose_from_quaternion(table[i, :3], table[i, 3:7]))
        for i, (name, color, depth) in enumerate(pairs)
    ]
    note = "intrinsics 518, 519, 325.5, 253.5 are those of the book's code; the folder holds none"
    return scan_from_files(path, "slambook", shots, K, unit_m=0.001, K_size=(640, 480), notes=[note])
