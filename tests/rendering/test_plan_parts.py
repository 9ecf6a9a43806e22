"""What a plan tells beside outlines: what was seen, slopes of ceilings, sides of niches, and the view from above."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import Label, Mesh, Plane, Scene, UsageError
from sceneforge.core.transforms import plane_frame
from sceneforge.rendering.plan_beside import plan_beside
from sceneforge.rendering.plan_parts import Seen, reveals, slopes, wall_line
from sceneforge.rendering.plan_svg import plan_svg

RECTANGLE = np.array([[-2.0, -1.25], [2.0, -1.25], [2.0, 1.25], [-2.0, 1.25]])
FLOOR = Plane("floor", Label.FLOOR, 1.0, plane_frame((0, 1, 0), (0, 0, 0)), RECTANGLE, area_m2=10.0)
WALL = Plane("wall", Label.WALL, 1.0, plane_frame((0, 0, 1), (0, 1.25, -1.25)), RECTANGLE, area_m2=10.0)


def sheet(x: tuple[float, float], z: tuple[float, float], step: float, *, color: bool = True) -> Mesh:
    """A level grid at height 0 with vertices `step` apart, red."""
    xs, zs = (np.linspace(a, b, round((b - a) / step) + 1) for a, b in (x, z))
    X, Z = np.meshgrid(xs, zs)
    v = np.stack([X.ravel(), np.zeros(X.size), Z.ravel()], axis=1)
    i = (np.arange(len(zs) - 1)[:, None] * len(xs) + np.arange(len(xs) - 1)).ravel()
    w = len(xs)
    faces = np.concatenate([np.stack([i, i + w, i + 1], 1), np.stack([i + 1, i + w, i + w + 1], 1)])
    colors = np.tile(np.array([220, 30, 30], np.uint8), (len(v), 1)) if color else None
    return Mesh(v.astype(np.float32), faces.astype(np.int32), colors)


@pytest.mark.parametrize("step", [0.02, 0.5, 2.0])
def test_floor_that_was_not_seen_is_told_however_large_the_triangles_are(step: float) -> None:
    left = Seen(sheet((-2, 0), (-1.25, 1.25), step)).unseen(FLOOR)
    assert left.area == pytest.approx(5.0, rel=0.05)
    assert left.bounds == pytest.approx((0.0, -1.25, 2.0, 1.25), abs=0.08)
    assert Seen(sheet((-2, 2), (-1.25, 1.25), step)).unseen(FLOOR).area < 0.1
    assert Seen(None).unseen(FLOOR).area == 0


def upright(mesh: Mesh) -> Mesh:
    """The sheet stood on the wall's plane."""
    x, _, z = mesh.vertices.T
    return replace(mesh, vertices=np.stack([x, z + 1.25, np.full_like(x, -1.25)], axis=1), faces=mesh.faces[:, ::-1])


@pytest.mark.parametrize("step", [0.02, 0.5])
def test_a_wall_is_solid_where_it_was_seen(step: float) -> None:
    part = upright(sheet((-2, 0.5), (-1, 1), step))
    (span,) = Seen(part).spans(WALL, wall_line(WALL))
    ends = wall_line(WALL)
    along = (ends[1] - ends[0]) / 4
    assert sorted((ends[0] + along * s)[0] for s in span) == pytest.approx([-2.0, 0.5], abs=0.08)
    assert Seen(None).spans(WALL, ends) == [(0.0, 4.0)]
    assert Seen(None).spans(replace(WALL, observed_fraction=0.2), ends) == []


def roof(degrees: float, turn: float = 0.0) -> Plane:
    """A 4 x 2 m piece of ceiling, its middle 2.2 m high, that rises towards a direction in plan."""
    a = np.radians(degrees)
    up = np.array([np.sin(turn), np.cos(turn)])
    n = np.array([up[0] * np.sin(a), -np.cos(a), up[1] * np.sin(a)])
    ring = np.array([[-2.0, -1.0], [2.0, -1.0], [2.0, 1.0], [-2.0, 1.0]])
    return Plane("roof", Label.CEILING, 1.0, plane_frame(n, (0, 2.2, 0)), ring, area_m2=8.0)


@pytest.mark.parametrize("turn", [0.0, 1.0, 3.0])
def test_an_arrow_points_down_the_slope_with_its_angle_and_heights(turn: float) -> None:
    plane = roof(35, turn)
    (slope,) = slopes(Scene((FLOOR, plane)), 0.0)
    up = np.array([np.sin(turn), np.cos(turn)])
    down = (slope.head - slope.tail) / np.linalg.norm(slope.head - slope.tail)
    assert down @ up == pytest.approx(-1.0, abs=1e-6)
    heights = plane.to_world(plane.polygon)[:, 1]
    assert slope.degrees == pytest.approx(35, abs=1e-6)
    assert (slope.low, slope.high) == pytest.approx((heights.min(), heights.max()))
    assert slope.headroom is not None
    # The plane itself is 2 m high there.
    p = np.stack([slope.headroom[:, 0], np.full(2, 2.0), slope.headroom[:, 1]], axis=1)
    assert (p - plane.origin) @ plane.normal == pytest.approx([0, 0], abs=1e-6)
    assert slopes(Scene((FLOOR, roof(2))), 0.0) == [], "that is level"


def test_slopes_and_guessed_parts_stand_in_the_drawing(tmp_path: Path) -> None:
    mesh = sheet((-2, 0), (-1.25, 1.25), 0.1)
    plan_svg(Scene((FLOOR, WALL, roof(35)), mesh=mesh), tmp_path / "plan.svg")
    root = ET.parse(tmp_path / "plan.svg").getroot()
    texts = [e.text or "" for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any(t.startswith("35°") and t.endswith(" m") for t in texts) and "2.0 m high" in texts
    assert any(e.get("fill") == "url(#not-seen)" for e in root.iter())
    assert any(e.get("id") == "slope-roof" for e in root.iter())


def test_a_window_at_the_back_of_a_niche_is_tied_to_its_wall() -> None:
    pane = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    window = Plane("window", Label.WINDOW, 1.0, plane_frame((0, 0, 1), (0.3, 1.4, -1.55)), pane, area_m2=1.0)
    sides = np.array(reveals(Scene((WALL, window))))
    assert sides.shape == (2, 2, 2)
    assert sorted(sides[:, 0, 0].tolist()) == pytest.approx([-0.2, 0.8])
    assert sides[:, :, 1] == pytest.approx(np.array([[-1.55, -1.25]] * 2))
    flush = replace(window, T_world_plane=plane_frame((0, 0, 1), (0.3, 1.4, -1.25)))
    assert reveals(Scene((WALL, flush))) == []


def test_the_view_from_above_lies_as_the_plan_does(tmp_path: Path) -> None:
    from PIL import Image

    scene = Scene((FLOOR,), mesh=sheet((-2, 0), (-1.25, 1.25), 0.1))
    plan_beside(scene, tmp_path / "a.png")
    plan_beside(scene, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    picture = np.asarray(Image.open(tmp_path / "a.png")).astype(int)
    half = picture.shape[1] - 1400
    above, plan = picture[:, :half], picture[:, half : 2 * half]
    red = above[..., 0] - above[..., 1] > 100
    floor = np.abs(plan - [239, 229, 212]).max(axis=2) < 12  # the floor's own colour, hatched on the right
    rows, columns = np.nonzero(floor)
    middle = (columns.min() + columns.max()) / 2
    seen = np.nonzero(red)
    assert seen[1].min() == pytest.approx(columns.min(), abs=4) and seen[1].max() == pytest.approx(middle, abs=4)
    assert seen[0].min() == pytest.approx(rows.min(), abs=4) and seen[0].max() == pytest.approx(rows.max(), abs=4)
    with pytest.raises(UsageError, match="no surface"):
        plan_beside(Scene((FLOOR,)), tmp_path / "c.png")
