"""trajectory.txt: the camera's path in the TUM RGB-D format, which evo and most SLAM tools read."""

from __future__ import annotations

import json
from pathlib import Path

from sceneforge.core import Arrangement, Scene, UsageError, write_bytes
from sceneforge.core.transforms import quaternion_from_rotation

NAME = "trajectory_tum"
SUFFIXES = ("trajectory.txt", ".tum")


def write(scene: Scene, path: str | Path, *, arrangement: Arrangement | None = None) -> None:
    """Write one line `timestamp tx ty tz qx qy qz qw` per pose: camera-to-world, seconds and metres, OpenCV axes.

    A comment line, which TUM readers skip, keeps each pose's frame index and confidence.

    Raises:
        UsageError: The scene has no camera track.
    """
    track = scene.track
    if track is None:
        raise UsageError(f"nothing to write to {path}: the scene has no camera track")
    facts = {"indices": list(track.indices), "confidence": track.confidence.tolist()}
    lines = ["# timestamp tx ty tz qx qy qz qw", f"# {json.dumps(facts)}"]
    for t, T in zip(track.timestamps_s.tolist(), track.T_world_camera, strict=True):
        values = [t, *T[:3, 3].tolist(), *quaternion_from_rotation(T[:3, :3]).tolist()]
        lines.append(" ".join(repr(v) for v in values))
    write_bytes(path, ("\n".join(lines) + "\n").encode())
