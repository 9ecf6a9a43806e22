"""Compiled loops of the exemplar painter. Imported on first use only: numba is slow to import."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Int32

REACH = 3
"""Patches are 7 x 7 pixels."""
SURENESS = 1.3
"""By how much trust falls per pixel of distance from the rim."""
TRIES = 8
"""Random candidates per pixel and round, in ever smaller windows."""


def sources(known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w) centres of the patches that lie in the known part and in the picture entirely."""
    import cv2

    size = 2 * REACH + 1
    kernel = np.ones((size, size), np.uint8)
    out = cv2.erode(known.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(out > 0)


def complete(
    fill: Float32,
    hole: NDArray[np.bool_],
    wanted: NDArray[np.bool_],
    start: Int32 | None,
    rounds: int,
    seed: int,
) -> tuple[Float32, Int32]:
    """Alternate matching and voting.

    Args:
        fill: (h, w, 3) the picture with a first guess in the hole.
        hole: (h, w) what is not known: no patch is copied from there.
        wanted: (h, w) the part of the hole that is to be filled.
        start: (h, w, 2) row and column of each pixel's match from the coarser level; None = random ones.
        rounds: How often.
        seed: Of the random search.

    Returns:
        (h, w, 3) the picture, (h, w, 2) int32 the matches.
    """
    import cv2

    size = 2 * REACH + 1
    allowed = sources(~hole)
    target = cv2.dilate(wanted.astype(np.uint8), np.ones((size, size), np.uint8)) > 0
    centres = np.argwhere(allowed).astype(np.int32)
    rng = np.random.default_rng(seed)
    match = centres[rng.integers(0, len(centres), hole.shape)]
    if start is not None:
        rows = np.clip(start[..., 0], 0, hole.shape[0] - 1)
        columns = np.clip(start[..., 1], 0, hole.shape[1] - 1)
        good = allowed[rows, columns]
        match[good] = np.stack([rows, columns], axis=-1)[good]
    match = np.ascontiguousarray(match, dtype=np.int32)
    picture = np.ascontiguousarray(fill, dtype=np.float32)
    cost = np.zeros(hole.shape, dtype=np.float32)
    # Pixels near the rim are surer (Wexler et al., section 3.2).
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    sure = (SURENESS ** -depth.astype(np.float32)).astype(np.float32)
    for n in range(rounds):
        _costs(picture, target, match, cost)
        for sweep in range(2):
            _search(picture, target, allowed, match, cost, sweep % 2 == 1, np.uint64(seed * 7919 + n * 31 + sweep + 1))
        # The last rounds trust the best patches alone: means of many are blurred.
        share = 75 if n < rounds // 2 else 25
        spread = max(float(np.percentile(cost[target], share)), 1.0)
        _vote(picture, wanted, target, match, cost, sure, np.float32(spread))
    return picture, match


@njit(cache=True, nogil=True)
def _distance(picture: Float32, y: int, x: int, r: int, c: int, best: float) -> float:
    """Mean squared difference of two patches; gives up beyond `best`. What lies outside is skipped."""
    h, w = picture.shape[:2]
    total, count = 0.0, 0
    limit = best * (2 * REACH + 1) * (2 * REACH + 1)
    for dy in range(-REACH, REACH + 1):
        if y + dy < 0 or y + dy >= h:
            continue
        for dx in range(-REACH, REACH + 1):
            if x + dx < 0 or x + dx >= w:
                continue
            for q in range(3):
                d = picture[y + dy, x + dx, q] - picture[r + dy, c + dx, q]
                total += d * d
            count += 1
        if total > limit:
            return total / (2 * REACH + 1) ** 2
    return total / max(count, 1)


@njit(cache=True, nogil=True)
def _costs(picture: Float32, target: NDArray[np.bool_], match: Int32, cost: Float32) -> None:
    h, w = target.shape
    for y in range(h):
        for x in range(w):
            if target[y, x]:
                cost[y, x] = _distance(picture, y, x, match[y, x, 0], match[y, x, 1], np.inf)


@njit(cache=True, nogil=True)
def _search(
    picture: Float32,
    target: NDArray[np.bool_],
    allowed: NDArray[np.bool_],
    match: Int32,
    cost: Float32,
    backwards: bool,
    state: np.uint64,
) -> None:
    """One PatchMatch sweep: matches of neighbours, shifted, and random ones in shrinking windows."""
    h, w = target.shape
    step = -1 if backwards else 1
    y0, y1, x0, x1 = (h - 1, -1, w - 1, -1) if backwards else (0, h, 0, w)
    for y in range(y0, y1, step):
        for x in range(x0, x1, step):
            if not target[y, x]:
                continue
            for k in range(2):
                ny, nx = (y - step, x) if k == 0 else (y, x - step)
                if ny < 0 or nx < 0 or ny >= h or nx >= w or not target[ny, nx]:
                    continue
                r, c = match[ny, nx, 0] + (y - ny), match[ny, nx, 1] + (x - nx)
                if r < 0 or c < 0 or r >= h or c >= w or not allowed[r, c]:
                    continue
                d = _distance(picture, y, x, r, c, cost[y, x])
                if d < cost[y, x]:
                    cost[y, x], match[y, x, 0], match[y, x, 1] = d, r, c
            radius = max(h, w)
            for _ in range(TRIES):
                state = (state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)) & np.uint64(
                    0xFFFFFFFFFFFFFFFF
                )
                u = np.int64((state >> np.uint64(33)) & np.uint64(0x3FFFFFFF)) % (2 * radius + 1) - radius
                state = (state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)) & np.uint64(
                    0xFFFFFFFFFFFFFFFF
                )
                v = np.int64((state >> np.uint64(33)) & np.uint64(0x3FFFFFFF)) % (2 * radius + 1) - radius
                r, c = match[y, x, 0] + u, match[y, x, 1] + v
                radius = max(radius // 2, 1)
                if r < 0 or c < 0 or r >= h or c >= w or not allowed[r, c]:
                    continue
                d = _distance(picture, y, x, r, c, cost[y, x])
                if d < cost[y, x]:
                    cost[y, x], match[y, x, 0], match[y, x, 1] = d, r, c


@njit(cache=True, nogil=True)
def _vote(
    picture: Float32,
    hole: NDArray[np.bool_],
    target: NDArray[np.bool_],
    match: Int32,
    cost: Float32,
    sure: Float32,
    spread: np.float32,
) -> None:
    """Each pixel of the hole becomes the weighted mean of what the patches over it would put there."""
    h, w = hole.shape
    before = picture.copy()
    for y in range(h):
        for x in range(w):
            if not hole[y, x]:
                continue
            total, r0, g0, b0 = 0.0, 0.0, 0.0, 0.0
            for dy in range(-REACH, REACH + 1):
                for dx in range(-REACH, REACH + 1):
                    py, px = y + dy, x + dx
                    if py < 0 or px < 0 or py >= h or px >= w or not target[py, px]:
                        continue
                    weight = sure[py, px] * np.exp(-cost[py, px] / (2.0 * spread)) + 1e-9
                    r, c = match[py, px, 0] - dy, match[py, px, 1] - dx
                    total += weight
                    r0 += weight * before[r, c, 0]
                    g0 += weight * before[r, c, 1]
                    b0 += weight * before[r, c, 2]
            if total > 0:
                picture[y, x, 0], picture[y, x, 1], picture[y, x, 2] = r0 / total, g0 / total, b0 / total
