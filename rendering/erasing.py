"""Frames without things that were taken out of the scene: what was behind them is put in their place."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, Frame, Mesh, OrientedBox, Scene
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.backdrop import Backdrop
from sceneforge.core.color import TO_LINEAR, TO_SRGB

from .camera_look import LookTracker
from .erased_look import FrameLook
from .erased_sheets import SKIN_M, lay, relight_factor, shaded_points
from .kernels import rays_where
from .planes import plane_triangles
from .region import Rect, bounds_on_screen, merged
from .room_view import intrinsics
from .tracing import Tracer
from .uncovered import enclosed, entering

GROWN_M = 0.04
"""Boxes are grown by this much: what the sensor sees in them is the thing."""
SOLID = ("floor", "wall", "ceiling", "door", "window", "wall_art", "whiteboard", "mirror")
"""What lies in a plane with one of these labels is no part of a thing, though its box may reach it."""
BEFORE = 0.03
"""Metres, and share of its distance, by which what stands before a thing is nearer than it."""
RIM_FRACTION = 1 / 110
"""Share of the picture's width by which a thing's outline is widened: pixels there mix it with what is behind."""
RING_FRACTION = 1 / 24
"""Width of the ring around a thing, as a share of the picture's, in which the fill's brightness is compared."""
RELIT = 100
"""Most that lightening a shadow counts for in the mask of changed pixels."""


@dataclass(frozen=True)
class Erased:
    """One frame without the things."""

    color: UInt8
    """(H, W, 3) uint8 sRGB; pixels outside the mask keep their bytes."""
    depth: Float32
    """(h, w) float32 metres of what is behind, 0 = unknown."""
    mask: UInt8
    """(H, W) uint8 255 where the picture was changed entirely, up to RELIT where only the thing's shadow went, 0 where
    not at all."""
    unknown: int
    """Masked pixels behind which no surface is known; they were continued in the picture."""


class Eraser:
    """Takes things out of frames. The result depends on the frame alone.

    Args:
        left: The scene without the things, its outlines closed.
        things: The things' part of the mesh.
        boxes: Where the things are.
        backdrop: What was behind them, made-up cells painted.
    """

    def __init__(self, left: Scene, things: Mesh, boxes: tuple[OrientedBox, ...], backdrop: Backdrop) -> None:
        assert left.mesh is not None
        self._things = Tracer(things.vertices, things.faces)
        self._mesh = Tracer(left.mesh.vertices, left.mesh.faces)
        self._mesh_faces = left.mesh
        self._planes = Tracer(*plane_triangles(left))
        self._fine = Tracer(backdrop.vertices, backdrop.faces)
        self._boxes, self._backdrop, self._left = boxes, backdrop, left
        self._shaded = [shaded_points(s) for s in backdrop.sheets]
        self._guess, self._tracker = self._fine, LookTracker()
        self._solid = [p for p in left.planes if p.label in SOLID]

    def erase(self, frame: Frame, T_world_camera: Float64, gain: Float64) -> Erased:
        """A frame without the things.

        Args:
            frame: As captured.
            T_world_camera: (4, 4) camera-to-world in the scene's world, OpenCV axes.
            gain: (3,) linear brightness of the frame over the mean exposure.
        """
        T = np.asarray(T_world_camera, dtype=np.float64)
        color, mask, unknown = self._color(frame, T, gain)
        return Erased(color, self._depth(frame, T), mask, unknown)

    def with_guess(self, guess: Mesh) -> Eraser:
        """The same, with coloured surface (`Backdrop.guess`) where none is known."""
        out = copy.copy(self)
        out._backdrop = replace(self._backdrop, guess=guess)
        out._guess = Tracer(guess.vertices, guess.faces)
        return out

    def unknown(self, frame: Frame, T_world_camera: Float64, gain: Float64) -> Unknown:
        """The frame without the things as far as it is known, and where it is not."""
        T = np.asarray(T_world_camera, dtype=np.float64)
        color, _ = self._relit(frame, T)
        holes = np.zeros(frame.camera.shape, dtype=np.bool_)
        behind = np.full(holes.shape, np.nan, dtype=np.float32)
        before = np.zeros(holes.shape, dtype=np.bool_)
        whole = Rect(0, 0, frame.camera.width, frame.camera.height)
        sensor, has = _sensor(frame, whole)
        behind[has] = sensor[has]
        for patch in self._patches(frame, T, gain, color):
            rect = patch.rect.slices
            done = patch.over(color[rect])
            color[rect] = np.where(((patch.wide > 0) & patch.known)[..., None], done, color[rect])
            behind[rect] = np.where(patch.wide > 0, np.where(patch.known, patch.depth, np.nan), behind[rect])
            holes[rect] |= (patch.wide > 0) & ~patch.known
            # What stands before the things is no neighbour of what lies behind them.
            nearest = np.where(patch.core > 0, sensor[rect], np.inf)
            limit = float(nearest[nearest > 0].min()) if (nearest > 0).any() else 0.0
            before[rect] |= has[rect] & (patch.wide == 0) & (sensor[rect] < limit)
        behind[before] = np.nan
        return Unknown(color, holes, behind)

    def _color(self, frame: Frame, T: Float64, gain: Float64) -> tuple[UInt8, UInt8, int]:
        import cv2

        out, full = self._relit(frame, T)
        unknown = 0
        for patch in self._patches(frame, T, gain, out.copy()):
            rect = patch.rect
            holes = (patch.wide > 0) & ~patch.known
            picture = patch.over(out[rect.slices])
            if holes.any():
                unknown += int(np.count_nonzero(holes))
                smeared = cv2.inpaint(np.ascontiguousarray(picture), holes.astype(np.uint8), 4, cv2.INPAINT_TELEA)
                picture = np.asarray(smeared, dtype=np.uint8)
            a = patch.alpha[..., None]
            old = out[rect.slices].astype(np.float32)
            out[rect.slices] = np.where(a > 0, old + (picture - old) * a + 0.5, old).astype(np.uint8)
            full[rect.slices] = np.maximum(full[rect.slices], (patch.alpha * 255).astype(np.uint8))
        return out, full, unknown

    def _patches(self, frame: Frame, T: Float64, gain: Float64, relit: UInt8) -> Iterator[_Patch]:
        """Per part of the picture that shows things: what is behind them there, at the frame's brightness."""
        import cv2

        rim = max(2, round(frame.camera.width * RIM_FRACTION))
        ring = max(6, round(frame.camera.width * RING_FRACTION))
        look: FrameLook | None = None
        for rect in self._rects(frame.camera, T, rim + ring + 2):
            seen = _sensor(frame, rect)
            core = self._mask(frame.camera, T, rect, seen)
            if not core.any():
                continue
            wide = _dilated(core, rim) * _not_before(core, self._distance(frame.camera, T, rect, seen), seen, rim)
            near = _dilated(wide, ring)
            depth, color, sure, touched = self._behind(frame.camera, T, rect, near)
            known = np.isfinite(depth)
            actual = TO_LINEAR[relit[rect.slices]]
            same = ~seen[1] | (np.abs(seen[0] - depth) < 0.05 + 0.02 * seen[0])  # the ring shows what is behind it
            wide = np.maximum(wide, touched & same)  # the dark around a thing's feet, and thin feet, are the thing's
            level = _level(color, actual, sure & (wide == 0) & (near > 0) & same, gain, ring)
            look = look or FrameLook(frame.color, frame.index, self._tracker)
            picture = look.worn(color * level, known, relit[rect.slices], rect)
            soft = cv2.GaussianBlur(wide.astype(np.float32), (0, 0), max(rim / 3, 0.8))
            alpha: Float32 = np.where(core > 0, 1, np.minimum(soft * 1.6, 1) * (wide > 0)).astype(np.float32)
            yield _Patch(rect, core, wide, known, depth, picture, alpha)

    def _relit(self, frame: Frame, T: Float64) -> tuple[UInt8, UInt8]:
        """The frame without the things' shadows, (H, W, 3), and (H, W) how much it was changed, at most RELIT."""
        out, changed = np.array(frame.color), np.zeros(frame.camera.shape, dtype=np.uint8)
        for sheet, points in zip(self._backdrop.sheets, self._shaded, strict=True):
            rect = bounds_on_screen(points, frame.camera, T, 2) if len(points) else None
            if rect is None:
                continue
            depth, has = _sensor(frame, rect)
            rays, where = self._rays(np.ones(depth.shape, np.uint8), frame.camera, T, rect)
            z = depth.reshape(-1)[where].astype(np.float64)
            blind = ~has.reshape(-1)[where]
            if blind.any():
                z[blind] = self._mesh.first_hits(rays[blind])[0]
            factor = np.ones((depth.size, 3), dtype=np.float32)
            factor[where] = relight_factor(sheet, rays, z)
            brighter = factor.reshape(*depth.shape, 3)
            linear = np.clip(TO_LINEAR[out[rect.slices]] * brighter, 0, 1)
            lit = (TO_SRGB[(linear * (len(TO_SRGB) - 1) + 0.5).astype(np.int64)] + 0.5).astype(np.uint8)
            touched = (brighter.max(axis=2) > 1.002) & (lit != out[rect.slices]).any(axis=2)
            out[rect.slices] = np.where(touched[..., None], lit, out[rect.slices])
            share = np.ceil(RELIT * (1 - 1 / brighter.max(axis=2))).astype(np.uint8)
            changed[rect.slices] = np.where(touched, np.maximum(changed[rect.slices], share), changed[rect.slices])
        return out, changed

    def _depth(self, frame: Frame, T: Float64) -> Float32:
        out = np.array(frame.depth)
        rim = max(1, round(frame.depth_camera.width * RIM_FRACTION / 2))
        for rect in self._rects(frame.depth_camera, T, rim + 2):
            seen = np.asarray(frame.depth[rect.slices]), np.asarray(frame.depth[rect.slices] > 0)
            core = self._mask(frame.depth_camera, T, rect, seen)
            mask = _dilated(core, rim)
            if core.any():
                mask = mask * _not_before(core, self._distance(frame.depth_camera, T, rect, seen), seen, rim)
            if mask.any():
                behind, _, _, _ = self._behind(frame.depth_camera, T, rect, mask)
                out[rect.slices] = np.where(mask > 0, np.where(np.isfinite(behind), behind, 0), out[rect.slices])
        return out

    def _rects(self, camera: Camera, T: Float64, margin: int) -> list[Rect]:
        found = [bounds_on_screen(b.corners, camera, T, margin) for b in self._boxes]
        return merged([r for r in found if r is not None])

    def _mask(self, camera: Camera, T: Float64, rect: Rect, seen: tuple[Float32, NDArray[np.bool_]]) -> UInt8:
        """Pixels that show a thing: their ray meets it first, or what the sensor sees there lies in its box."""
        h, w = rect.y1 - rect.y0, rect.x1 - rect.x0
        rays, where = self._rays(np.ones((h, w), np.uint8), camera, T, rect)
        thing, _, _ = self._things.first_hits(rays)
        room, _, _ = self._mesh.first_hits(rays)
        first = np.isfinite(thing) & (thing < room + 0.01)
        depth, has = seen[0].reshape(-1)[where], seen[1].reshape(-1)[where]
        before = has & (depth < thing - 0.1 - 0.02 * depth)  # something stands before it in this frame
        points = rays[:, :3].astype(np.float64) + depth[:, None] * rays[:, 3:]
        mine = np.zeros(len(points), dtype=np.bool_)
        for b in self._boxes:
            local = (points - b.T_world_box[:3, 3]) @ b.T_world_box[:3, :3]
            mine |= has & (np.abs(local) <= b.size / 2 + GROWN_M).all(axis=1)
        for p in self._solid:
            mine &= np.abs((points - p.origin) @ p.normal) > 0.03
        out = np.zeros(h * w, dtype=np.uint8)
        out[where] = (first & ~before) | mine
        blind = np.zeros(h * w, dtype=np.uint8)
        blind[where] = ~has & np.isfinite(entering(rays, self._boxes)) & (out[where] == 0)
        return enclosed(out.reshape(h, w), blind.reshape(h, w))

    def _distance(self, camera: Camera, T: Float64, rect: Rect, seen: tuple[Float32, NDArray[np.bool_]]) -> Float32:
        """(h, w) z-depth of what a frame shows, by its sensor, or else of the things; inf = unknown."""
        h, w = seen[0].shape
        rays, at = self._rays(np.asarray(~seen[1], dtype=np.uint8), camera, T, rect)
        out = np.where(seen[1], seen[0], np.inf).astype(np.float32).ravel()
        out[at] = self._things.first_hits(rays)[0]
        return out.reshape(h, w)

    def _rays(self, where: UInt8, camera: Camera, T: Float64, rect: Rect) -> tuple[Float32, NDArray[np.int64]]:
        R, origin = np.ascontiguousarray(T[:3, :3]), np.ascontiguousarray(T[:3, 3])
        return rays_where(where, rect.x0, rect.y0, intrinsics(camera), R, origin)

    def _behind(
        self, camera: Camera, T: Float64, rect: Rect, where: UInt8
    ) -> tuple[Float32, Float32, NDArray[np.bool_], NDArray[np.bool_]]:
        """What is behind at the pixels asked for: z-depth (h, w), inf = unknown; linear colour (h, w, 3); whether that
        was scanned, not guessed; and whether a thing touched it."""
        h, w = where.shape
        rays, at = self._rays(where, camera, T, rect)
        mesh, _, _ = self._mesh.first_hits(rays)
        plane, _, _ = self._planes.first_hits(rays)
        fine, face, uv = self._fine.first_hits(rays)
        depth = np.where(plane < mesh + SKIN_M, plane, mesh)
        rgb = np.full((len(at), 3), np.nan, dtype=np.float32)
        with np.errstate(invalid="ignore"):  # two rays that meet nothing
            use = np.abs(fine - depth) < SKIN_M
        if use.any():
            rgb[use] = _mixed(self._backdrop.colors, self._backdrop.faces[face[use]], uv[use])
        points = rays[:, :3].astype(np.float64) + np.where(np.isfinite(depth), depth, 0)[:, None] * rays[:, 3:]
        touched = np.zeros(len(at), dtype=np.bool_)
        for sheet in self._backdrop.sheets:
            lay(sheet, points, np.isfinite(depth), rgb, touched)
        sure = ~np.isnan(rgb[:, 0])
        guess = self._backdrop.guess
        if guess is not None and guess.colors is not None and not sure.all():
            far, face, uv = self._guess.first_hits(rays)
            use = ~sure & np.isfinite(far)
            depth = np.where(use, far, depth)
            rgb[use] = _mixed(TO_LINEAR[guess.colors], guess.faces[face[use]], uv[use])
        bare = np.isnan(rgb[:, 0])
        out_depth = np.full(h * w, np.inf, dtype=np.float32)
        out_sure, out_touched = np.zeros(h * w, dtype=np.bool_), np.zeros(h * w, dtype=np.bool_)
        out_color = np.zeros((h * w, 3), dtype=np.float32)
        out_depth[at], out_sure[at], out_touched[at] = np.where(bare, np.inf, depth), sure, touched
        out_color[at] = np.nan_to_num(rgb)
        return (
            out_depth.reshape(h, w),
            out_color.reshape(h, w, 3),
            out_sure.reshape(h, w),
            out_touched.reshape(h, w),
        )


@dataclass(frozen=True)
class Unknown:
    """A frame without the things, as far as it is known."""

    color: UInt8
    """(H, W, 3) uint8 sRGB; in the holes the things still show."""
    holes: NDArray[np.bool_]
    """(H, W) pixels behind which no surface is known."""
    behind: Float32
    """(H, W) z-depth in metres behind the things or beside them; NaN where unknown, or nearer than they."""


@dataclass(frozen=True)
class _Patch:
    """What comes in the place of the things in one part of a picture; all (h, w)."""

    rect: Rect
    core: UInt8
    wide: UInt8
    known: NDArray[np.bool_]
    depth: Float32
    picture: UInt8
    alpha: Float32

    def over(self, old: UInt8) -> UInt8:
        """The picture of what is behind within the things' outline, the old one around."""
        return np.where((self.wide > 0)[..., None], self.picture, old)


def _mixed(colors: Float32, corners: NDArray[Any], uv: Float32) -> Float32:
    """Vertex colours (N, 3) at barycentric places on triangles (n, 3)."""
    c0, c1, c2 = (colors[corners[:, k]] for k in range(3))
    return np.asarray(c0 * (1 - uv.sum(axis=1, keepdims=True)) + c1 * uv[:, :1] + c2 * uv[:, 1:], dtype=np.float32)


def _not_before(core: UInt8, distance: Float32, seen: tuple[Float32, NDArray[np.bool_]], rim: int) -> UInt8:
    """1 where the sensor sees nothing that is nearer than the part of a thing's outline (`core`) beside it."""
    import cv2

    size = 2 * rim + 1
    nearest = cv2.erode(np.where(core > 0, distance, np.float32(1e6)), np.ones((size, size), np.uint8))
    return np.asarray((core > 0) | ~seen[1] | (seen[0] >= nearest * (1 - BEFORE) - BEFORE), dtype=np.uint8)


def _level(made: Float32, actual: Float32, ring: NDArray[np.bool_], gain: Float64, reach: int) -> Float32:
    """(h, w, 3) factor that brings the fill to the frame's brightness: the ring's ratio, carried inwards.

    Near the rim it is that of the nearest part of the ring, so that no seam shows, and farther in the mean of all: the
    membrane of seamless cloning, with weights that fall with distance (Farbman et al., SIGGRAPH 2009). Where the ring
    tells nothing it is the frame's gain. Ratios are limited, so that a wrong ring cannot ruin the fill.
    """
    import cv2

    ratio = np.log(np.clip((actual + 0.01) / (np.maximum(made * gain, 0) + 0.01), 0.5, 2.0))
    weight = ring.astype(np.float32)
    spread, total = np.zeros_like(made), np.full(made.shape[:2], 1e-12, dtype=np.float32)
    mean = (ratio * weight[..., None]).sum(axis=(0, 1)) / max(float(weight.sum()), 1e-6)
    prior = 0.02 if weight.sum() > 50 else 1.0
    for sigma in (reach / 4, reach / 2, reach, 2 * reach):
        trust = reach / sigma
        spread += trust * cv2.GaussianBlur((ratio * weight[..., None]).astype(np.float32), (0, 0), sigma)
        total += trust * cv2.GaussianBlur(weight, (0, 0), sigma)
    field = (spread + prior * mean) / (total + prior)[..., None]
    return np.asarray(gain * np.exp(field), dtype=np.float32)


def _sensor(frame: Frame, rect: Rect) -> tuple[Float32, NDArray[np.bool_]]:
    """Sensor depth at the colour pixels of a rectangle, nearest, and where there is any."""
    x = np.arange(rect.x0, rect.x1)
    y = np.arange(rect.y0, rect.y1)
    c, d = frame.camera, frame.depth_camera
    u = np.rint((x - c.cx) / c.fx * d.fx + d.cx).astype(np.int64)
    v = np.rint((y - c.cy) / c.fy * d.fy + d.cy).astype(np.int64)
    ok = ((v >= 0) & (v < d.height))[:, None] & ((u >= 0) & (u < d.width))[None]
    depth = frame.depth[np.clip(v, 0, d.height - 1)[:, None], np.clip(u, 0, d.width - 1)[None]]
    return np.where(ok, depth, 0).astype(np.float32), ok & (depth > 0)


def _dilated(mask: UInt8, radius: int) -> UInt8:
    import cv2

    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(mask, disc), dtype=np.uint8)
