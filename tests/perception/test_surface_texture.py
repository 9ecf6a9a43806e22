"""Gathering a surface's look: colours against the truth, exposure, and what is not the surface."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import Label, PaintRegion, Plane
from sceneforge.perception.exposure import frame_exposures
from sceneforge.perception.surface_mask import UNSEEN_M, candidate_mask, coplanar, surface_mask, surface_raster
from sceneforge.perception.surface_region import open_middle, region_mask
from sceneforge.perception.surface_shading import shading
from sceneforge.perception.surface_texture import gather
from tests.painted_room import BOX, GAINS, HALF_X, HALF_Z, floor_color, floor_light, room

CELL_M = 0.01


@pytest.fixture(scope="module")
def gathered():
    scan, scene = room()
    gains = frame_exposures(scan, scene, scene.track.indices)
    raster = surface_raster(scene.planes, CELL_M)
    (texture,) = gather(scan, scene, [(raster, candidate_mask(raster, scene.planes))], gains)
    return scene, gains, texture


def test_exposures_are_found_up_to_their_mean(gathered) -> None:
    _, gains, _ = gathered
    true = np.array(GAINS) / np.exp(np.mean(np.log(GAINS)))
    found = np.array([gains[i].mean() for i in range(len(GAINS))])
    assert np.abs(found / true - 1).max() < 0.02  # 8 bits per channel


def test_texture_shows_the_true_colours(gathered) -> None:
    _, _, texture = gathered
    x, z = np.meshgrid(*texture.raster.centres())
    well = (texture.weight > 0.05) & (np.abs(x) < HALF_X - 0.05) & (np.abs(z) < HALF_Z - 0.05)
    well &= (np.abs(x) > BOX[1][0] + 0.03) | (np.abs(z) > BOX[1][2] + 0.03)  # pixels on the outline hold both colours
    true = floor_color(x, z) * np.exp(np.mean(np.log(GAINS)))
    assert well.sum() > 20_000
    assert np.median(np.abs(texture.color[well] / true[well] - 1)) < 0.02
    assert np.percentile(np.abs(texture.color[well] / true[well] - 1), 99) < 0.12  # the shadow's border, 8 bits


def test_what_stands_on_the_surface_is_not_in_it(gathered) -> None:
    scene, _, texture = gathered
    x, z = np.meshgrid(*texture.raster.centres())
    rim = 0.03  # the lowest centimetre of a thing cannot be told from the floor under it
    under = (np.abs(x) < BOX[1][0] - rim) & (np.abs(z) < BOX[1][2] - rim)
    assert (texture.seen[under] > 0).mean() < 0.01
    assert texture.blocked[under].min() > 0
    mask = surface_mask(texture, scene.planes, scene)
    open_floor = (
        (np.abs(x) < HALF_X - 0.03)
        & (np.abs(z) < HALF_Z - 0.03)
        & ~((np.abs(x) < BOX[1][0] + 0.1) & (np.abs(z) < BOX[1][2] + 0.1))
    )
    assert (mask[open_floor] > 250).mean() > 0.99
    beyond = UNSEEN_M + 0.05
    outside = (np.abs(x) > HALF_X + beyond) | (np.abs(z) > HALF_Z + beyond)
    assert (mask[outside] == 0).mean() > 0.999
    assert ((mask > 20) & (mask < 235)).any()  # the edge is antialiased


def test_light_is_told_from_colour(gathered) -> None:
    scene, _, texture = gathered
    mask = surface_mask(texture, scene.planes, scene)
    light, level = shading(texture, mask)
    h, w = light.shape
    size = np.array([texture.raster.width, texture.raster.height]) * CELL_M
    x = texture.raster.origin_xz[0] + (np.arange(w) + 0.5) * size[0] / w
    z = texture.raster.origin_xz[1] + (np.arange(h) + 0.5) * size[1] / h
    inside = np.abs(z) < HALF_Z - 0.2
    lit, shadow = light[inside][:, (x > -1.2) & (x < 0.3)], light[inside][:, (x > 0.75) & (x < 1.35)]
    assert np.median(shadow) / np.median(lit) == pytest.approx(0.5, abs=0.04)
    assert np.std(np.log(lit.mean(axis=1))) < 0.06  # the stripes are the floor's own: 9 % in red alone
    assert (level > 0.1).all()
    assert floor_light(2.0) == 0.5


def test_a_wall_ends_the_floor(gathered) -> None:
    scene, _, texture = gathered
    facing = np.eye(4)
    facing[:3, :3] = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])  # normal -x
    facing[:3, 3] = (1.3, 1.0, 0)
    outline = np.array([(-1.0, -1.5), (1.0, -1.5), (1.0, 1.5), (-1.0, 1.5)])
    wall = Plane("plane_1", Label.WALL, 1.0, facing, outline, area_m2=6)
    from dataclasses import replace

    behind = texture.raster.centres()[0][None, :] > 1.3
    unseen = replace(texture, seen=np.where(behind, 0, texture.seen).astype(np.uint8))
    mask = surface_mask(unseen, scene.planes, replace(scene, planes=(*scene.planes, wall)))
    x = texture.raster.centres()[0]
    assert mask[:, x > 1.3 + 2 * CELL_M].max() == 0
    assert (mask[:, (x > 1.2) & (x < 1.28)] > 0).any()


def test_a_door_in_the_surface_is_left_out(gathered) -> None:
    from dataclasses import replace

    scene, _, texture = gathered
    outline = np.array([(-1.2, -0.8), (-0.8, -0.8), (-0.8, -0.4), (-1.2, -0.4)])
    door = Plane("plane_1", Label.DOOR, 1.0, np.eye(4), outline, area_m2=0.16)
    mask = surface_mask(texture, scene.planes, replace(scene, planes=(*scene.planes, door)))
    x, z = np.meshgrid(*texture.raster.centres())
    assert mask[(np.abs(x + 1) < 0.18) & (np.abs(z + 0.6) < 0.18)].max() == 0


def test_pieces_of_one_floor_belong_together() -> None:
    square = np.array([(-1.0, -1), (1, -1), (1, 1), (-1, 1)])

    def at(name, x, y, size=1.0):
        T = np.eye(4)
        T[:3, 3] = (x, y, 0)
        return Plane(name, Label.FLOOR, 1.0, T, square * size, area_m2=4 * size**2)

    small, large, upper = at("a", 2.2, 0.01, 0.5), at("b", 0, 0), at("c", 5, 0.4)
    assert [[p.id for p in g] for g in coplanar([small, large, upper])] == [["b", "a"], ["c"]]


def test_a_region_is_soft_and_stays_in_place() -> None:
    scan, scene = room()
    del scan
    raster = surface_raster(scene.planes, 0.02)
    full = np.full(raster.shape, 255, np.uint8)
    soft = region_mask(raster, full, PaintRegion(0.5, (0.2, 0.1), soft_m=0.2), seed=3)
    x, z = np.meshgrid(*raster.centres())
    away = np.hypot(x - 0.2, z - 0.1)
    assert soft[away < 0.2].min() > 0.99
    assert soft[away > 0.8].max() == 0
    assert 0.2 < soft[np.abs(away - 0.5) < 0.02].mean() < 0.8
    again = region_mask(raster, full, PaintRegion(0.5, (0.2, 0.1), soft_m=0.2), seed=3)
    assert (again == soft).all()
    hole = full.copy()
    hole[:, : raster.width // 2] = 0
    assert open_middle(raster, hole)[0] > raster.centres()[0][raster.width // 2]
