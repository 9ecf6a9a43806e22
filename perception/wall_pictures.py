"""Doors, pictures and boards that lie flush on a wall: rectangles of another colour on the wall's rectified texture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Label, Mesh
from sceneforge.core.arrays import Float32, Float64

from .enclosure import Stretch
from .openings import Opening, Sight
from .wall_lines import Mask
from .wall_rectangles import Rectangle, find_rectangles

PIXEL_M = 0.02
"""Vertices of the usual reconstruction are this far apart."""
NEAR_M = 0.06
"""A frame or a leaf stands out from the wall by no more."""
THRESHOLDS = (12.0, 7.0, 4.0)
"""Colour differences tried, plain ones first. A person sees 2.3 (CIE76) without looking for it."""
SHARP = 4.5
"""Least step of colour across a side: the glow of a lamp fades, a frame does not."""
LIGHTNESS = 0.6
"""Weight of lightness: light and shade change it, and hardly the hue."""
MIN_SIDE_M = 0.2
MAX_SIDE_M = 2.6
PANEL_M = 0.03
"""Framed pictures hang farther apart."""
MIN_FILL = 0.72
MIN_EDGES = 0.6
WHOLE = 0.8
"""Share of a picture seen that makes it one whatever is around it."""
MIN_LOOKED = 0.5
"""Share of a door that no thing before it hides from all pictures."""
MIN_FIRM = 0.6
"""Share of a picture where the wall's surface was measured: what stands before the wall is no part of it."""


def find_pictures(s: Stretch, height_m: float, sight: Sight) -> list[Opening]:
    """Rectangles that differ in colour from the wall around them: doors where they reach the floor, else wall art.

    A rectangle counts when the region fills it and when the colour changes along the sides beyond which wall was seen.
    A mesh without colour has none.

    Args:
        s: The wall from end to end.
        height_m: Its height from its lowest foot.
        sight: The coloured surface, and pictures of it where some were kept: they show more than the surface does.
    """
    import cv2

    if sight.mesh.colors is None:
        return []
    lab, seen, firm, looked = _photographed(s, height_m, sight) or _texture(s, height_m, sight.mesh)
    if seen.mean() < 0.05:
        return []
    wall = _wall_colour(lab, seen)
    scale = np.array([LIGHTNESS, 1, 1], np.float32)
    lab, wall = lab * scale, wall * scale
    apart = np.where(seen, np.linalg.norm(lab - wall, axis=2), 0.0)
    found: list[Opening] = []
    for r in find_rectangles(lab, seen, round(MIN_SIDE_M / PIXEL_M), round(MAX_SIDE_M / PIXEL_M)):
        o = bounded(r, apart, firm, looked, s, height_m)
        if o is not None and not any(o.overlaps(f) for f in found):
            found.append(o)
    found = [o for o in _as_wholes(found) if o.label is Label.DOOR or _is_compact(o)]
    for threshold in THRESHOLDS:
        mask: Any = (apart > threshold).astype(np.uint8)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
        count, component, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
        for c in range(1, count):
            if min(stats[c, 2], stats[c, 3]) * PIXEL_M < MIN_SIDE_M:
                continue
            o = _picture(component == c, lab, seen, firm, s, height_m, max(0.5 * threshold, SHARP))
            if o is not None and not any(o.overlaps(f) for f in found):
                found.append(o)
    found = [o for o in found if o.label is Label.DOOR or hangs_free(o, seen, apart, s)]
    found = [replace(o, bottom=o.bottom + s.base, top=o.top + s.base) for o in found]
    return sorted(found, key=lambda o: (-o.area_m2, o.left, o.bottom))


def hangs_free(o: Opening, seen: Mask, apart: Float64, s: Stretch) -> bool:
    """Whether a picture was seen nearly whole, or hangs on bare wall at least: the gaps of an open shelf, and what is
    left of the wall between a bed and a lamp, are rectangles too.
    """
    x0, x1 = (round((x - s.start) / PIXEL_M) for x in (o.left, o.right))
    y0, y1 = (round(y / PIXEL_M) for y in (o.bottom, o.top))
    if seen[y0:y1, x0:x1].mean() > WHOLE:
        return True
    ring = np.zeros(seen.shape, bool)
    ring[max(y0 - 6, 0) : y1 + 6, max(x0 - 6, 0) : x1 + 6] = True
    ring[max(y0 - 2, 0) : y1 + 2, max(x0 - 2, 0) : x1 + 2] = False  # its frame
    return float((seen & (apart < THRESHOLDS[1]))[ring].mean()) > 0.5


def _as_wholes(found: Sequence[Opening]) -> list[Opening]:
    """Pictures that touch along most of a side are panels of one: a poster, a window painted on the wall."""
    left = [o for o in found if o.label is Label.WALL_ART]
    out = [o for o in found if o.label is not Label.WALL_ART]
    while left:
        whole = left.pop(0)
        k = 0
        while k < len(left):
            if _touch(whole, left[k]):
                o = left.pop(k)
                sides = min(whole.left, o.left), max(whole.right, o.right), min(whole.bottom, o.bottom)
                whole = Opening(Label.WALL_ART, *sides, max(whole.top, o.top), max(whole.confidence, o.confidence))
                k = 0
            else:
                k += 1
        out.append(whole)
    return out


def _is_compact(o: Opening) -> bool:
    """Not a strip: a row of tiles, a shelf's edge."""
    w, h = o.right - o.left, o.top - o.bottom
    return max(w, h) < 4 * min(w, h)


def _touch(a: Opening, b: Opening) -> bool:
    across = min(a.right, b.right) - max(a.left, b.left)
    upward = min(a.top, b.top) - max(a.bottom, b.bottom)
    beside = across > -PANEL_M and upward > 0.5 * min(a.top - a.bottom, b.top - b.bottom)
    above = upward > -PANEL_M and across > 0.5 * min(a.right - a.left, b.right - b.left)
    return beside or above


def bounded(r: Rectangle, apart: Float64, firm: Mask, looked: Mask, s: Stretch, height_m: float) -> Opening | None:
    """A rectangle of straight edges as what its place and size make it: a door on the floor, else a picture."""
    w, h = (r.right - r.left) * PIXEL_M, (r.top - r.bottom) * PIXEL_M
    low, top = r.bottom * PIXEL_M, r.top * PIXEL_M
    left, right = s.start + r.left * PIXEL_M, s.start + r.right * PIXEL_M
    if low < 0.16:
        if not (1.85 < top < min(2.5, height_m - 0.08) and 0.6 < w < 1.3) or r.score < 0.5:
            return None
        if float(looked[r.bottom : r.top, r.left : r.right].mean()) < MIN_LOOKED:
            return None  # the frame of a bookcase that stands before the wall
        return Opening(Label.DOOR, left, right, 0.0, top, round(0.4 + 0.3 * r.score, 4))
    part = (slice(r.bottom, r.top), slice(r.left, r.right))
    whole = not np.isnan(r.sides).any()
    if float(np.nanmin(r.sides)) < (0.7 if whole else 0.8):
        return None
    least = 0.06 if whole else 0.15
    if low < 0.5 or w * h < least or max(w, h) > MAX_SIDE_M or r.step < SHARP or r.score < 0.6:
        return None
    if float((apart[part] > THRESHOLDS[-1]).mean()) < 0.4 or float(firm[part].mean()) < MIN_FIRM:
        return None  # wall between two things, or a thing that stands before the wall
    return Opening(Label.WALL_ART, left, right, low, top, round(0.35 + 0.4 * r.score, 4))


def _photographed(s: Stretch, height_m: float, sight: Sight) -> tuple[Float32, Mask, Mask, Mask] | None:
    """Lab colour of the wall rectified from pictures, where any shows it, where its surface was measured too, and where
    nothing stands before it.

    None where there are no pictures.
    """
    import cv2

    columns, rows = max(round((s.stop - s.start) / PIXEL_M), 1), max(round(height_m / PIXEL_M), 1)
    X, H = np.meshgrid(s.start + (np.arange(columns) + 0.5) * PIXEL_M, s.base + (np.arange(rows) + 0.5) * PIXEL_M)
    local = np.stack([X.ravel(), np.zeros(X.size), -H.ravel()], axis=1)
    T = s.line.T
    found = sight.pictures(local @ T[:3, :3].T + T[:3, 3], T[:3, 1])
    if found is None:
        return None
    # Where nothing was measured in any picture, what they show may lie anywhere; one that measured is enough.
    known = (found.looks >= 2) | (found.on > 0)
    seen = known & (found.on + 1 > 0.1 * found.looks) & (found.beyond < 0.5 * found.looks)
    rgb = np.ascontiguousarray(found.color.reshape(rows, columns, 3)) / np.float32(255)
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    firm = seen & (found.on > 0.25 * found.looks)
    seen, firm, looked = (m.reshape(rows, columns) for m in (seen, firm, found.looks > 0))
    return np.asarray(lab, dtype=np.float32), seen, firm, looked


def _texture(s: Stretch, height_m: float, mesh: Mesh) -> tuple[Float32, Mask, Mask, Mask]:
    """Lab colour (rows, columns, 3), rows upwards from the floor, and thrice where the wall was seen."""
    import cv2

    assert mesh.colors is not None
    T = s.line.T
    p = (mesh.vertices - T[:3, 3]) @ T[:3, :3]
    columns, rows = max(round((s.stop - s.start) / PIXEL_M), 1), max(round(height_m / PIXEL_M), 1)
    x = np.floor((p[:, 0] - s.start) / PIXEL_M).astype(np.int64)
    y = np.floor((-p[:, 2] - s.base) / PIXEL_M).astype(np.int64)
    on = (np.abs(p[:, 1]) < NEAR_M) & (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
    on &= mesh.vertex_normals @ T[:3, 1] > 0.6
    cell = y[on] * columns + x[on]
    count = np.bincount(cell, minlength=rows * columns)
    rgb = mesh.colors[on].astype(np.float64)
    total = np.stack([np.bincount(cell, rgb[:, k], minlength=rows * columns) for k in range(3)], axis=1)
    mean: Any = (total / np.maximum(count, 1)[:, None]).reshape(rows, columns, 3).astype(np.float32)
    seen = (count > 0).reshape(rows, columns)
    # Cells that no vertex hit take their neighbours' colour, so that the raster has no salt.
    wide: Any = cv2.blur(mean * seen[..., None].astype(np.float32), (3, 3))
    share: Any = cv2.blur(seen.astype(np.float32), (3, 3))
    fill = ~seen & (share > 0.3)
    mean[fill] = wide[fill] / share[fill][:, None]
    lab = cv2.cvtColor(np.ascontiguousarray(mean) / np.float32(255), cv2.COLOR_RGB2LAB)
    return np.asarray(lab, dtype=np.float32), seen | fill, seen | fill, seen | fill


def _wall_colour(lab: Float32, seen: Mask) -> Float32:
    """The wall's own colour in each cell: its most common one, shaded as slowly as light falls on it."""
    import cv2

    values = lab[seen]
    # Mode of a coarse histogram: a wall is mostly wall.
    bins = np.round(values / np.array([8, 5, 5])).astype(np.int64)
    _, inverse, count = np.unique(bins, axis=0, return_inverse=True, return_counts=True)
    main = values[inverse.ravel() == int(np.argmax(count))].mean(axis=0)
    chroma = np.linalg.norm(lab[..., 1:] - main[1:], axis=2)
    own = seen & (chroma < 8) & (np.abs(lab[..., 0] - main[0]) < 14)
    out: Any = np.broadcast_to(main, lab.shape)
    for reach in (3.0, 1.2, 0.6):  # nearer wall knows better, where there is some
        k = 2 * round(reach / PIXEL_M / 2) + 1
        weight: Any = cv2.blur(own.astype(np.float32), (k, k))
        smooth = cv2.blur(lab * own[..., None].astype(np.float32), (k, k)) / np.maximum(weight, 1e-6)[..., None]
        trust = np.clip(weight / 0.15, 0, 1)[..., None]
        out = trust * smooth + (1 - trust) * out
    return np.asarray(out, dtype=np.float32)


def _picture(
    mask: Mask, lab: Float32, seen: Mask, firm: Mask, s: Stretch, height_m: float, step: float
) -> Opening | None:
    across, upward = mask.sum(axis=0), mask.sum(axis=1)
    wide = np.flatnonzero(across > 0.5 * np.percentile(across[across > 0], 80))
    tall = np.flatnonzero(upward > 0.5 * np.percentile(upward[upward > 0], 80))
    left, right, bottom, top = int(wide[0]), int(wide[-1]) + 1, int(tall[0]), int(tall[-1]) + 1
    inner = mask[bottom:top, left:right]
    w, h = (right - left) * PIXEL_M, (top - bottom) * PIXEL_M
    if min(w, h) < MIN_SIDE_M or w * h < 0.06 or inner.mean() < MIN_FILL or max(w, h) > MAX_SIDE_M:
        return None
    if mask.sum() > 1.6 * inner.sum():
        return None  # a bit of a larger region, not a thing of its own
    edges = _edge_shares(lab, seen, (left, right, bottom, top), step)
    low = bottom * PIXEL_M
    x = s.start + np.array([left, right]) * PIXEL_M
    if low < 0.2:
        upright = min(edges.get(k, 0.0) for k in ("left", "right", "top")) > MIN_EDGES
        if not (upright and 1.8 < top * PIXEL_M < 2.5 and 0.6 < w < 1.3 and top * PIXEL_M < height_m - 0.08):
            return None
        return Opening(Label.DOOR, float(x[0]), float(x[1]), 0.0, top * PIXEL_M, 0.6)
    if float(firm[bottom:top, left:right].mean()) < MIN_FIRM:
        return None
    both = ("left" in edges or "right" in edges) and ("top" in edges or "bottom" in edges)
    good = sorted(edges.values())
    if not both or (len(good) < 3 and w * h < 0.6) or low < 0.5 or max(w, h) > 6 * min(w, h):
        return None
    if min(good[-2:]) < MIN_EDGES or float(np.mean(good)) < MIN_EDGES or (len(good) == 4 and good[1] < MIN_EDGES):
        return None
    confidence = round(0.35 + 0.4 * float(np.mean(good)) * min(len(good), 3) / 3 * float(inner.mean()), 4)
    return Opening(Label.WALL_ART, float(x[0]), float(x[1]), low, top * PIXEL_M, confidence)


def _edge_shares(lab: Float32, seen: Mask, rectangle: tuple[int, int, int, int], step: float) -> dict[str, float]:
    """Share of each side along which the colour beyond it differs by `step` from that just inside.

    Sides beyond which the wall was not seen are left out: they tell nothing.
    """
    left, right, bottom, top = rectangle

    def share(inside: tuple[slice, slice], outside: tuple[slice, slice], axis: int) -> float:
        a, b = _line(lab[inside], seen[inside], axis), _line(lab[outside], seen[outside], axis)
        if a is None or b is None or len(a) != len(b):
            return float("nan")
        apart = np.linalg.norm(a - b, axis=1)
        known = ~np.isnan(apart)
        return float((apart[known] > step).mean()) if known.mean() > 0.4 else float("nan")

    rows, columns, under = slice(bottom, top), slice(left, right), slice(max(bottom - 5, 0), max(bottom - 2, 0))
    found = {
        "left": share((rows, slice(left + 1, left + 4)), (rows, slice(max(left - 5, 0), max(left - 2, 0))), 1),
        "right": share((rows, slice(right - 4, right - 1)), (rows, slice(right + 2, right + 5)), 1),
        "top": share((slice(top - 4, top - 1), columns), (slice(top + 2, top + 5), columns), 0),
        "bottom": share((slice(bottom + 1, bottom + 4), columns), (under, columns), 0),
    }
    return {side: value for side, value in found.items() if not np.isnan(value)}


def _line(lab: Float32, seen: NDArray[Any], axis: int) -> Float64 | None:
    """Mean colour across a narrow strip, along it; NaN where nothing was seen."""
    if lab.shape[axis] == 0 or lab.size == 0:
        return None
    count = seen.sum(axis=axis)
    total = (lab * seen[..., None]).sum(axis=axis)
    return np.asarray(np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], np.nan), dtype=np.float64)
