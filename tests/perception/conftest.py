"""The furnished room, made once."""

from __future__ import annotations

import pytest

from tests.perception.furnished import Truth, room_mesh, scan_of, turn_around


@pytest.fixture(scope="session")
def truth() -> Truth:
    mesh = room_mesh()
    return Truth(mesh, scan_of(mesh, turn_around(), (0, 1, 0)))
