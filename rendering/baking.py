"""Light and shadow that never change: traced once, looked up in every frame, so that shadows cannot flicker.

Two receivers of the content's shadow are prepared: a fine map on every supporting plane, and the vertices of the
scanned mesh around. Both hold the shadow ratio of differential rendering (Debevec 1998): light with content / without.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Arrangement, Plane, Scene
from sceneforge.core.arrays import Float32, Float64

from .directions import cone, cosine_hemisphere, frames
from .lighting import SUN_HALF_ANGLE, LightRig
from .packing import PackedContent
from .tracing import Tracer, shadowed

SKY_RAYS, SUN_RAYS = 64, 32
INTERREFLECTION = 1.5
MAP_SIDE = 160
MAX_VERTICES = 30_000


@dataclass(frozen=True)
class ShadowMap:
    """Shadow ratio on one supporting plane."""

    plane: Plane
    """The surface."""
    low: Float64
    """(2,) local [x, z] of the first sample."""
    cell_m: float
    """Distance between samples."""
    ratio: Float32
    """(nx, nz) 0 = black, 1 = untouched; 1 along the border."""
    inside: Float32
    """(nx, nz) 1 on the plane's outline, softly 0 beyond it: no shadow hangs in the air past a table's edge."""

    def sample(self, xz: Float64) -> Float32:
        """Ratio at local points (n, 2); 1 off the map."""
        return self._bilinear(self.ratio, xz, 1)

    def held(self, xz: Float64) -> Float32:
        """`inside` at local points (n, 2); 0 off the map."""
        return self._bilinear(self.inside, xz, 0)

    def _bilinear(self, r: Float32, xz: Float64, beyond: float) -> Float32:
        p = (xz - self.low) / self.cell_m
        nx, nz = r.shape
        inside = (p >= 0).all(axis=1) & (p[:, 0] < nx - 1) & (p[:, 1] < nz - 1)
        q = np.where(inside[:, None], p, 0)
        i, f = q.astype(np.int64), q - np.floor(q)
        a, b = f.T
        x, z = i.T
        value = (r[x, z] * (1 - a) + r[x + 1, z] * a) * (1 - b) + (r[x, z + 1] * (1 - a) + r[x + 1, z + 1] * a) * b
        return np.where(inside, value, beyond).astype(np.float32)


def sky_weight(directions: Float64) -> Float64:
    """Rooms are brighter towards the ceiling: weight of directions (..., 3); 1 on average over an upward surface."""
    return np.asarray((0.6 + 0.8 * np.maximum(directions[..., 1], 0)) / (0.6 + 0.8 * 2 / 3))


def plane_shadows(
    scene: Scene, arrangement: Arrangement, content: PackedContent, casters: Tracer, room: Tracer, rig: LightRig
) -> tuple[ShadowMap, ...]:
    """One map per placement, of all content's shadow on the plane it stands on."""
    maps = []
    for index, placement in enumerate(arrangement.placements):
        plane = scene.plane(placement.surface)
        points = plane.to_local(content.placement_vertices(index))
        maps.append(_plane_shadow(plane, points, casters, room, rig))
    return tuple(maps)


def _plane_shadow(plane: Plane, points: Float64, casters: Tracer, room: Tracer, rig: LightRig) -> ShadowMap:
    low, high = points.min(axis=0), points.max(axis=0)
    height = max(high[1], 0.01)
    light = plane.T_world_plane[:3, :3].T @ rig.to_light
    slide = -light[[0, 2]] / max(light[1], 0.2) * height
    reach = 0.9 * height + 0.25 * float(max(high[0] - low[0], high[2] - low[2]))
    first = np.minimum(low[[0, 2]], low[[0, 2]] + slide) - reach
    last = np.maximum(high[[0, 2]], high[[0, 2]] + slide) + reach
    cell = float((last - first).max()) / (MAP_SIDE - 1)
    nx, nz = (np.ceil((last - first) / cell).astype(int) + 1).tolist()
    xz = first + np.stack(np.meshgrid(np.arange(nx), np.arange(nz), indexing="ij"), axis=-1) * cell
    # A coarse pass finds where there is shadow at all; only there the fine samples are worth their rays.
    coarse = np.ones((nx, nz), dtype=bool)
    step = 4
    value = _ratio(plane.to_world(xz[::step, ::step].reshape(-1, 2)), plane.normal, casters, room, rig, 0.004)
    touched = (value < 0.997).reshape(xz[::step, ::step].shape[:2])
    import cv2

    near = cv2.dilate(touched.astype(np.uint8), np.ones((3, 3), np.uint8))
    coarse = np.kron(near, np.ones((step, step), np.uint8))[:nx, :nz] > 0
    ratio = np.ones((nx, nz))
    ratio[coarse] = _ratio(plane.to_world(xz[coarse]), plane.normal, casters, room, rig, 0.002)
    ratio = cv2.GaussianBlur(ratio, (0, 0), 0.7)
    to_end = [np.minimum(np.arange(n), np.arange(n)[::-1]) for n in (nx, nz)]
    edge = np.minimum.outer(*to_end)
    fade = np.clip(edge / (0.12 * min(nx, nz)), 0, 1)
    ratio = np.ascontiguousarray(1 - (1 - ratio) * fade, dtype=np.float32)
    return ShadowMap(plane, first, cell, ratio, _inside(plane, first, cell, (nx, nz)))


def _inside(plane: Plane, first: Float64, cell: float, shape: tuple[int, int]) -> Float32:
    import cv2

    mask: NDArray[Any] = np.zeros(shape, dtype=np.uint8)
    for outline, value in ((plane.polygon, 255), *((hole, 0) for hole in plane.holes)):
        pixels = np.rint((outline - first) / cell * 16)[:, ::-1].astype(np.int32)  # 4 fixed-point bits
        cv2.fillPoly(mask, [pixels], value, shift=4)
    grow = max(1, int(0.04 / cell))
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grow + 1, 2 * grow + 1)))
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.5 * grow, 0.6)) / np.float32(255), dtype=np.float32)


def _around(normals: Float64, count: int) -> Float64:
    """(count, 3) or (n, count, 3) cosine-weighted directions around one normal (3,) or several (n, 3)."""
    turned = frames(np.atleast_2d(normals)) @ cosine_hemisphere(count).T
    return np.asarray(np.swapaxes(turned, 1, 2).reshape(*normals.shape[:-1], count, 3))


def _ratio(points: Float64, normals: Float64, casters: Tracer, room: Tracer, rig: LightRig, lift: float) -> Float32:
    """Shadow ratio of surface points (n, 3) with normals (3,) or (n, 3)."""
    n = np.broadcast_to(normals, points.shape)
    sky = _around(normals, SKY_RAYS)
    weight = np.where(sky[..., 1] > 0, sky_weight(sky), 0.45)
    towards = np.broadcast_to(sky.astype(np.float32), (len(n), *sky.shape[-2:]))
    free = (weight * ~shadowed(casters, room, points, n, lift, towards)).sum(axis=1) / weight.sum(axis=-1)
    facing = np.maximum(n @ rig.to_light, 0)
    beams = cone(rig.to_light, SUN_HALF_ANGLE, SUN_RAYS).astype(np.float32)
    beams = np.broadcast_to(beams, (len(n), *beams.shape))
    lit = 1 - shadowed(casters, room, points, n, lift, beams).mean(axis=1)
    share = rig.sun_share * facing / max(float(rig.to_light[1]), 0.05)
    ratio = ((1 - rig.sun_share) * free + share * lit) / (1 - rig.sun_share + share)
    # The content also stops light that has bounced about the room, which one traced bounce leaves out.
    return np.asarray(np.maximum(ratio, 0) ** INTERREFLECTION, dtype=np.float32)


def mesh_shadows(
    scene: Scene,
    content: PackedContent,
    casters: Tracer,
    room: Tracer,
    rig: LightRig,
    maps: tuple[ShadowMap, ...],
) -> Float32:
    """(V,) shadow ratio of the scanned mesh's vertices."""
    mesh = scene.mesh
    if mesh is None or not len(mesh.vertices):
        return np.ones(0, dtype=np.float32)
    out = np.ones(len(mesh.vertices), dtype=np.float32)
    points = mesh.vertices.astype(np.float64)
    distance = np.full(len(points), np.inf)
    for index in np.unique(content.face_placement):
        v = content.placement_vertices(int(index))
        low, high = v.min(axis=0), v.max(axis=0)
        gap = np.linalg.norm(np.maximum(np.maximum(low - points, points - high), 0), axis=1)
        distance = np.minimum(distance, gap / (high - low).max())
    near = np.flatnonzero(distance < 1.5)
    if len(near) > MAX_VERTICES:
        near = np.sort(near[np.argsort(distance[near], kind="stable")[:MAX_VERTICES]])
    if not len(near):
        return out
    normals = mesh.vertex_normals[near]
    ratio = _ratio(points[near], normals, casters, room, rig, 0.006)
    for shadow in maps:  # scanned surface on a supporting plane takes the plane's own, finer answer
        local = shadow.plane.to_local(points[near])
        flat = (np.abs(local[:, 1]) < 0.03) & (normals @ shadow.plane.normal > 0.7)
        ratio = np.where(flat, np.maximum(shadow.sample(local[:, [0, 2]]), 0), ratio)
    fade = np.clip((1.5 - distance[near]) / 0.5, 0, 1)
    out[near] = 1 - (1 - ratio) * fade
    return out


def content_light(content: PackedContent, casters: Tracer, rig: LightRig, maps: tuple[ShadowMap, ...]) -> Float32:
    """(N, 3) light that reaches the content's vertices: sky and bounce shares of the hemisphere, and the main light."""
    size = float(np.ptp(content.vertices, axis=0).max())
    lift = float(np.clip(0.004 * size, 5e-4, 4e-3))
    beams = cone(rig.to_light, SUN_HALF_ANGLE, SUN_RAYS).astype(np.float32)
    out = np.zeros((len(content.vertices), 3), dtype=np.float32)
    for start in range(0, len(out), 8192):  # bounds the direction arrays to some 12 MB each
        part = slice(start, start + 8192)
        n, points = content.normals[part].astype(np.float64), content.vertices[part].astype(np.float64)
        origin = (points + lift * n).astype(np.float32)
        sky = _around(n, 48)
        free, up = ~casters.blocked(origin, sky.astype(np.float32), 2 * size), sky[..., 1] > 0
        out[part, 0] = (sky_weight(sky) * (free & up)).mean(axis=1)
        out[part, 1] = _ground(points, n, size, maps) * (free & ~up).mean(axis=1)
        lit = np.zeros(len(n))
        facing = np.flatnonzero(n @ rig.to_light > -0.2)
        towards = np.broadcast_to(beams, (len(facing), *beams.shape))
        lit[facing] = 1 - casters.blocked(origin[facing], towards, np.inf).mean(axis=1)
        out[part, 2] = lit
    return out


def _ground(points: Float64, normals: Float64, size: float, maps: tuple[ShadowMap, ...]) -> Float32:
    """(n,) how brightly the supporting surface shines back at points, given the content's shadow on it.

    Looked up once per point, where a ray leaning with the normal meets the plane; the shadow's hold fades with height.
    """
    out = np.ones(len(points), dtype=np.float32)
    for shadow in maps:
        local = shadow.plane.to_local(points)
        lean = normals @ shadow.plane.T_world_plane[:3, :3]
        height = np.maximum(local[:, 1:2], 0)
        ratio = shadow.sample(local[:, [0, 2]] + lean[:, [0, 2]] * (0.7 * height + 0.01 * size))
        hold = np.exp(-height[:, 0] / (0.35 * size)) * (local[:, 1] > -0.05)  # content below it sees its underside
        out = np.minimum(out, (1 - hold * (1 - ratio)).astype(np.float32))
    return out
