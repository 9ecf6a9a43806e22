"""Patterns of laid pieces: each piece has the shape that its name promises, whatever its place."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from sceneforge.generative import load_painter
from sceneforge.generative._grid import Grid
from sceneforge.generative.procedural_laid import Pieces, courses, herringbone, hexagons

STEP_M = 0.004


def grid(side_m: float, period_m: tuple[float, float] = (0.0, 0.0)) -> Grid:
    line = (np.arange(round(side_m / STEP_M)) + 0.5) * STEP_M
    return Grid(*np.meshgrid(line, line), 5, period_m)


@pytest.mark.parametrize(
    ("pattern", "area"),
    [
        (lambda g: courses(g, 0.24, 0.08), 0.24 * 0.08),
        (lambda g: herringbone(g, 0.08, 4), 4 * 0.08**2),
        (lambda g: herringbone(g, 0.10, 2), 2 * 0.10**2),
        (lambda g: hexagons(g, 0.20), math.sqrt(3) / 2 * 0.20**2),
    ],
)
def test_whole_pieces_have_the_area_of_their_shape(pattern, area: float) -> None:  # type: ignore[no-untyped-def]
    p: Pieces = pattern(grid(2.0))
    rim = {*p.name[0], *p.name[-1], *p.name[:, 0], *p.name[:, -1]}
    whole = {k: n * STEP_M**2 for k, n in Counter(p.name.ravel().tolist()).items() if k not in rim}
    assert len(whole) > 20
    assert max(abs(a - area) for a in whole.values()) < 0.08 * area


def test_the_distance_to_the_joint_is_that_to_the_nearest_other_piece() -> None:
    from scipy.ndimage import distance_transform_edt

    for p in (courses(grid(1.0), 0.24, 0.08), herringbone(grid(1.0), 0.08, 4), hexagons(grid(1.0), 0.2)):
        across = np.zeros(p.name.shape, bool)
        across[:, 1:] |= p.name[:, 1:] != p.name[:, :-1]
        across[1:] |= p.name[1:] != p.name[:-1]
        far = distance_transform_edt(~across) * STEP_M
        inside = slice(60, -60)  # a joint may lie just outside the picture
        assert np.abs(far - p.joint)[inside, inside].max() < 2.5 * STEP_M


def test_pieces_come_back_after_a_period() -> None:
    period = (0.9, 1.1)
    g = grid(0.8, period)
    moved = Grid(g.x + period[0], g.y + 2 * period[1], g.seed, period)
    for pattern in (lambda q: herringbone(q, 0.07, 4), lambda q: hexagons(q, 0.1), lambda q: courses(q, 0.2, 0.1)):
        a, b = pattern(g), pattern(moved)
        settled = np.minimum(a.joint, b.joint) > 1e-6  # on a joint itself rounding decides
        assert np.array_equal(a.name[settled], b.name[settled])
        assert np.abs(a.joint - b.joint).max() < 1e-6
    chequer = [
        courses(q, 0.1, 0.1, 0.0, paired=True) for q in (g, Grid(g.x + period[0], g.y + period[1], g.seed, period))
    ]
    settled = np.minimum(*(c.joint for c in chequer)) > 1e-6
    assert np.array_equal(*(c.even[settled] for c in chequer))


def test_qualities_choose_the_pattern() -> None:
    painter = load_painter("procedural")

    def made(prompt: str) -> np.ndarray:
        blank = np.zeros((160, 160, 3), np.uint8)
        return painter.paint(blank, np.ones((160, 160), bool), prompt, 0.005, 3).astype(float).mean(-1)

    chequer = made("checkered tiles")
    low, high = np.percentile(chequer, (20, 80))
    assert high - low > 80  # half of the tiles are dark, half light
    rusty, plain = made("rusty metal"), made("metal")
    assert rusty.std() > 2 * plain.std()
    assert made("white marble with black veins").mean() > 190 > 80 > made("black marble with white veins").mean()
    red = painter.paint(
        np.zeros((64, 64, 3), np.uint8), np.ones((64, 64), bool), "red marble with white veins", 0.005, 3
    )
    assert red[..., 0].mean() > red[..., 1].mean() + 40  # the veins' colour is not the stone's
    stripes = made("wallpaper with stripes")
    assert stripes.std(axis=0).mean() < 0.3 * stripes.std(axis=1).mean()  # alike along them
    assert made("wet cobblestones").mean() < 0.85 * made("cobblestones").mean()
