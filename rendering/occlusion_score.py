"""How good a video's occlusion is, told from the video itself: no truth is at hand, but pictures and decisions are.

- Boundary error: where a real silhouette cuts content, the picture has an edge too. The score is the mean distance in
  pixels between the decision's edge and the strongest colour edge near it, along the row or column.
- Flicker: points on the content's surface are followed. A point that changes between seen and hidden and changes back
  in the next frame, although the scanned room alone gives one and the same answer in all three, has no cause to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.transforms import inverse, transform_points

from .region import Rect

SEARCH_PX = 6
"""How far from the decision's edge the picture's is looked for."""
LEAST_STEP = 40
"""Colour step (sum over channels, sRGB levels) from which the picture has an edge."""
UNSEEN, HIDDEN, SEEN = -1, 0, 1


class Decided(NamedTuple):
    """What was decided in one rectangle of a frame; arrays are (h, w)."""

    rect: Rect
    visible: Float32
    """Share of content seen."""
    z: Float32
    """Content's z-depth, inf = none."""
    mesh: Float32
    """The scanned mesh's z-depth, inf = none."""


@dataclass
class OcclusionScore:
    """Scores added up over the frames of one video, in their order."""

    edge_pixels: int = 0
    """Places where a silhouette cuts content and the picture has an edge."""
    edge_distance_px: float = 0.0
    """Sum of their distances."""
    followed: int = 0
    """Content points times frames whose decision in the frame before and after is known."""
    flips: int = 0
    """Those that changed and changed back without cause."""

    def __post_init__(self) -> None:
        self._states: list[tuple[NDArray[np.int8], NDArray[np.int8]]] = []

    CARRIED: ClassVar = ("edge_pixels", "edge_distance_px", "followed", "flips", "history")
    """What carries over from frame to frame; see `memory`."""

    @property
    def history(self) -> NDArray[np.int8] | None:
        """(k, 2, n) decisions of the latest frames, and the mesh's; None before the first."""
        return np.array(self._states, dtype=np.int8) if self._states else None

    @history.setter
    def history(self, states: NDArray[np.int8] | None) -> None:
        self._states = [] if states is None else [(a, b) for a, b in states]

    @property
    def boundary_px(self) -> float | None:
        """Mean distance of decided edges to the picture's, pixels; None where nothing was cut, so nothing measured."""
        return self.edge_distance_px / self.edge_pixels if self.edge_pixels else None

    @property
    def flicker(self) -> float | None:
        """Share of followed decisions that flipped without cause; None where no point was followed."""
        return self.flips / self.followed if self.followed else None

    def restart(self) -> None:
        """The next frame follows on none."""
        self._states = []

    def add_edges(self, color: UInt8, visible: Float32, coverage: Float32, cover: Float32) -> None:
        """One rectangle of a frame: (h, w, 3) picture, (h, w) decision, content's alpha, `RoomView.cover`."""
        from .occlusion_kernels import edge_distances

        count, total = edge_distances(color, visible, coverage, cover, SEARCH_PX, LEAST_STEP)
        self.edge_pixels += int(count)
        self.edge_distance_px += float(total)

    def add_frame(self, points: Float64, camera: Camera, T_world_camera: Float64, decided: Sequence[Decided]) -> None:
        """One frame: the same points (n, 3) of the content's surface in the world in every frame, and all decisions."""
        uv, z = camera.project(transform_points(inverse(T_world_camera), points))
        pixel = np.rint(np.nan_to_num(np.where((z > 0)[:, None], uv, -1.0), nan=-1.0)).clip(-1, 1 << 20).astype(int)
        state, by_mesh = np.full((2, len(points)), UNSEEN, dtype=np.int8)
        for rect, visible, front, mesh in decided:
            x, y = pixel[:, 0] - rect.x0, pixel[:, 1] - rect.y0
            at = np.flatnonzero((x >= 0) & (y >= 0) & (x < visible.shape[1]) & (y < visible.shape[0]))
            at = at[np.abs(front[y[at], x[at]] - z[at]) < 0.01 + 0.01 * z[at]]
            state[at] = visible[y[at], x[at]] > 0.5
            by_mesh[at] = z[at] < mesh[y[at], x[at]]
        self.add_points(state, by_mesh)

    def add_points(self, decided: NDArray[np.int8], by_mesh: NDArray[np.int8]) -> None:
        """One frame: (n,) UNSEEN, HIDDEN or SEEN per followed point, as decided and as the scanned mesh alone says."""
        self._states = [*self._states[-2:], (decided, by_mesh)]
        if len(self._states) < 3:
            return
        (a, mesh_a), (b, mesh_b), (c, mesh_c) = self._states
        known = (a != UNSEEN) & (b != UNSEEN) & (c != UNSEEN)
        still = (mesh_a == mesh_b) & (mesh_b == mesh_c)
        self.followed += int(np.count_nonzero(known))
        self.flips += int(np.count_nonzero(known & still & (a != b) & (a == c)))
