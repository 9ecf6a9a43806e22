"""The shadow score counts as the field defines it."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.evaluation.evaluate_shadow import balanced_error


def test_balanced_error_rate() -> None:
    true = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    found = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0], bool)
    assert balanced_error(found, true) == pytest.approx(0.5 * (2 / 6 + 1 / 4))
    assert balanced_error(true, true) == 0
    assert balanced_error(np.zeros(10, bool), true) == 0.5
