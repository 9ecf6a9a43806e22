"""What content takes from, and gives to, the light on the room's surfaces: the heart of differential rendering.

Debevec 1998 ("Rendering synthetic objects into real scenes") adds to the picture the difference between two renderings,
with content and without. Here the difference is kept as a ratio of irradiance, by colour: whatever the surface's paint,
its picture is multiplied by it, and dark floors and bright ones darken alike. Below one it is shadow, above one the
light of a virtual lamp; where content throws its own colour back, it is tinted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64

from .directions import cosine_hemisphere, frames
from .incident import GATHER_RAYS, RoomLight, reach_of
from .tracing import Tracer, in_front, start_of

CHUNK = 4096
"""Points at a time: bounds the ray buffers to some 20 MB."""
BRIGHTEST = 8.0


@dataclass(frozen=True)
class Exchange:
    """Light on n surface points, in units of irradiance / pi."""

    before: Float64
    """(n, 3) without the content; 1 where the content changes nothing."""
    left: Float64
    """(n, 3) of it, that which the content lets through."""
    point: NDArray[np.int64]
    """(m,) which point, for every ray that ends on content."""
    face: NDArray[np.int64]
    """(m,) the content's triangle there."""
    rays: int
    """Rays per point, of which those are some."""

    def ratio(self, radiance: Float32 | None = None, lamp: Float64 | None = None) -> Float32:
        """(n, 3) light with content / without.

        Args:
            radiance: (M, 3) what the content's triangles send back; None = nothing.
            lamp: (n, 3) further light on the points, from content that shines.
        """
        after = np.array(self.left)
        if radiance is not None and len(self.point):
            sent = radiance[self.face].astype(np.float64) / self.rays
            for c in range(3):
                after[:, c] += np.bincount(self.point, sent[:, c], minlength=len(after))
        if lamp is not None:
            after += lamp
        return np.clip(after / np.maximum(self.before, 1e-6), 0, BRIGHTEST).astype(np.float32)


def exchange(
    points: Float64, normals: Float64, casters: Tracer, light: RoomLight, lift: float, count: int = GATHER_RAYS
) -> Exchange:
    """Trace light at surface points (n, 3) with unit normals (n, 3) or (3,), with and without content.

    Where the room itself stands between a point and the content, as a tabletop does for the floor below, content takes
    nothing: that light never came.

    Args:
        casters: The content that stops light.
        light: The room's.
        lift: Metres above the points where rays start.
        count: Rays over the hemisphere.
    """
    n = np.broadcast_to(normals, points.shape)
    before, left = np.ones(points.shape), np.ones(points.shape)
    owner, face = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start in range(0, len(points), CHUNK):
        part = slice(start, start + CHUNK)
        touched, b, a, i, f = _traced(points[part], n[part], casters, light, lift, count)
        before[start + touched], left[start + touched] = b, a
        owner.append(start + touched[i])
        face.append(f)
    return Exchange(before, left, np.concatenate(owner), np.concatenate(face), count)


def _traced(
    points: Float64, normals: Float64, casters: Tracer, light: RoomLight, lift: float, count: int
) -> tuple[NDArray[np.int64], Float64, Float64, NDArray[np.int64], NDArray[np.int64]]:
    origin = points + lift * normals
    d = np.swapaxes(frames(normals) @ cosine_hemisphere(count).T, 1, 2).astype(np.float32)
    rays = np.empty((len(points), count, 6), dtype=np.float32)
    rays[..., :3], rays[..., 3:] = origin.astype(np.float32)[:, None], d
    to_content, face, _ = casters.first_hits(rays.reshape(-1, 6))
    to_content, face = to_content.reshape(-1, count), face.reshape(-1, count)
    segments = [light.direct(origin, normals, s) for s in light.shiners]
    hidden = [casters.hides(r, np.ones(r.shape[:2], np.float32)) & (w > 0) for r, w in segments]
    touched = np.isfinite(to_content).any(axis=1)
    for h in hidden:
        touched |= h.any(axis=1)
    index = np.flatnonzero(touched)
    if not len(index):
        none = np.zeros(0, np.int64)
        return index, np.zeros((0, 3)), np.zeros((0, 3)), none, none
    normal = normals[index].astype(np.float32)
    ray = rays[index]
    begin = start_of(ray[..., 3:], normal[:, None])
    ray[..., :3] += begin[..., None] * ray[..., 3:]
    flat = ray.reshape(-1, 6)
    t, room_face, outward = light.room.first_sides(flat)
    radiance = light.along(flat, t, room_face).reshape(len(index), count, 3)
    stopped = in_front(to_content[index], begin + t.reshape(-1, count), outward.reshape(-1, count))
    before = radiance.mean(axis=1).astype(np.float64)
    left = (radiance * ~stopped[..., None]).mean(axis=1).astype(np.float64)
    for s, (segment, weight), h in zip(light.shiners, segments, hidden, strict=True):
        part = segment[index]
        length = np.linalg.norm(part[..., 3:], axis=-1)
        skip = start_of(part[..., 3:] / length[..., None], normal[:, None]) / length
        moved = part.copy()
        moved[..., :3] += skip[..., None] * part[..., 3:]
        moved[..., 3:] *= (1 - skip)[..., None]
        # In shares of the way that is left.
        free = ~light.room.hides(moved, np.clip((reach_of(part, s) - skip) / np.maximum(1 - skip, 1e-3), 0.05, 1))
        share = np.where(free, weight[index], 0)
        before += share.sum(axis=1)[:, None] * s.weight / np.pi
        left += (share * ~h[index]).sum(axis=1)[:, None] * s.weight / np.pi
    point, which = np.nonzero(stopped)
    return index, before, left, point, face[index][point, which].astype(np.int64)
