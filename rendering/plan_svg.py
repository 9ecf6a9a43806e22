"""The floor plan as an SVG drawing: to scale, dimensioned, and with the ids of the scene in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from sceneforge.core import Label, Plane, Room, Scene, write_aside
from sceneforge.core.arrays import Float64

from .palette import INK, PAPER, PATH, SOFT, tint
from .plan_parts import HEADROOM_M, OVERHEAD_M, Seen, Slope, is_level, outline, plan_turn, reveals, slopes, wall_line

PIXELS_PER_M = 100.0
MARGIN_M = 0.9
WALL_M, OPENING_M = 0.10, 0.06
"""Drawn thickness; a scan does not show how thick walls are."""
WALL_INK = (74, 84, 100)
OPENINGS = (Label.DOOR, Label.WINDOW, Label.OPENING)
SLOPE_INK = (112, 92, 150)


def plan_svg(scene: Scene, path: Path) -> None:
    """Write the plan as an SVG, 100 user units to the metre.

    Every shape carries the id of its plane, object or room, and a `<title>` (shown on hover) with label, measures and
    how much of it was seen. Walls are solid where they were seen, else dashed; floor that was filled in is hatched;
    doors, windows and passages are gaps in the walls. Each wall of a room has its length written beside it. The slopes
    of a ceiling have an arrow down, their angle and heights, and a dotted line where one can stand.

    Args:
        scene: Any scene, even one without planes.
        path: The SVG file.
    """
    drawing = _Drawing(scene)
    with write_aside(path) as aside:
        aside.write_bytes(drawing.text().encode("utf-8"))


class _Drawing:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.turn = plan_turn(scene)
        points = [outline(p) for p in scene.planes if is_level(p)] + [r.polygon for r in scene.rooms]
        points += [wall_line(p) for p in scene.planes if p.label is Label.WALL and not is_level(p)]
        points += [o.box.corners[:, [0, 2]] for o in scene.objects]
        every = np.concatenate(points) @ self.turn.T if points else np.array([[-1.0, -1.0], [1.0, 1.0]])
        self.low, self.high = every.min(axis=0) - MARGIN_M, every.max(axis=0) + MARGIN_M
        floors = scene.planes_labelled(Label.FLOOR)
        self.floor_y = float(np.median([p.origin[1] for p in floors])) if floors else 0.0
        self.seen = Seen(scene.mesh)

    def text(self) -> str:
        """The whole document."""
        w, h = (self.high - self.low) * PIXELS_PER_M
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w:.1f} {h:.1f}" width="{w:.0f}" height="{h:.0f}" '
            'font-family="Helvetica, Arial, sans-serif" font-size="14">',
            f"<title>{escape(self.scene.source.get('name', 'scene'))}: floor plan, 100 units per metre</title>",
            f'<rect width="100%" height="100%" fill="{_hex(PAPER)}"/>',
            '<defs><pattern id="not-seen" width="7" height="7" patternUnits="userSpaceOnUse" '
            'patternTransform="rotate(45)"><path d="M 0 0 V 7" stroke="#96805c" stroke-opacity="0.6"/>'
            "</pattern></defs>",
        ]
        parts += self._group("floors", [self._floor(p) for p in self.scene.planes_labelled(Label.FLOOR, Label.RUG)])
        parts += self._group("floors-not-seen", self._unseen())
        parts += self._group("rooms", [self._room(r) for r in self.scene.rooms])
        parts += self._group("furniture", [*self._boxes(), *self._tops()])
        parts += self._group("walls", [line for p in self._upright(Label.WALL) for line in self._wall(p)])
        parts += self._group("openings", [line for p in self._upright(*OPENINGS) for line in self._opening(p)])
        parts += self._group("niches", [self._line(a, b, self._thin(WALL_INK)) for a, b in reveals(self.scene)])
        parts += self._group("wall-art", [self._art(p) for p in self._upright(Label.WALL_ART)])
        parts += self._group("slopes", [line for x in slopes(self.scene, self.floor_y) for line in self._slope(x)])
        parts += self._group("track", self._track())
        parts += self._group("dimensions", [t for r in self.scene.rooms for t in self._dimensions(r)])
        parts += self._group("names", [t for r in self.scene.rooms for t in self._name(r)] + self._furniture_names())
        parts += self._group("scale", self._scale(float(h)))
        return "\n".join([*parts, "</svg>", ""])

    def at(self, xz: Any) -> Float64:
        """World [x, z] (..., 2) to user units; z runs down the page."""
        return np.asarray((np.asarray(xz, np.float64) @ self.turn.T - self.low) * PIXELS_PER_M)

    def _upright(self, *labels: Label) -> list[Plane]:
        return [p for p in self.scene.planes_labelled(*labels) if not is_level(p)]

    @staticmethod
    def _group(name: str, lines: list[str]) -> list[str]:
        return [f'<g id="{name}">', *lines, "</g>"]

    def _ring(self, xz: Float64, style: str, name: str, title: str) -> str:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in self.at(xz))
        return (
            f"<polygon id={quoteattr(name)} points={quoteattr(points)} {style}><title>{escape(title)}</title></polygon>"
        )

    def _line(self, a: Float64, b: Float64, style: str, title: str = "") -> str:
        (x0, y0), (x1, y1) = self.at(a), self.at(b)
        inner = f"<title>{escape(title)}</title>" if title else ""
        return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" {style}>{inner}</line>'

    def _write(self, xz: Float64, text: str, size: int, color: tuple[int, int, int], turn_deg: float = 0.0) -> str:
        x, y = self.at(xz)
        turned = f' transform="rotate({turn_deg:.1f} {x:.1f} {y:.1f})"' if turn_deg else ""
        return (
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{_hex(color)}" text-anchor="middle" '
            f'dominant-baseline="middle"{turned}>{escape(text)}</text>'
        )

    def _floor(self, p: Plane) -> str:
        style = f'fill="{_hex(tint(p.label))}" stroke="none"'
        return self._ring(outline(p), style, p.id, f"{p.id}: {_described(p)}")

    def _room(self, r: Room) -> str:
        height = f", {r.height_m:.2f} m high" if r.height_m else ""
        style = f'fill="none" stroke="{_hex(SOFT)}" stroke-width="1.5" stroke-dasharray="2 5"'
        return self._ring(r.polygon, style, r.id, f"{r.id}: {_area(r.polygon):.1f} sq m{height}")

    def _boxes(self) -> list[str]:
        out = []
        for o in self.scene.objects:
            if float(o.box.corners[:, 1].min()) - self.floor_y > OVERHEAD_M:
                continue
            ring = o.box.corners[[0, 1, 5, 4]][:, [0, 2]]
            color = _hex(tint(o.label))
            size = " x ".join(f"{v:.2f}" for v in o.box.size[[0, 2, 1]])
            style = f'fill="{color}" fill-opacity="0.25" stroke="{color}" stroke-width="1.5"'
            out.append(self._ring(ring, style, o.id, f"{o.id}: {_name(o.label)}, {size} m"))
        return out

    def _tops(self) -> list[str]:
        skip = (Label.FLOOR, Label.CEILING, Label.RUG, Label.PLATFORM)
        tops = [p for p in self.scene.planes if is_level(p) and p.normal[1] > 0 and p.label not in skip]
        out = []
        for p in sorted(tops, key=lambda p: (float(p.origin[1]), p.id)):
            rise = float(p.origin[1]) - self.floor_y
            clutter = p.label is Label.OTHER
            if rise > OVERHEAD_M or (clutter and p.area_m2 < 0.1):
                continue
            style = f'fill="{_hex(tint(p.label))}" fill-opacity="{0.35 if clutter else 0.75}"'
            style += "" if clutter else f' stroke="{_hex(INK)}" stroke-width="0.8"'
            out.append(self._ring(outline(p), style, p.id, f"{p.id}: {_described(p)}, {rise:.2f} m up"))
        return out

    def _unseen(self) -> list[str]:
        """Floor that was filled in, less what stands on it."""
        import shapely

        things = shapely.union_all(
            [shapely.MultiPoint(o.box.corners[:, [0, 2]]).convex_hull for o in self.scene.objects]
        )
        out = []
        for p in self.scene.planes_labelled(Label.FLOOR):
            left = self.seen.unseen(p).difference(things)
            for part in getattr(left, "geoms", [left]):
                if part.area < 0.05:
                    continue
                rings = [self.at(np.asarray(r.coords)) for r in (part.exterior, *part.interiors)]
                path = " ".join("M " + " L ".join(f"{x:.1f} {y:.1f}" for x, y in r[:-1]) + " Z" for r in rings)
                out.append(f'<path d="{path}" fill="url(#not-seen)" fill-rule="evenodd"/>')
        return out

    def _wall(self, p: Plane) -> list[str]:
        """The wall with gaps at its holes, dashed where it was filled in."""
        ends = wall_line(p)
        along = ends[1] - ends[0]
        length = float(np.linalg.norm(along))
        gaps = sorted((*_span(ends, p.to_world(h)[:, [0, 2]]),) for h in p.holes)
        seen = self.seen.spans(p, ends)
        style = f'stroke="{_hex(WALL_INK)}" stroke-width="{WALL_M * PIXELS_PER_M:.1f}"'
        out, start = [f"<g id={quoteattr(p.id)}>"], 0.0
        u = along / max(length, 1e-9)
        for a, b in [*gaps, (length, length)]:
            for c, d, solid in _parted(start, a, seen):
                marks = ' stroke-linecap="square"' if solid else ' stroke-dasharray="10 7" stroke-opacity="0.6"'
                out.append(self._line(ends[0] + u * c, ends[0] + u * d, style + marks, f"{p.id}: {_described(p)}"))
            start = max(start, b)
        return [*out, "</g>"]

    def _slope(self, slope: Slope) -> list[str]:
        """Dashed outline, arrow down, angle and heights, and the line of headroom."""
        ink, name = _hex(SLOPE_INK), f"slope-{slope.plane.id}"
        ring = self._ring(
            outline(slope.plane),
            f'fill="none" stroke="{ink}" stroke-dasharray="9 6"',
            name,
            f"{slope.plane.id}: {_described(slope.plane)}, {slope.text}",
        )
        tail, head = self.at(np.stack([slope.tail, slope.head]))
        u = (head - tail) / max(float(np.linalg.norm(head - tail)), 1e-9)
        foot, side = head - 12 * u, 4.5 * np.array([-u[1], u[0]])
        tip = " ".join(f"{x:.1f},{y:.1f}" for x, y in (head, foot + side, foot - side))
        out = [ring, self._line(slope.tail, slope.head, f'stroke="{ink}" stroke-width="2"')]
        out.append(f'<polygon points="{tip}" fill="{ink}"/>')
        aside = np.array([-u[1], u[0]]) * 12  # written along the arrow, beside it
        x, y = (tail + head) / 2 + aside
        angle = float(np.degrees(np.arctan2(u[1], u[0])))
        angle = angle - 180 if angle > 80 else angle + 180 if angle <= -100 else angle
        out.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="13" fill="{ink}" text-anchor="middle" '
            f'dominant-baseline="middle" transform="rotate({angle:.1f} {x:.1f} {y:.1f})">{escape(slope.text)}</text>'
        )
        if slope.headroom is not None:
            a, b = slope.headroom
            out.append(self._line(a, b, f'stroke="{_hex(SOFT)}" stroke-dasharray="2 4"'))
            at = slope.headroom_label + self.turn.T @ np.array([0.0, -0.09])
            out.append(self._write(at, f"{HEADROOM_M:.1f} m high", 11, SOFT))
        return out

    @staticmethod
    def _thin(color: tuple[int, int, int]) -> str:
        return f'stroke="{_hex(color)}" stroke-width="2"'

    def _opening(self, p: Plane) -> list[str]:
        """A door with its leaf and swing into the room, a window as a double line, a passage as a thin one."""
        a, b = wall_line(p)
        n = p.normal[[0, 2]] / max(float(np.linalg.norm(p.normal[[0, 2]])), 1e-9)
        color = _hex(tint(p.label))
        width = float(np.linalg.norm(b - a))
        title = f"{p.id}: {_name(p.label)}, {width:.2f} x {float(np.ptp(p.polygon[:, 1])):.2f} m"
        thin = self._thin(tint(p.label))
        out = [f"<g id={quoteattr(p.id)}>"]
        if p.label is Label.WINDOW:
            half = OPENING_M / 2 * n
            out += [self._line(a + s * half, b + s * half, thin, title) for s in (-1, 1)]
        elif p.label is Label.DOOR and width < 1.4:
            tip = a + n * width
            (x0, y0), (x1, y1) = self.at(tip), self.at(b)
            d, e = self.at(tip) - self.at(a), self.at(b) - self.at(a)
            sweep = int(d[0] * e[1] - d[1] * e[0] > 0)
            r = width * PIXELS_PER_M
            out.append(self._line(a, tip, thin, title))
            arc = f"M {x0:.1f} {y0:.1f} A {r:.1f} {r:.1f} 0 0 {sweep} {x1:.1f} {y1:.1f}"
            out.append(f'<path d="{arc}" fill="none" stroke="{color}" stroke-width="1"/>')
        else:
            out.append(self._line(a, b, f'{thin} stroke-dasharray="4 4"', title))
        return [*out, "</g>"]

    def _art(self, p: Plane) -> str:
        a, b = wall_line(p)
        n = p.normal[[0, 2]] * (WALL_M / 2 + 0.02)
        size = " x ".join(f"{v:.2f}" for v in np.ptp(p.polygon, axis=0))
        style = f'stroke="{_hex(tint(p.label))}" stroke-width="4"'
        return self._line(a + n, b + n, style, f"{p.id}: {_name(p.label)}, {size} m")

    def _track(self) -> list[str]:
        track = self.scene.track
        if track is None or len(track.indices) < 2:
            return []
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in self.at(track.T_world_camera[:, [0, 2], 3]))
        return [f'<polyline points="{points}" fill="none" stroke="{_hex(PATH)}" stroke-opacity="0.6"/>']

    def _dimensions(self, r: Room) -> list[str]:
        """The length of each wall of a room, along it on the inside."""
        out = []
        for name in r.walls:
            p = self.scene.plane(name)
            a, b = wall_line(p)
            length = float(np.linalg.norm(b - a))
            if length < 0.35:
                continue
            d = self.at(b) - self.at(a)
            angle = float(np.degrees(np.arctan2(d[1], d[0])))
            angle = angle - 180 if angle > 80 else angle + 180 if angle <= -100 else angle
            n = p.normal[[0, 2]] / max(float(np.linalg.norm(p.normal[[0, 2]])), 1e-9)
            out.append(self._write((a + b) / 2 - 0.17 * n, f"{length:.2f}", 13, SOFT, angle))
        return out

    def _name(self, r: Room) -> list[str]:
        import shapely

        shape = shapely.Polygon(r.polygon)
        solid = [shapely.MultiPoint(o.box.corners[:, [0, 2]]).convex_hull for o in self.scene.objects]
        free = shape.buffer(0).difference(shapely.union_all(solid)) if solid else shape.buffer(0)
        free = max(getattr(free, "geoms", [free]), key=lambda g: float(g.area), default=shape)
        at = np.array(shapely.maximum_inscribed_circle(free if free.area > 0 else shape).coords[0])
        up = self.turn.T @ np.array([0.0, 0.2])
        height = f" · {r.height_m:.2f} m high" if r.height_m else ""
        return [
            self._write(at - up / 2, _name(r.kind), 17, INK),
            self._write(at + up / 2, f"{shape.area:.1f} m²{height}", 13, SOFT),
        ]

    def _furniture_names(self) -> list[str]:
        """Label and size of each box that is large enough to hold them, the largest first, none over another."""
        taken: list[tuple[Float64, float]] = []
        out = []
        for o in sorted(self.scene.objects, key=lambda o: (-float(np.prod(o.box.size[[0, 2]])), o.id)):
            w, d = sorted(o.box.size[[0, 2]].tolist(), reverse=True)
            at = self.at(o.box.T_world_box[[0, 2], 3])
            if float(o.box.corners[:, 1].min()) - self.floor_y > OVERHEAD_M or d < 0.35 or w < 0.7:
                continue
            name, size = _name(o.label), f"{w:.2f} x {d:.2f}"
            half = 3.6 * max(len(name), len(size))
            if any(abs(at[0] - q[0]) < half + r and abs(at[1] - q[1]) < 42 for q, r in taken):
                continue
            taken.append((at, half))
            here, down = o.box.T_world_box[[0, 2], 3], self.turn.T @ np.array([0.0, 0.1])
            if o.label is Label.OTHER:  # what has no name is told by its size
                out.append(self._write(here, size, 11, INK))
                continue
            out.append(self._write(here - down, name, 13, INK))
            out.append(self._write(here + down, size, 11, INK))
        return out

    def _scale(self, bottom: float) -> list[str]:
        y, x = bottom - 25, 25.0
        style = f'stroke="{_hex(INK)}" stroke-width="2"'
        return [
            f'<line x1="{x}" y1="{y:.1f}" x2="{x + PIXELS_PER_M}" y2="{y:.1f}" {style}/>',
            f'<text x="{x + PIXELS_PER_M + 8}" y="{y:.1f}" font-size="13" dominant-baseline="middle">1 m</text>',
        ]


def _parted(start: float, stop: float, seen: list[tuple[float, float]]) -> list[tuple[float, float, bool]]:
    """[from, to] of a piece of wall in parts, each with whether it was seen."""
    out: list[tuple[float, float, bool]] = []
    at = start
    for a, b in [*seen, (stop, stop)]:
        a, b = (float(np.clip(x, start, stop)) for x in (a, b))
        out += [(at, a, False)] if a > at else []
        out += [(max(a, at), b, True)] if b > max(a, at) else []
        at = max(at, b)
    return out


def _span(ends: Float64, xz: Float64) -> tuple[float, float]:
    """[from, to] metres along a wall's line that an outline on it covers."""
    u = (ends[1] - ends[0]) / max(float(np.linalg.norm(ends[1] - ends[0])), 1e-9)
    s = (xz - ends[0]) @ u
    return float(s.min()), float(s.max())


def _area(ring: Float64) -> float:
    x, z = ring.T
    return abs(float(x @ np.roll(z, -1) - z @ np.roll(x, -1))) / 2


def _name(label: object) -> str:
    return str(label).replace("_", " ")


def _described(p: Plane) -> str:
    return f"{_name(p.label)}, {p.area_m2:.2f} sq m, {p.observed_fraction:.0%} seen"


def _hex(color: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
