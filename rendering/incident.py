"""Light that comes to a point of the captured room: measured surfaces, fitted lights, and the rest as an environment.

The scan is its own light field: rays that meet the scanned surface bring the radiance that the camera measured there,
bounces and all. Only what shines itself is sampled on its own, by fixed patterns, because few rays would find it.
Radiance is linear; 1 is the brightest value that a frame at the capture's usual exposure can hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import EnvironmentMap, Light, Mesh, Scene
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.color import LUMINANCE, to_linear

from .directions import cosine_hemisphere, frames
from .tracing import Tracer

LIGHT_SIDE, WEAK_SIDE = 4, 2
"""A light is sampled at LIGHT_SIDE x LIGHT_SIDE points, those after the STRONG strongest at fewer."""
STRONG = 2
GATHER_RAYS = 48
SURE = 0.05
"""Lights of less confidence are left out."""
MOST_LIGHTS = 6
"""Lights sampled on their own; the weaker ones stay part of the environment."""
DIM, BRIGHT = 0.6, 0.85
"""Luminance from which surface in a lit rectangle may be lit, and is for sure."""
LIT_M = 0.3
"""How far lit surface may lie above or below its rectangle: pillows on a bed."""
LIGHT_SKIN_M = 0.15
"""A lamp's own scanned surface, which must not hide it, lies within this of it."""


@dataclass(frozen=True)
class Shiner:
    """A light as points on its surface."""

    points: Float64
    """(S, 3)."""
    normal: Float64 | None
    """(3,) of its shining side, None = all around."""
    weight: Float64
    """(3,) radiance times the area that one point stands for."""
    light: Light
    """What it was made from."""


class RoomLight:
    """All light of a scene.

    Args:
        scene: Its lights, environment and coloured mesh are used; what is missing is made up as light from above.
        mesh: The surface that `room` traces, with or without colours.
        room: Tracer over it.
        white: (3,) radiance of a white matt surface, for the parts that are made up.
        centre: (3,) where light matters; without it lights are taken in the scene's order.
    """

    def __init__(
        self, scene: Scene, mesh: Mesh | None, room: Tracer, white: Float64, centre: Float64 | None = None
    ) -> None:
        lights = [x for x in scene.lights if x.confidence >= SURE and x.position is not None]
        self.lit = [x for x in lights if lit_surface(x)]
        """Scanned surface that is brighter than colours can hold."""
        shining = [x for x in lights if x.kind in ("area", "point") and x.size is not None and not lit_surface(x)]
        found = [_shiner(x) for x in shining]
        if centre is not None:
            found.sort(key=lambda s: -_reaching(s, centre))
        self.shiners = [
            s if k < STRONG or centre is None else _shiner(s.light, WEAK_SIDE)
            for k, s in enumerate(found[:MOST_LIGHTS])
        ]
        self.room = room
        self.measured = bool(self.shiners) or scene.environment is not None
        if not self.measured:
            self.shiners = [_default(scene, white)]
        self._environment = _dimmed(scene.environment, self.shiners) if scene.environment is not None else None
        self._sky = 0.5 * white
        self._faces = None if mesh is None else mesh.faces
        self.surface: Float32 | None = None
        """(V, 3) radiance of the mesh's vertices, lights' own surfaces dark."""
        if mesh is not None and mesh.colors is not None:
            linear = to_linear(mesh.colors)
            for s in self.shiners:
                linear[own_surface(mesh.vertices, s.light)] = 0
            for x in self.lit:
                share = lit_share(linear, mesh.vertices, x)[:, None]
                linear += (np.maximum(linear, x.color.astype(np.float32)) - linear) * share
            self.surface = linear

    def along(self, rays: Float32, t: Float32, face: NDArray[Any]) -> Float32:
        """Radiance (n, 3) that rays (n, 6) bring, given where they first meet the room (t inf = nowhere)."""
        hit = np.isfinite(t)
        out = np.zeros((len(rays), 3), dtype=np.float32)
        miss = np.flatnonzero(~hit)
        d = rays[miss, 3:].astype(np.float64)
        d /= np.maximum(np.linalg.norm(d, axis=1, keepdims=True), 1e-9)
        out[miss] = self._beyond(rays[miss, :3].astype(np.float64), d)
        where = np.flatnonzero(hit)
        if self.surface is not None and self._faces is not None:
            out[where] = self.surface[self._faces[face[where], 0]]
        else:
            out[where] = self._sky
        return out

    def _beyond(self, origin: Float64, d: Float64) -> Float64:
        if self._environment is None:
            return np.asarray(self._sky * (0.6 + 0.8 * np.maximum(d[:, 1:2], 0)))
        h, w = self._environment.shape[:2]
        row = np.clip(np.arccos(np.clip(d[:, 1], -1, 1)) / np.pi * h, 0, h - 1).astype(np.int64)
        column = (np.arctan2(d[:, 2], d[:, 0]) / (2 * np.pi) * w % w).astype(np.int64) % w
        out = self._environment[row, column].astype(np.float64)
        for s in self.shiners:
            out[_meets(s.light, origin, d)] = 0
        return np.asarray(out)

    def gathered(self, points: Float64, normals: Float64, lift: float, count: int = GATHER_RAYS) -> Gathered:
        """Cosine-spread rays from surface points (n, 3) with unit normals (n, 3), and what they bring from the room."""
        n = len(points)
        d = np.swapaxes(frames(normals) @ cosine_hemisphere(count).T, 1, 2).astype(np.float32)
        rays = np.empty((n, count, 6), dtype=np.float32)
        rays[..., :3] = (points + lift * normals).astype(np.float32)[:, None]
        rays[..., 3:] = d
        flat = rays.reshape(-1, 6)
        t, face, _ = self.room.first_hits(flat)
        radiance = self.along(flat, t, face)
        return Gathered(rays, t.reshape(n, count), face.reshape(n, count), radiance.reshape(n, count, 3))

    def direct(self, points: Float64, normals: Float64, shiner: Shiner) -> tuple[Float32, Float64]:
        """Rays (n, S, 6) to a light's points, 1 = there; and irradiance (n, S) per `weight` where nothing hides it."""
        offset = shiner.points[None] - points[:, None]
        r2 = np.maximum(np.einsum("nsk,nsk->ns", offset, offset), 1e-4)
        r = np.sqrt(r2)
        here = np.maximum(np.einsum("nsk,nk->ns", offset, normals) / r, 0)
        there = 1.0 if shiner.normal is None else np.maximum(-(offset @ shiner.normal) / r, 0)
        rays = np.empty((*r.shape, 6), dtype=np.float32)
        rays[..., :3] = points[:, None]
        rays[..., 3:] = offset
        return rays, here * there / np.maximum(r2, 0.01)

    def irradiance(
        self, points: Float64, normals: Float64, lift: float = 0.01, count: int = GATHER_RAYS
    ) -> tuple[Float64, Float64]:
        """Light that falls on surface points (n, 3): irradiance / pi (n, 3), and its vector (n, 3, 3) by colour.

        The vector is the mean over the hemisphere of direction times light, so that another normal m gets about
        E(n) + vector @ (m - n) times a constant; its direction is where most light comes from.
        """
        g = self.gathered(points, normals, lift, count)
        light = g.radiance.mean(axis=1).astype(np.float64)
        d = g.rays[..., 3:]
        vector = np.einsum("nkc,nkd->ncd", g.radiance, d) / g.rays.shape[1]
        for s in self.shiners:
            rays, factor = self.direct(points + lift * normals, normals, s)
            factor = factor * ~self.room.hides(rays, reach_of(rays, s))
            share = factor[..., None] * s.weight / np.pi
            light += share.sum(axis=1)
            way = rays[..., 3:] / np.linalg.norm(rays[..., 3:], axis=-1, keepdims=True)
            vector += np.einsum("nsc,nsd->ncd", share, way)
        return light, vector.astype(np.float64)


@dataclass(frozen=True)
class Gathered:
    """Rays that leave surface points, and the room at their ends."""

    rays: Float32
    """(n, k, 6)."""
    t: Float32
    """(n, k) metres to the room, inf = none."""
    face: NDArray[np.uint32]
    """(n, k) the room's triangle."""
    radiance: Float32
    """(n, k, 3) what comes from there."""


def _reaching(shiner: Shiner, centre: Float64) -> float:
    """Irradiance at a point that faces the light, were nothing in between."""
    offset = shiner.points - centre
    r2 = np.maximum((offset**2).sum(axis=1), 0.05)
    there = 1.0 if shiner.normal is None else np.maximum(-(offset @ shiner.normal) / np.sqrt(r2), 0)
    return float((there / r2).sum() * (shiner.weight @ LUMINANCE))


def reach_of(rays: Float32, shiner: Shiner) -> Float32:
    """(n, S) share of rays to a light that must be free."""
    skin = LIGHT_SKIN_M
    if shiner.normal is None and shiner.light.size is not None:
        skin += 0.6 * float(shiner.light.size[0])
    return np.asarray(np.clip(1 - skin / np.linalg.norm(rays[..., 3:], axis=-1), 0.1, 1), dtype=np.float32)


def _shiner(light: Light, count: int = LIGHT_SIDE) -> Shiner:
    assert light.size is not None and light.position is not None
    side = (np.arange(count) + 0.5) / count - 0.5
    a, b = (g.ravel()[:, None] for g in np.meshgrid(side, side, indexing="ij"))
    if light.kind == "point":
        i = np.arange(count * count) + 0.5
        y, phi = 1 - 2 * i / len(i), i * np.pi * (3 - np.sqrt(5))
        s = np.sqrt(1 - y * y)
        # Points on a smaller ball: seen from outside they lie where its light comes from.
        ball = np.stack([s * np.cos(phi), y, s * np.sin(phi)], axis=1) * 0.35 * light.size[0]
        area = np.pi / 4 * float(light.size[0] * light.size[1])
        return Shiner(light.position + ball, None, light.color * area / len(ball), light)
    assert light.width_axis is not None
    points = light.position + a * light.size[0] * light.width_axis + b * light.size[1] * light.height_axis
    return Shiner(points, light.direction, light.color * float(np.prod(light.size)) / len(points), light)


def _default(scene: Scene, white: Float64) -> Shiner:
    """Light from high on one side: what most rooms' lamps and windows come to."""
    towards, color = np.array([-0.35, 0.87, -0.35]), np.ones(3)
    for light in scene.lights:
        if light.direction is not None and light.kind == "directional":
            towards, color = -light.direction, light.color / max(float(light.color @ LUMINANCE), 1e-9)
        elif light.position is not None and light.kind == "point":
            towards = light.position - _middle(scene)
    towards = np.array([towards[0], max(towards[1], 0.45 * np.linalg.norm(towards)), towards[2]])
    towards /= np.linalg.norm(towards)
    side = np.array([2.0, 2.0])
    across = np.cross(towards, [0.31, 0.2, 0.93])
    across /= np.linalg.norm(across)
    distance = 6.0
    # Half of what lights a level surface comes from here.
    level = 0.5 * np.pi * white * color * distance**2 / (side.prod() * towards[1])
    return _shiner(Light("default", "area", level, 1.0, -towards, _middle(scene) + distance * towards, side, across))


def _middle(scene: Scene) -> Float64:
    points = [p.to_world(p.polygon).mean(axis=0) for p in scene.planes[:1]]
    if scene.mesh is not None and len(scene.mesh.vertices):
        return np.asarray(scene.mesh.vertices.mean(axis=0), dtype=np.float64)
    return np.asarray(points[0] if points else np.zeros(3), dtype=np.float64)


def _dimmed(environment: EnvironmentMap, shiners: list[Shiner]) -> Float32:
    """The environment without the lights that are sampled on their own."""
    out = np.array(environment.radiance)
    d = environment.directions.reshape(-1, 3).astype(np.float64)
    origin = np.broadcast_to(environment.position, d.shape)
    for s in shiners:
        out.reshape(-1, 3)[_meets(s.light, origin, d)] = 0
    return np.minimum(out, 1.5)


def _meets(light: Light, origin: Float64, d: Float64) -> NDArray[np.bool_]:
    """(n,) whether unit rays run into a light's shining side."""
    assert light.position is not None and light.size is not None
    offset = light.position - origin
    if light.direction is None or light.width_axis is None:
        along = np.einsum("ij,ij->i", offset, d)
        off = np.linalg.norm(offset - along[:, None] * d, axis=1)
        return np.asarray((along > 0) & (off < light.size[0] / 2))
    towards = d @ light.direction
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (offset @ light.direction) / towards
        p = t[:, None] * d - offset
        inside = (np.abs(p @ light.width_axis) < light.size[0] / 2) & (
            np.abs(p @ light.height_axis) < light.size[1] / 2
        )
    return np.asarray((towards < -1e-3) & (t > 0) & inside)


def lit_surface(light: Light) -> bool:
    """Whether a light is scanned surface that the sun or a lamp shines on: an area that faces up."""
    return light.kind == "area" and light.direction is not None and float(light.direction[1]) > 0.5


def lit_share(linear: Float32, vertices: Float32, light: Light) -> Float32:
    """(V,) 0..1: how far vertices of radiance (V, 3) are a lit surface, which pictures hold as their brightest."""
    level = linear @ LUMINANCE.astype(np.float32)
    bright = np.clip((level - DIM) / (BRIGHT - DIM), 0, 1)
    return np.asarray(bright * own_surface(vertices, light), dtype=np.float32)


def own_surface(vertices: Float32, light: Light) -> NDArray[np.bool_]:
    """(V,) vertices that are a light's own scanned surface."""
    assert light.position is not None and light.size is not None
    p = vertices - light.position.astype(np.float32)
    if light.direction is None or light.width_axis is None:
        return np.asarray(np.linalg.norm(p, axis=1) < 0.5 * light.size[0] + 0.03)
    reach = light.size / 2 + 0.03
    thick = LIT_M if lit_surface(light) else 0.08
    return np.asarray(
        (np.abs(p @ light.direction) < thick)
        & (np.abs(p @ light.width_axis) < reach[0])
        & (np.abs(p @ light.height_axis) < reach[1])
    )
