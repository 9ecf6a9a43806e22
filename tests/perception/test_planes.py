"""Surfels, plane fits and outlines on surfaces with known answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sceneforge.core import Mesh
from sceneforge.core.transforms import rotation_between
from sceneforge.perception.gravity import estimate_up
from sceneforge.perception.outlines import trace
from sceneforge.perception.planes import find_planes
from sceneforge.perception.surfels import SurfaceSamples, build_surfels, sample_surface


def sheet(width: float, depth: float, step: float = 0.02) -> np.ndarray:
    """Points (N, 3) of a level sheet at height 0."""
    x, z = np.meshgrid(np.arange(0, width, step), np.arange(0, depth, step))
    return np.stack([x.ravel(), np.zeros(x.size), z.ravel()], axis=1)


def samples(*sheets: tuple[np.ndarray, np.ndarray]) -> SurfaceSamples:
    points = np.concatenate([p for p, _ in sheets])
    normals = np.concatenate([np.broadcast_to(n, p.shape) for p, n in sheets])
    return SurfaceSamples(points.astype(np.float32), normals.astype(np.float32), np.full(len(points), 4e-4))


@settings(max_examples=20, deadline=None)
@given(
    st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.2),
    st.tuples(*[st.floats(-3, 3)] * 3),
    st.integers(0, 1000),
)
def test_a_noisy_sheet_is_one_plane_however_it_lies(
    normal: tuple[float, ...], offset: tuple[float, ...], seed: int
) -> None:
    n = np.asarray(normal) / np.linalg.norm(normal)
    R = rotation_between((0, 1, 0), n)
    points = sheet(1.2, 0.9)
    points[:, 1] += np.random.default_rng(seed).normal(0, 0.004, len(points))
    fits = find_planes(build_surfels(samples((points @ R.T + offset, n)), 0.05))
    assert len(fits) == 1
    assert np.degrees(np.arccos(min(fits[0].normal @ n, 1))) < 0.5
    assert abs((fits[0].centre - offset) @ n) < 0.002
    assert fits[0].area_m2 == pytest.approx(1.08, rel=0.05)


def test_the_two_sides_of_a_thin_wall_stay_apart() -> None:
    R = rotation_between((0, 1, 0), (0, 0, 1))
    front = sheet(1.0, 1.0) @ R.T
    back = front - np.array([0, 0, 0.04])
    fits = find_planes(build_surfels(samples((front, np.array([0, 0, 1.0])), (back, np.array([0, 0, -1.0]))), 0.05))
    assert sorted(round(float(f.normal[2])) for f in fits) == [-1, 1]


def test_a_step_is_two_planes_and_a_bow_is_one() -> None:
    up = np.array([0, 1.0, 0])
    left, right = sheet(1.0, 1.0), sheet(1.0, 1.0) + np.array([1.0, 0.06, 0])
    parted = find_planes(build_surfels(samples((left, up), (right, up)), 0.05))
    assert [round(float(f.centre[1]), 3) for f in parted if f.area_m2 > 0.5] == [0.0, 0.06]
    bowed = sheet(3.0, 1.0)
    bowed[:, 1] = 0.05 * (bowed[:, 0] / 3.0) ** 2
    assert len(find_planes(build_surfels(samples((bowed, up)), 0.05))) == 1


def test_a_ball_has_no_planes() -> None:
    rng = np.random.default_rng(0)
    n = rng.normal(size=(40_000, 3))
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    ball = SurfaceSamples((0.25 * n).astype(np.float32), n.astype(np.float32), np.full(len(n), 0.785 / len(n)))
    assert sum(f.area_m2 for f in find_planes(build_surfels(ball, 0.05))) < 0.25 * 0.785


def test_large_triangles_are_filled_evenly() -> None:
    quad = Mesh(
        np.array([[0, 0, 0], [2, 0, 0], [2, 0, 1], [0, 0, 1]], np.float32), np.array([[0, 2, 1], [0, 3, 2]], np.int32)
    )
    s = sample_surface(quad, 0.02)
    assert s.area.sum() == pytest.approx(2.0)
    assert np.allclose(s.normals, (0, 1, 0))
    from scipy.spatial import cKDTree

    probe = np.random.default_rng(1).uniform((0, 0, 0), (2, 0, 1), (500, 3))
    assert cKDTree(s.points).query(probe)[0].max() < 0.03


def test_outline_keeps_large_holes_and_fills_small_ones() -> None:
    xz = sheet(2.0, 1.0)[:, [0, 2]]
    inside = (np.abs(xz - (1.0, 0.5)) < (0.3, 0.2)).all(axis=1)
    speck = (np.abs(xz - (0.3, 0.3)) < 0.03).all(axis=1)
    raster = trace(xz[~inside & ~speck], close_m=0.05, min_area_m2=0.05, min_hole_m2=0.02, simplify_m=0.02)
    (outline,) = raster.outlines
    assert len(outline.holes) == 1
    assert outline.area_m2 == pytest.approx(2.0 - 0.24, rel=0.04)
    x, z = outline.holes[0].T
    assert 0.5 * (x @ np.roll(z, -1) - z @ np.roll(x, -1)) == pytest.approx(-0.24, rel=0.15)
    assert raster.piece_at(np.array([[0.5, 0.5], [5.0, 5.0]])).tolist() == [0, -1]


def test_outline_splits_pieces_that_are_apart() -> None:
    xz = sheet(1.0, 1.0)[:, [0, 2]]
    raster = trace(
        np.concatenate([xz, xz * 0.5 + (2, 0)]), close_m=0.05, min_area_m2=0.05, min_hole_m2=0.02, simplify_m=0.02
    )
    assert [o.area_m2 for o in raster.outlines] == pytest.approx([1.0, 0.25], rel=0.12)


@pytest.mark.parametrize("up", [(0, 1, 0), (0.1, 0.9, 0.4), (0.5, 0.8, -0.2)])
def test_up_from_floor_and_walls(up: tuple[float, ...]) -> None:
    u = np.asarray(up) / np.linalg.norm(up)
    R = rotation_between((0, 1, 0), u)
    floor = sheet(2.0, 2.0)
    wall = sheet(2.0, 1.5) @ rotation_between((0, 1, 0), (1, 0, 0)).T
    rng = np.random.default_rng(3)
    parts = []
    for points, n in ((floor, (0, 1, 0)), (wall, (1, 0, 0))):
        noisy = points + np.asarray(n) * rng.normal(0, 0.004, (len(points), 1))
        parts.append((noisy @ R.T, R @ np.asarray(n, float)))
    found = estimate_up(build_surfels(samples(*parts), 0.05), np.array([0, 1.0, 0]))
    assert np.degrees(np.arccos(np.clip(found.up @ u, -1, 1))) < 0.3
    assert found.confidence > 0.9
