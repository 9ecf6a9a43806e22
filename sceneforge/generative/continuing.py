"""Continue a partly seen surface: its light smoothly, its pattern by a painter.

A painter that copies colours copies the light that lay on them, too, which shows as a seam. So the picture is split
into a smooth base (slow changes of brightness and tint) and the detail over it; the base is interpolated across the
hole with the Laplace equation, as in seamless cloning (Perez et al., SIGGRAPH 2003), and the painter continues the
detail alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.color import to_linear, to_srgb

from .materials import paintable, two_materials
from .painter import Painter
from .symmetry import continue_pattern

BASE_M, PATTERN_BASE_M = 0.12, 0.4
"""Cell of the base: what changes over less is detail. A pattern's colours change over more."""
RIM_M = 0.03
"""Cells along the hole's rim in which the fill is compared to what it meets."""
CONTEXT_M = 0.5
"""How much around the hole the painter is shown."""
ROW_CELLS = 24
"""Seen cells from which a row tells what it has in common."""
UNUSED = 1 / 1024
"""Mask of what was not seen and is not asked for: nothing is to be copied from it, and what comes there is dropped."""
MIDDLE = 0.3
"""Linear level that the base is brought to for the painter, so that detail of both signs fits."""


def continue_surface(
    color: Float32,
    hole: NDArray[np.bool_],
    seen: NDArray[np.bool_],
    painter: Painter,
    prompt: str,
    metres_per_pixel: float,
    seed: int,
    *,
    origin_m: tuple[float, float] = (0.0, 0.0),
    level_axis: int | None = None,
    materials: bool = False,
    strength: float = 1.0,
) -> Float32:
    """Fill the hole.

    Args:
        color: (H, W, 3) float32 linear light.
        hole: (H, W) what is to be filled.
        seen: (H, W) where `color` is known; at least one pixel.
        painter: Continues the detail.
        prompt: What the surface is, for painters that read prompts.
        metres_per_pixel: Size of a pixel.
        seed: Of the painter.
        origin_m: Plane coordinates of the upper left corner.
        level_axis: 0 or 1, the axis of the arrays along which the surface goes on as it is, on walls the level one:
            skirting boards and rails are continued straight.
        materials: Look whether there are two (rugs on floors), and continue each from its own kind; and whether there
            is a plan to follow (`symmetry`).
        strength: Share of the detail's contrast that is continued.

    Returns:
        (H, W, 3) float32 linear light; where not in the hole, `color`.
    """
    kinds = two_materials(color, seen, hole, metres_per_pixel) if materials else None
    base_m = BASE_M
    if materials:
        color, told = continue_pattern(color, hole, seen, metres_per_pixel, kinds)
        hole, seen, base_m = hole & ~told, seen | told, PATTERN_BASE_M if told.any() else BASE_M
        if not hole.any():
            return color
    parts = [np.ones_like(hole)] if kinds is None else [kinds == k for k in (0, 1)]
    if any((hole & own).any() and not paintable(seen & own) for own in parts):
        parts = [np.ones_like(hole)]
    out = color
    for n, own in enumerate(parts):
        if (hole & own).any():
            out = _continue_one(
                out,
                hole & own,
                seen & own,
                painter,
                prompt,
                metres_per_pixel,
                seed + n,
                origin_m,
                level_axis,
                base_m,
                strength,
            )
    return out


def _continue_one(
    color: Float32,
    hole: NDArray[np.bool_],
    seen: NDArray[np.bool_],
    painter: Painter,
    prompt: str,
    metres_per_pixel: float,
    seed: int,
    origin_m: tuple[float, float],
    level_axis: int | None,
    base_m: float,
    strength: float,
) -> Float32:
    """See `continue_surface`, for one material."""
    base = smooth_base(color, seen, max(2, round(base_m / metres_per_pixel)))
    if level_axis is not None:
        base = base * profile(np.where(seen[..., None], color / np.maximum(base, 1e-4), 1), seen, hole, level_axis)
    part = _around(hole, max(1, round(CONTEXT_M / metres_per_pixel)))
    detail = np.where(seen[..., None], MIDDLE * color / np.maximum(base, 1e-4), MIDDLE)[part]
    if not paintable(seen[part]):  # too little to copy from: the slow part alone
        return np.where(hole[..., None], base, color).astype(np.float32)
    corner = (origin_m[0] + part[1].start * metres_per_pixel, origin_m[1] + part[0].start * metres_per_pixel)
    mask = np.where(hole[part], 1, np.where(seen[part], 0, UNUSED)).astype(np.float32)
    painted = painter.paint(
        to_srgb(detail), mask, prompt, metres_per_pixel, seed, match_surroundings=True, origin_m=corner
    )
    filled = color.copy()
    filled[part] = (1 + strength * (to_linear(painted) / MIDDLE - 1)) * base[part]
    return _seamless(np.where(hole[..., None], filled, color).astype(np.float32), hole, seen, metres_per_pixel)


def _seamless(color: Float32, hole: NDArray[np.bool_], seen: NDArray[np.bool_], cell_m: float) -> Float32:
    """The filled picture, the fill brought to the brightness of what it meets at its rim, farther in to the rim's mean.

    The membrane of seamless cloning, with weights that fall with distance (Farbman et al., "Coordinates for Instant
    Image Cloning", SIGGRAPH 2009).
    """
    import cv2

    cell = max(2, round(RIM_M / cell_m))
    h, w = hole.shape
    rows, columns = -(-h // cell), -(-w // cell)
    log = np.log(np.maximum(color, 1e-3))

    def mean(where: NDArray[np.bool_]) -> tuple[Float64, Float64]:
        count = _pooled(where.astype(np.float64), rows, columns, cell)
        parts = [_pooled(log[..., k] * where, rows, columns, cell) / np.maximum(count, 1) for k in range(3)]
        return np.stack(parts, axis=-1), count

    (outer, many), (inner, few) = mean(seen), mean(hole)
    met = (np.minimum(many, few) > 0.15 * cell * cell).astype(np.float32)
    if not met.any():
        return color
    ratio = (np.clip(outer - inner, -0.7, 0.7) * met[..., None]).astype(np.float32)
    total, spread = np.full(met.shape, 1e-9, dtype=np.float32), np.zeros_like(ratio)
    for reach in (0.5, 1, 2, 4, 8, 16, 32):
        total += np.asarray(cv2.GaussianBlur(met, (0, 0), reach), dtype=np.float32) / reach
        spread += np.asarray(cv2.GaussianBlur(ratio, (0, 0), reach), dtype=np.float32) / reach
    field = cv2.resize(spread / total[..., None], (columns * cell, rows * cell), interpolation=cv2.INTER_LINEAR)
    return np.where(hole[..., None], color * np.exp(field[:h, :w]), color).astype(np.float32)


def profile(detail: Float32, seen: NDArray[np.bool_], hole: NDArray[np.bool_], axis: int) -> Float32:
    """(H, 1, 3) or (1, W, 3) what a surface's detail (H, W, 3) has in common all along an axis; 1 where nothing.

    The median over the cells seen beside the hole, by as much as it is larger than their spread about it.
    """
    if axis == 0:
        turned = profile(detail.transpose(1, 0, 2), seen.T, hole.T, 1)
        return np.ascontiguousarray(turned.transpose(1, 0, 2))
    out = np.ones((len(seen), 1, 3), dtype=np.float32)
    columns = np.flatnonzero(hole.any(axis=0))
    if not len(columns):
        return out
    reach = max(len(columns), 40)
    near = slice(max(int(columns[0]) - reach, 0), int(columns[-1]) + 1 + reach)
    for r in range(len(seen)):
        row = detail[r, near][seen[r, near]]
        if len(row) < ROW_CELLS:
            continue
        middle = np.median(row, axis=0)
        spread = float(np.median(np.abs(row - middle)))
        rise = float(np.abs(middle - 1).max())
        out[r, 0] = 1 + (middle - 1) * float(np.clip((rise - spread) / max(rise, 1e-6), 0, 1))
    return out


def _around(hole: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    y, x = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    h, w = hole.shape
    return (
        slice(max(int(y[0]) - margin, 0), min(int(y[-1]) + margin + 1, h)),
        slice(max(int(x[0]) - margin, 0), min(int(x[-1]) + margin + 1, w)),
    )


def smooth_base(color: Float32, seen: NDArray[np.bool_], cell: int) -> Float32:
    """(H, W, 3) slow part of a picture: means over cells by colour, smoothed; harmonic where nothing was seen."""
    import cv2

    h, w = seen.shape
    rows, columns = -(-h // cell), -(-w // cell)
    weight = _pooled(seen.astype(np.float64), rows, columns, cell)
    known = weight > 0.2 * cell * cell
    if not known.any():
        known = weight > 0
    out = np.empty((h, w, 3), dtype=np.float32)
    for c in range(3):
        mean = _pooled(color[..., c].astype(np.float64) * seen, rows, columns, cell)
        log = np.log(np.maximum(mean / np.maximum(weight, 1), 1e-4))
        log = harmonic(np.where(known, log, 0), known)
        smooth = cv2.GaussianBlur(log, (0, 0), 1.2, borderType=cv2.BORDER_REPLICATE)
        fine = cv2.resize(smooth, (columns * cell, rows * cell), interpolation=cv2.INTER_CUBIC)[:h, :w]
        out[..., c] = np.exp(fine)
    return out


def _pooled(values: Float64, rows: int, columns: int, cell: int) -> Float64:
    padded = np.zeros((rows * cell, columns * cell))
    padded[: values.shape[0], : values.shape[1]] = values
    return np.asarray(padded.reshape(rows, cell, columns, cell).sum(axis=(1, 3)))


def harmonic(values: Float64, known: NDArray[np.bool_]) -> Float64:
    """Values (r, c) with the unknown ones from the Laplace equation; the picture's border lets nothing through."""
    from scipy.sparse import csr_matrix, diags
    from scipy.sparse.linalg import spsolve

    if known.all():
        return values
    r, c = known.shape
    index = np.arange(r * c).reshape(r, c)
    pairs = np.concatenate(
        [
            np.stack([index[:, :-1].ravel(), index[:, 1:].ravel()], axis=1),
            np.stack([index[:-1].ravel(), index[1:].ravel()], axis=1),
        ]
    )
    both = np.concatenate([pairs, pairs[:, ::-1]])
    graph: Any = csr_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), (r * c, r * c))
    laplace = diags(np.asarray(graph.sum(axis=1)).ravel()) - graph
    free, fixed = np.flatnonzero(~known), np.flatnonzero(known)
    flat = values.ravel().copy()
    flat[free] = spsolve(laplace[free][:, free].tocsc(), -laplace[free][:, fixed] @ flat[fixed])
    return flat.reshape(r, c)
