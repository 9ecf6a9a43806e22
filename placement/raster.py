"""A surface as a grid: where it is, where it was scanned, what stands on it; and where a footprint fits.

Fitting is a correlation of masks with the footprint's mask, done by FFT: one product per orientation answers all
positions at once (configuration-space obstacles; Kavraki, "Computation of configuration-space obstacles using the
fast Fourier transform", 1995).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64

from .rules import MIN_FOOTPRINT_SEEN
from .triangles import Triangles, spread_points

Mask = NDArray[np.bool_]
MIN_CELL_M, MAX_CELL_M, MAX_CELLS = 0.005, 0.03, 90_000


class Raster:
    """Grid over an outline, its axes along the outline's tightest rectangle; arrays are indexed [v, u]."""

    def __init__(
        self,
        outline: Any,
        support: Triangles,
        others: Triangles,
        solids: tuple[Float64, ...],
        band: float,
        reach: float,
    ) -> None:
        import cv2
        import shapely

        self.angle, low, high = _tight_axes(outline)
        """Angle of the u axis from local +x towards +z, radians; u runs along the long edge."""
        extent = np.maximum(high - low, 1e-3)
        self.cell = float(np.clip(np.sqrt(extent[0] * extent[1] / MAX_CELLS), MIN_CELL_M, MAX_CELL_M))
        self.low, self.shape = low, (int(np.ceil(extent[1] / self.cell)), int(np.ceil(extent[0] / self.cell)))
        iv, iu = np.indices(self.shape)
        self.centres = self.to_local(low + (np.stack([iu, iv], axis=-1) + 0.5) * self.cell)
        """(V, U, 2) local [x, z] of the cells' centres."""
        self.inside: Mask = shapely.contains_xy(outline, self.centres[..., 0], self.centres[..., 1])
        self.lowest: Float32 = np.full(self.shape, np.inf, dtype=np.float32)
        """Height of the lowest thing over each cell that is not the surface itself, metres; inf = nothing."""
        self.ground: Float32 = np.full(self.shape, -np.inf, dtype=np.float32)
        """Height of the scanned surface per cell; -inf where nothing was scanned."""
        points = spread_points(support.vertices, support.faces, self.cell * 0.9, self._box(-0.1, band))
        self._collect(self.ground, points, np.maximum)
        self.add_obstacles(others, band, reach)
        for corners in solids:
            low_y, high_y = float(corners[:, 1].min()), float(corners[:, 1].max())
            if high_y > band:
                box = shapely.MultiPoint(corners[:, [0, 2]]).convex_hull
                cells = shapely.contains_xy(box, self.centres[..., 0], self.centres[..., 1])
                self.lowest[cells] = np.minimum(self.lowest[cells], max(low_y, band))
        seen = np.isfinite(self.ground).astype(np.uint8)
        self.seen: Mask = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)).astype(bool)

    def add_obstacles(self, things: Triangles, band: float, reach: float) -> None:
        """Note triangles (local frame) between `band` and `reach` above the plane as standing on the surface."""
        low, high = self._box(band, reach)
        if (
            not len(things.faces)
            or (things.vertices.max(axis=0) < low).any()
            or (things.vertices.min(axis=0) > high).any()
        ):
            return
        points = spread_points(things.vertices, things.faces, self.cell * 0.9, (low, high))
        points = points[(points[:, 1] > band) & (points[:, 1] < reach)]
        self._collect(self.lowest, points, np.minimum)

    def _box(self, bottom: float, top: float) -> tuple[Float64, Float64]:
        corners = self.centres[[0, 0, -1, -1], [0, -1, 0, -1]]
        low, high = corners.min(axis=0) - self.cell, corners.max(axis=0) + self.cell
        return np.array([low[0], bottom, low[1]]), np.array([high[0], top, high[1]])

    def _collect(self, target: Float32, points: Float64, reduce: np.ufunc) -> None:
        grid = (self.to_grid(points[:, ::2]) - self.low) / self.cell
        u, v = np.floor(grid[:, 0]).astype(np.int64), np.floor(grid[:, 1]).astype(np.int64)
        ok = (u >= 0) & (u < self.shape[1]) & (v >= 0) & (v < self.shape[0])
        reduce.at(target.reshape(-1), v[ok] * self.shape[1] + u[ok], points[ok, 1].astype(np.float32))

    def to_grid(self, points_xz: Float64) -> Float64:
        """Local [x, z] (..., 2) to metres along the grid's axes (..., 2) [u, v]."""
        return _rotated(points_xz, self.angle)

    def to_local(self, points_uv: Float64) -> Float64:
        """Inverse of `to_grid`."""
        return _rotated(points_uv, -self.angle)

    def cell_of(self, point_xz: Float64) -> tuple[int, int]:
        """[v, u] index of the cell that holds a local point, clipped to the grid."""
        u, v = np.floor((self.to_grid(np.asarray(point_xz)) - self.low) / self.cell).astype(int)
        return int(np.clip(v, 0, self.shape[0] - 1)), int(np.clip(u, 0, self.shape[1] - 1))


def _rotated(points: Float64, angle: float) -> Float64:
    """Coordinates (..., 2) along axes turned by `angle`; written out, as BLAS is slow on such thin products."""
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([points[..., 0] * c + points[..., 1] * s, points[..., 1] * c - points[..., 0] * s], axis=-1)


def _tight_axes(outline: Any) -> tuple[float, Float64, Float64]:
    """Angle of the long side of the smallest rectangle around an outline, and the outline's bounds along its axes."""
    import shapely

    corners = np.asarray(shapely.minimum_rotated_rectangle(outline).exterior.coords)
    sides = np.diff(corners[:3], axis=0)
    long = sides[int(np.argmax(np.linalg.norm(sides, axis=1)))]
    angle = float(np.arctan2(long[1], long[0]))
    angle -= np.pi * np.round(angle / np.pi)
    uv = _rotated(corners, angle)
    return angle, uv.min(axis=0), uv.max(axis=0)


class Fitter:
    """Where footprints fit on one raster, given what is free for content of a certain height and clearance."""

    def __init__(self, raster: Raster, height: float, clearance: float) -> None:
        import cv2
        from scipy import fft

        self.raster = raster
        blocked: Any = (raster.lowest < height + clearance).astype(np.uint8)
        radius = int(np.ceil(clearance / raster.cell))
        if radius:
            disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
            blocked = cv2.dilate(blocked, disc)
        self.free: Mask = raster.inside & (blocked == 0)
        self.edge_m = (
            cv2.distanceTransform(np.pad(self.free, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)[
                1:-1, 1:-1
            ].astype(np.float64)
            * raster.cell
        )
        """Distance of each cell to the nearest one that is not free, metres."""
        self._fft = fft
        self._spectra: dict[str, tuple[tuple[int, int], Any]] = {}

    def masks(self) -> dict[str, Mask]:
        """The masks that rules are told apart by."""
        return {"inside": self.raster.inside, "free": self.free, "seen": self.raster.seen & self.raster.inside}

    def covered(self, which: str, outline: Float64) -> tuple[Float64, int]:
        """Per centre cell [v, u], how many of the footprint's cells lie in a mask, and how many cells it has.

        Args:
            which: A key of `masks`.
            outline: (K, 2) convex footprint [x, z] about the centre, turned to its heading, counter-clockwise.
        """
        kernel = footprint_cells(self.raster.to_grid(outline), self.raster.cell)
        half = kernel.shape[0] // 2
        h, w = self.raster.shape
        size = (self._fft.next_fast_len(h + 2 * half, real=True), self._fft.next_fast_len(w + 2 * half, real=True))
        known = self._spectra.get(which)
        if known is None or known[0] != size:
            known = (size, self._fft.rfft2(self.masks()[which].astype(np.float32), size))
            self._spectra[which] = known
        product = known[1] * self._fft.rfft2(kernel[::-1, ::-1].astype(np.float32), size)
        counts = self._fft.irfft2(product, size)[half : half + h, half : half + w]
        return np.asarray(counts, dtype=np.float64), int(kernel.sum())

    def fits(self, outline: Float64, base: Float64, least_support: float) -> Mask:
        """Centres where the footprint is on free surface, nearly all of it scanned, and its base is supported.

        Args:
            outline, base: (K, 2) convex outlines of the whole and of its base, turned to the heading.
            least_support: Share of the base that must be scanned surface.
        """
        free, n = self.covered("free", outline)
        return np.asarray((free > n - 0.5) & (self.support(outline, base, least_support) >= 1))

    def support(self, outline: Float64, base: Float64, least_support: float) -> Float64:
        """Scanned shares of footprint and base over what is asked of them, the smaller; 1 or more is enough."""
        seen, n = self.covered("seen", outline)
        under, m = self.covered("seen", base)
        return np.asarray(np.minimum(seen / (MIN_FOOTPRINT_SEEN * n), under / (least_support * m)))


def footprint_cells(outline_uv: Float64, cell: float) -> Mask:
    """Square odd-sized mask of the cells whose centres lie in a convex outline (K, 2); the middle one always does."""
    half = int(np.ceil(np.abs(outline_uv).max() / cell))
    axis = np.arange(-half, half + 1) * cell
    u, v = np.meshgrid(axis, axis)
    a, b = outline_uv, np.roll(outline_uv, -1, axis=0)
    area = float(np.sum(a[:, 0] * b[:, 1] - b[:, 0] * a[:, 1]))
    mask = np.ones(u.shape, dtype=bool)
    for (ua, va), (ub, vb) in zip(a, b, strict=True):
        mask &= np.sign(area) * ((ub - ua) * (v - va) - (vb - va) * (u - ua)) >= -1e-9
    mask[half, half] = True
    return mask
