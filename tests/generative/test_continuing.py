"""What runs level along a wall is continued straight, and only that."""

from __future__ import annotations

import numpy as np

from sceneforge.generative.continuing import profile


def test_a_skirting_board_is_common_and_a_picture_is_not() -> None:
    wall = np.ones((60, 200, 3), np.float32)
    wall[50:] = (0.5, 0.6, 0.7)  # skirting board all along
    wall[10:20, 20:40] = 0.2  # a picture
    hole = np.zeros((60, 200), np.bool_)
    hole[30:, 80:120] = True
    noise = np.random.default_rng(0).normal(1, 0.02, wall.shape)
    found = profile((wall * noise).astype(np.float32), ~hole, hole, 1)
    assert np.abs(found[52:, 0] - (0.5, 0.6, 0.7)).max() < 0.06
    assert np.abs(found[:50] - 1).max() < 0.02
    turned = profile((wall * noise).astype(np.float32).transpose(1, 0, 2), ~hole.T, hole.T, 0)
    assert np.array_equal(turned[0], found[:, 0])
