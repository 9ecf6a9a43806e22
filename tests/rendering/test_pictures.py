"""Plan, label pictures and the parts they are made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sceneforge.core import Camera, Label, OrientedBox, Plane, Scene, SceneObject, UsageError
from sceneforge.core.transforms import make_transform, plane_frame
from sceneforge.rendering import floor_plan, label_sheet
from sceneforge.rendering.palette import tint
from sceneforge.rendering.plan_parts import wall_line
from sceneforge.rendering.planes import triangulated
from sceneforge.rendering.region import Rect, bounds_on_screen, merged
from sceneforge.rendering.view_kernels import sensor_depth
from tests.rendering.render_stage import CAMERA, FLOOR, TABLE, look, scan_of

RECTANGLE = np.array([[-1.5, -1.0], [-1.5, 1.0], [1.5, 1.0], [1.5, -1.0]])
WALL = Plane("wall", Label.WALL, 1.0, plane_frame((0, 0, 1), (0, 1.0, -3)), RECTANGLE, area_m2=6.0)


def share(path: Path, color: tuple[int, int, int], reach: int = 14) -> float:
    """Share of a PNG's pixels near a colour."""
    pixels = np.asarray(Image.open(path)).astype(int)
    return float((np.abs(pixels - color).max(axis=-1) <= reach).mean())


def test_plan_shows_floor_table_and_wall(tmp_path: Path) -> None:
    scene = Scene(planes=(FLOOR, TABLE, WALL), source={"name": "stage"})
    floor_plan(scene, tmp_path / "plan.png")
    bare = tmp_path / "bare.png"
    floor_plan(replace(scene, planes=(FLOOR,)), bare)
    assert Image.open(tmp_path / "plan.png").size == (1400, 1000)
    table = tuple(round(0.69 * t + 0.31 * f) for t, f in zip(tint(Label.TABLE), tint(Label.FLOOR), strict=True))
    assert share(tmp_path / "plan.png", table) > share(bare, table) + 0.005
    assert share(tmp_path / "plan.png", (74, 84, 100)) > share(bare, (74, 84, 100)) + 0.001
    assert share(bare, tint(Label.FLOOR)) > 0.2


@pytest.mark.parametrize("planes", [(), (TABLE,), (WALL,), (FLOOR,)], ids=["nothing", "table", "wall", "floor"])
def test_plan_of_incomplete_scenes(planes: tuple[Plane, ...], tmp_path: Path) -> None:
    floor_plan(Scene(planes=planes), tmp_path / "plan.png")
    assert Image.open(tmp_path / "plan.png").size == (1400, 1000)


def test_plan_with_everything_is_the_same_twice(tmp_path: Path) -> None:
    _, scene, _ = scan_of(5)
    box = OrientedBox(make_transform(np.eye(3), (0, 0.4, 0)), np.array([0.6, 0.8, 0.4]))
    scene = replace(scene, objects=(SceneObject("object_0", Label.STORAGE, 0.9, box),))
    for name in ("a.png", "b.png"):
        floor_plan(scene, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_walls_are_seen_end_to_end() -> None:
    line = wall_line(WALL)
    assert np.allclose(np.sort(line[:, 0]), [-1.5, 1.5]) and np.allclose(line[:, 1], -3)


def test_label_sheet_tints_the_floor(tmp_path: Path) -> None:
    scan, scene, _ = scan_of(4)
    label_sheet(scan, scene, tmp_path / "planes.png", frames=3)
    pixels = np.asarray(Image.open(tmp_path / "planes.png")).astype(int)
    warm = (pixels[..., 0] > pixels[..., 2] + 5) & (pixels[..., 0] < 240)
    assert warm.mean() > 0.1
    with pytest.raises(UsageError, match="no camera track"):
        label_sheet(scan, replace(scene, track=None), tmp_path / "none.png")


@pytest.mark.parametrize("plane", [FLOOR, TABLE, WALL])
def test_triangles_cover_the_outline_and_face_its_normal(plane: Plane) -> None:
    vertices, faces = triangulated(plane)
    a, b, c = (vertices[faces[:, k]].astype(float) for k in range(3))
    cross = np.cross(b - a, c - a) / 2
    assert np.allclose(cross.sum(axis=0), plane.normal * plane.area_m2, atol=1e-4)
    assert (cross @ plane.normal > 0).all()


def test_holes_are_left_open() -> None:
    hole = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    vertices, faces = triangulated(replace(FLOOR, holes=(hole,)))
    a, b, c = (vertices[faces[:, k]].astype(float) for k in range(3))
    assert np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2 == pytest.approx(15.0, abs=1e-4)


def test_bounds_hold_the_points_even_through_the_near_plane() -> None:
    T = look((0, 1, 1), (0, 0, -1))
    rng = np.random.default_rng(5)
    for _ in range(50):
        points = rng.uniform(-1.5, 1.5, (8, 3))
        rect = bounds_on_screen(points, CAMERA, T, 0)
        mixed = points[rng.integers(0, 8, 200)]
        mixed = mixed + rng.random((200, 1)) * (points[rng.integers(0, 8, 200)] - mixed)
        uv, z = CAMERA.project((mixed - T[:3, 3]) @ T[:3, :3])
        inside = (z > 0.03) & (uv >= 0).all(axis=1) & (uv[:, 0] <= 159) & (uv[:, 1] <= 119)
        if inside.any():
            assert rect is not None
            u, v = uv[inside].T
            assert (u >= rect.x0).all() and (u < rect.x1).all() and (v >= rect.y0).all() and (v < rect.y1).all()


def test_points_behind_have_no_bounds() -> None:
    assert bounds_on_screen(np.array([[0.0, 0, 5], [1, 1, 6]]), CAMERA, look((0, 0, 0), (0, 0, -1)), 4) is None


def test_merged_rectangles_never_overlap() -> None:
    rng = np.random.default_rng(7)
    for _ in range(30):
        rects = [Rect(x, y, x + w, y + h) for x, y, w, h in rng.integers(1, 40, (6, 4)).tolist()]
        joined = merged(rects)
        cover = np.zeros((100, 100), int)
        for r in joined:
            cover[r.slices] += 1
        assert cover.max() == 1
        assert all(cover[r.slices].all() for r in rects)


def test_depth_at_an_edge_is_one_side_or_the_other() -> None:
    depth = np.full((30, 40), 3.0, np.float32)
    depth[:, :20] = 1.0
    camera, small = Camera(160, 120, 100, 100, 79.5, 59.5), Camera(40, 30, 25, 25, 19.5, 14.5)
    k, kd = (np.array([c.fx, c.fy, c.cx, c.cy]) for c in (camera, small))
    out, _ = sensor_depth(depth, np.ones((120, 160), np.uint8), 0, 0, k, kd)
    assert (np.minimum(np.abs(out - 1), np.abs(out - 3)) < 1e-5).all()
    assert (out[:, :80] == 1).all() and (out[:, 80:] == 3).all()
