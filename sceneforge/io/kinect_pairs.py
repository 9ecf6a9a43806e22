"""Single Kinect views side by side: NAME_color.png and NAME_depth_mm.png, without poses or intrinsics."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sceneforge.core.scan import Scan

from ._frames import Shot, any_listed, has, listed, scan_from_files
from ._text import natural_key

K = np.array([[525.0, 0, 319.5], [0, 525.0, 239.5], [0, 0, 1]])
"""What PCL and OpenNI assume of a Kinect at 640x480."""


def sniff(path: Path) -> bool:
    """Whether the folder holds *_depth_mm.png and *_color.png files."""
    return has(path) and any_listed(path, "_depth_mm.png") and any_listed(path, "_color.png", "_color.jpg")


def read(path: Path) -> Scan:
    """Every pair is a view of its own: no poses. Depth is 16-bit millimetres."""
    depth = {p.name.removesuffix("_depth_mm.png"): p for p in listed(path, "_depth_mm.png")}
    color = {p.stem.removesuffix("_color"): p for p in listed(path, "_color.png", "_color.jpg")}
    names = sorted(depth.keys() | color.keys(), key=natural_key)
    shots = [Shot(n, color.get(n), depth.get(n), float(i)) for i, n in enumerate(names)]
    notes = [
        "no intrinsics in the folder: a Kinect's 525, 525, 319.5, 239.5 at 640x480 are assumed",
        "separate views without poses: each frame is understood on its own",
    ]
    return scan_from_files(path, "kinect_pairs", shots, K, unit_m=0.001, K_size=(640, 480), notes=notes)
