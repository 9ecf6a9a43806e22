"""Floors, walls and ceilings completed: behind furniture, across gaps, up to the ceiling, out to the corners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sceneforge.core import Label, Plane
from sceneforge.core.arrays import Float64, Int32

from .enclosure import Stretch
from .labelling import Levels
from .openings import Opening
from .parting import is_bed
from .surfels import Int64, Surfels
from .wall_lines import CELL_M, ON_M, WallLine

MIN_LEVEL_COS = float(np.cos(np.radians(4)))
"""Floors and ceilings are level; a patch that tilts more is the top or bottom of something."""
STEP_M = 0.08
"""Floors that differ by less are one level: steps are 12 cm and more."""
TWICE_M, TWICE_COS = 0.1, float(np.cos(np.radians(6)))
"""Small pieces this close to the floor are the floor."""
FLOOR_REACH_M = 3.0
"""A floor goes on unseen to the wall by up to this."""
OPEN_SIDE = 0.85
"""With one side open, walls stand along less of what is as long as a bed."""
LAYER_M = 0.3
"""What hangs this close under the ceiling, or lies this close over the floor, and is small, is no level of its own."""


def is_level(plane: Plane) -> bool:
    """Whether a plane is level within 4 degrees."""
    return bool(abs(plane.normal[1]) > MIN_LEVEL_COS)


def settle_levels(planes: Sequence[Plane], levels: Levels) -> list[Plane]:
    """The planes, with floors and ceilings that are only bits of something else labelled "other", and large steps and
    platforms labelled floor.

    A small piece counts as floor or ceiling only where it continues the main one: level, and no step away.
    """
    out = list(planes)
    for label in (Label.FLOOR, Label.CEILING):
        mine = [i for i, p in enumerate(out) if p.label is label]
        if not mine:
            continue
        main = out[max(mine, key=lambda i: (out[i].area_m2, -i))]
        for i in mine:
            p = out[i]
            if p is main:
                continue
            step = abs(float((p.origin - main.origin) @ main.normal))
            small = p.area_m2 < min(0.25 * main.area_m2, 2.0)
            # The floor itself is seen twice where poses drift, and rugs lie on it.
            twice = label is Label.FLOOR and step < TWICE_M and abs(float(p.normal @ main.normal)) > TWICE_COS
            loose = not twice and (not is_level(p) or (0.015 < step < LAYER_M))
            if small and loose:
                out[i] = relabelled(p, Label.OTHER)
    walls = [p for p in out if p.label is Label.WALL]
    for i, p in enumerate(out):
        if levels.floor is None or p.label in (Label.FLOOR, Label.CEILING) or p.normal[1] < MIN_LEVEL_COS:
            continue
        rise, width = float(p.origin[1]) - levels.floor, float(np.ptp(p.polygon, axis=0).min())
        platform = 0.08 < rise < 0.3 and p.area_m2 > 1.5 and width > 0.8
        gallery = rise > 0.3 and p.area_m2 > 5.0 and width > 1.6
        # Smaller ones are beds and tables, unless walls stand around them.
        share = _walled(p, walls) if rise > 0.3 and p.area_m2 > 2.5 and width > 1.2 else 0.0
        # A bed in an alcove is open along a whole side; a room of its size, along a doorway.
        room = share > (OPEN_SIDE if is_bed(p, levels.floor) else 0.7)
        sunken = -1.5 < rise < -0.08 and p.area_m2 > 1.0 and width > 0.8
        if platform or gallery or room or sunken:
            out[i] = relabelled(p, Label.FLOOR)
    return out


def _walled(level: Plane, walls: Sequence[Plane]) -> float:
    """Share of a level's outline along which a wall stands half a metre higher, within 15 cm."""
    import shapely

    ring = shapely.LinearRing(level.polygon)
    steps = (np.arange(max(int(ring.length / 0.05), 1)) + 0.5) * 0.05
    rim = level.to_world(shapely.get_coordinates(shapely.line_interpolate_point(ring, steps))) + np.array([0, 0.5, 0])
    held = np.zeros(len(rim), bool)
    for w in walls:
        local = w.to_local(rim)
        outline = shapely.Polygon(w.polygon).buffer(0.1)
        held |= (np.abs(local[:, 1]) < 0.15) & shapely.contains_xy(outline, local[:, 0], local[:, 2])
    return float(held.mean())


def relabelled(plane: Plane, label: Label) -> Plane:
    """The plane under another label, which takes over the score of the first."""
    scores = dict(plane.scores)
    moved = scores.pop(str(plane.label), plane.confidence)
    scores[str(label)] = round(scores.get(str(label), 0.0) + moved, 6)
    return replace(plane, label=label, scores=scores, confidence=scores[str(label)])


def with_steps(s: Stretch, planes: Sequence[Plane], levels: Levels) -> Stretch:
    """The wall with the heights of the floors before and behind it, where they are not all one level."""
    floors = [p for p in planes if p.label is Label.FLOOR and is_level(p)]
    if levels.floor is None or all(abs(float(p.origin[1]) - levels.floor) < STEP_M for p in floors):
        return s
    outlines = [plan_outline(p) for p in floors]
    rises = np.array([float(p.origin[1]) - levels.floor for p in floors])
    rises[np.abs(rises) < STEP_M] = 0.0
    xs = np.arange(s.start + 0.01, s.stop, 0.05)
    before = _steps_at(s, xs, 0.1, FLOOR_REACH_M, outlines, rises)
    return replace(s, steps=before, behind=_steps_at(s, xs, -0.3, 0.1, outlines, rises))


def _steps_at(
    s: Stretch, xs: Float64, ahead: float, reach: float, outlines: Sequence[Any], rises: Float64
) -> tuple[tuple[float, float], ...]:
    """(local x, height) from where on the nearest floor within `reach` lies so high; 0 where there is none."""
    import shapely

    points = np.stack([s.line.plan(float(x)) + ahead * s.line.normal2 for x in xs])
    away = np.stack([shapely.distance(o, shapely.points(points)) for o in outlines])
    height = np.where(away.min(axis=0) < reach, rises[np.argmin(np.round(away, 3), axis=0)], 0.0)
    change = np.flatnonzero(np.abs(np.diff(height)) > 1e-6)
    at = [s.start, *((xs[change] + xs[change + 1]) / 2)]
    return tuple(zip((float(x) for x in at), height[[0, *(change + 1)]].tolist(), strict=True))


@dataclass(frozen=True)
class _Ceilings:
    planes: tuple[Plane, ...]
    outlines: tuple[Any, ...]

    def above(self, point: Float64, wall: Float64) -> float | None:
        """Height over `wall` of the ceiling nearest to `point` just before it, level ones carried on by up to 3 m."""
        from shapely.geometry import Point

        best: tuple[float, float] | None = None
        for p, outline in zip(self.planes, self.outlines, strict=True):
            away = float(outline.distance(Point(point)))
            if away > (3.0 if is_level(p) else 0.7):
                continue
            n, c = p.normal, p.origin
            height = float(c[1] - (n[0] * (wall[0] - c[0]) + n[2] * (wall[1] - c[2])) / n[1])
            if best is None or (round(away, 3), height) < best:
                best = (round(away, 3), height)
        return None if best is None else best[1]

    def over(self, point: Float64) -> bool:
        """Whether ceiling was seen right over a point in plan."""
        import shapely

        return any(bool(shapely.contains_xy(o, point[0], point[1])) for o in self.outlines)


def plan_outline(plane: Plane) -> Any:
    """Shapely outline of a plane in plan."""
    from shapely.geometry import Polygon

    shape = Polygon(plane.to_world(plane.polygon)[:, [0, 2]])
    return shape if shape.is_valid else shape.buffer(0)


def wall_plane(s: Stretch, name: str, planes: Sequence[Plane], levels: Levels) -> Plane:
    """The bounded plane of a wall, from the floor to the ceiling where there is one.

    Where no ceiling was seen the wall ends at the height to which it was seen. A low wall under an open ceiling stays
    low. `observed_fraction` is the share with surface on it.
    """
    ceilings = [p for p in planes if p.label is Label.CEILING]
    above = _Ceilings(tuple(ceilings), tuple(plan_outline(p) for p in ceilings))
    line = s.line
    bottom = s.base if levels.floor is not None else line.rise[0]
    count = max(int(np.ceil((s.stop - s.start) / 0.25)), 2)
    xs = np.linspace(s.start, s.stop, count)
    tops = np.full(count, line.rise[1])
    inner = np.clip(xs, s.start + min(0.05, (s.stop - s.start) / 3), s.stop - min(0.05, (s.stop - s.start) / 3))
    before = [line.plan(float(x)) + 0.05 * line.normal2 for x in inner]
    known = [above.above(q, q - 0.05 * line.normal2) for q in before]
    low = _is_low(s, before, known, above, levels)
    for k, height in enumerate(known):
        if height is not None and not low:
            up, seen = height - levels.assumed_floor, _seen_top(line, float(xs[k]))
            tops[k] = seen if seen > up + 0.15 else up
    tops = np.maximum(tops, bottom + 0.2)
    if np.ptp(tops) < 0.04:
        xs, tops = xs[[0, -1]], np.full(2, float(np.median(tops)))
    feet = _feet(s) if s.steps else [(s.start, bottom), (s.stop, bottom)]
    ring = _simplified(np.concatenate([np.stack([xs, -tops], axis=1), [(x, -h) for x, h in reversed(feet)]]))
    strongest = max(line.members, key=lambda m: (planes[m].scores.get("wall", 0.0), -m))
    confidence = max(planes[strongest].scores.get("wall", 0.0), 0.6)
    scores = {"wall": round(confidence, 6), "other": round(1 - confidence, 6)}
    return rebounded(
        Plane(name, Label.WALL, round(confidence, 6), line.T, ring, scores=scores),
        ring,
        (),
        _seen_share(s, ring),
    )


def _seen_top(line: WallLine, x: float) -> float:
    """How high the wall was seen within 15 cm of local x, above the floor; 0 where it was not."""
    k = int((x - line.start) / CELL_M)
    rows = np.flatnonzero(line.seen[:, max(k - 3, 0) : k + 4].any(axis=1)) if k + 4 > 0 else np.zeros(0, int)
    return float((rows[-1] + 1) * CELL_M) if len(rows) else 0.0


def _feet(s: Stretch) -> list[tuple[float, float]]:
    """The wall's lower edge from left to right, upright at each step."""
    out: list[tuple[float, float]] = []
    for k, (x, h) in enumerate(s.steps):
        end = s.steps[k + 1][0] if k + 1 < len(s.steps) else s.stop
        out += [(max(x, s.start), h), (end, h)]
    return out


def _is_low(s: Stretch, before: list[Float64], known: list[float | None], above: _Ceilings, levels: Levels) -> bool:
    heights = [h for h in known if h is not None]
    if not heights or s.line.rise[1] > float(np.median(heights)) - levels.assumed_floor - 0.4:
        return False
    n = s.line.normal2
    both = [above.over(q + 0.25 * n) and above.over(q - 0.35 * n) for q in before]
    return float(np.mean(both)) > 0.6


def _simplified(ring: Float64) -> Float64:
    from shapely.geometry import Polygon

    out = np.asarray(Polygon(ring).simplify(0.01).exterior.coords)[:-1]
    x, z = out.T
    return out if x @ np.roll(z, -1) - z @ np.roll(x, -1) > 0 else out[::-1]


def _seen_share(s: Stretch, ring: Float64) -> float:
    """Share of the outline's cells with surface on the plane."""
    import shapely

    line = s.line
    rows, columns = line.seen.shape
    x = line.start + (np.arange(columns) + 0.5) * CELL_M
    h = (np.arange(rows) + 0.5) * CELL_M
    X, H = np.meshgrid(x, h)
    shape = shapely.Polygon(ring)
    inside = shapely.contains_xy(shape, X.ravel(), -H.ravel()).reshape(X.shape)
    return float(np.clip((line.seen & inside).sum() * CELL_M**2 / max(shape.area, 1e-9), 0, 1))


def rebounded(plane: Plane, ring: Float64, holes: Sequence[Float64], observed: float) -> Plane:
    """The plane with another outline (local [x, z]); its origin moves to the outline's middle."""
    from shapely.geometry import Polygon

    centre = np.round((ring.min(axis=0) + ring.max(axis=0)) / 2, 6)
    T = plane.T_world_plane.copy()
    T[:3, 3] += T[:3, 0] * centre[0] + T[:3, 2] * centre[1]
    shape = Polygon(ring, holes)
    return replace(
        plane,
        T_world_plane=T,
        polygon=np.round(ring - centre, 6),
        holes=tuple(np.round(h - centre, 6) for h in holes),
        area_m2=round(float(shape.area), 6),
        observed_fraction=round(float(np.clip(observed, 0, 1)), 6),
    )


def completed_level(pieces: Sequence[Plane], room: Any, name: str) -> Plane:
    """A floor or ceiling carried to the room's outline.

    Args:
        pieces: What was seen of it, all on one level, largest first.
        room: Shapely outline of the room in plan.
        name: Id of the result.
    """
    from shapely.ops import unary_union

    first = pieces[0]
    corners = np.asarray(room.exterior.coords)[:-1]
    n, c = first.normal, first.origin
    y = c[1] - (n[0] * (corners[:, 0] - c[0]) + n[2] * (corners[:, 1] - c[2])) / n[1]
    ring = first.to_local(np.stack([corners[:, 0], y, corners[:, 1]], axis=1))[:, [0, 2]]
    x, z = ring.T
    if x @ np.roll(z, -1) - z @ np.roll(x, -1) < 0:
        ring = ring[::-1]
    seen = unary_union([plan_outline(p).intersection(room) for p in pieces]).area
    share = sum(p.area_m2 * p.observed_fraction for p in pieces) / max(sum(p.area_m2 for p in pieces), 1e-9)
    return rebounded(replace(first, id=name), ring, (), seen * share / room.area)


def on_wall(s: Stretch, surfels: Surfels, surfel_plane: Int32, members: frozenset[int]) -> Int64:
    """Indices of the surfels that lie on a stretch of wall: its members', and loose ones flush with it."""
    local = (surfels.position - s.line.T[:3, 3]) @ s.line.T[:3, :3]
    along = (local[:, 0] > s.start - 0.03) & (local[:, 0] < s.stop + 0.03)
    own = np.isin(surfel_plane, sorted(members)) & along
    flush = (surfel_plane < 0) & along & (np.abs(local[:, 1]) < ON_M / 2) & (surfels.normal @ s.line.T[:3, 1] > 0.85)
    return np.flatnonzero(own | flush)


def on_opening(s: Stretch, o: Opening, surfels: Surfels) -> Int64:
    """Indices of the surfels inside an opening or on a picture: flush, or as deep as what was seen in it."""
    local = (surfels.position - s.line.T[:3, 3]) @ s.line.T[:3, :3]
    inside = (local[:, 0] > o.left) & (local[:, 0] < o.right) & (-local[:, 2] > o.bottom) & (-local[:, 2] < o.top)
    depth = (local[:, 1] < ON_M) & (local[:, 1] > -max(o.depth_m, o.set_back_m) - ON_M)
    return np.flatnonzero(inside & depth & (surfels.normal @ s.line.T[:3, 1] > 0.5))


def with_holes(wall: Plane, s: Stretch, found: Sequence[Opening]) -> Plane:
    """The wall with a hole for each door, window and passage; pictures hang on it and leave it whole."""
    from shapely.geometry import Polygon, box

    shift = (wall.origin - s.line.T[:3, 3]) @ s.line.T[:3, :3]
    shape = Polygon(wall.polygon)
    inner = shape.buffer(-0.01, join_style="mitre")
    holes = []
    for o in found:
        niche = o.set_back_m > 0 and any(f.label is Label.OTHER and f.overlaps(o) for f in found)
        if o.label is Label.WALL_ART or niche:
            continue  # it hangs on the wall, or its niche is cut out already
        hole = box(o.left - shift[0], -o.top - shift[2], o.right - shift[0], -o.bottom - shift[2]).intersection(inner)
        if hole.geom_type == "Polygon" and not hole.is_empty:
            ring = np.asarray(hole.exterior.coords)[:-1]
            x, z = ring.T
            holes.append(np.round(ring if x @ np.roll(z, -1) - z @ np.roll(x, -1) < 0 else ring[::-1], 6))
    left = shape.area - sum(Polygon(h).area for h in holes)
    # What was seen of the leaf or the glass does not count for the wall.
    seen = min(wall.observed_fraction * wall.area_m2 / max(left, 1e-9), 1.0) if holes else wall.observed_fraction
    return replace(wall, holes=tuple(holes), area_m2=round(left, 6), observed_fraction=round(seen, 6))


def opening_plane(s: Stretch, o: Opening, name: str, seen_m2: float) -> Plane:
    """The rectangle of an opening or a picture, on the wall's plane."""
    ring = np.array([[o.left, -o.top], [o.right, -o.top], [o.right, -o.bottom], [o.left, -o.bottom]])
    scores = {str(o.label): round(o.confidence, 6), "wall": round(1 - o.confidence, 6)}
    assert o.label is not None
    # Its sides are where the wall or the colour was seen to change: that is how it was found.
    edges = (o.top_seen, True, True, True)
    T = s.line.T.copy()
    T[:3, 3] -= o.set_back_m * T[:3, 1]
    plane = Plane(name, o.label, round(o.confidence, 6), T, ring, scores=scores, edge_observed=edges)
    return rebounded(plane, ring, (), float(seen_m2) / max(o.area_m2, 1e-9))
