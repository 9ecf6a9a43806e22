"""The labelled mesh itself, shaded by the way it faces, over the picture."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from ._canvas import Canvas
from ._parts import Parts
from ._settings import EffectSettings
from ._stage import Stage
from .tint import legend_of

SUMMARY = "the labelled mesh itself, shaded by the way it faces, with a legend"


class Settings(EffectSettings):
    """Settings of `semantic`."""

    opacity: float = Field(default=0.85, ge=0, le=1, description="Of the mesh over the picture")
    legend: bool = Field(default=True, description="Name the labels in view in a corner")


def prepare(stage: Stage) -> Parts:
    """Ready for one scene."""

    def under(canvas: Canvas, settings: Settings) -> None:
        n = canvas.normals
        # Half from above, half from the camera's side: every face gets another grey, none is black.
        facing = np.abs(np.einsum("ijk,k->ij", n, canvas.T_world_camera[:3, 2].astype(np.float32)))
        light = 0.45 + 0.3 * np.clip(0.5 + 0.5 * n[..., 1], 0, 1) + 0.35 * facing
        colors = stage.label_tints[canvas.label]
        colors = np.where((canvas.label > 0)[..., None], colors, (150, 150, 156))
        canvas.paint(np.minimum(colors * light[..., None], 255), np.where(canvas.known, settings.opacity, 0))

    def over(canvas: Canvas, settings: Settings) -> None:
        if settings.legend:
            legend_of(canvas, canvas.label)

    return Parts(under, over)
