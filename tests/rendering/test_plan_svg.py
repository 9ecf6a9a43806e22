"""The SVG plan: to scale, with the scene's ids, the same bytes twice."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import Label, Plane, Room, Scene
from sceneforge.core.transforms import plane_frame
from sceneforge.rendering.plan_svg import PIXELS_PER_M, plan_svg
from tests.rendering.render_stage import FLOOR, TABLE

SVG = "{http://www.w3.org/2000/svg}"
RING = np.array([[-2.0, -1.25], [2.0, -1.25], [2.0, 1.25], [-2.0, 1.25]])
DOOR = np.array([[-0.5, -0.8], [0.4, -0.8], [0.4, 1.24], [-0.5, 1.24]])
WALL = Plane("wall", Label.WALL, 1.0, plane_frame((0, 0, 1), (0, 1.25, -1.5)), RING, (DOOR[::-1],), area_m2=8.2)
LEAF = Plane("door", Label.DOOR, 1.0, WALL.T_world_plane, DOOR, area_m2=1.8)
CORNERS = np.array([[-2, -1.5], [2, -1.5], [2, 1.5], [-2, 1.5]])
ROOM = Room("room_0", "room", 1.0, None, None, ("wall",), CORNERS, 2.5, ("door",))


def drawn(scene: Scene, path: Path) -> ET.Element:
    plan_svg(scene, path)
    return ET.parse(path).getroot()


def lines(root: ET.Element, group: str) -> list[float]:
    """Lengths in metres of the lines of one plane."""
    (g,) = [e for e in root.iter(f"{SVG}g") if e.get("id") == group]
    ends = [[float(e.get(k, "nan")) for k in ("x1", "y1", "x2", "y2")] for e in g.iter(f"{SVG}line")]
    return [float(np.hypot(a[2] - a[0], a[3] - a[1])) / PIXELS_PER_M for a in ends]


def test_the_wall_is_to_scale_and_has_a_gap_where_its_door_is(tmp_path: Path) -> None:
    root = drawn(Scene((WALL, LEAF), rooms=(ROOM,)), tmp_path / "plan.svg")
    assert sorted(lines(root, "wall")) == pytest.approx([1.5, 1.6], abs=0.01)
    assert lines(root, "door") == pytest.approx([0.9], abs=0.01)
    texts = [e.text for e in root.iter(f"{SVG}text")]
    assert "4.00" in texts and "12.0 m² · 2.50 m high" in texts


def test_guessed_walls_are_dashed_and_seen_ones_are_not(tmp_path: Path) -> None:
    for share, dashed in ((0.9, False), (0.2, True)):
        root = drawn(Scene((replace(WALL, observed_fraction=share),)), tmp_path / "plan.svg")
        strokes = [e for e in root.iter(f"{SVG}line") if e.find(f"{SVG}title") is not None]
        assert strokes and all((e.get("stroke-dasharray") is not None) is dashed for e in strokes)


def test_every_shape_carries_its_id_and_odd_names_are_escaped(tmp_path: Path) -> None:
    scene = Scene((FLOOR, TABLE, replace(WALL, id='a<b>"c&')), source={"name": "<&>"})
    root = drawn(scene, tmp_path / "plan.svg")
    ids = {e.get("id") for e in root.iter()}
    assert {p.id for p in scene.planes} <= ids
    assert "<&>" in "".join(root.itertext())


def test_an_empty_scene_is_drawn_and_bytes_repeat(tmp_path: Path) -> None:
    drawn(Scene(), tmp_path / "empty.svg")
    for name in ("a.svg", "b.svg"):
        plan_svg(Scene((FLOOR, WALL, LEAF), rooms=(ROOM,)), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
