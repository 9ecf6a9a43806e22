"""Thickness as it is, and what a fusion keeps of a rod."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import UsageError
from sceneforge.evaluation.evaluate_thin import evaluate, thickness
from tests.perception.furnished import box, joined


def test_boards_and_rods_are_told_apart() -> None:
    mesh = joined(
        [box((0, 0, 0), (1.0, 0.02, 0.6)), box((0, 1, 0), (0.02, 0.8, 0.03)), box((0, -1, 0), (0.4, 0.4, 0.4))]
    )
    points, thick, wide, area = thickness(np.array(mesh.vertices), np.array(mesh.faces))
    board = (np.abs(points) < (0.45, 0.5, 0.25)).all(axis=1)
    assert np.allclose(thick[board], 0.02, atol=1e-3) and (wide[board] > 0.06).all()
    rod = (points[:, 1] > 0.7) & (points[:, 1] < 1.3)
    assert set(np.round(thick[rod], 2).tolist()) == {np.float32(0.02), np.float32(0.03)}
    assert (wide[rod] < 0.035).all()
    assert np.allclose(thick[(points[:, 1] < -0.5) & (np.abs(points[:, 0]) < 0.15)], 0.4, atol=1e-3)
    surface = 2 * (0.02 * 0.6 + 0.02 * 1 + 0.6) + 2 * (0.02 * 0.8 + 0.03 * 0.8 + 0.0006) + 6 * 0.16
    assert area * len(points) == pytest.approx(surface, rel=1e-3)


def test_scans_without_truth_are_refused() -> None:
    with pytest.raises(UsageError, match="truth"):
        evaluate()
