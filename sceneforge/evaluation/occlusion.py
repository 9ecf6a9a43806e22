"""How right occlusion is, by the definitions of implicit-depth (its test_bd.py) in NumPy.

Watson et al., "Virtual Occlusions Through Implicit Depth", CVPR 2023.

A virtual surface is held into the picture, and every pixel asks: is it seen there, or hidden by the real room? Truth
comes from a true depth image.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.transforms import inverse, transform_points

Bools: TypeAlias = NDArray[np.bool_]

PLANE_DEPTHS_M = tuple(1.5 + 0.5 * i for i in range(8))
"""Depths of the fronto-parallel planes."""
BAND_PX = 7
"""Width of the square that grows the edge of truth into the boundary band."""
VERTEX_TOLERANCE_M = 0.05
"""A surface point counts as seen where it is no farther than this from the true depth."""
FRAME_EDGE_PX = 4
"""Pixels along the picture's border that temporal scores leave out."""


def boundary_band(visible: Bools) -> Bools:
    """(H, W) pixels around the edge of what is truly visible (H, W): its outer rim, dilated 7 x 7."""
    import cv2

    rim = cv2.dilate(visible.astype(np.uint8), np.ones((3, 3), np.uint8)) - visible
    return np.asarray(cv2.dilate(rim, np.ones((BAND_PX, BAND_PX), np.uint8)), dtype=np.bool_)


def silhouettes(depth: Float32) -> Bools:
    """(H, W) pixels within four of a jump of true depth (H, W), metres, 0 = unknown."""
    import cv2

    window = np.ones((3, 3), np.uint8)
    low = cv2.erode(np.where(depth > 0, depth, np.float32(1e3)), window)
    jump = cv2.dilate(depth, window) - low > 0.06 + 0.04 * low
    return np.asarray(cv2.dilate(jump.astype(np.uint8), np.ones((9, 9), np.uint8)), dtype=np.bool_)


def harmonic_iou(predicted: Bools, truth: Bools, counted: Bools) -> float:
    """Harmonic mean of the IoU of visible and of hidden pixels, over those `counted`; NaN if truth is all one kind."""
    both = []
    for sense in (True, False):
        p, t = (predicted == sense) & counted, (truth == sense) & counted
        if not t.any():
            return float("nan")
        both.append(np.count_nonzero(p & t) / np.count_nonzero(p | t))
    return 2 * both[0] * both[1] / max(both[0] + both[1], 1e-12)


@dataclass
class PlaneScores:
    """Scores of one method over frames and planes."""

    iou: list[float] = field(default_factory=list)
    """Harmonic mean IoU per frame and plane, all pixels."""
    band_iou: list[float] = field(default_factory=list)
    """The same in the boundary band."""
    band_wrong: list[float] = field(default_factory=list)
    """Share of the band's pixels that are decided wrongly, per frame and plane."""

    silhouette_wrong: list[float] = field(default_factory=list)
    """The same where the band follows a jump of true depth, not a line along which the plane meets a surface."""

    def add(self, predicted: Bools, truth: Bools, known: Bools, silhouettes: Bools) -> None:
        """One frame and plane: (H, W) visible as predicted and in truth, where truth is known, and `silhouettes`."""
        band = boundary_band(truth) & known
        wrong, at_jump = predicted != truth, band & silhouettes
        self.iou.append(harmonic_iou(predicted, truth, known))
        self.band_iou.append(harmonic_iou(predicted, truth, band))
        self.band_wrong.append(float(wrong[band].mean()) if band.any() else float("nan"))
        self.silhouette_wrong.append(float(wrong[at_jump].mean()) if at_jump.any() else float("nan"))

    def means(self) -> dict[str, float]:
        """Means over the frames and planes where truth has both kinds of pixels."""
        names = ("iou", "band_iou", "band_wrong", "silhouette_wrong")
        return {name: round(mean_known(getattr(self, name)), 4) for name in names}


def mean_known(values: Iterable[float]) -> float:
    """Mean of the values that are not NaN; NaN where there are none."""
    known = [v for v in values if np.isfinite(v)]
    return float(np.mean(known)) if known else float("nan")


def held_plane(T_world_first: Float64, distance_m: float, camera: Camera, T_world_camera: Float64) -> Float32:
    """(H, W) z-depth of a plane that hangs still in the world, facing a first camera at a distance; inf = not met."""
    normal = T_world_first[:3, 2]
    offset = normal @ (T_world_first[:3, 3] - T_world_camera[:3, 3]) + distance_m
    along = camera.rays().astype(np.float64) @ (T_world_camera[:3, :3].T @ normal)
    with np.errstate(divide="ignore"):
        z = np.where(np.abs(along) > 1e-9, offset / along, np.inf)
    return np.where(z > 0.05, z, np.inf).astype(np.float32)


@dataclass
class FlickerScores:
    """Of surface points seen in two frames on end: how many change between visible and hidden content before them."""

    pairs: int = 0
    """Points times pairs of frames."""
    flips: int = 0
    """Changes of the predicted state that truth does not make."""
    true_flips: int = 0
    """Changes that truth makes."""
    _before: tuple[Bools, Bools, Bools] | None = None

    def restart(self) -> None:
        """The next frame follows on none."""
        self._before = None

    def add(self, predicted: Bools, truth: Bools, at: NDArray[np.int64], seen: Bools) -> None:
        """One frame: (H, W) visible as predicted and in truth; `at` (N,) flat pixel of every point, `seen` (N,)."""
        p, t = predicted.reshape(-1)[at], truth.reshape(-1)[at]
        if self._before is not None:
            p0, t0, seen0 = self._before
            both = seen & seen0
            changed, cause = (p != p0) & both, (t != t0) & both
            self.pairs += int(np.count_nonzero(both))
            self.flips += int(np.count_nonzero(changed & ~cause))
            self.true_flips += int(np.count_nonzero(cause))
        self._before = p, t, seen

    @property
    def share(self) -> float:
        """Flips without cause per point and pair of frames."""
        return self.flips / max(self.pairs, 1)


def points_in_frame(
    points: Float64, camera: Camera, T_world_camera: Float64, depth: Float32
) -> tuple[NDArray[np.int64], Bools]:
    """Flat nearest pixel (N,) of world points (N, 3), and whether each is really seen there (true depth (H, W))."""
    uv, z = camera.project(transform_points(inverse(T_world_camera), points))
    pixel = np.rint(np.nan_to_num(uv, nan=-1.0))
    low, high = FRAME_EDGE_PX, np.array([camera.width, camera.height]) - FRAME_EDGE_PX
    inside = (z > 0) & (pixel >= low).all(axis=1) & (pixel < high).all(axis=1)
    at = np.where(inside, pixel[:, 1] * camera.width + pixel[:, 0], 0).astype(np.int64)
    return at, inside & (np.abs(z - depth.reshape(-1)[at]) < VERTEX_TOLERANCE_M)
