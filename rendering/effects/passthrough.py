"""The captured picture greyed and darkened, so that what lies on it stands out."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from sceneforge.core.color import LUMINANCE

from ._canvas import Canvas
from ._parts import Parts
from ._settings import Color, EffectSettings
from ._stage import Stage

SUMMARY = "the room's picture greyed and darkened; content keeps its colours"


class Settings(EffectSettings):
    """Settings of `passthrough`."""

    saturation: float = Field(default=0.0, ge=0, le=2, description="0 = grey, 1 = as captured")
    brightness: float = Field(default=0.5, ge=0, le=2, description="Factor on the picture; 1 = as captured")
    contrast: float = Field(default=0.85, ge=0, le=2, description="Factor on differences from the middle grey")
    color: Color = Field(default=(255, 255, 255), description="Colour that white becomes")


def prepare(stage: Stage) -> Parts:
    """Ready for one scene."""
    return Parts(under=draw)


def draw(canvas: Canvas, settings: Settings) -> None:
    """Saturation, contrast and brightness about the luma of BT.709."""
    picture = canvas.picture
    luma = picture @ LUMINANCE.astype(np.float32)
    grey = luma[..., None]
    mixed = grey + settings.saturation * (picture - grey)
    mixed = 118 + settings.contrast * (mixed - 118)
    mixed *= settings.brightness * np.array(settings.color, dtype=np.float32) / 255
    picture[:] = np.clip(mixed, 0, 255)
