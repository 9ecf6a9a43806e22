"""Painted surfaces in a capture's frames: the texture stays on its plane, furniture before it, and light on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Frame, Label, Scene, SurfacePaint
from sceneforge.core.arrays import Float32, Float64, Int32, UInt8
from sceneforge.core.color import TO_LINEAR, TO_SRGB, to_srgb
from sceneforge.core.transforms import inverse

from .layers import CONTENT, FrameLayer
from .painted_finish import PaintFinish
from .painted_frame import ShownFrame
from .painted_gloss import Gloss
from .room_view import NONE, PLANE

if TYPE_CHECKING:
    from .room_view import RoomView

COLOR_SPREAD = 16.0
"""sRGB units by which colours of one material differ within a few pixels."""

FLAT_M = 0.03
"""So near to a plane the scanned mesh is taken for it."""
EDGE_M = 0.012
"""So far a frame's colours may move a mask's outline."""
EXTENT_M = 0.008
FLAT_COS = 0.9
"""Cosine of the angle within which it then must lie as the plane does."""
GLARE, BENT = 2.5, 4.0
"""Light over the usual from which it blazes, which is sheen rather than light on a surface; what exceeds that is halved
where it is BENT."""
STRUCTURE = (Label.FLOOR, Label.CEILING, Label.WALL, Label.INNER_WALL)
SPECK, SPECK_KNOWN = 1 / 12, 0.1
"""Of the picture's width: the side of a square as large as the largest speck; and the share that depth must know."""
NOISE_WINDOW = 80
"""Of a picture's width: half the window over which noise of depth is counted."""
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
        self._finish = PaintFinish()
        self._gloss = Gloss(replace(scene, mesh=scene.mesh if any(p.gloss for p in paints) else None))

    def apply(self, picture: UInt8, view: RoomView, frame: Frame, T_world_camera: Float64, time_s: float) -> UInt8:
        """The picture with the paints on their surfaces; see `FrameLayer.apply`."""
        shown, shape = ShownFrame(frame), (*frame.camera.shape, 4)
        layer, blades = np.zeros(shape, dtype=np.float32), None
        smooth: list[tuple[SurfacePaint, Float32]] = []
        for prepared in self._paints:
            paint = prepared.paint
            if blades is None and not smooth and not paint.gloss and not (paint.blades and paint.strength < 1):
                blades = prepared.lay(layer, view, shown, T_world_camera, time_s)
                continue
            over = np.zeros(shape, dtype=np.float32)
            more = prepared.lay(over, view, shown, T_world_camera, time_s)
            left = 1 - over[..., 3:] / max(paint.strength, 1e-6)
            if more is not None:  # ground and blades together cover as much as the paint is meant to
                over *= (1 - more[..., 3:] / max(paint.strength, 1e-6)) / np.maximum(1 - more[..., 3:], 1e-6)
            layer, smooth = over + (1 - over[..., 3:]) * layer, [(p, share * left[..., 0]) for p, share in smooth]
            blades = None if blades is None else left * blades
            if more is not None:
                blades = more if blades is None else more + (1 - more[..., 3:]) * blades
            if paint.gloss:
                smooth.append((paint, 1 - left[..., 0]))
        out = self._finish.merge(picture, layer, blades, frame)
        for paint, share in smooth:
            T, gain = paint.raster.T_world_plane, paint.gain(frame.index)
            out = self._gloss.add(out, share, T, paint.gloss, gain, view, frame, T_world_camera)
        return out

    def before_content(self) -> FrameLayer | None:
        """The grass that stands before the feet of content: a layer to put over it; None without grass."""
        grass = [p for p in self._paints if p.paint.blades]
        return _GrassBefore(grass, self._finish) if grass else None

    def coverage(self, view: RoomView, frame: Frame, T_world_camera: Float64) -> list[Float32]:
        """(H, W) float32 0..1 per paint: how much of a pixel it covers, relief aside."""
        shown = ShownFrame(frame)
        return [p.coverage(view, shown, T_world_camera) for p in self._paints]


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
        self.paint = paint
        raster = paint.raster
        self._T_plane_world = inverse(raster.T_world_plane)
        size = np.array([raster.width, raster.height]) * raster.metres_per_pixel
        self._area = np.concatenate([raster.origin_xz, raster.origin_xz + size])
        self._scale = np.array(paint.shading.shape[::-1]) / np.array([raster.width, raster.height])
        self._mask, self._extent = _extent(paint)
        if paint.environment is None:
            assert paint.color is not None  # the type sees to it
            relief = np.zeros(raster.shape, np.uint8) if paint.relief is None else paint.relief
            self._pyramid = pyramid(paint.color, self._mask, relief)
        else:
            blank = np.zeros(paint.environment.shape[:2], np.uint8)
            self._pyramid = pyramid(paint.environment, blank, blank)
        self._look = np.zeros((1, 1, 4), np.uint8) if paint.look is None else paint.look
        over = np.maximum(paint.shading - GLARE, 0)
        self._shading = np.minimum(paint.shading, GLARE) + over / (1 + over / BENT)
        self._in_plane = self._faces_in_plane(scene)

    def _faces_in_plane(self, scene: Scene) -> UInt8:
        """(F,) for the scanned mesh's triangles: IN_PLANE, MEETING or 0."""
        if scene.mesh is None:
            return np.zeros(0, dtype=np.uint8)
        from .painted_matte_kernels import IN_PLANE, MEETING

        T, v, faces = self._T_plane_world, scene.mesh.vertices.astype(np.float64), scene.mesh.faces
        height = v @ T[1, :3] + T[1, 3]
        near = np.flatnonzero((np.abs(height[faces]) < FLAT_M).all(axis=1))
        upright = _tilt(v, faces[near], self.paint.raster.T_world_plane[:3, 1]) > FLAT_COS
        flat = np.zeros(len(faces), dtype=np.bool_)
        flat[near] = upright
        out = flat.astype(np.uint8) * np.uint8(IN_PLANE)
        normal = self.paint.raster.T_world_plane[:3, 1]
        if normal[1] < LEVEL:  # what meets a floor is skirting boards, which stand before it
            beside = np.abs(height) < FLAT_M
            meets = np.zeros(len(v), dtype=np.bool_)
            for p in scene.planes:
                if p.label in STRUCTURE and abs(float(p.normal @ normal)) < 0.3:
                    meets |= np.abs((v - p.origin) @ p.normal) < FLAT_M
            out[~flat & (meets | beside)[faces].all(axis=1) & meets[faces].any(axis=1)] = MEETING
        return out

    def matte(self, view: RoomView, shown: ShownFrame, T_world_camera: Float64) -> tuple[Float32, Float32]:
        """(H, W) 0..1: how much of each pixel shows the surface; and how much is hidden by what depth does not see,
        thin things and blank borders."""
        import cv2

        from . import painted_matte_kernels as kernels
        from .painted_clutter import clutter

        frame = shown.frame
        k, R, o = self._pose(frame, T_world_camera)
        none = np.zeros(frame.camera.shape, dtype=np.float32)
        if o[1] <= 0.02:
            return none, none
        on, sure, against, open_share = kernels.geometry(
            view.depth,
            view.near,
            view.cover,
            view.sigma,
            shown.source(view),
            view.face,
            view.hits.face,
            self._in_plane,
            k,
            R,
            o,
            self._area,
            self._extent,
        )
        if not on.any():
            return none, none
        _forgive(on, sure, against)
        shown.continue_beside(on, sure)
        reach = max(2, round(kernels.REACH * frame.camera.width / 640))
        wide = cv2.blur(on, (2 * reach + 1,) * 2)
        gain = self.paint.gain(frame.index)
        refined: Float32 = kernels.refine(
            shown.smooth, on, sure, wide, reach, COLOR_SPREAD, k, R, o, self._area, self._look, gain, TO_LINEAR, TO_SRGB
        )
        soft: Float32 = kernels.antialias(frame.color, refined)
        refined = soft if self.paint.raster.T_world_plane[1, 1] < LEVEL else np.minimum(refined, soft)
        # Where depth lies beside colour, only the outline's own pixels are shared.
        outline = cv2.erode(refined, np.ones((3, 3), np.uint8)) < 0.5
        refined = np.where(outline, np.minimum(refined, open_share), refined).astype(np.float32)
        _drop_specks(refined, sure)
        hidden, blank = none, shown.blank
        if self.paint.raster.T_world_plane[1, 1] > LEVEL:
            floor = (refined > 0.5).astype(np.uint8)
            bare = kernels.expected(floor, self._look, gain, k, R, o, self._area, TO_LINEAR)
            there = np.isfinite(view.depth) & (view.depth > 0)
            metre = np.where(there, np.float32(k[0]) / np.where(there, view.depth, 1), np.float32(np.inf))
            hidden = clutter(frame.color, refined, refined < 0.1, bare, metre.astype(np.float32))
        if blank is not None:
            hidden = np.maximum(hidden, blank.astype(np.float32))
        return refined * (1 - hidden), hidden

    def lay(
        self, layer: Float32, view: RoomView, shown: ShownFrame, T_world_camera: Float64, time_s: float
    ) -> Float32 | None:
        """Lay the paint over a layer (H, W, 4), linear light times coverage and coverage; and what stands on it, as a
        layer of its own, or None."""
        from . import painted_kernels as kernels

        paint, raster, frame = self.paint, self.paint.raster, shown.frame
        k, R, o = self._pose(frame, T_world_camera)
        if o[1] <= 0.02 or not self._in_view(frame, k, R, o):
            return None
        matte, hidden = self.matte(view, shown, T_world_camera)
        light = paint.light * (1.0 if paint.environment is not None else paint.gain(frame.index))
        if paint.environment is not None:
            kernels.open_portal(
                layer, matte, k, R, o, raster.origin_xz, raster.metres_per_pixel, self._mask,
                self._pyramid.texels, self._pyramid.levels, light, paint.strength,
                math.radians(paint.turn_deg_per_s * time_s), paint.twinkle, time_s, TO_LINEAR,
            )  # fmt: skip
            return None
        # In high paint stands only what was really measured; what depth missed was not.
        unknown = (view.source == NONE) | (view.source == PLANE) | (hidden > 0.5)
        measured = np.where(unknown, np.float32(np.inf), view.depth)
        kernels.lay(
            layer, matte, measured, k, R, o, raster.origin_xz, raster.metres_per_pixel,
            self._pyramid.texels, self._pyramid.levels, self._shading, self._scale, light, paint.strength,
            0.0 if paint.relief is None or paint.blades else paint.relief_m,
            paint.relief_m if paint.blades else 0.0, TO_LINEAR,
        )  # fmt: skip
        if not paint.blades:
            return None
        return self.grass(matte, np.where(unknown, np.float32(0), view.depth), frame, T_world_camera)

    def grass(self, matte: Float32, depth: Float32, frame: Frame, T_world_camera: Float64) -> Float32:
        """(H, W, 4) blades as a layer: where the pixel shows the surface (H, W), and before what lies deeper than they
        do; 0 = nothing is known there."""
        from . import blades_kernels as kernels

        paint, raster, texture = self.paint, self.paint.raster, self._pyramid
        k, R, o = self._pose(frame, T_world_camera)
        h, w = matte.shape
        blades = kernels.grow(
            k, R, o, np.array([w, h]), raster.origin_xz, raster.metres_per_pixel, texture.texels, texture.levels[0],
            paint.relief_m,
        )  # fmt: skip
        order = np.argsort(-blades[:, 7], kind="stable")
        out = np.zeros((h, w, 4), dtype=np.float32)
        kernels.draw(
            out, blades, order, matte, depth, k, R, o, raster.origin_xz, raster.metres_per_pixel, texture.texels,
            texture.levels, self._shading, self._scale, paint.light * paint.gain(frame.index), TO_LINEAR,
        )  # fmt: skip
        return out * np.float32(paint.strength)

    def coverage(self, view: RoomView, shown: ShownFrame, T_world_camera: Float64) -> Float32:
        """(H, W) 0..1: how much of each pixel the paint takes, relief aside."""
        from . import painted_kernels as kernels

        raster, mask, frame = self.paint.raster, self._mask, shown.frame
        layer = np.zeros((*frame.camera.shape, 4), dtype=np.float32)
        k, R, o = self._pose(frame, T_world_camera)
        if o[1] > 0.02 and self._in_view(frame, k, R, o):
            white = pyramid(np.full((*mask.shape, 3), 255, np.uint8), mask, np.zeros_like(mask))
            matte, _ = self.matte(view, shown, T_world_camera)
            kernels.lay(
                layer, matte, view.depth, k, R, o, raster.origin_xz, raster.metres_per_pixel, white.texels,
                white.levels, np.ones((1, 1), np.float32), np.ones(2), np.ones(3), self.paint.strength, 0.0, 0.0,
                TO_LINEAR,
            )  # fmt: skip
        return np.ascontiguousarray(layer[..., 3])

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


class _GrassBefore:
    """Blades of painted grass drawn over content that they hide."""

    def __init__(self, grass: Sequence[_Prepared], finish: PaintFinish) -> None:
        self._grass, self._finish = grass, finish

    def apply(self, picture: UInt8, view: RoomView, frame: Frame, T_world_camera: Float64, time_s: float) -> UInt8:
        """See `FrameLayer.apply`."""
        content = view.source == CONTENT
        if not content.any():
            return picture
        nowhere, depth = np.zeros(content.shape, np.float32), np.where(content, view.depth, np.float32(0))
        blades = np.zeros((*content.shape, 4), dtype=np.float32)
        for prepared in self._grass:
            more = prepared.grass(nowhere, depth, frame, T_world_camera)
            blades = more + (1 - more[..., 3:]) * blades
        return self._finish.merge(picture, np.zeros_like(blades), blades, frame) if blades.any() else picture


def _tilt(v: Float64, faces: Int32, normal: Float64) -> Float64:
    """(F,) cosine between a direction and faces' normals, these averaged over all triangles around: scans are rough."""
    a, b, c = (v[faces[:, k]] for k in range(3))
    n = np.cross(b - a, c - a)  # twice the area long
    number, at = np.unique(faces, return_inverse=True)
    at = at.reshape(faces.shape)
    for _ in range(2):
        around = np.stack(
            [sum(np.bincount(at[:, k], n[:, q], len(number)) for k in range(3)) for q in range(3)], axis=1
        )
        n = around[at].sum(axis=1)
    return np.asarray(n @ normal / np.maximum(np.linalg.norm(n, axis=1), 1e-12))


def _extent(paint: SurfacePaint) -> tuple[UInt8, Float32]:
    """The mask a little wider, for paint to be cut out of by what each frame shows; and (rows, columns, 2) 0..1, in
    cells of about EXTENT_M, whether the surface is there by the mask itself, and how surely: not beside its outline.

    Masks end at things that lie in a surface (frames, skirting boards) only about right, and things that stand out of
    it hide a little more or less of it from every place. A region's soft border is meant as it is.
    """
    import cv2

    raster = paint.raster
    if paint.mode == "inpaint":
        return paint.mask, np.ones((1, 1, 2), dtype=np.float32)
    m = raster.metres_per_pixel
    ring = 2 * max(1, round(EDGE_M / m)) + 1
    wide = cv2.dilate(paint.mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (ring, ring)))
    factor = max(1, round(EXTENT_M / m))
    size = (-(-raster.width // factor), -(-raster.height // factor))
    there = cv2.resize(paint.mask.astype(np.float32) / 255, size, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(there, (0, 0), EDGE_M / (m * factor))
    return np.asarray(wide, np.uint8), np.dstack([there, (2 * soft - 1) ** 2]).astype(np.float32)


def _forgive(on: Float32, sure: Float32, against: UInt8) -> None:
    """Readings before a scanned surface that are noise, since as many lie beyond it, are the surface; in place."""
    import cv2

    from .painted_matte_kernels import BEYOND, NEARER

    beyond, nearer = against == BEYOND, against == NEARER
    if not beyond.any():
        return
    size = (2 * round(on.shape[1] / NOISE_WINDOW) + 1,) * 2
    rate, found = (cv2.blur(a.astype(np.float32), size) for a in (beyond, nearer))
    chance = np.minimum(rate / np.maximum(found, 1e-6), 1)
    noise = nearer & (chance > on)
    on[noise], sure[noise] = chance[noise], 0.4 * chance[noise]
    on[beyond] = 1.0


def _drop_specks(refined: Float32, sure: Float32) -> None:
    """Small parts that colour alone takes for the surface, where depth says nothing of any of it, are none: black
    fronts and mirrors look like it in places; in place."""
    import cv2

    from .painted_matte_kernels import ELSEWHERE

    n, parts, stats, _ = cv2.connectedComponentsWithStats((refined > 0.05).astype(np.uint8), connectivity=8)
    at = sure > np.float32(2 * ELSEWHERE)
    known = np.bincount(parts[at], refined[at] > 0.5, n)
    area = stats[:, cv2.CC_STAT_AREA]
    speck = (known < SPECK_KNOWN * area) & (area < (SPECK * refined.shape[1]) ** 2)
    speck[0] = False
    if speck.any():
        refined[speck[parts]] = 0


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
