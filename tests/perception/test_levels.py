"""Floors on several levels and slanted ceilings, in rooms whose plan is known exactly."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from sceneforge.core import Label, Mesh, Plane, Scene
from sceneforge.perception.enclosure import without_spikes
from sceneforge.perception.understand import understand_room
from tests.perception.plans import capture, corner_errors, level, shell, slab, wall

ROOM = [(0, 0), (5, 0), (5, 4), (0, 4)]


def heights(p: Plane) -> list[float]:
    w = p.to_world(p.polygon)
    return [float(w[:, 1].min()), float(w[:, 1].max())]


def plan(p: Plane) -> shapely.Polygon:
    return shapely.Polygon(p.to_world(p.polygon)[:, [0, 2]])


def podium(rise: float) -> list[Mesh]:
    """A room of 5 x 4 m, its last 1.6 m a step higher from wall to wall."""
    step = 2.4
    return [
        level([(0, 0), (5, 0), (5, step), (0, step)], 0.0),
        level([(0, step), (5, step), (5, 4), (0, 4)], rise),
        wall((5, step), (0, step), rise),
        level(ROOM, 2.6, up=False),
        wall((0, 0), (5, 0), 2.6),
        wall((5, 0), (5, step), 2.6),
        wall((5, step), (5, 4), 2.6, base=rise),
        wall((5, 4), (0, 4), 2.6, base=rise),
        wall((0, 4), (0, step), 2.6, base=rise),
        wall((0, step), (0, 0), 2.6),
    ]


@pytest.mark.parametrize("rise", [0.16, 0.36, 0.5])
def test_a_podium_from_wall_to_wall_is_a_floor_of_its_own(rise: float) -> None:
    scene, _ = understand_room(capture(podium(rise)))
    floors = scene.planes_labelled(Label.FLOOR)
    assert sorted(round(float(f.origin[1]), 2) for f in floors) == pytest.approx([0.0, rise], abs=0.01)
    low, high = sorted(floors, key=lambda f: float(f.origin[1]))
    assert plan(low).area == pytest.approx(5 * 2.4, rel=0.03) and plan(high).area == pytest.approx(5 * 1.6, rel=0.03)
    (room,) = scene.rooms
    assert corner_errors(room.polygon, ROOM).max() < 0.05
    assert room.floor == low.id and room.height_m == pytest.approx(2.6, abs=0.02)
    (back,) = [w for w in scene.planes_labelled(Label.WALL) if w.normal[2] < -0.9 and w.origin[2] > 3.9]
    assert heights(back) == pytest.approx([rise, 2.6], abs=0.04), "it stands on the podium"
    (front,) = [w for w in scene.planes_labelled(Label.WALL) if w.normal[2] > 0.9]
    assert heights(front) == pytest.approx([0, 2.6], abs=0.04)
    side = [w for w in scene.planes_labelled(Label.WALL) if w.normal[0] > 0.9]
    assert len(side) == 1 and side[0].area_m2 == pytest.approx(4 * 2.6 - 1.6 * rise, rel=0.03)


def test_a_bed_is_no_floor() -> None:
    bed = slab((1.6, 0.0), (3.4, 2.0), 0.5)
    scene, _ = understand_room(capture([*shell(ROOM, 2.6), *bed]))
    assert [round(float(f.origin[1]), 2) for f in scene.planes_labelled(Label.FLOOR)] == [0.0]


ATTIC, KNEE, TOP = [(0, 0), (5, 0), (5, 4), (0, 4)], 1.0, 2.6


def attic(slope_deg: float) -> tuple[list[Mesh], float]:
    """A room under a roof: a knee wall along z = 0, the slope, then a level ceiling; and where the slope ends."""
    reach = (TOP - KNEE) / np.tan(np.radians(slope_deg))
    slope = [(0, KNEE, 0), (5, KNEE, 0), (5, TOP, reach), (0, TOP, reach)]
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)  # down and into the room
    sides = []
    for x, order in ((0.0, (0, 1, 2, 3, 4)), (5.0, (4, 3, 2, 1, 0))):
        ring = [(x, 0, 0), (x, KNEE, 0), (x, TOP, reach), (x, TOP, 4), (x, 0, 4)]
        v = np.array([ring[i] for i in order], np.float32)
        sides.append(Mesh(v, np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4]], np.int32)))
    parts = [
        level(ATTIC, 0.0),
        level([(0, reach), (5, reach), (5, 4), (0, 4)], TOP, up=False),
        Mesh(np.array(slope, np.float32), faces),
        wall((0, 0), (5, 0), KNEE),
        wall((5, 4), (0, 4), TOP),
        *sides,
    ]
    return parts, float(reach)


@pytest.mark.parametrize("slope_deg", [35.0, 50.0])
def test_walls_of_an_attic_end_under_its_slope(slope_deg: float) -> None:
    parts, reach = attic(slope_deg)
    scene, _ = understand_room(capture(parts))
    ceilings = scene.planes_labelled(Label.CEILING)
    slanted = [c for c in ceilings if abs(c.normal[1]) < 0.95]
    assert len(slanted) == 1 and len(ceilings) == 2
    assert np.degrees(np.arccos(-slanted[0].normal[1])) == pytest.approx(slope_deg, abs=0.5)
    assert heights(slanted[0]) == pytest.approx([KNEE, TOP], abs=0.05)
    (room,) = scene.rooms
    assert room.height_m == pytest.approx(TOP, abs=0.02), "of the level ceiling"
    assert corner_errors(room.polygon, ATTIC).max() < 0.05
    gable = 4 * TOP - reach * (TOP - KNEE) / 2
    sides = [w for w in scene.planes_labelled(Label.WALL) if abs(w.normal[0]) > 0.9]
    # Rounding decides on which side of a cell (5 cm) an edge falls.
    assert [w.area_m2 for w in sides] == pytest.approx([gable] * 2, rel=0.035)
    knees = [w for w in scene.planes_labelled(Label.WALL) if w.normal[2] > 0.9]
    assert len(knees) == 1 and heights(knees[0]) == pytest.approx([0, KNEE], abs=0.05)


def split_level(rise: float) -> Scene:
    """Two rooms and a doorway; the second one's floor lies higher, and it has a door of its own."""
    left, right = [(0, 0), (3, 0), (3, 3), (0, 3)], [(3.1, 0.3), (5.2, 0.3), (5.2, 2.7), (3.1, 2.7)]
    parts = shell(left, 2.5, {1: [(1.0, 1.9, 0.0, 2.4)]})
    upper = [(0.8, 1.7, 0.0, 2.4 - rise)]
    door = [(0.6, 1.5, 0.0, 2.0)]
    lifted = shell(right, 2.4, {3: upper, 1: door})
    parts += [Mesh(m.vertices + np.array([0, rise, 0], np.float32), m.faces) for m in lifted]
    parts += [level([(3, 1), (3.1, 1), (3.1, 1.9), (3, 1.9)], rise), wall((3, 1.0), (3, 1.9), rise)]
    return understand_room(capture(parts))[0]


@pytest.mark.parametrize("rise", [0.18, 0.4])
def test_two_rooms_on_two_levels_have_a_floor_and_a_height_each(rise: float) -> None:
    scene = split_level(rise)
    assert len(scene.rooms) == 2
    low, high = sorted(scene.rooms, key=lambda r: float(r.polygon[:, 0].mean()))
    assert low.floor and high.floor
    assert scene.plane(low.floor).origin[1] == pytest.approx(0, abs=0.01)
    assert scene.plane(high.floor).origin[1] == pytest.approx(rise, abs=0.01)
    assert (low.height_m, high.height_m) == pytest.approx((2.5, 2.4), abs=0.03)
    for w in high.walls:
        assert heights(scene.plane(w))[0] == pytest.approx(rise, abs=0.04), "walls stand on their own room's floor"
    between = [scene.plane(o) for o in (*low.openings, *high.openings) if scene.plane(o).origin[0] < 4]
    assert [d.label for d in between] == [Label.DOOR] * 2, "also from below, where its sill is a step high"
    doors = [scene.plane(o) for o in high.openings if scene.plane(o).origin[0] > 5]
    assert [d.label for d in doors] == [Label.DOOR]
    assert heights(doors[0]) == pytest.approx([rise, rise + 2.0], abs=0.06)


def test_a_floor_measured_twice_is_one_floor() -> None:
    # Drifting poses leave a second layer 5 cm up and the back of a third below; a step of 16 cm is no drift.
    again = level([(1, 1), (2.6, 1), (2.6, 2.2), (1, 2.2)], 0.05)
    back = level([(3, 2), (4, 2), (4, 3), (3, 3)], -0.03, up=False)
    scene, _ = understand_room(capture([*shell(ROOM, 2.6), again, back]))
    near = [p for p in scene.planes if abs(p.normal[1]) > 0.9 and abs(p.origin[1]) < 0.12]
    assert [p.label for p in near] == [Label.FLOOR]
    assert near[0].area_m2 == pytest.approx(20, rel=0.02)


def test_a_glimpse_between_things_is_cut_off_and_corners_stay_sharp() -> None:
    square = shapely.box(0, 0, 4, 3)
    glimpse = shapely.Polygon([(3.9, 1.0), (3.9, 1.5), (6.0, 1.1)])
    seen = square.union(glimpse)
    cut = without_spikes(seen, [])
    assert cut.symmetric_difference(square).area < 0.06
    assert corner_errors(np.asarray(cut.exterior.coords), [(0, 0), (4, 0), (4, 3), (0, 3)]).max() < 1e-6
    walls = [shapely.LineString([(3.9, 1.0), (6.0, 1.1)]), shapely.LineString([(6.0, 1.1), (3.9, 1.5)])]
    assert without_spikes(seen, walls).equals(seen), "a corner that walls form is one, however sharp"


@pytest.mark.parametrize("along", [True, False])
def test_a_bed_in_an_alcove_is_a_bed(along: bool) -> None:
    # 2.0 x 1.5 m, 0.45 m high, in a recess as large: walls on three sides, the long or the short side open.
    wide, deep, rise = (2.0, 1.5, 0.45) if along else (1.5, 2.0, 0.45)
    a, b = 1.5, 1.5 + wide
    parts = [
        level(ROOM, 0.0),
        level([*ROOM[:2], (5, 4), (b, 4), (b, 4 + deep), (a, 4 + deep), (a, 4), (0, 4)], 2.6, up=False),
        level([(a, 4), (b, 4), (b, 4 + deep), (a, 4 + deep)], rise),
        wall((b, 4), (a, 4), rise),
        wall((0, 0), (5, 0), 2.6),
        wall((5, 0), (5, 4), 2.6),
        wall((5, 4), (b, 4), 2.6),
        wall((b, 4), (b, 4 + deep), 2.6, base=rise),
        wall((b, 4 + deep), (a, 4 + deep), 2.6, base=rise),
        wall((a, 4 + deep), (a, 4), 2.6, base=rise),
        wall((a, 4), (0, 4), 2.6),
        wall((0, 4), (0, 0), 2.6),
    ]
    scene, _ = understand_room(capture(parts))
    assert [round(float(f.origin[1]), 2) for f in scene.planes_labelled(Label.FLOOR)] == [0.0]
    (bed,) = [o for o in scene.objects if o.box.size.min() > 0.2]
    assert bed.label is Label.BED
    assert np.sort(bed.box.size) == pytest.approx([0.45, 1.5, 2.0], abs=0.12)
