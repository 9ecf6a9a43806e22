"""A small plan of the room in a corner, with the camera, content and what moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from pydantic import Field

from sceneforge.core import Label
from sceneforge.core.arrays import Float64

from ..palette import tint
from ..plan_parts import VERTICAL, is_level, outline, wall_line
from ._canvas import Canvas
from ._parts import Parts
from ._settings import Color, EffectSettings
from ._stage import Stage
from ._text import PANEL, Pen, overlay

SUMMARY = "a small plan of the room in a corner, with the camera, content and what moves"
REACH_M = 1.2
"""Length of the camera's view in the plan."""


class Settings(EffectSettings):
    """Settings of `plan`."""

    corner: Literal["top_left", "top_right", "bottom_left", "bottom_right"] = Field(
        default="top_right", description="Where it lies"
    )
    width: float = Field(default=0.28, gt=0.05, le=1, description="Share of the picture's width")
    opacity: float = Field(default=0.8, ge=0, le=1, description="Of the panel")
    color: Color = Field(default=(255, 120, 84), description="Of the camera")


def prepare(stage: Stage) -> Parts:
    """Ready for one scene."""
    scene = stage.scene
    floors = [outline(p) for p in scene.planes_labelled(Label.FLOOR)]
    walls: list[tuple[Float64, Label]] = [
        (wall_line(p), p.label) for p in scene.planes if p.label in VERTICAL and not is_level(p)
    ]
    tops: list[tuple[Float64, Label]] = [
        (outline(p), p.label)
        for p in scene.planes
        if is_level(p) and p.normal[1] > 0 and p.label not in (Label.FLOOR, Label.CEILING) and p.area_m2 > 0.15
    ]
    tops += [(o.box.corners[[0, 1, 5, 4]][:, [0, 2]], o.label) for o in scene.objects]
    track = np.zeros((0, 2)) if scene.track is None else scene.track.T_world_camera[:, [0, 2], 3]
    shapes = [*floors, *(w for w, _ in walls), *(t for t, _ in tops), track]
    points = np.concatenate(shapes) if shapes else np.zeros((0, 2))
    if not len(points):
        points = np.array([[-1.0, -1.0], [1.0, 1.0]])
    low, high = points.min(axis=0) - 0.2, points.max(axis=0) + 0.2

    def draw(canvas: Canvas, settings: Settings) -> None:
        h, w = canvas.picture.shape[:2]
        margin = canvas.px(10)
        scale = settings.width * w / float(high[0] - low[0])
        scale = min(scale, 0.45 * h / float(high[1] - low[1]))
        wide, tall = scale * (high - low)
        x0 = margin if "left" in settings.corner else w - margin - wide
        y0 = margin if "top" in settings.corner else h - margin - tall
        corner = np.array([x0, y0])

        def at(xz: Float64) -> list[tuple[float, float]]:
            return [(float(x), float(y)) for x, y in (xz - low) * scale + corner]

        def plan(pen: Pen) -> None:
            pen.box(x0, y0, x0 + wide, y0 + tall, PANEL, settings.opacity, canvas.px(6))
            for ring in floors:
                pen.polygon(at(ring), (70, 76, 86), 0.9)
            for top, label in tops:
                pen.polygon(at(top), tint(label), 0.75)
            for line, label in walls:
                color = (226, 230, 236) if label in VERTICAL[:2] else tint(label)
                pen.line(at(line), color, canvas.px(2.0))
            if len(track) > 1:
                pen.line(at(track), settings.color, canvas.px(0.8), 0.45)
            _camera(pen, canvas, settings, at)
            moving = {t.body: t for t in stage.trajectories}
            for p in stage.arrangement.placements:
                T = moving[p.request].at(canvas.time_s) if p.request in moving else p.T_world_content
                ((x, y),) = at(T[None, [0, 2], 3])
                pen.dot(x, y, canvas.px(3.2), (255, 255, 255))
                pen.dot(x, y, canvas.px(2.2), (84, 170, 255))

        overlay(canvas.picture, plan)

    return Parts(over=draw)


def _camera(pen: Pen, canvas: Canvas, settings: Settings, at: Callable[[Float64], list[tuple[float, float]]]) -> None:
    """The camera's place and the sides of its view, seen from above."""
    T, camera = canvas.T_world_camera, canvas.frame.camera
    eye = T[[0, 2], 3]
    sides = []
    for x in (0, camera.width - 1):
        ray = T[:3, :3] @ np.array([(x - camera.cx) / camera.fx, 0, 1])
        flat = ray[[0, 2]] / max(float(np.linalg.norm(ray[[0, 2]])), 1e-9)
        sides.append(eye + REACH_M * flat)
    points = at(np.array([eye, *sides]))
    pen.polygon(points, settings.color, 0.4)
    pen.dot(points[0][0], points[0][1], canvas.px(3), settings.color)
