"""What Record3D writes about a recording, the same in its EXR export and inside .r3d files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.camera import Camera
from sceneforge.core.errors import ScanError

from ._frames import camera_from
from ._poses import Pose, from_opengl, pose_from_quaternion
from ._text import checked_intrinsics, read_text


@dataclass(frozen=True)
class Metadata:
    """The recording's metadata file."""

    path: Path
    """For errors."""
    size: tuple[int, int]
    """(width, height) of the colour images K belongs to, pixels."""
    depth_size: tuple[int, int] | None
    """(width, height) of the depth images, where stated."""
    K: Float64
    """(3, 3) of the recording."""
    per_frame: Float64 | None
    """(N, 4) fx, fy, cx, cy per frame, where the app wrote them."""
    poses: Float64
    """(N, 7) qx qy qz qw tx ty tz, camera-to-world, ARKit axes."""
    stamps: Float64
    """Seconds; may be shorter than `poses` in edited files."""
    fps: float
    """Frames per second."""

    @classmethod
    def read_file(cls, path: Path) -> Metadata:
        """Parse a metadata.json."""
        return cls.parse(read_text(path), path)

    @classmethod
    def parse(cls, text: str, path: Path) -> Metadata:
        """Parse the file's text.

        Raises:
            ScanError: Not JSON, or w, h, K or poses are missing or malformed.
        """
        try:
            data: dict[str, Any] = json.loads(text)
            size = int(data["w"]), int(data["h"])
            K = np.array(data["K"], dtype=np.float64).reshape(3, 3).T
            poses = np.array(data["poses"], dtype=np.float64).reshape(-1, 7)
            per_frame = np.array(data.get("perFrameIntrinsicCoeffs") or [], dtype=np.float64).reshape(-1, 4)
            stamps = np.array(data.get("frameTimestamps") or [], dtype=np.float64).reshape(-1)
            fps = float(data.get("fps") or 60.0)
            depth_size = (int(data["dw"]), int(data["dh"])) if "dw" in data and "dh" in data else None
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ScanError(
                f"metadata is unusable ({type(error).__name__}: {error})", path=path, expected="w, h, K and poses"
            ) from error
        if not len(poses) or min(size) < 1:
            raise ScanError(f"{len(poses)} poses, images {size}", path=path, expected="at least one of each")
        checked_intrinsics(K, path)
        usable = len(per_frame) == len(poses) and bool(np.isfinite(per_frame).all() and (per_frame[:, :2] > 0).all())
        return cls(path, size, depth_size, K, per_frame if usable else None, poses, stamps, fps)

    @property
    def count(self) -> int:
        """Recorded frames."""
        return len(self.poses)

    def pose(self, index: int) -> Pose:
        """Camera-to-world in OpenCV axes."""
        if index >= self.count:
            return Pose(None, f"the metadata has {self.count} poses, none for frame {index}")
        row = self.poses[index]
        return from_opengl(pose_from_quaternion(row[4:7], row[0:4]))

    def timestamp(self, index: int) -> float:
        """Seconds since the start."""
        known = len(self.stamps) == self.count and index < self.count
        return float(self.stamps[index]) if known else index / self.fps

    def intrinsics(self, index: int) -> Float64:
        """(3, 3) of this frame, for images of `size`."""
        if self.per_frame is None or index >= self.count:
            return self.K
        fx, fy, cx, cy = self.per_frame[index]
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


def frame_cameras(
    metadata: Metadata, index: int, color_size: tuple[int, int], depth_size: tuple[int, int]
) -> tuple[Camera, Camera]:
    """(colour camera, depth camera) of a frame: one lens, two resolutions."""
    camera = camera_from(metadata.intrinsics(index), color_size, metadata.path, metadata.size)
    return camera, camera.resized(*depth_size)
