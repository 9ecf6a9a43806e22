"""The compiled loops do what their formulas say, written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.perception.plane_kernels import between, fit_plane, lean


def test_a_fit_is_tukeys_least_squares() -> None:
    rng = np.random.default_rng(3)
    p = rng.uniform(-1, 1, (400, 3)) * [2.0, 0.004, 1.0]
    p[:60, 1] += rng.uniform(0.02, 0.3, 60)  # clutter on one side
    R = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    p, up = p @ R.T, R[:, 1]
    area, members = rng.uniform(0.5, 1.5, 400), np.sort(rng.choice(400, 300, replace=False))
    normal, centre, rms = fit_plane(p, np.tile(up, (400, 1)), area, members)

    w0, q = area[members], p[members]
    w = w0
    for _ in range(3):
        middle = (q * w[:, None]).sum(axis=0) / w.sum()
        axis = np.linalg.eigh(((q - middle) * w[:, None]).T @ (q - middle))[1][:, 0]
        off = (q - middle) @ axis
        w = w0 * np.maximum(1 - (off / max(4.685 * 1.4826 * np.median(np.abs(off)), 0.004)) ** 2, 0) ** 2
    np.testing.assert_allclose(centre, middle, atol=1e-12)
    np.testing.assert_allclose(normal, axis * np.sign(axis @ up), atol=1e-9)
    assert rms == pytest.approx(np.sqrt((w0 * off**2).sum() / w0.sum()), rel=1e-9)
    assert np.degrees(np.arccos(normal @ up)) < 0.2, "the clutter does not tilt it"


def test_samples_between_two_distances_that_face_the_plane() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(500, 3)).astype(np.float32)
    normals = rng.normal(size=(500, 3)).astype(np.float32)
    n = np.array([0.6, 0.8, 0.0])
    off = points @ n - 0.3
    expected = np.flatnonzero((off > -0.5) & (off < 0.4) & (normals @ n > 0.2))
    np.testing.assert_array_equal(between(points, normals, n, 0.3, -0.5, 0.4, 0.2), expected)


def test_planes_lean_on_each_other_as_their_residuals_say() -> None:
    """Gauss-Newton's normal equations against derivatives taken by differences."""
    rng = np.random.default_rng(1)
    T = np.tile(np.eye(4), (4, 1, 1))
    for k, normal in enumerate(([0, 1, 0], [1, 0, 0], [0, 0, 1], [-1, 0, 0])):
        y = np.array(normal, float) + rng.normal(0, 0.005, 3)
        y /= np.linalg.norm(y)
        x = np.cross(y, [0.3, 0.5, 0.8])
        x /= np.linalg.norm(x)
        T[k, :3, 0], T[k, :3, 1], T[k, :3, 2] = x, y, np.cross(x, y)
    D = np.stack([T[:, :3, 2], -T[:, :3, 0]], axis=2)
    reach, sigma, let_go = 0.05, 0.014, 0.026

    def terms(turn: np.ndarray) -> np.ndarray:
        n = T[:, :3, 1] + np.einsum("nij,nj->ni", D, turn.reshape(-1, 2))
        out = []
        for i in range(4):
            for m in ([0.0, 1.0, 0.0], *n[i + 1 :]):
                c = float(n[i] @ m)
                if abs(c) < 0.06:
                    out.append(c)
                elif abs(c) > 0.998:
                    out += [float(T[i, :3, axis] @ (n[i] - np.sign(c) * np.asarray(m))) for axis in (0, 2)]
        return np.array(out)

    r = terms(np.zeros(8))
    assert np.abs(r).max() < reach
    J = np.stack([(terms(1e-6 * e) - r) / 1e-6 for e in np.eye(8)], axis=1)
    weight = 1 / sigma**2 / (1 + (r / let_go) ** 2) ** 2
    H, g = np.zeros((8, 8)), np.zeros(8)
    lean(T, T[:, :3, 1].copy(), D, reach, sigma, let_go, H, g)
    np.testing.assert_allclose(g, J.T @ (weight * r), atol=1e-3 * np.abs(g).max())
    np.testing.assert_allclose(H, (J * weight[:, None]).T @ J, atol=1e-3 * H.max())
