"""Layout of rooms whose plan is known exactly."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from sceneforge.core import Label
from sceneforge.perception.understand import understand_room
from tests.perception.plans import capture, corner_errors, level, shell, wall

ELL = [(0, 0), (5, 0), (5, 3), (3, 3), (3, 4.5), (0, 4.5)]
RASTER_M = 0.03
"""Corners are crossings of fitted planes: the truth has no noise, so what is left is the samples' raster."""


def test_every_wall_reaches_its_corners_floor_and_ceiling() -> None:
    scene, _ = understand_room(capture(shell(ELL, 2.7)))
    walls = scene.planes_labelled(Label.WALL)
    assert len(walls) == 6
    (room,) = scene.rooms
    assert corner_errors(room.polygon, ELL).max() < RASTER_M
    assert shapely.Polygon(room.polygon).area == pytest.approx(5 * 3 + 3 * 1.5, rel=0.01)
    assert room.height_m == pytest.approx(2.7, abs=0.01)
    assert set(room.walls) == {w.id for w in walls}
    inside = shapely.Point(1.5, 1.5)
    for w in walls:
        y = w.to_world(w.polygon)[:, 1]
        assert (y.min(), y.max()) == pytest.approx((0, 2.7), abs=0.02)
        assert w.observed_fraction > 0.9
        ahead = w.origin[[0, 2]] + 0.1 * w.normal[[0, 2]]
        assert shapely.Polygon(ELL).contains(shapely.Point(ahead)), "normals point into the room"
    assert shapely.Polygon(room.polygon).contains(inside)


def test_what_furniture_hides_is_filled_in_and_counted_as_guessed() -> None:
    # A wardrobe 1.6 m wide stands in the corner; behind it and under it nothing was scanned.
    outline = [(0, 0), (4, 0), (4, 3), (0, 3)]
    parts = [
        level([(0.0, 0), (2.4, 0), (2.4, 0.6), (4, 0.6), (4, 3), (0, 3)], 0.0),
        level(outline, 2.5, up=False),
        wall((0, 0), (4, 0), 2.5, [(2.4, 4.0, 0.0, 2.0)]),
        wall((4, 0), (4, 3), 2.5, [(0.0, 0.6, 0.0, 2.0)]),
        wall((4, 3), (0, 3), 2.5),
        wall((0, 3), (0, 0), 2.5),
        wall((2.4, 0), (2.4, 0.6), 2.0),
        wall((2.4, 0.6), (4, 0.6), 2.0),
        level([(2.4, 0), (4, 0), (4, 0.6), (2.4, 0.6)], 2.0),
    ]
    scene, _ = understand_room(capture(parts))
    walls = scene.planes_labelled(Label.WALL)
    assert len(walls) == 4, "the wardrobe's front is none"
    back = max(walls, key=lambda w: w.normal[2])
    assert back.area_m2 == pytest.approx(4 * 2.5, rel=0.02)
    assert back.observed_fraction == pytest.approx(1 - 1.6 * 2.0 / 10, abs=0.06)
    (floor,) = scene.planes_labelled(Label.FLOOR)
    assert floor.area_m2 == pytest.approx(12, rel=0.02)
    assert floor.observed_fraction == pytest.approx(1 - 1.6 * 0.6 / 12, abs=0.04)


def test_a_wall_parted_by_a_window_is_one_wall() -> None:
    gap = (1.0, 3.0, 0.0, 2.5)  # glass from floor to ceiling: nothing of the wall is left between the pieces
    parts = shell([(0, 0), (4, 0), (4, 3), (0, 3)], 2.5, {0: [gap]})
    scene, _ = understand_room(capture(parts))
    assert len(scene.planes_labelled(Label.WALL)) == 4
    back = max(scene.planes_labelled(Label.WALL), key=lambda w: w.normal[2])
    assert np.ptp(back.polygon[:, 0]) == pytest.approx(4, abs=0.05)


def test_two_rooms_share_a_thin_wall_with_a_doorway() -> None:
    left, right = [(0, 0), (3, 0), (3, 3), (0, 3)], [(3.1, 0), (7, 0), (7, 3), (3.1, 3)]
    door = (1.0, 1.9, 0.0, 2.0)
    parts = shell(left, 2.5, {1: [door]}) + shell(right, 2.5, {3: [(1.1, 2.0, 0.0, 2.0)]})
    parts.append(level([(3, 1), (3.1, 1), (3.1, 1.9), (3, 1.9)], 0.0))
    scene, _ = understand_room(capture(parts))
    assert len(scene.rooms) == 2
    areas = sorted(float(shapely.Polygon(r.polygon).area) for r in scene.rooms)
    assert areas == pytest.approx([9, 3.9 * 3], rel=0.02)
    assert all(len(r.walls) == 4 for r in scene.rooms)
    between = [w for w in scene.planes_labelled(Label.WALL) if 2.9 < w.origin[0] < 3.2]
    assert sorted(round(float(w.normal[0])) for w in between) == [-1, 1], "both sides, each facing its room"
    assert len({r.floor for r in scene.rooms}) == 2


def test_two_rooms_under_one_ceiling_seen_mostly_in_one_of_them() -> None:
    left, right = [(0, 0), (3, 0), (3, 3), (0, 3)], [(3.1, 0), (7, 0), (7, 3), (3.1, 3)]
    walls = [m for outline in (left, right) for m in shell(outline, 2.5)[2:]]
    parts = [
        *walls,
        level([(0, 0), (7, 0), (7, 3), (0, 3)], 0.0),
        level([(0, 0), (3.8, 0), (3.8, 3), (0, 3)], 2.5, up=False),
    ]
    scene, _ = understand_room(capture(parts))
    assert len(scene.rooms) == 2
    (ceiling,) = scene.planes_labelled(Label.CEILING)
    assert [r.ceiling for r in scene.rooms] == [ceiling.id] * 2, "the larger room saw a fifth of it"


def test_a_wide_opening_through_which_the_floor_runs_stays_open() -> None:
    outline = [(0, 0), (7, 0), (7, 3), (0, 3)]
    parts = [*shell(outline, 2.5), wall((3, 0), (3, 0.6), 2.5), wall((3, 2.6), (3, 3), 2.5)]
    scene, _ = understand_room(capture(parts))
    assert len(scene.rooms) == 1
    assert shapely.Polygon(scene.rooms[0].polygon).area == pytest.approx(21, rel=0.03)
