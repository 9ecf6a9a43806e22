"""What a frame shows of the real room: one surface per colour pixel, from sensor depth, scanned mesh and planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sceneforge.core import Camera, Frame, Scene
from sceneforge.core.arrays import Float32, Float64, Int32, UInt8

from .planes import plane_triangles
from .region import Rect
from .registration import BANDS_M, EdgeRegistration
from .tracing import Tracer

NONE: Final = 0
"""`RoomView.source` where nothing is known."""
SENSOR: Final = 1
"""`RoomView.source` where the frame's own depth says what is seen."""
MESH: Final = 2
"""`RoomView.source` where only the scanned mesh says it."""
PLANE: Final = 3
"""`RoomView.source` where only the outline of a plane says it."""


REACH_PX = 4
"""Half the window around depth edges, for depth as fine as a 640 pixel wide picture."""
EDGE_ERROR = 2.7
"""The window's half over the standard deviation of where depth edges lie."""
COLOR_SPREAD = 15.0
"""sRGB levels by which one surface's neighbouring pixels differ."""


@dataclass(frozen=True, slots=True)
class MeshHits:
    """Where pixels' rays meet the scanned mesh, whether or not something stands before it in this frame."""

    depth: Float32
    """(h, w) float32 z-depth, metres; inf = not met, or not asked."""
    face: Int32
    """(h, w) int32 triangle; -1 = not met."""
    uv: Float32
    """(h, w, 2) float32 barycentric coordinates of the triangle's second and third corner."""


@dataclass(frozen=True, slots=True)
class RoomView:
    """The real room as one frame sees it, at the colour image's resolution and aligned to its edges.

    Arrays cover the whole picture, or the rectangle that was asked for. At a silhouette a pixel shows two surfaces:
    `near` covers `cover` of it, `far` the rest. Everywhere else both are `depth`.
    """

    depth: Float32
    """(h, w) float32 z-depth of the real surface that most of the pixel shows, metres; inf = unknown."""
    sigma: Float32
    """(h, w) float32 standard error of `depth`, metres; inf where it is unknown."""
    source: UInt8
    """(h, w) uint8 what `depth` comes from: 0 nothing (it is then a guess from around, or inf), 1 sensor, 2 mesh,
    3 plane."""
    face: Int32
    """(h, w) int32 triangle of the scene's mesh that the pixel shows; -1 = none, or something stands before it."""
    hits: MeshHits
    """The mesh alone, seen from the same pose."""
    rect: Rect
    """Where in the picture the arrays lie."""
    near: Float32
    """(h, w) float32 z-depth of the nearer of the surfaces that meet in the pixel, metres; inf = unknown."""
    far: Float32
    """(h, w) float32 z-depth of the farther one."""
    cover: Float32
    """(h, w) float32 share of the pixel that the nearer one covers, 0..1."""


class RoomViewer:
    """Looks at a scene's room from the frames of its capture.

    Args:
        scene: Mesh and planes, in the scene's world.
        mesh: The scene's mesh, where it is there already; default: it is made.
    """

    def __init__(self, scene: Scene, mesh: Tracer | None = None) -> None:
        none = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
        own = none if scene.mesh is None else (scene.mesh.vertices, scene.mesh.faces)
        self._mesh = Tracer(*own) if mesh is None else mesh
        self.registration = EdgeRegistration()
        """Where depth edges lie beside the picture's; all that a viewer carries over from frame to frame."""
        self._planes = Tracer(*plane_triangles(scene)) if scene.planes else Tracer(*none)

    def see(
        self,
        frame: Frame,
        T_world_camera: Float64,
        *,
        rect: Rect | None = None,
        need: UInt8 | None = None,
        mesh_need: UInt8 | None = None,
    ) -> RoomView:
        """The real surface at every pixel, or where it is asked for.

        Args:
            frame: Colour and depth of any two resolutions, same pose.
            T_world_camera: (4, 4) camera-to-world in the scene's world, OpenCV axes.
            rect: Part of the picture; default all of it.
            need: (h, w) of `rect`: pixels that matter; what others show is not to be relied on. Default all.
            mesh_need: (h, w) of `rect`: pixels among them where exact edges matter, and where the mesh is asked even
                though the sensor answers. Default `need`.
        """
        import cv2

        from . import view_kernels as kernels

        height, width = frame.camera.shape
        rect = Rect(0, 0, width, height) if rect is None else rect
        reach, step = _window(frame)
        pad = _padded(rect, 2 * reach, width, height)
        inner = slice(rect.y0 - pad.y0, rect.y1 - pad.y0), slice(rect.x0 - pad.x0, rect.x1 - pad.x0)
        around = np.ones((4 * reach + 1, 4 * reach + 1), np.uint8)
        wanted = _within(pad, inner, need)
        wide = wanted if wanted.all() else np.asarray(cv2.dilate(wanted, around), dtype=np.uint8)
        T, k = np.asarray(T_world_camera, dtype=np.float64), intrinsics(frame.camera)
        sensor, sure = kernels.sensor_depth(frame.depth, wide, pad.x0, pad.y0, k, intrinsics(frame.depth_camera))
        sensor, lean = self._registered(sensor, frame, k)
        asked = wide
        if mesh_need is not None:
            wanted = _within(pad, inner, mesh_need)
            asked = np.maximum(cv2.dilate(wanted, around), wide * (sensor == 0))
        hits = self._cast(self._mesh, asked, pad, k, T)
        base, source, sigma = kernels.fuse_depth(sensor, sure, hits.depth)
        self._fill_with_planes(base, source, sigma, wide, pad, k, T)
        weights = kernels.color_weights(COLOR_SPREAD)
        kernels.close_holes(
            base, source, sigma, sensor, lean, wide, frame.color, pad.x0, pad.y0, 12 * reach, k[0], weights
        )  # fmt: skip
        low, high = _range(base, reach)
        near, far, cover = kernels.cut_edges(
            base, _trust(base, source, reach), low, high, wanted, frame.color, pad.x0, pad.y0, reach, step,
            reach / EDGE_ERROR, weights,
        )  # fmt: skip
        depth = np.where(cover > 0.5, near, far)
        _widen(sigma, depth, base)
        cut = np.ascontiguousarray
        hits = MeshHits(cut(hits.depth[inner]), cut(hits.face[inner]), cut(hits.uv[inner]))
        depth, sigma, source, near, far, cover = (cut(a[inner]) for a in (depth, sigma, source, near, far, cover))
        face = _shown(hits, depth, sigma)
        return RoomView(depth, sigma, source, face, hits, rect, near, far, cover)

    def _registered(self, sensor: Float32, frame: Frame, k: Float64) -> tuple[Float32, UInt8]:
        """Readings without those on the wrong side of the picture's edges, and where a far one was taken out."""
        from .registration_kernels import drop_displaced

        lean = np.zeros(sensor.shape, dtype=np.uint8)
        displacement = self.registration.update(frame, k, intrinsics(frame.depth_camera))
        if not displacement.any():
            return sensor, lean
        kept = sensor.copy()
        drop_displaced(sensor, displacement, np.array(BANDS_M), kept, lean)
        return kept, lean

    def reset(self) -> None:
        """Forget the frames seen so far: how depth lies beside colour is measured anew."""
        self.registration = EdgeRegistration()

    def _fill_with_planes(
        self, base: Float32, source: UInt8, sigma: Float32, wide: UInt8, pad: Rect, k: Float64, T: Float64
    ) -> None:
        """Outlines of planes where neither sensor nor mesh knows anything, in place."""
        empty = ((source == NONE) & (wide > 0)).astype(np.uint8)
        if empty.any() and not self._planes.empty:
            plane = self._cast(self._planes, empty, pad, k, T).depth
            filled = np.isfinite(plane)
            base[filled], source[filled], sigma[filled] = plane[filled], PLANE, 0.02 * plane[filled]

    def _cast(self, tracer: Tracer, where: UInt8, rect: Rect, k: Float64, T: Float64) -> MeshHits:
        from .kernels import rays_where

        h, w = where.shape
        depth, uv = np.full((h, w), np.inf, dtype=np.float32), np.zeros((h, w, 2), dtype=np.float32)
        face = np.full((h, w), -1, dtype=np.int32)
        if not tracer.empty:
            R, origin = np.ascontiguousarray(T[:3, :3]), np.ascontiguousarray(T[:3, 3])
            rays, at = rays_where(where, rect.x0, rect.y0, k, R, origin)
            t, hit, bary = tracer.first_hits(rays)
            depth.reshape(-1)[at], uv.reshape(-1, 2)[at] = t, bary
            face.reshape(-1)[at] = np.where(np.isfinite(t), hit.astype(np.int64), -1)
        return MeshHits(depth, face, uv)


def intrinsics(camera: Camera) -> Float64:
    """(4,) fx, fy, cx, cy, as the kernels read them."""
    return np.array([camera.fx, camera.fy, camera.cx, camera.cy])


def _window(frame: Frame) -> tuple[int, int]:
    """Half the window around depth edges in colour pixels, and every how many of its pixels are looked at."""
    coarse = max(frame.camera.fx / frame.depth_camera.fx, frame.camera.width / 640.0, 0.5)
    reach = min(max(round(REACH_PX * coarse), 2), 24)
    return reach, max(1, reach // REACH_PX)


def _padded(rect: Rect, by: int, width: int, height: int) -> Rect:
    return Rect(max(rect.x0 - by, 0), max(rect.y0 - by, 0), min(rect.x1 + by, width), min(rect.y1 + by, height))


def _within(pad: Rect, inner: tuple[slice, slice], mask: UInt8 | None) -> UInt8:
    """A mask of the inner rectangle (None = all of it) in the padded one."""
    out = np.zeros((pad.y1 - pad.y0, pad.x1 - pad.x0), dtype=np.uint8)
    out[inner] = 1 if mask is None else mask
    return out


def _range(depth: Float32, reach: int) -> tuple[Float32, Float32]:
    """Least and greatest known depth within `reach` pixels."""
    import cv2

    window = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    high = cv2.dilate(np.where(np.isfinite(depth), depth, np.float32(0)), window)
    return np.asarray(cv2.erode(depth, window), dtype=np.float32), np.asarray(high, dtype=np.float32)


def _widen(sigma: Float32, depth: Float32, base: Float32) -> None:
    """A pixel that went over to the other side of an edge is less sure; in place."""
    known = np.isfinite(depth) & np.isfinite(base)
    gap = np.abs(np.where(known, depth, 0) - np.where(known, base, 0))
    moved = known & (gap > 0.02 + 3 * np.minimum(sigma, 1.0))
    sigma[moved] = np.maximum(0.0038 * (depth[moved] - 0.4) ** 2, 0.003)


def _shown(hits: MeshHits, depth: Float32, sigma: Float32) -> Int32:
    """(h, w) the mesh's triangle where it is what the pixel shows, else -1."""
    met = hits.face >= 0
    shown = met & (np.abs(np.where(met, hits.depth, 0) - depth) <= 0.02 + 3 * np.minimum(sigma, 1.0))
    return np.where(shown, hits.face, -1).astype(np.int32)


def _trust(depth: Float32, source: UInt8, reach: int) -> Float32:
    """0..1: how surely a pixel lies on the side of the depth edge that its depth says: less right beside the edge."""
    out = np.full(depth.shape, 0.15, dtype=np.float32)
    for radius, value in ((max(reach // 4, 1), 0.5), (max(reach // 2, 1), 1.0)):
        low, high = _range(depth, radius)
        out[high - low <= np.maximum(0.03, 0.03 * low)] = value
    out[source == MESH] *= 0.5
    return out
