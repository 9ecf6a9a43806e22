"""What tracking returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core.arrays import Float64, frozen_array, rigid_transform


@dataclass(frozen=True)
class TrackResult:
    """Camera poses found without help from the capture."""

    T_world_camera: tuple[Float64 | None, ...]
    """One per scan frame: (4, 4) camera-to-world, OpenCV axes, metres. The world is the camera of the largest
    fragment's first frame. None = not tracked."""
    confidence: Float64
    """(N,) 0..1 per scan frame; 0 where there is no pose."""
    fragments: tuple[tuple[int, ...], ...]
    """Frame indices tied to each other by verified links, ascending; largest fragment first. Only it has poses."""
    notes: tuple[str, ...] = ()
    """Why frames have no pose and where the track broke, one sentence each."""
    size_sigma: float = 0.0
    """Standard deviation of the track's size as a share of it; 0 where a sensor measured it."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        poses = tuple(
            None if T is None else rigid_transform(T, f"T_world_camera[{i}]") for i, T in enumerate(self.T_world_camera)
        )
        set_(self, "T_world_camera", poses)
        set_(self, "confidence", frozen_array(self.confidence, (len(poses),), np.float64, "confidence"))
