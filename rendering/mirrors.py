"""What smooth content reflects: mirrored rays into the scanned room and into the content itself.

Looked up by direction in a table of the surroundings, near things would be seen beside their places.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Mesh
from sceneforge.core.arrays import Float32

from .incident import RoomLight
from .packing import METAL_ROUGH_MAP, NORMAL_MAP, ROUGHNESS, PackedContent
from .tracing import Tracer

BLURRED, SHARP = 0.35, 0.2
"""Roughness from which reflections are looked up in the blurred surroundings alone, and below which all are traced."""
LIFT_M = 0.002


class Mirrors:
    """Traces the mirrored rays of smooth surfaces.

    Args:
        content: All content.
        tracer: Over its triangles.
        light: The room's; its lights' own surfaces are dark, they make highlights.
        mesh: The scanned surface that `light.room` traces, None = there is none with colours.
        shadow: (V, 3) light that the content leaves to the mesh's vertices; (0, 3) = all of it.
        sent: (M, 3) radiance that each of the content's triangles sends.
    """

    def __init__(
        self,
        content: PackedContent,
        tracer: Tracer,
        light: RoomLight,
        mesh: Mesh | None,
        shadow: Float32,
        sent: Float32,
    ) -> None:
        m = content.materials
        smooth = np.clip((BLURRED - m[:, ROUGHNESS]) / (BLURRED - SHARP), 0, 1)
        # Maps say per texel how rough it is and where it points: the table has to do for those.
        smooth[(m[:, METAL_ROUGH_MAP] >= 0) | (m[:, NORMAL_MAP] >= 0)] = 0
        self._smooth = smooth.astype(np.float32)[content.face_material]
        self._content, self._tracer, self._light, self._sent = content, tracer, light, sent
        self._faces = None if mesh is None else mesh.faces
        self._surface = light.surface
        if self._surface is not None and len(shadow):
            self._surface = self._surface * shadow

    def seen(self, rays: Float32, t: Float32, face: NDArray[Any], bary: Float32) -> Float32:
        """(n, 4) radiance from the mirrored direction of hits, and 0..1 how far it replaces the table's.

        Args:
            rays: (n, 6).
            t: (n,) direction lengths to the hit.
            face: (n,) triangle.
            bary: (n, 2) barycentric coordinates of its second and third corner.
        """
        out = np.zeros((len(rays), 4), dtype=np.float32)
        at = np.flatnonzero(self._smooth[face] > 0)
        if not len(at):
            return out
        mirrored = self._mirrored(rays[at], t[at], face[at], bary[at])
        out[at, :3], out[at, 3] = self._radiance(mirrored), self._smooth[face[at]]
        return out

    def _mirrored(self, rays: Float32, t: Float32, face: NDArray[Any], bary: Float32) -> Float32:
        c = self._content
        d = rays[:, 3:] / np.linalg.norm(rays[:, 3:], axis=1, keepdims=True)
        flat = c.face_normals[face]
        side = np.where((flat * d).sum(axis=1, keepdims=True) > 0, np.float32(-1), np.float32(1))
        weight = np.concatenate([1 - bary.sum(axis=1, keepdims=True), bary], axis=1)
        normal = np.einsum("nk,nkc->nc", weight, c.normals[c.faces[face]]) * side
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        way = d - 2 * (d * normal).sum(axis=1, keepdims=True) * normal
        out = (way * flat * side).sum(axis=1, keepdims=True)
        way += np.maximum(0.02 - out, 0) * flat * side  # interpolated normals may send it into the surface
        point = rays[:, :3] + t[:, None] * rays[:, 3:] + LIFT_M * flat * side
        return np.concatenate([point, way], axis=1).astype(np.float32)

    def _radiance(self, rays: Float32) -> Float32:
        t, face, bary = self._light.room.first_hits(rays)
        out = self._light.along(rays, t, face)
        hit = np.flatnonzero(np.isfinite(t))
        if self._surface is not None and self._faces is not None and len(hit):
            corners = self._surface[self._faces[face[hit]]]
            b = bary[hit]
            out[hit] = corners[:, 0] * (1 - b.sum(axis=1, keepdims=True))
            out[hit] += corners[:, 1] * b[:, :1] + corners[:, 2] * b[:, 1:]
        near, own, _ = self._tracer.first_hits(rays)
        first = np.flatnonzero(near < t)
        out[first] = self._sent[own[first]]
        return out
