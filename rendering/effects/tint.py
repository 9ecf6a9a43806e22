"""Every surface in the tint of its label, with a legend of what is in view."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from sceneforge.core import LABEL_NAMES, Label
from sceneforge.core.arrays import Float32, Int32
from sceneforge.core.color import LUMINANCE

from ..palette import tint
from ._canvas import Canvas
from ._parts import Parts
from ._settings import EffectSettings, Labels
from ._stage import Stage
from ._text import legend

SUMMARY = "every surface in the tint of its label, with a legend of what is in view"
LEAST_SHARE = 0.002
"""Of the picture: what is smaller is not named in the legend."""


class Settings(EffectSettings):
    """Settings of `tint`."""

    labels: Labels = Field(default=(), description="Only these labels; empty = all that are known")
    opacity: float = Field(default=0.5, ge=0, le=1, description="Of the tint; the room's shading stays")
    outline_px: float = Field(default=1.2, ge=0, le=20, description="Width of the line between surfaces; 0 = none")
    legend: bool = Field(default=True, description="Name the labels in view in a corner")


def prepare(stage: Stage) -> Parts:
    """Ready for one scene."""

    def under(canvas: Canvas, settings: Settings) -> None:
        shown = chosen(canvas.label, settings.labels)
        luma = canvas.picture @ LUMINANCE.astype(np.float32) / 255
        shaded = stage.label_tints[shown] * (0.35 + 0.75 * luma)[..., None]
        canvas.paint(np.minimum(shaded, 255), np.where(shown > 0, settings.opacity, 0))
        if settings.outline_px > 0:
            canvas.paint((255, 255, 255), 0.75 * rim(canvas.plane, shown, canvas.px(settings.outline_px)))

    def over(canvas: Canvas, settings: Settings) -> None:
        if settings.legend:
            legend_of(canvas, chosen(canvas.label, settings.labels))

    return Parts(under, over)


def legend_of(canvas: Canvas, shown: Int32) -> None:
    """Name the labels (H, W) in view in a corner, most seen first."""
    counts = np.bincount(shown.ravel(), minlength=len(LABEL_NAMES))
    order = [n for n in np.argsort(-counts, kind="stable") if n > 0 and counts[n] > LEAST_SHARE * shown.size]
    entries = [(LABEL_NAMES[n].replace("_", " "), tint(Label(LABEL_NAMES[n]))) for n in order]
    legend(canvas.picture, entries, canvas.px(11))


def chosen(label: Int32, labels: tuple[str, ...]) -> Int32:
    """`label` (H, W) with all but the wanted ones set to 0; without a wish everything that means something."""
    wanted = {Label(n).number for n in labels} if labels else set(range(len(LABEL_NAMES))) - {Label.OTHER.number}
    keep = np.zeros(256, dtype=bool)
    keep[list(wanted)] = True
    return np.where(keep[label], label, 0)


def rim(plane: Int32, shown: Int32, width_px: float) -> Float32:
    """(H, W) coverage of lines of a width between surfaces, inside what is shown."""
    import cv2

    key = (np.where(shown > 0, plane + 2, 0) * 64 + shown).astype(np.float32)
    edge = cv2.morphologyEx(key, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0
    soft = cv2.GaussianBlur(edge.astype(np.float32), (0, 0), max(0.6 * width_px, 0.5))
    return np.asarray(np.clip(soft * 1.5, 0, 1) * (shown > 0), dtype=np.float32)
