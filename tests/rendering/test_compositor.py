"""The compositor against what an analytic room says must be seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sceneforge.core import Arrangement, Camera, Content, Frame, Material
from sceneforge.core.transforms import inverse, transform_points
from sceneforge.rendering import FrameCompositor
from tests.rendering.render_stage import CAMERA, FLOOR, GREY, box_part, cube, exact_depth, placed, stage

GLOW = Material((0.0, 0.0, 0.0, 1.0), emissive=(1.0, 0.0, 0.0), roughness=1.0)


@pytest.fixture
def marker(monkeypatch: pytest.MonkeyPatch) -> Material:
    """Content that shows by its glow, but does not light the room."""
    monkeypatch.setattr("sceneforge.rendering.prepared_light.lamps_of", lambda *_: None)
    return GLOW


def composed(s) -> np.ndarray:
    return FrameCompositor(s.scene, s.arrangement).compose(s.frame, s.T)


def red(picture: np.ndarray) -> np.ndarray:
    """Where glowing content is seen for more than half of the pixel."""
    return (picture[..., 0] > 180) & (picture[..., 1] < 115)


def silhouette(s) -> np.ndarray:
    """The cube's exact picture: rays against its box."""
    low, high = s.arrangement.placements[0].content.bounds
    T = inverse(s.arrangement.placements[0].T_world_content) @ s.T
    d = CAMERA.rays().astype(np.float64) @ T[:3, :3].T
    with np.errstate(divide="ignore"):
        a, b = (low - T[:3, 3]) / d, (high - T[:3, 3]) / d
    enter, leave = np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)
    return leave > np.maximum(enter, 0)


def test_perspective_matches_the_projected_box(marker: Material) -> None:
    s = stage(marker)
    picture = composed(s).astype(int)
    seen = np.argwhere(picture[..., 0] - picture[..., 1] > 40)[:, ::-1]  # more than a seventh of the pixel
    low, high = s.arrangement.placements[0].content.bounds
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    world = transform_points(s.arrangement.placements[0].T_world_content, corners)
    uv, _ = CAMERA.project(transform_points(inverse(s.T), world))
    assert np.abs(seen.min(axis=0) - uv.min(axis=0)).max() <= 1
    assert np.abs(seen.max(axis=0) - uv.max(axis=0)).max() <= 1
    truth = silhouette(s)
    assert (red(composed(s)) != truth).sum() <= 0.03 * truth.sum()


@pytest.mark.parametrize("lost", [False, True], ids=["sensor", "mesh only"])
def test_a_partition_in_front_hides_the_content_and_keeps_its_bytes(lost: bool, marker: Material) -> None:
    s = stage(marker, partition=True)
    if lost:
        s = s.with_depth(np.zeros(CAMERA.shape))
    out = composed(s)
    partition = exact_depth(s.scene.mesh, CAMERA, s.T) < 2.0
    partition &= exact_depth(stage().scene.mesh, CAMERA, s.T) > exact_depth(s.scene.mesh, CAMERA, s.T) + 0.05
    assert partition.sum() > 500
    high = transform_points(s.T, CAMERA.rays() * exact_depth(s.scene.mesh, CAMERA, s.T)[..., None])[..., 1] > 0.07
    assert (out[partition & high] == GREY).all()
    assert np.abs(out[partition & ~high].astype(int) - GREY).max(initial=0) <= 4, "its foot may take the floor's light"
    above = silhouette(s) & ~partition
    assert red(out)[above].mean() > 0.8 if above.sum() > 20 else not red(out).any()


def test_a_person_that_the_mesh_does_not_know_still_hides() -> None:
    s = stage(GLOW)
    depth = np.array(s.frame.depth)
    depth[:, :80] = 1.2
    out = composed(s.with_depth(depth))
    truth = silhouette(s)
    assert not red(out)[:, :77].any()
    assert red(out)[:, 83:][truth[:, 83:]].mean() > 0.95
    assert (out[:, :76] == GREY).all(), "the shadow must not fall on the person"


@pytest.mark.parametrize("bias", [-0.015, 0.0, 0.015])
def test_the_supporting_plane_never_eats_content(bias: float) -> None:
    s = stage(GLOW)
    noise = np.random.default_rng(3).normal(0, 0.004, CAMERA.shape)
    seen = red(composed(s.with_depth(s.frame.depth + bias + noise)))
    truth = silhouette(s)
    assert (seen != truth).sum() <= 0.04 * truth.sum()
    bottom = np.argwhere(truth)[:, 0].max()
    assert np.argwhere(seen)[:, 0].max() >= bottom - 1, "the base must not sink"


def test_shadow_is_dark_at_the_base_and_nowhere_far() -> None:
    s = stage(Material((0.5, 0.5, 0.5, 1.0)))
    out = composed(s).astype(int)
    truth = silhouette(s)
    points = transform_points(s.T, CAMERA.rays() * s.frame.depth[..., None].astype(np.float64))
    on_floor = (np.abs(points[..., 1]) < 0.01) & ~truth
    gap = np.maximum(np.abs(points[..., [0, 2]] - (0, -1.4)) - 0.2, 0)
    away = np.hypot(gap[..., 0], gap[..., 1])
    near, far = on_floor & (away > 0.02) & (away < 0.08), on_floor & (away > 1.2)
    assert near.sum() > 30 and far.sum() > 200
    assert out[near].mean() < 0.9 * GREY
    assert (out[far] == GREY).all()
    behind = near & (points[..., 0] > 0.2)  # the default light comes from -x: the shadow falls to +x
    assert out[behind].mean() < out[near & (points[..., 0] < -0.2)].mean() - 5


def test_pixels_away_from_content_keep_their_bytes() -> None:
    color = np.random.default_rng(0).integers(0, 256, (*CAMERA.shape, 3), dtype=np.uint8)
    s = stage(size=0.15).with_color(color)
    out = composed(s)
    assert (out[:40] == color[:40]).all() and (out[:, :20] == color[:, :20]).all()
    assert (out != color).any()


def test_smaller_depth_does_not_bleed_across_edges() -> None:
    s = stage(GLOW)
    color = np.array(s.frame.color)
    color[:, :80] = 40
    depth = np.array(s.frame.depth)
    depth[:, :80] = 1.2
    full = red(composed(s.with_depth(depth).with_color(color)))
    half = Camera.resized(CAMERA, 80, 60)
    small = depth[::2, ::2].copy()
    small[:, :40] = 1.2
    out = red(composed(s.with_depth(small, half).with_color(color)))
    assert (out != full)[:, 82:].sum() <= 0.06 * full.sum()
    assert not out[:, :78].any()


def test_content_follows_the_frames_exposure() -> None:
    bright, dark = stage(), stage().with_color(np.full((*CAMERA.shape, 3), 70, np.uint8))
    core = silhouette(bright)
    assert composed(dark)[core].mean() < 0.6 * composed(bright)[core].mean()


def test_light_is_smoothed_over_frames() -> None:
    s = stage()
    dark = s.with_color(np.full((*CAMERA.shape, 3), 70, np.uint8))
    compositor = FrameCompositor(s.scene, s.arrangement)
    core = silhouette(s)
    first = compositor.compose(s.frame, s.T)[core].mean()
    second = compositor.compose(dark.frame, s.T)[core].mean()
    assert composed(dark)[core].mean() < second < first
    compositor.reset()
    assert (compositor.compose(dark.frame, s.T) == composed(dark)).all()


def test_blended_content_lets_the_room_through() -> None:
    clear = replace(GLOW, base_color=(0, 0, 0, 0.4), alpha_mode="BLEND", double_sided=True)
    low, high = (-0.2, 0.0, -0.001), (0.2, 0.4, 0.0)
    s = stage()
    sheet = Content("sheet", "sheet", (box_part(low, high, clear),))
    s = replace(s, arrangement=Arrangement((placed(sheet),)))
    middle = composed(s)[55:60, 78:82].astype(int)
    assert 0 < middle[..., 1].mean() < GREY - 5 and middle[..., 0].mean() > middle[..., 1].mean() + 20


def test_masked_texels_are_holes() -> None:
    texture = np.zeros((4, 4, 4), np.uint8)
    holes = replace(GLOW, base_color_texture=texture, alpha_mode="MASK")
    part = box_part((-0.2, 0, -0.2), (0.2, 0.4, 0.2), holes)
    part = replace(part, uv=np.zeros((len(part.vertices), 2), np.float32))
    s = stage()
    s = replace(s, arrangement=Arrangement((placed(Content("net", "net", (part,))),)))
    assert not red(composed(s)).any()


def test_textures_show_their_colour() -> None:
    texture = np.empty((64, 64, 4), np.uint8)
    texture[:] = (30, 200, 30, 255)
    part = box_part((-0.2, 0, -0.2), (0.2, 0.4, 0.2), Material((1, 1, 1, 1), base_color_texture=texture))
    part = replace(part, uv=part.vertices[:, :2] * 2)
    s = stage()
    s = replace(s, arrangement=Arrangement((placed(Content("lime", "lime", (part,))),)))
    inside = composed(s)[silhouette(s)].astype(float)
    assert np.median(inside[:, 1]) > 1.8 * np.median(inside[:, 0])


def test_two_compositors_give_the_same_bytes() -> None:
    assert (composed(stage()) == composed(stage())).all()


def test_nothing_to_place_changes_nothing() -> None:
    color = np.random.default_rng(1).integers(0, 256, (*CAMERA.shape, 3), dtype=np.uint8)
    s = stage().with_color(color)
    assert (FrameCompositor(s.scene, Arrangement(())).compose(s.frame, s.T) == color).all()


def test_content_behind_the_camera_changes_nothing() -> None:
    s = stage()
    T = np.array(s.T)
    T[:3, 0], T[:3, 2] = -T[:3, 0], -T[:3, 2]
    assert (FrameCompositor(s.scene, s.arrangement).compose(s.frame, T) == GREY).all()


def test_a_scene_of_planes_alone_works() -> None:
    s = stage(GLOW)
    s = replace(s, scene=replace(s.scene, mesh=None))
    truth = silhouette(s)
    assert (red(composed(s)) != truth).sum() <= 0.04 * truth.sum()


def test_facts_say_what_decided() -> None:
    s = stage()
    sensor = FrameCompositor(s.scene, s.arrangement)
    sensor.compose(s.frame, s.T)
    assert sensor.facts.shares["sensor"] + sensor.facts.shares["plane"] > 0.9
    mesh = FrameCompositor(s.scene, s.arrangement)
    mesh.compose(s.with_depth(np.zeros(CAMERA.shape)).frame, s.T)
    assert mesh.facts.shares["sensor"] == 0 and mesh.facts.shares["mesh"] + mesh.facts.shares["plane"] > 0.9


def test_a_camera_inside_the_contents_bounds_survives() -> None:
    s = stage(size=0.4)
    T = np.array(s.T)
    T[:3, 3] = (0.0, 0.2, -1.1)
    frame: Frame = replace(s.frame, depth=exact_depth(s.scene.mesh, CAMERA, T))
    out = FrameCompositor(s.scene, Arrangement((placed(cube()), placed(cube(), x=0.5)))).compose(frame, T)
    assert out.shape == (*CAMERA.shape, 3) and FLOOR.id == "floor"
