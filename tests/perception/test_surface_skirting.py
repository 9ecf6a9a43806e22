"""Skirting boards are found by what all columns of a wall agree on; shadows and lone edges are none."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.perception.surface_skirting import common_height, skirting

CELL = 0.008
H, W = 120, 300
UP = np.repeat((np.arange(H) + 0.5)[:, None] * CELL, W, axis=1).astype(np.float32)


def wall(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log colours with light that changes along the wall and fades towards the floor, noisy heights, what is seen."""
    rng = np.random.default_rng(seed)
    look = rng.normal(0, 0.03, (H, W, 3))
    look[..., 0] += 0.4 * np.sin(np.arange(W) / 40) - 0.5 * np.exp(-UP / 0.1)
    known = np.ones((H, W), bool)
    known[:, 100:180] = False  # a cupboard
    return look, rng.normal(0, 0.006, (H, W)).astype(np.float32), known


@pytest.mark.parametrize("kind", ["look", "rise"])
@pytest.mark.parametrize("height", [0.06, 0.12])
def test_boards_are_found_by_colour_or_by_height(kind: str, height: float) -> None:
    look, rise, known = wall()
    board = height > UP
    if kind == "look":
        look[board] += (0.08, 0.05, -0.03)  # a little whiter than the wall
    else:
        rise[board] += 0.012
    for turned in (False, True):
        arrays = [np.swapaxes(a, 0, 1) if turned else a for a in (look, rise, known, UP)]
        found = skirting(*arrays, CELL)
        assert found is not None and abs(found - height) < 1.5 * CELL


def test_plain_walls_and_lone_edges_have_none() -> None:
    look, rise, known = wall(1)
    assert skirting(look, rise, known, UP, CELL) is None
    look[UP < 0.1] += (0.3, 0, 0)
    look[:, 60:][UP[:, 60:] < 0.1] -= (0.3, 0, 0)  # a socket strip along a fifth of it
    assert skirting(look, rise, known, UP, CELL) is None
    assert skirting(look, rise, np.zeros_like(known), UP, CELL) is None


def test_a_room_has_one_board_all_around() -> None:
    assert common_height([0.084, 0.036, 0.076]) == pytest.approx(0.08)
    assert common_height([0.08]) == 0.08
    assert common_height([]) is None
    assert common_height([0.036, 0.06, 0.09]) is None, "they do not agree"
