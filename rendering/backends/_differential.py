"""From two renderings of the room, with content and without, to the frame with content in it (Debevec 1998)."""

from __future__ import annotations

import numpy as np

from sceneforge.core import Arrangement, Camera, Frame, Scene, UsageError
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.color import LUMINANCE, to_linear, to_srgb
from sceneforge.rendering.directions import PIXEL_OFFSETS
from sceneforge.rendering.packing import PackedContent, pack
from sceneforge.rendering.tracing import Tracer

IN_FRONT_M = 0.01
"""Content this far behind the scanned surface still shows: bases do not sink."""
BRIGHT_WALL, BRIGHTER = 0.65, 0.8
"""Albedo that the scan's colours of this quantile of brightness stand for."""
DARKEST = 0.003
"""Light added before dividing, so that black pixels have no shadow made of noise."""
BRIGHTEST = 8.0
"""Most that content's own light adds, as a factor."""
UNSEEN = 0.02
"""Changes of light below this are noise: the pixel keeps its bytes."""


class Differential:
    """Content's coverage, and the merging, for renderers that draw the scanned mesh.

    Raises:
        UsageError: The scene has no mesh.
    """

    def __init__(self, name: str, scene: Scene, arrangement: Arrangement) -> None:
        if scene.mesh is None:
            raise UsageError(f"the {name} back-end needs a scene with a mesh")
        self.mesh = scene.mesh
        self.content: PackedContent | None = pack(arrangement) if arrangement.placements else None
        self.room = Tracer(scene.mesh.vertices, scene.mesh.faces)
        if self.content is not None:
            self._content = Tracer(self.content.vertices, self.content.faces)

    def albedo(self) -> Float32:
        """(V, 3) of the scanned vertices: their colours at the level of usual paint; the scan's shading stays in."""
        if self.mesh.colors is None:
            return np.full(self.mesh.vertices.shape, 0.5, dtype=np.float32)
        linear = to_linear(self.mesh.colors)
        level = float(np.quantile(linear @ LUMINANCE, BRIGHTER))
        return np.asarray(np.clip(linear * (BRIGHT_WALL / max(level, 1e-3)), 0.02, 0.95), dtype=np.float32)

    def cover(self, camera: Camera, T_world_camera: Float64) -> Float32:
        """(H, W) share 0..1 of every pixel that shows content, hidden by the scanned mesh alone."""
        out: Float32 = np.zeros(camera.shape, dtype=np.float32)
        y, x = np.mgrid[: camera.height, : camera.width].astype(np.float64)
        for dx, dy in PIXEL_OFFSETS:
            d = np.stack([(x + dx - camera.cx) / camera.fx, (y + dy - camera.cy) / camera.fy, np.ones_like(x)], axis=-1)
            rays = np.empty((x.size, 6), dtype=np.float32)
            rays[:, :3], rays[:, 3:] = T_world_camera[:3, 3], d.reshape(-1, 3) @ T_world_camera[:3, :3].T
            near, far = self._content.first_hits(rays)[0], self.room.first_hits(rays)[0]
            shown = np.isfinite(near) & (near < far + IN_FRONT_M)
            out += shown.reshape(camera.shape).astype(np.float32) / len(PIXEL_OFFSETS)
        return out

    def merged(self, frame: Frame, T_world_camera: Float64, both: Float32, empty: Float32) -> UInt8:
        """The frame with content in it.

        Args:
            frame: As captured.
            T_world_camera: (4, 4) camera-to-world.
            both: (H, W, 3) linear light of room and content.
            empty: (H, W, 3) of the room alone. The frame's exposure is read off it.
        """
        import cv2

        cover = self.cover(frame.camera, T_world_camera)[..., None]
        real = to_linear(frame.color)
        seen = empty.sum(axis=-1) > 0
        gain = np.exp(np.mean(np.log(real[seen] + 0.01)) - np.mean(np.log(np.clip(empty[seen], 0, 3) + 0.01)))
        # Where paths were few, light is averaged over neighbours, but never over the content's own.
        light, without = (cv2.GaussianBlur((x + DARKEST) * (1 - cover), (0, 0), 1.0) for x in (both, empty))
        ratio = np.clip(light / np.maximum(without, 1e-6), 0, BRIGHTEST)
        ratio[np.abs(ratio - 1).max(axis=-1) < UNSEEN] = 1
        drawn = to_srgb((real * ratio * (1 - cover) + both * gain * cover).astype(np.float32))
        same = (cover[..., 0] == 0) & (ratio == 1).all(axis=-1)
        return np.asarray(np.where(same[..., None], frame.color, drawn), dtype=np.uint8)
