"""What `evaluate paint` says of the textures themselves: the same when made again, without seams, without repeats."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import SurfacePaint
from sceneforge.core.arrays import UInt8
from sceneforge.core.digest import digest
from sceneforge.generative.windows import WINDOW

from .painter_features import repetition, seam_score

TILE_M = 1.0
"""Side of the piece that the tile to compare with repeats."""
LEAST_M = 0.3
"""Shifts from which likeness counts as repetition; nearer it is the material's own grain."""
MAX_SIDE = 1024


def fingerprint(paints: Sequence[SurfacePaint]) -> str:
    """SHA-256 of everything about paints: textures, masks, light, gains."""
    return digest(*paints)


def fingerprint_elsewhere(folder: Path, seed: int) -> str:
    """The same paints made in another process, with other hash seeds and addresses: their fingerprint.

    Raises:
        RuntimeError: The other process failed.
    """
    code = (
        "import sys; from pathlib import Path; from sceneforge.evaluation import evaluate_paint as e; "
        "from sceneforge.evaluation.paint_texture import fingerprint; "
        "print(fingerprint(e.painted_scan(Path(sys.argv[1]), int(sys.argv[2]))[2]))"
    )
    command = [sys.executable, "-c", code, str(folder), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"painting {folder} in a second process failed: {done.stderr.strip()[-300:]}")
    return done.stdout.split()[-1]


def texture_scores(paint: SurfacePaint) -> dict[str, Any]:
    """Seams and repetition of a texture, and of one made by tiling its first square metre.

    `seam` is the mean step across the borders of the diffusion painter's windows, or of the tiles, over the mean step
    elsewhere (1 = none); `repetition` is the highest autocorrelation at shifts of LEAST_M and more (1 = a tile).
    """
    assert paint.color is not None
    m = paint.raster.metres_per_pixel
    whole = _limited(paint.color)
    side = round(TILE_M / m)
    scores: dict[str, Any] = {}
    if min(whole.shape[:2]) < 2 * side:
        side = min(whole.shape[:2]) // 2
    tile = whole[:side, :side]
    times = (-(-whole.shape[0] // side), -(-whole.shape[1] // side), 1)
    tiled = np.tile(tile, times)[: whole.shape[0], : whole.shape[1]]
    least = max(2, round(LEAST_M / m))
    scores["seam"] = seam_score(whole, range(WINDOW, whole.shape[1], WINDOW))
    scores["seam_tile"] = seam_score(tiled, range(side, whole.shape[1], side))
    scores["repetition"] = repetition(whole, least)
    scores["repetition_tile"] = repetition(tiled, least)
    return {k: round(v, 4) for k, v in scores.items()}


def _limited(color: UInt8) -> UInt8:
    """The middle MAX_SIDE pixels each way: autocorrelation of more takes memory and says no more."""
    h, w = color.shape[:2]
    top, left = max(0, (h - MAX_SIDE) // 2), max(0, (w - MAX_SIDE) // 2)
    return np.ascontiguousarray(color[top : top + MAX_SIDE, left : left + MAX_SIDE])
