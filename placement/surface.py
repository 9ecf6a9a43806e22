"""One plane with the scan around it, in the plane's own frame: what is surface, what stands on it, how rough it is."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import OrientedBox, Plane
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import inverse, transform_points

from .body import Mount
from .raster import Raster
from .rules import (
    ENCLOSED_M,
    MAX_BAND_M,
    MAX_CONTACT_GAP_M,
    MAX_SLOPE_DEG,
    MIN_BAND_M,
    REACH_M,
    ROUGH_CONTACT_GAP_M,
    WALL_ENCLOSED_M,
    Failure,
)
from .triangles import Triangles, outline_polygon


def mount_of(plane: Plane) -> Mount | Failure:
    """How content touches a plane, or why it cannot: too steep to stand on, not steep enough to hang on."""
    slope = float(np.degrees(np.arccos(np.clip(plane.normal[1], -1, 1))))
    if slope <= MAX_SLOPE_DEG:
        return Mount.STAND
    if abs(slope - 90) <= MAX_SLOPE_DEG:
        return Mount.WALL
    if slope >= 180 - MAX_SLOPE_DEG:
        return Mount.HANG
    excess = min(slope - MAX_SLOPE_DEG, abs(slope - 90) - MAX_SLOPE_DEG, 180 - MAX_SLOPE_DEG - slope)
    return Failure(
        "slope",
        1000 * float(np.tan(np.radians(excess))),
        f"it is tilted by {slope:.0f} degrees, and things stand up to {MAX_SLOPE_DEG:.0f} degrees "
        f"from level and hang up to {MAX_SLOPE_DEG:.0f} degrees from upright (margin: rise per metre)",
    )


class Surface:
    """A plane and its surroundings. All coordinates are plane-local: x, height above the plane, z."""

    def __init__(
        self, plane: Plane, mount: Mount, soup: Triangles, solids: tuple[OrientedBox, ...], reach: float
    ) -> None:
        """Crop the scene to the plane's surroundings.

        Args:
            plane: The surface.
            mount: How content touches it.
            soup: The scene's triangles in the world.
            solids: Boxes in the world whose inside counts as occupied.
            reach: Height above the plane up to which things matter, metres.
        """
        self.plane, self.mount, self.reach, self._soup = plane, mount, reach, soup
        self.outline: Any = outline_polygon(plane)
        T_plane_world = inverse(plane.T_world_plane)
        pad = np.array([REACH_M, 0, REACH_M])
        low, high = (f(plane.polygon, axis=0)[[0, 0, 1]] for f in (np.min, np.max))
        low, high = low - pad, high + pad
        low[1], high[1] = -0.1, reach + REACH_M
        local = Triangles(transform_points(T_plane_world, soup.vertices), soup.faces).near_box(low, high)
        self._vertices, self._faces = local.vertices, local.faces
        self.band = self._band()
        top = self._vertices[:, 1][self._faces].max(axis=1)
        self.support = Triangles(self._vertices, self._faces[top <= self.band])
        self.others = Triangles(self._vertices, self._faces[top > self.band])
        self.solids = tuple(transform_points(T_plane_world, b.corners) for b in solids)

    def _band(self) -> float:
        """Scan up to this height is the surface itself: four robust deviations of the vertices near the plane."""
        import shapely

        h = self._vertices[:, 1]
        near = np.flatnonzero(np.abs(h) < 0.05)
        inside = near[shapely.contains_xy(self.outline, self._vertices[near, 0], self._vertices[near, 2])]
        if len(inside) < 20:
            return MIN_BAND_M
        spread = 1.4826 * float(np.median(np.abs(h[inside] - np.median(h[inside]))))
        return float(np.clip(4 * spread, MIN_BAND_M, MAX_BAND_M))

    @cached_property
    def support_points(self) -> Float64:
        """(N, 3) vertices of the surface itself."""
        used = np.zeros(len(self._vertices), dtype=bool)
        used[self.support.faces] = True
        used &= self._vertices[:, 1] > -MAX_BAND_M
        return np.asarray(self._vertices[used])

    @cached_property
    def raster(self) -> Raster:
        """The surface as a grid; places inside or under something count as occupied."""
        raster = Raster(self.outline, self._facing_up(), self.others, self.solids, self.band, self.reach)
        v, u = np.nonzero(raster.inside)
        x, z = raster.centres[v, u].T
        inside = self.enclosed(np.stack([x, np.full(len(x), self.band), z], axis=1))
        raster.lowest[v[inside], u[inside]] = 0.0
        return raster

    def _facing_up(self) -> Triangles:
        """The surface itself without what is steep or far below: these triangles were surely seen as surface."""
        faces = self.support.faces
        deep = self._vertices[:, 1][faces].min(axis=1) < -MAX_BAND_M
        steep = np.abs(_face_normals(self._vertices, faces)[:, 1]) < 0.5
        return Triangles(self._vertices, faces[~deep & ~steep])

    def heights(self, points_xz: Float64) -> Float64:
        """Height (N,) of the scanned surface at points (N, 2); NaN where nothing was scanned within the band."""
        top = self.band + 0.005
        origins = np.stack([points_xz[:, 0], np.full(len(points_xz), top), points_xz[:, 1]], axis=1)
        t, _ = self.support.cast(origins, np.array([0.0, -1.0, 0.0]))
        return np.where(top - t > -MAX_BAND_M, top - t, np.nan)

    def enclosed(self, points: Float64) -> NDArray[np.bool_]:
        """Which of N points lie inside something, or under something that was only scanned from above.

        A ray away from the surface then leaves through a back face before it entered that thing through a front face.
        """
        limit = WALL_ENCLOSED_M if self.mount is Mount.WALL else ENCLOSED_M
        normal = self.plane.normal
        origins = transform_points(self.plane.T_world_plane, points)
        inside, entered = np.zeros(len(points), dtype=bool), np.zeros(len(points), dtype=np.int64)
        travelled, rays = np.zeros(len(points)), np.arange(len(points))
        for _ in range(8):
            t, normals = self._soup.cast(origins[rays] + normal * travelled[rays, None], normal)
            travelled[rays] += t + 1e-4
            back = normals @ normal > 0
            ahead = travelled[rays] < limit
            inside[rays[ahead & back & (entered[rays] == 0)]] = True
            entered[rays] += np.where(back, -1, 1)
            rays = rays[ahead & ~inside[rays]]
            if not len(rays):
                break
        return inside

    @property
    def allowed_gap(self) -> float:
        """Contact gap allowed here, metres: more on rough scans, whose bumps are mostly noise."""
        return float(np.clip(0.6 * self.band, MAX_CONTACT_GAP_M, ROUGH_CONTACT_GAP_M))

    @property
    def title(self) -> str:
        """How reasons name it: "'plane_2' (table, 0.82 m2)"."""
        area = float(self.outline.area)
        return f"'{self.plane.id}' ({self.plane.label.value}, {area:.2f} m2)"


def _face_normals(vertices: Float64, faces: NDArray[np.int64]) -> Float64:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    n = np.cross(b - a, c - a)
    length = np.linalg.norm(n, axis=1, keepdims=True)
    return np.asarray(np.divide(n, length, out=np.zeros_like(n), where=length > 0))
