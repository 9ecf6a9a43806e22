"""Upright rectangles on a wall's rectified picture, from the straight edges that bound them.

Regions of another colour (`wall_pictures`) miss what is painted like its wall: a white door in a white wall is four
faint lines. Lines are found one by one; every two upright and two level ones that meet make a rectangle, which counts
by the share of its sides along which the colour really changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sceneforge.core.arrays import Float32, Float64, runs

from .wall_lines import Mask

LEAST_STEP = 1.6
"""Smallest difference of colour (CIE76) that makes an edge; a person sees 2.3."""
OVER_NOISE = 3.5
"""Likewise, over the median difference around: the wall's grain, which bricks have and plaster has not."""
TILE_CELLS = 50
"""Grain is told apart over so much: a metre of wall beside a bookcase has its own."""
GAP_CELLS = 4
MAX_LINES = 12
"""Longest lines taken in either direction of each tile: books beside a door do not crowd it out."""
MEETS = 0.6
"""Share of a rectangle's width, as far as it was seen, that a level line must cover to be its top."""
SHORT_CELLS = 10
"""Upright lines may end so far from the level ones: where the picture ends, or a shadow falls on them."""
KNOWN = 0.4
"""Share of a side that must have been seen on both sides of it."""


@dataclass(frozen=True)
class Rectangle:
    """Cells [left, right) x [bottom, top) of a raster whose rows go up."""

    left: int
    right: int
    bottom: int
    top: int
    sides: tuple[float, float, float, float]
    """Left, right, bottom, top: share along which the colour changes; NaN where too little of the side was seen."""
    step: float
    """Median difference of colour across the sides that were found."""

    @property
    def score(self) -> float:
        """Mean share of the sides seen, in steps of a tenth, so that of two nested frames the outer one wins."""
        known = [s for s in self.sides if not np.isnan(s)]
        return float(np.floor(10 * np.mean(known)) / 10) * (0.8 if len(known) < 4 else 1.0)

    @property
    def area(self) -> int:
        """Cells."""
        return (self.right - self.left) * (self.top - self.bottom)


class _Edges:
    """Differences of colour across one direction, as if all edges were upright."""

    def __init__(self, lab: Float32, seen: Mask) -> None:
        import cv2

        rows, columns = seen.shape
        step = np.zeros((rows, columns + 1), np.float32)
        valid = np.zeros((rows, columns + 1), bool)
        two = (lab[:, :-1] + lab[:, 1:]) / 2
        both = seen[:, :-1] & seen[:, 1:]
        if columns >= 4:
            # Along the edge the grain averages out, across it nothing does.
            smooth = cv2.blur(two * both[..., None].astype(np.float32), (1, 7))
            share = cv2.blur(both.astype(np.float32), (1, 7))
            smooth = np.asarray(smooth) / np.maximum(share, 1e-6)[..., None]
            step[:, 2:-2] = np.linalg.norm(smooth[:, 2:] - smooth[:, :-2], axis=2)
            valid[:, 2:-2] = (share[:, 2:] > 0.4) & (share[:, :-2] > 0.4)
        self.step, self.valid = np.where(valid, step, 0), valid
        mask = self.step > np.maximum(LEAST_STEP, OVER_NOISE * _grain(step, valid))
        ridge = self.step >= cv2.dilate(self.step, np.ones((1, 5), np.uint8)) - 1e-6
        # A line may lean by a cell over its length.
        self.mask = cv2.dilate((mask & ridge).astype(np.uint8), np.ones((1, 3), np.uint8)) > 0
        self._sum = _cumulative(self.mask & valid)
        self._known = _cumulative(valid)
        self._strength: dict[tuple[int, int, int], float] = {}  # rectangles share their sides

    def lines(self, least: int) -> list[tuple[int, int, int]]:
        """(column, first row, last row) of straight edges, longest first, those beside a longer one left out."""
        found = [
            (x, a, b) for x in range(self.mask.shape[1]) for a, b in runs(self.mask[:, x], GAP_CELLS) if b - a >= least
        ]
        found.sort(key=lambda s: (s[1] - s[2], s[0], s[1]))
        kept: list[tuple[int, int, int]] = []
        taken: Counter[tuple[int, int]] = Counter()
        for x, a, b in found:
            tile = x // TILE_CELLS, (a + b) // 2 // TILE_CELLS
            if taken[tile] == MAX_LINES:
                continue
            if not any(abs(x - u) <= 2 and min(b, d) - max(a, c) > 0.5 * (b - a) for u, c, d in kept):
                kept.append((x, a, b))
                taken[tile] += 1
        return kept

    def known(self, x: int, a: int, b: int) -> float:
        """In how many of rows [a, b) column x was seen."""
        return float(self._known[b, x] - self._known[a, x])

    def share(self, x: int, a: int, b: int) -> float:
        """Share of rows [a, b) along which column x is an edge; NaN where too little of them was seen."""
        known = self._known[b, x] - self._known[a, x]
        return float((self._sum[b, x] - self._sum[a, x]) / known) if known > KNOWN * max(b - a, 1) else float("nan")

    def strength(self, x: int, a: int, b: int) -> float:
        """Median step along it."""
        key = (x, a, b)
        if key not in self._strength:
            near = self.step[a:b, max(x - 1, 0) : x + 2].max(axis=1, initial=0.0)
            near = near[near > 0]
            self._strength[key] = float(np.median(near)) if len(near) else 0.0
        return self._strength[key]


def _grain(step: Float32, valid: Mask) -> Float32:
    """Median difference around each cell."""
    import cv2

    if not valid.any():
        return np.zeros_like(step)
    every = float(np.median(step[valid]))
    rows, columns = (max(round(n / TILE_CELLS), 1) for n in step.shape)
    tiles = np.full((rows, columns), every, np.float32)
    for i, band in enumerate(np.array_split(np.arange(step.shape[0]), rows)):
        for k, strip in enumerate(np.array_split(np.arange(step.shape[1]), columns)):
            part = slice(band[0], band[-1] + 1), slice(strip[0], strip[-1] + 1)
            own = step[part][valid[part]]
            if len(own) > 0.2 * valid[part].size:
                tiles[i, k] = min(np.median(own), every)  # a poster's own edges are no grain
    size = (step.shape[1], step.shape[0])
    return np.asarray(cv2.resize(tiles, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _cumulative(mask: Mask) -> Float64:
    return np.concatenate([np.zeros((1, mask.shape[1])), np.cumsum(mask, axis=0)])


def find_rectangles(lab: Float32, seen: Mask, least: int, most: int) -> list[Rectangle]:
    """Rectangles with at least three sides known or the floor for a side, best first, overlapping ones included.

    Args:
        lab: (rows, columns, 3) colour, rows upwards from the floor.
        seen: (rows, columns) where it is known.
        least: Shortest side in cells.
        most: Longest width in cells.
    """
    upright, level = _Edges(lab, seen), _Edges(lab.transpose(1, 0, 2), seen.T)
    lines = sorted(upright.lines(least))
    heights = [(y, a, b) for y, a, b in level.lines(least)]
    found: list[Rectangle] = []
    for left, right, low, high in _pairs(lines, least, most):
        enough = MEETS * KNOWN * (right - left)
        covers = [(y, min(b, right) - max(a, left)) for y, a, b in heights]
        across = [y for y, n in covers if n > enough and n > MEETS * level.known(y, left, right)]
        tops = sorted({y for y in across if low + least <= y <= high + SHORT_CELLS})
        for top in tops:
            for bottom in [0, *(y for y in across if low - SHORT_CELLS <= y <= top - least)]:
                r = _rectangle(upright, level, left, right, bottom, top)
                if r is not None:
                    found.append(r)
    return sorted(found, key=lambda r: (-r.score, -r.area, r.left, r.bottom))


def _pairs(lines: list[tuple[int, int, int]], least: int, most: int) -> Iterator[tuple[int, int, int, int]]:
    for i, (left, a, b) in enumerate(lines):
        for right, c, d in lines[i + 1 :]:
            if right - left >= least and right - left <= most and min(b, d) - max(a, c) >= least:
                yield left, right, min(a, c), max(b, d)


def _rectangle(upright: _Edges, level: _Edges, left: int, right: int, bottom: int, top: int) -> Rectangle | None:
    sides = (
        upright.share(left, bottom, top),
        upright.share(right, bottom, top),
        level.share(bottom, left, right) if bottom > 0 else float("nan"),
        level.share(top, left, right),
    )
    known = [s for s in sides if not np.isnan(s)]
    if len(known) < 3 or min(known) < MEETS:
        return None
    strengths = [
        upright.strength(left, bottom, top),
        upright.strength(right, bottom, top),
        level.strength(top, left, right),
    ]
    return Rectangle(left, right, bottom, top, sides, float(np.median(strengths)))
