"""A labelled, dimensioned plan of a scene, seen from above."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Label, Plane, Scene, write_aside
from sceneforge.core.arrays import Float64
from sceneforge.core.labels import HORIZONTAL_SUPPORTS

from .palette import FAINT, INK, PAPER, PATH, SOFT, tint

WIDTH, HEIGHT, SIDE, MARGIN, SUPER = 1400, 1000, 270, 88, 2
"""Picture, legend column and margin in pixels; everything is drawn SUPER times larger and scaled down."""
VERTICAL = (Label.WALL, Label.INNER_WALL, Label.DOOR, Label.WINDOW, Label.OPENING)

Box: TypeAlias = tuple[float, float, float, float]
Color: TypeAlias = tuple[int, int, int]


def floor_plan(scene: Scene, path: Path) -> None:
    """Write the plan as a PNG.

    The longest side of the floor lies level in the picture; the axes drawn in the corner say how the world's x and z
    run. Scanned surface between knee and head height is shown as grey shading, so that a scene without walls or floor
    is still readable.

    Args:
        scene: Any scene, even one without planes.
        path: The PNG file.
    """
    from PIL import Image

    sheet = _Sheet(scene)
    sheet.scan()
    sheet.floors()
    sheet.furniture()
    sheet.walls()
    sheet.camera_path()
    sheet.dimensions()
    sheet.labels()
    sheet.side_column()
    with write_aside(path) as aside:
        sheet.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(aside, format="PNG")


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


@dataclass
class _Sheet:
    """The drawing under way."""

    scene: Scene
    taken: list[Box] = field(default_factory=list)
    found: set[Label] = field(default_factory=set)

    def __post_init__(self) -> None:
        from PIL import Image, ImageDraw

        self.image = Image.new("RGB", (WIDTH * SUPER, HEIGHT * SUPER), PAPER)
        self.draw = ImageDraw.Draw(self.image, "RGBA")
        scene = self.scene
        floors = scene.planes_labelled(Label.FLOOR)
        self.floor_y = float(np.median([p.origin[1] for p in floors])) if floors else self._lowest()
        extent = [outline(p) for p in scene.planes if is_level(p) and p.label != Label.CEILING]
        extent += [wall_line(p) for p in scene.planes if p.label in VERTICAL and not is_level(p)]
        extent += [o.box.corners[:, [0, 2]] for o in scene.objects]
        extent += [r.polygon for r in scene.rooms]
        if scene.mesh is not None and len(scene.mesh.vertices):
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

    def _lowest(self) -> float:
        mesh = self.scene.mesh
        return float(np.percentile(mesh.vertices[:, 1], 1)) if mesh is not None and len(mesh.vertices) else 0.0

    def at(self, xz: NDArray[Any]) -> list[tuple[float, float]]:
        """World [x, z] (n, 2) to picture points: z runs down the page, as seen from above."""
        p = (np.asarray(xz, dtype=np.float64) @ self.turn.T - self.low) * self.scale + self.shift
        return [(float(x), float(y)) for x, y in p]

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
        p = np.array(self.at(mesh.vertices[(height > 0.35) & (height < 1.9)][:, [0, 2]])).reshape(-1, 2) / 4
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
        for room in self.scene.rooms:
            if len(room.polygon) >= 3:
                self._polygon(room.polygon, (*color, 40), (150, 138, 116), 2)

    def furniture(self) -> None:
        """Level surfaces above the floor, lowest first, and boxes of objects."""
        for box in self.scene.objects:
            ring = box.box.corners[[0, 1, 5, 4]][:, [0, 2]]
            self._polygon(ring, (*tint(box.label), 70), tint(box.label), 1.6)
            self.found.add(box.label)
        for plane in sorted(self._tops(), key=lambda p: (float(p.origin[1]), p.id)):
            color = tint(plane.label)
            self._polygon(outline(plane), (*color, 175), tuple(int(0.72 * c) for c in color), 2)
            self.found.add(plane.label)

    def _tops(self) -> list[Plane]:
        skip = (Label.FLOOR, Label.CEILING, Label.RUG, Label.PLATFORM)
        return [p for p in self.scene.planes if is_level(p) and p.normal[1] > 0 and p.label not in skip]

    def walls(self) -> None:
        """Upright planes as thick lines, openings coloured on top."""
        order = sorted((p for p in self.scene.planes if not is_level(p)), key=lambda p: p.label not in VERTICAL[:2])
        for plane in order:
            if plane.label not in VERTICAL:
                continue
            wall = plane.label in VERTICAL[:2]
            a, b = self.at(wall_line(plane))
            color = tint(plane.label) if not wall else (74, 84, 100)
            width = 8 if wall else 6
            guessed = wall and plane.observed_fraction < 0.5
            self.draw.line([a, b], fill=(*color, 130 if guessed else 255), width=width * SUPER)
            for x, y in (a, b):
                r = width * SUPER / 2
                self.draw.ellipse((x - r, y - r, x + r, y + r), fill=(*color, 130 if guessed else 255))
            self.found.add(plane.label)

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
        """Overall width and depth of the floor (else of everything) along two edges."""
        floors = [outline(p) for p in self.scene.planes_labelled(Label.FLOOR)]
        walls = [wall_line(p) for p in self.scene.planes if p.label in VERTICAL and not is_level(p)]
        shapes = floors + walls
        points = np.concatenate(shapes) @ self.turn.T if shapes else np.stack([self.low, self.high])
        ends = np.stack([points.min(axis=0), points.max(axis=0)])
        (x0, y0), (x1, y1) = ((ends - self.low) * self.scale + self.shift).tolist()
        size = np.ptp(points, axis=0)
        gap, tick, font = 34 * SUPER, 6 * SUPER, self.font(15)
        y, x = y0 - gap, x0 - gap
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
        for thing in self.scene.objects:
            ring = thing.box.corners[[0, 1, 5, 4]][:, [0, 2]]
            detail = " x ".join(f"{s:.2f}" for s in thing.box.size[[0, 2, 1]]) + " m"
            area = float(np.prod(thing.box.size[[0, 2]]))
            box = self._shape(ring)
            if any(label == thing.label and box.contains(top.centroid) for label, top in tops):
                continue  # its top already bears the name
            named.append((False, -area, thing.id, ring, str(thing.label).replace("_", " "), detail))
        for floor, _, _, ring, name, detail in sorted(named, key=lambda n: n[:3]):
            shape = self._shape(ring)
            for _, top in tops if floor else ():
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
        for lines in ((name, detail), (name,)):
            sizes = (17, 13)[: len(lines)]
            fonts = [self.font(s) for s in sizes]
            width = max(self.draw.textlength(t, font=f) for t, f in zip(lines, fonts, strict=True))
            height = sum(sizes) * 1.25 * SUPER
            if len(lines) == 2 and tall < height:
                continue
            for dy in (0.0, -1.1, 1.1, -2.2, 2.2):
                y = cy + dy * height
                box = (cx - width / 2, y - height / 2, cx + width / 2, y + height / 2)
                clear = all(box[2] < t[0] or box[0] > t[2] or box[3] < t[1] or box[1] > t[3] for t in self.taken)
                least = 0.93 if len(lines) == 2 else 0.6
                held = shape.intersection(shapely.box(*box)).area > least * shapely.box(*box).area
                if clear and held:
                    top = box[1]
                    halo: Any = {"stroke_width": round(1.5 * SUPER), "stroke_fill": (255, 255, 255, 120)}
                    for text, font, size, color in zip(lines, fonts, sizes, (INK, (70, 72, 76)), strict=False):
                        self.draw.text((cx, top + size * 0.6 * SUPER), text, font=font, fill=color, anchor="mm", **halo)
                        top += size * 1.25 * SUPER
                    self.taken.append(box)
                    return

    def side_column(self) -> None:
        """Title, counts, legend, scale bar and axes."""
        x, y = (WIDTH - SIDE) * SUPER, MARGIN * SUPER
        self.draw.line([(x - 24 * SUPER, 60 * SUPER), (x - 24 * SUPER, (HEIGHT - 60) * SUPER)], fill=FAINT, width=SUPER)
        name = self.scene.source.get("name", "scene")
        size = 26
        while size > 14 and self.draw.textlength(name, font=self.font(size)) > (SIDE - 30) * SUPER:
            size -= 1
        self.draw.text((x, y), name, font=self.font(size), fill=INK)
        y += 44 * SUPER
        scene = self.scene
        floor = sum(p.area_m2 for p in scene.planes_labelled(Label.FLOOR))
        seen = sum(p.area_m2 * p.observed_fraction for p in scene.planes_labelled(Label.FLOOR))
        facts = [f"{floor:.1f} sq m of floor, {seen / floor:.0%} seen"] if floor else ["no floor found"]
        facts += [f"{len(scene.planes)} surfaces, {len(scene.objects)} objects"]
        heights = [r.height_m for r in scene.rooms if r.height_m]
        facts += [f"ceiling at {max(heights):.2f} m"] if heights else []
        for fact in facts:
            self.draw.text((x, y), fact, font=self.font(15), fill=SOFT)
            y += 23 * SUPER
        y += 20 * SUPER
        for label in sorted(self.found, key=lambda item: item.number):
            color = tint(label) if label not in VERTICAL[:2] else (74, 84, 100)
            self.draw.rounded_rectangle((x, y, x + 26 * SUPER, y + 16 * SUPER), 4 * SUPER, fill=color)
            text = str(label).replace("_", " ")
            self.draw.text((x + 38 * SUPER, y + 8 * SUPER), text, font=self.font(15), fill=INK, anchor="lm")
            y += 26 * SUPER
        if scene.track is not None and len(scene.track.indices):
            self.draw.line([(x, y + 8 * SUPER), (x + 26 * SUPER, y + 8 * SUPER)], fill=PATH, width=2 * SUPER)
            self.draw.text((x + 38 * SUPER, y + 8 * SUPER), "camera path", font=self.font(15), fill=INK, anchor="lm")
        self._scale_bar(x, (HEIGHT - 92) * SUPER)
        self._axes(x + 28 * SUPER, (HEIGHT - 200) * SUPER)

    def _scale_bar(self, x: float, y: float) -> None:
        limit = (SIDE - 60) * SUPER / self.scale
        length = max((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if s <= limit), default=0.1)
        step, h = length * self.scale / 4, 7 * SUPER
        for k in range(4):
            fill = INK if k % 2 == 0 else PAPER
            self.draw.rectangle((x + k * step, y, x + (k + 1) * step, y + h), fill=fill, outline=INK)
        self.draw.text((x, y + 16 * SUPER), "0", font=self.font(13), fill=SOFT, anchor="mt")
        self.draw.text((x + 4 * step, y + 16 * SUPER), f"{length:g} m", font=self.font(13), fill=SOFT, anchor="mt")

    def _axes(self, x: float, y: float) -> None:
        for axis, color, name in ((0, (200, 84, 76), "x"), (1, (78, 116, 190), "z")):
            d = self.turn[:, axis] * 42 * SUPER
            self.draw.line([(x, y), (x + d[0], y + d[1])], fill=color, width=3 * SUPER)
            at = (x + d[0] * 1.3, y + d[1] * 1.3)
            self.draw.text(at, name, font=self.font(15), fill=color, anchor="mm")
        r = 4 * SUPER
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=INK)
        self.draw.text((x - 14 * SUPER, y - 14 * SUPER), "y up", font=self.font(13), fill=SOFT, anchor="mm")

    def _polygon(self, ring: Float64, fill: tuple[int, ...], line: tuple[int, ...] | None, width: float) -> None:
        points = self.at(ring)
        self.draw.polygon(points, fill=fill)
        if line is not None:
            self.draw.line([*points, points[0]], fill=line, width=max(1, round(width * SUPER)), joint="curve")
