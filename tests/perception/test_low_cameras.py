"""Cameras close above a surface: over a floor, as a robot's, or over a table that fills their view."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import Label, Mesh
from sceneforge.core.arrays import Float64
from sceneforge.perception.understand import understand_scan
from tests.perception.furnished import TABLE, box, joined, look_at, room_mesh, scan_of


def turning(height: float) -> list[Float64]:
    """Twelve level views from a point of the room's floor, all around."""
    angles = 2 * np.pi * np.arange(12) / 12
    eye = (1.5, height, 1.0)
    return [look_at(eye, (1.5 + np.sin(a), height - 0.1, 1.0 + np.cos(a))) for a in angles]


@pytest.mark.parametrize("height", [0.15, 0.3, 0.6])
def test_a_robots_camera_stands_on_a_floor(height: float) -> None:
    scene, account = understand_scan(scan_of(room_mesh(), turning(height), (0, 1, 0)))
    floor = max(scene.planes_labelled(Label.FLOOR), key=lambda p: p.area_m2)
    assert float(floor.origin[1]) == pytest.approx(0.0, abs=0.02)
    assert not any("no floor was seen" in w for w in account.warnings)


def test_a_low_camera_that_saw_a_corner_of_a_room_stands_on_a_floor() -> None:
    poses = [look_at((1.5, 0.55, 1.0), (x, 0.2, 2.0)) for x in (1.8, 2.2)]
    scene, _ = understand_scan(scan_of(room_mesh(), poses, (0, 1, 0)))
    assert [float(p.origin[1]) for p in scene.planes_labelled(Label.FLOOR)] == pytest.approx([0.0], abs=0.02)


def over_a_table(mesh: Mesh) -> list[Label]:
    x, y, z = TABLE["centre"]
    poses = [look_at((x + dx, y + 0.55, z + 0.45), (x, y, z)) for dx in (-0.1, 0.1)]
    scene, account = understand_scan(scan_of(mesh, poses, (0, 1, 0)))
    assert any("no floor was seen" in w for w in account.warnings) == (not scene.planes_labelled(Label.FLOOR))
    top = [p for p in scene.planes if abs(p.origin[1] - y - 0.02) < 0.03 and p.area_m2 > 0.3]
    return [p.label for p in top]


def test_a_table_that_fills_the_view_is_no_floor() -> None:
    top = box(TABLE["centre"], (3.0, 0.04, 3.0))
    parcel = box((0.4, 0.87, -0.3), (0.2, 0.26, 0.1))
    assert over_a_table(joined([top, parcel])) == [Label.TABLE]


def test_a_table_over_a_floor_that_was_seen_is_no_floor() -> None:
    assert over_a_table(room_mesh()) == [Label.TABLE]
