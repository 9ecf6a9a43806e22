"""Rooms of usual heights pass; the same rooms in feet or at half size do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sceneforge.core import Label, Mesh, Plane, Room
from sceneforge.core.transforms import plane_frame
from sceneforge.perception.scale import check_scale
from sceneforge.perception.understand import understand_room
from tests.perception.plans import capture, shell, slab

SQUARE = np.array([[-0.5, -0.4], [0.5, -0.4], [0.5, 0.4], [-0.5, 0.4]])
COTTAGE, LOFT = {"door": 2.1, "table": 0.45, "ceiling": 2.9}, {"door": 1.98, "table": 0.92, "ceiling": 3.4}


def room(
    scale: float, *, door: float = 2.03, table: float = 0.74, ceiling: float = 2.5
) -> tuple[list[Plane], list[Room]]:
    leaf = np.array([[-0.45, -door], [0.45, -door], [0.45, 0], [-0.45, 0]]) * scale
    top = plane_frame((0, 1, 0), (0, table * scale, 0))
    planes = [
        Plane("door", Label.DOOR, 0.8, plane_frame((0, 0, 1), (0, 0, 0)), leaf, area_m2=1.0),
        Plane("top", Label.TABLE, 0.9, top, SQUARE, area_m2=0.8),
    ]
    return planes, [Room("room_0", "room", 1.0, None, None, (), SQUARE * 5, ceiling * scale)]


@pytest.mark.parametrize("usual", [{}, COTTAGE, LOFT], ids=["usual", "cottage", "loft"])
def test_usual_rooms_are_plausible(usual: dict[str, float]) -> None:
    check = check_scale(*room(1.0, **usual), floor=0.0)
    assert check.plausible and check.describe().startswith("plausible")
    assert len(check.evidence) == 3


@pytest.mark.parametrize("scale", [3.28084, 0.5, 0.3048, 1.6])
def test_another_unit_is_noticed_and_its_factor_found(scale: float) -> None:
    check = check_scale(*room(scale), floor=0.0)
    assert not check.plausible
    # The heights above are the usual ones to 2 %, and the door is the most exact of them.
    assert check.factor * scale == pytest.approx(1, rel=0.05)
    assert "implausible" in check.describe()


def test_one_odd_thing_among_usual_ones_does_not_matter() -> None:
    planes, rooms = room(1.0)
    odd = Plane("low", Label.SEAT, 0.9, plane_frame((0, 1, 0), (0, 0.2, 0)), SQUARE, area_m2=0.8)
    assert check_scale([*planes, odd], rooms, floor=0.0).plausible


def test_a_single_low_cabinet_proves_nothing() -> None:
    cabinet = Plane("top", Label.TABLE, 0.9, plane_frame((0, 1, 0), (0, 0.55, 0)), SQUARE, area_m2=0.8)
    assert check_scale([cabinet], [], floor=0.0).plausible


def test_nothing_known_says_nothing() -> None:
    check = check_scale([], [], floor=None)
    assert check.plausible and check.evidence == () and check.describe().startswith("unknown")


def test_a_whole_mesh_in_feet_is_warned_about() -> None:
    _, account = understand_room(capture(shell([(0, 0), (15, 0), (15, 12), (0, 12)], 8.2)))
    assert any("scale" in w and "implausible" in w for w in account.warnings)
    _, account = understand_room(capture(shell([(0, 0), (4.5, 0), (4.5, 3.6), (0, 3.6)], 2.5)))
    assert not any("scale" in w for w in account.warnings)


def furnished() -> Mesh:
    """A room 2.5 m high with a doorway of 2.03 x 0.88 m, a table and a shelf at counter height."""
    mesh = capture(
        [
            *shell([(0, 0), (4.5, 0), (4.5, 3.6), (0, 3.6)], 2.5, {0: [(1.0, 1.88, 0.0, 2.03)]}),
            *slab((1.5, 1.5), (2.9, 2.3), 0.74),
            *slab((3.8, 0.5), (4.5, 2.5), 0.9),
        ]
    ).mesh
    assert mesh is not None
    return mesh


@pytest.mark.parametrize("scale", [0.5, 1.6])
def test_a_furnished_mesh_at_another_scale_is_warned_about_with_its_factor(scale: float) -> None:
    true = furnished()
    _, account = understand_room(capture([replace(true, vertices=true.vertices * np.float32(scale))]))
    (warning,) = [w for w in account.warnings if "implausible" in w]
    factor = float(warning.split("look usual ")[1].split()[0])
    # Half as large, its door is no door any more and only the ceiling speaks, which is usual within 11 %.
    assert factor * scale == pytest.approx(1, rel=0.12)
    _, account = understand_room(capture([true]))
    assert not any("implausible" in w for w in account.warnings)


def test_a_guessed_size_is_corrected_by_heights_and_said_to_be_surer() -> None:
    guessed = check_scale(*room(0.88), floor=0.0, known=0.2)
    assert guessed.factor * 0.88 == pytest.approx(1, abs=2 * guessed.sigma)
    assert guessed.sigma < 0.1, "the door alone is known to 4 %, the guess was to 20 %"
    alone = check_scale([], [], floor=None, known=0.2)
    assert (alone.factor, alone.sigma) == (1.0, 0.2) and alone.describe().startswith("right within 20%")
    exact = check_scale(*room(0.97), floor=0.0, known=0.01)
    assert exact.factor == pytest.approx(1, abs=0.01), "a size known to a percent is not moved by furniture"
    assert "right within" in guessed.describe()


def test_a_table_taken_for_a_seat_does_not_confirm_a_guessed_size() -> None:
    low = Plane("low", Label.SEAT, 0.9, plane_frame((0, 1, 0), (0, 0.6 * 0.74, 0)), SQUARE, area_m2=0.8)
    check = check_scale([low], [], 0.0, 0.35)
    assert check.factor > 1.05 and check.sigma > 0.2
    assert check_scale([low], [], 0.0).plausible
