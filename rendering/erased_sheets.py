"""The surface behind removed things, as sheets, laid into pictures: its colours, and the light it gets back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.backdrop import OUTSIDE, TOUCHED, Sheet

SKIN_M = 0.05
"""Scanned surface this close to a plane is the plane's."""


def shaded_points(sheet: Sheet) -> Float64:
    """(25, 3) world points over the extent of a sheet's lightened cells; (0, 3) where there are none."""
    cells = np.zeros((0, 2)) if sheet.relight is None else np.argwhere(sheet.relight.max(axis=2) > 1.002)
    if not len(cells):
        return np.zeros((0, 3))
    m = sheet.raster.metres_per_pixel
    low, high = (sheet.raster.origin_xz + f(cells, axis=0)[::-1] * m for f in (np.min, np.max))
    steps = np.linspace(0, 1, 5)
    xz = np.stack(np.meshgrid(*(low[k] + steps * (high[k] - low[k]) for k in (0, 1))), axis=-1).reshape(-1, 2)
    return sheet.raster.to_world(xz)


def relight_factor(sheet: Sheet, rays: Float32, z: Float64) -> Float32:
    """(N, 3) by what pixels at z-depth (N,) along rays (N, 6) become brighter; 1 where they show something else."""
    import cv2

    assert sheet.relight is not None
    T, seen = sheet.raster.T_world_plane, np.isfinite(z) & (z > 0)
    points = rays[:, :3].astype(np.float64) + np.where(seen, z, 0)[:, None] * rays[:, 3:]
    local = (points - T[:3, 3]) @ T[:3, :3]
    # The standard error of depth cameras (Nguyen et al. 2012), foreshortened as the plane is.
    slope = np.abs(rays[:, 3:].astype(np.float64) @ T[:3, 1])
    reach = 0.012 + 2.5 * (0.0012 + 0.0019 * (np.where(seen, z, 0) - 0.4) ** 2) * slope
    cell = sheet.raster.cells(local[:, [0, 2]])
    on = seen & (np.abs(local[:, 1]) < reach)
    at = np.flatnonzero(on)
    out = np.ones((len(z), 3), dtype=np.float32)
    if len(at):
        rows = -(-len(at) // 1024)  # remap takes no side of 32768 or more
        x, y = (np.resize(cell[at, k].astype(np.float32), (rows, 1024)) for k in (0, 1))
        found = cv2.remap(
            sheet.relight, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(1.0, 1.0, 1.0)
        )
        out[at] = np.maximum(found.reshape(-1, 3)[: len(at)], 1)
    return out


def lay(sheet: Sheet, points: Float64, known: NDArray[np.bool_], rgb: Float32, touched: NDArray[np.bool_]) -> None:
    """Colour points (N, 3) that lie on a sheet, bilinearly, and tell which of them things touched, both in place."""
    import cv2

    T = sheet.raster.T_world_plane
    local = (points - T[:3, 3]) @ T[:3, :3]
    cell = sheet.raster.cells(local[:, [0, 2]])
    h, w = sheet.raster.shape
    on = (
        known & (np.abs(local[:, 1]) < SKIN_M) & (cell >= 0).all(axis=1) & (cell[:, 0] <= w - 1) & (cell[:, 1] <= h - 1)
    )
    at = np.flatnonzero(on)
    if not len(at):
        return
    nearest = cell[at].round().astype(np.int64)
    origin = sheet.origin[nearest[:, 1], nearest[:, 0]]
    at, origin = at[origin != OUTSIDE], origin[origin != OUTSIDE]
    touched[at] |= origin == TOUCHED
    if not len(at):
        return
    rows = -(-len(at) // 1024)  # remap takes no side of 32768 or more
    x, y = (np.resize(cell[at, k].astype(np.float32), (rows, 1024)) for k in (0, 1))
    found = cv2.remap(sheet.color, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    rgb[at] = found.reshape(-1, 3)[: len(at)]
