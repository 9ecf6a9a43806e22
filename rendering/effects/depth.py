"""How far everything is, in colours, with lines of equal distance."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from sceneforge.core.arrays import Float32
from sceneforge.core.color import LUMINANCE

from ._canvas import Canvas
from ._parts import Parts
from ._settings import EffectSettings
from ._stage import Stage

SUMMARY = "how far everything is from the camera, in colours, with lines of equal distance"


class Settings(EffectSettings):
    """Settings of `depth`."""

    near_m: float = Field(default=0.5, ge=0, le=1000, description="Distance of the first colour, metres")
    far_m: float = Field(default=5.0, gt=0, le=1000, description="Distance of the last colour, metres")
    opacity: float = Field(default=0.9, ge=0, le=1, description="Of the colours")
    contours_m: float = Field(default=0.5, ge=0, le=100, description="Between lines of equal distance; 0 = no lines")
    shading: float = Field(default=0.35, ge=0, le=1, description="How much of the picture's light and dark stays")


def prepare(stage: Stage) -> Parts:
    """Ready for one scene."""
    return Parts(under=draw)


def draw(canvas: Canvas, settings: Settings) -> None:
    """Colours by z-depth, over what is known."""
    from .reveal import pixel_slope

    z = np.where(canvas.known, canvas.view.depth, np.nan).astype(np.float32)
    share = (z - settings.near_m) / max(settings.far_m - settings.near_m, 1e-6)
    luma = canvas.picture @ LUMINANCE.astype(np.float32) / 255
    light = 1 - settings.shading + 1.3 * settings.shading * luma
    color = np.minimum(rainbow(np.nan_to_num(share)) * light[..., None], 255)
    canvas.paint(color, np.where(canvas.known, settings.opacity, 0))
    if settings.contours_m > 0:
        off = np.abs(z - settings.contours_m * np.round(z / settings.contours_m)) / pixel_slope(z)
        canvas.paint((255, 255, 255), 0.65 * np.clip(np.nan_to_num(canvas.px(0.5) + 0.5 - off), 0, 1))


def rainbow(share: Float32) -> Float32:
    """(..., 3) sRGB of shares 0..1: Google's Turbo (Mikhailov 2019), which OpenCV carries."""
    import cv2

    steps = np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
    table = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_TURBO).reshape(256, 3)[:, ::-1]
    return np.asarray(table[steps], dtype=np.float32)
