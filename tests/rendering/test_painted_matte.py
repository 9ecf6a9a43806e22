"""What counts as the painted surface: rough scans and noisy depth do, what stands before it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sceneforge.core import Label, Mesh, Plane
from sceneforge.rendering.painted import PaintLayer, _drop_specks, _forgive
from sceneforge.rendering.painted_matte_kernels import BEYOND, IN_PLANE, MEETING, NEARER, antialias
from tests.painted_room import room
from tests.rendering.test_painted import floor_paint, quarters


def test_noise_on_both_sides_of_a_scanned_plane_is_noise() -> None:
    rng = np.random.default_rng(0)
    draw = rng.random((240, 320))
    against = np.zeros(draw.shape, np.uint8)
    against[:, :160] = np.where(draw < 0.2, NEARER, np.where(draw < 0.4, BEYOND, 0))[:, :160]
    thing = (slice(100, 140), slice(220, 260))
    against[thing] = NEARER
    on, sure = (against == 0).astype(np.float32), np.ones(draw.shape, np.float32)
    _forgive(on, sure, against)
    assert on[:, :150].mean() > 0.95
    assert on[thing].max() == 0


def test_rough_scans_lie_in_their_plane_and_edges_do_not() -> None:
    _, scene = room()
    rng = np.random.default_rng(1)
    vertices = np.array(scene.mesh.vertices)
    flat = np.abs(vertices[:, 1]) < 1e-6
    vertices[flat, 1] += rng.normal(0, 0.003, flat.sum()).astype(np.float32)  # steps of 25 mm: 10 degrees and more
    scene = replace(scene, mesh=Mesh(vertices, scene.mesh.faces, scene.mesh.colors))
    found = PaintLayer(scene, [floor_paint(quarters)])._paints[0]._in_plane
    of_floor = flat[scene.mesh.faces].all(axis=1)
    assert (found[of_floor] == IN_PLANE).mean() > 0.97
    assert (found[~of_floor] == 0).all()


def test_walls_that_meet_a_painted_wall_stand_before_nothing() -> None:
    """Seen from the wall of the room's end, its floor meets it; the box does not."""
    _, scene = room()
    T = np.eye(4)
    T[:3, :3] = np.array([(0, 1, 0), (-1, 0, 0), (0, 0, 1)], float)  # its normal is +x
    T[0, 3] = -1.5
    wall = Plane("plane_1", Label.WALL, 1.0, T, np.array([(-2.0, -1.2), (0, -1.2), (0, 1.2), (-2.0, 1.2)]))
    scene = replace(scene, planes=(*scene.planes, wall))
    paint = floor_paint(quarters)
    raster = replace(paint.raster, T_world_plane=T)
    found = PaintLayer(scene, [replace(paint, raster=raster, planes=("plane_1",))])._paints[0]._in_plane
    on_floor = (np.abs(scene.mesh.vertices[:, 1]) < 0.02)[scene.mesh.faces].all(axis=1)
    assert (found[on_floor] == MEETING).all() and (found[~on_floor] == 0).all()


def test_pixels_along_an_outline_get_their_share_by_colour() -> None:
    """A slanting edge between two colours, drawn eight times finer; the hard mask is off by up to half a pixel."""
    rng = np.random.default_rng(2)
    z, x = np.mgrid[: 60 * 8, : 80 * 8]
    share = (x + 0.3 * z < 400).reshape(60, 8, 80, 8).mean(axis=(1, 3))
    surface, thing = np.array([150, 160, 155]), np.array([70, 50, 40])
    color = share[..., None] * surface + (1 - share[..., None]) * thing + rng.normal(0, 2, (60, 80, 3))
    hard = (share > 0.5).astype(np.float32)
    soft = antialias(np.rint(color).astype(np.uint8), hard)
    inner = (slice(4, -4), slice(4, -4))
    assert np.abs(soft - share)[inner].sum() < 0.35 * np.abs(hard - share)[inner].sum()
    alike = antialias(np.full((60, 80, 3), 120, np.uint8), hard)
    assert (alike == hard).all(), "colours that say nothing change nothing"


def test_gaps_that_near_things_throw_into_depth_are_told_from_things_without_depth() -> None:
    from sceneforge.rendering.painted_matte_kernels import shadows_of_depth

    reach = 0.08 * 500  # a baseline of 8 cm, a focal length of 500 pixels
    depth = np.full((4, 80), 2.0, np.float32)
    depth[0, 40:] = 1.0
    depth[0, 22:40] = 0  # 40 (1 / 1 - 1 / 2) = 20 pixels may be hidden
    depth[1, 22:40] = 0  # the same gap before a wall: a black thing
    depth[2, 40:] = 1.0
    depth[2, 10:40] = 0  # too wide
    depth[3, :12] = 0  # open to the picture's border
    found = shadows_of_depth(depth, reach)
    assert found[0, 22:40].all() and found.sum() == 18


def test_specks_that_no_depth_knows_are_dropped() -> None:
    matte, sure = np.zeros((120, 240), np.float32), np.ones((120, 240), np.float32)
    matte[60:, :] = 1  # the floor; a part of it has no depth, nor has the black front above it
    sure[20:80, 100:200] = 1e-5
    matte[30:34, 120:126] = matte[42:44, 150:170] = 1
    matte[10:13, 30:33] = 1  # small, and measured
    _drop_specks(matte, sure)
    assert matte[:60, 100:200].max() == 0
    assert matte[60:].min() == 1 and matte[10:13, 30:33].min() == 1
