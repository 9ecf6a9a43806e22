"""The layout's own measures: perfect on the truth, worse where something is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sceneforge.core import Label, Scene
from sceneforge.core.transforms import make_transform
from sceneforge.evaluation.evaluate_layout import evaluate, measure
from sceneforge.perception.understand import understand_room
from tests.perception.plans import capture, shell


@pytest.fixture(scope="module")
def truth() -> Scene:
    parts = shell([(0, 0), (4, 0), (4, 3), (0, 3)], 2.5, {0: [(1.0, 1.9, 0.0, 2.0)], 2: [(1.0, 2.4, 0.9, 2.0)]})
    scene = understand_room(capture(parts))[0]
    return replace(scene, planes=tuple(replace(p, observed_fraction=1.0) for p in scene.planes))


def test_the_truth_scores_full(truth: Scene) -> None:
    m = measure(truth, truth)
    assert m["structure_f1"] == 1 and m["corners_found"] == 1 and m["corner_median_mm"] == 0
    assert m["area_error"] == 0 and m["height_error_mm"] == 0
    assert m["openings_recall"] == 1 and m["openings_precision"] == 1 and m["offset_within_2_sigma"] == 1


def test_what_is_wrong_costs(truth: Scene) -> None:
    walls = truth.planes_labelled(Label.WALL)
    less = replace(truth, planes=tuple(p for p in truth.planes if p is not walls[0]), rooms=())
    assert measure(less, truth)["structure_recall"] == pytest.approx(5 / 6, abs=1e-3)
    other = tuple(replace(p, label=Label.CEILING) if p is walls[0] else p for p in truth.planes)
    assert measure(replace(truth, planes=other), truth)["structure_f1"] < 1
    (room,) = truth.rooms
    wide = replace(truth, rooms=(replace(room, polygon=room.polygon * (1.1, 1.0)),))
    assert measure(wide, truth)["area_error"] == pytest.approx(0.1, abs=0.01)
    shifts = [make_transform(np.eye(3), 0.03 * p.normal) for p in truth.planes]
    moved = tuple(replace(p, T_world_plane=T @ p.T_world_plane) for T, p in zip(shifts, truth.planes, strict=True))
    assert measure(replace(truth, planes=moved), truth)["offset_within_2_sigma"] < 0.5


@pytest.mark.slow
def test_rooms_made_on_the_fly_are_measured() -> None:
    result = evaluate(seed=3)
    assert len(result["cases"]) == 3
    m = result["metrics"]
    assert m["gravity_error_deg"] < 0.5 and m["structure_f1"] > 0.8 and m["area_error"] < 0.05
