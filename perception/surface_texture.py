"""What a real surface looks like, straight on: all frames' views of it gathered into one metric picture.

One pass over the frames; memory depends on the surfaces' size alone. Views are brought to a common exposure and
weighted by how many pixels a cell got. Weights and the per-cell test against depth follow texture mapping of scans
(Waechter et al., ECCV 2014), with a sum instead of a seam-cut selection, because a plane's views differ by exposure and
sharpness only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sceneforge.core import Frame, FrameError, Progress, Scan, Scene, SurfaceRaster, UsageError, silent
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.color import TO_LINEAR
from sceneforge.core.transforms import inverse

GUARD_FRACTION = 1 / 213
"""Share of the depth image's width by which outlines are kept away from: three pixels of 640, since colour and depth of
real captures lie apart by as much there."""


RELIEF_CELL_M = 0.008
"""Cells of the height map: about a depth pixel at two metres."""


def relief_factor(raster: SurfaceRaster) -> int:
    """Cells of a raster per side of a cell of its height map."""
    return max(1, round(RELIEF_CELL_M / raster.metres_per_pixel))


@dataclass(frozen=True)
class SurfaceTexture:
    """The observed look of a surface."""

    raster: SurfaceRaster
    """Where the arrays lie."""
    color: Float32
    """(rows, columns, 3) float32 linear light in the mean exposure of the frames; 0 where never seen."""
    weight: Float32
    """(rows, columns) float32 sum of view weights; 0 = never seen, 1 = one frame saw it with a pixel per cell."""
    deviation: Float32
    """(rows, columns) float32 relative standard deviation of brightness over the views: shine, shadows that moved, and
    misregistered views make it large."""
    seen: UInt8
    """(rows, columns) frames in which the surface itself was seen there, at most 255."""
    blocked: UInt8
    """(rows, columns) frames in which something stood before it."""
    open: UInt8
    """(rows, columns) frames that looked through it: an opening, or glass."""
    height: Float32
    """(h, w) float32 metres over the plane, weighted mean of the readings near it, in cells of `RELIEF_CELL_M` and more
    from the same corner; NaN where there are none."""
    height_error: Float32
    """(h, w) float32 metres: what the sensor's error alone makes of that mean; inf where there is none."""

    @property
    def confidence(self) -> Float32:
        """(rows, columns) 0..1: much and well seen, and the views agree."""
        return np.asarray((1 - np.exp(-2.0 * self.weight)) / (1 + (self.deviation / 0.25) ** 2), dtype=np.float32)

    @property
    def agreement(self) -> Float32:
        """(rows, columns) 0..1: several frames saw it, from near or far, and agree on what they saw; less where things
        before it nearly always hide it, whose lowest parts look like the surface to a few."""
        count = self.seen.astype(np.float32)
        seen = (1 - np.exp(-0.5 * count)) * np.minimum(count / np.maximum(0.34 * self.blocked, 1), 1)
        return np.asarray(seen / (1 + (self.deviation / 0.25) ** 2), dtype=np.float32)


def gather(
    scan: Scan,
    scene: Scene,
    surfaces: Sequence[tuple[SurfaceRaster, UInt8]],
    gains: Mapping[int, Float64],
    *,
    every: int = 1,
    bad: list[FrameError] | None = None,
    progress: Progress = silent,
) -> list[SurfaceTexture]:
    """Gather the look of surfaces from all tracked frames.

    Args:
        scan: The capture that the scene was understood from.
        scene: For its camera track.
        surfaces: Raster and (rows, columns) uint8 mask of the cells that matter, per surface.
        gains: Frame index -> (3,) linear brightness over the mean exposure, from `frame_exposures`.
        every: Use every n-th tracked frame.
        bad: Collects frames that cannot be read; without it the first one is raised.
        progress: Told after each frame.

    Raises:
        UsageError: The scene has no camera track.
        FrameError, ScanError: As `Scan.frames`.
    """
    if scene.track is None:
        raise UsageError("gathering textures needs the scene's camera track: understand the capture first")
    poses = dict(zip(scene.track.indices, scene.track.T_world_camera, strict=True))
    wanted = scene.track.indices[::every]
    gatherers = [_Gatherer(raster, mask) for raster, mask in surfaces]
    sharpness: list[float] = []
    for n, frame in enumerate(scan.frames(wanted, bad=bad)):
        sharpness.append(_sharpness(frame.color))
        factor = float(np.clip(sharpness[-1] / max(float(np.mean(sharpness)), 1e-9), 0.3, 1.5)) ** 2
        for g in gatherers:
            g.add(frame, poses[frame.index], gains.get(frame.index, np.ones(3)), factor)
        progress("gather", n + 1, len(wanted))
    return [g.result() for g in gatherers]


class _Gatherer:
    """The running sums of one surface."""

    def __init__(self, raster: SurfaceRaster, mask: UInt8) -> None:
        self._raster, self._mask = raster, np.ascontiguousarray(mask > 0, dtype=np.uint8)
        self._sums = np.zeros((*raster.shape, 3), dtype=np.float32)
        self._total, self._squares = np.zeros(raster.shape, np.float32), np.zeros(raster.shape, np.float32)
        self._counts = np.zeros((3, *raster.shape), dtype=np.uint8)
        self._factor = relief_factor(raster)
        coarse = raster.coarser(self._factor).shape
        self._heights, self._trust = np.zeros(coarse, np.float32), np.zeros(coarse, np.float32)

    def add(self, frame: Frame, T_world_camera: Float64, gain: Float64, factor: float) -> None:
        from . import surface_kernels as kernels

        part = self._part(frame, T_world_camera)
        if part is None:
            return
        rows, columns = part
        raster, T = self._raster, inverse(T_world_camera) @ self._raster.T_world_plane
        m = raster.metres_per_pixel
        corner = raster.origin_xz + (np.array([columns.start, rows.start]) + 0.5) * m
        A, B = T[:3, 0] * m, T[:3, 2] * m
        C = T[:3, 3] + T[:3, 0] * corner[0] + T[:3, 2] * corner[1]
        c, d = frame.camera, frame.depth_camera
        guard = max(1, round(d.width * GUARD_FRACTION))
        rgb, weight, verdict = kernels.observe(
            frame.color, frame.depth, np.array([c.fx, c.fy, c.cx, c.cy]), np.array([d.fx, d.fy, d.cx, d.cy]),
            A, B, C, -float(T[:3, 1] @ T[:3, 3]), m, np.ascontiguousarray(self._mask[part]), TO_LINEAR, guard,
            self._heights, self._trust, np.array([rows.start, columns.start]), self._factor,
        )  # fmt: skip
        kernels.add(
            rgb, weight, verdict, gain, factor, self._sums[part], self._total[part], self._squares[part],
            self._counts[:, rows, columns],
        )  # fmt: skip

    def _part(self, frame: Frame, T_world_camera: Float64) -> tuple[slice, slice] | None:
        """Rows and columns of the raster that can be in view: the plane's cut with the viewing pyramid, as a box."""
        T = inverse(self._raster.T_world_plane) @ T_world_camera
        if T[1, 3] <= 0.02:
            return None  # seen from behind
        w, h = frame.camera.width, frame.camera.height
        u, v = np.meshgrid(np.linspace(0, w - 1, 9), np.linspace(0, h - 1, 9))
        c = frame.camera
        rays = np.stack([(u - c.cx) / c.fx, (v - c.cy) / c.fy, np.ones_like(u)], axis=-1).reshape(-1, 3)
        d = rays @ T[:3, :3].T
        reach = np.where(d[:, 1] < -1e-3, -T[1, 3] / np.minimum(d[:, 1], -1e-3), 12.0)
        points = T[:3, 3] + np.minimum(reach, 12.0)[:, None] * d
        if not (d[:, 1] < -1e-3).any():
            return None
        cells = self._raster.cells(np.concatenate([points[:, [0, 2]], T[[0, 2], 3][None]]))
        low, high = np.floor(cells.min(axis=0)).astype(int) - 2, np.ceil(cells.max(axis=0)).astype(int) + 3
        x0, z0 = np.clip(low, 0, (self._raster.width, self._raster.height))
        x1, z1 = np.clip(high, 0, (self._raster.width, self._raster.height))
        return (slice(int(z0), int(z1)), slice(int(x0), int(x1))) if x1 > x0 and z1 > z0 else None

    def result(self) -> SurfaceTexture:
        total = np.maximum(self._total, 1e-9)
        color: Float32 = np.asarray(self._sums / total[..., None], dtype=np.float32)
        level = color.mean(axis=2)
        variance = np.maximum(self._squares / total - level**2, 0)
        deviation = np.sqrt(variance) / np.maximum(level, 1e-3)
        height = np.where(self._trust > 0, self._heights / np.maximum(self._trust, 1e-9), np.nan).astype(np.float32)
        with np.errstate(divide="ignore"):
            error = (self._factor / np.sqrt(self._trust)).astype(np.float32)  # one view sums factor^2 times
        deviation = np.asarray(deviation, dtype=np.float32)
        seen, blocked, opened = self._counts
        return SurfaceTexture(self._raster, color, self._total, deviation, seen, blocked, opened, height, error)


def _sharpness(color: UInt8) -> float:
    """Mean strength of the fine detail (second differences of green)."""
    g = color[::2, ::2, 1].astype(np.int16)
    second = np.abs(4 * g[1:-1, 1:-1] - g[:-2, 1:-1] - g[2:, 1:-1] - g[1:-1, :-2] - g[1:-1, 2:])
    return float(second.mean())
