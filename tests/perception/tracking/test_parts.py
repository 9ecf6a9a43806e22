"""The tracker's parts against known answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sceneforge.core import Frame
from sceneforge.perception.tracking import geometry, graph, kernels
from sceneforge.perception.tracking.calibration import ColorCorrection, map_depth
from sceneforge.perception.tracking.consensus import relative_pose
from sceneforge.perception.tracking.features import detect, match, picture_vectors
from sceneforge.perception.tracking.links import Link
from sceneforge.perception.tracking.views import View, make_view
from tests.perception.tracking.boxroom import CAMERA, BoxRoom, walk


def random_poses(count: int, seed: int, size: float = 1.0) -> np.ndarray:
    return geometry.exp(np.random.default_rng(seed).normal(0, size, (count, 6)))


@pytest.fixture(scope="module")
def views() -> list[View]:
    room = BoxRoom.make(1)
    frames = [Frame(k, str(k), k, *room.render(T), CAMERA, CAMERA, None) for k, T in enumerate(walk(14)[:2])]
    return [make_view(f) for f in frames]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1.5, 1.5), min_size=6, max_size=6))
def test_log_undoes_exp(twist):
    x = np.array(twist)
    assert np.allclose(geometry.log(geometry.exp(x)), x, atol=1e-7)


def test_adjoint_moves_twists():
    T = random_poses(1, 0)[0]
    x = np.array([0.1, -0.2, 0.3, 0.2, 0.1, -0.3])
    assert np.allclose(geometry.exp(geometry.adjoint(T) @ x), T @ geometry.exp(x) @ geometry.inverses(T))


def test_kabsch_finds_the_motion():
    T = random_poses(5, 1)
    B = np.random.default_rng(2).normal(size=(5, 3, 3))
    A = B @ np.swapaxes(T[:, :3, :3], 1, 2) + T[:, None, :3, 3]
    assert np.allclose(geometry.kabsch(A, B), T)


def test_normals_of_a_slanted_plane():
    rays = CAMERA.resized(80, 60).rays()
    n = np.array([0.3, 0.4, -0.866])
    n /= np.linalg.norm(n)
    z = -2.0 / (rays @ n)
    normals = kernels.surface_normals((rays * z[..., None]).astype(np.float32), 2, 0.03)
    assert np.allclose(normals[5:-5, 5:-5], n, atol=2e-3)


@pytest.mark.parametrize("compiled", [True, False])
def test_dense_gradient_is_the_slope_of_the_cost(views, compiled):
    """The compiled loop and its plain source give the slope of sum of robust residuals, within association changes."""
    a, b = views
    truth = geometry.inverses(np.stack(walk(14)[:1]))[0] @ walk(14)[1]
    T = geometry.exp(np.full(6, 2e-3)) @ truth
    stride = 1 if compiled else 6
    maps = [np.ascontiguousarray(m[::stride, ::stride]) for m in (b.points, b.normals, b.shade)]
    run = kernels.dense_equations if compiled else kernels._dense_equations
    noise = np.array([0.01, 0.0])

    def cost(x: np.ndarray) -> float:
        return run(geometry.exp(x) @ T, a.points, a.normals, a.shade, a.camera, *maps, 50.0, noise, 0.0)[2][4]

    H, g, stats = run(T, a.points, a.normals, a.shade, a.camera, *maps, 50.0, noise, 0.0)
    assert stats[1] > 0.3 * stats[0]
    assert np.allclose(H, H.T) and np.linalg.eigvalsh(H)[0] > 0
    step = -np.linalg.solve(H, g)
    assert cost(step) < cost(np.zeros(6))
    assert np.linalg.norm(geometry.log(geometry.exp(step) @ T @ geometry.inverses(truth[None])[0])) < 4e-3


def test_compiled_loops_equal_their_source(views):
    a, b = views
    maps = [np.ascontiguousarray(m[::8, ::8]) for m in (b.points, b.normals, b.shade)]
    args = (np.eye(4), a.points, a.normals, a.shade, a.camera, *maps, 50.0, np.array([0.01, 0.0]), 0.01)
    for fast, slow in zip(kernels.dense_equations(*args), kernels._dense_equations(*args), strict=True):
        assert np.allclose(fast, slow, rtol=1e-5, atol=1e-6)
    rng = np.random.default_rng(0)
    args = (random_poses(1, 3, 0.1)[0], rng.normal(0, 0.2, (20, 2)), rng.uniform(1, 3, 20))
    args = (
        *args,
        rng.normal(0, 0.2, (20, 2)),
        rng.uniform(1, 3, 20) * (np.arange(20) % 3 > 0),
        0.01,
        np.ones(2) * 0.01,
    )
    for fast, slow in zip(kernels.feature_equations(*args), kernels._feature_equations(*args), strict=True):
        assert np.allclose(fast, slow)


def test_feature_steps_reach_the_true_pose():
    T, (ra, da, rb, db) = matches(40, 0, seed=4)
    estimate = geometry.exp(np.full(6, 0.03)) @ T
    for _ in range(15):
        H, g, errors = kernels.feature_equations(estimate, ra, da, rb, db, 0.003, np.array([0.002, 0.001]))
        estimate = geometry.exp(-np.linalg.solve(H, g)) @ estimate
    assert np.allclose(estimate, T, atol=1e-6) and errors.max() < 1e-3


def matches(good: int, wrong: int, seed: int):
    """True pose and matches (rays_a, depth_a, rays_b, depth_b): `good` exact ones, then `wrong` random ones."""
    rng = np.random.default_rng(seed)
    T = geometry.exp(np.array([0.2, -0.1, 0.15, 0.1, -0.2, 0.05]))
    B = np.column_stack([rng.uniform(-1, 1, (good, 2)), rng.uniform(1.5, 3, good)])
    A = B @ T[:3, :3].T + T[:3, 3]
    rays = [np.concatenate([P[:, :2] / P[:, 2:], rng.uniform(-0.5, 0.5, (wrong, 2))]) for P in (A, B)]
    depth = [np.concatenate([P[:, 2], rng.uniform(1.5, 3, wrong)]) for P in (A, B)]
    return T, (rays[0], depth[0], rays[1], depth[1])


@pytest.mark.parametrize("wrong", [0, 30, 90])
def test_consensus_survives_wrong_matches(wrong):
    T, data = matches(30, wrong, seed=wrong)
    found = relative_pose(*data, tolerance=0.005, seed=1)
    assert found is not None
    assert np.allclose(found[0], T, atol=1e-6)
    assert (found[1][:30] <= 1).all() and np.count_nonzero(found[1][30:] <= 1) <= 2


def test_consensus_where_one_view_lacks_depth():
    T, (ra, _, rb, db) = matches(30, 10, seed=5)
    found = relative_pose(ra, np.zeros(40), rb, db, tolerance=0.005, seed=1)
    assert found is not None and np.allclose(found[0], T, atol=1e-4)


def test_no_consensus_among_random_matches():
    _, data = matches(0, 40, seed=6)
    found = relative_pose(*data, tolerance=0.005, seed=1)
    assert found is None or np.count_nonzero(found[1] <= 1) < 10


def test_match_is_mutual_nearest_neighbour():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 60, (50, 128)).astype(np.uint8)
    b = np.concatenate([a[10:40], rng.integers(0, 60, (20, 128)).astype(np.uint8)])
    order = rng.permutation(50)
    pairs = match(a, b[order])
    assert {(int(i), int(order[j])) for i, j in pairs} == {(i, i - 10) for i in range(10, 40)}


def test_features_cover_the_picture():
    grey = BoxRoom.make(3).render(walk(2)[0])[0][..., 1].copy()
    xy, descriptors = detect(grey, 200)
    assert len(xy) == 200 and descriptors.shape == (200, 128)
    assert np.abs(np.linalg.norm(descriptors.astype(float), axis=1) - 256).max() < 8
    assert len({(int(x) // 80, int(y) // 80) for x, y in xy}) >= 10


def test_alike_pictures_have_alike_vectors():
    rooms = [BoxRoom.make(k) for k in (1, 2)]
    poses = walk(30)[:2]
    described = [detect(r.render(T)[0][..., 1].copy(), 400)[1] for r in rooms for T in poses]
    v = picture_vectors(described, seed=0)
    alike = v @ v.T
    assert min(alike[0, 1], alike[2, 3]) > 2 * max(alike[0, 2], alike[0, 3], alike[1, 2], alike[1, 3])


def test_depth_along_rays_is_that_of_the_surface(views):
    v = views[0]
    good = v.depth > 0
    z = map_depth(v, v.rays)
    both = good & (z > 0)
    assert both.sum() > 0.7 * good.sum()
    assert np.median(np.abs(z - v.depth)[both]) < 0.003
    assert ColorCorrection(1.0, np.zeros(2)).scale == 1


def ring(count: int) -> tuple[np.ndarray, list[Link]]:
    """Poses on a circle and exact links between neighbours, round to the first."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    poses = geometry.exp(
        np.column_stack([np.cos(angle), 0 * angle, np.sin(angle), 0 * angle, 0.4 * np.sin(angle), 0 * angle])
    )
    poses = geometry.inverses(poses[:1]) @ poses
    return poses, [make_link(poses, i, (i + 1) % count) for i in range(count)]


def make_link(poses: np.ndarray, i: int, j: int, error: np.ndarray | None = None) -> Link:
    T = geometry.inverses(poses[i]) @ poses[j]
    if error is not None:
        T = geometry.exp(error) @ T
    return Link(i, j, T, np.diag([1e4] * 6), 50, 0.5, 0.5, 0.5, 0.9, 0.0, 0.9, 5.0)


def test_graph_spreads_drift_and_ignores_a_wrong_link():
    poses, links = ring(20)
    rng = np.random.default_rng(0)
    noisy = [make_link(poses, x.a, x.b, rng.normal(0, 0.003, 6)) for x in links]
    noisy += [make_link(poses, i, (i + 5) % 20, rng.normal(0, 0.003, 6)) for i in range(0, 20, 2)]
    noisy.append(make_link(poses, 3, 13, np.array([1.0, 0.5, 0, 0, 0.5, 0])))
    start = graph.spanning_poses(20, noisy, [1.0] * len(noisy))
    found = graph.optimise(start, noisy, 0)
    assert np.linalg.norm(found[:, :3, 3] - poses[:, :3, 3], axis=1).max() < 0.02
    assert graph.strain(found, noisy)[-1] > 50
    assert np.linalg.norm(graph.residuals(found, noisy[:-1]), axis=1).max() < 0.03


def test_graph_solves_separate_parts_side_by_side():
    poses, links = ring(12)
    rng = np.random.default_rng(1)
    parts = [x for x in links if {x.a, x.b} <= set(range(6))] + [x for x in links if {x.a, x.b} <= set(range(6, 12))]
    parts += [make_link(poses, i, i + 2, rng.normal(0, 0.002, 6)) for i in (0, 2, 3, 6, 8, 9)]
    start = graph.spanning_poses(12, parts, [1.0] * len(parts))
    start[1:6] = start[1:6] @ geometry.exp(rng.normal(0, 0.05, (5, 6)))
    start[7:] = start[7:] @ geometry.exp(rng.normal(0, 0.05, (5, 6)))
    found = graph.optimise(start, parts, 0)
    assert np.array_equal(found[0], start[0]) and np.array_equal(found[6], start[6])
    assert np.linalg.norm(graph.residuals(found, parts), axis=1).max() < 0.02


def test_components_are_ordered():
    assert graph.components(7, [(5, 6), (1, 2), (2, 4)]) == [[1, 2, 4], [5, 6], [0], [3]]
