"""Rooms of usual heights pass; the same rooms in feet or at half size do not."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import Label, Plane, Room
from sceneforge.core.transforms import plane_frame
from sceneforge.perception.scale import check_scale
from sceneforge.perception.understand import understand_room
from tests.perception.plans import capture, shell

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
