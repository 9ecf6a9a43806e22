"""Content made ready to be put down: turned so that it rests on its lowest points, with base, footprint and samples."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import ContentError, Placement, Request
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import make_transform, yaw_rotation

from .rules import MAX_BAND_M, MIN_SUPPORT, MIN_WALL_SUPPORT
from .triangles import Faces, Triangles, spread_points

MAX_SAMPLES = 4000
LOW_M = 2 * MAX_BAND_M
"""Nothing of a surface reaches higher than this, so higher points of the content cannot rest on it."""


class Mount(StrEnum):
    """Which side of the content touches the surface."""

    STAND = "stand"
    """Its underside, on a surface that faces up."""
    WALL = "wall"
    """Its back (-Z), on a vertical surface, upright."""
    HANG = "hang"
    """Its top, under a ceiling, upright."""


_R_MOUNT_CONTENT = {
    Mount.STAND: np.eye(3),
    Mount.WALL: np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    Mount.HANG: np.diag([1.0, -1.0, -1.0]),
}


@dataclass(frozen=True)
class Body:
    """Content in its mount frame: +Y away from the surface, lowest point at y = 0, footprint centred on the origin."""

    mount: Mount
    """How it touches."""
    T_mount_content: Float64
    """(4, 4) rigid: takes scaled content coordinates to the mount frame."""
    triangles: Triangles
    """All triangles in the mount frame."""
    hull: Float64
    """(K, 2) convex outline [x, z] of everything, counter-clockwise in (x, z)."""
    base: Float64
    """(B, 3) support points: the points it rests on."""
    base_hull: Float64
    """(K, 2) convex outline [x, z] of the base, not empty even for a ball."""
    samples: Float64
    """(S, 3) points over the whole surface, all of them on triangles."""

    @property
    def size(self) -> Float64:
        """(3,) extents in the mount frame."""
        v = self.triangles.vertices
        return np.asarray(v.max(axis=0) - v.min(axis=0))

    @property
    def height(self) -> float:
        """How far it reaches from the surface, metres."""
        return float(self.size[1])

    @property
    def least_support(self) -> float:
        """Share of the base that must have surface under it."""
        return MIN_WALL_SUPPORT if self.mount is Mount.WALL else MIN_SUPPORT

    @cached_property
    def underside(self) -> Float64:
        """(U, 3) points that a bump of the surface could touch: all low vertices, and samples between them."""
        v = self.triangles.vertices[np.unique(self.triangles.faces)]
        v = _thinned(v[v[:, 1] < LOW_M], MAX_SAMPLES)
        return np.concatenate([v, self.samples[self.samples[:, 1] < LOW_M]])


def make_body(request: Request, mount: Mount) -> Body:
    """Prepare a request's content for one way of mounting.

    Raises:
        ContentError: The content has no extent or vertices that are not finite.
    """
    content = request.content
    v = np.concatenate([p.vertices for p in content.parts]).astype(np.float64) * request.scale
    starts = np.cumsum([0] + [len(p.vertices) for p in content.parts])
    faces = np.concatenate([p.faces.astype(np.int64) + s for p, s in zip(content.parts, starts[:-1], strict=True)])
    used = v[np.unique(faces)]
    if not np.isfinite(used).all() or float(np.ptp(used, axis=0).max()) <= 0:
        raise ContentError(
            f"'{content.name}' has no finite extent", path=content.path or None, expected="triangles in metres"
        )
    R = _R_MOUNT_CONTENT[mount]
    v, used = v @ R.T, used @ R.T
    low, high = used.min(axis=0), used.max(axis=0)
    t = -np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    v, used = v + t, used + t
    extent = high - low
    soup, samples = Triangles(v, faces), _samples(v, faces, extent)
    touching = np.concatenate([used, samples])
    return Body(
        mount=mount,
        T_mount_content=make_transform(R, t),
        triangles=soup,
        hull=convex_outline(used[:, [0, 2]]),
        base=_thinned(touching[touching[:, 1] <= 0.001], 160),
        base_hull=convex_outline(_cut_off(soup, max(0.002, 0.02 * float(extent[1])))[:, [0, 2]]),
        samples=samples,
    )


def _cut_off(soup: Triangles, tolerance: float) -> Float64:
    """Vertices below `tolerance` and the points where edges pass that height: they bound what lies below it exactly."""
    a, b = soup.vertices[soup.edges[:, 0]], soup.vertices[soup.edges[:, 1]]
    flip = a[:, 1] > b[:, 1]
    a, b = np.where(flip[:, None], b, a), np.where(flip[:, None], a, b)
    passes = (a[:, 1] <= tolerance) & (b[:, 1] > tolerance)
    a, b = a[passes], b[passes]
    cut = a + (b - a) * ((tolerance - a[:, 1]) / (b[:, 1] - a[:, 1]))[:, None]
    v = soup.vertices[np.unique(soup.faces)]
    return np.concatenate([v[v[:, 1] <= tolerance], cut])


def _samples(vertices: Float64, faces: Faces, extent: Float64) -> Float64:
    """Surface points about 1/40 of the size apart, thinned to one per voxel until they are few enough."""
    size = float(np.linalg.norm(extent))
    spacing = float(np.clip(size / 40, 0.002, max(0.03, size / 150)))
    points = spread_points(vertices, faces, spacing)
    return _thinned(points, MAX_SAMPLES)


def _thinned(points: Float64, limit: int) -> Float64:
    """At most about `limit` of the points: extremes along x, y and z first, then one per voxel of growing size."""
    if len(points) <= limit:
        return points
    extremes = points[np.unique(np.concatenate([points.argmin(axis=0), points.argmax(axis=0)]))]
    voxel = max(1e-4, float(np.ptp(points, axis=0).max()) / 150)
    while True:
        _, first = np.unique(_voxel_keys(points, voxel), return_index=True)
        if len(first) <= limit:
            return np.concatenate([extremes, points[np.sort(first)]])
        voxel *= 1.25


def _voxel_keys(points: Float64, voxel: float) -> NDArray[np.int64]:
    """One number (N,) per voxel for points (N, 3) that span less than 2^20 voxels."""
    i = np.round((points - points.min(axis=0, initial=np.inf)) / voxel).astype(np.int64)
    return np.asarray((i[:, 0] << 42) + (i[:, 1] << 21) + i[:, 2])


def convex_outline(points: Float64) -> Float64:
    """Convex hull (K, 2) of points (N, 2), counter-clockwise; thin or single-point sets get a millimetre of width."""
    from scipy.spatial import ConvexHull

    low, high = points.min(axis=0), points.max(axis=0)
    pad = 0.0005 * np.array([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])
    grown = points
    centred = points - points.mean(axis=0)
    if len(points) < 3 or np.linalg.svd(centred, compute_uv=False)[-1] < 1e-4 * np.sqrt(len(points)):
        grown = (points[:, None] + pad[None]).reshape(-1, 2)
    if float((high - low).max()) < 1e-6:
        grown = low + pad
    hull = ConvexHull(grown)
    return np.asarray(grown[hull.vertices])


def turned(points: Float64, yaw: float) -> Float64:
    """Points (N, 3) or outlines (N, 2) of [x, z] turned by `yaw` radians about +Y."""
    R = yaw_rotation(yaw)
    return np.asarray(points @ (R.T if points.shape[1] == 3 else R[[0, 2]][:, [0, 2]].T))


def content_pose(body: Body, T_plane_mount: Float64, T_world_plane: Float64) -> Float64:
    """T_world_content (4, 4) of a body whose mount frame lies at `T_plane_mount` in the plane's frame."""
    return np.asarray(T_world_plane @ T_plane_mount @ body.T_mount_content)


def placed_triangles(placement: Placement) -> tuple[Float64, Faces]:
    """World vertices (N, 3) and faces (M, 3) of content in its place."""
    parts = placement.content.parts
    starts = np.cumsum([0] + [len(p.vertices) for p in parts])
    v = np.concatenate([p.vertices for p in parts]).astype(np.float64) * placement.scale
    T = placement.T_world_content
    faces = np.concatenate([p.faces.astype(np.int64) + s for p, s in zip(parts, starts[:-1], strict=True)])
    return v @ T[:3, :3].T + T[:3, 3], faces
