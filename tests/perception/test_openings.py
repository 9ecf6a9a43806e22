"""Doors, windows, passages and pictures of rooms whose plan is known exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sceneforge.core import Camera, Label, Mesh, Plane, Scene
from sceneforge.perception.enclosure import Stretch
from sceneforge.perception.openings import Sight, Views, find_openings
from sceneforge.perception.surfels import sample_surface
from sceneforge.perception.understand import understand_room
from sceneforge.perception.wall_lines import WallLine
from tests.perception.furnished import joined, look_at
from tests.perception.plans import capture, level, shell, wall

OUTLINE = [(0, 0), (5, 0), (5, 3), (0, 3)]
DOOR, WINDOW = (0.6, 1.5, 0.0, 2.05), (2.4, 3.8, 0.9, 2.1)
CELL = 0.06
"""One raster cell and a hair: what an opening's edges may be off by."""


def extent(p: Plane) -> list[float]:
    """[x0, x1, bottom, top] of an opening on a wall along world x."""
    w = p.to_world(p.polygon)
    return [w[:, 0].min(), w[:, 0].max(), w[:, 1].min(), w[:, 1].max()]


def found(scene: Scene, label: Label) -> list[list[float]]:
    return [extent(p) for p in scene.planes_labelled(label)]


def test_a_door_and_a_window_are_found_in_a_bare_mesh_and_cut_out_of_the_wall() -> None:
    scene, _ = understand_room(capture(shell(OUTLINE, 2.6, {0: [DOOR, WINDOW]})))
    assert found(scene, Label.DOOR) == [pytest.approx(DOOR, abs=CELL)]
    assert found(scene, Label.WINDOW) == [pytest.approx(WINDOW, abs=CELL)]
    back = max(scene.planes_labelled(Label.WALL), key=lambda w: w.normal[2])
    assert len(back.holes) == 2
    assert back.area_m2 == pytest.approx(5 * 2.6 - 0.9 * 2.05 - 1.4 * 1.2, rel=0.03)
    (room,) = scene.rooms
    ids = {p.id for p in scene.planes_labelled(Label.DOOR, Label.WINDOW)}
    assert set(room.openings) == ids
    assert scene.plane(room.openings[0]).normal == pytest.approx(back.normal)


def test_a_recessed_leaf_is_a_door_and_its_surface_bears_its_name() -> None:
    leaf = wall((0.6, -0.1), (1.5, -0.1), 2.05)
    scene, _ = understand_room(capture([*shell(OUTLINE, 2.6, {0: [DOOR]}), leaf]))
    assert found(scene, Label.DOOR) == [pytest.approx(DOOR, abs=CELL)]
    (door,) = scene.planes_labelled(Label.DOOR)
    assert door.observed_fraction > 0.8


def test_what_a_cupboard_hides_is_no_opening() -> None:
    hidden = (2.0, 3.2, 0.3, 1.9)
    cupboard = [wall((2.0, 0.4), (3.2, 0.4), 1.9), level([(2, 0), (3.2, 0), (3.2, 0.4), (2, 0.4)], 1.9)]
    scene, _ = understand_room(capture([*shell(OUTLINE, 2.6, {0: [hidden]}), *cupboard]))
    assert not scene.planes_labelled(Label.DOOR, Label.WINDOW, Label.OPENING)


def test_a_window_is_as_high_as_its_sister_where_a_plant_hides_the_rest() -> None:
    windows = [(0.6, 1.6, 0.9, 2.1), (3.0, 4.0, 0.9, 2.1)]
    parts = shell(OUTLINE, 2.6, {0: windows})
    plant = [wall((2.8, 0.35), (4.2, 0.35), 2.3, base=1.5), wall((4.2, 0.34), (2.8, 0.34), 2.3, base=1.5)]
    scene, _ = understand_room(capture([*parts, *plant]))
    assert sorted(found(scene, Label.WINDOW)) == [pytest.approx(w, abs=CELL) for w in windows]
    hidden = max(scene.planes_labelled(Label.WINDOW), key=lambda p: p.origin[0])
    assert hidden.edge_observed.count(False) == 1, "its head is a guess"
    k = hidden.edge_observed.index(False)
    head = hidden.to_world(hidden.polygon[[k, (k + 1) % 4]])[:, 1]
    assert head == pytest.approx([2.1, 2.1], abs=CELL)
    sill = [(0.6, 1.6, 0.9, 2.1), (3.0, 4.0, 0.9, 1.5)]  # wall over the second one, and seen
    scene, _ = understand_room(capture(shell(OUTLINE, 2.6, {0: sill})))
    assert sorted(found(scene, Label.WINDOW)) == [pytest.approx(w, abs=CELL) for w in sill]


def test_a_wide_passage_is_an_opening_between_two_rooms() -> None:
    gap = (0.5, 2.5, 0.0, 2.2)
    left, right = [(0, 0), (3, 0), (3, 3), (0, 3)], [(3.1, 0), (7, 0), (7, 3), (3.1, 3)]
    parts = shell(left, 2.6, {1: [gap]}) + shell(right, 2.6, {3: [(0.5, 2.5, 0.0, 2.2)]})
    parts.append(level([(3, 0.5), (3.1, 0.5), (3.1, 2.5), (3, 2.5)], 0.0))
    scene, _ = understand_room(capture(parts))
    assert len(scene.rooms) == 2 and all(len(r.openings) == 1 for r in scene.rooms)


def sightings(mesh: Mesh, eyes: list[tuple[float, float, float]]) -> Sight:
    poses = np.stack([look_at(e, (2.5, 1.3, 0.0)) for e in eyes])
    return Sight(mesh, Views((Camera(320, 240, 200, 200, 159.5, 119.5),) * len(poses), poses))


def stretch(mesh: Mesh) -> Stretch:
    T = np.eye(4)
    T[:3, :3] = np.column_stack([(1, 0, 0), (0, 0, 1), (0, -1, 0)])
    line = WallLine(T, (0,), np.zeros(0, np.int64), np.ones((52, 100), bool), 0.0, 13.0, (0.0, 2.6))
    return Stretch(line, 0.0, 5.0, (True, True))


def test_only_cells_that_cameras_looked_at_count_as_open() -> None:
    mesh = joined([(m.vertices, m.faces) for m in shell(OUTLINE, 2.6, {0: [WINDOW]})])  # type: ignore[misc]
    samples = sample_surface(mesh, 0.02)
    looked = sightings(mesh, [(1.5, 1.5, 2.5), (2.5, 1.5, 2.5), (3.5, 1.4, 2.6)])
    (window,) = find_openings(stretch(mesh), 2.6, samples, looked)
    assert [window.left, window.right, window.bottom, window.top] == pytest.approx(WINDOW, abs=CELL)
    away = Sight(mesh, Views(looked.views.cameras[:3], np.stack([look_at((2.5, 1.5, 1), (2.5, 1.2, 3))] * 3)))  # type: ignore[union-attr]
    assert not find_openings(stretch(mesh), 2.6, samples, away)


def test_every_frame_looks_through_its_own_lens() -> None:
    mesh = joined([(m.vertices, m.faces) for m in shell(OUTLINE, 2.6, {0: [WINDOW]})])  # type: ignore[misc]
    wide = sightings(mesh, [(1.5, 1.5, 2.5), (2.5, 1.5, 2.5), (3.5, 1.4, 2.6)]).views
    assert wide is not None
    tele = Camera(320, 240, 4000, 4000, 159.5, 119.5)
    samples = sample_surface(mesh, 0.02)
    poses = np.concatenate([wide.T_world_camera[1:2], wide.T_world_camera])
    (window,) = find_openings(stretch(mesh), 2.6, samples, Sight(mesh, Views((tele, *wide.cameras), poses)))
    assert [window.left, window.right, window.bottom, window.top] == pytest.approx(WINDOW, abs=CELL)
    assert not find_openings(stretch(mesh), 2.6, samples, Sight(mesh, Views((tele,) * 4, poses)))


def painted(mesh: Mesh, rectangles: list[tuple[tuple[float, ...], tuple[int, int, int]]]) -> Mesh:
    """The mesh sampled finely, its far wall (z = 0) painted with rectangles [x0, x1, y0, y1] over shaded plaster."""
    step = 0.02
    parts = []
    for a, b in ((5.0, 2.6),):
        x, y = np.meshgrid(np.arange(0, a + step / 2, step), np.arange(0, b + step / 2, step))
        v = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)
        i = np.arange(x.size).reshape(x.shape)
        q = np.stack([i[:-1, :-1], i[:-1, 1:], i[1:, 1:], i[1:, :-1]], axis=-1).reshape(-1, 4)
        parts.append((v, np.concatenate([q[:, [0, 1, 2]], q[:, [0, 2, 3]]])))
    v = parts[0][0]
    shade = 200 - 40 * v[:, 0] / 5 + np.random.default_rng(0).normal(0, 3, len(v))
    colors = np.stack([shade, shade * 0.97, shade * 0.9], axis=1)
    for (x0, x1, y0, y1), rgb in rectangles:
        colors[(v[:, 0] > x0) & (v[:, 0] < x1) & (v[:, 1] > y0) & (v[:, 1] < y1)] = rgb
    rest = mesh.vertices
    n = len(v)
    return Mesh(
        np.concatenate([v, rest]).astype(np.float32),
        np.concatenate([parts[0][1], mesh.faces + n]).astype(np.int32),
        np.concatenate([colors, np.full((len(rest), 3), 180)]).clip(0, 255).astype(np.uint8),
    )


def test_pictures_and_flush_doors_are_found_by_colour_and_a_plain_wall_has_none() -> None:
    bare = capture([m for k, m in enumerate(shell(OUTLINE, 2.6)) if k != 2]).mesh
    assert bare is not None
    picture, door = (1.0, 1.9, 1.2, 1.8), (3.2, 4.1, 0.0, 2.05)
    mesh = painted(bare, [(picture, (60, 80, 150)), (door, (120, 80, 50))])
    room = replace(capture([bare]), mesh=mesh)
    scene, _ = understand_room(room)
    assert found(scene, Label.WALL_ART) == [pytest.approx(picture, abs=0.05)]
    assert found(scene, Label.DOOR) == [pytest.approx(door, abs=0.05)]
    (wall_,) = [w for w in scene.planes_labelled(Label.WALL) if w.normal[2] > 0.9]
    assert len(wall_.holes) == 1, "the door parts the wall, the picture hangs on it"
    plain, _ = understand_room(replace(room, mesh=painted(bare, [])))
    assert not plain.planes_labelled(Label.WALL_ART, Label.DOOR, Label.WINDOW)
