"""Where the depth image really lies on the colour image: depth edges moved onto colour edges, over several frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sceneforge.core import Camera, Frame
from sceneforge.core.arrays import Float64
from sceneforge.perception.edge_alignment import STILL, edge_view, score, search

MIN_EDGE_PIXELS = 400
"""A frame with fewer depth edge pixels says nothing."""
MIN_FRAMES = 4
"""So few frames prove nothing."""
MIN_GAIN = 0.05
"""The colour edge under the depth edges must grow by this share before anything is moved."""
MIN_MOVE_PX = 0.75
"""Smaller moves (somewhere in the picture) are within the sensor's own jitter."""
AGREEMENT_PX = 2.5
"""How far the answers of two halves of the frames may differ: mean over the picture, pixels of one 640 wide."""


@dataclass(frozen=True)
class Registration:
    """Residual of the given calibration: a depth pixel seen at p belongs at centre + scale (p - centre) + shift."""

    scale: float = 1.0
    """About the colour image's principal point."""
    right_px: float = 0.0
    """Colour pixels."""
    down_px: float = 0.0
    """Colour pixels."""
    gain: float = 0.0
    """How much stronger the colour edges under the depth edges became, as a share."""
    frames: int = 0
    """Frames that took part."""

    def camera(self, given: Camera) -> Camera:
        """The colour camera as the depth edges show it: what was given, with this residual put right."""
        if self.scale == 1 and self.right_px == 0 and self.down_px == 0:
            return given
        return replace(
            given,
            fx=given.fx * self.scale,
            fy=given.fy * self.scale,
            cx=given.cx + self.right_px,
            cy=given.cy + self.down_px,
        )


def register(frames: Sequence[Frame]) -> Registration:
    """Scale and shift that bring depth edges onto colour edges; none where the evidence is weak.

    Args:
        frames: Some frames of a scan.
    """
    views = [v for f in frames if len((v := edge_view(f)).edges) >= MIN_EDGE_PIXELS * (f.depth.size / 307200)]
    if len(views) < MIN_FRAMES:
        return Registration(frames=len(views))
    unit = frames[0].camera.width / 640
    best = search(views, unit)
    before, after = score(views, STILL), score(views, best)
    gain = after / max(before, 1e-9) - 1
    halves = [search(views[k::2], unit) for k in range(2)]
    camera = frames[0].camera
    x, y = np.meshgrid([-1.0, 0, 1], [-1.0, 0, 1])
    grid = np.stack([x.ravel() * camera.width / 3, y.ravel() * camera.height / 3], axis=1)

    def apart(a: Float64, b: Float64) -> float:
        return float(np.linalg.norm((a[0] - b[0]) * grid + a[1:] - b[1:], axis=1).mean())

    agree = max(apart(h, best) for h in halves) < AGREEMENT_PX * unit
    if gain < MIN_GAIN or not agree or apart(best, STILL) < MIN_MOVE_PX * unit:
        return Registration(gain=round(float(gain), 4), frames=len(views))
    scale, right, down = (round(float(x), 5) for x in best)
    return Registration(scale, right, down, round(float(gain), 4), len(views))
