"""One frame under the hands of the effects: its picture, and what every pixel shows of the room."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sceneforge.core import Frame
from sceneforge.core.arrays import Float32, Float64, Int32
from sceneforge.core.transforms import inverse, transform_points

from ..region import NEAR_M
from ._stage import Metric, Stage

if TYPE_CHECKING:
    from ..room_view import RoomView

WIDTH_OF_PIXELS = 640
"""Line widths and text sizes are given for pictures this wide, and grow with wider ones."""


@dataclass
class Canvas:
    """A picture being drawn on. Effects change `picture` in place."""

    stage: Stage
    """The scene."""
    picture: Float32
    """(H, W, 3) float32 sRGB 0..255."""
    view: RoomView
    """What each pixel shows."""
    frame: Frame
    """The captured frame."""
    T_world_camera: Float64
    """(4, 4) camera-to-world."""
    time_s: float
    """Seconds since the start of the video."""

    def px(self, size: float) -> float:
        """A length in pixels of this picture, from one in pixels of a picture 640 wide."""
        return size * int(self.picture.shape[1]) / WIDTH_OF_PIXELS

    @cached_property
    def points(self) -> Float32:
        """(H, W, 3) world position of what each pixel shows, NaN = unknown."""
        z = np.where(np.isfinite(self.view.depth), self.view.depth, np.nan).astype(np.float32)
        local = self.frame.camera.rays() * z[..., None]
        R, t = self.T_world_camera[:3, :3].astype(np.float32), self.T_world_camera[:3, 3].astype(np.float32)
        return np.asarray(local @ R.T + t, dtype=np.float32)

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """(H, W) where there is a surface."""
        return np.isfinite(self.view.depth)

    @cached_property
    def plane(self) -> Int32:
        """(H, W) index of the scene's plane a pixel shows, -1 = none."""
        from . import _kernels

        owner = np.where(self.view.face >= 0, self._face(self.stage.face_plane, -1), -1).astype(np.int32)
        frames, starts, ring = self.stage.outlines
        if len(frames):
            error = np.where(np.isfinite(self.view.sigma), self.view.sigma, 0).astype(np.float32)
            _kernels.plane_at(self.points, owner, frames, starts, ring, error, 0.03)
        return _smoothed(owner + 1) - 1

    @cached_property
    def label(self) -> Int32:
        """(H, W) `Label.number` of what a pixel shows, 0 = unlabelled."""
        numbers = np.array([*(p.label.number for p in self.stage.scene.planes), 0], dtype=np.int32)
        of_face = np.where(self.view.face >= 0, self._face(self.stage.face_label, 0), 0)
        return _smoothed(np.where(of_face > 0, of_face, numbers[self.plane]).astype(np.int32))

    @cached_property
    def normals(self) -> Float32:
        """(H, W, 3) unit normal in the world, towards the camera; 0 = unknown."""
        from . import _kernels

        mesh, face, uv = self.stage.mesh, self.view.face, self.view.hits.uv
        n = np.stack(
            [_kernels.interpolate(face, uv, mesh.faces, self.stage.vertex_normals[:, k].copy()) for k in range(3)],
            axis=-1,
        )
        p = self.points
        across = np.cross(np.gradient(p, axis=1), np.gradient(p, axis=0))
        n = np.where(np.isnan(n[..., :1]), across, n)
        n = np.nan_to_num(n / np.maximum(np.linalg.norm(n, axis=-1, keepdims=True), 1e-12))
        away = np.einsum("ijk,ijk->ij", n, np.nan_to_num(p) - self.T_world_camera[:3, 3]) > 0
        return np.asarray(np.where(away[..., None], -n, n), dtype=np.float32)

    def distance(self, start: Float64, metric: Metric) -> Float32:
        """(H, W) metres from a point to what each pixel shows, NaN = unknown or apart from the scanned surface."""
        from . import _kernels

        if metric == "euclidean" or self.stage.scene.mesh is None:
            return np.asarray(np.linalg.norm(self.points - start.astype(np.float32), axis=-1), dtype=np.float32)
        values = self.stage.distances(start, metric)
        out = _kernels.interpolate(self.view.face, self.view.hits.uv, self.stage.mesh.faces, values)
        rest = np.isnan(out) & self.known
        if rest.any():  # sensor depth that the mesh lacks takes the value of the scanned surface beside it
            gap, near = self.stage.vertex_tree.query(self.points[rest], distance_upper_bound=0.15)
            out[rest] = np.where(np.isfinite(gap), values[np.minimum(near, len(values) - 1)], np.nan)
        return out

    def paint(self, color: ArrayLike, alpha: ArrayLike) -> None:
        """Lay a colour, (3,) or (H, W, 3) sRGB, over the picture with an opacity, (H, W) or one number."""
        a = np.asarray(alpha, dtype=np.float32)
        a = a[..., None] if a.ndim else a
        self.picture += a * (np.asarray(color, dtype=np.float32) - self.picture)

    def project(self, points: Float64) -> tuple[Float64, Float64]:
        """Pixels (..., 2) and z-depth (...) of world points (..., 3); NaN behind the camera."""
        return self.frame.camera.project(transform_points(inverse(self.T_world_camera), points))

    def seen(self, point: Float64, skin_m: float = 0.15) -> bool:
        """Whether a world point is in the picture and not behind something."""
        uv, z = self.project(point)
        if not np.isfinite(uv).all():
            return False
        h, w = self.picture.shape[:2]
        x, y = round(float(uv[0])), round(float(uv[1]))
        return 0 <= x < w and 0 <= y < h and float(z) <= float(self.view.depth[y, x]) + skin_m

    def lines(
        self,
        starts: Float64,
        ends: Float64,
        *,
        width_px: float,
        skin_m: float = 0.03,
        hidden: float = 0.0,
        dash_m: float = 0.0,
        arc: Float64 | None = None,
    ) -> Float32:
        """(H, W) coverage 0..1 of straight pieces (n, 3) to (n, 3) in the world, hidden by what is nearer.

        Args:
            starts, ends: World positions.
            width_px: Width in pixels of a picture 640 wide.
            skin_m: How far behind the visible surface a line may lie and still count as on it.
            hidden: Coverage of hidden parts.
            dash_m: Length of dashes and gaps; 0 = solid.
            arc: (n, 2) metres along the line at both ends, so that dashes run on over joints.
        """
        from . import _kernels

        mask = np.zeros(self.view.depth.shape, dtype=np.float32)
        a, b = (transform_points(inverse(self.T_world_camera), p) for p in (starts, ends))
        way = np.stack([np.zeros(len(a)), np.linalg.norm(b - a, axis=1)], axis=1) if arc is None else np.array(arc)
        keep = (a[:, 2] > NEAR_M) | (b[:, 2] > NEAR_M)
        a, b, way = a[keep], b[keep], way[keep]
        _clip(a, b, way, 0)
        _clip(b, a, way, 1)
        (pa, za), (pb, zb) = self.frame.camera.project(a), self.frame.camera.project(b)
        h, w = self.frame.camera.shape
        outside = np.zeros(len(a), dtype=bool)
        for k, size in ((0, w), (1, h)):
            outside |= (np.maximum(pa[:, k], pb[:, k]) < -8) | (np.minimum(pa[:, k], pb[:, k]) > size + 8)
        pieces = np.concatenate([pa, za[:, None], pb, zb[:, None]], axis=1)[~outside]
        half = max(self.px(width_px) / 2, 0.35)
        _kernels.cover_lines(
            mask, self.view.depth, self.view.sigma, pieces, way[~outside], half, dash_m, 2 * dash_m, skin_m, hidden
        )
        return mask

    def _face(self, values: NDArray[Any], none: int) -> NDArray[Any]:
        face = self.view.face
        return values[np.maximum(face, 0)] if len(values) else np.full(face.shape, none)


def _smoothed(numbers: Int32) -> Int32:
    """Region numbers (H, W) with the triangles' teeth taken off their borders: the median of 5 x 5 pixels."""
    import cv2

    if numbers.max(initial=0) > 255:
        return np.asarray(cv2.medianBlur(numbers.astype(np.uint16), 5), dtype=np.int32)
    return np.asarray(cv2.medianBlur(numbers.astype(np.uint8), 5), dtype=np.int32)


def _clip(a: Float64, b: Float64, way: Float64, end: int) -> None:
    """Move points `a` that lie behind the camera along their piece to just before it, in place."""
    behind = a[:, 2] < NEAR_M
    s = ((NEAR_M - a[behind, 2]) / (b[behind, 2] - a[behind, 2]))[:, None]
    a[behind] += s * (b[behind] - a[behind])
    way[behind, end] += s[:, 0] * (way[behind, 1 - end] - way[behind, end])
