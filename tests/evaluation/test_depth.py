"""Depth measures: edges, calibration, and what the peers are."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.evaluation.evaluate_depth import bilateral, calibration_error, edge_band
from tests.perception.depth.scenes import band, box_view


def test_the_band_follows_depth_edges_and_not_slopes() -> None:
    view = box_view()
    found = edge_band(view.truth)
    wanted = band(view.box, 4)  # a pixel on each side of the edge, and three more
    assert (found == wanted).mean() > 0.999


def test_a_perfect_sigma_has_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    sigma = rng.uniform(0.001, 0.1, 200_000).astype(np.float32)
    error = (rng.standard_normal(len(sigma)) * sigma).astype(np.float32)
    assert calibration_error(error, sigma) < 0.03
    assert calibration_error(2 * error, sigma) == pytest.approx(1.0, abs=0.05)


def test_the_bilateral_peer_fills_every_hole() -> None:
    assert (bilateral(box_view().frame) > 0).all()
