"""The light that comes to one point of the room, stitched from frames taken all over it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import EnvironmentMap, Mesh
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.color import TO_LINEAR64
from sceneforge.core.light import sphere_directions

from .caster import Caster
from .emitters import Emitter, on_boundary
from .light_fit import meets
from .radiance import Readings

SIZE = (64, 128)
NEAR = 0.2
"""A reading counts where what it shows is what the point itself sees: as far away, give or take this share."""
CLIPPED_WEIGHT = 0.05
DARKEST = 0.4
"""Radiance of unseen parts of the room is at least this share of the median of the seen ones."""


def stitch(
    position: Float64,
    readings: Readings,
    mesh: Mesh,
    caster: Caster,
    walls: tuple[Float64, Float64],
    emitters: list[Emitter],
    strength: Float64,
    hole: Float64,
) -> EnvironmentMap:
    """Environment map at `position` (3,).

    Every reading is carried to the point by the place in the room that it shows (the scanned surface, or the room's
    bounds where there is none), and counts where nothing stands between. Directions that no frame shows take the mesh's
    colours; those that meet nothing at all take what the fit says of the unseen ceiling, or else fade in from
    around them. Emitters get their fitted radiance where that is more than what the camera could hold.
    """
    h, w = SIZE
    d = sphere_directions(h, w).reshape(-1, 3).astype(np.float64)
    own, face = caster.hits(np.broadcast_to(position, d.shape), d)
    total, weight = _splat(position, readings, walls, own, (h, w))
    seen = weight > 0
    radiance = np.zeros((h * w, 3))
    radiance[seen] = total[seen] / weight[seen, None]
    known = seen.copy()
    if mesh.colors is not None:
        scanned = ~seen & (face >= 0)
        radiance[scanned] = TO_LINEAR64[mesh.colors[mesh.faces[face[scanned], 0]]]
        known |= scanned
    origin = np.broadcast_to(position, d.shape)
    usual = np.median(radiance[known], axis=0) if known.any() else np.asarray(hole)
    for e, s in zip(emitters, strength, strict=True):
        hit = meets(e, origin, d, np.where(np.isfinite(own), own, np.inf))
        if not e.seen:  # one that need not shine is still no hole in the room
            hit &= ~known
            s = np.maximum(s, DARKEST * usual)
        radiance[hit] = np.maximum(radiance[hit], s)
        known |= hit
    radiance = _filled(radiance.reshape(h, w, 3), known.reshape(h, w), np.maximum(hole, DARKEST * usual))
    observed = np.where(seen, 1.0, np.where(known, 0.5, 0.0)).reshape(h, w)
    return EnvironmentMap(position, radiance.astype(np.float32), observed.astype(np.float32))


def _splat(
    position: Float64, readings: Readings, walls: tuple[Float64, Float64], own: Float32, size: tuple[int, int]
) -> tuple[Float64, Float64]:
    """Weighted sums (h * w, 3) and weights (h * w,) of readings by direction from the point."""
    h, w = size
    origin, d = readings.origin.astype(np.float64), readings.direction.astype(np.float64)
    far = on_boundary(origin, d, walls)
    points = origin + np.where(np.isfinite(readings.distance), readings.distance, far)[:, None] * d
    offset = points - position
    distance = np.linalg.norm(offset, axis=1)
    way = offset / np.maximum(distance, 1e-6)[:, None]
    row = np.clip(np.arccos(np.clip(way[:, 1], -1, 1)) / np.pi * h, 0, h - 1).astype(np.int64)
    column = (np.arctan2(way[:, 2], way[:, 0]) / (2 * np.pi) * w % w).astype(np.int64) % w
    cell = row * w + column
    past = ~np.isfinite(readings.distance)
    # Beyond the scan only readings beyond the scan count, and the other way round.
    fits = np.where(past, ~np.isfinite(own[cell]), np.abs(distance - own[cell]) < NEAR * distance + 0.05)
    use = np.flatnonzero(fits & (distance > 0.05))
    # Seen from about the same side, shiny surfaces show the same.
    alike = np.maximum(np.einsum("ij,ij->i", way[use], d[use]), 0) ** 2 + 0.02
    share = alike * np.where(readings.clipped[use], CLIPPED_WEIGHT, 1.0)
    if readings.weight is not None:
        share *= readings.weight[use]
    weight = np.bincount(cell[use], share, minlength=h * w).astype(np.float64)
    light = readings.radiance[use].astype(np.float64)
    total = np.stack([np.bincount(cell[use], share * light[:, k], minlength=h * w) for k in range(3)], axis=1)
    return total.astype(np.float64), weight


def _filled(radiance: Float64, known: NDArray[np.bool_], far: Float64) -> Float64:
    """Unknown directions from known ones around: normalised blurs of growing width, then `far`."""
    import cv2

    out = np.array(radiance)
    missing = ~known
    w = radiance.shape[1]
    for sigma in (1.0, 2.0, 4.0, 8.0, 16.0):
        if not missing.any():
            return out
        wide: NDArray[Any] = np.concatenate([known.astype(np.float64)] * 3, axis=1)
        light = np.concatenate([np.where(known[..., None], np.minimum(radiance, 1.0), 0)] * 3, axis=1)
        mass, near = (cv2.GaussianBlur(a, (0, 0), sigma)[:, w : 2 * w] for a in (wide, light))
        reach = missing & (mass > 0.08)
        out[reach] = near[reach] / mass[reach, None]
        missing = missing & ~reach
    out[missing] = far
    return out
