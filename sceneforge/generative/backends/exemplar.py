"""The exemplar painter: continues what surrounds the mask, with patches of it and nothing else.

Wexler, Shechtman and Irani, "Space-Time Completion of Video" (PAMI 2007): the fill is the picture whose every patch
looks like one outside the mask, found from coarse to fine by alternating nearest patches and weighted votes. Nearest
patches come from PatchMatch (Barnes et al., SIGGRAPH 2009). It never invents, which makes it right for holes in a floor
and useless for turning the floor into grass: prompts are not read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import UsageError
from sceneforge.core.arrays import Float32, Int32, UInt8
from sceneforge.generative.painter import MaskedPainter, Progress, Request

SMALLEST = 14
"""The coarsest level's shorter side, pixels."""
FEWEST = 20
"""Pixels that the hole has at the coarsest level, at least."""
ROUNDS = (20, 16, 12, 8, 5)
"""Rounds of matching and voting per level, the coarsest first; the last number is for all finer levels."""
MANY, FEW = 60_000, 2
"""From so many pixels in the hole on, rounds are few: the fine levels of large holes only sharpen."""
MARGIN = 27
"""Side of the square by which what is wanted is widened there: two patches around it."""
UNSEEN = 1 / 512
"""What the mask covers less than this cannot be told from what was there: it is neither copied from nor filled in
detail."""
CONTEXT = 160
"""Pixels around the hole that patches are taken from."""


class ExemplarPainter(MaskedPainter):
    """Fills holes with what is around them."""

    name = "exemplar"

    def make(self, request: Request) -> UInt8:
        """It always matches what is around; `periodic` has no meaning here.

        Raises:
            UsageError: Less than a patch of the picture is unmasked.
        """
        hole, wanted, out = request.alpha > 0, request.alpha >= UNSEEN, request.image.copy()
        if not wanted.any():
            return out
        part = _around(hole)
        out[part] = _complete(out[part], hole[part], wanted[part], request.seed, request.progress)
        return out


def load() -> ExemplarPainter:
    """The exemplar painter; it has no options."""
    return ExemplarPainter()


def _around(hole: NDArray[np.bool_]) -> tuple[slice, slice]:
    y, x = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    h, w = hole.shape
    return (
        slice(max(int(y[0]) - CONTEXT, 0), min(int(y[-1]) + CONTEXT + 1, h)),
        slice(max(int(x[0]) - CONTEXT, 0), min(int(x[-1]) + CONTEXT + 1, w)),
    )


def _complete(
    image: UInt8, hole: NDArray[np.bool_], wanted: NDArray[np.bool_], seed: int, progress: Progress | None
) -> UInt8:
    """The picture with all of the hole filled coarsely, and what is wanted of it finely."""
    import cv2

    from . import _exemplar_kernels as kernels

    pyramid: list[tuple[Float32, NDArray[np.bool_], NDArray[np.bool_]]] = [(image.astype(np.float32), hole, wanted)]
    if not kernels.sources(~hole).any():
        raise UsageError("too little of the picture is unmasked to continue it; expected at least 7 x 7 pixels")
    while min(pyramid[-1][1].shape) >= 2 * SMALLEST:
        coarser = _halved(*pyramid[-1])
        if coarser[1].sum() < FEWEST or not kernels.sources(~coarser[1]).any():
            break
        pyramid.append(coarser)
    fill: Float32 | None = None
    match: Int32 | None = None
    for level, (picture, gap, needed) in enumerate(reversed(pyramid)):
        h, w = gap.shape
        if fill is None:
            bytes_ = np.clip(picture, 0, 255).astype(np.uint8)
            guess = cv2.inpaint(bytes_, gap.astype(np.uint8), 3, cv2.INPAINT_TELEA).astype(np.float32)
        else:
            guess = np.asarray(cv2.resize(fill, (w, h), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
        fill = np.where(gap[..., None], guess, picture).astype(np.float32)
        many = gap.sum() >= MANY
        rounds = FEW if many else ROUNDS[min(level, len(ROUNDS) - 1)]
        filled = gap & (cv2.dilate(needed.astype(np.uint8), np.ones((MARGIN, MARGIN), np.uint8)) > 0) if many else gap
        fill, match = kernels.complete(
            fill, gap, filled, None if match is None else _doubled(match, h, w), rounds, seed + level
        )
        if progress:
            progress((level + 1) / len(pyramid))
    assert fill is not None
    return np.asarray(np.clip(fill + 0.5, 0, 255), dtype=np.uint8)


def _halved(
    image: Float32, hole: NDArray[np.bool_], wanted: NDArray[np.bool_]
) -> tuple[Float32, NDArray[np.bool_], NDArray[np.bool_]]:
    """Half the size; a pixel is in the hole where all of it was, and its colour comes from the rest; it is wanted
    where any of it was."""
    h, w = hole.shape[0] // 2, hole.shape[1] // 2

    def blocks(values: NDArray[Any]) -> NDArray[Any]:
        return values[: 2 * h, : 2 * w].reshape(h, 2, w, 2, *values.shape[2:])

    weight = blocks((~hole).astype(np.float32))
    total = weight.sum(axis=(1, 3))
    color = (blocks(image) * weight[..., None]).sum(axis=(1, 3)) / np.maximum(total, 1)[..., None]
    return color.astype(np.float32), total == 0, np.asarray(blocks(wanted).any(axis=(1, 3)))


def _doubled(match: Int32, h: int, w: int) -> Int32:
    """A coarser level's matches (r, c, 2) for the pixels of a level of (h, w)."""
    y, x = np.mgrid[0:h, 0:w]
    row, column = np.minimum(y // 2, match.shape[0] - 1), np.minimum(x // 2, match.shape[1] - 1)
    return np.asarray(match[row, column] * 2 + np.stack([y % 2, x % 2], axis=-1), dtype=np.int32)
