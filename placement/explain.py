"""Why a surface cannot take the content: which rule fails for the best place on it, and by how many millimetres."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sceneforge.core import Plane
from sceneforge.core.arrays import Float64

from .body import Body, turned
from .raster import Fitter, Mask
from .rules import MIN_FOOTPRINT_SEEN, Failure
from .triangles import outline_polygon


def diagnose(body: Body, fitter: Fitter, yaws: Sequence[float]) -> Failure:
    """The failure of a surface on which the footprint fits nowhere, in the order size, support, collision."""
    outlines = [turned(body.hull, yaw) for yaw in yaws]
    needs = [np.ptp(fitter.raster.to_grid(outline), axis=0) for outline in outlines]
    size = "{:.0f} x {:.0f} mm".format(*(1000 * needs[0]))
    if not any((count >= n - 0.5).any() for count, n in (fitter.covered("inside", o) for o in outlines)):
        margin, free = _shortfall(fitter.raster.inside, needs, fitter.raster.cell)
        text = "{:.0f} x {:.0f} mm".format(*(1000 * free))
        return Failure("size", margin, f"it needs {size}, the largest rectangle on the surface is about {text}")
    bases = [turned(body.base_hull, yaw) for yaw in yaws]
    shares = [_best_share(fitter, body, o, b) for o, b in zip(outlines, bases, strict=True)]
    best = int(np.argmax(shares))
    if shares[best] < 1:
        return Failure(
            "support",
            max(1.0, 1000 * float(needs[best].max()) * (1 - shares[best])),
            f"it needs {size} of scanned surface, the best place has {shares[best]:.0%} of what is asked for "
            f"({MIN_FOOTPRINT_SEEN:.0%} of its footprint, {body.least_support:.0%} of its base)",
        )
    margin, free = _shortfall(fitter.free & fitter.raster.seen, needs, fitter.raster.cell)
    text = "{:.0f} x {:.0f} mm".format(*(1000 * free))
    return Failure(
        "collision", margin, f"it needs {size}, the largest rectangle left by what stands there is about {text}"
    )


def too_large(body: Body, plane: Plane) -> Failure | None:
    """The failure of content that cannot fit whatever its heading, found without a raster.

    A footprint inside an outline has at most its area and at most its diameter.
    """
    outline = outline_polygon(plane)
    ring = np.asarray(outline.convex_hull.exterior.coords)
    x, z = body.hull.T
    area = 0.5 * abs(float(x @ np.roll(z, -1) - z @ np.roll(x, -1)))
    if area <= outline.area and _diameter(body.hull) <= _diameter(ring):
        return None
    (need_w, need_d), (free_w, free_d) = (_rectangle(h) for h in (body.hull, ring))
    margin = 1000 * max(need_w - free_w, need_d - free_d, 0.001)
    return Failure(
        "size",
        float(margin),
        f"it needs {1000 * need_w:.0f} x {1000 * need_d:.0f} mm, "
        f"the surface is about {1000 * free_w:.0f} x {1000 * free_d:.0f} mm",
    )


def _rectangle(points: Float64) -> tuple[float, float]:
    """Longer and shorter side of the least rectangle around points (N, 2)."""
    import cv2

    a, b = cv2.minAreaRect(points.astype(np.float32))[1]
    return max(a, b), min(a, b)


def _diameter(points: Float64) -> float:
    return float(np.linalg.norm(points[:, None] - points[None], axis=2).max())


def _best_share(fitter: Fitter, body: Body, outline: Float64, base: Float64) -> float:
    """Best support, as a share of what is asked, over the places where the footprint lies on the surface."""
    inside, n = fitter.covered("inside", outline)
    return float(np.where(inside >= n - 0.5, fitter.support(outline, base, body.least_support), 0).max())


def _shortfall(mask: Mask, needs: Sequence[Float64], cell: float) -> tuple[float, Float64]:
    """By how many millimetres the roomiest rectangle is too small, and that rectangle's (2,) [u, v] size in metres."""
    table = np.pad(np.cumsum(np.cumsum(mask, axis=0, dtype=np.int64), axis=1), ((1, 0), (1, 0)))

    def has(w: int, h: int) -> bool:
        if w < 1 or h < 1:
            return True
        if w > mask.shape[1] or h > mask.shape[0]:
            return False
        return bool((table[h:, w:] - table[:-h, w:] - table[h:, :-w] + table[:-h, :-w] == w * h).any())

    options = [_roomiest(has, need, cell, max(mask.shape)) for need in needs]
    return min(options, key=lambda option: option[0])


def _roomiest(has: Callable[[int, int], bool], need: Float64, cell: float, most: int) -> tuple[float, Float64]:
    """Margin in mm and size (2,) of the rectangle that comes closest to `need` (2,)."""
    w, h = (int(np.ceil(x / cell - 1e-6)) for x in need)
    lack = _first(lambda s: has(w - s, h - s), max(w, h))
    tall = max(h - lack, 0)
    wide = max(w - lack, 0) + _first(lambda s: not has(w - lack + s + 1, tall), most)
    tall = tall + _first(lambda s: not has(wide, tall + s + 1), most)
    free = cell * np.array([wide, tall], dtype=np.float64)
    return max(1000 * float(np.max(need - free)), 1.0), free


def _first(holds: Callable[[int], bool], limit: int) -> int:
    """Smallest integer in 0..limit for which a monotone predicate holds, `limit` if none."""
    low, high = 0, limit
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
