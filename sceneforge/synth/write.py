"""The scan folder on disk: `scan.yaml`, pictures, depth, trajectory and truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.camera import Camera
from sceneforge.core.transforms import quaternion_from_rotation

DEPTH_UNIT_M = 0.001
TRUTH_UNIT_M = 0.0002


def write_scan_yaml(folder: Path, name: str, camera: Camera) -> None:
    """`scan.yaml`, the generic scan format version 1."""
    c = camera
    text = f"""format: sceneforge.scan
version: 1
name: {name}
depth_unit_m: {DEPTH_UNIT_M}
camera: {{width: {c.width}, height: {c.height}, fx: {c.fx!r}, fy: {c.fy!r}, cx: {c.cx!r}, cy: {c.cy!r}}}
up: [0, 1, 0]
color: "color/*.jpg"
depth: "depth/*.png"
trajectory: trajectory.txt
"""
    (folder / "scan.yaml").write_text(text)


def write_trajectory(folder: Path, timestamps_s: Float64, T_world_camera: Float64) -> None:
    """`trajectory.txt` in the TUM format: camera-to-world, quaternions xyzw."""
    rows = ["# timestamp tx ty tz qx qy qz qw"]
    for t, T in zip(timestamps_s, T_world_camera, strict=True):
        values = [*T[:3, 3], *quaternion_from_rotation(T[:3, :3])]
        rows.append(f"{t:.6f} " + " ".join(f"{v:.9f}" for v in values))
    (folder / "trajectory.txt").write_text("\n".join(rows) + "\n")


def write_color(path: Path, picture: UInt8, quality: int = 90) -> None:
    """(H, W, 3) sRGB uint8 as JPEG."""
    import cv2

    _write(
        path,
        cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1])[1],
    )


def write_depth(path: Path, depth: Float32, unit_m: float) -> None:
    """(H, W) metres as 16-bit PNG, 0 = none; what does not fit 16 bits becomes 0."""
    counts = np.rint(depth.astype(np.float64) / unit_m)
    write_png16(path, np.where(counts < 65536, counts, 0).astype(np.uint16))


def write_png16(path: Path, image: NDArray[np.uint16]) -> None:
    """(H, W) uint16 as PNG, packed as tightly as zlib can."""
    import cv2

    options = [cv2.IMWRITE_PNG_COMPRESSION, 9]
    plain, filtered = (
        cv2.imencode(".png", image, [*options, *extra])[1]
        for extra in (
            [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE],
            [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP],
        )
    )
    _write(path, plain if len(plain) <= len(filtered) else filtered)


def _write(path: Path, encoded: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded.tobytes())
