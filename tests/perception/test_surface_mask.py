"""Where a surface ends: walls cut it, and what slanting views take from beyond them is not it."""

from __future__ import annotations

import numpy as np

from sceneforge.core import Label, Plane, Scene, SurfaceRaster
from sceneforge.perception.surface_mask import _cuts

M = 0.02


def test_walls_cut_off_seams_but_not_the_next_room() -> None:
    raster = SurfaceRaster(np.eye(4), np.array([-1.0, -1.0]), M, 150, 100)
    outline = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    floor = Plane("plane_0", Label.FLOOR, 1.0, np.eye(4), outline, area_m2=4.0)
    T = np.eye(4)
    T[:3, :3] = np.array([(0, -1, 0), (1, 0, 0), (0, 0, 1)], float)  # a wall at x = 1 whose normal is -x
    T[0, 3] = 1.0
    wall = Plane("plane_1", Label.WALL, 1.0, T, np.array([(0, -1.0), (2.5, -1.0), (2.5, 1.0), (0, 1.0)]), area_m2=5.0)
    x = raster.centres()[0]
    for reach, kept in ((0.15, False), (0.5, True)):
        seen = np.repeat(((x < 1 + reach)[None, :]).astype(np.float32), 100, axis=0)
        (before,) = _cuts(raster, (floor,), Scene((floor, wall)), seen)
        row = before[50]
        assert abs(row[np.abs(x - 0.5).argmin()] - 0.5) < M
        assert np.isinf(row[np.abs(x - 1.11).argmin()]) == kept
        assert abs(row[np.abs(x - 1.03).argmin()] + 0.03) < M, "right behind the wall it is always cut"
