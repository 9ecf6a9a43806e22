"""Where the sun falls into a generated room, as surface that shines: the first bounce of its light, made ready.

Paths through a room seldom find the sun behind a window. So every window is divided into small cells, and each cell is
thrown along the sun's rays onto the surface that its middle meets. What it covers there sends back what the sun brings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64
from sceneforge.rendering.tracing import Tracer
from sceneforge.synth.lighting import Daylight, Portal

CELL_M = 0.006
"""Side of the cells, in the window."""
SKIN_M = 0.001
"""Patches lie this far above the surface they stand for."""
SHADES = 6
"""Radiances that all patches of a room share."""


@dataclass(frozen=True)
class Surface:
    """A mesh with paint."""

    vertices: Float32
    """(V, 3) world."""
    faces: NDArray[Any]
    """(F, 3)."""
    albedo: Float32
    """(V, 3)."""

    @property
    def area(self) -> float:
        """Square metres."""
        a, b, c = (self.vertices[self.faces[:, k]].astype(np.float64) for k in range(3))
        return float(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())


@dataclass(frozen=True)
class SunPatch:
    """Sunlit surface of about one brightness."""

    surface: Surface
    """Parallelograms, two triangles each."""
    radiance: Float64
    """(3,) of the sun's light that it sends back."""


def sun_patches(surfaces: list[Surface], day: Daylight) -> list[SunPatch]:
    """What the sun meets behind the windows, of everything in the room.

    Args:
        surfaces: The room and what stands in it.
        day: Where the windows and the sun are.
    """
    first = np.cumsum([0, *(len(s.vertices) for s in surfaces)])
    vertices = np.concatenate([s.vertices for s in surfaces])
    faces = np.concatenate([np.asarray(s.faces, np.int64) + n for s, n in zip(surfaces, first, strict=False)])
    albedo = np.concatenate([s.albedo for s in surfaces])
    room = Tracer(vertices, faces)
    quads, paints, lights = [], [], []
    for portal in day.portals:
        if day.to_sun @ portal.normal < -1e-3:
            quad, face, weight, cosine = _thrown(portal, day.to_sun, room, vertices, faces)
            paint = np.einsum("nk,nkc->nc", weight, albedo[faces[face]])
            quads.append(quad)
            paints.append(paint)
            lights.append(paint * day.sun * cosine[:, None] / np.pi)
    if not quads or not sum(map(len, quads)):
        return []
    quad, paint, light = np.concatenate(quads), np.concatenate(paints), np.concatenate(lights)
    order = np.argsort(light.sum(axis=1), kind="stable")
    out = []
    for mine in np.array_split(order, min(SHADES, len(order))):
        corners = quad[mine].reshape(-1, 3).astype(np.float32)
        square = np.arange(len(mine))[:, None, None] * 4 + np.array([[0, 1, 2], [0, 2, 3]])
        surface = Surface(corners, square.reshape(-1, 3), np.repeat(paint[mine], 4, axis=0).astype(np.float32))
        mean = (light[mine] * _area(quad[mine])[:, None]).sum(axis=0) / max(float(_area(quad[mine]).sum()), 1e-12)
        out.append(SunPatch(surface, mean))
    return out


def _area(quads: Float64) -> Float64:
    a, b = quads[:, 1] - quads[:, 0], quads[:, 3] - quads[:, 0]
    return np.asarray(np.linalg.norm(np.cross(a, b), axis=1))


def _thrown(
    portal: Portal, to_sun: Float64, room: Tracer, vertices: Float32, faces: NDArray[np.int64]
) -> tuple[Float64, NDArray[np.int64], Float64, Float64]:
    """Cells of one window on what they meet: corners (n, 4, 3), face (n,), its corners' weights (n, 3), cosine (n,)."""
    counts = [int(np.ceil(np.linalg.norm(side) / CELL_M)) for side in (portal.u, portal.v)]
    s, t = ((np.arange(n) + 0.5) / n for n in counts)
    middle = (portal.origin + s[:, None, None] * portal.u + t[None, :, None] * portal.v).reshape(-1, 3)
    start = middle + 2 * to_sun  # from outside, so that the window's own frame is in the way too
    rays = np.concatenate([start, np.broadcast_to(-to_sun, start.shape)], axis=1).astype(np.float32)
    distance, face, bary = room.first_hits(rays)
    hit = np.flatnonzero(np.isfinite(distance))
    which, distance, bary = face[hit].astype(np.int64), distance[hit], bary[hit].astype(np.float64)
    a, b, c = (vertices[faces[which, k]].astype(np.float64) for k in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    normal *= np.sign(normal @ to_sun)[:, None]
    cosine = normal @ to_sun
    u, v = 0.5 * portal.u / counts[0], 0.5 * portal.v / counts[1]
    corners = np.stack([-u - v, u - v, u + v, -u + v])[None] + np.zeros((len(hit), 1, 1))
    # Along the sun's rays onto the plane of the face.
    along = np.einsum("nkc,nc->nk", corners, normal) / np.maximum(cosine, 0.02)[:, None]
    where = start[hit] - distance[:, None].astype(np.float64) * to_sun + SKIN_M * normal
    quads = where[:, None] + corners - along[..., None] * to_sun
    facing = np.einsum("nc,nc->n", np.cross(quads[:, 1] - quads[:, 0], quads[:, 3] - quads[:, 0]), normal)
    quads = np.where((facing < 0)[:, None, None], quads[:, ::-1], quads)
    weight = np.concatenate([1 - bary.sum(axis=1, keepdims=True), bary], axis=1)
    lit = cosine > 0.02
    return quads[lit], which[lit], np.asarray(weight[lit]), np.asarray(cosine[lit])
