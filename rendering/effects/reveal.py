"""Surfaces that appear in a wave running over the room, with outlines that travel behind its front."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from sceneforge.core.arrays import Float32

from ._canvas import Canvas
from ._parts import Parts
from ._settings import Color, EffectSettings, Place, place_of
from ._stage import Metric, Stage

SUMMARY = "surfaces appear in a wave from a point over the room, outlines travelling behind its front"
STEEPEST_M = 0.08
"""Distance that may lie between neighbouring pixels; more is an edge of the picture, not a slope."""


class Settings(EffectSettings):
    """Settings of `reveal`."""

    start: Place = Field(default="camera", description="Where the wave starts: a point, an id, or camera")
    radius_m: float = Field(default=3.0, ge=0, le=1000, description="How far the front has come, metres")
    metric: Metric = Field(default="geodesic", description="geodesic = along the surface, euclidean = through the air")
    fill: Literal["tint", "picture", "color", "none"] = Field(
        default="tint", description="What appears: label tints, the captured picture, one colour, or lines alone"
    )
    opacity: float = Field(default=0.45, ge=0, le=1, description="Of the fill")
    color: Color = Field(default=(96, 220, 255), description="Of the lines, and of the fill `color`")
    outlines: int = Field(default=5, ge=0, le=50, description="Lines that travel behind the front")
    spacing_m: float = Field(default=0.25, gt=0, le=10, description="Between two of them")
    width_px: float = Field(default=2.0, gt=0, le=20, description="Width of the front's line")
    glow_m: float = Field(default=0.15, ge=0, le=5, description="Length of the light behind the front")


def prepare(stage: Stage) -> Parts:
    """Ready for one scene."""

    def draw(canvas: Canvas, settings: Settings) -> None:
        d = canvas.distance(place_of(settings.start, stage.point), settings.metric)
        slope = pixel_slope(d)
        behind = settings.radius_m - d  # metres that the front has gone beyond a pixel's surface
        inside = np.clip(np.nan_to_num(behind / slope + 0.5, nan=0.0), 0, 1)
        if settings.fill == "picture":
            canvas.paint(canvas.frame.color, inside * settings.opacity)
        elif settings.fill == "color":
            canvas.paint(settings.color, inside * settings.opacity)
        elif settings.fill == "tint":
            tinted = np.where(canvas.plane >= 0, settings.opacity, 0.25 * settings.opacity)
            canvas.paint(stage.plane_tints[canvas.plane], inside * tinted)
        if settings.glow_m > 0:
            fade = np.exp(-np.maximum(np.nan_to_num(behind, nan=1e3), 0) / (settings.glow_m / 2))
            canvas.paint(settings.color, 0.6 * inside * fade)
        half = canvas.px(settings.width_px) / 2
        for k in range(settings.outlines + 1):
            strength = 1.0 if k == 0 else 0.7 * (1 - (k - 1) / settings.outlines)
            if settings.radius_m <= k * settings.spacing_m:
                break
            off = np.abs(behind - k * settings.spacing_m) / slope
            line = np.clip(np.nan_to_num((half if k == 0 else 0.6 * half) + 0.5 - off, nan=0.0), 0, 1)
            canvas.paint(settings.color, strength * line)

    return Parts(under=draw)


def pixel_slope(d: Float32) -> Float32:
    """(H, W) metres that a distance map changes by per pixel, at least a tenth of a millimetre.

    The smaller of the differences to either side counts, so that outlines keep their width at edges of the picture.
    """
    total = np.zeros_like(d)
    for axis in (0, 1):
        step = np.abs(np.diff(d, axis=axis))
        step = np.where(np.isnan(step), np.inf, step)
        pad = [(1, 0) if k == axis else (0, 0) for k in (0, 1)]
        before = np.pad(step, pad, constant_values=np.inf)
        after = np.pad(step, [p[::-1] for p in pad], constant_values=np.inf)
        total += np.minimum(np.minimum(before, after), STEEPEST_M) ** 2
    return np.maximum(np.sqrt(total), 1e-4)
