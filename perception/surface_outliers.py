"""Things on a plain surface that one depth image cannot tell from it: switches, posters, skirting boards, doors.

What all readings together show to stand out of the surface is not it. Of the rest, the surface is what can be reached
from its largest even part without crossing a sharp edge, together with other parts that look the same; what sharp
edges fence in and looks different, or lies at another height, is something else. Soft shadows have no sharp edge,
patches of sun are known by being much brighter in nearly the same colour, and what furniture alone cuts off may lie in
other light.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64

from .surface_relief import Relief, relief
from .surface_skirting import skirting
from .surface_texture import SurfaceTexture, relief_factor

CELL_M = 0.008
EDGE, EDGE_OVER_GRAIN = 0.07, 5.0
"""Change of log colour from cell to cell that is an edge: this much, and so many times the surface's own grain."""
SHARP_SHARE = 0.45
"""Share of the change over eight cells that happens within two at a sharp edge."""
SAME_LIGHT, SAME_TINT = 0.13, 0.05
"""Difference of log brightness and log colour ratio within which a part is the same surface."""
SUN, SUN_TINT_SHARE = 0.4, 0.25
"""Brighter than the surface by more than this, with a change of colour below this share of it: sunlight."""
SHADOW, SHADOW_TINT_SHARE, SHADOW_M2 = 1.0, 0.12, 0.04
"""Darker than the surface by no more than this, with little change of colour for that, and not small: shadow."""
CUT_SHARE, OTHER_LIGHT, OTHER_TINT = 0.65, 1.6, 0.5
"""What edges in the surface bound for less than this share of its outline is cut off by things before it, and may
differ by so much log brightness and log colour ratio: under a desk light is different."""
GAP_SHARE, GAP_M2 = 0.35, 0.01
"""The same of what is cut off nearly all around, and so small: the gap between a bookcase and a corner."""
FRAMED_SHARE = 0.65
"""What narrow relief bounds for more than this share of its outline is a door's leaf, or a picture."""
FENCE_CELLS = 5
"""As wide as the band around an edge that belongs to no part."""
SHOWN_SHARE = 0.3
"""Of a thing found before: so much of it must stand out for heights to show what it is."""
FRAME_CELLS = 18
"""Wider than the frame of a door."""
GAP_CELLS = 2
"""Half the widest gap between something found before and its frame."""
LEVEL_M = 0.0025
"""Parts that lie higher or deeper than the surface by more are not it."""
MAIN_SHARE = 0.4
"""Where less of the surface than this hangs together it is patterned, and nothing can be told."""


def outliers(
    texture: SurfaceTexture,
    inside: Float32,
    inlaid: Float32,
    corner: NDArray[np.bool_],
    up: Float32 | None = None,
    board_m: float | None = None,
) -> tuple[Float32, float | None]:
    """Parts of a surface that are something else, (rows, columns) float32 0..1; and the height of a skirting board.

    Args:
        texture: What frames saw.
        inside: (rows, columns) 0..1, the surface so far.
        inlaid: (rows, columns) 0..1, things found in it before. Their frames may reach beyond their outlines; and where
            heights show pictures, the plain wall between them, which an outline around several holds too, is none.
        corner: (rows, columns) cells beside another wall, floor or ceiling, of which heights say nothing.
        up: (rows, columns) height of each cell over the floor, metres: skirting boards are looked for; None = unknown.
        board_m: Height at which the skirting board ends, where that is known.
    """
    import cv2

    raster = texture.raster
    none = np.zeros(raster.shape, dtype=np.float32)
    factor = relief_factor(raster)
    h, w = raster.height // factor, raster.width // factor
    if up is not None and board_m is not None:
        none = np.asarray(up < board_m, dtype=np.float32)
    if h < 8 or w < 8:
        return none, board_m
    whole = (slice(0, h * factor), slice(0, w * factor))
    seen = ((texture.weight > 0.005) & (inside > 0.5)).astype(np.float32)[whole]
    good = cv2.resize(seen, (w, h), interpolation=cv2.INTER_AREA) > 0.9
    if good.sum() < 400:
        return none, board_m
    small = np.asarray(cv2.resize(texture.color[whole], (w, h), interpolation=cv2.INTER_AREA), dtype=np.float32)
    raised = relief(texture.height[:h, :w], texture.height_error[:h, :w], good)
    stands = np.zeros((h, w), dtype=np.bool_) if raised is None else raised.stands
    different, main = _different(small, good & ~stands, raised)
    odd = (different | stands).astype(np.uint8)
    odd = _enclosed(np.asarray(cv2.morphologyEx(odd, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)), np.uint8), good)
    beside = cv2.resize(corner[whole].astype(np.float32), (w, h), interpolation=cv2.INTER_AREA) > 0
    deep = np.where(beside, 0, odd).astype(np.uint8)
    odd = np.where(beside, cv2.dilate(deep, _disc(4)), odd).astype(np.uint8)
    found = cv2.resize(inlaid[whole], (w, h), interpolation=cv2.INTER_AREA) > 0.5
    odd = _joined(odd, found & ~_between(found, stands, main))
    if up is not None:
        over = np.asarray(cv2.resize(up[whole], (w, h), interpolation=cv2.INTER_AREA), dtype=np.float32)
        rise = np.zeros((h, w), np.float32) if raised is None else raised.height
        if board_m is None:
            board_m = skirting(_look(small, good), rise, good, over, factor * raster.metres_per_pixel)
        odd = np.maximum(odd, np.asarray(over < (board_m or 0.0), dtype=np.uint8))
    soft = cv2.resize(odd.astype(np.float32), (w * factor, h * factor), interpolation=cv2.INTER_LINEAR)
    out: Float32 = np.zeros(raster.shape, dtype=np.float32)
    out[whole] = soft
    return out, board_m


def _between(found: NDArray[np.bool_], stands: NDArray[np.bool_], main: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w) cells of things found before that are the surface's own largest even part, where heights show the things
    themselves."""
    import cv2

    n, parts = cv2.connectedComponents(found.astype(np.uint8), connectivity=8)
    size = np.maximum(np.bincount(parts.ravel(), minlength=n), 1)
    shown = np.bincount(parts.ravel(), stands.ravel(), n) / size > SHOWN_SHARE
    shown[0] = False
    plain = cv2.morphologyEx((main & found).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    return np.asarray(plain & shown[parts])


def _joined(odd: NDArray[np.uint8], inlaid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Gaps between what was found in the surface before and what stands out beside it belong to it: its frame."""
    import cv2

    if not inlaid.any():
        return odd
    there = inlaid.astype(np.uint8)
    frame = np.where(inlaid, 0, odd).astype(np.uint8)
    between = cv2.min(cv2.dilate(there, _disc(GAP_CELLS)), cv2.dilate(frame, _disc(GAP_CELLS)))
    return np.asarray(np.maximum(np.maximum(odd, between), there), dtype=np.uint8)


def _disc(radius: int) -> NDArray[np.uint8]:
    import cv2

    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2), dtype=np.uint8)


def _different(
    color: Float32, good: NDArray[np.bool_], raised: Relief | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(h, w) cells of the good ones that sharp edges cut off from the surface and that are not like it; and those of
    the surface's largest even part."""
    import cv2

    look = _look(color, good)
    fence = _fence(look, good)
    _, found, stats, _ = cv2.connectedComponentsWithStats((good & ~fence).astype(np.uint8), connectivity=4)
    parts = np.asarray(found, dtype=np.int32)
    sizes = stats[:, cv2.CC_STAT_AREA].astype(float)
    sizes[0] = 0
    main = int(np.argmax(sizes))
    if sizes[main] < MAIN_SHARE * good.sum():
        return np.zeros(good.shape, dtype=np.bool_), np.zeros(good.shape, dtype=np.bool_)
    stands = np.zeros(good.shape, dtype=np.bool_) if raised is None else raised.stands
    edged, framed = _edged(parts, stands)
    like = _like_main(look, parts, main, sizes, edged)
    if raised is not None:
        like &= _level(raised, parts, main, sizes) & (framed < FRAMED_SHARE)
    like[main], like[0] = True, False
    ours = like[parts] & good & ~fence
    near = cv2.dilate(ours.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0  # the fence belongs to both sides
    # Beside relief the fence is all ours: where that begins is known, and its edge blurs the colour around it.
    wide = np.ones((2 * FENCE_CELLS + 1,) * 2, np.uint8)
    blurred = (parts == 0) & (cv2.dilate(stands.astype(np.uint8), wide) > 0)
    near |= blurred & (cv2.dilate(ours.astype(np.uint8), wide) > 0)
    return np.asarray(good & ~near), np.asarray(parts == main)


def _edged(parts: NDArray[np.int32], stands: NDArray[np.bool_]) -> tuple[Float64, Float64]:
    """For each part: the share of its outline beyond which the surface goes on as something else, or something narrow
    stands out of it; and the share of the latter alone.

    The rest of the outline is where something before it, or the surface's end, cuts it off.
    """
    import cv2

    n, wide = int(parts.max()) + 1, np.ones((2 * FENCE_CELLS + 1,) * 2, np.uint8)
    labels = parts.astype(np.float32)
    ring = cv2.dilate(labels, np.ones((3, 3), np.uint8)).astype(np.int32)
    border = (parts == 0) & (ring > 0)
    highest = cv2.dilate(labels, wide).astype(np.int32)
    lowest = cv2.erode(np.where(parts > 0, labels, np.float32(n)).astype(np.float32), wide).astype(np.int32)
    # Curtains, radiators and cupboards stand before a surface; only what is narrow is set into it and frames something.
    whole = cv2.morphologyEx(stands.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    broad = cv2.morphologyEx(whole, cv2.MORPH_OPEN, np.ones((FRAME_CELLS, FRAME_CELLS), np.uint8))
    broad = cv2.dilate(broad, wide)  # with what opening rounds off
    narrow = cv2.dilate((stands & (broad == 0)).astype(np.uint8), wide) > 0
    edge = border & ((highest != ring) | (lowest != ring) | narrow) & ((broad == 0) | narrow)
    outline = np.maximum(np.bincount(ring[border], minlength=n), 1)
    edged, framed = (np.bincount(ring[some], minlength=n) / outline for some in (edge, border & narrow))
    return np.asarray(edged), np.asarray(framed)


def _level(raised: Relief, parts: NDArray[np.int32], main: int, sizes: Float64) -> NDArray[np.bool_]:
    """For each part: does it lie as high as the main one?"""
    n = len(sizes)
    known = raised.known & (parts > 0)
    count = np.bincount(parts[known], minlength=n)
    mean = np.bincount(parts[known], raised.height[known], n) / np.maximum(count, 1)
    error = np.bincount(parts[known], raised.error[known], n) / np.maximum(count, 1)
    reach = LEVEL_M + error  # neighbouring cells err alike, so that large parts are hardly known better
    return np.asarray((np.abs(mean - mean[main]) < reach) | (count < 0.3 * sizes))


def _look(color: Float32, good: NDArray[np.bool_]) -> Float64:
    """(h, w, 3) log brightness and twice two log colour ratios, lightly smoothed over the cells that are known."""
    import cv2

    log = np.log(np.maximum(color, 0.004))
    look = np.stack([log.mean(axis=2), 2 * (log[..., 0] - log[..., 1]), 2 * (log[..., 2] - log[..., 1])], axis=-1)
    weight = cv2.GaussianBlur(good.astype(np.float32), (0, 0), 0.7)[..., None]
    return np.asarray(cv2.GaussianBlur(look * good[..., None], (0, 0), 0.7) / np.maximum(weight, 1e-3), np.float64)


def _fence(look: Float64, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w) cells on a sharp edge, and those beside it.

    An edge is sharp where most of the change over eight cells happens within two: shadows of things near a surface are
    deep, but fade over more.
    """
    import cv2

    step, slope = _step(look, 1) / 2, _step(look, 4) / 2
    inner = cv2.erode(good.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    far = cv2.erode(good.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    step[~inner] = 0
    edge = step > max(EDGE, EDGE_OVER_GRAIN * float(np.median(step[inner]))) if inner.any() else inner
    edge &= ~far | (step > SHARP_SHARE * slope)
    return np.asarray(cv2.dilate(edge.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _step(look: Float64, n: int) -> Float64:
    """(h, w) difference of the looks n cells to either side, along both axes."""
    dx, dy = np.zeros(look.shape), np.zeros(look.shape)
    dx[:, n:-n], dy[n:-n] = look[:, 2 * n :] - look[:, : -2 * n], look[2 * n :] - look[: -2 * n]
    return np.asarray(np.sqrt((dx**2 + dy**2).sum(axis=2)))


def _like_main(look: Float64, parts: NDArray[np.int32], main: int, sizes: Float64, edged: Float64) -> NDArray[np.bool_]:
    """For each part: is it like the main one in the light that is to be expected at its place?

    Args:
        look: (h, w, 3) of the cells.
        parts: (h, w) number of the part that each belongs to.
        main: The largest one's number.
        sizes: Cells of each.
        edged: From `_edged`.
    """
    h, w = parts.shape
    z, x = np.mgrid[:h, :w]
    x, z = x / w - 0.5, z / h - 0.5
    basis = np.stack([np.ones_like(x), x, z, x * z, x**2, z**2], axis=-1)
    here = parts == main
    step = max(1, int(here.sum()) // 20_000)
    B, L = basis[here][::step], look[here][::step]
    fit = np.linalg.lstsq(B, L, rcond=None)[0]
    # A curve fitted here says nothing of there: beyond the main part's extent its rim counts.
    xs, zs = (np.clip(a, a[here].min(), a[here].max()) for a in (x, z))
    expected = np.stack([np.ones_like(xs), xs, zs, xs * zs, xs**2, zs**2], axis=-1) @ fit
    away = (look - expected).reshape(-1, 3)
    count = np.bincount(parts.ravel(), minlength=len(sizes))
    mean = np.stack([np.bincount(parts.ravel(), away[:, c], len(sizes)) for c in range(3)]) / np.maximum(count, 1)
    light, tint = mean[0], np.hypot(mean[1], mean[2]) / 2
    same = (np.abs(light) < SAME_LIGHT) & (tint < SAME_TINT)
    sun = (light > SUN) & (tint < SUN_TINT_SHARE * light)
    shadow = (light > -SHADOW) & (light < 0) & (tint < SAME_TINT + SHADOW_TINT_SHARE * -light)
    large = sizes * (CELL_M * CELL_M) > SHADOW_M2
    other = (np.abs(light) < OTHER_LIGHT) & (tint < OTHER_TINT)
    gap = (edged < GAP_SHARE) & (sizes * (CELL_M * CELL_M) > GAP_M2)
    other_light = other & (((edged < CUT_SHARE) & large) | gap)
    return np.asarray(((same | sun) & (sizes > 12)) | (shadow & large) | other_light)


def _enclosed(odd: NDArray[np.uint8], good: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Small gaps within odd things filled, also where nothing was seen (a dark screen has no depth)."""
    import cv2

    outlines, _ = cv2.findContours(odd, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(odd)
    for outline in outlines:
        if cv2.contourArea(outline) < 0.5 * good.size:
            cv2.drawContours(filled, [outline], -1, 1, cv2.FILLED)
    return np.maximum(odd, filled)
