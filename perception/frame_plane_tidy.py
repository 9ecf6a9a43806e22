"""Compiled loops of the per-frame plane segmentation, fifth part: from tiles back to an image, by majority.

Conventions as in `frame_plane_cells`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Int32

UInt16 = NDArray[np.uint16]
SEVEN_B, UPPER_BITS = np.uint64(0x7B7B7B7B7B7B7B7B), np.uint64(0x8080808080808080)


@njit(cache=True, nogil=True, error_model="numpy")
def tidy(claimed: UInt16, tiles: Float32, side: int, height: int, width: int) -> tuple[UInt16, Int32]:
    """The image (H, W) of the tiles after a 3 x 3 majority, so that noise decides no single pixel.

    Also returns the one label of all of a cell's readings (R, C), -1 where they have several.
    """
    rows, cols = claimed.shape[:2]
    raw = np.empty((height, width), np.uint16)
    only = np.empty((rows, cols), np.int32)
    line = np.empty(cols * side, np.uint16)
    for r in range(rows):
        for c in range(cols):
            only[r, c] = _only_label(claimed, tiles, r, c)
        for v in range(r * side, min(r * side + side, height)):
            _take_row(claimed, line, r, (v - r * side) * side, side)
            raw[v] = line[:width]
    out = raw.copy()
    same = np.full((width + 7) // 8 * 8, 9, np.uint8)
    eights = same.view(np.uint64)
    for v in range(1, height - 1):
        if not _count_same(raw[v - 1], raw[v], raw[v + 1], same):
            continue
        r, i = v // side, v % side
        for k in range(len(eights)):
            # Eight pixels at once: 5 and more carry into the upper bit of their byte.
            if (eights[k] + SEVEN_B) & UPPER_BITS == UPPER_BITS:
                continue
            for u in range(max(8 * k, 1), min(8 * k + 8, width - 1)):
                c = u // side
                if same[u] < 5 and tiles[r, c, i * side + u - c * side] > np.float32(0):
                    label = _majority(raw, v, u)
                    if label != raw[v, u]:
                        out[v, u] = label
                        only[r, c] = -1
    return out, only


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _only_label(claimed: UInt16, tiles: Float32, r: int, c: int) -> int:
    least, most = np.uint16(65535), np.uint16(0)
    for i in range(claimed.shape[2]):
        reading = tiles[r, c, i] > np.float32(0)
        low = claimed[r, c, i] if reading else np.uint16(65535)
        high = claimed[r, c, i] if reading else np.uint16(0)
        least = low if low < least else least
        most = high if high > most else most
    return -1 if most > least else int(most)


@njit(cache=True, nogil=True, error_model="numpy")
def _take_row(claimed: UInt16, line: UInt16, r: int, first: int, side: int) -> None:
    """The inverse of `copy_row`."""
    if side == 10:
        for c in range(claimed.shape[1]):
            for i in range(10):
                line[c * 10 + i] = claimed[r, c, first + i]
        return
    for c in range(claimed.shape[1]):
        for i in range(side):
            line[c * side + i] = claimed[r, c, first + i]


@njit(cache=True, nogil=True, error_model="numpy")
def _count_same(above: UInt16, here: UInt16, below: UInt16, same: NDArray[np.uint8]) -> bool:
    """How many of each pixel's 3 x 3 neighbours, itself included, have its label; whether fewer than 5 somewhere."""
    few = np.uint8(0)
    for u in range(len(here) - 2):
        m = here[u + 1]
        n = np.uint8(1)
        n += np.uint8(above[u] == m)
        n += np.uint8(above[u + 1] == m)
        n += np.uint8(above[u + 2] == m)
        n += np.uint8(here[u] == m)
        n += np.uint8(here[u + 2] == m)
        n += np.uint8(below[u] == m)
        n += np.uint8(below[u + 1] == m)
        n += np.uint8(below[u + 2] == m)
        same[u + 1] = n
        few |= np.uint8(n < 5)
    return bool(few != 0)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _ordered(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


@njit(cache=True, nogil=True, error_model="numpy")
def _majority(ids: UInt16, v: int, u: int) -> int:
    """The label of five or more of a pixel's 3 x 3 neighbours, else its own.

    Such a label is the median of the nine; the median takes 19 exchanges (Smith 1996) and no branch.
    """
    a, b, c = ids[v - 1, u - 1], ids[v - 1, u], ids[v - 1, u + 1]
    d, e, f = ids[v, u - 1], ids[v, u], ids[v, u + 1]
    g, h, i = ids[v + 1, u - 1], ids[v + 1, u], ids[v + 1, u + 1]
    own = e
    b, c = _ordered(b, c)
    e, f = _ordered(e, f)
    h, i = _ordered(h, i)
    a, b = _ordered(a, b)
    d, e = _ordered(d, e)
    g, h = _ordered(g, h)
    b, c = _ordered(b, c)
    e, f = _ordered(e, f)
    h, i = _ordered(h, i)
    a, d = _ordered(a, d)
    f, i = _ordered(f, i)
    e, h = _ordered(e, h)
    d, g = _ordered(d, g)
    b, e = _ordered(b, e)
    c, f = _ordered(c, f)
    e, h = _ordered(e, h)
    e, c = _ordered(e, c)
    g, e = _ordered(g, e)
    e, c = _ordered(e, c)
    votes = 0
    for t in range(9):
        votes += ids[v + t // 3 - 1, u + t % 3 - 1] == e
    return int(e) if votes >= 5 else int(own)
