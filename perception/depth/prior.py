"""What the understood scene says a camera should see: its mesh by ray casting, its planes where the mesh has gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, Scene
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.transforms import inverse

NONE, SENSOR, MESH, PLANE, FILLED = 0, 1, 2, 3, 4
"""Where a pixel's depth comes from."""


@dataclass(frozen=True)
class Prior:
    """The scene seen by one camera, as inverse depth and its slopes per pixel."""

    w: Float32
    """(H, W) inverse depth 1/m, 0 = nothing known."""
    gx: Float32
    """(H, W) slope of w along a row, per pixel."""
    gy: Float32
    """(H, W) slope of w down a column, per pixel."""
    source: UInt8
    """(H, W) MESH or PLANE, NONE where nothing is known."""


class ScenePrior:
    """Casts rays into a scene's mesh, and into its planes where those miss.

    Args:
        scene: Its mesh may be missing; then only planes answer.
    """

    def __init__(self, scene: Scene) -> None:
        import open3d as o3d

        self._o3d = o3d
        self._planes = scene.planes
        self._caster = None
        if scene.mesh is not None and len(scene.mesh.faces):
            self._caster = o3d.t.geometry.RaycastingScene()
            self._caster.add_triangles(
                o3d.core.Tensor(scene.mesh.vertices.copy()), o3d.core.Tensor(scene.mesh.faces.astype(np.uint32))
            )

    def see(self, camera: Camera, T_world_camera: Float64) -> Prior:
        """What a camera at `T_world_camera` (4, 4) in the scene's world should see. Backs of surfaces are not seen."""
        rays = camera.rays()
        h, w = camera.shape
        T_camera_world = inverse(T_world_camera)
        normal = np.zeros((h, w, 3), np.float32)
        z = np.zeros((h, w), np.float32)
        source = np.zeros((h, w), np.uint8)
        if self._caster is not None:
            directions = rays @ T_world_camera[:3, :3].T.astype(np.float32)
            origins = np.broadcast_to(T_world_camera[:3, 3].astype(np.float32), directions.shape)
            hit = self._caster.cast_rays(self._o3d.core.Tensor(np.concatenate([origins, directions], axis=2)))
            t = hit["t_hit"].numpy()
            n = hit["primitive_normals"].numpy() @ T_camera_world[:3, :3].T.astype(np.float32)
            facing = np.einsum("ijk,ijk->ij", n, rays) < 0
            seen = np.isfinite(t) & facing
            z[seen], normal[seen], source[seen] = t[seen], n[seen], MESH
            blocked = np.isfinite(t) & ~facing  # the back of a surface: what lies there is not known
        else:
            blocked = np.zeros((h, w), bool)
        open_ = (source == NONE) & ~blocked
        if open_.any():
            self._cast_planes(rays, T_world_camera, T_camera_world, open_, z, normal, source)
        return _as_inverse(rays, z, normal, source, camera)

    def _cast_planes(
        self,
        rays: Float32,
        T_world_camera: Float64,
        T_camera_world: Float64,
        open_: NDArray[np.bool_],
        z: Float32,
        normal: Float32,
        source: UInt8,
    ) -> None:
        from shapely import contains_xy, prepare
        from shapely.geometry import Polygon

        v, u = np.nonzero(open_)
        d = rays[v, u] @ T_world_camera[:3, :3].T
        origin = T_world_camera[:3, 3]
        best = np.full(len(v), np.inf)
        owner = np.full(len(v), -1)
        for k, plane in enumerate(self._planes):
            slope = d @ plane.normal
            with np.errstate(divide="ignore", invalid="ignore"):
                t = ((plane.origin - origin) @ plane.normal) / slope
            ok = np.flatnonzero((slope < -1e-3) & (t > 0.1) & (t < best))
            if not len(ok):
                continue
            local = plane.to_local(origin + d[ok] * t[ok, None])
            outline = Polygon(plane.polygon, [h for h in plane.holes if len(h) >= 3])
            prepare(outline)
            ok = ok[contains_xy(outline, local[:, 0], local[:, 2])]
            best[ok], owner[ok] = t[ok], k
        hit = np.flatnonzero(owner >= 0)
        normals = np.array([T_camera_world[:3, :3] @ p.normal for p in self._planes]).reshape(-1, 3)
        z[v[hit], u[hit]] = best[hit]
        normal[v[hit], u[hit]] = normals[owner[hit]]
        source[v[hit], u[hit]] = PLANE


def _as_inverse(rays: Float32, z: Float32, normal: Float32, source: UInt8, camera: Camera) -> Prior:
    """On the plane n . p = d, 1/z = n . ray / d: linear over the pixel grid."""
    seen = source > 0
    d = np.einsum("ijk,ijk->ij", normal, rays) * z
    seen &= np.abs(d) > 1e-4
    w = np.divide(1, z, out=np.zeros_like(z), where=seen)
    gx = np.divide(normal[..., 0] / np.float32(camera.fx), d, out=np.zeros_like(z), where=seen)
    gy = np.divide(normal[..., 1] / np.float32(camera.fy), d, out=np.zeros_like(z), where=seen)
    return Prior(w, gx, gy, np.where(seen, source, 0).astype(np.uint8))
