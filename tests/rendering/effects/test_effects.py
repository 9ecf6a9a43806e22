"""Effects against what an exact room says must be seen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from sceneforge.core import BodyTrajectory, Mesh, NavMesh, Scene, UsageError
from sceneforge.core.transforms import make_transform, yaw_rotation
from sceneforge.rendering.effects import Canvas, EffectSpec, Stage, effect, effect_layers, known_effects, summary
from sceneforge.rendering.effects._floor_map import floor_map
from sceneforge.rendering.effects._geodesic import along_surface
from sceneforge.rendering.effects.borders import outlines
from sceneforge.rendering.effects.wireframe import net
from sceneforge.rendering.room_view import RoomViewer
from tests.rendering.effects.effect_stage import EYE, canvas, drawn, moving, room, seen
from tests.rendering.render_stage import CAMERA, GREY, PARTITION, ROOM, grid_quad, joined, look

PLAIN = np.full((*CAMERA.shape, 3), GREY, dtype=np.uint8)
START = [0.0, 0.0, -1.0]
FLAT = {"start": START, "fill": "color", "color": "#00ff00", "opacity": 1.0, "outlines": 0, "glow_m": 0.0}
LEFT, RIGHT = np.array([[-1.5, 1.0, -2.95]]), np.array([[1.5, 1.0, -2.95]])


@pytest.mark.parametrize("name", known_effects())
def test_every_effect_draws_fades_and_says_what_it_is(name: str) -> None:
    stage = Stage(room(), trajectories=(moving(),))
    fixed = {"reveal": {"start": START}, "tint": {"legend": False}, "semantic": {"legend": False}}.get(name, {})
    full, half, none = (
        drawn(EffectSpec(name, {**fixed, "strength": s}), stage=stage, time_s=1.0) for s in (1.0, 0.5, 0.0)
    )
    assert (none == PLAIN).all()
    assert (full != PLAIN).any(axis=-1).mean() > 0.003
    assert np.abs(half.astype(float) - (full.astype(float) + GREY) / 2).max() <= 1
    assert len(summary(name)) > 20 and effect(name).Settings().strength == 1
    assert (drawn(EffectSpec(name, fixed), stage=stage, time_s=1.0) == full).all()


def test_every_pixel_knows_its_point_plane_and_normal() -> None:
    c = canvas()
    p, n = c.points, c.normals
    on_floor = (np.abs(p[..., 1]) < 0.02) & (p[..., 2] > -2.9)
    on_wall = (p[..., 2] < -2.98) & (p[..., 1] > 0.1) & (np.abs(p[..., 0]) < 1.9)
    assert on_floor.sum() > 2000 and on_wall.sum() > 2000
    assert (c.plane[on_floor] == 0).mean() > 0.99 and (c.plane[on_wall] == 1).mean() > 0.99
    assert (n[on_floor & (c.plane == 0)] @ (0, 1, 0) > 0.99).mean() > 0.98
    assert (n[on_wall] @ (0, 0, 1) > 0.99).mean() > 0.98


def test_planes_are_found_without_a_labelled_mesh() -> None:
    c = canvas(Scene(planes=room().planes, mesh=joined(ROOM)))
    on_wall = (c.points[..., 2] < -2.99) & (np.abs(c.points[..., 0]) < 1.9) & (c.points[..., 1] > 0.1)
    assert (c.plane[on_wall] == 1).mean() > 0.98


def test_distance_along_the_surface_goes_round_what_the_air_crosses() -> None:
    mesh = joined(ROOM)
    d = along_surface(mesh, np.array(START))
    v = mesh.vertices.astype(float)
    straight = np.linalg.norm(v - START, axis=1)
    inner = (np.abs(v[:, 0]) < 1.99) & (v[:, 2] > -2.99)  # a wall's own corners meet the floor's only now and then
    flat = (np.abs(v[:, 1]) < 1e-6) & (straight > 0.3) & inner
    ratio = d[flat] / straight[flat]
    assert ratio.min() > 0.95 and ratio.max() < 1.083, (
        "on the flat floor a straight line, or a path on 8 ways: 1 / cos(22.5)"
    )
    k = cKDTree(v).query([0.0, 2.5, -3.0])[1]
    assert d[k] == pytest.approx(2.0 + 2.5, rel=0.05), "along the floor, then up the wall"
    assert straight[k] < 3.3


def test_a_loose_piece_is_reached_over_its_gap() -> None:
    far = [(q[0] + np.array([0, 0, -50.0]), q[1]) for q in PARTITION]
    d = along_surface(joined(ROOM + far), np.array(START))
    assert np.isfinite(d).all() and 45 < d.max() < 60


def test_the_front_of_a_reveal_is_where_its_radius_says() -> None:
    green = drawn(EffectSpec("reveal", {**FLAT, "radius_m": 1.2, "metric": "euclidean"}))[..., 0] < 40
    d = np.linalg.norm(canvas().points - START, axis=-1)
    assert green[d < 1.17].all() and not green[d > 1.26].any(), "within a line's width"


def test_keys_move_the_front_and_hold_outside() -> None:
    spec = EffectSpec("reveal", FLAT, ((1.0, {"radius_m": 0.0}), (3.0, {"radius_m": 2.0})), "linear")
    shares = [(drawn(spec, time_s=t)[..., 0] < 40).sum() for t in (0, 1.5, 2, 3, 9)]
    assert shares[0] <= 4 and shares[1] < shares[2] < shares[3] == shares[4]


def test_any_effect_can_be_held_near_a_place() -> None:
    out = drawn(EffectSpec("passthrough", {"brightness": 0.0, "within_m": 1.0, "around": START}))
    d = canvas().distance(np.array(START), "geodesic")
    assert (out[d < 0.95] < 5).all() and (out[d > 1.05] == GREY).all()


def test_lines_lie_where_projection_says_and_are_hidden_by_what_is_nearer() -> None:
    free, blocked = canvas(), canvas(blocker_m=0.8)
    mask = free.lines(LEFT, RIGHT, width_px=12)
    uv, _ = free.project(np.concatenate([LEFT, RIGHT]))
    at = np.argwhere(mask > 0.5)
    assert abs(at[:, 0].mean() - uv[:, 1].mean()) < 0.5
    half = free.px(12) / 2
    assert abs(at[:, 1].min() - (uv[0, 0] - half)) <= 1.5 and abs(at[:, 1].max() - (uv[1, 0] + half)) <= 1.5
    area = np.hypot(*(uv[1] - uv[0])) * 2 * half + np.pi * half**2  # with its round ends
    assert mask.sum() == pytest.approx(area, rel=0.04), "antialiased: coverage adds up to the line's area"
    hidden, middle = blocked.lines(LEFT, RIGHT, width_px=12), CAMERA.width // 2
    assert hidden[:, : middle - 3].max() == 0
    assert np.allclose(hidden[:, middle + 3 :], mask[:, middle + 3 :], atol=1e-3)
    faint = blocked.lines(LEFT, RIGHT, width_px=12, hidden=0.25)
    assert faint[:, : middle - 3].max() == pytest.approx(0.25, abs=0.01)


def test_a_line_that_runs_past_the_camera_is_clipped() -> None:
    mask = canvas().lines(np.array([[0.05, 0.0, -2.0]]), np.array([[0.05, 0.0, 5.0]]), width_px=8)
    assert np.isfinite(mask).all() and mask[-1].max() > 0.9, "it leaves the picture at the bottom"
    T = look((0, 1.4, -2.0), (0, 1.4, 5.0))
    stage, frame, _, _ = seen()
    away = Canvas(stage, frame.color.astype(np.float32), RoomViewer(stage.scene).see(frame, T), frame, T, 0.0)
    assert away.lines(LEFT, RIGHT, width_px=8).max() == 0
    assert not away.seen(np.array([0.0, 1.0, -2.95])) and canvas().seen(np.array([0.0, 1.0, -2.95]))


def test_dashes_keep_their_length_in_metres() -> None:
    c = canvas()
    dashed, solid = (c.lines(LEFT, RIGHT, width_px=8, dash_m=d) for d in (0.25, 0.0))
    assert dashed.sum() == pytest.approx(solid.sum() / 2, rel=0.06)
    row = dashed[np.argmax(solid.sum(axis=1))] > 0.5
    assert np.count_nonzero(np.diff(row.astype(int)) == 1) == 6, "three metres: six dashes of a quarter"


def test_borders_are_guessed_where_no_surface_was_seen() -> None:
    scene = room()
    (rim,) = outlines(Stage(scene), 0)
    assert rim.observed.mean() > 0.95, "the whole floor is scanned"
    keep = scene.mesh.vertices[:, 0] < 0.5
    faces = scene.mesh.faces[keep[scene.mesh.faces].all(axis=1)]
    used, number = np.unique(faces, return_inverse=True)
    half = Scene(planes=scene.planes, mesh=Mesh(scene.mesh.vertices[used], number.reshape(-1, 3).astype(np.int32)))
    (rim,) = outlines(Stage(half), 0)
    middle = (rim.starts + rim.ends) / 2
    assert not rim.observed[middle[:, 0] > 0.75].any()
    assert rim.observed[middle[:, 0] < 0.25].mean() > 0.95


def test_the_wireframe_is_coarser_and_stays_on_the_surface() -> None:
    mesh = room().mesh
    points, edges = net(mesh, 0.3)
    assert len(points) < len(mesh.vertices) / 8
    assert cKDTree(mesh.vertices).query(points)[0].max() < 1e-6
    assert 0.1 < np.median(np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)) < 0.6
    assert len(np.unique(edges, axis=0)) == len(edges)


def test_free_floor_keeps_off_what_stands_on_it() -> None:
    sides = [  # a box of 0.4 x 0.4 m, 0.5 m high, at (0.8, -2)
        grid_quad((0.6, 0, -1.8), (0.4, 0, 0), (0, 0.5, 0)),
        grid_quad((0.6, 0, -2.2), (0, 0, 0.4), (0, 0.5, 0)),
        grid_quad((1.0, 0, -2.2), (0, 0, 0.4), (0, 0.5, 0)),
        grid_quad((0.6, 0.5, -2.2), (0, 0, 0.4), (0.4, 0, 0)),
    ]
    found = floor_map(Stage(Scene(planes=room().planes, mesh=joined(ROOM + sides))))

    def cell(x: float, z: float) -> tuple[int, int]:
        i, j = np.floor((np.array([x, z]) - found.low) / found.cell_m).astype(int)
        return int(i), int(j)

    assert not found.free[cell(0.8, -2.0)] and found.free[cell(0.0, -1.5)]
    assert found.clearance[cell(0.0, -2.0)] == pytest.approx(0.6, abs=2 * found.cell_m)
    mesh = found.navmesh(0.3)
    gap = np.maximum(np.abs(mesh.vertices[mesh.faces].mean(axis=1)[:, [0, 2]] - (0.8, -2.0)) - 0.2, 0)
    assert np.hypot(*gap.T).min() > 0.3 - 2 * found.cell_m
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(float) for k in range(3))
    up = np.cross(b - a, c - a)[:, 1]
    assert (up > 0).all(), "counter-clockwise from above"
    assert up.sum() / 2 == pytest.approx((found.clearance >= 0.3).sum() * found.cell_m**2, rel=0.08)
    assert (mesh.islands == 0).all()


def test_a_navmesh_of_placement_is_drawn_where_it_lies() -> None:
    quad = np.array([[-0.5, 0, -1.5], [0.5, 0, -1.5], [0.5, 0, -2.5], [-0.5, 0, -2.5]], dtype=np.float32)
    stage = Stage(room(), navmesh=NavMesh(quad, np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)))
    settings = {"color": "#0000ff", "opacity": 1.0, "width_px": 0.1, "inner_px": 0.0}
    out = drawn(EffectSpec("navmesh", settings), stage=stage)
    p = canvas().points
    inside = (np.abs(p[..., 0]) < 0.45) & (p[..., 2] < -1.55) & (p[..., 2] > -2.45) & (p[..., 1] < 0.02)
    outside = (np.abs(p[..., 0]) > 0.6) | (p[..., 2] > -1.4) | (p[..., 2] < -2.6)
    assert inside.sum() > 200
    assert (out[inside][:, 2] > 200).mean() > 0.95 and (out[inside][:, 0] < 60).mean() > 0.95
    assert (out[outside] == GREY).all()


def test_trails_run_behind_the_body_and_thin_dashes_ahead() -> None:
    stage = Stage(room(), trajectories=(moving(),))
    out = drawn(EffectSpec("trails", {"color": "#ff0000", "width_px": 8}), stage=stage, time_s=1.0).astype(int)
    changed = out[..., 0] - out[..., 2] > 30
    uv, _ = canvas().project(moving().path)
    now = round(float(uv[1, 0]))
    assert changed[:, : now - 2].sum() > 2 * changed[:, now + 3 :].sum() > 0
    x, y = np.round((uv[0] + uv[1]) / 2).astype(int)
    assert changed[y, x]


def test_the_plan_shows_the_camera_where_it_is() -> None:
    out = drawn(EffectSpec("plan", {"width": 0.4, "corner": "top_left", "color": "#ff0000"})).astype(int)
    red = np.argwhere((out[..., 0] > 150) & (out[..., 1] < 110) & (out[..., 2] < 110))
    dark = np.argwhere((out < 80).all(axis=-1))
    assert len(red) >= 4
    low, high = dark.min(axis=0)[0], dark.max(axis=0)[0]
    z = -3.2 + (red[:, 0].max() - low) / (high - low) * 4.4  # the panel spans z from -3.2 to 1.2, top to bottom
    assert abs(z - EYE[2]) < 0.3


@pytest.mark.parametrize(
    ("name", "text"), [("trails", "nothing moves"), ("freespace", "no floor"), ("navmesh", "no floor")]
)
def test_what_the_scene_lacks_is_named(name: str, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        effect_layers([EffectSpec(name)], Stage(Scene(mesh=room().mesh)))


def test_unknown_names_are_told() -> None:
    with pytest.raises(UsageError, match="no effect 'tnt'; did you mean 'tint'"):
        effect_layers([EffectSpec("tnt")], Stage(room()))
    with pytest.raises(UsageError, match="no plane, object or placement 'sofa'"):
        drawn(EffectSpec("reveal", {"start": "sofa"}))


def test_a_trajectory_is_interpolated_and_held() -> None:
    T = np.stack([make_transform(yaw_rotation(a), (a, 0, 0)) for a in (0.0, 1.0)])
    body = BodyTrajectory("b", np.array([1.0, 3.0]), T)
    assert np.allclose(body.at(0), T[0]) and np.allclose(body.at(9), T[1])
    assert np.allclose(body.at(1.5), make_transform(yaw_rotation(0.25), (0.25, 0, 0)), atol=1e-9)
    with pytest.raises(ValueError, match="ascending"):
        BodyTrajectory("b", np.array([1.0, 1.0]), T)
