"""Shadow and thrown light that never change: traced once, looked up in every frame, so that nothing flickers.

Two receivers are prepared: a fine map on every supporting plane, and the vertices of the scanned mesh around. Both hold
the ratio of light with and without the content, by colour (see `exchange`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Arrangement, Plane, Scene
from sceneforge.core.arrays import Float32, Float64, Int32

from .exchange import Exchange, exchange
from .incident import RoomLight
from .packing import PackedContent
from .tracing import Tracer

INTERREFLECTION = 1.25
"""Shadow is deepened by this power: content also stops light that has bounced about, and the room around it darkens."""
STRAY = 0.012
"""Changes of light smaller than this are taken away, and as much of the larger ones."""
MAP_SIDE = 160
MAX_VERTICES = 30_000
SMOOTHED = 10
"""How often light at scanned vertices is mixed with its neighbours': it spreads by some three vertices."""
REACH = 1.5
"""Sizes of the content within which scanned vertices are asked for its shadow."""
LAMP_REACH_M = 1.2
"""How far the map of a plane that a virtual lamp shines on goes beyond the content."""
LAMP_WORTH = 0.01
"""Share of the usual light from which a virtual lamp's light on a vertex counts."""


@dataclass(frozen=True)
class ShadowMap:
    """Light ratio on one supporting plane."""

    plane: Plane
    """The surface."""
    low: Float64
    """(2,) local [x, z] of the first sample."""
    cell_m: float
    """Distance between samples."""
    ratio: Float32
    """(nx, nz, 3) 0 = black, 1 = untouched, more = brighter; 1 along the border."""
    inside: Float32
    """(nx, nz) 1 on the plane's outline, softly 0 beyond it: no shadow hangs in the air past a table's edge."""

    def sample(self, xz: Float64) -> Float32:
        """Ratio (n, 3) at local points (n, 2); 1 off the map."""
        return self._bilinear(self.ratio, xz, 1)

    def held(self, xz: Float64) -> Float32:
        """`inside` (n,) at local points (n, 2); 0 off the map."""
        return self._bilinear(self.inside[..., None], xz, 0)[:, 0]

    def _bilinear(self, r: Float32, xz: Float64, beyond: float) -> Float32:
        p = (xz - self.low) / self.cell_m
        nx, nz = r.shape[:2]
        inside = (p >= 0).all(axis=1) & (p[:, 0] < nx - 1) & (p[:, 1] < nz - 1)
        q = np.where(inside[:, None], p, 0)
        i, f = q.astype(np.int64), q - np.floor(q)
        a, b = f[:, :1], f[:, 1:]
        x, z = i.T
        value = (r[x, z] * (1 - a) + r[x + 1, z] * a) * (1 - b) + (r[x, z + 1] * (1 - a) + r[x + 1, z + 1] * a) * b
        return np.where(inside[:, None], value, beyond).astype(np.float32)


@dataclass(frozen=True)
class PlaneGrid:
    """Sample points of a `ShadowMap`, and the light on those that content touches."""

    plane: Plane
    low: Float64
    cell_m: float
    near: NDArray[np.bool_]
    """(nx, nz) samples that were traced."""
    light: Exchange
    """At the traced ones, row by row."""
    lit: bool
    """Whether a virtual lamp shines on it, farther than the map: it does not fade out then."""

    def finished(self, radiance: Float32 | None, lamps: Lamps | None) -> ShadowMap:
        """The map, given what content sends back (`Exchange.ratio`)."""
        import cv2

        nx, nz = self.near.shape
        xz = self.low + np.argwhere(self.near) * self.cell_m
        lamp = None if lamps is None else lamps.at(self.plane.to_world(xz), self.plane.normal)
        ratio: NDArray[Any] = np.ones((nx, nz, 3), dtype=np.float32)
        ratio[self.near] = deepened(self.light.ratio(radiance, lamp))
        ratio = np.ascontiguousarray(cv2.GaussianBlur(ratio, (0, 0), 0.7), dtype=np.float32)
        if self.lit:
            return ShadowMap(self.plane, self.low, self.cell_m, ratio, self._outline())
        to_end = [np.minimum(np.arange(n), np.arange(n)[::-1]) for n in (nx, nz)]
        fade = np.clip(np.minimum.outer(*to_end) / (0.12 * min(nx, nz)), 0, 1)[..., None]
        ratio = np.ascontiguousarray(1 - (1 - ratio) * fade, dtype=np.float32)
        return ShadowMap(self.plane, self.low, self.cell_m, ratio, self._outline())

    def _outline(self) -> Float32:
        return on_outline(self.plane, self.low, self.cell_m, (self.near.shape[0], self.near.shape[1]))


def deepened(ratio: Float32) -> Float32:
    """Shadow with the bounces that tracing left out; light above one stays, what single stray rays change does not."""
    change = 1 - np.where(ratio < 1, ratio**INTERREFLECTION, ratio)
    return np.asarray(1 - np.sign(change) * np.maximum(np.abs(change) - STRAY, 0), dtype=np.float32)


def plane_grids(
    scene: Scene,
    arrangement: Arrangement,
    content: PackedContent,
    casters: Tracer,
    light: RoomLight,
    lamps: Lamps | None,
) -> tuple[PlaneGrid, ...]:
    """One per placement, of all content's shadow on the plane it stands on."""
    out = []
    for index, placement in enumerate(arrangement.placements):
        plane = scene.plane(placement.surface)
        out.append(_plane_grid(plane, plane.to_local(content.placement_vertices(index)), casters, light, lamps))
    return tuple(out)


def _plane_grid(plane: Plane, points: Float64, casters: Tracer, light: RoomLight, lamps: Lamps | None) -> PlaneGrid:
    import cv2

    low, high = points.min(axis=0), points.max(axis=0)
    height = max(high[1], 0.01)
    reach = 0.9 * height + 0.25 * float(max(high[0] - low[0], high[2] - low[2]))
    first, last = low[[0, 2]], high[[0, 2]]
    for shiner in light.shiners:  # shadow slides away from every light, but not without end
        towards = plane.to_local(shiner.light.position if shiner.light.position is not None else plane.origin)
        towards = towards - (low + high) / 2
        way = towards / max(float(np.linalg.norm(towards)), 1e-6)
        slide = -way[[0, 2]] / max(float(way[1]), 0.35) * height
        first, last = np.minimum(first, low[[0, 2]] + slide), np.maximum(last, high[[0, 2]] + slide)
    lit = lamps is not None and bool((np.abs(plane.to_local(lamps.points)[:, 1]) < LAMP_REACH_M).any())
    reach = max(reach, LAMP_REACH_M) if lit else reach
    first, last = first - reach, last + reach
    cell = float((last - first).max()) / (MAP_SIDE - 1)
    nx, nz = (np.ceil((last - first) / cell).astype(int) + 1).tolist()
    xz = first + np.stack(np.meshgrid(np.arange(nx), np.arange(nz), indexing="ij"), axis=-1) * cell
    # A coarse pass finds where there is shadow at all; only there the fine samples are worth their rays.
    step = 4
    coarse = exchange(plane.to_world(xz[::step, ::step].reshape(-1, 2)), plane.normal, casters, light, 0.004, 24)
    touched = (coarse.ratio().min(axis=1) < 0.995).reshape(xz[::step, ::step].shape[:2])
    wide = cv2.dilate(touched.astype(np.uint8), np.ones((3, 3), np.uint8))
    near = np.kron(wide, np.ones((step, step), np.uint8))[:nx, :nz] > 0
    if lit:
        near[:] = True
    world = plane.to_world(xz[near])
    traced = exchange(world, plane.normal, casters, light, 0.002)
    if lit:
        traced = completed(traced, world, np.broadcast_to(plane.normal, world.shape), light)
    return PlaneGrid(plane, first, cell, near, traced, lit)


def completed(traced: Exchange, points: Float64, normals: Float64, light: RoomLight) -> Exchange:
    """With the light on points that content leaves alone, which `exchange` does not ask for but lamps need to know."""
    alone = (traced.before == 1).all(axis=1)
    before = np.array(traced.before)
    before[alone] = light.irradiance(points[alone], normals[alone], 0.03, 24)[0]
    left = np.where(alone[:, None], before, traced.left)
    return Exchange(before, left, traced.point, traced.face, traced.rays)


def on_outline(plane: Plane, first: Float64, cell: float, shape: tuple[int, int]) -> Float32:
    """`ShadowMap.inside` for samples that start at local (2,) `first`, `cell` metres apart."""
    import cv2

    mask: NDArray[Any] = np.zeros(shape, dtype=np.uint8)
    for outline, value in ((plane.polygon, 255), *((hole, 0) for hole in plane.holes)):
        pixels = np.rint((outline - first) / cell * 16)[:, ::-1].astype(np.int32)  # 4 fixed-point bits
        cv2.fillPoly(mask, [pixels], value, shift=4)
    grow = max(1, int(0.04 / cell))
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grow + 1, 2 * grow + 1)))
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.5 * grow, 0.6)) / np.float32(255), dtype=np.float32)


@dataclass(frozen=True)
class Lamps:
    """Content that shines: points on its surface with the power they stand for."""

    points: Float64
    """(S, 3) world."""
    power: Float64
    """(S, 3) radiance times the area seen from any side."""
    room: Tracer
    """What hides it."""

    def at(self, points: Float64, normals: Float64) -> Float64:
        """(n, 3) irradiance / pi on surface points (n, 3)."""
        n = np.broadcast_to(normals, points.shape)
        out = np.zeros(points.shape)
        for p, power in zip(self.points, self.power, strict=True):
            offset = p - points
            r2 = np.maximum((offset**2).sum(axis=1), 0.0025)
            share = np.maximum(np.einsum("ij,ij->i", offset, n), 0) / np.sqrt(r2) / r2 / np.pi
            lit = np.flatnonzero(share * power.max() > 1e-4)
            rays = np.concatenate([points[lit] + 0.04 * n[lit], 0.96 * offset[lit]], axis=1).astype(np.float32)
            lit = lit[~self.room.hides(rays, np.ones(len(lit), np.float32))]
            out[lit] += share[lit, None] * power
        return out


def lamps_of(content: PackedContent, emission: Float32, room: Tracer, count: int = 12) -> Lamps | None:
    """Points on shining content, None where none shines to speak of.

    Args:
        emission: (M, 3) radiance that each triangle emits.
        count: Most points.
    """
    a, b, c = (content.vertices[content.faces[:, k]].astype(np.float64) for k in range(3))
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    power = area * emission.max(axis=1)
    total = float(power.sum())
    if total < 5e-4:  # the glow of a thumbnail: seen, but lights nothing
        return None
    pick = np.searchsorted(np.cumsum(power) / total, (np.arange(count) + 0.5) / count)
    pick = np.minimum(pick, len(power) - 1)
    # A convex body shows a quarter of its surface's area to any side (Cauchy); of a shade's two skins, the outer one.
    each = (area[:, None] * emission).sum(axis=0) / 4 / count
    points = ((a + b + c) / 3 + 0.01 * content.face_normals)[pick]
    return Lamps(points, np.tile(each, (count, 1)), room)


@dataclass(frozen=True)
class VertexLight:
    """Light on the scanned mesh's vertices that content touches."""

    index: NDArray[np.int64]
    """(n,) vertices."""
    fade: Float64
    """(n,) 1 near the content, 0 at the end of its reach."""
    light: Exchange

    def finished(
        self, scene: Scene, maps: tuple[ShadowMap, ...], radiance: Float32 | None, lamps: Lamps | None
    ) -> Float32:
        """(V, 3) light ratio of all vertices."""
        mesh = scene.mesh
        assert mesh is not None
        out = np.ones((len(mesh.vertices), 3), dtype=np.float32)
        points, normals = mesh.vertices[self.index].astype(np.float64), mesh.vertex_normals[self.index]
        lamp = None if lamps is None else lamps.at(points, normals)
        ratio = self._smoothed(deepened(self.light.ratio(radiance, lamp)), mesh.faces, len(out))
        for shadow in maps:  # scanned surface on a supporting plane takes the plane's own, finer answer
            local = shadow.plane.to_local(points)
            flat = (np.abs(local[:, 1]) < 0.03) & (normals @ shadow.plane.normal > 0.7)
            ratio = np.where(flat[:, None], shadow.sample(local[:, [0, 2]]), ratio)
        out[self.index] = 1 - (1 - ratio) * self.fade[:, None]
        return out

    def _smoothed(self, ratio: Float32, faces: Int32, count: int) -> Float32:
        """(n, 3) means over neighbours: single vertices' normals and lights are noise, and would show as stains."""
        place = np.full(count, -1, dtype=np.int64)
        place[self.index] = np.arange(len(self.index))
        corners = place[faces]
        corners = corners[(corners >= 0).all(axis=1)]
        a, b = corners.ravel(), np.roll(corners, 1, axis=1).ravel()
        degree = (np.bincount(a, minlength=len(ratio)) + np.bincount(b, minlength=len(ratio)))[:, None]
        for _ in range(SMOOTHED):
            around = [
                np.bincount(a, ratio[b, c], len(ratio)) + np.bincount(b, ratio[a, c], len(ratio)) for c in range(3)
            ]
            mean = np.stack(around, axis=1) / np.maximum(degree, 1)
            ratio = np.where(degree > 0, 0.5 * (ratio + mean), ratio).astype(np.float32)
        return ratio


def vertex_light(
    scene: Scene, content: PackedContent, casters: Tracer, light: RoomLight, lamps: Lamps | None
) -> VertexLight:
    """Trace light at the scanned vertices around content, and wherever its lamps reach."""
    mesh = scene.mesh
    if mesh is None or not len(mesh.vertices):
        none = np.zeros((0, 3))
        return VertexLight(
            np.zeros(0, np.int64), np.zeros(0), Exchange(none, none, np.zeros(0, np.int64), np.zeros(0, np.int64), 1)
        )
    points = mesh.vertices.astype(np.float64)
    distance = np.full(len(points), np.inf)
    for index in np.unique(content.face_placement):
        v = content.placement_vertices(int(index))
        low, high = v.min(axis=0), v.max(axis=0)
        gap = np.linalg.norm(np.maximum(np.maximum(low - points, points - high), 0), axis=1)
        distance = np.minimum(distance, gap / (high - low).max())
    near = distance < REACH
    if lamps is not None:
        r2 = np.min([((points - p) ** 2).sum(axis=1) for p in lamps.points], axis=0)
        near |= lamps.power.sum(axis=0).max() / np.pi / np.maximum(r2, 1e-4) > LAMP_WORTH
    index = np.flatnonzero(near)
    if len(index) > MAX_VERTICES:
        index = np.sort(index[np.argsort(distance[index], kind="stable")[:MAX_VERTICES]])
    fade = np.clip((REACH - distance[index]) / 0.5, 0, 1) if lamps is None else np.ones(len(index))
    traced = exchange(points[index], mesh.vertex_normals[index], casters, light, 0.006, 32)
    if lamps is not None:
        traced = completed(traced, points[index], mesh.vertex_normals[index], light)
    return VertexLight(index, fade, traced)
