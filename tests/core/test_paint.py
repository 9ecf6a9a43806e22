"""Paint as a value: what it refuses, and how exposure is filled in."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import PaintJob, PaintRegion, SurfacePaint, SurfaceRaster

RASTER = SurfaceRaster(np.eye(4), np.array([1.0, 2.0]), 0.5, 4, 3)


def paint(**changes) -> SurfacePaint:
    values = {
        "id": "paint_0", "planes": ("plane_0",), "raster": RASTER, "mask": np.full((3, 4), 255, np.uint8),
        "color": np.zeros((3, 4, 3), np.uint8), "shading": np.ones((2, 2), np.float32), "light": np.ones(3),
    }  # fmt: skip
    return SurfacePaint(**(values | changes))


def test_cells_and_metres_agree() -> None:
    x, z = RASTER.centres()
    assert x.tolist() == [1.25, 1.75, 2.25, 2.75] and z.tolist() == [2.25, 2.75, 3.25]
    assert RASTER.cells(np.array([x[2], z[1]])).tolist() == [2, 1]
    assert RASTER.to_world(np.array([x[0], z[0]])).tolist() == [1.25, 0, 2.25]
    assert RASTER.coarser(3).shape == (1, 2)


def test_gain_between_frames() -> None:
    p = paint(gains={4: np.full(3, 2.0), 2: np.ones(3)})
    assert p.gain(3).tolist() == [1.5] * 3
    assert p.gain(0).tolist() == [1.0] * 3 and p.gain(9).tolist() == [2.0] * 3
    assert paint().gain(7).tolist() == [1.0] * 3


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "spray"},
        {"mode": "portal"},
        {"environment": np.zeros((4, 4, 3), np.uint8)},
        {"mask": np.zeros((4, 3), np.uint8)},
        {"color": np.zeros((3, 4), np.uint8)},
        {"relief": np.zeros((1, 1), np.uint8)},
    ],
)
def test_what_does_not_fit_is_refused(changes) -> None:
    with pytest.raises(ValueError, match="paint_0"):
        paint(**changes)


def test_arrays_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        paint().mask[0, 0] = 1


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"prompt": " "}, "prompt"),
        ({"mode": "spray"}, "mode"),
        ({"mode": "inpaint"}, "region"),
        ({"mode": "reference"}, "image"),
        ({"strength": 1.5}, "strength"),
        ({"metres_per_pixel": 0.0}, "metres_per_pixel"),
    ],
)
def test_a_job_says_what_is_wrong(changes, named) -> None:
    with pytest.raises(ValueError, match=named):
        PaintJob(**{"surface": "floor", "prompt": "grass", **changes})


@pytest.mark.parametrize("values", [{}, {"radius_m": 1.0, "polygon": ((0, 0), (1, 0), (0, 1))}, {"radius_m": 0.0}])
def test_a_region_has_one_shape(values) -> None:
    with pytest.raises(ValueError, match=r"region|radius"):
        PaintRegion(**values)
