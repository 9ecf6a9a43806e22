"""A labelled, dimensioned plan of a scene, seen from above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Label, Plane, Scene, SceneObject, write_aside
from sceneforge.core.arrays import Float64
from sceneforge.core.labels import HORIZONTAL_SUPPORTS

from .palette import FAINT, INK, PAPER, PATH, SOFT, tint
from .plan_column import GUESSED_ALPHA, HEIGHT, MARGIN, SIDE, SUPER, WALL_INK, WIDTH, side_column
from .plan_parts import HEADROOM_M, OVERHEAD_M, VERTICAL, Seen, is_level, outline, plan_turn, reveals, slopes, wall_line

HATCH, HATCH_INK = 14, (150, 128, 92)
SLOPE_INK = (112, 92, 150)

Box: TypeAlias = tuple[float, float, float, float]
Color: TypeAlias = tuple[int, int, int]


def floor_plan(scene: Scene, path: Path) -> None:
    """Write the plan as a PNG.

    The longest side of the floor lies level in the picture; the axes drawn in the corner say how the world's x and z
    run. Scanned surface between knee and head height is shown as grey shading, so that a scene without walls or floor
    is still readable. Floor and walls that were filled in and not seen are hatched and pale; the slopes of a ceiling
    have an arrow down, their angle and heights, and a line where one can stand.

    Args:
        scene: Any scene, even one without planes.
        path: The PNG file.
    """
    from PIL import Image

    sheet = PlanSheet(scene)
    sheet.draw_all()
    with write_aside(path) as aside:
        sheet.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(aside, format="PNG")


@dataclass
class PlanSheet:
    """The drawing under way."""

    scene: Scene
    taken: list[Box] = field(default_factory=list)
    found: set[Label] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        from PIL import Image, ImageDraw

        self.image = Image.new("RGB", (WIDTH * SUPER, HEIGHT * SUPER), PAPER)
        self.draw = ImageDraw.Draw(self.image, "RGBA")
        scene = self.scene
        self.seen = Seen(scene.mesh)
        floors = scene.planes_labelled(Label.FLOOR)
        self.floor_y = float(np.median([p.origin[1] for p in floors])) if floors else self._lowest()
        extent = [outline(p) for p in scene.planes if is_level(p) and p.label != Label.CEILING]
        extent += [wall_line(p) for p in scene.planes if p.label in VERTICAL and not is_level(p)]
        extent += [o.box.corners[:, [0, 2]] for o in scene.objects]
        extent += [r.polygon for r in scene.rooms]
        if not scene.rooms and scene.mesh is not None and len(scene.mesh.vertices):
            extent.append(np.percentile(scene.mesh.vertices[:, [0, 2]].astype(np.float64), [0.5, 99.5], axis=0))
        if scene.track is not None and len(scene.track.indices):
            extent.append(scene.track.T_world_camera[:, [0, 2], 3])
        points = np.concatenate(extent) if extent else np.array([[-1.0, -1.0], [1.0, 1.0]])
        self.turn = plan_turn(scene)
        turned = points @ self.turn.T
        self.low, self.high = turned.min(axis=0), np.maximum(turned.max(axis=0), turned.min(axis=0) + 0.5)
        room = np.array([WIDTH - SIDE - 2 * MARGIN, HEIGHT - 2 * MARGIN]) * SUPER
        self.scale = float((room / (self.high - self.low)).min())
        self.shift = MARGIN * SUPER + (room - (self.high - self.low) * self.scale) / 2

    def draw_all(self) -> None:
        """Every part, the lowest first."""
        self.scan()
        self.floors()
        self.furniture()
        self.walls()
        self.slopes()
        self.camera_path()
        self.dimensions()
        self.labels()
        side_column(self)

    def _lowest(self) -> float:
        mesh = self.scene.mesh
        return float(np.percentile(mesh.vertices[:, 1], 1)) if mesh is not None and len(mesh.vertices) else 0.0

    def at(self, xz: NDArray[Any]) -> list[tuple[float, float]]:
        """World [x, z] (n, 2) to picture points: z runs down the page, as seen from above."""
        return [(x, y) for x, y in self._on_page(xz).tolist()]

    def _on_page(self, xz: NDArray[Any]) -> Float64:
        return np.asarray((np.asarray(xz, dtype=np.float64) @ self.turn.T - self.low) * self.scale + self.shift)

    def font(self, size: float) -> Any:
        """Pillow's own scalable font: the same on every machine."""
        from PIL import ImageFont

        return ImageFont.load_default(size * SUPER)

    def scan(self) -> None:
        """Grey shading where the scan has surface between knee and head height."""
        from PIL import Image

        mesh = self.scene.mesh
        if mesh is None or not len(mesh.vertices):
            return
        import cv2

        height = mesh.vertices[:, 1] - self.floor_y
        p = self._on_page(mesh.vertices[(height > 0.35) & (height < 1.9)][:, [0, 2]]) / 4
        w, h = WIDTH * SUPER // 4, HEIGHT * SUPER // 4
        count, _, _ = np.histogram2d(p[:, 1], p[:, 0], bins=(h, w), range=((0, h), (0, w)))
        soft = cv2.GaussianBlur(np.minimum(count, 12).astype(np.float32), (0, 0), max(0.012 * self.scale / 4, 0.8))
        some = soft[soft > 0.05]
        strength = np.clip(soft / (float(np.percentile(some, 70)) if len(some) else 1.0), 0, 1)
        mask = Image.fromarray((strength * 150).astype(np.uint8)).resize(self.image.size, Image.Resampling.BICUBIC)
        self.image.paste((176, 178, 182), (0, 0), mask)

    def floors(self) -> None:
        """Rooms and floor polygons."""
        color = tint(Label.FLOOR)
        for plane in self.scene.planes_labelled(Label.FLOOR, Label.RUG, Label.PLATFORM):
            self._polygon(outline(plane), (*tint(plane.label), 200), (196, 182, 156), 1.2)
            for hole in plane.holes:
                self._polygon(np.asarray(plane.to_world(hole)[:, [0, 2]]), (*PAPER, 150), None, 0)
            self.found.add(plane.label)
        self._hatch_unseen()
        for room in self.scene.rooms:
            if len(room.polygon) >= 3:
                self._polygon(room.polygon, (*color, 40), (150, 138, 116), 2)

    def _hatch_unseen(self) -> None:
        import shapely

        floors = [self.seen.unseen(p) for p in self.scene.planes_labelled(Label.FLOOR)]
        things = [shapely.MultiPoint(o.box.corners[:, [0, 2]]).convex_hull for o in self._standing()]
        things += [shapely.Polygon(outline(p)).buffer(0) for p in self._tops()]
        left = shapely.union_all(floors).difference(shapely.union_all(things))
        parts = [g for g in getattr(left, "geoms", [left]) if g.area > 0.05]
        if parts:
            rings = [(r, k == 0) for g in parts for k, r in enumerate((g.exterior, *g.interiors))]
            self.hatch([(self.at(np.asarray(r.coords)), outer) for r, outer in rings])
            self.marks.add("floor, not seen")

    def hatch(self, rings: Sequence[tuple[Sequence[tuple[float, float]], bool]]) -> None:
        """Thin slanting lines over outlines of picture points (True), less their holes (False)."""
        from PIL import Image, ImageChops, ImageDraw

        every = np.concatenate([r for r, _ in rings])
        x0, y0 = np.floor(every.min(axis=0)).astype(int).tolist()
        w, h = (np.ceil(every.max(axis=0)).astype(int) - (x0, y0) + 1).tolist()
        mask, lines = Image.new("L", (w, h), 0), Image.new("L", (w, h), 0)
        pen = ImageDraw.Draw(mask)
        for ring, outer in rings:
            pen.polygon([(x - x0, y - y0) for x, y in ring], fill=255 if outer else 0)
        pen = ImageDraw.Draw(lines)
        for d in range(-((x0 + y0) % HATCH), w + h, HATCH):
            pen.line([(d, 0), (d - h, h)], fill=110, width=SUPER)
        self.image.paste(HATCH_INK, (x0, y0), ImageChops.multiply(mask, lines))

    def _standing(self) -> list[SceneObject]:
        """Objects that a plan shows: what hangs overhead is left out."""
        return [o for o in self.scene.objects if float(o.box.corners[:, 1].min()) - self.floor_y <= OVERHEAD_M]

    def furniture(self) -> None:
        """Level surfaces above the floor, lowest first, and boxes of objects."""
        for box in self._standing():
            ring = box.box.corners[[0, 1, 5, 4]][:, [0, 2]]
            self._polygon(ring, (*tint(box.label), 70), tint(box.label), 1.6)
            self.found.add(box.label)
        for plane in sorted(self._tops(), key=lambda p: (float(p.origin[1]), p.id)):
            color = tint(plane.label)
            self._polygon(outline(plane), (*color, 175), tuple(int(0.72 * c) for c in color), 2)
            self.found.add(plane.label)

    def _tops(self) -> list[Plane]:
        skip = (Label.FLOOR, Label.CEILING, Label.RUG, Label.PLATFORM)
        up = [p for p in self.scene.planes if is_level(p) and p.normal[1] > 0 and p.label not in skip]
        return [p for p in up if float(p.origin[1]) - self.floor_y <= OVERHEAD_M]

    def walls(self) -> None:
        """Upright planes as thick lines, pale where nothing was seen of them; openings coloured on top."""
        upright = [p for p in self.scene.planes if p.label in (*VERTICAL, Label.WALL_ART) and not is_level(p)]
        for plane in sorted(upright, key=lambda p: p.label not in VERTICAL[:2]):
            ends = wall_line(plane)
            self.found.add(plane.label)
            if plane.label in VERTICAL[:2]:
                self._wall(plane, ends)
            elif plane.label is Label.WALL_ART:
                ends = ends + 0.05 * plane.normal[[0, 2]]
                self.draw.line(self.at(ends), fill=tint(plane.label), width=4 * SUPER)
            else:
                self._stroke(ends, (*tint(plane.label), 255), 6)
        for side in reveals(self.scene):
            self.draw.line(self.at(side), fill=WALL_INK, width=2 * SUPER)

    def _wall(self, plane: Plane, ends: Float64) -> None:
        u = (ends[1] - ends[0]) / max(float(np.linalg.norm(ends[1] - ends[0])), 1e-9)
        spans = self.seen.spans(plane, ends)
        length = float(np.linalg.norm(ends[1] - ends[0]))
        if length - sum(b - a for a, b in spans) > 0.3:
            self._stroke(ends, (*WALL_INK, GUESSED_ALPHA), 8)
            self.marks.add("wall, not seen")
        for a, b in spans:
            self._stroke(np.stack([ends[0] + u * a, ends[0] + u * b]), (*WALL_INK, 255), 8)

    def _stroke(self, ends: Float64, color: tuple[int, ...], width: int) -> None:
        a, b = self.at(ends)
        self.draw.line([a, b], fill=color, width=width * SUPER)
        if color[3] == 255:
            r = width * SUPER / 2
            for x, y in (a, b):
                self.draw.ellipse((x - r, y - r, x + r, y + r), fill=color)

    def slopes(self) -> None:
        """Slanted ceilings: dashed outline, an arrow down the slope, angle and heights, and the line of headroom."""
        for slope in slopes(self.scene, self.floor_y):
            self.marks.add("ceiling slopes down")
            ring = self.at(outline(slope.plane))
            for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
                self._dashed(a, b, SLOPE_INK)
            if slope.headroom is not None:
                a, b = self.at(slope.headroom)
                self._dashed(a, b, SOFT, on=3)
                (at,) = self.at(slope.headroom_label[None])
                self._tag(at, f"{HEADROOM_M:.1f} m high", self.font(12))
            tail, head = self.at(np.stack([slope.tail, slope.head]))
            self.arrow(tail, head)
            self._tag((0.7 * tail[0] + 0.3 * head[0], 0.7 * tail[1] + 0.3 * head[1]), slope.text, self.font(14))

    def _dashed(self, a: tuple[float, float], b: tuple[float, float], color: Color, on: int = 9) -> None:
        start, along = np.array(a), np.subtract(b, a)
        length = float(np.linalg.norm(along))
        for s in np.arange(0, length, 2 * on * SUPER):
            ends = start + along / max(length, 1e-9) * np.array([[s], [min(s + on * SUPER, length)]])
            self.draw.line([tuple(e) for e in ends.tolist()], fill=color, width=round(1.4 * SUPER))

    def arrow(self, tail: tuple[float, float], head: tuple[float, float]) -> None:
        """A thin arrow between picture points."""
        along = np.subtract(head, tail)
        u = along / max(float(np.linalg.norm(along)), 1e-9)
        tip, side = np.array(head), np.array([-u[1], u[0]]) * 4 * SUPER
        foot = tip - u * 11 * SUPER
        self.draw.line([tail, tuple(foot.tolist())], fill=SLOPE_INK, width=2 * SUPER)
        self.draw.polygon([tuple(p.tolist()) for p in (tip, foot + side, foot - side)], fill=SLOPE_INK)

    def camera_path(self) -> None:
        """Where the camera went, from a ring to an arrow head."""
        track = self.scene.track
        if track is None or not len(track.indices):
            return
        points = self.at(track.T_world_camera[:, [0, 2], 3])
        if len(points) > 1:
            self.draw.line(points, fill=(*PATH, 190), width=round(1.6 * SUPER), joint="curve")
        (x, y), r = points[0], 5 * SUPER
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=PAPER, outline=PATH, width=2 * SUPER)
        ahead = self.turn @ track.T_world_camera[-1][[0, 2], 2]
        ahead = ahead / max(float(np.linalg.norm(ahead)), 1e-9) * 10 * SUPER
        side, tip = np.array([-ahead[1], ahead[0]]) * 0.6, np.array(points[-1])
        self.draw.polygon([tuple(tip + ahead), tuple(tip + side - ahead / 2), tuple(tip - side - ahead / 2)], fill=PATH)

    def dimensions(self) -> None:
        """Overall width and depth of the floor (else of all surfaces), outside of everything that is drawn."""
        shapes = [outline(p) for p in self.scene.planes_labelled(Label.FLOOR)]
        shapes += [wall_line(p) for p in self.scene.planes if p.label in VERTICAL and not is_level(p)]
        shapes = shapes or [outline(p) for p in self._tops()]
        points = np.concatenate(shapes) @ self.turn.T if shapes else np.stack([self.low, self.high])
        ends = np.stack([points.min(axis=0), points.max(axis=0)])
        (x0, y0), (x1, y1) = ((ends - self.low) * self.scale + self.shift).tolist()
        size = np.ptp(points, axis=0)
        gap, tick, font = 34 * SUPER, 6 * SUPER, self.font(15)
        x, y = (self.shift - gap).tolist()
        for e in (x0, x1):
            self.draw.line([(e, y0), (e, y)], fill=FAINT, width=SUPER)
        for e in (y0, y1):
            self.draw.line([(x0, e), (x, e)], fill=FAINT, width=SUPER)
        self.draw.line([(x0, y), (x1, y)], fill=SOFT, width=SUPER)
        self.draw.line([(x, y0), (x, y1)], fill=SOFT, width=SUPER)
        for e in (x0, x1):
            self.draw.line([(e, y - tick), (e, y + tick)], fill=SOFT, width=SUPER)
        for e in (y0, y1):
            self.draw.line([(x - tick, e), (x + tick, e)], fill=SOFT, width=SUPER)
        self._tag(((x0 + x1) / 2, y), f"{size[0]:.2f} m", font)
        self._tag((x, (y0 + y1) / 2), f"{size[1]:.2f} m", font)

    def _tag(self, at: tuple[float, float], text: str, font: Any) -> None:
        x0, y0, x1, y1 = self.draw.textbbox(at, text, font=font, anchor="mm")
        pad = 5 * SUPER
        self.draw.rectangle((x0 - pad, y0 - pad, x1 + pad, y1 + pad), fill=PAPER)
        self.draw.text(at, text, font=font, fill=SOFT, anchor="mm")
        self.taken.append((x0, y0, x1, y1))

    def labels(self) -> None:
        """Names with height and area, furniture before floors; what finds no free place stays unnamed."""
        named: list[tuple[bool, float, str, Float64, str, str]] = []
        for plane in self.scene.planes:
            if not is_level(plane) or plane.label == Label.CEILING or plane.label not in HORIZONTAL_SUPPORTS:
                continue
            rise = float(plane.origin[1]) - self.floor_y
            detail = f"{plane.area_m2:.1f} sq m" if abs(rise) < 0.06 else f"{rise:.2f} m up · {plane.area_m2:.1f} sq m"
            name = str(plane.label).replace("_", " ")
            named.append((plane.label == Label.FLOOR, -plane.area_m2, plane.id, outline(plane), name, detail))
        tops = [(p.label, self._shape(outline(p))) for p in self._tops()]
        boxes = [(o.label, self._shape(o.box.corners[[0, 1, 5, 4]][:, [0, 2]])) for o in self._standing()]
        for thing in self._standing():
            ring = thing.box.corners[[0, 1, 5, 4]][:, [0, 2]]
            detail = " x ".join(f"{s:.2f}" for s in thing.box.size[[0, 2, 1]]) + " m"
            area = float(np.prod(thing.box.size[[0, 2]]))
            box = self._shape(ring)
            if any(label == thing.label and box.contains(top.centroid) for label, top in tops):
                continue  # its top already bears the name
            named.append((False, -area, thing.id, ring, str(thing.label).replace("_", " "), detail))
        for floor, _, _, ring, name, detail in sorted(named, key=lambda n: n[:3]):
            shape = self._shape(ring)
            for _, top in [*tops, *boxes] if floor else ():
                shape = shape.difference(top)
            self._label(shape, name, detail)

    def _shape(self, ring: Float64) -> Any:
        import shapely

        shape = shapely.Polygon(self.at(ring))
        return shape if shape.is_valid else shape.buffer(0)

    def _label(self, shape: Any, name: str, detail: str) -> None:
        import shapely

        if shape.is_empty or shape.area < 0.04 * self.scale**2:
            return
        inner = shapely.maximum_inscribed_circle(shape)
        cx, cy = inner.coords[0]
        tall = shape.bounds[3] - shape.bounds[1]
        # What has no name is told by its size.
        for lines in ((detail,),) if name == Label.OTHER else ((name, detail), (name,)):
            sizes = (13,) if name == Label.OTHER else (17, 13)[: len(lines)]
            fonts = [self.font(s) for s in sizes]
            width = max(self.draw.textlength(t, font=f) for t, f in zip(lines, fonts, strict=True))
            height = sum(sizes) * 1.25 * SUPER
            if len(lines) == 2 and tall < height:
                continue
            for dy in (0.0, -1.1, 1.1, -2.2, 2.2):
                y = cy + dy * height
                box = (cx - width / 2, y - height / 2, cx + width / 2, y + height / 2)
                clear = all(box[2] < t[0] or box[0] > t[2] or box[3] < t[1] or box[1] > t[3] for t in self.taken)
                least = 0.6 if lines == (name,) else 0.93
                held = shape.intersection(shapely.box(*box)).area > least * shapely.box(*box).area
                if clear and held:
                    top = box[1]
                    halo: Any = {"stroke_width": round(1.5 * SUPER), "stroke_fill": (255, 255, 255, 120)}
                    for text, font, size, color in zip(lines, fonts, sizes, (INK, (70, 72, 76)), strict=False):
                        self.draw.text((cx, top + size * 0.6 * SUPER), text, font=font, fill=color, anchor="mm", **halo)
                        top += size * 1.25 * SUPER
                    self.taken.append(box)
                    return

    def _polygon(self, ring: Float64, fill: tuple[int, ...], line: tuple[int, ...] | None, width: float) -> None:
        points = self.at(ring)
        self.draw.polygon(points, fill=fill)
        if line is not None:
            self.draw.line([*points, points[0]], fill=line, width=max(1, round(width * SUPER)), joint="curve")
