"""The scene graph over the picture: things with their names, and lines for what relates them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from sceneforge.core import Label, SceneObject
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import inverse, transform_points

from ..palette import tint
from ._canvas import Canvas
from ._names import Box, Link, Name, lay_links, place_names
from ._parts import Parts
from ._settings import EffectSettings
from ._stage import Stage
from ._text import PANEL, TEXT, Pen, overlay, text_size

SUMMARY = "the scene graph: things with their names, and lines for what relates them, none over another"
RELATION_COLORS: Mapping[str, tuple[int, int, int]] = {
    "on": (255, 190, 92),
    "above": (120, 200, 255),
    "next_to": (150, 230, 150),
}
OTHER_COLOR = (220, 180, 255)
EDGES = [(a, b) for a in range(8) for b in range(a + 1, 8) if bin(a ^ b).count("1") == 1]
"""Pairs of a box's corners, in `OrientedBox.corners` order, that bound it."""


class Settings(EffectSettings):
    """Settings of `graph`."""

    relations: bool = Field(default=True, description="Draw what relates things, not only their names")
    boxes: bool = Field(default=True, description="Draw the boxes of objects")
    planes: bool = Field(default=True, description="Name labelled planes too")
    least_confidence: float = Field(default=0.0, ge=0, le=1, description="Of relations that are drawn")
    text_px: float = Field(default=11.0, ge=4, le=60, description="Size of the names")
    most: int = Field(default=16, ge=1, le=200, description="Largest number of names in a picture")


@dataclass(frozen=True)
class Node:
    """A thing of the graph."""

    id: str
    """Of a plane or object."""
    text: str
    """Its name."""
    color: tuple[int, int, int]
    """Of its label."""
    point: Float64
    """(3,) where its name belongs, world."""
    skin_m: float
    """How far behind the visible surface that point may lie."""
    weight: float
    """Large and certain things are named first."""
    is_plane: bool
    """Whether it is a plane."""


class GraphPainter:
    """Draws the graph; remembers where names stood in the frame before, so that they do not jump."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._nodes, self._alias = stage, *nodes(stage)
        self._offsets: dict[str, Float64] = {}

    def memory(self) -> dict[str, Any]:
        """What carries over from frame to frame, as arrays."""
        keys = sorted(self._offsets)
        return {"keys": np.array(keys, dtype=np.str_), "offsets": np.array([self._offsets[k] for k in keys])}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take back what `memory` gave."""
        self._offsets = dict(zip(memory["keys"].tolist(), memory["offsets"], strict=True))

    def draw(self, canvas: Canvas, settings: Settings) -> None:
        """Boxes, lines, then names."""
        if settings.boxes:
            self._draw_boxes(canvas)
        size = canvas.picture.shape[1], canvas.picture.shape[0]
        text = canvas.px(settings.text_px)
        there = [n for n in self._nodes if (settings.planes or not n.is_plane) and canvas.seen(n.point, n.skin_m)]
        there = sorted(there, key=lambda n: (-n.weight, n.id))[: settings.most]
        anchors = {n.id: canvas.project(n.point)[0] for n in there}
        names = [Name(n.id, anchors[n.id], self._size(n.text, text, 1.4), n.weight) for n in there]
        boxes = place_names(names, size, before=self._offsets)
        self._offsets = {k: np.array([(b.x0 + b.x1) / 2, (b.y0 + b.y1) / 2]) - anchors[k] for k, b in boxes.items()}
        there = [n for n in there if n.id in boxes]
        links = self._links(anchors, settings, text) if settings.relations else {}
        laid = lay_links([k for k, _ in links.values()], list(boxes.values()), size)

        def ink(pen: Pen) -> None:
            for key, way in laid.items():
                predicate = links[key][1]
                color = RELATION_COLORS.get(predicate, OTHER_COLOR)
                pen.line([(float(x), float(y)) for x, y in way.points], color, canvas.px(1.5), 0.9)
                tip, back = way.points[-1], way.points[-3]
                pen.polygon(_arrow(tip, tip - back, canvas.px(6)), color, 0.95)
                if way.name is not None:
                    self._pill(pen, way.name, predicate.replace("_", " "), 0.85 * text, color, PANEL)
            for n in there:
                x, y = anchors[n.id]
                near = _nearest(boxes[n.id], x, y)
                if np.hypot(near[0] - x, near[1] - y) > canvas.px(5):
                    pen.line([(float(x), float(y)), near], TEXT, canvas.px(0.8), 0.7)
                pen.dot(float(x), float(y), canvas.px(3.4), PANEL, 0.9)
                pen.dot(float(x), float(y), canvas.px(2.4), n.color)
            for n in there:
                self._pill(pen, boxes[n.id], n.text, text, TEXT, PANEL, n.color)

        overlay(canvas.picture, ink)

    def _links(self, anchors: Mapping[str, Float64], settings: Settings, text: float) -> dict[str, tuple[Link, str]]:
        out = {}
        for r in self._stage.scene.graph.relations:
            a, b = self._alias.get(r.subject, r.subject), self._alias.get(r.object, r.object)
            if a != b and a in anchors and b in anchors and r.confidence >= settings.least_confidence:
                key = f"{a}|{r.predicate}|{b}"
                size = self._size(r.predicate.replace("_", " "), 0.85 * text, 0.7)
                out[key] = Link(key, anchors[a], anchors[b], size, r.confidence), r.predicate
        return out

    def _draw_boxes(self, canvas: Canvas) -> None:
        for thing in self._stage.scene.objects:
            c = thing.box.corners
            a, b = c[[i for i, _ in EDGES]], c[[j for _, j in EDGES]]
            color = np.minimum(np.array(tint(thing.label)) * 0.6 + 110, 255)
            canvas.paint(color, 0.9 * canvas.lines(a, b, width_px=1.2, hidden=0.25))

    def _size(self, text: str, size: float, extra: float) -> tuple[float, float]:
        w, h = text_size(text, size)
        return w + (extra + 0.9) * size, h + 0.45 * size

    def _pill(
        self, pen: Pen, box: Box, text: str, size: float, ink: Any, ground: Any, dot: Any = None
    ) -> None:  # a name on its ground, with its label's colour before it
        pen.box(*box, ground, 0.82, size * 0.4)
        middle = (box.y0 + box.y1) / 2
        if dot is None:
            pen.text((box.x0 + box.x1) / 2, middle, text, size, ink)
        else:
            pen.dot(box.x0 + 0.9 * size, middle, 0.3 * size, dot)
            pen.text(box.x0 + 1.6 * size, middle, text, size, ink, "lm")


def prepare(stage: Stage) -> Parts:
    """Ready for one scene."""
    painter = GraphPainter(stage)
    return Parts(over=painter.draw, memory=painter.memory, recall=painter.recall)


def nodes(stage: Stage) -> tuple[list[Node], dict[str, str]]:
    """Objects, labelled planes, and planes that a relation names; and which planes an object stands for by id."""
    scene = stage.scene
    out = [
        Node(
            o.id,
            "object" if o.label == Label.OTHER else f"{o.label} {round(100 * o.confidence)}%".replace("_", " "),
            tint(o.label),
            np.array(o.box.T_world_box[:3, 3]),
            float(0.5 * np.linalg.norm(o.box.size)) + 0.15,
            1.0 + float(np.prod(o.box.size)) * o.confidence,
            False,
        )
        for o in scene.objects
    ]
    alias: dict[str, str] = {}
    related = {i for r in scene.graph.relations for i in (r.subject, r.object)}
    for p in scene.planes:
        point = _middle(stage, p)
        same = [o.id for o in scene.objects if o.label == p.label and _holds(o, point)]
        if same:
            alias[p.id] = same[0]
        elif p.label not in (Label.OTHER, Label.UNLABELLED) or p.id in related:
            text = str(p.label).replace("_", " ") if p.label != Label.OTHER else "surface"
            weight = 0.5 + 0.1 * min(p.area_m2, 20) * p.confidence
            out.append(Node(p.id, text, tint(p.label), point, 0.12, weight, True))
    return out, alias


def _holds(thing: SceneObject, point: Float64) -> bool:
    """Whether a point lies in an object's box, or just outside of it."""
    local = transform_points(inverse(thing.box.T_world_box), point)
    return bool((np.abs(local) < thing.box.size / 2 + 0.05).all())


def _middle(stage: Stage, plane: Any) -> Float64:
    """The place inside a plane's outline that is farthest from its rim."""
    import shapely

    shape = shapely.Polygon(plane.polygon, [h for h in plane.holes if len(h) >= 3])
    shape = shape if shape.is_valid else shape.buffer(0)
    if shape.is_empty:
        return np.asarray(plane.to_world(plane.polygon.mean(axis=0)))
    centre = shapely.maximum_inscribed_circle(shape).coords[0]
    return np.asarray(plane.to_world(np.array(centre)))


def _nearest(box: Box, x: float, y: float) -> tuple[float, float]:
    return min(max(x, box.x0), box.x1), min(max(y, box.y0), box.y1)


def _arrow(tip: Float64, along: Float64, size: float) -> list[tuple[float, float]]:
    d = along / max(float(np.hypot(*along)), 1e-9) * size
    side = np.array([-d[1], d[0]]) * 0.5
    return [(float(p[0]), float(p[1])) for p in (tip, tip - d + side, tip - d - side)]
