"""Bounded outlines of planes: where the surface really is, as polygons with holes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sceneforge.core.arrays import Float64, Int32

CELL_M = 0.025
"""Raster cell: a little coarser than the samples, so that a seen surface leaves no empty cells."""

MARGIN_M = 0.01
"""Half the spacing of the samples."""


@dataclass(frozen=True)
class Outline:
    """One connected piece of a plane."""

    polygon: Float64
    """(K, 2) [x, z], positive shoelace area."""
    holes: tuple[Float64, ...]
    """(K, 2) each, negative shoelace area."""
    area_m2: float
    """Area of the polygon less holes."""
    observed_fraction: float
    """Share of that area with samples on it."""


@dataclass(frozen=True)
class PlaneRaster:
    """The pieces of a plane and the way back from a position to its piece."""

    outlines: tuple[Outline, ...]
    """Largest first."""
    pieces: Int32
    """(h, w) raster: index into `outlines`, -1 = none."""
    corner: Float64
    """(2,) [x, z] of the raster's first cell centre."""

    def piece_at(self, xz: Float64) -> Int32:
        """Piece (N,) under local positions (N, 2); -1 where there is none."""
        cell = np.rint((xz - self.corner) / CELL_M).astype(np.int64)
        h, w = self.pieces.shape
        inside = (cell[:, 0] >= 0) & (cell[:, 0] < w) & (cell[:, 1] >= 0) & (cell[:, 1] < h)
        out = np.full(len(xz), -1, np.int32)
        out[inside] = self.pieces[cell[inside, 1], cell[inside, 0]]
        return out


def trace(xz: Float64, *, close_m: float, min_area_m2: float, min_hole_m2: float, simplify_m: float) -> PlaneRaster:
    """Trace the outline of a plane's samples.

    Args:
        xz: (N, 2) local positions of the samples, metres.
        close_m: Gaps up to twice this width are bridged.
        min_area_m2: Smaller pieces are dropped.
        min_hole_m2: Smaller holes are filled.
        simplify_m: Largest distance by which the polygon may cut corners (Douglas & Peucker 1973).
    """
    import cv2

    pad = int(np.ceil(close_m / CELL_M)) + 3
    corner = np.floor(xz.min(axis=0) / CELL_M) * CELL_M - pad * CELL_M
    cell = np.rint((xz - corner) / CELL_M).astype(np.int64)
    w, h = cell.max(axis=0) + pad + 1
    seen = np.zeros((h, w), np.uint8)
    seen[cell[:, 1], cell[:, 0]] = 1
    seen = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    radius = max(round(close_m / CELL_M), 1)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    filled = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, disk)
    count, component = cv2.connectedComponents(filled, connectivity=4)
    traced: list[tuple[Outline, int]] = []
    for i in range(1, count):
        mask = (component == i).astype(np.uint8)
        if mask.sum() * CELL_M**2 < min_area_m2:
            continue
        shape = _polygon(mask, corner, min_hole_m2, simplify_m)
        if shape is None or shape.area < min_area_m2:
            continue
        observed = float(seen[mask > 0].sum() * CELL_M**2 / shape.area)
        outline = Outline(
            _ring(shape.exterior, positive=True),
            tuple(_ring(r, positive=False) for r in shape.interiors),
            float(shape.area),
            float(np.clip(observed, 0, 1)),
        )
        traced.append((outline, i))
    traced.sort(key=lambda t: (-t[0].area_m2, t[1]))
    index = np.full(count, -1, np.int32)
    for rank, (_, i) in enumerate(traced):
        index[i] = rank
    return PlaneRaster(tuple(o for o, _ in traced), index[component], corner)


def _polygon(mask: Any, corner: Float64, min_hole_m2: float, simplify_m: float) -> Any:
    """Shapely polygon of one connected mask, through the outer edge of its cells."""
    import cv2
    from shapely.geometry import MultiPolygon, Polygon

    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    outer: list[Float64] = []
    inner: list[Float64] = []
    for contour, link in zip(contours, hierarchy[0], strict=True):
        if len(contour) >= 3:
            (outer if link[3] < 0 else inner).append(contour[:, 0].astype(np.float64) * CELL_M + corner)
    if not outer:
        return None
    # Contours run through the centres of the outermost cells; a sample stands for surface half a spacing beyond it.
    shape = Polygon(max(outer, key=lambda r: Polygon(r).area)).buffer(MARGIN_M, join_style="mitre")
    for ring in inner:
        hole = Polygon(ring).buffer(-MARGIN_M, join_style="mitre")
        if hole.area >= min_hole_m2:
            shape = shape.difference(hole)
    shape = shape.simplify(simplify_m)
    if not shape.is_valid:
        shape = shape.buffer(0)
    if isinstance(shape, MultiPolygon):
        shape = max(shape.geoms, key=lambda g: g.area)
    return shape if isinstance(shape, Polygon) and not shape.is_empty else None


def _ring(ring: Any, *, positive: bool) -> Float64:
    xy = np.asarray(ring.coords, dtype=np.float64)[:-1]
    x, z = xy[:, 0], xy[:, 1]
    area = 0.5 * float(x @ np.roll(z, -1) - z @ np.roll(x, -1))
    xy = xy if (area > 0) == positive else xy[::-1]
    # Start at the lowest corner, so that equal shapes have equal bytes.
    return np.round(np.roll(xy, -int(np.lexsort((xy[:, 1], xy[:, 0]))[0]), axis=0), 6)
