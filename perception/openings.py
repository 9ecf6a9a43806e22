"""Doors, windows and passages: rectangles of a wall where the wall itself is not, found from geometry.

A cell of a wall counts as open when cameras looked at it and no surface came back there (glass, black leaves, a
passage), or when the surface lies behind the wall (reveals, niches, door leaves). Where the capture says nothing of
cameras, an unseen cell counts as open when nothing stands before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, Label, Mesh
from sceneforge.core.arrays import Float64
from sceneforge.core.color import LUMINANCE

from .caster import Caster
from .enclosure import Stretch
from .surfels import SurfaceSamples
from .wall_lines import CELL_M, Mask, near_plane
from .wall_views import KeptView, WallSight, look_at_wall

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
NICHE_M = 0.12
"""Reveals of doors and windows are shallower."""
DARK = 0.7
"""Panes are seldom darker than this times the wall they are in, by day."""
DAYLIGHT = 1.25
"""Much lighter than the wall."""
HIDDEN_CELLS = 8
"""A window goes on behind what hides up to 40 cm of it."""
SAME_SILL_M = 0.12
BARS_CELLS = 5
"""Panes of one window are parted by bars up to 20 cm wide."""
MIN_SIDE_M = 0.4
MIN_OPENING_M2 = 0.25


@dataclass(frozen=True)
class Views:
    """From where the capture was made."""

    cameras: tuple[Camera, ...]
    """The depth camera of each of the N frames: a capture may zoom, refocus or mix cameras."""
    T_world_camera: Float64
    """(N, 4, 4) camera-to-world."""
    kept: Mapping[int, KeptView] = field(default_factory=dict)
    """Some of the pictures, by index into the poses."""
    range_m: float = 4.5
    """How far depth readings were used."""


@dataclass(frozen=True)
class Opening:
    """A rectangle on a wall: local x from `left` to `right`, heights above the floor from `bottom` to `top`."""

    label: Label | None
    """OTHER for a niche, which is cut out of the wall and nothing by itself; None = no name fits."""
    left: float
    right: float
    bottom: float
    top: float
    confidence: float
    """0..1."""
    depth_m: float = 0.0
    """How far the surface in it lies behind the wall; 0 where none was seen."""
    set_back_m: float = 0.0
    """How far behind the wall its own frame lies: a window at the back of a niche."""
    top_seen: bool = True
    """False where its height is that of a window beside it."""

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

    def __init__(self, mesh: Mesh, views: Views | None, caster: Caster | None = None) -> None:
        self.mesh = mesh
        self.views = views
        self._caster = caster or Caster(mesh)

    def distance(self, origins: Float64, directions: Float64) -> Float64:
        """(N,) distance in units of the directions' length to the first surface; inf where there is none."""
        return self._caster.hits(origins, directions)[0].astype(np.float64)

    def pictures(self, points: Float64, normal: Float64) -> WallSight | None:
        """What the kept pictures show at points (N, 3) of a wall; None without pictures."""
        if self.views is None or not self.views.kept:
            return None
        poses = [self.views.T_world_camera[k] for k in self.views.kept]
        return look_at_wall(points, normal, list(self.views.kept.values()), poses, self.reach)

    @cached_property
    def reach(self) -> float:
        """How far the sensor really measured: farther off it is silent about everything."""
        assert self.views is not None
        readings = [v.depth[v.depth > 0] for v in self.views.kept.values()]
        longest = [float(np.quantile(r, 0.999)) for r in readings if len(r)]
        return min(self.views.range_m, max(longest, default=0.0))

    def looks(self, points: Float64, normal: Float64) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How often each point (N, 3) of a wall was looked at, and how often the look went on beyond it by 0.5 m."""
        looks, through = np.zeros(len(points), np.int64), np.zeros(len(points), np.int64)
        if self.views is None:
            return looks, through
        poses = self.views.T_world_camera
        for k in np.unique(np.linspace(0, len(poses) - 1, min(len(poses), MAX_VIEWS)).astype(int)):
            T, camera = poses[k], self.views.cameras[k]
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
        poses = self.views.T_world_camera
        fans = []
        for k in np.unique(np.linspace(0, len(poses) - 1, min(len(poses), 2 * MAX_VIEWS)).astype(int)):
            camera, ahead, eye = self.views.cameras[k], poses[k][[0, 2], 2], poses[k][:3, 3]
            if np.linalg.norm(ahead) < 0.5:
                continue  # looks up or down: its rays would not be level
            half = np.arctan2(max(camera.cx, camera.width - camera.cx), camera.fx)
            angle = np.arctan2(ahead[1], ahead[0]) + np.linspace(-half, half, 31)
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
        height_m: Its height from its lowest foot.
        samples: The surface.
        sight: Rays against it.
    """
    grid = _Grid(s, height_m, samples)
    seen = _Evidence(grid, s, sight)
    panes = seen.rectangles(seen.open, seen.flat | seen.recess)
    gaps = seen.rectangles(seen.open | seen.recess, seen.flat) + seen.rectangles(seen.recess, seen.flat)
    found: list[Opening] = []
    for o in gaps:
        inner = [p for p in panes if p.overlaps(o)]
        if o.depth_m > NICHE_M and any(p.label is Label.WINDOW and p.area_m2 < 0.8 * o.area_m2 for p in inner):
            o = replace(o, label=Label.OTHER)
        if o.label is not None and not any(o.overlaps(f) for f in found):
            found.append(o)
    niches = [f for f in found if f.label is Label.OTHER]
    for p in panes:
        if p.label is not None and not any(p.overlaps(f) for f in found if f not in niches):
            found.append(p)
    found = [seen.beside_sisters(o, found) for o in found]
    return sorted(found, key=lambda o: (-o.area_m2, o.left, o.bottom))


class _Grid:
    """Cells of a wall from its left end and the floor up, with the depth of the surface in each."""

    def __init__(self, s: Stretch, height_m: float, samples: SurfaceSamples) -> None:
        line = s.line
        rows = max(round(height_m / CELL_M), 1)
        columns = max(round((s.stop - s.start) / CELL_M), 1)
        self.start, self.shape, self.base = s.start, (rows, columns), s.base
        self.sill = np.array([s.sill(s.start + (k + 0.5) * CELL_M) - s.base for k in range(columns)])
        x = s.start + (np.arange(columns) + 0.5) * CELL_M
        h = s.base + (np.arange(rows) + 0.5) * CELL_M
        X, H = np.meshgrid(x, h)
        local = np.stack([X.ravel(), np.zeros(X.size), -H.ravel()], axis=1)
        self.points = local @ line.T[:3, :3].T + line.T[:3, 3]
        p = near_plane(samples, line.T, (-BEHIND_M, 2 * FLUSH_M), 0.5)
        column = np.floor((p[:, 0] - s.start) / CELL_M).astype(np.int64)
        row = np.floor((-p[:, 2] - s.base) / CELL_M).astype(np.int64)
        near = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        depth = np.full(rows * columns, -np.inf)
        np.maximum.at(depth, row[near] * columns + column[near], p[near, 1])
        depth[np.isinf(depth)] = np.nan
        self.depth = depth.reshape(rows, columns)


class _Evidence:
    """What is known of each cell of a wall: flush surface, surface behind it, or nothing although it was looked at."""

    def __init__(self, grid: _Grid, s: Stretch, sight: Sight) -> None:
        normal = s.line.T[:3, 1]
        self.grid = grid
        self.recess = grid.depth < -FLUSH_M
        self.flat = ~np.isnan(grid.depth) & ~self.recess
        unseen = np.isnan(grid.depth)
        looks, through = (a.reshape(grid.shape) for a in sight.looks(grid.points, normal))
        self.through = through > 0
        self.bright: Float64 | None = None
        self.unknown = np.zeros(grid.shape, bool)
        pictures = sight.pictures(grid.points, normal)
        if sight.views is None:
            self.open = unseen & sight.free_before(grid.points, normal).reshape(grid.shape)
        elif pictures is None:
            self.open = unseen & (looks >= MIN_LOOKS)
        else:
            count = pictures.looks.reshape(grid.shape)
            empty = (pictures.silent + pictures.beyond).reshape(grid.shape)
            self.open = unseen & (count >= MIN_LOOKS) & (empty > 0.7 * count)
            self.unknown = unseen & (count < MIN_LOOKS)
            gray = (pictures.color @ LUMINANCE).reshape(grid.shape)
            plain = float(np.median(gray[self.flat & (count > 0)])) if (self.flat & (count > 0)).any() else 128.0
            clipped = pictures.clipped.reshape(grid.shape) > 0.3 * np.maximum(count, 1)
            self.bright = np.where(clipped, 2.0, gray / max(plain, 1.0))

    def rectangles(self, mask: Mask, solid: Mask) -> list[Opening]:
        """Rectangles of a mask that `solid` frames, largest first; label None for those without a name."""
        import cv2

        closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        if self.bright is not None:
            panes = (mask & (self.bright > DAYLIGHT)).astype(np.uint8)
            joined = cv2.morphologyEx(panes, cv2.MORPH_CLOSE, np.ones((BARS_CELLS, BARS_CELLS), np.uint8))
            closed = cv2.max(closed, joined)
        closed = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((4, 4), np.uint8))
        # What stands before the wall parts a window without ending it.
        reach = cv2.dilate(closed, np.ones((3, 3), np.uint8), iterations=HIDDEN_CELLS) & self.unknown.astype(np.uint8)
        count, component = cv2.connectedComponents(closed | reach, connectivity=4)
        found = []
        for c in range(1, count):
            mine = (component == c) & (closed > 0)
            o = self._rectangle(mine, component == c, solid) if mine.any() else None
            if o is not None:
                found.append(o)
        return sorted(found, key=lambda o: (-o.area_m2, o.left, o.bottom))

    def beside_sisters(self, o: Opening, found: Sequence[Opening]) -> Opening:
        """A window as high as its sisters in the same wall, where nothing but things before it hides its upper part.

        Sisters stand on one sill. What is known to be wall stops it.
        """
        if o.label is not Label.WINDOW:
            return o
        tops = [
            f.top for f in found if f.label is Label.WINDOW and f is not o and abs(f.bottom - o.bottom) < SAME_SILL_M
        ]
        grid = self.grid
        columns = slice(*(round((x - grid.start) / CELL_M) for x in (o.left, o.right)))
        for top in sorted((t for t in tops if t > o.top + 2 * CELL_M), reverse=True):
            above = slice(*(round((y - grid.base) / CELL_M) for y in (o.top, top)))
            if not self.flat[above, columns].size or self.flat[above, columns].mean() < 0.15:
                return replace(o, top=top, top_seen=False, confidence=round(max(o.confidence - 0.1, 0.3), 4))
        return o

    def _rectangle(self, mask: Mask, spread: Mask, solid: Mask) -> Opening | None:
        """The rectangle in a component, if it is one and the wall goes on around it."""
        grid = self.grid
        across, upward = mask.sum(axis=0), mask.sum(axis=1)
        wide = np.flatnonzero(across > 0.5 * np.percentile(across[across > 0], 90))
        tall = np.flatnonzero(upward > 0.5 * np.percentile(upward[upward > 0], 90))
        left, right, bottom, top = int(wide[0]), int(wide[-1]) + 1, int(tall[0]), int(tall[-1]) + 1
        inner = mask[bottom:top, left:right]
        foot = float(np.median(grid.sill[left:right]))
        low, high = bottom * CELL_M - foot, top * CELL_M - foot  # over the floor that a door would stand on
        filled = (inner | spread[bottom:top, left:right]).mean()
        w, h = (right - left) * CELL_M, (top - bottom) * CELL_M
        if min(w, h) < MIN_SIDE_M or w * h < MIN_OPENING_M2 or filled < 0.7 or inner.mean() < 0.45:
            return None
        sides = [
            solid[bottom:top, max(left - 3, 0) : left],
            solid[bottom:top, right : right + 3],
            solid[top : top + 3, left:right],
        ]
        framed = [e.size > 0 and float(e.any(axis=0 if k == 2 else 1).mean()) > 0.5 for k, e in enumerate(sides)]
        below = solid[max(bottom - 3, 0) : bottom, left:right]
        standing = below.size > 0 and float(below.any(axis=0).mean()) > 0.5
        bright = None if self.bright is None else float(np.median(self.bright[bottom:top, left:right][inner]))
        # Daylight between a sill and a pier is a window even where its other sides were not seen.
        daylit = bright is not None and bright > DAYLIGHT and standing and low > 0.3
        if not (framed[0] or framed[1]) or (sum(framed) < 2 and not daylit):
            return None
        if low > 0.25 and not standing and high < 1.7:
            return None  # the shadow of something that stands before the wall: a screen on its desk
        depth = grid.depth[bottom:top, left:right][inner]
        behind = depth[~np.isnan(depth)]
        recessed = float(-np.median(behind)) if len(behind) > 0.3 * inner.size else 0.0
        seen_through = float(self.through[bottom:top, left:right].mean()) > 0.4
        ring = np.concatenate([e.ravel() for e in _around(grid.depth, left, right, bottom, top)])
        frame = -ring[ring < -FLUSH_M]
        across = [e.any(axis=1) for e in (self.recess[bottom:top, max(x - 3, 0) : x + 3] for x in (left, right))]
        upward = [e.any(axis=0) for e in (self.recess[max(y - 3, 0) : y + 3, left:right] for y in (bottom, top))]
        reveal = float(np.mean([e.mean() for e in (*across, *upward)])) > 0.5
        seen_as = None if reveal else bright  # cupboards stand out from a wall and have no reveal
        label, confidence = _kind(low, high, w, recessed, seen_through, sum(framed), seen_as)
        set_back = float(np.median(frame)) if len(frame) > 0.5 * np.count_nonzero(~np.isnan(ring)) else 0.0
        x = grid.start + np.array([left, right]) * CELL_M
        low = (0.0 if low < 0.2 else low) + foot + grid.base
        set_back = set_back if set_back > NICHE_M and label is Label.WINDOW else 0.0
        return Opening(
            label,
            float(x[0]),
            float(x[1]),
            low,
            top * CELL_M + grid.base,
            confidence,
            max(recessed, 0.0),
            round(set_back, 4),
        )


def _around(a: Float64, left: int, right: int, bottom: int, top: int) -> tuple[Float64, ...]:
    """The three cells to each side of a rectangle of rows and columns."""
    return (
        a[bottom:top, max(left - 3, 0) : left],
        a[bottom:top, right : right + 3],
        a[top : top + 3, left:right],
        a[max(bottom - 3, 0) : bottom, left:right],
    )


def _kind(
    bottom: float, top: float, width: float, recessed: float, seen_through: bool, framed: int, bright: float | None
) -> tuple[Label | None, float]:
    """Name of an opening by its measures (doors are 1.75-2.6 m high and reach the floor), and how sure that is.

    `bright` is its lightness over the wall's: what is silent, dark and off the floor is a screen or a cupboard.
    """
    sure = 0.55 + 0.1 * framed
    if bottom < 0.25:
        if not 1.7 < top < 2.75 or width < 0.55:
            tall = framed == 3 and 2.75 <= top < 4.5 and 1.9 < top / width < 2.7  # a door of a scan of another scale
            passage = top >= 1.7 and seen_through and width >= 0.55
            return (Label.OPENING, sure - 0.1) if passage or tall else (None, 0.0)
        if seen_through and width > 1.4:
            return Label.OPENING, sure
        if width <= 2.4:
            return Label.DOOR, sure if width < 1.4 else sure - 0.15
        return Label.WINDOW, sure - 0.25
    if 0.3 <= bottom < 1.9 and top > 1.2 and (bright is None or bright > DARK or seen_through or recessed > 0):
        # A shallow recess without a hole may be a niche as well.
        return Label.WINDOW, sure - (0.2 if recessed > 0 else 0.0)
    return None, 0.0


def merged(found: Sequence[Opening], others: Sequence[Opening]) -> list[Opening]:
    """`found` and those of `others` that overlap none of them.

    Glass without a reading is only the middle of a door whose frame the pictures show: then the frame's outline counts.
    """
    out = list(found)
    for o in others:
        over = [k for k, f in enumerate(out) if o.overlaps(f) and f.label is not Label.OTHER]
        if not over:
            out.append(o)
        elif len(over) == 1 and o.label is Label.DOOR and out[over[0]].label in (Label.DOOR, Label.WINDOW):
            f = out[over[0]]
            w, h = min(o.right, f.right) - max(o.left, f.left), min(o.top, f.top) - max(o.bottom, f.bottom)
            if w * h > 0.85 * f.area_m2 and 1.15 * f.area_m2 < o.area_m2 < 2.5 * f.area_m2:
                out[over[0]] = replace(o, confidence=max(o.confidence, f.confidence), depth_m=f.depth_m)
    return out
