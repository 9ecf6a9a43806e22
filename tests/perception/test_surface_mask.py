"""Where a surface ends: walls cut it, and what slanting views take from beyond them is not it."""

from __future__ import annotations

import numpy as np

from sceneforge.core import Label, Mesh, Plane, Scene, SurfaceRaster
from sceneforge.perception.surface_mask import BEHIND_M, UNDER_M, UNKNOWN_M, _cuts, surface_mask
from sceneforge.perception.surface_texture import SurfaceTexture

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


def test_heights_tell_low_things_from_floor_that_is_mostly_hidden() -> None:
    """A lamp's foot 2 cm high and a rug of 6 mm; and floor that a table hides from most frames, beside its runner."""
    m, n = 0.008, 200
    raster = SurfaceRaster(np.eye(4), np.zeros(2), m, n, n)
    outline = np.array([(0.0, 0.0), (1.6, 0.0), (1.6, 1.6), (0.0, 1.6)])
    floor = Plane("plane_0", Label.FLOOR, 1.0, np.eye(4), outline, area_m2=2.5)
    foot, rug, hidden = ((slice(20, 45), slice(a, a + 25)) for a in (20, 80, 140))
    height = np.random.default_rng(0).normal(0, 0.001, (n, n)).astype(np.float32)
    height[foot] += 0.02
    height[rug] += 0.006
    seen, blocked = np.full((n, n), 12, np.uint8), np.zeros((n, n), np.uint8)
    for part in (foot, hidden):
        seen[part], blocked[part] = 3, 12
    ones = np.ones((n, n), np.float32)
    texture = SurfaceTexture(
        raster, np.full((n, n, 3), 0.3, np.float32), ones, 0.1 * ones, seen, blocked, np.zeros((n, n), np.uint8),
        height, 0.001 * ones,
    )  # fmt: skip
    x, z = np.meshgrid(np.linspace(140, 165, 30) * m, np.linspace(20, 45, 30) * m)
    runner = np.stack([x.ravel(), np.full(x.size, 0.05), z.ravel()], axis=1).astype(np.float32)
    mask = surface_mask(texture, [floor], Scene((floor,), mesh=Mesh(runner, np.zeros((0, 3), np.int32))))
    assert mask[foot][3:-3, 3:-3].max() == 0
    assert mask[rug].min() > 250 and mask[hidden][3:-3, 3:-3].min() > 250
    trusted = texture.agreement
    assert trusted[hidden].max() < 0.8 * trusted[rug].min(), "what is nearly always hidden is known less"


def test_masks_end_soon_behind_what_always_hides_the_surface() -> None:
    """A wall whose outline goes on behind a bookcase, and where no frame looked; its neighbours were seen."""
    m, n = 0.01, 200
    T = np.eye(4)
    T[:3, :3] = np.array([(1, 0, 0), (0, 0, 1), (0, -1, 0)], float).T  # its normal lies level
    outline = np.array([(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)])
    hidden, unknown = slice(60, 100), slice(150, 200)
    for upright, reach in ((True, BEHIND_M), (False, UNDER_M)):
        pose = T if upright else np.eye(4)
        plane = Plane("plane_0", Label.WALL if upright else Label.FLOOR, 1.0, pose, outline, area_m2=4.0)
        seen, blocked = np.full((n, n), 9, np.uint8), np.zeros((n, n), np.uint8)
        seen[:, hidden] = seen[:, unknown] = 0
        blocked[:, hidden] = 9
        ones, none = np.ones((n, n), np.float32), np.zeros((n, n), np.uint8)
        texture = SurfaceTexture(
            SurfaceRaster(pose, np.zeros(2), m, n, n), np.full((n, n, 3), 0.3, np.float32), ones * (seen > 0),
            0 * ones, seen, blocked, none, np.where(seen > 0, 0, np.nan).astype(np.float32), 0.001 * ones,
        )  # fmt: skip
        row = surface_mask(texture, [plane], Scene((plane,)))[100]
        assert row[10:50].min() > 250 and row[110:140].min() > 250
        assert abs((row[hidden] > 127).sum() * m - 2 * reach) < 0.03, "a cell of 12 mm to either side"
        assert abs((row[unknown] > 127).sum() * m - UNKNOWN_M) < 0.03
