"""ARKitScenes raw: lowres_wide/, lowres_depth/, lowres_wide_intrinsics/*.pincam and lowres_wide.traj."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sceneforge.core.camera import Camera
from sceneforge.core.errors import ScanError
from sceneforge.core.scan import Scan

from ._frames import Shot, common_size, has, listed, paired, scan_from_files
from ._poses import nearest, pose_from_axis_angle
from ._text import read_table

MAX_DIFFERENCE_S = 0.005
"""A trajectory entry belongs to a frame within this time, as in the data set's own loader."""


def sniff(path: Path) -> bool:
    """Whether the folder holds lowres_wide/, lowres_depth/, lowres_wide_intrinsics/ and lowres_wide.traj."""
    return has(path, "lowres_wide/", "lowres_depth/", "lowres_wide_intrinsics/", "lowres_wide.traj")


def read(path: Path) -> Scan:
    """Frames <video>_<seconds>; the trajectory is world-to-camera, axis-angle, at 10 Hz while images run at up to 60.

    Frames without a pose of their own are left out rather than given an invented one. Millimetres; world Z up.
    """
    pairs = paired(listed(path / "lowres_wide", ".png", ".jpg"), listed(path / "lowres_depth", ".png"))
    if not pairs:
        raise ScanError("no frames", path=path, expected="images in lowres_wide/ and lowres_depth/")
    table = read_table(path / "lowres_wide.traj", 7)
    stamps = np.array([_seconds(name, path) for name, _, _ in pairs])
    found = nearest(table[:, 0], stamps, MAX_DIFFERENCE_S)
    cameras = {p.stem: p for p in listed(path / "lowres_wide_intrinsics", ".pincam")}
    shots = []
    size = common_size([c for _, c, _ in pairs], "colour", path)
    for (name, color, depth), stamp, i in zip(pairs, stamps, found, strict=True):
        if i is not None:
            camera = _camera(name, stamp, cameras, path, size)
            pose = pose_from_axis_angle(table[i, 1:4], table[i, 4:7])
            shots.append(Shot(name, color, depth, float(stamp), pose, camera, camera))
    if not shots:
        raise ScanError("no frame has a pose", path=path, expected="time stamps of lowres_wide.traj in the file names")
    left_out = len(pairs) - len(shots)
    return scan_from_files(
        path,
        "arkitscenes",
        shots,
        None,
        unit_m=0.001,
        up=np.array([0.0, 0.0, 1.0]),
        notes=[f"{left_out} of {len(pairs)} frames lie between the trajectory's entries and are left out"]
        if left_out
        else [],
    )


def _seconds(name: str, path: Path) -> float:
    try:
        return float(name.rsplit("_", 1)[-1])
    except ValueError as error:
        raise ScanError(f"file name {name}", path=path, expected="<video>_<seconds>") from error


def _camera(name: str, stamp: float, files: dict[str, Path], path: Path, size: tuple[int, int]) -> Camera:
    """The frame's own intrinsics; stamps in their names may be off by a millisecond."""
    prefix = name.rsplit("_", 1)[0]
    candidates = [name, *(f"{prefix}_{stamp + d:.3f}" for d in (-0.001, 0.001))]
    file = next((files[c] for c in candidates if c in files), None)
    if file is None:
        raise ScanError("no intrinsics", path=path, frame=name, expected=f"lowres_wide_intrinsics/{name}.pincam")
    table = read_table(file, 6)
    if len(table) != 1:
        raise ScanError(f"has {len(table)} lines", path=file, expected="one line: width height fx fy cx cy")
    width, height, fx, fy, cx, cy = table[0]
    try:
        camera = Camera(int(width), int(height), float(fx), float(fy), float(cx), float(cy))
    except ValueError as error:
        raise ScanError(str(error), path=file, expected="width height fx fy cx cy") from error
    return camera if (camera.width, camera.height) == size else camera.resized(*size)
