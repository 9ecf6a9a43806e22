"""What the recorded camera sees of a place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sceneforge.core import Camera, CameraTrack
from sceneforge.core.arrays import Float64

from .rules import NOMINAL_TAN_HALF_FOV
from .triangles import Triangles


class View:
    """Camera poses sampled evenly along a track, and what may hide things from them."""

    def __init__(self, track: CameraTrack | None, camera: Camera | None, count: int) -> None:
        poses = np.zeros((0, 4, 4)) if track is None else track.T_world_camera
        if len(poses) > count:
            poses = poses[np.unique(np.linspace(0, len(poses) - 1, count).round().astype(int))]
        self.poses: Float64 = poses
        if camera is None:
            x, y = NOMINAL_TAN_HALF_FOV
            self.window = np.array([[-x, -y], [x, y]])
        else:
            edges = np.array([[-0.5, -0.5], [camera.width - 0.5, camera.height - 0.5]])
            self.window = (edges - [camera.cx, camera.cy]) / [camera.fx, camera.fy]

    def seen(self, points: Float64, blockers: Sequence[Triangles], slack: float = 0.02) -> tuple[Float64, Float64]:
        """Which poses see which points (P, N) bool as float, and how well (P, N) 0..1.

        How well: 1 in the middle of the picture, falling to 0.4 at its border.

        Args:
            points: (N, 3) world.
            blockers: Triangles in the world that hide what lies behind them.
            slack: Metres by which a blocker must be nearer than the point to hide it.
        """
        R, origin = self.poses[:, :3, :3], self.poses[:, :3, 3]
        local = np.einsum("pji,pnj->pni", R, points[None] - origin[:, None])
        z = local[..., 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            middle, half = self.window.mean(axis=0), np.ptp(self.window, axis=0) / 2
            off = np.abs((local[..., :2] / z[..., None] - middle) / half).max(axis=-1)
        visible = (z > 0.05) & (off < 1)
        pose, point = np.nonzero(visible)
        if len(pose):
            starts, ends = origin[pose], points[point]
            length = np.linalg.norm(ends - starts, axis=1)
            for blocker in blockers:
                t, _ = blocker.cast(starts, ends - starts)
                hidden = t * length < length - slack
                visible[pose[hidden], point[hidden]] = False
        quality = np.where(visible, 1 - 0.6 * np.nan_to_num(off) ** 2, 0.0)
        return visible.astype(np.float64), quality

    def share(self, points: Float64, blockers: Sequence[Triangles]) -> Float64:
        """Share (N,) of the poses that see each point; 0 without poses."""
        if not len(self.poses):
            return np.zeros(len(points))
        return np.asarray(self.seen(points, blockers)[0].mean(axis=0))

    def appeal(self, points: Float64, size: float, blockers: Sequence[Triangles]) -> Float64:
        """How well the track shows something of this size (metres) at each point (N,), 0..1.

        Seen, near the picture's middle, and large enough: content that spans 8 degrees or more counts in full.
        """
        if not len(self.poses):
            return np.zeros(len(points))
        _, quality = self.seen(points, blockers)
        distance = np.linalg.norm(points[None] - self.poses[:, None, :3, 3], axis=2)
        return np.asarray((quality * np.clip(size / np.maximum(distance, 0.1) / 0.14, 0.2, 1)).mean(axis=0))
