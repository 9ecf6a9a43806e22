"""The skirting board of a wall: an edge that runs along its foot at one height.

Alone, a cell beside the floor says little: light changes there, depth readings mix, and a white board before a white
wall differs by a shade and a centimetre. But the edge is level, and all columns of a wall that are seen agree on it:
medians over them tell what no cell tells.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64

LOWEST_M, HIGHEST_M = 0.03, 0.22
"""Heights at which skirting boards end."""
LEAST_COLUMNS = 25
"""Fewer columns of cells are too few to agree."""
AGREE = 0.6
"""Share of the columns that must show the edge."""
LEAST_LOOK, LEAST_RISE_M = 0.05, 0.004
"""Steps of log colour, and of height over the wall, that are an edge."""
BESIDE = 3
"""Cells below and above an edge that do not share it."""
CLEAR = 3.0
"""It stands out from the steps at other heights by this factor."""
SAME_BOARD_M = 0.015
"""Skirting boards of one room differ in height by no more, as they are measured."""


def common_height(heights: Sequence[float]) -> float | None:
    """Height at which most of the skirting boards found end, metres: a room has the same ones all around; None where
    they do not agree."""
    if not heights:
        return None
    middle = float(np.median(heights))
    alike = [h for h in heights if abs(h - middle) <= SAME_BOARD_M]
    return float(np.median(alike)) if len(alike) > 0.5 * len(heights) else None


def skirting(look: Float64, rise: Float32, known: NDArray[np.bool_], up: Float32, cell: float) -> float | None:
    """Height over the floor at which a wall's skirting board ends, metres; None where there is none to be seen.

    Args:
        look: (h, w, 3) log brightness and colour ratios of the wall's cells.
        rise: (h, w) metres by which each stands out of the wall.
        known: (h, w) cells that were seen.
        up: (h, w) height of each over the floor, metres.
        cell: Edge of a cell, metres.
    """
    dy, dx = np.gradient(up)
    along = np.indices(up.shape)[1 if abs(float(np.median(dy))) > abs(float(np.median(dx))) else 0]
    levels = max(int(2 * HIGHEST_M / cell), 4 * BESIDE)
    level = np.floor(up / cell).astype(int)
    ours = known & (level >= 0) & (level < levels)
    if not ours.any():
        return None
    shape = levels, int(along.max()) + 1
    values: Float64 = np.full((*shape, 4), np.nan)
    values[level[ours], along[ours], :3] = look[ours]
    values[level[ours], along[ours], 3] = rise[ours]
    reach = 2  # edges are smeared over a cell to either side
    step = values[reach:] - values[:-reach]  # row n is the step across level n + 1
    seen = np.isfinite(step[..., 0])
    heights = (np.arange(len(step)) + 0.5 * reach + 0.5) * cell
    where = np.flatnonzero((heights > LOWEST_M) & (heights < HIGHEST_M) & (seen.sum(axis=1) >= LEAST_COLUMNS))
    enough = np.flatnonzero(seen.sum(axis=1) >= LEAST_COLUMNS)
    best, found = 1.0, None
    for channels, least in ((slice(0, 3), LEAST_LOOK), (slice(3, 4), LEAST_RISE_M)):
        middle, agree = np.zeros((len(step), values[..., channels].shape[-1])), np.zeros(len(step))
        for n in enough:
            steps = step[n, seen[n], channels]
            middle[n] = np.median(steps, axis=0)
            agree[n] = float((steps @ middle[n] > 0.5 * middle[n] @ middle[n]).mean())
        # An edge is a step that those just below and above it do not share: light fades over more.
        apart = np.zeros(len(step))
        apart[BESIDE:-BESIDE] = np.linalg.norm(
            middle[BESIDE:-BESIDE] - 0.5 * (middle[: -2 * BESIDE] + middle[2 * BESIDE :]), axis=1
        )
        limit = max(least, CLEAR * float(np.median(apart[enough])) if len(enough) else least)
        for n in where:
            if apart[n] / limit > best and agree[n] >= AGREE:
                best, found = apart[n] / limit, float(heights[n])
    return found
