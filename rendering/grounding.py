"""How content is tied to the surface it stands on: traced shadow, or one of the two signs that XR toolkits draw.

Both signs come from the content's footprint, its outline seen along the plane's normal, and are light ratios like the
traced shadow. So whatever holds for that one holds for them: things in front hide them, dark floors and bright ones
change alike, and they follow the frame's exposure.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Arrangement, Plane, Scene
from sceneforge.core.arrays import Float32, Float64

from .baking import MAP_SIDE, ShadowMap, on_outline
from .packing import PackedContent

Grounding = Literal["traced", "drop", "halo"]
"""Light traced with and without the content; a soft blob straight below it; a ring of light around its footprint."""
Sign = Literal["drop", "halo"]

DARKNESS = 0.6
"""Share of the light that a drop shadow takes under content that touches the surface."""
SOFTNESS = 0.1
"""Standard deviation of a drop shadow's edge, in the footprint's sizes; it grows by half the content's height above."""
BRIGHTNESS = 0.9
"""Light that a halo adds where it is brightest, in shares of what is there."""
RING = 0.06
"""Distance of a halo's ridge from the footprint and its standard deviation, in sizes of the footprint."""
SMALLEST_M, LARGEST_M = 0.08, 1.5
"""Sizes of footprints below and above count as these: the signs of a pin stay visible, those of a sofa stay narrow."""
FAINT = 0.01
"""Values of a sign below this are none, so that it ends within its map."""


def signs(scene: Scene, arrangement: Arrangement, content: PackedContent, sign: Sign) -> tuple[ShadowMap, ...]:
    """One map per placement, of the sign it gets on its supporting plane.

    Args:
        scene: Holds the planes.
        arrangement: What was packed into `content`.
        content: Its triangles in the world. Those that let light through throw no drop shadow.
        sign: Which one.
    """
    out = []
    stops = content.casts_shadow if sign == "drop" else np.ones(len(content.faces), dtype=np.bool_)
    for index, placement in enumerate(arrangement.placements):
        plane = scene.plane(placement.surface)
        corners = plane.to_local(content.placement_vertices(index)).reshape(-1, 3, 3)
        out.append(_sign(plane, corners, stops[content.face_placement == index], sign))
    return tuple(out)


def _sign(plane: Plane, corners: Float64, stops: NDArray[np.bool_], sign: Sign) -> ShadowMap:
    """For triangles (n, 3, 3) in the plane's own axes, of which some count."""
    import cv2

    flat = np.ascontiguousarray(corners[:, :, [0, 2]])
    hull = cv2.convexHull(flat.reshape(-1, 2).astype(np.float32))
    size = float(np.clip(np.sqrt(cv2.contourArea(hull)), SMALLEST_M, LARGEST_M))
    gap = max(float(corners[..., 1].min()), 0.0)
    width = SOFTNESS * size + 0.5 * gap if sign == "drop" else RING * size
    reach = 5 * width
    low, high = flat.min(axis=(0, 1)) - reach, flat.max(axis=(0, 1)) + reach
    cell = float((high - low).max()) / (MAP_SIDE - 1)
    nx, nz = (np.ceil((high - low) / cell).astype(int) + 1).tolist()
    if sign == "drop":
        footprint = _drawn((flat[stops] - low) / cell, (nx, nz))
        change = -DARKNESS / (1 + gap / size) * _blob(footprint, width / cell)
    else:
        footprint = _drawn((hull.reshape(1, -1, 2) - low) / cell, (nx, nz))
        change = BRIGHTNESS * _ring(footprint, width / cell)
    ratio = np.ascontiguousarray(np.repeat(1 + change[..., None], 3, axis=2), dtype=np.float32)
    return ShadowMap(plane, low, cell, ratio, on_outline(plane, low, cell, (nx, nz)))


def _drawn(shapes: Float64, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """(nx, nz) 255 where any of the convex shapes (n, k, 2), in samples, lies."""
    import cv2

    mask: NDArray[Any] = np.zeros(shape, dtype=np.uint8)
    for pixels in np.rint(shapes * 16).astype(np.int32)[..., ::-1]:  # 4 fixed-point bits
        cv2.fillConvexPoly(mask, np.ascontiguousarray(pixels), 255, shift=4)
    return np.asarray(mask, dtype=np.uint8)


def _blob(footprint: NDArray[np.uint8], width: float) -> Float32:
    """1 in the middle, half of it one `width` outside the footprint, 0 from about three on."""
    import cv2

    away = _distance(footprint)
    grown = np.clip(width - away + 0.5, 0, 1).astype(np.float32)
    return _ended(np.asarray(cv2.GaussianBlur(grown, (0, 0), max(width, 0.6)), dtype=np.float32))


def _ring(footprint: NDArray[np.uint8], width: float) -> Float32:
    """1 on the line one `width` outside the footprint, falling off to both sides."""
    return _ended(np.exp(-0.5 * ((_distance(footprint) - width) / width) ** 2).astype(np.float32))


def _distance(footprint: NDArray[np.uint8]) -> Float32:
    """(nx, nz) samples to the footprint's edge, negative inside; far where there is no footprint."""
    import cv2

    if not footprint.any():
        return np.full(footprint.shape, np.inf, dtype=np.float32)
    outside = cv2.distanceTransform(np.asarray(255 - footprint, dtype=np.uint8), cv2.DIST_L2, 5)
    inside = cv2.distanceTransform(footprint, cv2.DIST_L2, 5)
    return np.asarray(outside - inside, dtype=np.float32)


def _ended(values: Float32) -> Float32:
    return np.asarray(np.maximum(values - FAINT, 0) / (1 - FAINT), dtype=np.float32)
