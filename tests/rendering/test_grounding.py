"""Drop shadows and halos lie where the content's footprint says, and behave as traced shadow does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import Arrangement, BodyTrajectory, Content, Material
from sceneforge.core.transforms import transform_points
from sceneforge.rendering import FrameCompositor
from sceneforge.rendering.direct import VideoStyle, direct
from sceneforge.rendering.grounding import BRIGHTNESS, DARKNESS, RING, SOFTNESS, Grounding, signs
from sceneforge.rendering.motion import MovingContent
from sceneforge.rendering.packing import pack
from sceneforge.rendering.video import CACHE
from tests.rendering.render_stage import CAMERA, FLOOR, GREY, TABLE, box_part, cube, exact_depth, placed, scan_of, stage

SIZE = 0.4
"""Of the cube, which is centred at x = 0, z = -1.4: `FLOOR` has its origin at z = -1."""
GREY_CUBE = Material((0.5, 0.5, 0.5, 1.0))


def away_from_cube(local: np.ndarray) -> np.ndarray:
    """Signed distance of local [x, z] (n, 2) to the cube's footprint."""
    gap = np.abs(local - (0, -0.4)) - SIZE / 2
    return np.hypot(*np.maximum(gap, 0).T) + np.minimum(gap.max(axis=1), 0)


def floor_before_cube(s):
    """Every pixel's place (H, W, 3), its distance to the footprint, and which show the floor this side of the cube."""
    world = transform_points(s.T, CAMERA.rays() * s.frame.depth[..., None].astype(np.float64))
    away = away_from_cube(world[..., [0, 2]].reshape(-1, 2) - (0, -1)).reshape(CAMERA.shape)
    front = (np.abs(world[..., 1]) < 0.01) & (world[..., 2] > -1.2 + 0.01) & (np.abs(world[..., 0]) < 0.3)
    return world, away, front


def sampled(sign, arrangement=None, scene=None):
    s = stage()
    arrangement = arrangement or s.arrangement
    (shadow,) = signs(scene or s.scene, arrangement, pack(arrangement), sign)
    return shadow


def points() -> np.ndarray:
    return np.stack(np.meshgrid(np.linspace(-0.7, 0.7, 141), np.linspace(-1.1, 0.3, 141)), axis=-1).reshape(-1, 2)


def test_a_drop_shadow_lies_straight_below() -> None:
    xz = points()
    ratio, away = sampled("drop").sample(xz), away_from_cube(xz)
    assert (ratio == ratio[:, :1]).all(), "grey"
    assert np.abs(ratio[away < -0.1] - (1 - DARKNESS)).max() < 0.02
    assert (ratio[away > 5 * SOFTNESS * SIZE] == 1).all()
    straight = np.abs(xz[:, 0]) < 0.1  # in front of and behind the middle, where corners do not count
    half = ratio[straight & (np.abs(away - SOFTNESS * SIZE) < 0.004), 0]
    assert len(half) > 20 and np.abs(half - (1 - DARKNESS / 2)).max() < 0.06
    mirrored = sampled("drop").sample(np.array([0.0, -0.8]) + xz * (-1, -1))
    assert np.abs(mirrored - ratio).max() < 0.03, "from no side more than from another"


def test_a_halo_rings_the_footprint() -> None:
    xz = points()
    ratio, away = sampled("halo").sample(xz)[:, 0], away_from_cube(xz)
    assert ratio.min() >= 1
    assert ratio.max() == pytest.approx(1 + BRIGHTNESS, abs=0.02)
    assert np.abs(away[ratio > 1 + 0.97 * BRIGHTNESS] - RING * SIZE).max() < 0.01
    assert (ratio[away < -0.1] == 1).all() and (ratio[away > 0.15] == 1).all()


def test_a_drop_shadow_takes_the_contents_own_outline_and_a_halo_its_hull() -> None:
    legs = tuple(box_part((x - 0.03, 0, -0.03), (x + 0.03, 0.4, 0.03)) for x in (-0.4, 0.4))
    trestle = Arrangement((placed(Content("legs", "legs", legs)),))
    between, below = np.array([[0.0, -0.4]]), np.array([[0.4, -0.4]])
    drop, halo = sampled("drop", trestle), sampled("halo", trestle)
    assert drop.sample(between)[0, 0] == 1 and drop.sample(below)[0, 0] < 0.6
    beside = np.array([[0.0, -0.4 + 0.03 + RING * np.sqrt(0.86 * 0.06)]])
    assert halo.sample(beside)[0, 0] > 1 + 0.9 * BRIGHTNESS


def test_glass_throws_no_drop_shadow_but_has_a_halo() -> None:
    glass = Arrangement((placed(cube(Material((1, 1, 1, 0.1), alpha_mode="BLEND"))),))
    assert (sampled("drop", glass).ratio == 1).all()
    assert sampled("halo", glass).ratio.max() > 1.5


def test_what_floats_has_a_softer_fainter_shadow() -> None:
    s = stage()
    T = np.array(s.arrangement.placements[0].T_world_content)
    T[1, 3] = 0.3
    floating = Arrangement((replace(s.arrangement.placements[0], T_world_content=T),))
    near, far = sampled("drop"), sampled("drop", floating)
    assert far.ratio.min() > near.ratio.min() + 0.1
    beyond = np.array([[SIZE / 2 + 0.17, -0.4]])
    assert far.sample(beyond)[0, 0] < near.sample(beyond)[0, 0]


def test_signs_end_at_the_edge_of_a_table() -> None:
    scene = replace(stage().scene, planes=(FLOOR, TABLE))
    at_edge = Arrangement((placed(cube(), x=1.6, z=-2.0, plane=TABLE),))
    shadow = sampled("drop", at_edge, scene)
    on, off = shadow.held(np.array([[0.4, 0.0], [0.6, 0.0]]))
    assert on > 0.95 and off < 0.05


@pytest.mark.parametrize(("grounding", "sense"), [("drop", -1), ("halo", 1)])
def test_frames_show_the_sign_around_the_content_and_keep_the_rest(grounding: Grounding, sense: int) -> None:
    s = stage(GREY_CUBE)
    change = FrameCompositor(s.scene, s.arrangement, grounding=grounding).compose(s.frame, s.T).astype(int) - GREY
    world, away, front = floor_before_cube(s)
    near, far = front & (away < 0.05), front & (away > 0.25)
    assert near.sum() > 20 and far.sum() > 300
    assert (sense * change[near]).mean() > 15
    assert (change[far] == 0).all()
    left = (sense * change[near & (world[..., 0] < 0)]).mean()
    right = (sense * change[near & (world[..., 0] > 0)]).mean()
    assert left == pytest.approx(right, rel=0.15), "no light direction"


@pytest.mark.parametrize("grounding", ["drop", "halo"])
def test_someone_in_front_hides_the_sign(grounding: Grounding) -> None:
    s = stage(GREY_CUBE)
    depth = np.array(s.frame.depth)
    depth[:, :80] = 1.2
    s = s.with_depth(depth)
    out = FrameCompositor(s.scene, s.arrangement, grounding=grounding).compose(s.frame, s.T).astype(int)
    assert (out[:, :76] == GREY).all()
    assert np.abs(out[:, 84:] - GREY).max() > 15


def test_dark_floors_and_bright_ones_change_by_the_same_ratio() -> None:
    s = stage(GREY_CUBE)
    change = []
    for level in (60, 180):
        color = np.full((*CAMERA.shape, 3), level, dtype=np.uint8)
        out = FrameCompositor(s.scene, s.arrangement, grounding="drop").compose(s.with_color(color).frame, s.T)
        _, away, front = floor_before_cube(s)
        linear = [((v / 255 + 0.055) / 1.055) ** 2.4 for v in (out[front & (away < 0.05)].mean(), level)]
        change.append(linear[0] / linear[1])
    assert change[0] < 0.8 and change[0] == pytest.approx(change[1], abs=0.05)


def test_the_traced_default_is_untouched_and_the_signs_differ_from_it() -> None:
    s = stage(GREY_CUBE)
    pictures = [FrameCompositor(s.scene, s.arrangement).compose(s.frame, s.T)]
    pictures += [
        FrameCompositor(s.scene, s.arrangement, grounding=g).compose(s.frame, s.T) for g in ("traced", "drop", "halo")
    ]
    assert (pictures[0] == pictures[1]).all()
    assert all((pictures[0] != p).any() for p in pictures[2:])
    again = FrameCompositor(s.scene, s.arrangement, grounding="drop").compose(s.frame, s.T)
    assert (again == pictures[2]).all()


def test_the_sign_moves_with_the_content() -> None:
    scan, scene, arrangement = scan_of(2)
    T = np.tile(np.eye(4), (2, 1, 1))
    T[:, :3, 3] = [(-0.6, 0, -1.4), (0.6, 0, -1.4)]
    motion = (BodyTrajectory("cube", np.array([0.0, 1.0]), T),)
    content = MovingContent(scene, arrangement, motion, grounding="halo")
    frame, pose = scan.read(0), scan.sources[0].T_world_camera
    floor = np.abs(transform_points(pose, CAMERA.rays() * exact_depth(scene.mesh, CAMERA, pose)[..., None])[..., 1])
    brighter = []
    for time_s in (0.0, 1.0):
        change = content.draw(frame, pose, time_s).astype(int) - frame.color
        brighter.append(np.argwhere((change[..., 0] > 12) & (change[..., 2] > 8) & (floor < 0.01))[:, 1].mean())
    assert brighter[1] > brighter[0] + 20


def test_a_stopped_run_of_another_grounding_is_not_continued(tmp_path: Path) -> None:
    scan, scene, arrangement = scan_of(4)

    def stop(stage: str, done: int, total: int) -> None:
        if done > 2:
            raise KeyboardInterrupt

    for style in (VideoStyle(), VideoStyle(grounding="drop")):
        with pytest.raises(KeyboardInterrupt):
            direct(scan, scene, arrangement, tmp_path, style, progress=stop)
        assert (tmp_path / CACHE).is_dir()
    assert direct(scan, scene, arrangement, tmp_path, VideoStyle(grounding="halo")).facts["resumed"] == 0
    with pytest.raises(KeyboardInterrupt):
        direct(scan, scene, arrangement, tmp_path, VideoStyle(grounding="halo"), progress=stop)
    assert direct(scan, scene, arrangement, tmp_path, VideoStyle(grounding="halo")).facts["resumed"] >= 1
