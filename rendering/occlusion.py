"""Decides how much of content the real room leaves to see: a soft matte at silhouettes, never a sunken base."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core import Camera
from sceneforge.core.arrays import Float32, Float64, Int32, UInt8

from .room_view import RoomView, intrinsics

DECIDERS = ("sensor", "mesh", "plane", "none")
"""What decides: the frame's depth, the scanned mesh, a plane (the supporting one, or one that fills a hole), nothing.
"""


@dataclass(frozen=True, slots=True)
class Occlusion:
    """What the real room leaves of content, in the rectangle of the `RoomView` it was decided on."""

    visible: Float32
    """(h, w) float32 share of the pixel's content that is seen, 0..1; 1 where there is no content."""
    decided: UInt8
    """(h, w) uint8 what decided: 0 no content here, i + 1 for DECIDERS[i]."""

    def counts(self) -> dict[str, int]:
        """Content pixels by what decided."""
        number = np.bincount(self.decided.reshape(-1), minlength=len(DECIDERS) + 1)
        return {name: int(number[i + 1]) for i, name in enumerate(DECIDERS)}


def occlusion(
    view: RoomView,
    z: Float32,
    coverage: Float32,
    camera: Camera,
    T_world_camera: Float64,
    *,
    plane_of: Int32 | None = None,
    planes: Float64 | None = None,
) -> Occlusion:
    """Decide for content in (part of) a picture.

    Args:
        view: The real room there.
        z: (h, w) content's z-depth, metres.
        coverage: (h, w) content's alpha; only pixels above 0 are decided.
        camera: The colour camera.
        T_world_camera: (4, 4) camera-to-world, OpenCV axes.
        plane_of: (h, w) row of `planes` that the content in each pixel stands on, -1 = none. Default: none.
        planes: (P, 4) unit normal n and offset d, n . x = d in the world.
    """
    from . import occlusion_kernels as kernels

    T = np.asarray(T_world_camera, dtype=np.float64)
    visible, decided = kernels.visible_share(
        view.near, view.far, view.cover, view.sigma, view.source, z, coverage,
        np.full(z.shape, -1, dtype=np.int32) if plane_of is None else plane_of,
        view.rect.x0, view.rect.y0, intrinsics(camera),
        np.ascontiguousarray(T[:3, :3]), np.ascontiguousarray(T[:3, 3]),
        np.zeros((0, 4)) if planes is None else planes,
    )  # fmt: skip
    return Occlusion(visible, decided)


def seen_past(view: RoomView, z: Float32) -> Float32:
    """(h, w) 0..1: how much of free-standing content at z-depth `z` (h, w) would be seen. inf = no content: 1."""
    any_camera = Camera(1, 1, 1.0, 1.0, 0.0, 0.0)  # without a supporting plane nothing depends on it
    return occlusion(view, z, np.isfinite(z).astype(np.float32), any_camera, np.eye(4)).visible
