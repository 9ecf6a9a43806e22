"""Light on the content: the room's, seen from a few heights inside it, less what the content hides from itself.

What a room sends changes slowly over a thing's size, so it is gathered at three heights; every vertex then asks only
the content which directions are free. Standing under a table, content is dark because the room around those heights is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.color import LUMINANCE
from sceneforge.core.light import sphere_directions

from .baking import Lamps, ShadowMap
from .directions import cosine_hemisphere, frames
from .incident import RoomLight, Shiner, reach_of
from .packing import EMISSIVE, EMISSIVE_MAP, MODE, TEXTURE, PackedContent
from .tracing import Tracer

PROBE = (24, 48)
HEIGHTS = (0.1, 0.5, 0.9)
"""Of the content's height."""
RAYS = 48
MIRROR = (48, 96)
"""Rows (zenith to nadir) and columns of the reflected surroundings."""
BLURS = (4.5, 12.0)
"""Their blurs for middling and for rough surfaces, pixels."""
HIGHLIGHTS = 4
"""Lights with a highlight of their own."""
BOUNCED = 0.6
"""Light on a hidden part of the content, of that on the part which looks at it."""
FIELDS = 8 + HIGHLIGHTS
"""Columns of `BakedLight.vertices`."""


@dataclass(frozen=True)
class BakedLight:
    """What the shader reads."""

    vertices: Float32
    """(N, FIELDS): irradiance / pi by colour; unit direction of its main part, and that part's share of it;
    share of the hemisphere that is free; visible share of each of the lights with a highlight."""
    lights: Float32
    """(N_lights <= HIGHLIGHTS, 8): position, radiance times area by colour, radius, 1 if it shines to all sides."""
    normals: Float32
    """(N_lights, 3) of one-sided lights' shining sides."""
    environment: Float32
    """(placements, 3, rows, columns, 3) the room around each placement without those lights, sharp to blurred."""
    sent: Float32
    """(M, 3) radiance that each triangle sends back, its own glow left out."""


@dataclass(frozen=True)
class _Probe:
    """The room from one point."""

    position: Float64
    radiance: Float32
    """PROBE + (3,)."""
    visible: tuple[NDArray[np.bool_], ...]
    """Per shiner: which of its points are seen."""


def emission_of(content: PackedContent) -> Float32:
    """(M, 3) radiance that each triangle emits; of emissive textures, their mean."""
    m = content.materials[content.face_material]
    covers = np.where(m[:, MODE] > 0, m[:, 3] * _mean_texel(content, TEXTURE)[:, 3], 1)
    glow = m[:, EMISSIVE : EMISSIVE + 3] * _mean_texel(content, EMISSIVE_MAP)[:, :3]
    return np.asarray(glow * covers[:, None], dtype=np.float32)


def albedo_of(content: PackedContent) -> Float32:
    """(M, 3) share of light that each triangle sends back; of textures, the mean."""
    m = content.materials[content.face_material]
    tint = content.colors[content.faces].mean(axis=1)[:, :3]
    return np.asarray(np.clip(m[:, :3] * tint * _mean_texel(content, TEXTURE)[:, :3], 0, 0.95), dtype=np.float32)


def _mean_texel(content: PackedContent, column: int) -> Float32:
    """(M, 4) mean colour and alpha of each triangle's texture: the last level of its pyramid."""
    texture = content.materials[content.face_material, column].astype(np.int64)
    last = content.levels[np.maximum(texture, 0), -1, 0]
    return np.where(texture[:, None] >= 0, content.texels[last], 1).astype(np.float32)


def bake_content(
    content: PackedContent,
    casters: Tracer,
    light: RoomLight,
    maps: tuple[ShadowMap, ...],
    lamps: Lamps | None,
) -> BakedLight:
    """Light on all of the content's vertices.

    Args:
        content: The content.
        casters: Those of its triangles that stop light.
        light: The room's.
        maps: Light ratio of the planes it stands on, which shine back at it.
        lamps: Content that shines.
    """
    owner = np.zeros(len(content.vertices), dtype=np.int64)
    owner[content.faces.ravel()] = np.repeat(content.face_placement, 3)
    vertices = np.zeros((len(content.vertices), FIELDS), dtype=np.float32)
    albedo = albedo_of(content)
    environment = []
    for placement in range(int(content.face_placement.max(initial=-1)) + 1):
        mine = np.flatnonzero(owner == placement)
        corners = content.vertices[content.faces[content.face_placement == placement]].reshape(-1, 3)
        low, high = corners.min(axis=0).astype(np.float64), corners.max(axis=0).astype(np.float64)
        probes = [_probe(light, low, high, h) for h in HEIGHTS]
        baked = _on_vertices(content, mine, probes, casters, light, maps, albedo, float((high - low).max()))
        if lamps is not None:
            p, n = content.vertices[mine].astype(np.float64), content.normals[mine].astype(np.float64)
            own = lamps.at(p + 0.02 * n, n)
            baked[:, :3] += own
        vertices[mine] = baked
        environment.append(_mirrored(light, probes[1].position))
    sent = albedo * vertices[content.faces, :3].mean(axis=1)
    chosen = light.shiners[:HIGHLIGHTS]
    rows, normals = np.zeros((len(chosen), 8), np.float32), np.zeros((len(chosen), 3), np.float32)
    for k, s in enumerate(chosen):
        centre, size = s.light.position, s.light.size
        assert centre is not None and size is not None
        rows[k] = [*centre, *(s.weight * len(s.points)), np.sqrt(size.prod() / np.pi), float(s.normal is None)]
        normals[k] = 0 if s.normal is None else s.normal
    return BakedLight(vertices, rows, normals, np.stack(environment), sent.astype(np.float32))


def _probe(light: RoomLight, low: Float64, high: Float64, height: float) -> _Probe:
    position = (low + high) / 2
    # Clear of the noise of what carries it.
    position[1] = max(low[1] + height * (high[1] - low[1]), low[1] + 0.05)
    radiance = _around(light, position, PROBE)
    visible = []
    for s in light.shiners:
        offset = (s.points - position).astype(np.float32)[None]
        rays = np.concatenate([np.broadcast_to(position.astype(np.float32), offset.shape), offset], axis=-1)
        visible.append(~light.room.hides(rays, reach_of(rays, s))[0])
    return _Probe(position, radiance, tuple(visible))


def _around(light: RoomLight, position: Float64, size: tuple[int, int]) -> Float32:
    d = sphere_directions(*size).reshape(-1, 3)
    rays = np.concatenate([np.broadcast_to(position.astype(np.float32), d.shape), d], axis=1)
    t, face, _ = light.room.first_hits(rays)
    return light.along(rays, t, face).reshape(*size, 3)


def _mirrored(light: RoomLight, position: Float64) -> Float32:
    import cv2

    w = MIRROR[1]
    sharp = _around(light, position, MIRROR)
    wide = np.concatenate([sharp] * 3, axis=1)
    levels = [sharp, *(cv2.GaussianBlur(wide, (0, 0), s, borderType=cv2.BORDER_REPLICATE)[:, w : 2 * w] for s in BLURS)]
    return np.ascontiguousarray(np.stack(levels), dtype=np.float32)


def _on_vertices(
    content: PackedContent,
    mine: NDArray[np.int64],
    probes: list[_Probe],
    casters: Tracer,
    light: RoomLight,
    maps: tuple[ShadowMap, ...],
    albedo: Float32,
    size: float,
) -> Float32:
    lift = float(np.clip(0.004 * size, 5e-4, 4e-3))
    out = np.zeros((len(mine), FIELDS), dtype=np.float32)
    for start in range(0, len(mine), 8192):  # bounds the direction arrays to some 12 MB each
        part = slice(start, start + 8192)
        which = mine[part]
        n, p = content.normals[which].astype(np.float64), content.vertices[which].astype(np.float64)
        origin = p + lift * n
        probe, share = _between(p[:, 1], probes)
        sky = np.swapaxes(frames(n) @ cosine_hemisphere(RAYS).T, 1, 2).astype(np.float32)
        rays = np.concatenate([np.broadcast_to(origin.astype(np.float32)[:, None], sky.shape), sky], axis=-1)
        t, face, _ = casters.first_hits(rays.reshape(-1, 6))
        free = ~np.isfinite(t).reshape(len(which), RAYS)
        brought = _looked_up(sky, probes, probe, share)
        ground = _ground(p, n, size, maps)
        brought = np.where(sky[..., 1:2] < 0, brought * ground[:, None], brought)
        usual = (brought * free[..., None]).sum(axis=1) / np.maximum(free.sum(axis=1), 1)[:, None]
        back = albedo[np.where(free, 0, face.reshape(free.shape)).astype(np.int64)] * (BOUNCED * usual)[:, None]
        brought = np.where(free[..., None], brought, back)
        total = brought.mean(axis=1).astype(np.float64)
        vector = np.einsum("nkc,nkd->nd", brought * LUMINANCE.astype(np.float32), sky).astype(np.float64) / RAYS
        for k, s in enumerate(light.shiners):
            lit, way, seen = _from_light(origin, n, s, k, probes, probe, share, casters, light)
            total += lit
            vector += (lit @ LUMINANCE)[:, None] * way
            if k < HIGHLIGHTS:
                out[part, 8 + k] = seen
        out[part, :3] = total
        out[part, 3:7] = main_direction(total @ LUMINANCE, vector, n)
        out[part, 7] = free.mean(axis=1)
    return out


def _between(y: Float64, probes: list[_Probe]) -> tuple[NDArray[np.int64], Float64]:
    """Lower probe (n,) of each height and the share (n,) of the next one."""
    heights = np.array([p.position[1] for p in probes])
    i = np.clip(np.searchsorted(heights, y) - 1, 0, len(probes) - 2)
    return i, np.clip((y - heights[i]) / np.maximum(heights[i + 1] - heights[i], 1e-6), 0, 1)


def _looked_up(d: Float32, probes: list[_Probe], probe: NDArray[np.int64], share: Float64) -> Float32:
    """(n, k, 3) radiance from directions (n, k, 3)."""
    h, w = PROBE
    row = np.clip(np.arccos(np.clip(d[..., 1], -1, 1)) / np.pi * h, 0, h - 1).astype(np.int64)
    column = (np.arctan2(d[..., 2], d[..., 0]) / (2 * np.pi) * w % w).astype(np.int64) % w
    table = np.stack([p.radiance for p in probes])
    b = share[:, None, None].astype(np.float32)
    below, above = table[probe[:, None], row, column], table[probe[:, None] + 1, row, column]
    return np.asarray(below * (1 - b) + above * b, dtype=np.float32)


def _from_light(
    origin: Float64,
    normals: Float64,
    s: Shiner,
    number: int,
    probes: list[_Probe],
    probe: NDArray[np.int64],
    share: Float64,
    casters: Tracer,
    light: RoomLight,
) -> tuple[Float64, Float64, Float64]:
    """Irradiance / pi (n, 3) from one light, the unit direction (n, 3) it comes from, and its visible share (n,)."""
    rays, weight = light.direct(origin, normals, s)
    seen_by = np.stack([p.visible[number] for p in probes]).astype(np.float64)
    seen = seen_by[probe] * (1 - share)[:, None] + seen_by[probe + 1] * share[:, None]
    facing = np.flatnonzero((weight > 0).any(axis=1))
    free = np.zeros(weight.shape)
    free[facing] = ~casters.hides(rays[facing], np.ones((len(facing), rays.shape[1]), np.float32))
    seen = seen * free
    lit = (weight * seen).sum(axis=1)
    way = np.einsum("ns,nsd->nd", weight * seen + 1e-9, rays[..., 3:].astype(np.float64))
    way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
    return lit[:, None] * s.weight / np.pi, way, seen.mean(axis=1)


def main_direction(total: Float64, vector: Float64, normals: Float64) -> Float64:
    """(n, 4) light as an even part and one from a single direction l: l, and the share of its irradiance.

    Over a hemisphere the cosine-weighted mean of directions is 2/3 n for even light and l for light from l alone; the
    measured mean `vector` (n, 3) is a mixture: vector = 2/3 (total - x) n + x l with |l| = 1, solved for x.
    """
    rest = vector - 2 / 3 * total[:, None] * normals
    along, square = np.einsum("ij,ij->i", rest, normals), np.einsum("ij,ij->i", rest, rest)
    x = (4 / 3 * along + np.sqrt(16 / 9 * along**2 + 20 / 9 * square)) / (10 / 9)
    x = np.clip(x, 1e-9, total)
    direction = rest + 2 / 3 * x[:, None] * normals
    direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)
    return np.concatenate([direction, (x / np.maximum(total, 1e-9))[:, None]], axis=1)


def _ground(points: Float64, normals: Float64, size: float, maps: tuple[ShadowMap, ...]) -> Float32:
    """(n, 3) how brightly the supporting surface shines back at points, given the content's shadow on it.

    Looked up once per point, where a ray leaning with the normal meets the plane; the shadow's hold fades with height.
    """
    out = np.ones((len(points), 3), dtype=np.float32)
    for shadow in maps:
        local = shadow.plane.to_local(points)
        lean = normals @ shadow.plane.T_world_plane[:3, :3]
        height = np.maximum(local[:, 1:2], 0)
        ratio = shadow.sample(local[:, [0, 2]] + lean[:, [0, 2]] * (0.7 * height + 0.01 * size))
        hold = np.exp(-height / (0.35 * size)) * (local[:, 1:2] > -0.05)  # content below it sees its underside
        change = (1 - hold * (1 - ratio)).astype(np.float32)
        out = np.where(np.abs(change - 1) > np.abs(out - 1), change, out)
    return out
