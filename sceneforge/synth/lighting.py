"""Light in a still room, solved once for all frames: irradiance at every vertex.

Direct light comes from the sky through the windows (portal sampling) and from lamps (area sampling); light between
surfaces by Monte Carlo radiosity: every vertex remembers what its cosine-spread rays hit, and the exchange is iterated
(gathering radiosity, Cohen and Wallace 1993, ch. 4). The sun is left to the renderer, which wants its edges sharp; its
bounce is included here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, Int32
from sceneforge.core.progress import Progress

from .world import World


@dataclass(frozen=True)
class Portal:
    """A window opening: the parallelogram origin + s * u + t * v, s and t in 0..1."""

    origin: Float64
    u: Float64
    v: Float64
    normal: Float64
    """Unit, into the room."""


@dataclass(frozen=True)
class Daylight:
    """Sun and sky."""

    portals: tuple[Portal, ...]
    to_sun: Float64
    """(3,) unit vector towards the sun."""
    sun: Float64
    """(3,) linear RGB irradiance on a surface facing the sun."""
    sky: Float64
    """(3,) linear RGB radiance a little above the horizon."""

    def radiance(self, direction: Float32) -> Float32:
        """Radiance (N, 3) seen along directions (N, 3): sky bright at the horizon, a hazy tree line, dull ground."""
        d = direction / np.linalg.norm(direction, axis=1, keepdims=True)
        up = d[:, 1]
        azimuth = np.arctan2(d[:, 0], d[:, 2])
        line = 0.05 + 0.035 * np.sin(3 * azimuth + 1) + 0.025 * np.sin(11 * azimuth) + 0.012 * np.sin(37 * azimuth + 2)
        sky = self.sky * (1.0 - 0.35 * np.clip(up, 0, 1)[:, None] * np.array([1.3, 0.9, 0.3]))
        leaves = 0.8 + 0.2 * np.sin(61 * azimuth + 90 * up) * np.sin(47 * azimuth - 70 * up)
        trees = self.sky * np.array([0.20, 0.25, 0.15]) * leaves[:, None]
        ground = self.sky * np.array([0.26, 0.28, 0.20])
        t = np.clip((up - line) / 0.03 + 0.5, 0, 1)[:, None]
        g = np.clip((up + 0.12) / 0.05, 0, 1)[:, None]
        return np.asarray(sky * t + (1 - t) * (trees * g + ground * (1 - g)), np.float32)

    def sun_reaches(self, points: Float32) -> NDArray[np.bool_]:
        """(N,) whether the line from each point towards the sun leaves through a window's rectangle."""
        reached = np.zeros(len(points), bool)
        for p in self.portals:
            slope = float(self.to_sun @ p.normal)
            if slope > -1e-3:
                continue
            t = ((p.origin - points) @ p.normal) / slope
            q = points + t[:, None] * self.to_sun - p.origin
            s, r = q @ p.u / (p.u @ p.u), q @ p.v / (p.v @ p.v)
            reached |= (t > 0) & (s > 0) & (s < 1) & (r > 0) & (r < 1)
        return reached


@dataclass(frozen=True)
class Baked:
    """Irradiance at the vertices, sun's direct part excluded, all bounces included."""

    front: Float32
    """(V, 3) linear RGB irradiance on the side the normal points to."""
    back: Float32
    """(V, 3) the same for the other side; equals `front` on one-sided surfaces."""


def bake(
    world: World,
    day: Daylight,
    albedo: Float32,
    seed: int,
    *,
    samples: int,
    bounces: int = 4,
    progress: Progress | None = None,
) -> Baked:
    """Solve for the light. `albedo` is (V, 3); `samples` rays per vertex for each of windows, lamps and bounces."""
    rng = np.random.Generator(np.random.PCG64([seed, 2]))
    double = np.flatnonzero(world.two_sided)
    n = len(world.vertices)
    points = np.concatenate([world.vertices, world.vertices[double]])
    normals = np.concatenate([world.normals, -world.normals[double]])
    spread = np.concatenate([(reach := _spacing(world)), reach[double]])
    back_of = np.arange(n)
    back_of[double] = n + np.arange(len(double))
    frame = _tangents(normals)
    rho = np.concatenate([albedo, albedo[double]])
    smoother = _Smoother(world, double)
    say = progress or (lambda stage, done, total: None)

    windows, lamps = np.zeros((len(points), 3)), np.zeros((len(points), 3))
    for k in range(samples):
        say("light", k, 3 * samples)
        origins = _jittered(points, normals, frame, spread, rng)
        for portal in day.portals:
            windows += _from_window(world, day, portal, origins, normals, k, samples, rng) / samples
        lamps += _from_lamps(world, origins, normals, (k + rng.random(len(points))) / samples, rng) / samples
    sun = _sun_at(world, day, points, normals, spread, frame, rng)

    hits = np.empty((samples, len(points)), np.int32)
    inside = np.zeros(len(points), np.int32)
    for k in range(samples):
        say("light", samples + 2 * k, 3 * samples)
        directions = _cosine(frame, normals, k, samples, rng)
        hits[k], wrong = _gather(world, _jittered(points, normals, frame, spread, rng), directions, back_of)
        inside += wrong
    valid = inside < 0.4 * samples
    direct = smoother.blur(smoother.fill(windows, valid), 2) + smoother.blur(smoother.fill(lamps, valid), 4)
    total = np.maximum(samples - inside, 1)[:, None]
    indirect = np.zeros_like(direct)
    for _ in range(bounces):
        radiosity = np.concatenate([(rho * (direct + sun + indirect)), np.zeros((1, 3))]).astype(np.float32)
        gathered = np.zeros_like(direct)
        for row in hits:
            gathered += radiosity[row]
        indirect = smoother.blur(smoother.fill(gathered / total, valid), 6)
    whole = direct + indirect
    front, back = whole[:n].copy(), whole[back_of]
    # thin cloth, leaves and paper let some light through
    front[double], back[double] = 0.68 * front[double] + 0.32 * back[double], 0.68 * back[double] + 0.32 * front[double]
    return Baked(front.astype(np.float32), back.astype(np.float32))


def _spacing(world: World) -> Float32:
    """(V,) 0.45 x the shortest edge at each vertex: how far its samples may stray."""
    out = np.full(len(world.vertices), 1.0, np.float32)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        i, j = world.faces[:, a], world.faces[:, b]
        length = np.linalg.norm(world.vertices[i] - world.vertices[j], axis=1)
        np.minimum.at(out, i, length)
        np.minimum.at(out, j, length)
    return np.asarray(np.minimum(out, 0.05) * 0.45, np.float32)


def _tangents(n: Float32) -> tuple[Float32, Float32]:
    """Two unit vectors square to each normal (Duff et al. 2017, branchless form)."""
    sign = np.where(n[:, 2] >= 0, 1.0, -1.0).astype(np.float32)
    a = -1.0 / (sign + n[:, 2])
    b = n[:, 0] * n[:, 1] * a
    t = np.stack([1 + sign * n[:, 0] ** 2 * a, sign * b, -sign * n[:, 0]], 1)
    return t.astype(np.float32), np.stack([b, sign + n[:, 1] ** 2 * a, -n[:, 1]], 1).astype(np.float32)


def _jittered(
    p: Float32, n: Float32, frame: tuple[Float32, Float32], spread: Float32, rng: np.random.Generator
) -> Float32:
    xi = (rng.random((2, len(p)), np.float32) * 2 - 1) * spread
    return np.asarray(p + xi[0][:, None] * frame[0] + xi[1][:, None] * frame[1] + 0.0012 * n, np.float32)


def _strata(k: int, count: int, size: int, rng: np.random.Generator) -> Float32:
    """(2, size) points in cell k of a sqrt(count) grid over the unit square, one random point each."""
    side = max(1, int(np.sqrt(count)))
    xi = rng.random((2, size), np.float32)
    if k < side * side:
        xi[0] = (k % side + xi[0]) / side
        xi[1] = (k // side + xi[1]) / side
    return xi


def _from_window(
    world: World,
    day: Daylight,
    portal: Portal,
    origins: Float32,
    normals: Float32,
    k: int,
    count: int,
    rng: np.random.Generator,
) -> Float64:
    xi = _strata(k, count, len(origins), rng)
    target = portal.origin + xi[0][:, None] * portal.u + xi[1][:, None] * portal.v
    d = (target - origins).astype(np.float32)
    r2 = np.einsum("ij,ij->i", d, d)
    cos_here = np.einsum("ij,ij->i", d, normals)
    cos_there = -(d @ portal.normal.astype(np.float32))
    use = np.flatnonzero((cos_here > 0) & (cos_there > 1e-4))
    out = np.zeros((len(origins), 3))
    # past the portal the ray must also clear the frame and the reveal, so it is followed a little further
    open_ = use[~world.blocked(origins[use], d[use], 1.25)]
    area = float(np.linalg.norm(np.cross(portal.u, portal.v)))
    weight = cos_here[open_] * cos_there[open_] / np.maximum(r2[open_], 0.02) ** 2 * area
    out[open_] = day.radiance(d[open_]) * weight[:, None]
    return out


def _from_lamps(world: World, origins: Float32, normals: Float32, pick: Float64, rng: np.random.Generator) -> Float64:
    """One sample per point over all glowing faces, drawn in proportion to their power by `pick` (N,) in 0..1."""
    emission = np.array([m.emission for m in world.materials])
    lit = np.flatnonzero(emission[world.face_material].sum(1) > 0)
    out = np.zeros((len(origins), 3))
    if len(lit) == 0:
        return out
    a, b, c = (world.vertices[world.faces[lit, i]].astype(np.float64) for i in range(3))
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    power = emission[world.face_material[lit]]
    weight = area * power.mean(1)
    chosen = np.searchsorted(np.cumsum(weight) / weight.sum(), pick).clip(0, len(lit) - 1)
    s, t = np.sqrt(rng.random(len(origins)))[:, None], rng.random(len(origins))[:, None]
    n_there = world.face_normals[lit[chosen]]
    target = a[chosen] * (1 - s) + b[chosen] * s * (1 - t) + c[chosen] * s * t + 0.002 * n_there
    d = (target - origins).astype(np.float32)
    r2 = np.einsum("ij,ij->i", d, d)
    cos_here, cos_there = np.einsum("ij,ij->i", d, normals), -np.einsum("ij,ij->i", d, n_there)
    use = np.flatnonzero((cos_here > 0) & (cos_there > 0))
    open_ = use[~world.blocked(origins[use], d[use], 0.999)]
    density = power[chosen[open_]].mean(1) / weight.sum()
    gain = cos_here[open_] * cos_there[open_] / np.maximum(r2[open_], 0.01) ** 2 / density
    out[open_] = power[chosen[open_]] * gain[:, None]
    return out


def _sun_at(
    world: World,
    day: Daylight,
    points: Float32,
    normals: Float32,
    spread: Float32,
    frame: tuple[Float32, Float32],
    rng: np.random.Generator,
) -> Float64:
    cos = np.clip(normals @ day.to_sun, 0, None)
    lit = np.zeros(len(points))
    for _ in range(4):
        origins = _jittered(points, normals, frame, spread, rng)
        use = np.flatnonzero((cos > 0) & day.sun_reaches(origins))
        d = np.broadcast_to(day.to_sun.astype(np.float32), (len(use), 3))
        lit[use] += ~world.blocked(origins[use], d, 50.0)
    return np.asarray((cos * lit / 4)[:, None] * day.sun)


def _cosine(frame: tuple[Float32, Float32], normals: Float32, k: int, count: int, rng: np.random.Generator) -> Float32:
    xi = _strata(k, count, len(normals), rng)
    r, phi = np.sqrt(xi[0]), 2 * np.pi * xi[1]
    z = np.sqrt(np.maximum(1 - xi[0], 1e-4))
    return np.asarray(
        (r * np.cos(phi))[:, None] * frame[0] + (r * np.sin(phi))[:, None] * frame[1] + z[:, None] * normals, np.float32
    )


def _gather(
    world: World, origins: Float32, directions: Float32, back_of: NDArray[np.int64]
) -> tuple[Int32, NDArray[np.bool_]]:
    """Index of the vertex whose radiosity each ray brings (N = none), and which rays start inside a solid."""
    hits = world.cast(origins, directions)
    none = np.int64(len(origins))
    corner = world.faces[hits.face, hits.bary.argmax(1)].astype(np.int64)
    behind = np.einsum("ij,ij->i", world.face_normals[hits.face], directions) > 0
    thin = world.two_sided[corner]
    glowing = np.array([sum(m.emission) > 0 for m in world.materials])[world.face_material[hits.face]]
    index = np.where(behind, back_of[corner], corner)
    wrong = (hits.face >= 0) & behind & ~thin
    return np.where((hits.face < 0) | wrong | glowing, none, index).astype(np.int32), wrong


class _Smoother:
    """Averaging along mesh edges, front and back sides apart."""

    def __init__(self, world: World, double: NDArray[np.int64]) -> None:
        from scipy import sparse

        n = len(world.vertices)
        rows = np.concatenate([world.faces[:, [0, 1, 2]].ravel(), world.faces[:, [1, 2, 0]].ravel()])
        cols = np.concatenate([world.faces[:, [1, 2, 0]].ravel(), world.faces[:, [0, 1, 2]].ravel()])
        front = sparse.csr_matrix((np.ones(len(rows)), (rows, cols)), (n, n))
        front.data[:] = 1.0
        behind = front[double][:, double] if len(double) else None
        self._links = sparse.block_diag([front, behind], "csr") if behind is not None else front

    def blur(self, x: Float64, times: int) -> Float64:
        """Half the value, half its neighbours' mean, `times` over."""
        count = np.maximum(np.asarray(self._links.sum(1)), 1)
        alone = np.asarray(self._links.sum(1)) == 0
        for _ in range(times):
            x = np.where(alone, x, 0.5 * x + 0.5 * (self._links @ x) / count)
        return x

    def fill(self, x: Float64, valid: NDArray[np.bool_]) -> Float64:
        """Values of vertices buried in other solids replaced by their neighbours', a few rings deep."""
        x, known = x * valid[:, None], valid.copy()
        for _ in range(4):
            count = self._links @ known.astype(float)
            new = ~known & (count > 0)
            total = self._links @ (x * known[:, None])
            x[new] = total[new] / count[new][:, None]
            known |= new
        return x
