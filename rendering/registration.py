"""Where a capture's depth edges lie beside the picture's: measured on the frames themselves.

Block matching fattens near things by some pixels, and two cameras that are not perfectly calibrated to each other shift
them. Both show as a steady displacement between jumps of depth and the colour edges beside them, another one for each
side of near things. Readings between the two are on the wrong surface.
"""

from __future__ import annotations

import numpy as np

from sceneforge.core import Frame
from sceneforge.core.arrays import Float64, Int32

SEARCH = 8
"""Pixels to either side of a depth edge in which its colour edge is looked for."""
LEAST_EDGES = 300
"""Edges needed on one side of things before their displacement is believed."""
PEAK = 1.35
"""How much colour edges at the displacement must stand out from those at the search's other pixels."""
BANDS_M = (1.2, 2.2)
"""Displacement is measured apart for things nearer than these: between two cameras it falls with distance."""
MOST = 4
"""Largest displacement that is believed, pixels."""
FRAMES = 40
"""Frames that are measured; after them the displacement is known well enough."""


class EdgeRegistration:
    """Running measurement over the frames of one capture, in their order."""

    CARRIED = ("_profiles", "_counts", "_seen")
    """What carries over from frame to frame; see `memory`."""

    def __init__(self) -> None:
        self._profiles = np.zeros((len(BANDS_M) + 1, 4, 2 * SEARCH + 1))
        self._counts = np.zeros((len(BANDS_M) + 1, 4), dtype=np.int64)
        self._displaced = np.zeros((len(BANDS_M) + 1, 4), dtype=np.int32)
        self._seen: set[int] = set()

    def update(self, frame: Frame, k: Float64, kd: Float64) -> Int32:
        """(3, 4) int32 displacement in colour pixels, per band of `BANDS_M` at the left, right, top and bottom rim of
        near things. Positive: near things are really smaller there than depth says.

        Args:
            frame: The next frame; one that was measured before is not measured again.
            k: (4,) fx, fy, cx, cy of colour.
            kd: (4,) of depth.
        """
        from sceneforge.core.depth_edge_kernels import depth_edges

        from .registration_kernels import edge_profiles

        if frame.index not in self._seen and len(self._seen) < FRAMES:
            self._seen.add(frame.index)
            edges = depth_edges(frame.depth)
            edge_profiles(edges, frame.color, k, kd, np.array(BANDS_M), self._profiles, self._counts)
            bands = range(len(self._profiles))
            found = [[self._displacement(b, side) for side in range(4)] for b in bands]
            self._displaced = np.array(found, dtype=np.int32)
        return self._displaced

    def _displacement(self, band: int, side: int) -> int:
        if self._counts[band, side] < LEAST_EDGES:
            return 0
        profile = np.convolve(self._profiles[band, side], (0.25, 0.5, 0.25), mode="same")[1:-1]
        # The other rim of thin things is an edge too: of equals the nearer one counts.
        away = np.abs(np.arange(len(profile)) - (SEARCH - 1))
        at = int((profile * (1 - 0.03 * away)).argmax())
        inward = at - (SEARCH - 1)
        believed = profile[at] > PEAK * np.median(profile) and abs(inward) <= MOST
        return inward if believed else 0
