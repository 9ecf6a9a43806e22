"""Room captures: what a mesh shows of an outline, and what is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from sceneforge.core import Label, Mesh, Plane, UsageError
from sceneforge.core.transforms import plane_frame
from sceneforge.evaluation import evaluate_rooms as rooms
from tests.perception.plans import wall

WALL = Plane(
    "wall",
    Label.WALL,
    1.0,
    plane_frame((0, 0, 1), (2, 1.25, 0)),
    np.array([[-2, -1.25], [2, -1.25], [2, 1.25], [-2, 1.25]]),
)


def window(x: float, y: float) -> Plane:
    ring = np.array([[-0.5, -0.4], [0.5, -0.4], [0.5, 0.4], [-0.5, 0.4]])
    return Plane("window", Label.WINDOW, 1.0, plane_frame((0, 0, 1), (x, y, 0)), ring)


def surface(frame: Plane | None) -> Mesh:
    """A wall, 4 x 2.5 m, with edges of 5 cm; `frame` stands out by 3 cm along that outline."""
    flat = wall((0, 0), (4, 0), 2.5)
    v, f = trimesh.remesh.subdivide_to_size(flat.vertices, flat.faces, 0.05)
    v = v.astype(np.float32)
    if frame is not None:
        local = frame.to_local(v.astype(np.float64))
        out = np.maximum(np.abs(local[:, 0]) - 0.5, np.abs(local[:, 2]) - 0.4)
        v[np.abs(out) < 0.05, 2] += 0.03
    return Mesh(v, f.astype(np.int32))


def test_a_raised_frame_is_shown_and_a_flush_window_is_not() -> None:
    here = window(1.4, 1.4)
    assert rooms._shown(here, WALL, surface(here), 0)["relief"] > 0.98
    assert rooms._shown(window(2.6, 1.2), WALL, surface(here), 0)["relief"] < 0.95
    assert rooms._shown(here, WALL, surface(None), 0)["relief"] == 0.5, "everywhere alike"


def test_openings_count_with_their_own_label_on_their_own_wall() -> None:
    here = window(1.4, 1.4)
    assert rooms._overlap(here, here) == pytest.approx(1)
    assert rooms._overlap(here, replace(here, label=Label.DOOR)) == 0
    assert rooms._overlap(here, replace(here, T_world_plane=plane_frame((0, 0, 1), (1.4, 1.4, 0.5)))) == 0


def test_captures_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs --data"):
        rooms.evaluate()
    with pytest.raises(UsageError, match="needs --data"):
        rooms.evaluate(data=tmp_path)
