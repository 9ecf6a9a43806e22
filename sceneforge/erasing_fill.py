"""Surface behind removed things that no frame shows, painted so that it continues what is around it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sceneforge.core import Scene
from sceneforge.core.arrays import Float64
from sceneforge.core.backdrop import MADE_UP, OUTSIDE, SEEN, TOUCHED, UNSHOWN, Backdrop, Sheet

if TYPE_CHECKING:
    from sceneforge.generative import Painter

FRONTS = 0.5
"""Share of its contrast with which the detail of furniture's upright fronts is continued: books and handles are no
grain, and would be plainly wrong."""


def fill_unseen(backdrop: Backdrop, scene: Scene, painter: Painter, seed: int) -> Backdrop:
    """Paint the sheets' made-up cells, so that they continue the seen ones around them."""
    from sceneforge.generative.continuing import BASE_M, continue_surface, smooth_base

    def roughly(sheet: Sheet) -> Sheet:
        unshown = sheet.origin == UNSHOWN
        known = ~unshown & (sheet.origin != OUTSIDE)
        if not unshown.any():
            return sheet
        base = np.broadcast_to(_mean_color(scene, sheet).astype(np.float32), sheet.color.shape)
        if known.any():
            base = smooth_base(sheet.color, known, max(2, round(BASE_M / sheet.raster.metres_per_pixel)))
        return replace(sheet, color=np.where(unshown[..., None], base, sheet.color).astype(np.float32))

    def filled(number: int, sheet: Sheet) -> Sheet:
        hole, seen = (sheet.origin == MADE_UP) | (sheet.origin == TOUCHED), sheet.origin == SEEN
        if not hole.any():
            return sheet
        if not seen.any():  # nothing to continue: the colour of the scanned surface around
            color = np.broadcast_to(_mean_color(scene, sheet), sheet.color.shape)
            return replace(sheet, color=np.where(hole[..., None], color, sheet.color).astype(np.float32))
        level = bool(abs(sheet.raster.T_world_plane[1, 1]) > 0.9)
        continued = continue_surface(
            sheet.color, hole, seen, painter, _prompt(scene, sheet), sheet.raster.metres_per_pixel, seed + number,
            origin_m=(float(sheet.raster.origin_xz[0]), float(sheet.raster.origin_xz[1])),
            level_axis=_level_axis(sheet),
            materials=level,
            strength=1.0 if level or _prompt(scene, sheet) != "plaster" else FRONTS,
        )  # fmt: skip
        return replace(sheet, color=continued)

    return replace(backdrop, sheets=tuple(roughly(filled(n, s)) for n, s in enumerate(backdrop.sheets)))


def _prompt(scene: Scene, sheet: Sheet) -> str:
    for p in scene.planes:
        if np.array_equal(p.T_world_plane, sheet.raster.T_world_plane):
            return {"floor": "floor boards", "ceiling": "white plaster", "wall": "plaster wall"}.get(p.label, "plaster")
    return "plaster"


def _level_axis(sheet: Sheet) -> int | None:
    """The axis of an upright sheet's arrays that runs level; None for level sheets and slanted axes."""
    rise = np.abs(sheet.raster.T_world_plane[1, [2, 0]])  # of rows, of columns
    axis = int(np.argmin(rise))
    return axis if rise[axis] < 0.02 and rise[1 - axis] > 0.98 else None


def _mean_color(scene: Scene, sheet: Sheet) -> Float64:
    """(3,) linear colour of the scanned surface that lies in the sheet's plane."""
    from sceneforge.core.color import to_linear

    T, mesh = sheet.raster.T_world_plane, scene.mesh
    if mesh is None or mesh.colors is None:
        return np.full(3, 0.4)
    height = (mesh.vertices - T[:3, 3]) @ T[:3, 1]
    near = np.abs(height) < 0.03
    return np.asarray(np.median(to_linear(mesh.colors[near]), axis=0)) if near.any() else np.full(3, 0.4)
