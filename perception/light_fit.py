"""How strongly the room's emitters shine, from the shading of the scanned surface.

Every surface is taken as matt with one albedo each; what varies over it is light: radiance = albedo / pi * irradiance.
Irradiance is what the scanned surface around sends (its own measured radiance, gathered by rays: one inverse bounce, Yu
et al. 1999, "Inverse global illumination", section 3) plus unknown strengths times the emitters' form factors,
visibility included. Strengths and albedos are found in turn: medians in the log domain, and non-negative least squares
with robust weights (Tukey) and a pull towards equal strengths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Mesh
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.color import LUMINANCE, TO_LINEAR64

from .caster import Caster
from .emitters import Emitter

POINTS = 1400
RAYS = 64
ROUNDS = 12
WHITE = 0.65
"""Albedo of a room's brighter surfaces, painted walls and ceilings: sets the scale that pictures alone cannot tell."""
WHITE_SHARE = 0.8
"""Quantile of the surfaces' albedos that is set to WHITE."""
STIFF = 0.0015
"""Weight of the pull towards the strengths expected beforehand, against one well fitting measured point."""


@dataclass(frozen=True)
class LightFit:
    """Strengths of the emitters."""

    strength: Float64
    """(J, 3) radiance of each emitter."""
    hole: Float64
    """(3,) radiance of what was neither scanned nor is an emitter."""
    explained: float
    """0..1: share of the variance of light along the surfaces that the fit explains beyond even light."""
    contribution: Float64
    """(J,) mean share of a point's irradiance that each emitter gives."""


def fit_light(mesh: Mesh, caster: Caster, emitters: list[Emitter], rng: np.random.Generator) -> LightFit:
    """Fit the emitters' strengths to the mesh's colours.

    Args:
        mesh: With colours and instances.
        caster: Over the mesh.
        emitters: Seen ones with their least radiance, and assumed ones.
        rng: Picks the points.
    """
    point, normal, radiance, surface = _points(mesh, rng)
    gathered, miss = _gather(point, normal, mesh, caster, emitters)
    factor = np.stack([_factors(point, normal, caster, e) for e in emitters], axis=1) if emitters else None
    columns = miss[:, None] if factor is None else np.concatenate([factor, miss[:, None]], axis=1)
    level = radiance @ LUMINANCE
    indirect = gathered @ LUMINANCE
    usual = float(np.median(level))
    prior = np.array([*(max(float(e.least @ LUMINANCE), usual) * (3.0 if e.seen else 1.5) for e in emitters), usual])
    strength, albedo, weight = _solve(level, indirect, columns, surface, prior)
    total = indirect + columns @ strength
    even = np.pi * level / _per_surface(np.pi * level, np.ones_like(level), surface, weight)
    fitted = np.pi * level / (albedo * np.maximum(total, 1e-6))
    explained = float(np.clip(1 - _spread(fitted, weight) / max(_spread(even, weight), 1e-9), 0, 1))
    contribution = (columns * strength / np.maximum(total, 1e-6)[:, None]).mean(axis=0)
    tint = _tint(radiance, level)
    colors = [s * _emitter_tint(e, tint) for s, e in zip(strength, emitters, strict=False)]
    return LightFit(np.array(colors).reshape(-1, 3), strength[-1] * tint, explained, contribution[:-1])


def _spread(ratio: Float64, weight: Float64) -> float:
    return float(np.average(np.log(np.maximum(ratio, 1e-3)) ** 2, weights=weight + 1e-9))


def _points(mesh: Mesh, rng: np.random.Generator) -> tuple[Float64, Float64, Float64, NDArray[np.int64]]:
    """Points on flat surfaces with their normals, radiance, and surface number 0..S-1."""
    assert mesh.colors is not None and mesh.instances is not None
    level = TO_LINEAR64[mesh.colors] @ LUMINANCE
    index = np.flatnonzero((mesh.instances > 0) & (level > 0.008) & (mesh.colors.max(axis=1) < 245))
    if len(index) > POINTS:
        index = np.sort(rng.choice(index, POINTS, replace=False))
    normals = _vertex_normals(mesh, index)
    good = np.linalg.norm(normals, axis=1) > 0.5
    index, normals = index[good], normals[good]
    _, surface = np.unique(mesh.instances[index], return_inverse=True)
    return mesh.vertices[index].astype(np.float64), normals, TO_LINEAR64[mesh.colors[index]], surface.reshape(-1)


def _vertex_normals(mesh: Mesh, index: NDArray[np.int64]) -> Float64:
    """(n, 3) normals of a few vertices, from the faces around them alone."""
    wanted = np.zeros(len(mesh.vertices), np.bool_)
    wanted[index] = True
    return Mesh(mesh.vertices, mesh.faces[wanted[mesh.faces].any(axis=1)]).vertex_normals[index]


def _gather(
    point: Float64, normal: Float64, mesh: Mesh, caster: Caster, emitters: list[Emitter]
) -> tuple[Float64, Float64]:
    """Irradiance (n, 3) from the scanned surface, and pi times the share (n,) of cosine-weighted rays that find none.

    Rays into an emitter's rectangle count for neither: its light is what the fit is after.
    """
    directions = hemisphere(normal, RAYS)
    n = len(point)
    origin = np.repeat(point + 0.02 * normal, RAYS, axis=0)
    d = directions.reshape(-1, 3)
    distance, face = caster.hits(origin, d)
    assert mesh.colors is not None
    seen = face >= 0
    light = np.zeros((len(d), 3))
    light[seen] = TO_LINEAR64[mesh.colors[mesh.faces[face[seen], 0]]]
    shining = np.zeros(len(d), dtype=np.bool_)
    plain = [e for e in emitters if e.direction is not None and e.mask is None]
    _into(plain, origin, d, distance, shining)
    for e in emitters:
        if e.direction is None or e.mask is not None:
            shining |= meets(e, origin, d, distance)
    light[shining] = 0
    miss = (~seen & ~shining).reshape(n, RAYS).mean(axis=1)
    return np.pi * light.reshape(n, RAYS, 3).mean(axis=1), np.pi * miss


def _into(
    plain: list[Emitter], origin: Float64, direction: Float64, before: Float32, shining: NDArray[np.bool_]
) -> None:
    """Set `shining` (n,) where rays run into one of these rectangles: `meets`, compiled."""
    from .light_kernels import into_rectangles

    if plain:
        normal = np.stack([np.asarray(e.direction) for e in plain])
        centre, width, size = (np.stack([getattr(e, k) for e in plain]) for k in ("position", "width_axis", "size"))
        into_rectangles(
            origin, direction, before, centre, normal, width, np.cross(normal, width), size / 2, shining
        )  # fmt: skip


def hemisphere(normals: Float64, count: int) -> Float64:
    """(n, count, 3) cosine-weighted directions around normals (n, 3), each normal's pattern turned its own way."""
    i = np.arange(count) + 0.5
    r, phi = np.sqrt(i / count), i * np.pi * (3 - np.sqrt(5))
    turn = (np.arange(len(normals)) * 2.399963) % (2 * np.pi)
    angle = phi[None] + turn[:, None]
    helper = np.where(np.abs(normals[:, 1:2]) < 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    a = np.cross(helper, normals)
    a /= np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-9)
    b = np.cross(normals, a)
    flat = (r * np.cos(angle))[..., None] * a[:, None] + (r * np.sin(angle))[..., None] * b[:, None]
    return np.asarray(flat + np.sqrt(1 - r * r)[None, :, None] * normals[:, None])


def meets(e: Emitter, origin: Float64, direction: Float64, before: NDArray[Any]) -> NDArray[np.bool_]:
    """(n,) whether rays run into an emitter's shining side no later than a little after `before` (n,) metres."""
    if e.direction is None:
        offset = e.position - origin
        along = np.einsum("ij,ij->i", offset, direction)
        off = np.linalg.norm(offset - along[:, None] * direction, axis=1)
        return np.asarray((along > 0) & (off < e.size[0] / 2) & (along < before + 0.5 * e.size[0] + 0.1))
    hit = np.zeros(len(direction), dtype=np.bool_)
    towards = direction @ e.direction
    at = np.flatnonzero(towards < -1e-3)
    t = ((e.position - origin[at]) @ e.direction) / towards[at]
    there = (t > 0) & (t < before[at] + 0.15)
    at, t = at[there], t[there]
    hit[at] = e.covers(origin[at] + t[:, None] * direction[at])
    return hit


def _factors(point: Float64, normal: Float64, caster: Caster, e: Emitter, side: int = 4) -> Float64:
    """(n,) irradiance per unit radiance of an emitter, its hiding by the scanned surface included."""
    from .light_kernels import LATE_M, rays_to

    # The lamp's own scanned surface must not hide it.
    reach = LATE_M + (0.6 * float(e.size[0]) if e.direction is None else 0.0)
    facing = np.zeros(3) if e.direction is None else e.direction
    rays, at, share = rays_to(point, normal, e.samples(side), facing, reach)
    share[caster.blocked(rays[:, :3], rays[:, 3:], 1.0)] = 0.0
    out = np.bincount(at, share, minlength=len(point))
    return np.minimum(out * e.area / side**2, np.pi)


def _solve(
    level: Float64, indirect: Float64, columns: Float64, surface: NDArray[np.int64], prior: Float64
) -> tuple[Float64, Float64, Float64]:
    """Strengths (J,), albedo per point (n,) and robust weights (n,)."""
    from scipy.optimize import nnls

    strength, weight = prior.copy(), np.ones(len(level))
    albedo = np.full(len(level), 0.5)
    for _ in range(ROUNDS):
        total = np.maximum(indirect + columns @ strength, 1e-6)
        albedo = _per_surface(np.pi * level, total, surface, weight)
        albedo = np.clip(albedo * WHITE / max(float(np.quantile(albedo, WHITE_SHARE)), 1e-6), 0.03, 0.92)
        wanted = np.pi * level / albedo
        off = np.log(np.maximum(wanted, 1e-4) / total)
        off = (off - np.median(off)) / 0.6
        weight = np.where(np.abs(off) < 1, (1 - off**2) ** 2, 0)
        row = weight / np.maximum(wanted, 0.2 * np.median(wanted))
        pull = STIFF * np.sqrt(weight.sum()) / prior
        A = np.concatenate([columns * row[:, None], np.diag(pull)])
        # Expected strengths are right in their ratios only: their common scale follows the level that is missing.
        missing = np.maximum(np.median(wanted - indirect), 0.1 * np.median(wanted))
        scale = missing / max(float(np.median(columns @ prior)), 1e-6)
        b = np.concatenate([(wanted - indirect) * row, pull * prior * np.clip(scale, 0.05, 50)])
        strength = nnls(A, b)[0]
    return strength, albedo, weight


def _per_surface(wanted: Float64, total: Float64, surface: NDArray[np.int64], weight: Float64) -> Float64:
    """(n,) each surface's weighted median ratio, at each of its points."""
    ratio = wanted / np.maximum(total, 1e-6)
    out = np.zeros(len(ratio))
    for s in range(int(surface.max(initial=-1)) + 1):
        mine = np.flatnonzero(surface == s)
        order = mine[np.argsort(ratio[mine], kind="stable")]
        mass = np.cumsum(weight[order] + 1e-6)
        out[mine] = ratio[order[np.searchsorted(mass, mass[-1] / 2)]]
    return out


def _tint(radiance: Float64, level: Float64) -> Float64:
    """(3,) colour of the room's light at luminance 1: shades of grey (Finlayson and Trezzi 2004), by half."""
    norm = np.power(np.mean(np.power(radiance, 5), axis=0), 0.2) + 1e-6
    return np.asarray(np.sqrt(norm / float(norm @ LUMINANCE)))


def _emitter_tint(e: Emitter, usual: Float64) -> Float64:
    """Clipped readings are pale; what colour they have is kept, the rest is taken as the room's."""
    if not e.seen:
        return usual
    own = e.least / max(float(e.least @ LUMINANCE), 1e-6)
    return np.asarray(np.sqrt(own * usual))
