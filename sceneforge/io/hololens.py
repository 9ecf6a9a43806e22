"""HoloLens key frames in the layout of deep-video-mvs: images/, depth/, K.txt, poses.txt, frames.txt."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sceneforge.core.errors import ScanError
from sceneforge.core.scan import Scan

from ._frames import Shot, has, listed, same_count, scan_from_files
from ._poses import pose_from_matrix
from ._text import read_intrinsics, read_table, rows


def sniff(path: Path) -> bool:
    """Whether the folder holds images/, depth/, K.txt and poses.txt."""
    return has(path, "images/", "depth/", "K.txt", "poses.txt")


def read(path: Path) -> Scan:
    """Line i of poses.txt (16 numbers, camera-to-world) belongs to line i of frames.txt, or to the i-th image.

    Depth is 16-bit millimetres; the world is Y up, as the headset's is.
    """
    poses = read_table(path / "poses.txt", 16)
    if (path / "frames.txt").is_file():
        names = [fields[0] for _, fields in rows(path / "frames.txt")]
        if any(Path(n).name != n for n in names):
            raise ScanError("names files in other folders", path=path / "frames.txt", expected="plain file names")
        same_count(path, frames=len(names), poses=len(poses))
        pairs = [(path / "images" / n, path / "depth" / n) for n in names]
    else:
        color, depth = listed(path / "images", ".png", ".jpg", ".jpeg"), listed(path / "depth", ".png")
        same_count(path, colour_images=len(color), depth_images=len(depth), poses=len(poses))
        pairs = list(zip(color, depth, strict=True))
    shots = [
        Shot(color.stem, color, depth, float(i), pose_from_matrix(poses[i])) for i, (color, depth) in enumerate(pairs)
    ]
    K = read_intrinsics(path / "K.txt")
    return scan_from_files(path, "hololens", shots, K, unit_m=0.001, up=np.array([0.0, 1.0, 0.0]))
