"""Names, legends and panels over a picture, antialiased."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from sceneforge.core.arrays import Float32

SUPER = 2
"""Everything is drawn this many times larger and scaled down."""
PANEL, TEXT, QUIET = (18, 22, 28), (244, 246, 248), (178, 186, 196)
Color = tuple[int, int, int]


@lru_cache(maxsize=32)
def font(size: float) -> Any:
    """Pillow's own font at a size in pixels of the scaled-up sheet."""
    from PIL import ImageFont

    return ImageFont.load_default(size)


def text_size(text: str, size: float) -> tuple[float, float]:
    """Width and height in pixels of one line."""
    x0, _, x1, _ = font(size * SUPER).getbbox(text)
    return (x1 - x0) / SUPER, size * 1.2


def overlay(picture: Float32, draw: Callable[[Pen], None]) -> None:
    """Let `draw` put shapes and text over a picture (H, W, 3) float32 in place.

    Pillow blends onto opaque pictures only, so all is drawn twice, on black and on white: where both come out the same
    nothing of the ground is left, and the difference is the opacity (Smith and Blinn 1996).
    """
    from PIL import Image, ImageDraw

    h, w = picture.shape[:2]
    sheets = []
    for ground in (0, 255):
        image = Image.new("RGB", (w * SUPER, h * SUPER), (ground,) * 3)
        draw(Pen(ImageDraw.Draw(image, "RGBA")))
        sheets.append(np.asarray(image.reduce(SUPER), dtype=np.float32))
    black, white = sheets
    clear = np.clip((white - black) / 255, 0, 1)
    picture *= clear
    picture += black


class Pen:
    """Draws on the scaled-up sheet with coordinates of the picture; pixel centres are integers."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return (x + 0.5) * SUPER - 0.5, (y + 0.5) * SUPER - 0.5

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: Color, alpha: float, radius: float = 4) -> None:
        """A filled rectangle with round corners."""
        shape = (*self._at(x0, y0), *self._at(x1, y1))
        self._draw.rounded_rectangle(shape, radius * SUPER, fill=(*fill, round(255 * alpha)))

    def dot(self, x: float, y: float, radius: float, fill: Color, alpha: float = 1.0) -> None:
        """A filled circle."""
        cx, cy = self._at(x, y)
        r = radius * SUPER
        self._draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=(*fill, round(255 * alpha)))

    def line(self, points: Sequence[tuple[float, float]], fill: Color, width: float, alpha: float = 1.0) -> None:
        """A line through points."""
        at = [self._at(x, y) for x, y in points]
        self._draw.line(at, fill=(*fill, round(255 * alpha)), width=max(1, round(width * SUPER)), joint="curve")

    def polygon(self, points: Sequence[tuple[float, float]], fill: Color, alpha: float = 1.0) -> None:
        """A filled polygon."""
        self._draw.polygon([self._at(x, y) for x, y in points], fill=(*fill, round(255 * alpha)))

    def text(self, x: float, y: float, text: str, size: float, fill: Color = TEXT, anchor: str = "mm") -> None:
        """One line of text; the anchor is Pillow's."""
        self._draw.text(self._at(x, y), text, font=font(size * SUPER), fill=fill, anchor=anchor)


def legend(
    picture: Float32, entries: Sequence[tuple[str, Color]], size: float, *, title: str = "", corner: str = "bottom_left"
) -> tuple[float, float, float, float] | None:
    """A panel that says which colour is what, in a corner of the picture.

    Returns:
        The panel (x0, y0, x1, y1), or None where there is nothing to say.
    """
    if not entries:
        return None
    h, w = picture.shape[:2]
    line, pad = size * 1.45, size * 0.7
    rows = len(entries) + bool(title)
    wide = max(text_size(name, size)[0] for name, _ in [*entries, (title, TEXT)]) + size * 1.6 + 2 * pad
    tall = rows * line + 2 * pad - 0.3 * size
    x0 = size if "left" in corner else w - size - wide
    y0 = size if "top" in corner else h - size - tall

    def draw(pen: Pen) -> None:
        pen.box(x0, y0, x0 + wide, y0 + tall, PANEL, 0.72, size * 0.5)
        y = y0 + pad + 0.45 * line
        if title:
            pen.text(x0 + pad, y, title, size, QUIET, "lm")
            y += line
        for name, color in entries:
            pen.box(x0 + pad, y - 0.45 * size, x0 + pad + size, y + 0.45 * size, color, 1.0, size * 0.2)
            pen.text(x0 + pad + 1.6 * size, y, name, size, TEXT, "lm")
            y += line

    overlay(picture, draw)
    return x0, y0, x0 + wide, y0 + tall
