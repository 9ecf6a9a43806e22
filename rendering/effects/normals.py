"""Which way every surface faces, in colours."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from ._canvas import Canvas
from ._parts import Parts
from ._settings import EffectSettings
from ._stage import Stage

SUMMARY = "which way every surface faces, in colours"


class Settings(EffectSettings):
    """Settings of `normals`."""

    frame: Literal["world", "camera"] = Field(default="world", description="Axes that red, green and blue stand for")
    opacity: float = Field(default=0.9, ge=0, le=1, description="Of the colours")


def prepare(stage: Stage) -> Parts:
    """Ready for one scene."""
    return Parts(under=draw)


def draw(canvas: Canvas, settings: Settings) -> None:
    """x, y, z from -1..1 as red, green, blue; camera axes with y up and z towards the eye, as normal maps have it."""
    n = canvas.normals
    if settings.frame == "camera":
        n = (n @ canvas.T_world_camera[:3, :3].astype(np.float32)) * np.array([1, -1, -1], dtype=np.float32)
    known = np.linalg.norm(canvas.normals, axis=-1) > 0.5
    canvas.paint(127.5 + 127.5 * n, np.where(known, settings.opacity, 0))
