"""Where in the picture content and its shadow can be: everything else is left alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sceneforge.core import Camera
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import inverse, transform_points

NEAR_M = 0.03


class Rect(NamedTuple):
    """Pixels x0 <= x < x1, y0 <= y < y1."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """For indexing images."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


def bounds_on_screen(points: Float64, camera: Camera, T_world_camera: Float64, margin: int) -> Rect | None:
    """Rectangle that holds the picture of the convex hull of `points` (n, 3) in the world; None = out of view."""
    p = transform_points(inverse(T_world_camera), points)
    front = p[:, 2] >= NEAR_M
    if not front.any():
        return None
    if not front.all():  # clip every segment from behind to in front at the near plane
        a, b = p[~front][:, None], p[front][None]
        s = (NEAR_M - a[..., 2]) / (b[..., 2] - a[..., 2])
        p = np.concatenate([p[front], (a + s[..., None] * (b - a)).reshape(-1, 3)])
    uv, _ = camera.project(p)
    low, high = np.floor(uv.min(axis=0)) - margin, np.ceil(uv.max(axis=0)) + 1 + margin
    x0, y0 = max(int(max(low[0], -1e6)), 0), max(int(max(low[1], -1e6)), 0)
    x1, y1 = min(int(min(high[0], 1e6)), camera.width), min(int(min(high[1], 1e6)), camera.height)
    return Rect(x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def merged(rects: list[Rect]) -> list[Rect]:
    """Overlapping rectangles joined until none overlap, top to bottom."""
    todo = sorted(rects, key=lambda r: (r.y0, r.x0))
    done = False
    while not done:
        done = True
        for i in range(len(todo)):
            for j in range(i + 1, len(todo)):
                a, b = todo[i], todo[j]
                if a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1:
                    joined = Rect(min(a.x0, b.x0), min(a.y0, b.y0), max(a.x1, b.x1), max(a.y1, b.y1))
                    todo = [r for n, r in enumerate(todo) if n not in (i, j)] + [joined]
                    done = False
                    break
            if not done:
                break
    return sorted(todo, key=lambda r: (r.y0, r.x0))


def box_corners(points: Float64) -> Float64:
    """(8, 3) corners of the axis-aligned box around points (n, 3)."""
    low, high = points.min(axis=0), points.max(axis=0)
    pick = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    return np.asarray(np.where(pick, high, low), dtype=np.float64)
