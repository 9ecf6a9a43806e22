"""What pictures show of a wall: lines faint to the eye, panes without depth, piers with windows between them."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import Camera, Frame, Label
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.transforms import make_transform
from sceneforge.perception.enclosure import Stretch
from sceneforge.perception.openings import Opening
from sceneforge.perception.sensor_range import FAR_M, NEAR_M, trusted_range
from sceneforge.perception.understand import understand_room
from sceneforge.perception.wall_lines import WallLine
from sceneforge.perception.wall_pictures import bounded, hangs_free
from sceneforge.perception.wall_rectangles import Rectangle, find_rectangles
from sceneforge.perception.wall_views import kept, look_at_wall
from tests.perception.plans import capture, level, wall

CAMERA = Camera(320, 240, 260.0, 260.0, 159.5, 119.5)


def frame(depth: Float32, color: int = 128) -> Frame:
    shade = np.full((*CAMERA.shape, 3), color, np.uint8)
    return Frame(0, "0", 0.0, shade, depth, CAMERA, CAMERA, np.eye(4))


@pytest.mark.parametrize(("noise_m", "expected"), [(0.006, FAR_M), (0.06, NEAR_M)])
def test_far_readings_are_trusted_as_far_as_they_agree_with_their_neighbours(noise_m: float, expected: float) -> None:
    rng = np.random.default_rng(0)
    # A floor seen from 1.5 m: every depth from 3.2 m to beyond 8 m.
    rows = np.arange(CAMERA.height)
    z = np.clip(1.5 / np.tan(np.radians(np.linspace(25, 9, len(rows)))), 0, 9)[:, None] * np.ones(CAMERA.width)
    depth = (z + rng.normal(0, noise_m, z.shape)).astype(np.float32)
    assert trusted_range([frame(depth)], 0.02) == expected


def test_a_pane_is_silent_a_recess_lies_beyond_and_what_stands_before_hides() -> None:
    depth = np.full(CAMERA.shape, 2.0, np.float32)  # a wall 2 m ahead, from left to right: wall, pane, recess, cupboard
    depth[:, 80:160], depth[:, 160:240], depth[:, 240:] = 0, 2.4, 1.4
    view = kept(frame(depth, 200), np.ones(3))
    x = (np.array([40, 120, 200, 280]) - CAMERA.cx) / CAMERA.fx * 2.0
    points = np.stack([x, np.zeros(4), np.full(4, 2.0)], axis=1)
    sight = look_at_wall(points, np.array([0, 0, -1.0]), [view], [make_transform(np.eye(3), (0, 0, 0))], 8.0)
    assert sight.looks.tolist() == [1, 1, 1, 0]
    assert sight.on.tolist() == [1, 0, 0, 0]
    assert sight.silent.tolist() == [0, 1, 0, 0]
    assert sight.beyond.tolist() == [0, 0, 1, 0]
    assert sight.color[:3] == pytest.approx(np.full((3, 3), 200), abs=1)
    behind = look_at_wall(points, np.array([0, 0, 1.0]), [view], [np.eye(4)], 8.0)
    assert not behind.looks.any(), "the wall's back is not seen"


def plaster(rng: np.random.Generator) -> Float64:
    """(130, 250, 3) Lab of a lit wall with grain: lighter to the right."""
    lab = np.zeros((130, 250, 3))
    lab[..., 0] = 82 + np.linspace(0, 8, 250) + rng.normal(0, 0.4, (130, 250))
    return lab


def test_a_white_door_in_a_white_wall_is_a_rectangle_and_a_bare_wall_has_none() -> None:
    lab = plaster(np.random.default_rng(1))
    seen = np.ones(lab.shape[:2], bool)
    assert not find_rectangles(lab.astype(np.float32), seen, 10, 130)
    lab[:102, 60:103, 0] -= 3.0  # 0.86 x 2.04 m at 2 cm, hardly to be seen
    best = find_rectangles(lab.astype(np.float32), seen, 10, 130)[0]
    assert (best.left, best.right, best.bottom, best.top) == pytest.approx((60, 103, 0, 102), abs=2)


def test_a_faint_door_beside_a_bookcase_is_found_though_the_case_is_all_edges() -> None:
    rng = np.random.default_rng(3)
    lab = plaster(rng)
    lab[:, 120:] += rng.normal(0, 14, (130, 130, 3))  # books: coarse steps all over
    lab[:102, 30:73, 0] -= 3.0
    found = find_rectangles(lab.astype(np.float32), np.ones(lab.shape[:2], bool), 10, 130)
    assert any((r.left, r.right, r.bottom, r.top) == pytest.approx((30, 73, 0, 102), abs=2) for r in found)


def test_a_door_whose_upper_corner_no_picture_shows_is_whole() -> None:
    lab = plaster(np.random.default_rng(4))
    lab[:102, 60:103, 0] -= 4.0
    seen = np.ones(lab.shape[:2], bool)
    seen[85:, :80] = False
    best = find_rectangles(lab.astype(np.float32), seen, 10, 130)[0]
    assert (best.left, best.right, best.bottom, best.top) == pytest.approx((60, 103, 0, 102), abs=2)


def test_a_frame_around_what_hides_the_wall_is_no_door() -> None:
    shape = (130, 250)
    door = Rectangle(60, 103, 0, 102, (1.0, 1.0, float("nan"), 1.0), 20.0)
    T = np.column_stack([(1, 0, 0, 0), (0, 0, 1, 0), (0, -1, 0, 0), (0, 0, 0, 1)]).astype(float)
    line = WallLine(T, (0,), np.zeros(0, np.int64), np.ones((52, 100), bool), 0.0, 13.0, (0.0, 2.6))
    s, apart, firm = Stretch(line, 0.0, 5.0, (True, True)), np.zeros(shape), np.zeros(shape, bool)
    looked = np.ones(shape, bool)
    leaf = bounded(door, apart, firm, looked, s, 2.6)
    assert leaf is not None and leaf.label is Label.DOOR, "a black leaf gives no reading"
    looked[:, 65:98] = False  # books
    assert bounded(door, apart, firm, looked, s, 2.6) is None


def test_gaps_of_an_open_shelf_are_no_pictures_and_one_half_hidden_on_a_bare_wall_is() -> None:
    seen, apart = np.ones((130, 250), bool), np.zeros((130, 250))
    T = np.column_stack([(1, 0, 0, 0), (0, 0, 1, 0), (0, -1, 0, 0), (0, 0, 0, 1)]).astype(float)
    line = WallLine(T, (0,), np.zeros(0, np.int64), np.ones((52, 100), bool), 0.0, 13.0, (0.0, 2.6))
    picture = Opening(Label.WALL_ART, 2.0, 2.6, 1.2, 1.7, 0.7)
    apart[60:85, 100:130] = 30.0
    seen[60:69, 100:130] = False  # a lamp before it
    bare = Stretch(line, 0.0, 5.0, (True, True))
    assert hangs_free(picture, seen, apart, bare)
    apart[:, 80:150] = 30.0  # boards and books all around
    assert not hangs_free(picture, seen, apart, bare)
    seen[:] = True
    assert hangs_free(picture, seen, apart, bare), "seen whole, beside other pictures"


def test_two_sides_make_no_rectangle() -> None:
    lab = plaster(np.random.default_rng(2))
    lab[:, 120:, 0] -= 12  # a shadow's edge
    lab[60:, :, 0] -= 9  # and a painted upper half
    assert not find_rectangles(lab.astype(np.float32), np.ones(lab.shape[:2], bool), 10, 130)


@pytest.mark.parametrize("last_pier", [True, False])
def test_a_wall_goes_on_from_pier_to_pier_across_its_niches(last_pier: bool) -> None:
    # The long wall is 2 m of plaster and three piers; between them niches 0.3 m deep from the floor up. A cupboard may
    # hide the last pier: a row of niches still goes on to the corner.
    height, back = 2.6, -0.3
    floor = level([(0, 0), (8, 0), (8, 4), (0, 4)], 0.0)
    parts = [floor, wall((8, 0), (8, 4), height), wall((8, 4), (0, 4), height), wall((0, 4), (0, 0), height)]
    for a, b in ((0.0, 2.0), (3.6, 3.9), (5.5, 5.8), *([(7.4, 8.0)] if last_pier else [])):
        parts.append(wall((a, 0), (b, 0), height))
    for a, b in ((2.0, 3.6), (3.9, 5.5), (5.8, 7.4)):
        sill = [(0.2, 1.4, 0.9, 2.3)]
        parts += [wall((a, back), (b, back), height, sill), level([(a, back), (b, back), (b, 0), (a, 0)], 0.0)]
        parts += [wall((a, 0), (a, back), height), wall((b, back), (b, 0), height)]
    scene, _ = understand_room(capture(parts))
    front = [w for w in scene.planes_labelled(Label.WALL) if w.normal[2] > 0.9 and abs(w.origin[2]) < 0.05]
    assert len(front) == 1 and np.ptp(front[0].polygon[:, 0]) == pytest.approx(8, abs=0.1)
    windows = scene.planes_labelled(Label.WINDOW)
    assert len(windows) == 3, "one at the back of each niche"
    assert [w.origin[2] for w in windows] == pytest.approx([back] * 3, abs=0.06)
    assert len(front[0].holes) == 3, "the niches are no part of the wall"
