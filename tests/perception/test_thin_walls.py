"""Partitions thinner than what fusion can keep apart by distance alone: their two sides stay two walls."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import Label
from sceneforge.core.arrays import Float64
from sceneforge.perception.understand import understand_scan
from tests.perception.furnished import box, joined, look_at, scan_of

ROOMS = [((-1.75, 1.25, 0.0), (3.5, 2.5, 3.0)), ((1.75, 1.25, 0.0), (3.5, 2.5, 3.0))]


def all_around(x: float) -> list[Float64]:
    """Twelve views from the middle of a room, level ones and some downwards."""
    out = []
    for k in range(12):
        a = 2 * np.pi * k / 12
        out.append(look_at((x, 1.4, 0.0), (x + np.sin(a), 1.4 - (0.6 if k % 3 == 2 else 0.1), np.cos(a))))
    return out


@pytest.mark.parametrize("thickness", [0.10, 0.05])
def test_both_sides_of_a_thin_wall_are_walls_where_they_are(thickness: float) -> None:
    rooms = [box((c[0] + np.sign(c[0]) * thickness / 2, *c[1:]), size, inward=True) for c, size in ROOMS]
    poses = [*all_around(-1.8), *all_around(1.8)]
    scene, _ = understand_scan(scan_of(joined(rooms), poses, (0, 1, 0)))
    middle = [p for p in scene.planes_labelled(Label.WALL) if abs(p.normal[0]) > 0.95 and abs(p.origin[0]) < 0.3]
    sides = sorted((float(p.origin[0]), float(p.normal[0])) for p in middle)
    assert len(sides) == 2, "one wall to each room"
    assert [n for _, n in sides] == pytest.approx([-1, 1], abs=0.01), "each faces its own room"
    # Readings of either side carve what lies before it and push the other by up to a voxel.
    assert sides[1][0] - sides[0][0] == pytest.approx(thickness, abs=0.02)
    assert all(np.ptp(p.polygon[:, 0]) == pytest.approx(3.0, abs=0.05) for p in middle), "from corner to corner"
    assert len(scene.rooms) == 2
