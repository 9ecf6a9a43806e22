"""What was understood, painted over frames: every plane in its label's tint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Frame, Scan, Scene, UsageError
from sceneforge.core.arrays import Float32, Float64, UInt8

from .palette import tint
from .planes import plane_triangles, triangulated
from .sheet import Thumbnail, contact_sheet, thumbnail
from .tracing import Tracer

NEAR_PLANE_M = 0.06
"""A scanned point this close to a plane's outline belongs to it."""


def label_sheet(scan: Scan, scene: Scene, path: Path, *, frames: int = 6) -> None:
    """Write a PNG with some frames of the capture, tinted and named by plane.

    Args:
        scan: The capture.
        scene: Its scene, with a camera track.
        path: The PNG file, e.g. planes.png.
        frames: How many frames, spread evenly over the track.

    Raises:
        UsageError: The scene has no track.
    """
    if scene.track is None or not scene.track.indices:
        raise UsageError(f"the scene of '{scan.name}' has no camera track to look along")
    poses = dict(zip(scene.track.indices, scene.track.T_world_camera, strict=True))
    pick = np.linspace(0, len(scene.track.indices) - 1, min(frames, len(scene.track.indices))).round().astype(int)
    painter = PlanePainter(scene)
    pictures: list[Thumbnail] = []
    for frame in scan.frames([scene.track.indices[i] for i in pick], bad=[]):
        picture, seen = painter.paint(frame, poses[frame.index])
        pictures.append(thumbnail(picture, f"{frame.index}   {', '.join(seen) or 'no surface in view'}"))
    contact_sheet(pictures, path, title=f"{scan.name}: surfaces by label", columns=3)


class PlanePainter:
    """Tints the planes of a scene in frames; built once, because the planes and the mesh do not change."""

    def __init__(self, scene: Scene) -> None:
        self._planes = scene.planes
        vertices, faces = plane_triangles(scene) if scene.mesh is None else (scene.mesh.vertices, scene.mesh.faces)
        self._room = Tracer(vertices, faces)
        self._face_plane = self._owners(scene, vertices, faces)

    def _owners(self, scene: Scene, vertices: Float32, faces: NDArray[np.int32]) -> NDArray[np.int32]:
        """(M,) index of the plane every face belongs to, -1 = none."""
        import shapely

        if scene.mesh is None:
            counts = [len(triangulated(p)[1]) for p in scene.planes]
            return np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        if scene.mesh.instances is not None:
            return np.asarray(scene.mesh.instances[faces[:, 0]] - 1, dtype=np.int32)
        owner = np.full(len(faces), -1, dtype=np.int32)
        best = np.full(len(faces), NEAR_PLANE_M)
        centre = vertices[faces].mean(axis=1, dtype=np.float64)
        normal = scene.mesh.face_normals
        for index, plane in enumerate(scene.planes):
            local = plane.to_local(centre)
            near = np.flatnonzero((np.abs(local[:, 1]) < best) & (np.abs(normal @ plane.normal) > 0.7))
            outline = shapely.Polygon(plane.polygon, [h for h in plane.holes if len(h) >= 3]).buffer(0.02)
            held = near[shapely.contains_xy(outline, local[near, 0], local[near, 2])]
            owner[held], best[held] = index, np.abs(local[held, 1])
        return owner

    def paint(self, frame: Frame, T_world_camera: Float64) -> tuple[UInt8, list[str]]:
        """The frame's colour with planes tinted, outlined and named, and the labels in view, most seen first."""
        import cv2
        from PIL import Image, ImageDraw, ImageFont

        from .kernels import rays_where

        h, w = frame.camera.shape
        step = max(1, round(w / 640))
        camera = frame.camera.resized(w // step, h // step)
        k = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
        R, origin = np.ascontiguousarray(T_world_camera[:3, :3]), np.ascontiguousarray(T_world_camera[:3, 3])
        rays, _ = rays_where(np.ones(camera.shape, dtype=np.uint8), 0, 0, k, R, origin)
        t, face, _ = self._room.first_hits(rays)
        owner = np.where(np.isfinite(t), self._face_plane[np.where(np.isfinite(t), face, 0)], -1).reshape(camera.shape)
        picture = cv2.resize(frame.color, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        colors = np.array([(0, 0, 0), *(tint(p.label) for p in self._planes)], dtype=np.float32)[owner + 1]
        mixed = np.where((owner >= 0)[..., None], 0.5 * grey + 0.5 * colors, 0.35 * grey + 0.65 * picture)
        edge = cv2.morphologyEx(owner.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        mixed[edge] = 0.4 * mixed[edge] + 0.6 * 255
        image = Image.fromarray(np.asarray(mixed, dtype=np.uint8))
        draw = ImageDraw.Draw(image, "RGBA")
        font = ImageFont.load_default(max(13, camera.width / 42))
        numbers, pixels = np.unique(owner[owner >= 0], return_counts=True)
        most = np.argsort(-pixels, kind="stable")
        order = [int(numbers[i]) for i in most if pixels[i] > 0.008 * owner.size]
        for n in order:
            # The place farthest from the region's edge is where a name is easiest to read.
            depth = cv2.distanceTransform(np.pad((owner == n).astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
            y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
            text = str(self._planes[n].label).replace("_", " ")
            at = (float(x), float(y))
            x0, y0, x1, y1 = draw.textbbox(at, text, font=font, anchor="mm")
            draw.rounded_rectangle((x0 - 6, y0 - 4, x1 + 6, y1 + 4), 6, fill=(255, 255, 255, 215))
            draw.text(at, text, font=font, fill=(32, 35, 40), anchor="mm")
        seen = list(dict.fromkeys(str(self._planes[n].label).replace("_", " ") for n in order))
        return np.asarray(image), seen
