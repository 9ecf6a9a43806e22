"""Contact sheets: small captioned pictures in a grid."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from sceneforge.core import write_aside
from sceneforge.core.arrays import UInt8

WIDTH, GAP, CAPTION, HEAD = 400, 14, 26, 52
PAPER, INK, SOFT = (250, 249, 246), (32, 35, 40), (120, 124, 130)


class Thumbnail(NamedTuple):
    """A small picture with its caption."""

    picture: UInt8
    """(h, WIDTH, 3) uint8 sRGB."""
    caption: str
    """One line."""


def thumbnail(picture: UInt8, caption: str) -> Thumbnail:
    """Scale a picture (H, W, 3) to the sheet's column width."""
    import cv2

    h, w = picture.shape[:2]
    size = (WIDTH, max(1, round(h * WIDTH / w)))
    how = cv2.INTER_AREA if w > WIDTH else cv2.INTER_CUBIC
    return Thumbnail(np.asarray(cv2.resize(picture, size, interpolation=how), dtype=np.uint8), caption)


def contact_sheet(thumbnails: list[Thumbnail], path: Path, *, title: str, columns: int = 4) -> None:
    """Write the thumbnails as one PNG, row by row."""
    from PIL import Image, ImageDraw, ImageFont

    columns = max(1, min(columns, len(thumbnails)))
    rows = -(-len(thumbnails) // columns)
    cell = max((t.picture.shape[0] for t in thumbnails), default=0) + CAPTION
    sheet = Image.new("RGB", (GAP + columns * (WIDTH + GAP), HEAD + rows * (cell + GAP)), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, HEAD / 2), title, font=ImageFont.load_default(22), fill=INK, anchor="lm")
    for n, t in enumerate(thumbnails):
        x, y = GAP + n % columns * (WIDTH + GAP), HEAD + n // columns * (cell + GAP)
        sheet.paste(Image.fromarray(t.picture), (x, y))
        draw.text((x, y + t.picture.shape[0] + 5), t.caption, font=ImageFont.load_default(13), fill=SOFT)
    with write_aside(path) as aside:
        sheet.save(aside, format="PNG", optimize=False)
