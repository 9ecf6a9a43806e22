"""The planes benchmark: its views are what they say, and it tells good from bad."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import Camera
from sceneforge.evaluation import bench_planes
from sceneforge.evaluation.planar_views import CAMERA, furnished_view


def test_views_are_exact() -> None:
    depth, truth, curved = furnished_view(3)
    points = CAMERA.backproject(depth).astype(np.float64)
    flat = [k for k in np.unique(truth) if k > 0 and not curved[truth == k].any() and (truth == k).sum() > 500]
    assert len(flat) >= 4
    for k in flat:
        d = points[truth == k] - points[truth == k].mean(0)
        assert np.abs(d @ np.linalg.eigh(d.T @ d)[1][:, 0]).max() < 1e-5  # float32 depth
    assert curved.any()


def test_truth_scores_one_and_one_plane_for_all_scores_low(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_planes, "VIEWS", 1)
    _, truth, curved = furnished_view(0)

    def knows(depth: np.ndarray, camera: Camera) -> np.ndarray:
        return np.where(curved, 0, truth)

    def lazy(depth: np.ndarray, camera: Camera) -> np.ndarray:
        return np.ones(depth.shape, np.uint16)

    assert bench_planes._exact(knows, 0)["iou"] == 1.0
    assert bench_planes._exact(knows, 0)["curved_taken"] == 0.0
    assert bench_planes._exact(lazy, 0)["iou"] < 0.3
    assert bench_planes._exact(lazy, 0)["curved_taken"] == 1.0


def test_ours_finds_the_planes_of_furnished_views(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_planes, "VIEWS", 4)
    got = bench_planes._exact(bench_planes._ours, 0)
    assert got["iou"] > 0.95
    assert got["found_at_80"] > 0.95
    assert got["curved_taken"] < 0.05
