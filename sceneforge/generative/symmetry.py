"""Fill a hole in a planned pattern from where the pattern repeats: turned by half a turn, mirrored, or shifted.

Rugs, doors, cupboard fronts and tilings have a plan that no copying of small patches finds. Where the surroundings of a
hole agree with another part of the surface under such a map, the hole's cells are what the map says: the offsets whose
statistics He and Sun use ("Statistics of Patch Offsets for Image Completion", ECCV 2012), and their mirror images.
All maps of a kind are tried at once, by correlation of what is known (Padfield, "Masked Object Registration in the
Fourier Domain", TIP 2012).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.color import LUMINANCE

CELL_M = 0.014
"""Cells of the search."""
AROUND_M = 0.5
"""What must agree: the surroundings of the hole as far as this."""
FROM_M = 1.5
"""How far around the hole a repetition is looked for."""
NEAREST_M, SHIFTED = 0.2, 0.65
"""Shifts by less than this are no repetition; and they must agree better than mirrored parts, since grain does, too."""
JOINED_M = 0.06
"""Holes closer than twice this are filled by one map."""
LEAST_M = 0.08
"""Holes narrower than this are left to painters, who see more of the grain."""
ALIKE = 0.5
"""Correlation of the surroundings with what they are mapped to."""
OVERLAP, COVERED = 0.4, 0.15
"""Share of the surroundings that must be compared, and of the hole that must be filled."""
PLAIN = 0.4
"""Log contrast below which a surface has grain, but no plan."""
SLOW_M = 0.15
"""Colour is compared to its mean over so much: light and shade do not count, nor that a rug ends."""
LIGHT_M = 0.06
"""Cells in which the light is brought over."""
BRIGHTER = 1.2
"""Most log light that is brought over."""
MAPS = 4
"""Maps tried one after the other on one hole."""
SIGNS = ((-1, -1), (1, -1), (-1, 1), (1, 1))
"""Half a turn, mirrored along columns, along rows, shifted: the signs of row and column."""


@dataclass(frozen=True)
class _Map:
    """Row and column p go to `sign * p + shift`."""

    sign: tuple[int, int]
    shift: tuple[int, int]
    score: float

    def __call__(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        return self.sign[0] * rows + self.shift[0], self.sign[1] * columns + self.shift[1]


def continue_pattern(
    color: Float32, hole: NDArray[np.bool_], seen: NDArray[np.bool_], cell_m: float, kinds: UInt8 | None = None
) -> tuple[Float32, NDArray[np.bool_]]:
    """Fill what a pattern's plan tells.

    Args:
        color: (H, W, 3) linear light.
        hole: (H, W) what is to be filled.
        seen: (H, W) where `color` is known.
        cell_m: Edge of a cell, metres.
        kinds: (H, W) material of every cell, if there are several: a pattern ends where its rug does.

    Returns:
        The picture, and (H, W) the cells of the hole that were filled; the others are a painter's.
    """
    import cv2

    factor = max(1, round(CELL_M / cell_m))
    h, w = hole.shape[0] // factor, hole.shape[1] // factor
    filled, out = np.zeros_like(hole), color
    if min(h, w) < 16:
        return out, filled
    share = _pooled(seen.astype(np.float32), factor)
    known = share > 0.7
    feature = _feature(_pooled(color * seen[..., None], factor), share, known, cell_m * factor)
    gap = _pooled(hole.astype(np.float32), factor) > 0.3
    reach = round(AROUND_M / (cell_m * factor))
    joined = 2 * round(JOINED_M / (cell_m * factor)) + 1
    count, parts = cv2.connectedComponents(cv2.dilate(gap.astype(np.uint8), np.ones((joined, joined), np.uint8)))
    for number in range(1, count):
        part = gap & (parts == number)
        if cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 3).max() * cell_m * factor < LEAST_M / 2:
            continue
        around = known & (cv2.dilate(part.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0)
        mine = hole & _enlarged(parts == number, hole.shape, factor)
        crop = _bounds(part, round(FROM_M / (cell_m * factor)))
        for _ in range(MAPS):
            left = mine & ~filled
            rest = part & (_pooled(left.astype(np.float32), factor) > 0.3)
            found = _best_map(feature[crop], known[crop], around[crop], rest[crop], NEAREST_M / (cell_m * factor))
            if found is None:
                break
            by = _refined(_moved(found, crop), factor, color, seen, mine, cell_m)
            out, done = _brought(out, seen, left, by, cell_m, kinds)
            filled |= done
    return out, filled


def _bounds(part: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    y, x = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    return slice(max(int(y[0]) - margin, 0), int(y[-1]) + margin + 1), slice(
        max(int(x[0]) - margin, 0), int(x[-1]) + margin + 1
    )


def _moved(found: _Map, crop: tuple[slice, slice]) -> _Map:
    """A map of a part of a picture, for the whole."""
    (dy, dx), (y, x) = found.sign, (crop[0].start, crop[1].start)
    return _Map(found.sign, (found.shift[0] + y - dy * y, found.shift[1] + x - dx * x), found.score)


def _pooled(values: Float32, factor: int) -> Float32:
    import cv2

    h, w = values.shape[0] // factor, values.shape[1] // factor
    cut = values[: h * factor, : w * factor]
    return np.asarray(cv2.resize(cut, (w, h), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _enlarged(mask: NDArray[np.bool_], shape: tuple[int, ...], factor: int) -> NDArray[np.bool_]:
    big = mask.repeat(factor, axis=0).repeat(factor, axis=1)
    return np.pad(big, ((0, shape[0] - big.shape[0]), (0, shape[1] - big.shape[1])), mode="edge")


def _feature(total: Float32, share: Float32, known: NDArray[np.bool_], cell_m: float) -> Float32:
    """(h, w, 3) colour over its mean around: two log ratios and log brightness; 0 where not known."""
    import cv2

    log = np.log(np.maximum(total / np.maximum(share, 1e-6)[..., None], 2e-3))
    parts = np.stack([log[..., 0] - log[..., 1], log[..., 2] - log[..., 1], log @ LUMINANCE], axis=-1)
    weight, sigma = known.astype(np.float32)[..., None], SLOW_M / cell_m
    near = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    mean = cv2.GaussianBlur((parts * weight).astype(np.float32), (0, 0), sigma) / np.maximum(near, 1e-3)
    return np.where(known[..., None], np.clip(parts - mean, -1.0, 1.0), 0).astype(np.float32)


def _best_map(
    feature: Float32, known: NDArray[np.bool_], around: NDArray[np.bool_], hole: NDArray[np.bool_], nearest: float
) -> _Map | None:
    """The map under which the surroundings agree best with what they are mapped to, and which fills the hole."""
    if not around.any() or not hole.any():
        return None
    level = feature[around].mean(axis=0)
    own = np.where(around[..., None], feature - level, 0)
    whole = np.where(known[..., None], feature - level, 0)
    if float((own**2).sum() / around.sum()) < PLAIN**2:
        return None
    size = tuple(2 * s for s in hole.shape)
    there, squares = np.fft.rfft2(known.astype(np.float64), size), np.fft.rfft2((whole**2).sum(axis=2), size)
    colors = [np.fft.rfft2(whole[..., c], size) for c in range(3)]
    best: _Map | None = None
    for sign in SIGNS:

        def over(
            values: NDArray[np.generic], other: NDArray[np.complexfloating], sign: tuple[int, int] = sign
        ) -> Float64:
            turned = np.fft.rfft2(_turned(values.astype(np.float64), sign, size), size)
            return np.asarray(np.fft.irfft2(np.conj(turned) * other, size))

        product = sum(over(own[..., c], colors[c]) for c in range(3))
        compared, covered = over(around, there), over(hole, there) / hole.sum()
        energy = np.maximum(over((own**2).sum(axis=2), there), 0) * np.maximum(over(around, squares), 0)
        score = product / np.sqrt(np.maximum(energy, 1e-9))
        score = np.where((compared > OVERLAP * around.sum()) & (covered > COVERED), score * (0.8 + 0.2 * covered), -1)
        if sign == (1, 1):
            y, x = (np.minimum(np.arange(n), n - np.arange(n)) for n in size)
            score = np.where((y[:, None] ** 2 + x**2 > nearest**2) & (score > SHIFTED), score, -1)
        at = np.unravel_index(int(np.argmax(score)), score.shape)
        if score[at] > max(ALIKE, 0.0 if best is None else best.score):
            ends = (n * limit for n, limit in zip(size, _LIMITS[sign], strict=True))
            dy, dx = (int(a - n) if a > end else int(a) for a, n, end in zip(at, size, ends, strict=True))
            best = _Map(sign, (dy, dx), float(score[at]))
    return best


_LIMITS = {s: tuple(0.5 if k > 0 else 1.0 for k in s) for s in SIGNS}
"""Share of the padded size beyond which shifts are negative: mirrored ones never are."""


def _turned(values: Float64, sign: tuple[int, int], size: tuple[int, ...]) -> Float64:
    """Values (h, w) at `sign * p`, indices taken modulo the size."""
    out = np.zeros(size)
    out[: values.shape[0], : values.shape[1]] = values
    for axis, k in enumerate(sign):
        if k < 0:
            out = np.roll(np.flip(out, axis), 1, axis)
    return out


def _refined(
    found: _Map, factor: int, color: Float32, seen: NDArray[np.bool_], hole: NDArray[np.bool_], cell_m: float
) -> _Map:
    """The map in full cells: the one of the fine ones about it under which the hole's surroundings agree best."""
    import cv2

    reach = round(AROUND_M / 2 / cell_m)
    near = cv2.dilate(hole.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
    y, x = np.nonzero(near & seen)
    step = max(1, len(y) // 20_000)
    y, x = y[::step], x[::step]
    log = np.log(np.maximum(color, 2e-3))
    own, best, lowest = log[y, x], found, np.inf
    middle = [s * factor + (factor - 1 if k < 0 else 0) for k, s in zip(found.sign, found.shift, strict=True)]
    for dy in range(-factor - 1, factor + 2):
        for dx in range(-factor - 1, factor + 2):
            tried = _Map(found.sign, (middle[0] + dy, middle[1] + dx), found.score)
            r, c = tried(y, x)
            ok = _inside(r, c, seen)
            if ok.sum() <= 0.3 * len(y):
                continue
            error = float(np.minimum(np.abs(log[r[ok], c[ok]] - own[ok]), 0.7).mean())
            if error < lowest:
                best, lowest = tried, error
    return best


def _inside(r: NDArray[np.int64], c: NDArray[np.int64], seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    ok = (r >= 0) & (c >= 0) & (r < seen.shape[0]) & (c < seen.shape[1])
    ok[ok] = seen[r[ok], c[ok]]
    return np.asarray(ok)


def _brought(
    color: Float32,
    seen: NDArray[np.bool_],
    hole: NDArray[np.bool_],
    by: _Map,
    cell_m: float,
    kinds: UInt8 | None,
) -> tuple[Float32, NDArray[np.bool_]]:
    """The hole filled by a map as far as it goes, in the light around it, and the cells filled."""
    import cv2

    from .continuing import harmonic

    cell = max(1, round(LIGHT_M / cell_m))
    reach = 2 * cell
    near = cv2.dilate(hole.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
    y, x = np.nonzero(near)
    if not len(y):
        return color, np.zeros_like(hole)
    r, c = by(y, x)
    ok = _inside(r, c, seen)
    y, x, r, c = y[ok], x[ok], r[ok], c[ok]
    if kinds is not None:
        same = kinds[y, x] == kinds[r, c]
        y, x, r, c = y[same], x[same], r[same], c[same]
    made, done = np.zeros_like(color), np.zeros_like(hole)
    made[y, x], done[y, x] = color[r, c], True
    rim = done & seen & ~hole
    ratio = np.log(np.maximum(color, 2e-3)) - np.log(np.maximum(made, 2e-3))
    rows, columns = -(-hole.shape[0] // cell), -(-hole.shape[1] // cell)
    light = np.zeros_like(color)
    if rim.any():
        i, j = np.nonzero(rim)
        index = (i // cell) * columns + j // cell
        count = np.bincount(index, minlength=rows * columns).reshape(rows, columns)
        for k in range(3):
            total = np.bincount(index, np.clip(ratio[i, j, k], -BRIGHTER, BRIGHTER), minlength=rows * columns)
            mean = total.reshape(rows, columns) / np.maximum(count, 1)
            part = tuple(slice(max(v.min() // cell - 1, 0), v.max() // cell + 2) for v in (y, x))
            solved = np.zeros((rows, columns))
            solved[part] = harmonic(mean[part], count[part] > 0.1 * cell * cell)
            soft = cv2.GaussianBlur(solved, (0, 0), 1.0)
            size = (columns * cell, rows * cell)
            light[..., k] = cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR)[: hole.shape[0], : hole.shape[1]]
    done &= hole
    return np.where(done[..., None], made * np.exp(light), color).astype(np.float32), done
