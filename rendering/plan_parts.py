"""What a plan says beside outlines: which parts of walls and floors were seen, and where a ceiling slopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sceneforge.core import Label, Mesh, Plane, Scene
from sceneforge.core.arrays import Float32, Float64, runs

CELL_M = 0.05
ON_M = 0.1
"""Scanned walls and floors bow by centimetres."""
FACING = 0.7
MAX_STEPS = 200
"""Triangles are looked at in no more steps than this along a side."""
LEAST_SPAN_M, LEAST_AREA_M2 = 0.2, 0.08
"""Smaller gaps in what was seen are not worth a mark."""
NICHE_M = 0.6
VERTICAL = (Label.WALL, Label.INNER_WALL, Label.DOOR, Label.WINDOW, Label.OPENING)
SLOPE_DEG = (5.0, 80.0)
HEADROOM_M = 2.0
"""Under a slope, the line where the ceiling is this high is drawn: farther in one can stand."""
OVERHEAD_M = 2.0
"""A plan is cut at this height: lamps and the undersides of shelves are left out."""


def is_level(plane: Plane) -> bool:
    """Whether a plane faces up or down within 25 degrees."""
    return abs(float(plane.normal[1])) > 0.9


def wall_line(plane: Plane) -> Float64:
    """(2, 2) ends [x, z] of an upright plane seen from above."""
    xz = plane.to_world(plane.polygon)[:, [0, 2]]
    along = plane.T_world_plane[[0, 2], 0] if abs(plane.T_world_plane[1, 0]) < 0.7 else plane.T_world_plane[[0, 2], 2]
    along = along / max(float(np.linalg.norm(along)), 1e-9)
    s = (xz - xz.mean(axis=0)) @ along
    return np.asarray(xz.mean(axis=0) + np.outer([s.min(), s.max()], along))


def outline(plane: Plane) -> Float64:
    """(K, 2) world [x, z] of a plane's polygon."""
    return np.asarray(plane.to_world(plane.polygon)[:, [0, 2]])


def plan_turn(scene: Scene) -> Float64:
    """(2, 2) rotation that lays the smallest rectangle around the floors (else the walls) level."""
    import shapely

    shapes = [outline(p) for p in scene.planes_labelled(Label.FLOOR)] or [
        wall_line(p) for p in scene.planes if p.label in VERTICAL
    ]
    if not shapes:
        return np.eye(2)
    walls = [wall_line(p) for p in scene.planes if p.label == Label.WALL]
    if walls:
        longest = max(walls, key=lambda w: float(np.linalg.norm(w[1] - w[0])))
        d = longest[1] - longest[0]
    else:
        box = shapely.MultiPoint(np.concatenate(shapes)).minimum_rotated_rectangle
        if box.geom_type != "Polygon":
            return np.eye(2)
        ring = np.asarray(box.exterior.coords)
        sides = np.diff(ring, axis=0)
        d = sides[int(np.argmax(np.linalg.norm(sides, axis=1)))]
    angle = float(np.arctan2(d[1], d[0]))
    angle -= np.round(angle / (np.pi / 2)) * np.pi / 2  # the smallest turn that levels it
    c, s = np.cos(-angle), np.sin(-angle)
    return np.array([[c, -s], [s, c]])


@dataclass(frozen=True)
class Slope:
    """A slanted piece of ceiling in plan. Heights are above the floor, metres."""

    plane: Plane
    tail: Float64
    """(2,) world [x, z] where the arrow starts: the high side."""
    head: Float64
    """(2,) where it ends, straight down the slope."""
    degrees: float
    """From level."""
    low: float
    """Height of its lowest point."""
    high: float
    """Height of its highest point."""
    headroom: Float64 | None
    """(2, 2) world [x, z] ends of the line at 2 m height; None where it is lower or higher all over."""

    @property
    def headroom_label(self) -> Float64:
        """(2,) world [x, z] on that line, well away from the arrow."""
        assert self.headroom is not None
        places = self.headroom[0] + np.array([[0.15], [0.85]]) * (self.headroom[1] - self.headroom[0])
        away = np.linalg.norm(places - (self.tail + self.head) / 2, axis=1)
        return np.asarray(places[int(np.argmax(away))])

    @property
    def text(self) -> str:
        """Angle and heights, as they are written beside the arrow."""
        return f"{self.degrees:.0f}° · {self.low:.2f}-{self.high:.2f} m"


def slopes(scene: Scene, floor_y: float) -> list[Slope]:
    """The slanted ceilings of a scene, largest first."""
    found = []
    for p in sorted(scene.planes_labelled(Label.CEILING), key=lambda p: (-p.area_m2, p.id)):
        degrees = float(np.degrees(np.arccos(np.clip(abs(p.normal[1]), 0, 1))))
        if SLOPE_DEG[0] <= degrees <= SLOPE_DEG[1]:
            found.append(_slope(p, degrees, floor_y))
    return found


def _slope(p: Plane, degrees: float, floor_y: float) -> Slope:
    import shapely

    corners = p.to_world(p.polygon)
    heights = corners[:, 1] - floor_y
    shape = shapely.Polygon(corners[:, [0, 2]]).buffer(0)
    shape = max(getattr(shape, "geoms", [shape]), key=lambda g: float(g.area))
    middle = np.array(shapely.maximum_inscribed_circle(shape).coords[0])
    # A ceiling's normal points down into the room and, on a slope, towards where it is higher.
    up = p.normal[[0, 2]] * -np.sign(p.normal[1])
    up = up / np.linalg.norm(up)
    far = 2 * float(np.ptp(corners[:, [0, 2]], axis=0).max())
    along = shapely.LineString([middle - far * up, middle + far * up]).intersection(shape)
    along = max(getattr(along, "geoms", [along]), key=lambda g: float(g.length))
    ends = np.asarray(along.coords)
    ends = ends[np.argsort(ends @ up)]
    inner = 0.12 * (ends[1] - ends[0])
    rise = np.tan(np.radians(degrees))
    here = float(p.origin[1] - floor_y + rise * ((middle - p.origin[[0, 2]]) @ up))
    at = middle + up * (HEADROOM_M - here) / rise
    across = np.array([-up[1], up[0]])
    line = shapely.LineString([at - far * across, at + far * across]).intersection(shape)
    line = max(getattr(line, "geoms", [line]), key=lambda g: float(g.length))
    headroom = np.asarray(line.coords)[[0, -1]] if line.length > LEAST_SPAN_M else None
    return Slope(p, ends[1] - inner, ends[0] + inner, degrees, float(heights.min()), float(heights.max()), headroom)


def reveals(scene: Scene) -> list[Float64]:
    """(2, 2) ends [x, z] of the sides of niches: from each opening that is set back to its wall before it."""
    walls = [p for p in scene.planes_labelled(Label.WALL) if not is_level(p)]
    out = []
    for p in scene.planes_labelled(Label.DOOR, Label.WINDOW, Label.OPENING):
        ends = wall_line(p)
        for w in walls:
            before = float((w.origin - p.origin) @ p.normal)
            s = (ends - wall_line(w)[0]) @ w.T_world_plane[[0, 2], 0]
            reach = (wall_line(w) - wall_line(w)[0]) @ w.T_world_plane[[0, 2], 0]
            beside = (s.mean() - reach.min()) * (reach.max() - s.mean()) > 0
            if w.normal @ p.normal > np.cos(np.radians(8)) and 0.1 < before < NICHE_M and beside:
                out += [np.stack([e, e + before * p.normal[[0, 2]]]) for e in ends]
                break
    return out


class Seen:
    """Where the scanned surface lies on a scene's planes."""

    def __init__(self, mesh: Mesh | None) -> None:
        self.known = mesh is not None and len(mesh.vertices) > 0
        self._mesh = mesh
        none = np.zeros((0, 3), np.float32)
        self._inner, self._facing = _inside_large(mesh) if mesh is not None and self.known else (none, none)

    def spans(self, p: Plane, ends: Float64) -> list[tuple[float, float]]:
        """[from, to] metres along an upright plane, from its first end, where surface was seen on it.

        All of it or nothing, by `observed_fraction`, where the scene has no surface.
        """
        length = float(np.linalg.norm(ends[1] - ends[0]))
        if not self.known:
            return [(0.0, length)] if p.observed_fraction >= 0.5 else []
        u = (ends[1] - ends[0]) / max(length, 1e-9)
        s = (self._on(p)[:, [0, 2]] - ends[0]) @ u
        count = max(int(np.ceil(length / CELL_M)), 1)
        cell = np.floor(s / CELL_M).astype(np.int64)
        hit = np.zeros(count, bool)
        hit[cell[(cell >= 0) & (cell < count)]] = True
        hit[[0, -1]] = hit[:4].any(), hit[-4:].any()  # corners are seldom seen to the last centimetre
        stretches = runs(hit, round(LEAST_SPAN_M / CELL_M))
        return [(a * CELL_M, min(b * CELL_M, length)) for a, b in stretches if b - a >= 2]

    def unseen(self, p: Plane) -> Any:
        """Shapely area in plan of a level plane where no surface was seen on it; empty where nobody knows."""
        import cv2
        import shapely

        if not self.known:
            return shapely.Polygon()
        ring = p.to_world(p.polygon)[:, [0, 2]]
        low = ring.min(axis=0) - 2 * CELL_M
        columns, rows = (np.ceil((ring.max(axis=0) - low) / CELL_M).astype(int) + 3).tolist()
        cell = np.floor((self._on(p)[:, [0, 2]] - low) / CELL_M).astype(np.int64)
        inside = (cell >= 0).all(axis=1) & (cell[:, 0] < columns) & (cell[:, 1] < rows)
        hit = np.zeros((rows, columns), np.uint8)
        hit[cell[inside, 1], cell[inside, 0]] = 1
        hit = cv2.morphologyEx(hit, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        contours, tree = cv2.findContours(hit, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        rings = [shapely.Polygon((c[:, 0] + 0.5) * CELL_M + low).buffer(CELL_M / 2) for c in contours if len(c) > 2]
        outer = [r for r, c in zip(rings, _parents(contours, tree), strict=True) if c < 0]
        holes = [r.buffer(-CELL_M) for r, c in zip(rings, _parents(contours, tree), strict=True) if c >= 0]
        seen = shapely.union_all(outer).difference(shapely.union_all(holes))
        left = shapely.Polygon(ring).buffer(0).difference(seen)
        left = left.buffer(-CELL_M).buffer(CELL_M).simplify(0.02)
        parts = [g for g in getattr(left, "geoms", [left]) if g.area >= LEAST_AREA_M2]
        return shapely.MultiPolygon(parts)

    def _on(self, p: Plane) -> Float64:
        """(K, 3) points on a plane: vertices that bear its label or, in a surface without labels, face its side, and
        points inside large triangles that do.
        """
        assert self._mesh is not None
        points, labels = self._mesh.vertices, self._mesh.labels
        some = np.arange(len(points)) if labels is None else np.flatnonzero(labels == p.label.number)
        near = some[np.abs(_off(points[some], p)) < ON_M]
        if labels is None:
            near = near[self._mesh.vertex_normals[near] @ p.normal > FACING]
        inner = self._inner[(np.abs(_off(self._inner, p)) < ON_M) & (self._facing @ p.normal > FACING)]
        return np.concatenate([points[near], inner]).astype(np.float64)


def _off(points: Float32, p: Plane) -> Float32:
    return np.asarray(points @ p.normal.astype(np.float32) - np.float32(p.normal @ p.origin))


def _inside_large(mesh: Mesh) -> tuple[Float32, Float32]:
    """Points (K, 3) a cell apart inside the triangles wider than a cell, and the normals there."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    square = np.max([np.einsum("ij,ij->i", s, s) for s in (b - a, c - b, a - c)], axis=0)
    large = np.flatnonzero(square > CELL_M**2)  # a fused surface has none
    corners = np.stack([a[large], b[large], c[large]], axis=1)
    steps = np.minimum(np.ceil(np.sqrt(square[large]) / CELL_M), MAX_STEPS).astype(int)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1])
    normals /= np.maximum(np.linalg.norm(normals, axis=1), 1e-12)[:, None]
    points, facing = [np.zeros((0, 3), np.float32)], [np.zeros((0, 3), np.float32)]
    for n in np.unique(steps[steps > 1]).tolist():
        some = np.flatnonzero(steps == n)
        a, b = (w.ravel() / n for w in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
        weights = np.stack([1 - a - b, a, b], axis=1)[a + b < 1 + 1e-9].astype(np.float32)
        points.append(np.einsum("kc,fcx->fkx", weights, corners[some]).reshape(-1, 3))
        facing.append(np.repeat(normals[some], len(weights), axis=0))
    return np.concatenate(points), np.concatenate(facing)


def _parents(contours: Any, tree: Any) -> list[int]:
    return [int(tree[0][k][3]) for k, c in enumerate(contours) if len(c) > 2]
