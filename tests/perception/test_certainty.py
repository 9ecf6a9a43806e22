"""Covariances that match the true error, edges that know whether they were seen, normals that lean on each other."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import Label, Plane
from sceneforge.core.transforms import plane_frame
from sceneforge.perception.certainty import CORRELATION_M, plane_covariance
from sceneforge.perception.planes import PlaneFit
from sceneforge.perception.refinement import refine_normals
from sceneforge.perception.surfels import Surfels
from sceneforge.perception.understand import understand_room
from tests.perception.plans import capture, level, shell, wall


def test_the_covariance_matches_the_error_of_fits_under_correlated_noise() -> None:
    rng = np.random.default_rng(0)
    x, z = (g.ravel() for g in np.meshgrid(np.arange(-1.2, 1.2, 0.05), np.arange(-0.6, 0.6, 0.05)))
    block = np.floor(x / CORRELATION_M).astype(int) * 100 + np.floor(z / CORRELATION_M).astype(int)
    _, block = np.unique(block, return_inverse=True)
    J = np.stack([np.ones_like(x), -z, x], axis=1)
    scores = []
    for _ in range(300):
        height = 0.02 * rng.standard_normal(block.max() + 1)[block]
        error = np.linalg.lstsq(J, height, rcond=None)[0]
        local = np.stack([x, height - J @ error, z], axis=1)
        C = plane_covariance(local, np.full(len(x), 0.05**2))
        scores.append(error @ np.linalg.solve(C, error))
    # Three parameters: the mean of chi-square is 3. The model ignores that cells at the rim are cut: allow 40 %.
    assert 1.8 < np.mean(scores) < 4.2


def test_sigma_grows_away_from_the_middle() -> None:
    covariance = np.diag([1e-6, 1e-4, 4e-4])
    p = Plane("p", Label.TABLE, 1.0, np.eye(4), np.array([[0, 0], [0, 1], [1, 0]], float), covariance=covariance)
    sigma = p.sigma_at(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
    assert sigma == pytest.approx(np.sqrt([1e-6, 1e-6 + 1e-4, 1e-6 + 4e-4]))


def test_edges_at_walls_are_observed_and_edges_where_the_scan_ends_are_not() -> None:
    outline = [(0, 0), (6, 0), (6, 3), (0, 3)]
    walls = [wall((0, 3), (0, 0), 2.5), wall((0, 0), (6, 0), 2.5), wall((6, 3), (0, 3), 2.5)]
    scene, _ = understand_room(capture([level(outline, 0.0), *walls]))  # nothing was seen beyond x = 6
    (floor,) = scene.planes_labelled(Label.FLOOR)
    ring = floor.to_world(floor.polygon)[:, [0, 2]]
    middle = (ring + np.roll(ring, -1, axis=0)) / 2
    at_end = np.abs(middle[:, 0] - 6) < 0.1
    assert at_end.any() and not np.array(floor.edge_observed)[at_end].any()
    assert np.array(floor.edge_observed)[~at_end].all()


def test_every_plane_of_a_closed_room_knows_itself() -> None:
    scene, _ = understand_room(capture(shell([(0, 0), (4, 0), (4, 3), (0, 3)], 2.5)))
    for p in scene.planes_labelled(Label.FLOOR, Label.WALL, Label.CEILING):
        assert all(p.edge_observed) and len(p.edge_observed) == len(p.polygon)
        assert p.covariance is not None and (np.linalg.eigvalsh(p.covariance) > 0).all()


def patch(
    normal: np.ndarray, centre: tuple[float, ...], size: tuple[float, float], noise: float, seed: int
) -> np.ndarray:
    T = plane_frame(normal, centre)
    u, v = (g.ravel() for g in np.meshgrid(*(np.arange(-s / 2, s / 2, 0.05) for s in size)))
    h = noise * np.random.default_rng(seed).standard_normal(len(u))
    return np.asarray(np.stack([u, h, v], axis=1) @ T[:3, :3].T + T[:3, 3])


def refined(true: list[np.ndarray], given: list[np.ndarray], sizes: list[tuple[float, float]]) -> list[float]:
    """Degrees between true and refined normals."""
    points = [patch(n, (3.0 * i, 0, 0), s, 0.004, i) for i, (n, s) in enumerate(zip(given, sizes, strict=True))]
    count = [len(p) for p in points]
    position = np.concatenate(points)
    normal = np.repeat(np.stack(given), count, axis=0)
    none = np.zeros(0, np.int32)
    total = len(position)
    surfels = Surfels(
        position, normal, np.zeros(total), np.full(total, 0.0025), none, np.zeros(total + 1, np.int64), none
    )
    at = np.split(np.arange(total), np.cumsum(count)[:-1])
    fits = [PlaneFit(n, position[k].mean(axis=0), 0.0025 * len(k), 0.004, k) for n, k in zip(given, at, strict=True)]
    out = refine_normals(fits, surfels)
    return [float(np.degrees(np.arccos(np.clip(f.normal @ t, -1, 1)))) for f, t in zip(out, true, strict=True)]


def turned(degrees: float) -> np.ndarray:
    a = np.radians(degrees)
    return np.array([np.sin(a), 0.0, np.cos(a)])


def test_a_short_wall_takes_its_direction_from_long_ones_and_an_oblique_one_keeps_its_own() -> None:
    true = [turned(0), turned(90), turned(0), turned(45), turned(6)]
    given = [turned(0), turned(90), turned(2), turned(45), turned(6)]
    errors = refined(true, given, [(4, 2.4), (4, 2.4), (0.5, 0.6), (3, 2.4), (3, 2.4)])
    assert errors[2] < 1.0, "was 2 degrees off"
    assert max(errors[0], errors[1]) < 0.1
    assert max(errors[3], errors[4]) < 0.1, "nothing is made square that is not"
