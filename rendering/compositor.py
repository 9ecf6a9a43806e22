"""Original frames with content in them: correct perspective, hidden by nearer things, shadow on the real surface."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Arrangement, Camera, Frame, Scene
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.color import TO_LINEAR, TO_SRGB
from sceneforge.core.transforms import inverse, transform_points

from .baking import ShadowMap
from .camera_blur import blurred, extra_blur, reach_of
from .camera_look import CameraLook, LookTracker
from .directions import PIXEL_OFFSETS
from .grounding import Grounding
from .lighting import ExposureTracker
from .memory import memory_of, recall_into
from .mirrors import Mirrors
from .occlusion import DECIDERS, occlusion
from .occlusion_score import Decided, OcclusionScore
from .packing import pack
from .planes import plane_triangles
from .prepared_light import prepare_light
from .region import NEAR_M, Rect, bounds_on_screen, box_corners, merged
from .room_view import RoomViewer, intrinsics
from .splitting import receiver
from .tracing import Tracer

MAX_LAYERS = 4
"""Transparent surfaces that are followed along one ray."""
CELL = 8
"""Pixels; the grain at which shadow's place in the picture is found."""
POINTS_ASKED = 256
"""Most vertices of a placement that stand for it where a frame is asked how much of it is in view."""


STAGES = ("build", "match", "trace", "shade", "occlude", "shadow", "blend")
"""What is traced once; the frame's exposure, noise and blur; rays into content; its light; what hides it; its light on
the room; the merging.
"""


@dataclass
class CompositorFacts:
    """What a compositor counted so far."""

    frames: int = 0
    """Frames composed."""
    content_pixels: dict[str, int] = field(default_factory=lambda: dict.fromkeys(DECIDERS, 0))
    """Content pixels by what decided whether they are hidden: sensor depth, mesh, the supporting plane, nothing."""
    occlusion: OcclusionScore = field(default_factory=OcclusionScore)
    """How good the hiding looks."""
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    """Time per stage."""
    clock: Callable[[], float] = time.perf_counter
    """What tells the time; a benchmark may want the processor's."""

    @property
    def shares(self) -> dict[str, float]:
        """`content_pixels` as shares of their sum."""
        total = max(sum(self.content_pixels.values()), 1)
        return {k: v / total for k, v in self.content_pixels.items()}


class FrameCompositor:
    """Puts an arrangement's content into frames of the capture the scene was understood from.

    Built once; light and shadows that do not change are traced then. Frames must come in order, because the light
    level is smoothed over them; the result depends on the frames and their order alone, not on threads or time.

    Args:
        scene: Planes, lights and mesh, in the scene's world.
        arrangement: Content in its places, in the scene's world.
        grounding: What ties content to the surface below: traced light, a drop shadow or a halo.
    """

    def __init__(self, scene: Scene, arrangement: Arrangement, *, grounding: Grounding = "traced") -> None:
        self.facts = CompositorFacts()
        clock = _Clock(self.facts)
        self._empty = not arrangement.placements
        if self._empty:
            return
        self._content = content = pack(arrangement)
        solids = [content.placement_vertices(i) for i in range(len(arrangement.placements))]
        if scene.mesh is not None:
            fine = receiver(scene.mesh, [(v.min(axis=0), v.max(axis=0)) for v in solids])
            scene = replace(scene, mesh=fine)
        vertices, faces = plane_triangles(scene) if scene.mesh is None else (scene.mesh.vertices, scene.mesh.faces)
        self._room_faces = np.ascontiguousarray(faces, dtype=np.int32)
        self._room = Tracer(vertices, faces)
        self._viewer = RoomViewer(scene, self._room if scene.mesh is not None else None)
        self._tracer = Tracer(content.vertices, content.faces)
        casters = Tracer(content.vertices, content.faces[content.casts_shadow])
        self._exposure, self._look = ExposureTracker(scene, self._room), LookTracker()
        light = prepare_light(scene, arrangement, content, casters, self._room, grounding)
        self._light, self._maps, self._room_shadow = light.content, light.maps, light.room
        sent = light.content.sent + light.glow
        self._mirrors = Mirrors(content, self._tracer, light.incident, scene.mesh, light.room, sent)
        planes = [scene.plane(p.surface) for p in arrangement.placements]
        self._planes = np.array([[*p.normal, float(p.normal @ p.origin)] for p in planes])
        self._corners = [box_corners(v) for v in solids]
        self._samples = [v[:: -(-len(v) // POINTS_ASKED)] for v in solids]
        self._lit = bool((light.glow > 0).any())
        self._darkened = [self._shadow_points(v, m, vertices) for v, m in zip(solids, self._maps, strict=True)]
        clock.lap("build")

    def _shadow_points(self, content: Float64, shadow: ShadowMap, room_vertices: Float32) -> tuple[Float32, Float32]:
        """(n, 3) points on the plane, and (m, 3) on the other scanned surface, that one placement's shadow reaches."""
        changed = np.abs(shadow.ratio - 1).max(axis=2)
        dark = np.argwhere((changed > 0.01)[::2, ::2] & (shadow.inside > 0.02)[::2, ::2]) * 2
        on_plane = shadow.plane.to_world(shadow.low + dark * shadow.cell_m).astype(np.float32)
        near = room_vertices[: len(self._room_shadow)][np.abs(self._room_shadow - 1).max(axis=1) > 0.03].astype(
            np.float64
        )
        low, high = content.min(axis=0), content.max(axis=0)
        gap = np.linalg.norm(np.maximum(np.maximum(low - near, near - high), 0), axis=1)
        near = near[(gap < 1.6 * (high - low).max()) | self._lit]
        # Scanned surface that lies in the plane is the plane's own business.
        local = shadow.plane.to_local(near)
        return on_plane, near[(np.abs(local[:, 1]) > 0.03) | (shadow.held(local[:, [0, 2]]) < 0.5)].astype(np.float32)

    def reset(self) -> None:
        """Forget the frames composed so far: the next one starts a new sequence."""
        if not self._empty:
            self._exposure.reset()
            self._viewer.reset()
            self.facts.occlusion.restart()
            self._look.reset()

    def without_shadow(self) -> FrameCompositor:
        """The same, but content leaves the room's light as it is; both share what they remember: `reset` in between."""
        bare = copy(self)
        if not self._empty:
            bare._maps, bare._room_shadow = (), np.zeros((0, 3), dtype=np.float32)
        return bare

    def memory(self) -> dict[str, NDArray[Any]]:
        """All that carries over from frame to frame, as arrays by name, so that a video can go on where it stopped."""
        counts = {f"pixels.{k}": np.array(v) for k, v in self.facts.content_pixels.items()}
        return {"frames": np.array(self.facts.frames), **counts, **memory_of(**self._carriers())}

    def recall(self, memory: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `memory` gave: the next frame is composed as if the frames before had been."""
        self.facts.frames = int(memory["frames"])
        self.facts.content_pixels.update({k: int(memory[f"pixels.{k}"]) for k in self.facts.content_pixels})
        recall_into(memory, **self._carriers())

    def _carriers(self) -> dict[str, Any]:
        """The parts that remember earlier frames; each says in its `CARRIED` what of it does."""
        if self._empty:
            return {}
        registration = self._viewer.registration
        return {"exposure": self._exposure, "look": self._look, "edges": registration, "score": self.facts.occlusion}

    def compose(self, frame: Frame, T_world_camera: Float64, *, onto: UInt8 | None = None) -> UInt8:
        """The frame's colour with content in it.

        Args:
            frame: Colour and depth of any two resolutions, same pose.
            T_world_camera: (4, 4) camera-to-world in the scene's world, OpenCV axes.
            onto: (H, W, 3) uint8 sRGB to draw onto in place of the frame's colour: the same view with its surfaces
                painted. Light and outlines are still read from the frame.

        Returns:
            (H, W, 3) uint8 sRGB. Pixels outside the content and its shadow keep their bytes.
        """
        out = np.array(frame.color if onto is None else onto)
        self.facts.frames += 1
        if self._empty:
            return out
        T = np.asarray(T_world_camera, dtype=np.float64)
        clock = _Clock(self.facts)
        white, look = self._exposure.update(frame, T), self._look.update(frame.color)
        clock.lap("match")
        view = _View(frame, T)
        margin = 3 + reach_of(extra_blur(look.blur))
        boxes = [bounds_on_screen(c, frame.camera, T, margin) for c in self._corners]
        on_plane = [view.cells(p) for p, _ in self._darkened]
        elsewhere = [view.cells(p) for _, p in self._darkened]
        marked = [view.rect(np.maximum(a, b)) for a, b in zip(on_plane, elsewhere, strict=True)]
        rects = [r for r in (*boxes, *marked) if r is not None]
        decided: list[Decided] = []
        if rects:
            cells = np.max(on_plane, axis=0), np.max(elsewhere, axis=0)
            camera = white, look, self._look.grain(look, frame.index)
            for rect in merged(rects):
                known = self._compose_rect(out, view, rect, [b for b in boxes if b is not None], cells, camera)
                decided.append(known)
        self.facts.occlusion.add_frame(np.concatenate(self._samples), frame.camera, T, decided)
        return out

    def shown(self, camera: Camera, T_world_camera: Float64) -> float:
        """Largest share (0..1) of any one placement's points that a frame has in view, not hidden by the scanned room.

        Args:
            camera: The frame's colour camera.
            T_world_camera: (4, 4) camera-to-world in the scene's world, OpenCV axes.
        """
        if self._empty:
            return 0.0
        T = np.asarray(T_world_camera, dtype=np.float64)
        return max(self._share_seen(points, camera, T) for points in self._samples)

    def _share_seen(self, points: Float64, camera: Camera, T: Float64) -> float:
        p = transform_points(inverse(T), points)
        front = p[:, 2] > NEAR_M
        uv, _ = camera.project(p[front])
        inside = ((uv > -0.5) & (uv < np.array([camera.width, camera.height]) - 0.5)).all(axis=1)
        seen = points[front][inside]
        rays = np.empty((len(seen), 6), dtype=np.float32)
        rays[:, :3], rays[:, 3:] = T[:3, 3], seen - T[:3, 3]
        to_room, _, _ = self._room.first_hits(rays)  # 1 = at the point itself
        return float(np.count_nonzero(to_room > 0.97)) / len(points)

    def _compose_rect(
        self,
        out: UInt8,
        view: _View,
        rect: Rect,
        boxes: list[Rect],
        cells: tuple[UInt8, UInt8],
        camera: tuple[Float64, CameraLook, Float32],
    ) -> Decided:
        import cv2

        from . import blending, kernels

        white, look, grain = camera

        clock = _Clock(self.facts)
        h, w = rect.y1 - rect.y0, rect.x1 - rect.x0
        k, R, origin = view.k, view.R, view.origin
        inside = np.zeros((h, w), dtype=np.uint8)
        for box in boxes:
            y0, x0 = max(box.y0 - rect.y0, 0), max(box.x0 - rect.x0, 0)
            inside[y0 : max(box.y1 - rect.y0, 0), x0 : max(box.x1 - rect.x0, 0)] = 1
        content, z, plane_of = self._content_image(inside, rect, view, white, clock)
        # The room is looked at only where content is or shadow can be; on the supporting plane the mesh is asked only
        # where the sensor does not answer.
        drawn = (content[..., 3] > 0).astype(np.uint8)
        on_plane, elsewhere = (np.kron(c, np.ones((CELL, CELL), np.uint8))[rect.slices] for c in cells)
        asked = np.maximum(drawn, elsewhere)
        need = np.maximum(asked, on_plane)
        room = self._viewer.see(view.frame, view.T, rect=rect, need=need, mesh_need=asked)
        decision = occlusion(
            room, z, content[..., 3], view.frame.camera, view.T, plane_of=plane_of, planes=self._planes
        )  # fmt: skip
        for name, count in decision.counts().items():
            self.facts.content_pixels[name] += count
        visible, hits = decision.visible, room.hits
        pixels = np.ascontiguousarray(view.frame.color[rect.slices])
        self.facts.occlusion.add_edges(pixels, visible, content[..., 3], room.cover)
        real = np.where(np.isfinite(room.depth), room.depth, np.float32(0))
        patch = np.ascontiguousarray(out[rect.slices])
        clock.lap("occlude")
        ratio, flat = np.ones((h, w, 3), dtype=np.float32), np.zeros((h, w), dtype=np.float32)
        for shadow in self._maps:
            kernels.plane_shadow(
                ratio, flat, need, rect.x0, rect.y0, real, k, R, origin,
                np.ascontiguousarray(shadow.plane.T_world_plane), shadow.ratio, shadow.inside,
                shadow.low, shadow.cell_m,
            )  # fmt: skip
        if len(self._room_shadow):
            dark, known = kernels.mesh_shadow(
                asked, real, hits.depth, hits.face, hits.uv, self._room_faces, self._room_shadow
            )  # fmt: skip
            weight = np.maximum(known, 0)
            wide = cv2.GaussianBlur(dark, (0, 0), 5) if dark.any() else dark
            kernels.lay_mesh_shadow(ratio, flat, dark, known, wide, cv2.GaussianBlur(weight, (0, 0), 5))
        # Depth frays at edges, so the shadow's own edge there is kept from being harder than the picture.
        blur = extra_blur(look.blur)
        soft = blurred(np.asarray(cv2.GaussianBlur(ratio, (0, 0), 1.0), dtype=np.float32), blur)
        clock.lap("shadow")
        layer = blurred(content * visible[..., None], blur)
        blending.blend(patch, layer, soft, look.noise, grain, rect.x0, rect.y0, TO_LINEAR, TO_SRGB)
        out[rect.slices] = patch
        clock.lap("blend")
        return Decided(rect, visible, z, hits.depth)

    def _content_image(
        self, inside: UInt8, rect: Rect, view: _View, white: Float64, clock: _Clock
    ) -> tuple[Float32, Float32, NDArray[np.int32]]:
        """Content alone: (h, w, 4) linear premultiplied, (h, w) z-depth, (h, w) row of the plane it stands on."""
        from . import kernels, shading

        h, w = inside.shape
        k, R, origin = view.k, view.R, view.origin
        rgba, z = np.zeros((h, w, 4), dtype=np.float32), np.full((h, w), np.inf, dtype=np.float32)
        faces, plane_of = np.zeros((h, w), dtype=np.uint32), np.zeros((h, w), dtype=np.int32)
        rays, where = kernels.rays_where(inside, rect.x0, rect.y0, k, R, origin)
        t, face, bary = self._tracer.first_hits(rays)
        clock.lap("trace")
        rgba.reshape(-1, 4)[where], plane_of.reshape(-1)[where] = self._shaded(rays, t, face, bary, k, white)
        z.reshape(-1)[where], faces.reshape(-1)[where] = t, face
        edge = shading.outlines(z, faces, self._content.face_material, self._content.face_normals)
        clock.lap("shade")
        pixels = np.argwhere(edge)[:, ::-1].astype(np.int32)
        if len(pixels):
            fine = kernels.offset_rays(pixels + np.array([rect.x0, rect.y0], np.int32), PIXEL_OFFSETS, k, R, origin)
            t, face, bary = self._tracer.first_hits(fine)
            clock.lap("trace")
            samples, plane = self._shaded(fine, t, face, bary, k, white)
            shading.gather(samples, t, plane, len(PIXEL_OFFSETS), pixels, rgba, z, plane_of)
            clock.lap("shade")
        return rgba, z, plane_of

    def _shaded(
        self, rays: Float32, t: Float32, face: NDArray[np.uint32], bary: Float32, k: Float64, white: Float64
    ) -> tuple[Float32, NDArray[np.int32]]:
        """Colour of hits (n, 4), following rays on through transparent and unseen surfaces; and their plane's row."""
        from . import shading
        from .packing import MODE, TWO_SIDED

        c, light = self._content, self._light
        hit = np.isfinite(t)
        plane = np.where(hit, c.face_placement[np.where(hit, face, 0)], 0).astype(np.int32)
        total = np.zeros((len(t), 4), dtype=np.float32)
        todo = np.flatnonzero(hit)
        passes = bool((c.materials[:, MODE] > 0).any() or (c.materials[:, TWO_SIDED] < 0.5).any())
        ray, near, triangle, where = rays[todo], t[todo], face[todo], bary[todo]
        travelled: NDArray[Any] = np.zeros(len(todo), dtype=np.float32)
        for _ in range(MAX_LAYERS):
            if not len(todo):
                break
            mirrored = self._mirrors.seen(ray, near + travelled, triangle, where)
            rgba = shading.shade(
                ray, near + travelled, triangle.astype(np.int32), where, mirrored, 1.0 / k[0],
                c.vertices, c.normals, c.uv, c.colors, c.faces, c.face_normals, c.face_material, c.face_density,
                c.face_tangents, c.materials, c.texels, c.levels, c.face_placement,
                light.vertices, light.lights, light.normals, light.environment, white,
            )  # fmt: skip
            first = total[todo, 3] == 0
            t[todo[first]] = (near + travelled)[first]
            left = 1 - total[todo, 3:4]
            total[todo] += rgba * left
            on = total[todo, 3] < 0.98
            if not passes or not on.any():
                break
            step = near[on] + 1e-4
            ray = ray[on].copy()
            ray[:, :3] += step[:, None] * ray[:, 3:]
            travelled = travelled[on] + step
            near, triangle, where = self._tracer.first_hits(ray)
            hit = np.isfinite(near)
            ray, travelled, todo = ray[hit], travelled[hit], todo[on][hit]
            near, triangle, where = near[hit], triangle[hit], where[hit]
        t[total[:, 3] == 0] = np.inf
        return total, plane


class _View:
    """A frame seen from its pose, in the form the kernels read."""

    def __init__(self, frame: Frame, T: Float64) -> None:
        self.frame = frame
        self.T, self.k = T, intrinsics(frame.camera)
        self.R, self.origin = np.ascontiguousarray(T[:3, :3]), np.ascontiguousarray(T[:3, 3])

    def cells(self, points: Float32) -> UInt8:
        """Cells of CELL x CELL pixels that hold any of these world points, grown to close gaps between samples."""
        import cv2

        from .kernels import splat

        h, w = self.frame.camera.shape
        hit = splat(points, self.k, self.R, self.origin, w, h, CELL)
        return np.asarray(cv2.dilate(hit, np.ones((3, 3), np.uint8)), dtype=np.uint8)

    def rect(self, cells: UInt8) -> Rect | None:
        """Bounds of marked cells in pixels."""
        if not cells.any():
            return None
        h, w = self.frame.camera.shape
        y, x = np.flatnonzero(cells.any(axis=1)), np.flatnonzero(cells.any(axis=0))
        x1, y1 = min((int(x[-1]) + 1) * CELL, w), min((int(y[-1]) + 1) * CELL, h)
        return Rect(int(x[0]) * CELL, int(y[0]) * CELL, x1, y1)


class _Clock:
    """Adds the time since the last lap to a stage."""

    def __init__(self, facts: CompositorFacts) -> None:
        self._facts, self._last = facts, facts.clock()

    def lap(self, stage: str) -> None:
        now = self._facts.clock()
        self._facts.seconds[stage] += now - self._last
        self._last = now
