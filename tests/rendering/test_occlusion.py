"""Occlusion against exact truth: known outlines, thin things, people, holes, displaced depth."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sceneforge.core import Scene
from sceneforge.rendering.occlusion import occlusion, seen_past
from sceneforge.rendering.room_view import NONE
from tests.rendering.occlusion_stage import BETWEEN_M, CAMERA, FAR_M, NEAR_M, T, disc, frayed, plane, shot, wall_mesh


def ring(front: np.ndarray, radius: int = 3) -> np.ndarray:
    """Pixels within `radius` of the outline."""
    return cv2.morphologyEx(front.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((2 * radius + 1,) * 2, np.uint8)) > 0


def test_frayed_depth_is_cut_along_the_pictures_edge() -> None:
    s = shot(disc())
    depth = frayed(s.depth)
    raw = (plane() < depth) == s.front
    ours = s.wrong(s.view(depth))
    assert raw[ring(s.front)].mean() > 0.08, "the test must hold something to mend"
    assert ours[ring(s.front)].mean() < 0.25 * raw[ring(s.front)].mean()
    assert not ours[~ring(s.front)].any()


def test_the_edge_is_a_matte_and_both_surfaces_are_exact() -> None:
    s = shot(disc())
    mixed = cv2.GaussianBlur(s.color, (0, 0), 0.8)
    view = type(s)(s.front, mixed, s.depth).view()
    share = seen_past(view, plane())
    soft = (share > 0.05) & (share < 0.95)
    assert soft.sum() > 100 and not soft[~ring(s.front)].any()
    cut = view.cover < 1
    assert np.abs(view.near[cut] - NEAR_M).max() < 0.02 and np.abs(view.far[cut] - FAR_M).max() < 0.02
    assert (view.depth[cut] == np.where(view.cover > 0.5, view.near, view.far)[cut]).all()


@pytest.mark.parametrize("width", [2, 3, 5])
def test_thin_things_hide(width: int) -> None:
    front = np.zeros(CAMERA.shape, dtype=bool)
    for x in range(40, 300, 40):
        front[20:220, x : x + width] = True
    s = shot(front)
    wrong = s.wrong(s.view(frayed(s.depth, pixels=0.5)))
    assert wrong[front].mean() < 0.12 and wrong[ring(front) & ~front].mean() < 0.12


def test_someone_whom_the_scan_does_not_know_hides_at_once_and_is_gone_at_once() -> None:
    person = shot(disc(radius=80))
    assert not person.wrong(person.view(scene=wall_mesh())).any()
    empty = shot(np.zeros(CAMERA.shape, dtype=bool))
    assert not empty.wrong(empty.view(scene=wall_mesh(), frames=3)).any()


def test_dark_hair_is_no_window_into_the_person() -> None:
    s = shot(disc(radius=80))
    depth = np.where(disc(y=90, radius=30), 0, s.depth)
    raw = ((depth <= 0) | (plane() < depth)) == s.front
    assert raw.sum() > 2000
    assert s.wrong(s.view(depth, wall_mesh())).sum() == 0


@pytest.mark.parametrize("mesh", ["wall", "swollen", "none"])
def test_the_projectors_shadow_beside_a_near_edge_shows_what_is_behind(mesh: str) -> None:
    s = shot(disc())
    depth = s.depth.copy()
    shadow = np.zeros_like(s.front)
    for x in range(1, 9):
        shadow |= np.roll(s.front, -x, axis=1)
    shadow &= ~s.front
    depth[shadow] = 0
    scene = {"wall": wall_mesh(), "none": Scene(), "swollen": swollen()}[mesh]
    wrong = s.wrong(s.view(depth, scene))
    assert wrong[shadow].mean() < 0.05 and wrong.mean() < 0.002


def swollen() -> Scene:
    """A scan whose near disc reaches 4 cm too far out, with the wall behind."""
    from dataclasses import replace

    from sceneforge.core import Mesh

    wall = wall_mesh().mesh
    turn = np.linspace(0, 2 * np.pi, 65)[:-1]
    radius = 60 / CAMERA.fx * NEAR_M + 0.04
    rim = np.stack([radius * np.cos(turn), radius * np.sin(turn), np.full(64, -NEAR_M)], axis=1)
    middle = np.array([[0.5 / CAMERA.fx * NEAR_M, -0.5 / CAMERA.fy * NEAR_M, -NEAR_M]])
    k = np.arange(64)
    n = len(wall.vertices)
    faces = np.stack([np.full(64, n), n + 1 + k, n + 1 + (k + 1) % 64], axis=1)
    mesh = Mesh(
        np.concatenate([wall.vertices, middle, rim]).astype(np.float32),
        np.concatenate([wall.faces, faces]).astype(np.int32),
    )
    return replace(wall_mesh(), mesh=mesh)


def test_nothing_known_is_guessed_and_said_to_be() -> None:
    s = shot(np.zeros(CAMERA.shape, dtype=bool))
    depth = s.depth.copy()
    depth[100:120, 100:140] = 0
    view = s.view(depth)
    hole = view.source[103:117, 103:137]
    assert (hole == NONE).all()
    assert np.abs(view.depth[103:117, 103:137] - FAR_M).max() < 0.05
    assert (view.sigma[103:117, 103:137] > 0.1).all(), "a guess is not sure of itself"


def test_a_slanted_surface_is_not_cut() -> None:
    v = np.mgrid[: CAMERA.height, : CAMERA.width][0]
    floor = (262.5 * 1.4 / np.maximum(v + 40.0, 1)).astype(np.float32)  # from 9 m down to 1.3 m
    s = shot(np.zeros(CAMERA.shape, dtype=bool))
    view = s.view(floor)
    assert (view.cover == 1).all()
    assert np.abs(view.depth / floor - 1).max() < 0.02


def test_fattened_depth_is_measured_and_taken_back() -> None:
    front = np.zeros(CAMERA.shape, dtype=bool)
    rng = np.random.default_rng(5)
    for _ in range(14):
        x, y = rng.integers(10, 260), rng.integers(10, 190)
        front[y : y + 36, x : x + 36] = True
    s = shot(front)
    fat = cv2.dilate(front.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    depth = np.where(fat, NEAR_M, FAR_M).astype(np.float32)
    first, later = s.wrong(s.view(depth)), s.wrong(s.view(depth, frames=4))
    raw = (plane() < depth) == front
    assert later.sum() < 0.15 * raw.sum() and later.sum() <= first.sum()


def test_content_on_its_plane_is_never_eaten_by_it_but_by_what_stands_on_it() -> None:
    v = np.mgrid[: CAMERA.height, : CAMERA.width][0]
    height = 1.4
    along = (v - CAMERA.cy) / CAMERA.fy
    floor = np.where(along > 0.15, height / np.maximum(along, 0.15), 9.0).astype(np.float32)
    s = shot(np.zeros(CAMERA.shape, dtype=bool))
    biased = floor - 0.02  # the sensor says the floor is nearer than it is
    view = s.view(biased)
    z = np.where(along > 0.2, floor, np.inf).astype(np.float32)  # content that lies flat on the floor
    planes = np.array([[0.0, 1.0, 0.0, -height]])
    stands = np.zeros(z.shape, dtype=np.int32)
    coverage = np.isfinite(z).astype(np.float32)
    got = occlusion(view, z, coverage, CAMERA, T, plane_of=stands, planes=planes)
    inner = along > 0.25
    assert (got.visible[inner] > 0.99).all()
    assert got.counts()["plane"] > 0.9 * np.count_nonzero(inner)
    box = shot(disc(y=200, radius=25))
    stage = np.where(box.front, 1.0, biased).astype(np.float32)
    got = occlusion(box.view(stage), z, coverage, CAMERA, T, plane_of=stands, planes=planes)
    assert (got.visible[disc(y=200, radius=20) & inner] < 0.01).all()


def test_the_same_picture_gives_the_same_bytes() -> None:
    s = shot(disc())
    depth = frayed(s.depth)
    a, b = s.view(depth, wall_mesh()), s.view(depth, wall_mesh())
    for name in ("depth", "sigma", "source", "face", "near", "far", "cover"):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes(), name
    assert BETWEEN_M < FAR_M
