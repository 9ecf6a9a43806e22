"""What smooth paint mirrors: water, ice, polished stone. Real things that the frame shows, else what was scanned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sceneforge.core import Frame, Scene
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.color import TO_LINEAR, TO_SRGB

from .room_view import intrinsics
from .tracing import Tracer

if TYPE_CHECKING:
    from .room_view import RoomView

LIFT_M = 0.03
"""Rays start so far over the plane, as the scanned surface below is rough."""
SOFT = 1 / 450
"""Of the picture's width: blur of what is mirrored, which hides the scan's own steps."""


class Gloss:
    """Adds mirrored light to a painted picture.

    Args:
        scene: With mesh; without one nothing is mirrored.
    """

    def __init__(self, scene: Scene) -> None:
        mesh = scene.mesh
        self._mesh, self._tracer = mesh, None
        if mesh is not None and mesh.colors is not None and len(mesh.faces):
            self._tracer = Tracer(mesh.vertices, mesh.faces)
            self._colors = np.ascontiguousarray(TO_LINEAR[mesh.colors])
            self._usual = self._colors.mean(axis=0)

    def add(
        self,
        picture: UInt8,
        share: Float32,
        T_world_plane: Float64,
        straight: float,
        gain: Float64,
        view: RoomView,
        frame: Frame,
        T_world_camera: Float64,
    ) -> UInt8:
        """The picture with what a plane mirrors.

        Args:
            picture: (H, W, 3) uint8 sRGB, painted.
            share: (H, W) 0..1, how much of each pixel is smooth paint on that plane.
            T_world_plane: (4, 4) plane-to-world.
            straight: Share of light that is mirrored where one looks straight at it; more at a slant (Schlick 1994).
            gain: (3,) brightness of the frame over the mesh's.
            view: The real room as the frame sees it.
            frame: The captured frame.
            T_world_camera: (4, 4) camera-to-world.
        """
        import cv2

        from . import painted_gloss_kernels as kernels

        if self._tracer is None or self._mesh is None or not (share > 0.01).any():
            return picture
        k = intrinsics(frame.camera)
        rays, at, fresnel = kernels.mirrored_rays(share, k, T_world_camera, T_world_plane, straight, LIFT_M)
        t, face, bary = self._tracer.first_hits(rays)
        light = kernels.met(
            rays, t, face, bary, self._mesh.faces, self._colors, gain, self._usual, picture, view.depth, view.sigma,
            k, T_world_camera, TO_LINEAR,
        )  # fmt: skip
        h, w = share.shape
        mirror = np.zeros((h, w, 4), dtype=np.float32)
        mirror.reshape(-1, 4)[at] = np.column_stack([light, np.ones(len(at), np.float32)])
        mirror = np.asarray(cv2.GaussianBlur(mirror, (0, 0), max(SOFT * w, 0.5)), dtype=np.float32)
        out = np.array(picture)
        kernels.add_mirrored(out, mirror, at, fresnel * share.ravel()[at], TO_LINEAR, TO_SRGB)
        return out
