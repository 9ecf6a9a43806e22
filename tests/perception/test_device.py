"""Headset entities beside the geometry: misplaced structure is repaired and named, openings join their room."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sceneforge.core import Label, Plane
from sceneforge.core.transforms import plane_frame
from sceneforge.perception.understand import understand_room
from tests.perception.plans import capture, shell

OUTLINE = [(0, 0), (4, 0), (4, 3), (0, 3)]


Triple = tuple[float, float, float]


def rectangle(name: str, label: Label, normal: Triple, at: Triple, w: float, h: float) -> Plane:
    ring = np.array([[-w / 2, -h / 2], [w / 2, -h / 2], [w / 2, h / 2], [-w / 2, h / 2]])
    return Plane(name, label, 1.0, plane_frame(normal, at), ring, area_m2=w * h)


def test_a_ceiling_beside_its_mesh_is_repaired_and_named() -> None:
    ceiling = rectangle("device_ceiling", Label.CEILING, (0, -1, 0), (2, 2.38, 1.5), 4, 3)
    room = replace(capture(shell(OUTLINE, 2.5)), planes=(ceiling,))
    scene, account = understand_room(room)
    (found,) = scene.planes_labelled(Label.CEILING)
    assert found.origin[1] == pytest.approx(2.5, abs=0.005), "the mesh is what was scanned"
    assert [w for w in account.warnings if "device's ceiling" in w and "120 mm" in w]


def test_one_in_its_place_is_not_named() -> None:
    ceiling = rectangle("device_ceiling", Label.CEILING, (0, -1, 0), (2, 2.46, 1.5), 4, 3)
    _, account = understand_room(replace(capture(shell(OUTLINE, 2.5)), planes=(ceiling,)))
    assert not any("off the mesh" in w for w in account.warnings)


def test_a_door_that_only_the_device_knows_joins_its_room() -> None:
    door = rectangle("device_door", Label.DOOR, (0, 0, 1), (1, 1, 0), 0.9, 2)
    scene, _ = understand_room(replace(capture(shell(OUTLINE, 2.5)), planes=(door,)))
    (kept,) = scene.planes_labelled(Label.DOOR)
    assert kept.observed_fraction == 0
    assert scene.rooms[0].openings == (kept.id,)
