"""The definitions of the occlusion scores, on pictures small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import Camera
from sceneforge.core.transforms import make_transform
from sceneforge.evaluation.occlusion import (
    FlickerScores,
    PlaneScores,
    boundary_band,
    harmonic_iou,
    held_plane,
    points_in_frame,
    silhouettes,
)
from sceneforge.rendering.occlusion_score import HIDDEN, SEEN, UNSEEN, OcclusionScore

CAMERA = Camera(64, 48, 60.0, 60.0, 31.5, 23.5)


def half() -> np.ndarray:
    visible = np.zeros((20, 40), dtype=bool)
    visible[:, 20:] = True
    return visible


def test_the_band_is_the_rim_dilated_by_seven() -> None:
    band = boundary_band(half())
    assert (np.flatnonzero(band[10]) == np.arange(16, 23)).all()  # the rim is column 19


def test_iou_is_the_harmonic_mean_of_both_kinds() -> None:
    truth, predicted = half(), half()
    predicted[:, 20:25] = False
    everywhere = np.ones_like(truth)
    seen, hidden = 15 / 20, 20 / 25
    assert harmonic_iou(predicted, truth, everywhere) == pytest.approx(2 * seen * hidden / (seen + hidden))
    assert np.isnan(harmonic_iou(predicted, everywhere, everywhere))
    scores = PlaneScores()
    scores.add(predicted, truth, everywhere, np.zeros_like(truth))
    assert scores.means()["band_wrong"] == pytest.approx(3 / 7, abs=1e-4)
    assert np.isnan(scores.means()["silhouette_wrong"])


def test_silhouettes_are_jumps_and_not_slopes() -> None:
    depth = np.tile(np.linspace(1.0, 2.0, 64, dtype=np.float32), (48, 1))
    assert not silhouettes(depth).any()
    depth[:, 32:] += 1.0
    found = np.flatnonzero(silhouettes(depth)[20])
    assert found.min() == 27 and found.max() == 36


def test_a_held_plane_stays_where_it_was_hung() -> None:
    first = np.eye(4)
    nearer = make_transform(np.eye(3), (0.0, 0.0, 0.5))
    assert np.allclose(held_plane(first, 2.0, CAMERA, first), 2.0)
    assert np.allclose(held_plane(first, 2.0, CAMERA, nearer), 1.5)
    assert np.isinf(held_plane(first, 2.0, CAMERA, make_transform(np.eye(3), (0.0, 0.0, 3.0)))).all()


def test_only_flips_that_truth_does_not_make_are_flicker() -> None:
    flat, gone = np.ones((1, 4), dtype=bool), np.zeros((1, 4), dtype=bool)
    at, seen = np.arange(4), np.array([True, True, True, False])
    scores = FlickerScores()
    scores.add(flat, flat, at, seen)
    changed = np.array([[False, True, True, False]])
    scores.add(changed, flat, at, seen)
    assert (scores.flips, scores.pairs) == (1, 3) and scores.share == pytest.approx(1 / 3)
    scores.add(gone, gone, at, seen)  # truth flips too
    assert scores.flips == 1 and scores.true_flips == 3
    scores.restart()
    scores.add(flat, flat, at, seen)
    assert scores.pairs == 6


def test_points_count_where_they_are_really_seen() -> None:
    points = np.array([[0.0, 0, 2], [0, 0, 3], [5, 0, 2], [0, 0, -1]])
    depth = np.full((48, 64), 2.0, dtype=np.float32)
    _, seen = points_in_frame(points, CAMERA, np.eye(4), depth)
    assert seen.tolist() == [True, False, False, False]


def test_a_video_scores_its_edges_in_pixels() -> None:
    color = np.zeros((40, 60, 3), dtype=np.uint8)
    color[:, 30:] = 200
    coverage, cover = np.ones((40, 60), np.float32), np.full((40, 60), 0.5, np.float32)
    for shift in (0, 3):
        visible = np.zeros((40, 60), np.float32)
        visible[:, 30 + shift :] = 1
        score = OcclusionScore()
        score.add_edges(color, visible, coverage, cover)
        assert score.edge_pixels == 38 and score.boundary_px == shift


def test_a_video_counts_what_flips_and_flips_back_without_cause() -> None:
    score = OcclusionScore()
    mesh = np.array([SEEN, SEEN, HIDDEN, SEEN], dtype=np.int8)
    moved = np.array([SEEN, SEEN, SEEN, SEEN], dtype=np.int8)
    score.add_points(np.array([SEEN, SEEN, HIDDEN, SEEN], np.int8), mesh)
    score.add_points(np.array([HIDDEN, SEEN, SEEN, UNSEEN], np.int8), moved)
    score.add_points(np.array([SEEN, HIDDEN, HIDDEN, SEEN], np.int8), mesh)
    assert (score.followed, score.flips) == (3, 1)
    assert score.flicker == pytest.approx(1 / 3)


def test_a_video_without_edges_or_followed_points_has_no_score() -> None:
    score = OcclusionScore()
    assert score.boundary_px is None and score.flicker is None
    flat = np.full((40, 60, 3), 90, dtype=np.uint8)
    visible = np.zeros((40, 60), np.float32)
    visible[:, 30:] = 1
    score.add_edges(flat, visible, np.ones((40, 60), np.float32), np.full((40, 60), 0.5, np.float32))
    states = [np.array([s], np.int8) for s in (SEEN, UNSEEN, SEEN)]
    for state in states:
        score.add_points(state, state)
    assert score.boundary_px is None and score.flicker is None, "a picture without edges, a point that was lost"
    for _ in range(3):
        score.add_points(states[0], states[0])
    assert score.flicker == 0.0, "followed, and never changed"
