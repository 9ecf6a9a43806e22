"""What a frame shows of the real room: one surface per colour pixel, from sensor depth, scanned mesh and planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sceneforge.core import Camera, Frame, Scene
from sceneforge.core.arrays import Float32, Float64, Int32, UInt8

from .planes import plane_triangles
from .region import Rect
from .tracing import Tracer

NONE: Final = 0
"""`RoomView.source` where nothing is known."""
SENSOR: Final = 1
"""`RoomView.source` where the frame's own depth says what is seen."""
MESH: Final = 2
"""`RoomView.source` where only the scanned mesh says it."""
PLANE: Final = 3
"""`RoomView.source` where only the outline of a plane says it."""


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

    Arrays cover the whole picture, or the rectangle that was asked for.
    """

    depth: Float32
    """(h, w) float32 z-depth of the visible real surface, metres; inf = unknown."""
    sigma: Float32
    """(h, w) float32 standard error of `depth`, metres; inf where it is unknown."""
    source: UInt8
    """(h, w) uint8 what `depth` comes from: 0 nothing, 1 sensor, 2 mesh, 3 plane."""
    face: Int32
    """(h, w) int32 triangle of the scene's mesh that the pixel shows; -1 = none, or something stands before it."""
    hits: MeshHits
    """The mesh alone, seen from the same pose."""
    rect: Rect
    """Where in the picture the arrays lie."""


class RoomViewer:
    """Looks at a scene's room from the frames of its capture.

    Args:
        scene: Mesh and planes, in the scene's world.
    """

    def __init__(self, scene: Scene) -> None:
        none = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
        mesh = none if scene.mesh is None else (scene.mesh.vertices, scene.mesh.faces)
        self._mesh = Tracer(*mesh)
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
            need: (h, w) of `rect`: pixels that matter; others stay unknown. Default all.
            mesh_need: (h, w) of `rect`: pixels where the mesh is asked even though the sensor answers, default `need`.
        """
        from . import kernels

        height, width = frame.camera.shape
        rect = Rect(0, 0, width, height) if rect is None else rect
        h, w = rect.y1 - rect.y0, rect.x1 - rect.x0
        need = np.ones((h, w), dtype=np.uint8) if need is None else need
        T = np.asarray(T_world_camera, dtype=np.float64)
        k, kd = intrinsics(frame.camera), intrinsics(frame.depth_camera)
        same = bool(np.allclose(k, kd, atol=1e-6))
        sensor, sure = kernels.sensor_depth(frame.depth, frame.color, need, rect.x0, rect.y0, k, kd, same)
        asked = need if mesh_need is None else np.maximum(mesh_need, need * (sensor == 0))
        hits = self._cast(self._mesh, asked, rect, k, T)
        depth, source = kernels.fuse_depth(sensor, sure, hits.depth)
        source[source == kernels.NOTHING] = NONE
        empty = ((source == NONE) & (need > 0)).astype(np.uint8)
        if empty.any():
            plane = self._cast(self._planes, empty, rect, k, T).depth
            filled = np.isfinite(plane)
            depth[filled], source[filled] = plane[filled], PLANE
        depth[source == NONE] = np.inf
        sigma = kernels.errors(depth, source, sensor, sure, hits.depth)
        met = hits.face >= 0
        shown = met & (np.abs(np.where(met, hits.depth, 0) - depth) <= 0.02 + 3 * sigma)
        return RoomView(depth, sigma, source, np.where(shown, hits.face, -1).astype(np.int32), hits, rect)

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
