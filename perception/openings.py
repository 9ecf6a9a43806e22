"""Doors, windows and passages: rectangles of a wall where the wall itself is not, found from geometry.

A cell of a wall counts as open when cameras looked at it and no surface came back there (glass, black leaves, a
passage), or when the surface lies behind the wall (reveals, niches, door leaves). Where the capture says nothing of
cameras, an unseen cell counts as open when nothing stands before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, Label, Mesh
from sceneforge.core.arrays import Float64

from .enclosure import Stretch
from .surfels import SurfaceSamples
from .wall_lines import CELL_M, Mask

FLUSH_M = 0.035
"""Closer to the plane than this is the wall: walls bow, plaster is thick."""
BEHIND_M = 0.6
"""Reveals and niches are no deeper; what lies farther behind is another place seen through the opening."""
BEFORE_M = 0.8
"""Furniture this close before a wall hides it."""
MAX_VIEWS = 32
MAX_RANGE_M = 4.0
"""Depth cameras are silent about far walls whatever they are made of."""
MIN_LOOKS = 2
MIN_SIDE_M = 0.4
MIN_OPENING_M2 = 0.25


@dataclass(frozen=True)
class Views:
    """From where the capture was made."""

    camera: Camera
    """The depth camera."""
    T_world_camera: Float64
    """(N, 4, 4) camera-to-world."""


@dataclass(frozen=True)
class Opening:
    """A rectangle on a wall: local x from `left` to `right`, heights above the floor from `bottom` to `top`."""

    label: Label
    left: float
    right: float
    bottom: float
    top: float
    confidence: float
    """0..1."""
    depth_m: float = 0.0
    """How far the surface in it lies behind the wall; 0 where none was seen."""

    def overlaps(self, other: Opening) -> bool:
        """Whether two rectangles share more than a fifth of the smaller one."""
        w = min(self.right, other.right) - max(self.left, other.left)
        h = min(self.top, other.top) - max(self.bottom, other.bottom)
        return w > 0 and h > 0 and w * h > 0.2 * min(self.area_m2, other.area_m2)

    @property
    def area_m2(self) -> float:
        """Width times height."""
        return (self.right - self.left) * (self.top - self.bottom)


class Sight:
    """What can be seen from where: rays against the scanned surface."""

    def __init__(self, mesh: Mesh, views: Views | None) -> None:
        self.mesh = mesh
        self.views = views

    @cached_property
    def _caster(self) -> Any:
        import open3d as o3d

        caster = o3d.t.geometry.RaycastingScene()
        faces = self.mesh.faces.astype(np.uint32)
        caster.add_triangles(o3d.core.Tensor(self.mesh.vertices.astype(np.float32)), o3d.core.Tensor(faces))
        return caster

    def distance(self, origins: Float64, directions: Float64) -> Float64:
        """(N,) distance in units of the directions' length to the first surface; inf where there is none."""
        import open3d as o3d

        if not len(origins) or not len(self.mesh.faces):
            return np.full(len(origins), np.inf)
        rays = np.concatenate([origins, directions], axis=1).astype(np.float32)
        return np.asarray(self._caster.cast_rays(o3d.core.Tensor(rays))["t_hit"].numpy(), dtype=np.float64)

    def looks(self, points: Float64, normal: Float64) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How often each point (N, 3) of a wall was looked at, and how often the look went on beyond it by 0.5 m."""
        looks, through = np.zeros(len(points), np.int64), np.zeros(len(points), np.int64)
        if self.views is None:
            return looks, through
        camera, poses = self.views.camera, self.views.T_world_camera
        for k in np.unique(np.linspace(0, len(poses) - 1, min(len(poses), MAX_VIEWS)).astype(int)):
            T = poses[k]
            local = (points - T[:3, 3]) @ T[:3, :3]
            z = np.maximum(local[:, 2], 1e-6)
            u, v = camera.fx * local[:, 0] / z + camera.cx, camera.fy * local[:, 1] / z + camera.cy
            towards = points - T[:3, 3]
            range_ = np.linalg.norm(towards, axis=1)
            inside = (local[:, 2] > 0.3) & (range_ < MAX_RANGE_M)
            inside &= (u > 0.03 * camera.width) & (u < 0.97 * camera.width)
            inside &= (v > 0.03 * camera.height) & (v < 0.97 * camera.height)
            inside &= -(towards @ normal) > 0.25 * range_
            at = np.flatnonzero(inside)
            hit = self.distance(np.broadcast_to(T[:3, 3], (len(at), 3)), towards[at]) * range_[at]
            before = (range_[at] - hit) * (-(towards[at] @ normal) / range_[at])
            looks[at[before < FLUSH_M]] += 1
            through[at[np.isfinite(hit) & (hit > range_[at] + 0.5)]] += 1
        return looks, through

    def free_space(self) -> list[Any]:
        """Shapely areas in plan that cameras saw across: fans at camera height, each ray up to the first surface."""
        import shapely

        if self.views is None:
            return []
        camera, poses = self.views.camera, self.views.T_world_camera
        half = np.arctan2(max(camera.cx, camera.width - camera.cx), camera.fx)
        turns = np.linspace(-half, half, 31)
        fans = []
        for k in np.unique(np.linspace(0, len(poses) - 1, min(len(poses), 2 * MAX_VIEWS)).astype(int)):
            ahead, eye = poses[k][[0, 2], 2], poses[k][:3, 3]
            if np.linalg.norm(ahead) < 0.5:
                continue  # looks up or down: its rays would not be level
            angle = np.arctan2(ahead[1], ahead[0]) + turns
            rays = np.stack([np.cos(angle), np.zeros(len(angle)), np.sin(angle)], axis=1)
            reach = self.distance(np.broadcast_to(eye, rays.shape), rays)
            reach = np.where(reach < MAX_RANGE_M + 0.5, reach, 0.0)
            fan = shapely.Polygon([eye[[0, 2]], *(eye[[0, 2]] + rays[:, [0, 2]] * reach[:, None])])
            fans.append(fan.buffer(0.05).simplify(0.03))
        return fans

    def free_before(self, points: Float64, normal: Float64) -> Mask:
        """Whether nothing stands within 0.8 m before points (N, 3) of a wall."""
        n = np.broadcast_to(normal, points.shape)
        return np.asarray(self.distance(points + 0.07 * n, n) > BEFORE_M)


def find_openings(s: Stretch, height_m: float, samples: SurfaceSamples, sight: Sight) -> list[Opening]:
    """Openings of a wall, largest first.

    Args:
        s: The wall from end to end.
        height_m: Its height.
        samples: The surface.
        sight: Rays against it.
    """
    import cv2

    grid = _Grid(s, height_m, samples)
    looks, through = sight.looks(grid.points, s.line.T[:3, 1])
    looks, through = looks.reshape(grid.shape), through.reshape(grid.shape)
    recess = grid.depth < -FLUSH_M
    unseen = np.isnan(grid.depth)
    if sight.views is None:
        unseen &= sight.free_before(grid.points, s.line.T[:3, 1]).reshape(grid.shape)
    else:
        unseen &= looks >= MIN_LOOKS
    found: list[Opening] = []
    flat = ~np.isnan(grid.depth) & ~recess
    for mask in (unseen | recess, recess):
        solid = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        solid = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((4, 4), np.uint8))
        count, component = cv2.connectedComponents(solid, connectivity=4)
        for c in range(1, count):
            o = _opening(component == c, flat, grid, through > 0)
            if o is not None and not any(o.overlaps(f) for f in found):
                found.append(o)
    return sorted(found, key=lambda o: (-o.area_m2, o.left, o.bottom))


class _Grid:
    """Cells of a wall from its left end and the floor up, with the depth of the surface in each."""

    def __init__(self, s: Stretch, height_m: float, samples: SurfaceSamples) -> None:
        line = s.line
        rows = max(round(height_m / CELL_M), 1)
        columns = max(round((s.stop - s.start) / CELL_M), 1)
        self.start, self.shape = s.start, (rows, columns)
        x = s.start + (np.arange(columns) + 0.5) * CELL_M
        h = (np.arange(rows) + 0.5) * CELL_M
        X, H = np.meshgrid(x, h)
        local = np.stack([X.ravel(), np.zeros(X.size), -H.ravel()], axis=1)
        self.points = local @ line.T[:3, :3].T + line.T[:3, 3]
        p = (samples.points - line.T[:3, 3]) @ line.T[:3, :3]
        near = (p[:, 1] > -BEHIND_M) & (p[:, 1] < 2 * FLUSH_M) & (samples.normals @ line.T[:3, 1] > 0.5)
        column = np.floor((p[:, 0] - s.start) / CELL_M).astype(np.int64)
        row = np.floor(-p[:, 2] / CELL_M).astype(np.int64)
        near &= (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        depth = np.full(rows * columns, -np.inf)
        np.maximum.at(depth, row[near] * columns + column[near], p[near, 1])
        depth[np.isinf(depth)] = np.nan
        self.depth = depth.reshape(rows, columns)


def _opening(mask: Mask, flat: Mask, grid: _Grid, through: Mask) -> Opening | None:
    """The rectangle in a component, if it is one and the wall goes on around it."""
    across, upward = mask.sum(axis=0), mask.sum(axis=1)
    wide = np.flatnonzero(across > 0.5 * np.percentile(across[across > 0], 90))
    tall = np.flatnonzero(upward > 0.5 * np.percentile(upward[upward > 0], 90))
    left, right, bottom, top = wide[0], wide[-1] + 1, tall[0], tall[-1] + 1
    inner = mask[bottom:top, left:right]
    w, h = (right - left) * CELL_M, (top - bottom) * CELL_M
    if min(w, h) < MIN_SIDE_M or w * h < MIN_OPENING_M2 or inner.mean() < 0.7:
        return None
    sides = [
        flat[bottom:top, max(left - 3, 0) : left],
        flat[bottom:top, right : right + 3],
        flat[top : top + 3, left:right],
    ]
    framed = [s.size > 0 and float(s.any(axis=0 if k == 2 else 1).mean()) > 0.5 for k, s in enumerate(sides)]
    if sum(framed) < 2 or not (framed[0] or framed[1]):
        return None
    below = flat[max(bottom - 3, 0) : bottom, left:right]
    standing = below.size > 0 and float(below.any(axis=0).mean()) > 0.5
    if bottom * CELL_M > 0.25 and not standing and top * CELL_M < 1.7:
        return None  # the shadow of something that stands before the wall: a screen on its desk
    depth = grid.depth[bottom:top, left:right][inner]
    behind = depth[~np.isnan(depth)]
    recessed = float(-np.median(behind)) if len(behind) > 0.3 * inner.size else 0.0
    seen_through = float(through[bottom:top, left:right].mean()) > 0.4
    label, confidence = _kind(bottom * CELL_M, top * CELL_M, w, recessed, seen_through, sum(framed))
    if label is None:
        return None
    x = grid.start + np.array([left, right]) * CELL_M
    low = 0.0 if bottom * CELL_M < 0.2 else bottom * CELL_M
    return Opening(label, float(x[0]), float(x[1]), low, top * CELL_M, confidence, max(recessed, 0.0))


def _kind(
    bottom: float, top: float, width: float, recessed: float, seen_through: bool, framed: int
) -> tuple[Label | None, float]:
    """Name of an opening by its measures (doors are 1.75-2.6 m high and reach the floor), and how sure that is."""
    sure = 0.55 + 0.1 * framed
    if bottom < 0.25:
        if not 1.7 < top < 2.75 or width < 0.55:
            return (Label.OPENING, sure - 0.1) if top >= 1.7 and seen_through and width >= 0.55 else (None, 0.0)
        if seen_through and width > 1.4:
            return Label.OPENING, sure
        if width <= 2.4:
            return Label.DOOR, sure if width < 1.4 else sure - 0.15
        return Label.WINDOW, sure - 0.25
    if 0.3 <= bottom < 1.9 and top > 1.2:
        # A shallow recess without a hole may be a niche as well.
        return Label.WINDOW, sure - (0.2 if recessed > 0 else 0.0)
    return None, 0.0


def merged(found: Sequence[Opening], others: Sequence[Opening]) -> list[Opening]:
    """`found` and those of `others` that overlap none of them."""
    out = list(found)
    for o in others:
        if not any(o.overlaps(f) for f in out):
            out.append(o)
    return out
