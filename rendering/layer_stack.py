"""One frame from the bottom up: the captured picture, layers under the content, the content, layers over it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sceneforge.core import Arrangement, Frame, Scene
from sceneforge.core.arrays import Float32, Float64, UInt8

from .compositor import FrameCompositor
from .layers import CONTENT, FrameLayer, apply_layers
from .region import bounds_on_screen, box_corners, merged
from .tracing import Tracer

if TYPE_CHECKING:
    from .room_view import RoomView


class LayerStack:
    """Draws frames with layers under and over the content. Without layers it is the compositor alone.

    Args:
        scene: The scene that the layers belong to.
        arrangement: The compositor's content.
        compositor: Puts the content in.
        under: Layers on the real room.
        over: Layers over everything.
    """

    def __init__(
        self,
        scene: Scene,
        arrangement: Arrangement,
        compositor: FrameCompositor,
        under: Sequence[FrameLayer] = (),
        over: Sequence[FrameLayer] = (),
    ) -> None:
        self._compositor, self._under, self._over = compositor, under, over
        self._content = ContentDepth(arrangement) if over else None
        self._viewer = None
        if under or over:
            from .room_view import RoomViewer

            self._viewer = RoomViewer(scene)

    def carriers(self) -> dict[str, Any]:
        """What remembers earlier frames, besides the compositor and the layers; see `memory`."""
        return {} if self._viewer is None else {"view": self._viewer.registration}

    def with_content(self, arrangement: Arrangement, compositor: FrameCompositor) -> LayerStack:
        """The same layers around other content."""
        other = copy(self)
        other._compositor = compositor
        other._content = ContentDepth(arrangement) if self._over else None
        return other

    def draw(self, frame: Frame, T_world_camera: Float64, time_s: float) -> UInt8:
        """The finished picture (H, W, 3) uint8 sRGB. Frames must come in order, as the compositor wants them.

        Args:
            frame: The captured frame.
            T_world_camera: (4, 4) camera-to-world in the scene's world, OpenCV axes.
            time_s: Seconds since the start of the video.
        """
        if self._viewer is None:
            return self._compositor.compose(frame, T_world_camera)
        view = self._viewer.see(frame, T_world_camera)
        painted = apply_layers(self._under, frame.color, view, frame, T_world_camera, time_s)
        picture = self._compositor.compose(frame, T_world_camera, onto=painted)
        if self._content is None:
            return picture
        with_content = self._content.before(view, frame, T_world_camera)
        return apply_layers(self._over, picture, with_content, frame, T_world_camera, time_s)


class ContentDepth:
    """Where content stands before the room.

    Args:
        arrangement: The content.
    """

    def __init__(self, arrangement: Arrangement) -> None:
        vertices, faces, count = [np.zeros((0, 3))], [np.zeros((0, 3), dtype=np.int32)], 0
        self._corners = []
        for p in arrangement.placements:
            solid = [
                p.scale * part.vertices @ p.T_world_content[:3, :3].T + p.T_world_content[:3, 3]
                for part in p.content.parts
            ]
            for v, part in zip(solid, p.content.parts, strict=True):
                vertices.append(v)
                faces.append(part.faces + count)
                count += len(v)
            self._corners.append(box_corners(np.concatenate(solid)))
        self._tracer = Tracer(np.concatenate(vertices), np.concatenate(faces))

    def depth(self, frame: Frame, T_world_camera: Float64) -> Float32:
        """(H, W) float32 z-depth of content in metres, inf = none."""
        from .kernels import rays_where

        c, T = frame.camera, np.asarray(T_world_camera, dtype=np.float64)
        out = np.full(c.shape, np.inf, dtype=np.float32)
        k = np.array([c.fx, c.fy, c.cx, c.cy])
        R, origin = np.ascontiguousarray(T[:3, :3]), np.ascontiguousarray(T[:3, 3])
        boxes = [bounds_on_screen(corners, c, T, 1) for corners in self._corners]
        for rect in merged([b for b in boxes if b is not None]):
            part = np.ones((rect.y1 - rect.y0, rect.x1 - rect.x0), dtype=np.uint8)
            rays, where = rays_where(part, rect.x0, rect.y0, k, R, origin)
            z = np.full(part.shape, np.inf, dtype=np.float32)
            z.reshape(-1)[where] = self._tracer.first_hits(rays)[0]
            out[rect.slices] = z
        return out

    def before(self, view: RoomView, frame: Frame, T_world_camera: Float64) -> RoomView:
        """`view` with content as part of the room, wherever it is nearer."""
        z = self.depth(frame, T_world_camera)
        nearer = z < view.depth - 3 * np.where(np.isfinite(view.sigma), view.sigma, 0)
        return replace(
            view,
            depth=np.where(nearer, z, view.depth),
            sigma=np.where(nearer, np.float32(0.001), view.sigma),
            source=np.where(nearer, np.uint8(CONTENT), view.source),
            face=np.where(nearer, np.int32(-1), view.face),
        )
