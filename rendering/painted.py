"""Painted surfaces in a capture's frames: the texture stays on its plane, furniture before it, and light on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Frame, Scene, SurfacePaint
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.color import TO_LINEAR, TO_SRGB, to_srgb
from sceneforge.core.transforms import inverse

from .frame_border import blank_border
from .room_view import NONE, PLANE

if TYPE_CHECKING:
    from .room_view import RoomView

COLOR_SPREAD = 16.0
"""sRGB units by which colours of one material differ within a few pixels."""

LEVEL = 0.7
"""Least upward part of a surface's normal for which thin things before it are looked for: legs stand on floors."""


class PaintLayer:
    """Draws paints into frames: a `FrameLayer` to put under content.

    Every pixel's ray is cut with the painted plane, and what the pixel really shows is compared with that cut: where
    it is the surface itself, the texture replaces it, in the light that fell on it.

    Args:
        scene: The scene the paints belong to.
        paints: First to last; later ones lie over earlier ones.
    """

    def __init__(self, scene: Scene, paints: Sequence[SurfacePaint]) -> None:
        self._paints = [_Prepared(scene, p) for p in paints]

    def apply(self, picture: UInt8, view: RoomView, frame: Frame, T_world_camera: Float64, time_s: float) -> UInt8:
        """The picture with the paints on their surfaces; see `FrameLayer.apply`."""
        out = np.array(picture)
        for prepared in self._paints:
            prepared.lay(out, view, frame, T_world_camera, time_s)
        return out

    def coverage(self, view: RoomView, frame: Frame, T_world_camera: Float64) -> list[Float32]:
        """(H, W) float32 0..1 per paint: how much of a pixel it covers, relief aside."""
        return [p.coverage(view, frame, T_world_camera) for p in self._paints]


@dataclass(frozen=True)
class Pyramid:
    """A texture and its halvings, one after the other."""

    texels: UInt8
    """(n, 5) sRGB, mask and relief."""
    levels: NDArray[np.int64]
    """(L, 3) first texel, width and height of each."""


class _Prepared:
    """A paint in the form the kernels read."""

    def __init__(self, scene: Scene, paint: SurfacePaint) -> None:
        self._paint, raster = paint, paint.raster
        self._T_plane_world = inverse(raster.T_world_plane)
        size = np.array([raster.width, raster.height]) * raster.metres_per_pixel
        self._area = np.concatenate([raster.origin_xz, raster.origin_xz + size])
        self._scale = np.array(paint.shading.shape[::-1]) / np.array([raster.width, raster.height])
        if paint.environment is None:
            assert paint.color is not None  # the type sees to it
            relief = np.zeros(raster.shape, np.uint8) if paint.relief is None else paint.relief
            self._pyramid = pyramid(paint.color, paint.mask, relief)
        else:
            blank = np.zeros(paint.environment.shape[:2], np.uint8)
            self._pyramid = pyramid(paint.environment, blank, blank)
        self._look = np.zeros((1, 1, 4), np.uint8) if paint.look is None else paint.look
        self._on_plane = self._faces_on_plane(scene)

    def _faces_on_plane(self, scene: Scene) -> Float32:
        """(F,) 1 for triangles of the scanned mesh that lie in the plane."""
        if scene.mesh is None:
            return np.zeros(0, dtype=np.float32)
        T = self._T_plane_world
        height = scene.mesh.vertices.astype(np.float64) @ T[1, :3] + T[1, 3]
        corners = height[scene.mesh.faces]
        spread = corners.max(axis=1) - corners.min(axis=1)
        edges = scene.mesh.vertices[scene.mesh.faces[:, 1]] - scene.mesh.vertices[scene.mesh.faces[:, 0]]
        size = np.maximum(np.linalg.norm(edges, axis=1), 1e-6)
        flat = (np.abs(corners).max(axis=1) < 0.03) & (spread < 0.35 * size + 0.004)
        return np.asarray(flat, dtype=np.float32)

    def matte(self, view: RoomView, frame: Frame, T_world_camera: Float64) -> tuple[Float32, Float32]:
        """(H, W) 0..1: how much of each pixel shows the surface; and how much is hidden by what depth does not see,
        thin things and blank borders."""
        import cv2

        from . import painted_matte_kernels as kernels
        from .painted_clutter import clutter

        k, R, o = self._pose(frame, T_world_camera)
        none = np.zeros(frame.camera.shape, dtype=np.float32)
        if o[1] <= 0.02:
            return none, none
        on, sure = kernels.geometry(view.depth, view.sigma, view.source, view.face, self._on_plane, k, R, o, self._area)
        if not on.any():
            return none, none
        reach = max(2, round(kernels.REACH * frame.camera.width / 640))
        wide = cv2.blur(on, (2 * reach + 1,) * 2)
        smoothed = cv2.GaussianBlur(frame.color, (0, 0), 0.7)  # sensor noise is no outline
        gain = self._paint.gain(frame.index)
        refined: Float32 = kernels.refine(
            smoothed, on, sure, wide, reach, COLOR_SPREAD, k, R, o, self._area, self._look, gain, TO_LINEAR, TO_SRGB
        )
        hidden, blank = none, blank_border(frame.color)
        if self._paint.raster.T_world_plane[1, 1] > LEVEL:
            hidden = clutter(frame.color, refined, refined < 0.1)
        if blank is not None:
            hidden = np.maximum(hidden, blank.astype(np.float32))
        return refined * (1 - hidden), hidden

    def lay(self, out: UInt8, view: RoomView, frame: Frame, T_world_camera: Float64, time_s: float) -> None:
        from . import painted_kernels as kernels

        paint, raster = self._paint, self._paint.raster
        k, R, o = self._pose(frame, T_world_camera)
        if o[1] <= 0.02 or not self._in_view(frame, k, R, o):
            return
        matte, hidden = self.matte(view, frame, T_world_camera)
        light = paint.light * (1.0 if paint.environment is not None else paint.gain(frame.index))
        if paint.environment is not None:
            kernels.open_portal(
                out, matte, k, R, o, raster.origin_xz, raster.metres_per_pixel, paint.mask,
                self._pyramid.texels, self._pyramid.levels, light, paint.strength,
                math.radians(paint.turn_deg_per_s * time_s), paint.twinkle, time_s, TO_LINEAR, TO_SRGB,
            )  # fmt: skip
            return
        # In high paint stands only what was really measured; what depth missed was not.
        unknown = (view.source == NONE) | (view.source == PLANE) | (hidden > 0.5)
        measured = np.where(unknown, np.float32(np.inf), view.depth)
        kernels.lay(
            out, matte, measured, k, R, o, raster.origin_xz, raster.metres_per_pixel,
            self._pyramid.texels, self._pyramid.levels, paint.shading, self._scale, light, paint.strength,
            paint.relief_m if paint.relief is not None else 0.0, TO_LINEAR, TO_SRGB,
        )  # fmt: skip

    def coverage(self, view: RoomView, frame: Frame, T_world_camera: Float64) -> Float32:
        """(H, W) 0..1: what flat white paint in white light makes of a black picture."""
        from . import painted_kernels as kernels

        raster, mask = self._paint.raster, self._paint.mask
        out = np.zeros((*frame.camera.shape, 3), np.uint8)
        k, R, o = self._pose(frame, T_world_camera)
        if o[1] > 0.02 and self._in_view(frame, k, R, o):
            white = pyramid(np.full((*mask.shape, 3), 255, np.uint8), mask, np.zeros_like(mask))
            matte, _ = self.matte(view, frame, T_world_camera)
            kernels.lay(
                out, matte, view.depth, k, R, o, raster.origin_xz, raster.metres_per_pixel, white.texels, white.levels,
                np.ones((1, 1), np.float32), np.ones(2), np.ones(3), self._paint.strength, 0.0, TO_LINEAR, TO_SRGB,
            )  # fmt: skip
        return TO_LINEAR[out[..., 0]]

    def _pose(self, frame: Frame, T_world_camera: Float64) -> tuple[Float64, Float64, Float64]:
        c, T = frame.camera, self._T_plane_world @ T_world_camera
        k = np.array([c.fx, c.fy, c.cx, c.cy])
        return k, np.ascontiguousarray(T[:3, :3]), np.ascontiguousarray(T[:3, 3])

    def _in_view(self, frame: Frame, k: Float64, R: Float64, o: Float64) -> bool:
        """Whether any of a coarse grid of rays meets the raster."""
        h, w = frame.camera.shape
        u, v = np.meshgrid(np.linspace(0, w - 1, 33), np.linspace(0, h - 1, 25))
        d = np.stack([(u - k[2]) / k[0], (v - k[3]) / k[1], np.ones_like(u)], axis=-1).reshape(-1, 3) @ R.T
        d = d[d[:, 1] < -1e-4]
        p = o + (-o[1] / d[:, 1])[:, None] * d
        a = self._area
        return bool(((p[:, 0] > a[0]) & (p[:, 2] > a[1]) & (p[:, 0] < a[2]) & (p[:, 2] < a[3])).any())


def pyramid(color: UInt8, mask: UInt8, relief: UInt8) -> Pyramid:
    """Halve (H, W, 3) sRGB, (H, W) mask and relief until one texel is left; colours are averaged as light."""
    import cv2

    flat = [np.concatenate([color, mask[..., None], relief[..., None]], axis=2)]
    linear = TO_LINEAR[color]
    other = np.stack([mask, relief], axis=2).astype(np.float32)
    while max(flat[-1].shape[:2]) > 1 and len(flat) < 12:
        h, w = flat[-1].shape[:2]
        size = (max((w + 1) // 2, 1), max((h + 1) // 2, 1))
        even = ((0, h % 2), (0, w % 2), (0, 0))
        linear, other = (
            np.asarray(cv2.resize(np.pad(a, even, mode="edge"), size, interpolation=cv2.INTER_AREA), dtype=np.float32)
            for a in (linear, other)
        )
        linear, other = linear.reshape(*size[::-1], 3), other.reshape(*size[::-1], 2)
        flat.append(np.concatenate([to_srgb(linear), np.rint(other).astype(np.uint8)], axis=2))
    sizes = [(a.shape[1], a.shape[0]) for a in flat]
    starts = np.concatenate([[0], np.cumsum([w * h for w, h in sizes])[:-1]])
    levels = np.array([(s, w, h) for s, (w, h) in zip(starts, sizes, strict=True)], dtype=np.int64)
    return Pyramid(np.concatenate([a.reshape(-1, 5) for a in flat]), levels)
