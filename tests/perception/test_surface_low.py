"""What lies low on a floor: a lamp's foot is left out, the height noise of a patterned rug is not."""

from __future__ import annotations

import numpy as np

from sceneforge.core import SurfaceRaster
from sceneforge.perception.surface_mask import _heights
from sceneforge.perception.surface_texture import SurfaceTexture, relief_factor


def test_a_foot_stands_out_and_specks_do_not() -> None:
    raster = SurfaceRaster(np.eye(4), np.zeros(2), 0.004, 200, 200)
    factor = relief_factor(raster)
    height = np.zeros(raster.coarser(factor).shape, np.float32)
    height[10:18, 10:18] = 0.02  # 6.4 cm square, 2 cm high
    height[40:43, 20:80:8] = height[41:44, 21:81:8] = 0.02  # three cells wide
    one = np.ones(raster.shape, np.uint8)
    texture = SurfaceTexture(
        raster, np.full((*raster.shape, 3), 0.3, np.float32), one.astype(np.float32), 0 * one.astype(np.float32),
        one, 3 * one, 0 * one, height, np.full(height.shape, 0.001, np.float32),
    )  # fmt: skip
    low = _heights(texture)[2]
    assert low[11 * factor : 17 * factor, 11 * factor : 17 * factor].all()
    assert not low[35 * factor :].any()
