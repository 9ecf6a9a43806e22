"""Which places of a scene come into view once things are taken out of it: only those need to be made up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, Mesh, OrientedBox, Scene
from sceneforge.core.arrays import Float32, Float64, UInt8

from .erased_sheets import SKIN_M
from .kernels import rays_where
from .planes import triangulated
from .region import bounds_on_screen, merged
from .room_view import intrinsics
from .tracing import Tracer

REACH = 4
"""Coarse pixels by which a thing's outline is widened there: what is put in its place has a rim."""
WIDTH = 200
"""Pixels across of the coarse pictures that are looked at."""
ENCLOSED = 0.5
"""Share of its outline that a thing's own pixels must hold for a part without depth to be the thing's."""
GROWN_M = 0.08
"""Boxes are grown by this much: a thing's scanned surface frays about them, and so does its outline in pictures."""


class Uncovered:
    """What a camera sees through the place where things were.

    Args:
        left: The scene without them, its outlines closed.
        things: Their part of the mesh.
        boxes: Where they were.
    """

    def __init__(self, left: Scene, things: Mesh, boxes: tuple[OrientedBox, ...]) -> None:
        assert left.mesh is not None
        self._things = Tracer(things.vertices, things.faces)
        self._mesh = Tracer(left.mesh.vertices, left.mesh.faces)
        vertices, faces, owner, count = [np.zeros((0, 3), np.float32)], [np.zeros((0, 3), np.int32)], [], 0
        for n, plane in enumerate(left.planes):
            v, f = triangulated(plane)
            vertices.append(v)
            faces.append(f + count)
            owner.append(np.full(len(f), n))
            count += len(v)
        self._planes = Tracer(np.concatenate(vertices), np.concatenate(faces))
        self._owner = np.concatenate([*owner, [-1]]).astype(np.int64)
        self._boxes = boxes

    def __call__(self, camera: Camera, T_world_camera: Float64) -> tuple[Float64, NDArray[np.int64]]:
        """World points (n, 3) that come into view, and the number (n,) of each one's plane, -1 = scanned surface."""
        small = camera.resized(WIDTH, max(round(camera.height * WIDTH / camera.width), 1))
        points, planes = [np.zeros((0, 3))], [np.zeros(0, np.int64)]
        found = [bounds_on_screen(b.corners, small, T_world_camera, 4) for b in self._boxes]
        for rect in merged([r for r in found if r is not None]):
            R, origin = np.ascontiguousarray(T_world_camera[:3, :3]), np.ascontiguousarray(T_world_camera[:3, 3])
            whole = np.ones((rect.y1 - rect.y0, rect.x1 - rect.x0), np.uint8)
            rays, _ = rays_where(whole, rect.x0, rect.y0, intrinsics(small), R, origin)
            mesh, _, _ = self._mesh.first_hits(rays)
            hidden = self._hidden(rays, mesh, whole.shape)
            rays, mesh = rays[hidden], mesh[hidden]
            plane, face, _ = self._planes.first_hits(rays)
            on_plane = plane < mesh + SKIN_M
            depth = np.where(on_plane, plane, mesh)
            shown = np.isfinite(depth)
            number = np.where(on_plane, self._owner[np.minimum(face, len(self._owner) - 1)], -1)
            points.append((rays[:, :3].astype(np.float64) + np.where(shown, depth, 0)[:, None] * rays[:, 3:])[shown])
            planes.append(number[shown])
        return np.concatenate(points), np.concatenate(planes)

    def _hidden(self, rays: Float32, mesh: Float32, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """(N,) whether a thing stands before what rays (N, 6), those of a picture of this shape, meet without it."""
        import cv2

        thing, _, _ = self._things.first_hits(rays)
        core = (np.isfinite(thing) & (thing < mesh + 0.01)).reshape(shape).astype(np.uint8)
        wide = np.asarray(cv2.dilate(core, np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)), dtype=np.uint8)
        start = entering(rays, self._boxes, GROWN_M)
        inside = np.isfinite(start) & ~(mesh < start)
        rest = (inside & (wide.ravel() == 0)).reshape(shape).astype(np.uint8)
        return np.asarray((enclosed(wide, rest).ravel() > 0) & inside)


def entering(rays: Float32, boxes: tuple[OrientedBox, ...], grown: float = 0.0) -> Float64:
    """(N,) direction lengths at which rays (N, 6) enter the first of the boxes, grown on all sides; inf = none.

    The slab test of Kay and Kajiya (SIGGRAPH 1986), in each box's frame.
    """
    first = np.full(len(rays), np.inf)
    for b in boxes:
        R, half = b.T_world_box[:3, :3], b.size / 2 + grown
        p, d = (rays[:, :3] - b.T_world_box[:3, 3]) @ R, rays[:, 3:].astype(np.float64) @ R
        with np.errstate(divide="ignore", invalid="ignore"):
            t0, t1 = (-half - p) / d, (half - p) / d
        near, far = np.fmin(t0, t1).max(axis=1), np.fmax(t0, t1).min(axis=1)
        through = (near <= far) & (far > 0)
        first[through] = np.minimum(first[through], np.maximum(near[through], 0))
    return first


def enclosed(core: UInt8, blind: UInt8) -> UInt8:
    """The thing's pixels, with those among `blind` that they mostly surround: dark screens that no sensor sees."""
    import cv2

    count, parts = cv2.connectedComponents(blind, connectivity=4)
    if count < 2:
        return core
    rim = cv2.dilate(parts.astype(np.float32), np.ones((3, 3), np.uint8)).astype(np.int64) * (blind == 0)
    around = np.bincount(rim.ravel(), minlength=count)
    mine = np.bincount(rim.ravel(), (core > 0).ravel(), minlength=count)
    held = mine > ENCLOSED * np.maximum(around, 1)
    held[0] = False
    return np.asarray(np.maximum(core, held[parts]), dtype=np.uint8)
