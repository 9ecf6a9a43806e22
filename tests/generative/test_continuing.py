"""What runs level along a wall is continued straight, a rug up to its edge, and each from its own kind."""

from __future__ import annotations

import cv2
import numpy as np

from sceneforge.generative import load_painter
from sceneforge.generative.continuing import UNUSED, continue_surface, profile
from sceneforge.generative.materials import two_materials


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


def test_a_rug_ends_in_a_straight_line_and_each_is_filled_from_its_own() -> None:
    z, x = np.mgrid[0:300, 0:400]
    boards = np.where((z // 25) % 2 == 0, 0.22, 0.16)[..., None] * np.array([1.0, 0.6, 0.35])
    check = np.where(((z // 20) + (x // 20)) % 2 == 0, 0.6, 0.12)[..., None] * np.array([0.4, 0.6, 1.0])
    rug = x + 0.5 * z > 270
    floor = np.where(rug[..., None], check, boards)
    floor = (floor * np.random.default_rng(0).normal(1, 0.03, floor.shape)).astype(np.float32)
    hole = np.zeros((300, 400), np.bool_)
    hole[100:200, 130:270] = True
    shown = np.where(hole[..., None], 0, floor).astype(np.float32)
    kinds = two_materials(shown, ~hole, hole, 0.005)
    assert kinds is not None
    kinds = kinds if kinds[50, 350] else 1 - kinds
    assert (kinds == rug)[hole].mean() > 0.95, "the rug's edge goes on through the hole"
    assert (kinds == rug).mean() > 0.97
    filled = continue_surface(shown, hole, ~hole, load_painter("exemplar"), "", 0.005, 0, materials=True)
    blue = filled[..., 2] > filled[..., 0]
    assert (blue == rug)[hole].mean() > 0.93
    plain = np.where(hole[..., None], 0, boards).astype(np.float32)
    assert two_materials(plain, ~hole, hole, 0.005) is None, "boards alone are one material"


def test_where_too_little_was_seen_its_colour_alone_goes_on() -> None:
    seen = np.zeros((40, 60), np.bool_)
    seen[:4, :30] = True
    color = np.repeat(np.where(seen[..., None], 0.3, 0), 3, axis=2).astype(np.float32)
    filled = continue_surface(color, ~seen, seen, load_painter("exemplar"), "", 0.01, 0, materials=True)
    assert np.abs(filled - 0.3).max() < 0.02


def test_what_was_not_seen_and_is_not_asked_for_changes_nothing_and_is_not_copied() -> None:
    rng = np.random.default_rng(0)
    floor = cv2.GaussianBlur(rng.integers(40, 90, (420, 560, 3)).astype(np.uint8), (0, 0), 2)
    unseen = np.zeros((420, 560), np.bool_)
    unseen[60:360, 80:480] = True
    hole = np.zeros_like(unseen)
    hole[80:140, 100:160] = True
    shown = np.where(unseen[..., None], 255, floor).astype(np.uint8)
    mask = np.where(hole, 1, np.where(unseen, UNUSED, 0)).astype(np.float32)
    painter = load_painter("exemplar")
    asked = painter.paint(shown, mask, "", 0.005, 1, match_surroundings=True)
    assert np.array_equal(asked[~hole], shown[~hole])
    assert asked[hole].max() < 120, "nothing of the white that nobody saw"
    whole = painter.paint(shown, unseen.astype(np.float32), "", 0.005, 1, match_surroundings=True)
    near = np.abs(asked[hole].mean(axis=0) - whole[hole].mean(axis=0)).max()
    assert near < 3, "the same fill as if all had been asked for"
