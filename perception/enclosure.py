"""Where walls end and what they enclose: corners, stretches of wall, and the rooms between them, in plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sceneforge.core.arrays import Float64

from .outlines import trace
from .wall_lines import WallLine

CORNER_M = 1.3
"""A wall's end is carried on to the next wall when that is no farther than a cupboard is wide."""
OVERSHOOT_M = 0.35
"""Walls that were seen past a corner (a reveal, noise) are cut back by up to this."""
DOORWAY_M = 1.35
"""Gaps between pieces of one wall up to the width of a double door are closed whatever is seen through them."""
WINDOW_M = 3.5
"""Wider ones only where the floor does not run through."""
NICHE_M = 0.5
"""Niches are no deeper."""
MIN_BACK_M, PIER_M = 0.6, 0.6
"""Backs of niches are no narrower, and the piers between those of a row no wider."""
SPIKE_M = 0.3
"""Half the width of what is too narrow to stand in."""
MIN_CROSSING = float(np.sin(np.radians(25)))
MIN_ROOM_M2 = 1.0


@dataclass(frozen=True, eq=False)
class Stretch:
    """A wall from end to end, in its line's local x."""

    line: WallLine
    """The plane it lies on."""
    start: float
    """Local x of its left end, seen from the room."""
    stop: float
    """Local x of its right end."""
    cornered: tuple[bool, bool]
    """Whether it meets another wall there."""
    steps: tuple[tuple[float, float], ...] = ()
    """(local x, height over the lowest floor) from where on the floor before the wall lies so high; empty = 0."""
    behind: tuple[tuple[float, float], ...] = ()
    """Likewise of the floor behind it."""

    def foot(self, x: float) -> float:
        """Height of the floor before the wall at local x, over the lowest floor."""
        return _height_at(self.steps, x)

    def sill(self, x: float) -> float:
        """Where a door stands: on the floor behind the wall, if that is up to three steps higher."""
        foot, behind = self.foot(x), _height_at(self.behind, x)
        return behind if foot < behind < foot + 0.6 else foot

    @property
    def base(self) -> float:
        """The lowest floor before the wall."""
        return min((h for _, h in self.steps), default=0.0)

    @property
    def ends(self) -> Float64:
        """(2, 2) world [x, z]."""
        return np.stack([self.line.plan(self.start), self.line.plan(self.stop)])


def _height_at(steps: Sequence[tuple[float, float]], x: float) -> float:
    below = [h for at, h in steps if at <= x + 1e-9]
    return below[-1] if below else (steps[0][1] if steps else 0.0)


def find_stretches(lines: Sequence[WallLine], floor_seen: Any) -> list[Stretch]:
    """Walls with their gaps closed and their ends carried to the corners.

    Args:
        lines: Wall planes.
        floor_seen: Shapely area in plan where floor was seen.
    """
    stretches: list[Stretch] = []
    for line in lines:
        joined: list[list[float]] = []
        for a, b in line.spans:
            if joined and _closes(line, joined[-1][1], a, floor_seen):
                joined[-1][1] = b
            else:
                joined.append([a, b])
        stretches += [Stretch(line, a, b, (False, False)) for a, b in joined if b - a >= 0.12]
    stretches = [_with_next_niche(s, stretches, floor_seen) for s in stretches]
    stretches = [part for s in stretches for part in _without_niches(s, stretches)]
    return [_to_corners(s, stretches, floor_seen) for s in stretches]


def _with_next_niche(s: Stretch, others: Sequence[Stretch], floor_seen: Any) -> Stretch:
    """A wall carried on over a niche beyond its end, where others of the same depth lie within it: a row of windows
    goes on up to the corner though the pier there was not seen.
    """
    start, stop = s.start, s.stop
    for line in {id(o.line): o.line for o in others if o.line is not s.line}.values():
        before = float((line.plan(line.start) - s.line.plan(0.0)) @ -s.line.normal2)
        parallel = float(line.normal2 @ s.line.normal2) > np.cos(np.radians(4))
        if not parallel or not 0.08 < before < NICHE_M:
            continue
        backs = [sorted(float((line.plan(x) - s.line.plan(0.0)) @ s.line.T[[0, 2], 0]) for x in e) for e in line.spans]
        if not any(a > s.start and b < s.stop and b - a > MIN_BACK_M for a, b in backs):
            continue
        for a, b in backs:
            if -0.1 < a - stop < PIER_M and b - stop > MIN_BACK_M and _crossed(s.line, stop, b, floor_seen) < 0.3:
                stop = b
        for a, b in reversed(backs):
            if -0.1 < start - b < PIER_M and start - a > MIN_BACK_M and _crossed(s.line, a, start, floor_seen) < 0.3:
                start = a
    return replace(s, start=start, stop=stop)


def _without_niches(s: Stretch, others: Sequence[Stretch]) -> list[Stretch]:
    """What is left of a wall when the backs of another wall's niches are cut off: that wall runs before it as high."""
    left = [(s.start, s.stop)]
    for o in others:
        if o.line is s.line or float(o.line.normal2 @ s.line.normal2) < np.cos(np.radians(10)):
            continue
        before = float((o.ends.mean(axis=0) - s.line.plan(0.0)) @ s.line.normal2)
        if not 0.08 < before < NICHE_M or o.line.rise[0] > 0.8 or o.line.rise[1] < s.line.rise[1] - 0.3:
            continue
        a, b = sorted(float((e - s.line.plan(0.0)) @ s.line.T[[0, 2], 0]) for e in o.ends)
        left = [(c, d) for x, y in left for c, d in ((x, min(y, a)), (max(x, b), y)) if d - c >= 0.12]
    return [s] if left == [(s.start, s.stop)] else [replace(s, start=a, stop=b) for a, b in left]


def _closes(line: WallLine, a: float, b: float, floor_seen: Any) -> bool:
    if b - a <= DOORWAY_M:
        return True
    return b - a <= WINDOW_M and _crossed(line, a, b, floor_seen) < 0.3


def _crossed(line: WallLine, a: float, b: float, floor_seen: Any) -> float:
    """Share of a stretch where floor was seen both 20 cm before and 50 cm behind the wall: niches are less deep."""
    import shapely

    along = np.arange(a + 0.05, b, 0.05)
    if not len(along):
        return 0.0
    points = np.stack([line.plan(float(x)) for x in along])
    n = line.normal2
    both = [shapely.contains_xy(floor_seen, q[:, 0], q[:, 1]) for q in (points + 0.2 * n, points - 0.5 * n)]
    return float((both[0] & both[1]).mean())


def _to_corners(s: Stretch, others: Sequence[Stretch], floor_seen: Any) -> Stretch:
    ends, met = [s.start, s.stop], [False, False]
    for k, out in ((0, -1.0), (1, 1.0)):
        best: tuple[float, float] | None = None
        for o in others:
            if o.line is s.line:
                continue
            x, y = _crossing(s.line, o.line)
            if x is None:
                continue
            beyond = out * (x - ends[k])
            apart = max(o.start - y, y - o.stop, 0.0)
            if not -min(OVERSHOOT_M, 0.8 * (s.stop - s.start)) <= beyond <= CORNER_M or apart > CORNER_M:
                continue
            if beyond > 0.4 and _crossed(s.line, min(ends[k], x), max(ends[k], x), floor_seen) > 0.4:
                continue
            cost = abs(beyond) + 0.5 * apart
            if best is None or cost < best[0] - 1e-9:
                best = (cost, x)
        if best is not None:
            ends[k], met[k] = best[1], True
    return replace(s, start=ends[0], stop=ends[1], cornered=(met[0], met[1])) if ends[1] - ends[0] > 0.08 else s


def _crossing(a: WallLine, b: WallLine) -> tuple[float | None, float]:
    """Local x on `a` and on `b` where the two lines cross in plan; None where they run alongside."""
    u, v = a.T[[0, 2], 0], b.T[[0, 2], 0]
    det = float(u[0] * -v[1] + v[0] * u[1])
    if abs(det) < MIN_CROSSING:
        return None, 0.0
    d = b.plan(0.0) - a.plan(0.0)
    x = float((d[0] * -v[1] + v[0] * d[1]) / det)
    y = float((u[0] * d[1] - u[1] * d[0]) / det)
    return x, y


def find_outlines(points: Float64, floor: Any, stretches: Sequence[Stretch], free: Sequence[Any] = ()) -> list[Any]:
    """Outlines of rooms in plan, largest first: what was seen, cut along the walls.

    Args:
        points: (N, 2) world [x, z] of everything seen between floor and ceiling.
        floor: Shapely area of the floors seen; a room has at least half a square metre of it.
        stretches: Walls, ends closed.
        free: Shapely areas that were seen to be free.
    """
    import shapely
    from shapely.ops import polygonize, unary_union

    traced = [
        shapely.Polygon(o.polygon, o.holes)
        for o in trace(points, close_m=0.3, min_area_m2=0.5, min_hole_m2=4.0, simplify_m=0.03).outlines
    ]
    wide = unary_union(list(free)).buffer(-0.25).buffer(0.25)  # a glance past a corner is no room
    seen = unary_union([*(t.buffer(0) for t in traced), wide]).buffer(0.1, join_style=2).buffer(-0.25, join_style=2)
    seen = seen.buffer(0.15, join_style=2).simplify(0.08)
    strips = unary_union([_strip(s, 0.4) for s in stretches])
    # Scanned walls bow and have niches: what lies close behind them is no room, unless floor was seen there.
    niches = unary_union([_strip(s, -0.5) for s in stretches]).difference(unary_union([floor, strips]))
    backs = unary_union([niches, *(_strip(s, -0.12) for s in stretches)])
    known = unary_union([seen.difference(backs), strips])
    cuts = [_cut(s) for s in stretches]
    around = known.buffer(0.6, join_style="mitre")
    pieces = polygonize(unary_union([around.boundary, *cuts]))
    rooms = []
    for piece in pieces:
        core = piece.buffer(-0.15)
        if core.is_empty or piece.intersection(floor).area < 0.5:
            continue
        share = piece.intersection(seen).area / piece.area
        if share < 0.35:
            continue
        inner = piece.intersection(known)
        inner = inner.buffer(-0.12, join_style="mitre").buffer(0.12, join_style="mitre").intersection(piece)
        inner = without_spikes(inner, cuts)
        shape = max(_polygons(inner), key=lambda g: g.area, default=None)
        if shape is None:
            continue
        shape = shapely.Polygon(shape.exterior).simplify(0.03)
        if shape.area >= MIN_ROOM_M2:
            rooms.append(shape)
    rooms.sort(key=lambda g: (-round(g.area, 6), g.bounds))
    return rooms


def without_spikes(shape: Any, walls: Sequence[Any]) -> Any:
    """The shape less what tapers off where no wall does: glimpses between things are no part of a room."""
    import shapely
    from shapely.ops import unary_union

    opened = shape.buffer(-SPIKE_M).buffer(SPIKE_M)
    if opened.is_empty:
        return shape
    along = unary_union(list(walls))
    spikes = []
    for tip in _polygons(shape.difference(opened)):
        ring = shapely.points(shapely.get_coordinates(shapely.segmentize(tip.exterior, 0.03)))
        edge = ring[shapely.distance(ring, opened) > 1e-3]
        walled = len(walls) > 0 and len(edge) > 0 and float((shapely.distance(edge, along) < 0.06).mean()) > 0.4
        # The corner of a square room reaches 0.41 radii beyond the disk that rolls inside it.
        if not walled and float(shapely.distance(ring, opened).max()) > 0.7 * SPIKE_M:
            spikes.append(tip.buffer(1e-4))
    return shape.difference(unary_union(spikes)) if spikes else shape


def _strip(s: Stretch, depth: float) -> Any:
    from shapely.geometry import Polygon

    a, b = s.ends
    n = depth * s.line.normal2
    return Polygon([a, b, b + n, a + n])


def _cut(s: Stretch) -> Any:
    """The stretch in plan; its cornered ends run 1 cm past the corner, so that nothing leaks."""
    from shapely.geometry import LineString

    a, b = (s.start - 0.01, s.stop + 0.01)
    return LineString([s.line.plan(a), s.line.plan(b)])


def _polygons(shape: Any) -> list[Any]:
    return [g for g in getattr(shape, "geoms", [shape]) if g.geom_type == "Polygon" and not g.is_empty]
