"""Thin things stay in the reconstruction, at a voxel's width, and noise does not become a thing."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import Frame
from sceneforge.perception.fusion import DepthFusion
from sceneforge.perception.thin_kernels import thicken
from tests.perception.furnished import CAMERA, box, cast, joined, look_at


@pytest.mark.parametrize("wide", [0.008, 0.014, 0.02])
def test_a_stand_seen_from_all_around_is_kept_whole(wide: float) -> None:
    from scipy.spatial import cKDTree

    scene = joined([box((0, 1.0, 0), (4, 2.4, 4), inward=True), box((0.013, 0.8, 0.007), (wide, 1.2, wide))])
    fusion = DepthFusion()
    color = np.full((*CAMERA.shape, 3), 128, np.uint8)
    for i, a in enumerate(np.arange(0, 2 * np.pi, np.pi / 9)):
        T = look_at((1.3 * np.sin(a), 1.0 + 0.2 * (-1) ** i, 1.3 * np.cos(a)), (0, 0.8, 0))
        fusion.add(Frame(i, f"{i}", float(i), color, cast(scene, T), CAMERA, CAMERA, T), T)
    v = fusion.mesh().vertices
    near = v[np.hypot(v[:, 0] - 0.013, v[:, 2] - 0.007) < 0.1]
    axis = np.stack([np.full(200, 0.013), np.linspace(0.3, 1.3, 200), np.full(200, 0.007)], axis=1)
    # Every point of the axis has surface within a voxel, and none of it stands off by more than a voxel and a half.
    assert cKDTree(near).query(axis)[0].max() < 0.02
    middle = near[(near[:, 1] > 0.35) & (near[:, 1] < 1.25)]
    assert np.hypot(middle[:, 0] - 0.013, middle[:, 2] - 0.007).max() < 0.03


def test_lines_are_widened_and_specks_edges_and_slopes_are_not() -> None:
    depth = np.full((60, 80), 3.0, np.float32)
    depth[:, 20:22] = 1.5  # a pole
    depth[:, 16:20] = 0  # and the sensor's shadow beside it
    depth[30, 60:62] = 1.5  # a speck in one line
    depth[5:25, 40:70] = 2.0  # a board
    out, thin = thicken(depth, 300.0, 300.0, 0.04, 0.08)
    row = out[40]
    assert (row[17:25] < 1.6).sum() >= 6 and (row[26:] == 3).all() and (row[:15] == 3).all()
    assert thin[40, 19:23].all()
    assert np.array_equal(out[:, 40:], depth[:, 40:]) and not thin[:, 40:].any()
    slope = np.tile(np.linspace(1, 4, 80, dtype=np.float32), (60, 1))
    assert np.array_equal(thicken(slope, 300.0, 300.0, 0.04, 0.08)[0], slope)
