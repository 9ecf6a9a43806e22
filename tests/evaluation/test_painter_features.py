"""The painters' measures, on pictures whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.evaluation.painter_features import Probe, kid, repetition, seam_score
from sceneforge.evaluation.painter_prompts import prompts
from sceneforge.generative.concepts import CLASSES


def test_there_are_a_hundred_prompts_half_of_them_paraphrases() -> None:
    listed = prompts()
    assert len(listed) == 100 == len({p for p, _, _ in listed}) and sum(h for *_, h in listed) == 50
    assert {k for _, k, _ in listed} <= set(CLASSES)


def test_kid_is_nought_for_one_distribution_and_grows_with_distance() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (200, 32)).astype(np.float32), rng.normal(0, 1, (200, 32)).astype(np.float32)
    near, far = kid(a, b + np.float32(0.3)), kid(a, b + np.float32(1.0))
    assert abs(kid(a, b)) < 20 < near < far


def test_a_seam_is_seen_where_it_is() -> None:
    picture = np.random.default_rng(0).integers(100, 140, (64, 96, 3)).astype(np.uint8)
    assert seam_score(picture, [32, 64]) == pytest.approx(1, abs=0.1)
    picture[:, 32:] += 60
    assert seam_score(picture, [32]) > 3
    assert seam_score(picture, [64]) < 1.1


def test_repetition_tells_tiles_from_noise() -> None:
    rng = np.random.default_rng(0)
    tile = rng.integers(0, 255, (64, 64, 3)).astype(np.uint8)
    assert repetition(np.tile(tile, (3, 3, 1)), 40) > 0.95
    assert repetition(rng.integers(0, 255, (192, 192, 3)).astype(np.uint8), 40) < 0.2


def test_the_probe_learns_what_can_be_learnt() -> None:
    rng = np.random.default_rng(0)
    centre = rng.normal(0, 3, (3, 16))
    kinds = [("a", "b", "c")[i % 3] for i in range(90)]
    x = np.stack([centre[i % 3] + rng.normal(0, 1, 16) for i in range(90)]).astype(np.float32)
    probe = Probe(x[:60], kinds[:60])
    assert (probe.rank(x[60:], kinds[60:]) == 0).mean() > 0.9
