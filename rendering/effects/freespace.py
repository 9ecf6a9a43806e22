"""How much room there is on the floor: distance to the nearest thing in the way, in colours."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from sceneforge.core import UsageError
from sceneforge.core.arrays import Float32

from ._canvas import Canvas
from ._floor_map import FloorMap, floor_map
from ._parts import Parts
from ._settings import EffectSettings
from ._stage import Stage

SUMMARY = "free floor, coloured by the distance to the nearest thing in the way, with a grid of half metres"
ABOVE_M = 0.07
"""Surface this close to the floor's height shows the map."""


class Settings(EffectSettings):
    """Settings of `freespace`."""

    tight_m: float = Field(default=0.2, ge=0, le=10, description="Clearance that is still red, metres")
    wide_m: float = Field(default=0.8, gt=0, le=10, description="Clearance from which all is green, metres")
    opacity: float = Field(default=0.55, ge=0, le=1, description="Of the colours")
    grid_m: float = Field(default=0.5, ge=0, le=10, description="Size of the grid's squares; 0 = no grid")


def prepare(stage: Stage) -> Parts:
    """Ready for one scene.

    Raises:
        UsageError: The scene has no floor.
    """
    found = floor_map(stage)
    if found is None:
        raise UsageError("effect 'freespace': the scene has no floor to show")

    def draw(canvas: Canvas, settings: Settings) -> None:
        height = np.abs(canvas.points[..., 1] - found.floor_y)
        on_floor = np.clip(2 - np.nan_to_num(height, nan=9.0) / ABOVE_M, 0, 1) * (canvas.normals[..., 1] > 0.6)
        clearance, free = sampled(found, canvas.points[..., [0, 2]])
        share = np.clip((clearance - settings.tight_m) / max(settings.wide_m - settings.tight_m, 1e-6), 0, 1)
        red, amber, green = np.array([[232, 74, 66], [245, 190, 66], [66, 200, 130]], dtype=np.float32)
        s = share[..., None]
        color = np.where(s < 0.5, red + 2 * s * (amber - red), amber + (2 * s - 1) * (green - amber))
        canvas.paint(color, settings.opacity * on_floor * free)
        if settings.grid_m > 0:
            canvas.paint((255, 255, 255), 0.5 * on_floor * free * _grid(canvas, settings.grid_m))

    return Parts(under=draw)


def _grid(canvas: Canvas, size_m: float) -> Float32:
    """(H, W) coverage of world-aligned grid lines."""
    from .reveal import pixel_slope

    out = np.zeros(canvas.view.depth.shape, dtype=np.float32)
    for axis in (0, 2):
        x = canvas.points[..., axis]
        slope = pixel_slope(x)
        line = np.clip(canvas.px(0.6) + 0.5 - np.abs(x - size_m * np.round(x / size_m)) / slope, 0, 1)
        # Lines denser than the pixels would add up to a grey veil.
        out = np.maximum(out, np.nan_to_num(line * np.clip(2 - 8 * slope / size_m, 0, 1)))
    return out


def sampled(found: FloorMap, xz: Float32) -> tuple[Float32, Float32]:
    """Clearance in metres, and share of free floor 0..1, at world [x, z] (H, W, 2), bilinear; 0 outside the map."""
    import cv2

    at = ((np.nan_to_num(xz, nan=1e6) - found.low) / found.cell_m - 0.5).astype(np.float32)
    at = np.clip(at, -10, 30_000)
    row, column = np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1])

    def look(values: Float32) -> Float32:
        picked = cv2.remap(values, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        return np.asarray(picked, dtype=np.float32)

    free = look(found.free.astype(np.float32))
    clearance = np.asarray(look(found.clearance) / np.maximum(free, 0.25), dtype=np.float32)
    return clearance, np.asarray(np.clip(2 * free - 0.5, 0, 1), dtype=np.float32)
