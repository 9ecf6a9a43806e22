"""Photographs of surfaces in a folder per class: which may be used, which are held out, and how large they are."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sceneforge.core import InputError
from sceneforge.core.arrays import UInt8

FREE = ("CC0-1.0", "CC0-1.0 (generated here)", "PD-NASA")
"""Licences that are taken, exactly as the index writes them."""
RENAMED = {"space": "starfield", "paint": "plaster"}
"""Folder -> class, where they differ."""
TILE_M = {
    "asphalt": 2.0, "bark": 1.0, "brick": 1.2, "carpet": 1.0, "ceiling_tiles": 4.8, "clouds": 4.0, "concrete": 2.0,
    "cork": 1.0, "fabric": 0.6, "grass": 1.5, "gravel": 1.5, "ground": 2.0, "ice": 2.0, "lava": 2.0, "leaves": 1.0,
    "marble": 1.5, "meadow": 1.5, "metal": 1.0, "milkyway": 4.0, "moss": 1.0, "nebula": 4.0, "paper": 0.6,
    "plaster": 1.5, "rock": 1.8, "roof": 2.0, "sand": 2.0, "snow": 2.0, "starfield": 2.0, "stone_paving": 1.8,
    "terrazzo": 1.2, "thatch": 1.5, "tiles": 1.2, "wallpaper": 1.5, "water": 2.0, "wood": 1.0, "wood_floor": 1.6,
}  # fmt: skip
"""Real width of one tile in metres, our estimate by the sizes of bricks, boards, pebbles and blades in them."""


def held_out(path: str) -> bool:
    """Whether a photograph is kept for evaluation: a fifth of them, by the hash of the path in the index."""
    return zlib.crc32(path.encode()) % 5 == 0


def photographs(root: Path, *, held: bool) -> Iterator[tuple[str, str, UInt8, float]]:
    """(path, class, image (H, W, 3), metres per pixel) of the free photographs, those held out or the others.

    Raises:
        InputError: The index is missing or not understood.
    """
    try:
        index = json.loads((root / "index.json").read_bytes())
        records = sorted((r["path"], r["license"]) for r in index)
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise InputError(f"not understood ({e})", path=root / "index.json", expected="[{path, license}, ...]") from None
    from PIL import Image

    for path, licence in records:
        folder = path.split("/")[0]
        kind = RENAMED.get(folder, folder)
        if licence not in FREE or kind not in TILE_M or held_out(path) != held:
            continue
        if held and "proc256" in path:
            continue
        with Image.open(root / path, formats=("JPEG", "PNG", "WEBP")) as opened:
            image = np.asarray(opened.convert("RGB"), np.uint8)
        yield path, kind, image, TILE_M[kind] / image.shape[1]
