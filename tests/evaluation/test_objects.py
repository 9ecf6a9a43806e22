"""The measures of objects: perfect on the truth, worse where something is missing, doubled or misnamed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sceneforge.core import Label, OrientedBox, Scene, SceneObject
from sceneforge.core.transforms import make_transform
from sceneforge.evaluation.evaluate_objects import evaluate, is_asked, measure, pooled


def thing(label: Label, x: float, size: tuple[float, float, float]) -> SceneObject:
    box = OrientedBox(make_transform(np.eye(3), (x, size[1] / 2, 0)), np.array(size))
    return SceneObject(f"{label}_{x}", label, 1.0, box)


TRUE = (
    thing(Label.DESK, 0, (1.4, 0.74, 0.7)),
    thing(Label.SHELF, 3, (1.0, 1.9, 0.3)),
    thing(Label.COUCH, 6, (2.0, 0.8, 0.9)),
    thing(Label.RUG, 9, (2.0, 0.01, 1.5)),
)


def figures(*found: SceneObject) -> dict[str, object]:
    return pooled([measure(Scene(objects=found), TRUE, [is_asked(o) for o in TRUE])])


def test_the_truth_scores_full_and_families_are_one() -> None:
    m = figures(replace(TRUE[0], label=Label.TABLE), replace(TRUE[1], label=Label.CABINET), TRUE[2])
    assert (m["recall"], m["recall_50"], m["precision"], m["label_accuracy"], m["median_iou"]) == (1, 1, 1, 1, 1)
    assert m["asked"] == 3, "a rug is not asked for"
    assert m["named"] == {"couch": [1, 1, 1], "storage": [1, 1, 1], "table": [1, 1, 1]}


def test_what_is_wrong_costs() -> None:
    twice = replace(TRUE[0], id="again")
    assert figures(*TRUE[:3], twice)["precision"] == 0.75
    assert figures(*TRUE[:2])["recall"] == pytest.approx(2 / 3, abs=1e-3)
    assert figures(replace(TRUE[0], label=Label.OTHER), *TRUE[1:3])["label_accuracy"] == pytest.approx(2 / 3, abs=1e-3)
    small = replace(TRUE[2], box=replace(TRUE[2].box, size=TRUE[2].box.size * np.array([0.4, 1, 1])))
    m = figures(*TRUE[:2], small)
    assert m["recall"] == 1 and m["recall_50"] == pytest.approx(2 / 3, abs=1e-3)


@pytest.mark.slow
def test_rooms_made_on_the_fly_are_measured() -> None:
    result = evaluate(seed=3)
    assert len(result["cases"]) == 3
    m = result["metrics"]
    assert m["recall"] > 0.75 and m["precision"] > 0.75 and m["label_accuracy"] > 0.85 and m["median_iou"] > 0.7
