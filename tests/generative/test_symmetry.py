"""A hole in a pattern with a plan is filled by the plan; grain has none."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.generative.symmetry import continue_pattern

CELL_M = 0.008


def rug(cells: int, rng: np.random.Generator) -> np.ndarray:
    """(cells, cells, 3) a quarter of random blocks, mirrored on both axes."""
    quarter = rng.uniform(0.05, 0.7, (cells // 16, cells // 16, 3)).repeat(8, axis=0).repeat(8, axis=1)
    half = np.concatenate([quarter, quarter[::-1]])
    return np.concatenate([half, half[:, ::-1]], axis=1)


@pytest.mark.parametrize("part", [(slice(20, 60), slice(40, 150)), (slice(30, 80), slice(20, 70))])
def test_a_mirrored_plan_is_found_in_uneven_light(part: tuple[slice, slice]) -> None:
    rng = np.random.default_rng(1)
    light = 1 + 0.5 * np.linspace(-1, 1, 192)[:, None, None]
    truth = (rug(192, rng) * light).astype(np.float32)
    hole = np.zeros(truth.shape[:2], np.bool_)
    hole[part] = True
    filled, done = continue_pattern(np.where(hole[..., None], 0, truth).astype(np.float32), hole, ~hole, CELL_M)
    assert done[hole].mean() > 0.95 and not done[~hole].any()
    assert np.array_equal(filled[~hole], truth[~hole])
    error = np.abs(np.log(filled[done] / truth[done]))
    assert np.median(error) < 0.1, "the light of the hole, not that of where it was copied from"
    assert np.mean(error < 0.25) > 0.9


def test_where_there_is_no_plan_nothing_is_filled() -> None:
    rng = np.random.default_rng(2)
    random = rng.uniform(0.05, 0.7, (24, 24, 3)).repeat(8, axis=0).repeat(8, axis=1).astype(np.float32)
    grain = (0.3 * rng.normal(1, 0.05, (192, 192, 3))).astype(np.float32)
    hole = np.zeros((192, 192), np.bool_)
    hole[60:120, 50:140] = True
    for surface in (random, grain):
        _, done = continue_pattern(surface, hole, ~hole, CELL_M)
        assert not done.any()


def test_it_ends_where_the_material_does() -> None:
    rng = np.random.default_rng(3)
    floor = rug(192, rng).astype(np.float32)
    hole = np.zeros((192, 192), np.bool_)
    hole[30:70, 60:90] = True
    kinds = np.zeros((192, 192), np.uint8)
    _, done = continue_pattern(floor, hole, ~hole, CELL_M, kinds)
    assert done[hole].mean() > 0.95
    kinds[30:70, 60:75] = 1  # under the hole's left half lies something else
    _, done = continue_pattern(floor, hole, ~hole, CELL_M, kinds)
    assert done[hole & (kinds == 0)].mean() > 0.95 and not done[kinds == 1].any()
