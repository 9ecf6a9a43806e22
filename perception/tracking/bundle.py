"""Bundle adjustment: camera poses and points together, by Levenberg-Marquardt on the Schur complement.

Triggs, McLauchlan, Hartley & Fitzgibbon 2000, section 6.1; Huber weights. Sums run in a fixed order: same input, same
bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float64, Int32

from .geometry import exp, skew


@dataclass(frozen=True)
class Observations:
    """What was seen where."""

    camera: Int32
    """(k,) index of the camera."""
    point: Int32
    """(k,) index of the point."""
    ray: Float64
    """(k, 2) normalised image coordinates."""


def residuals(T: Float64, X: Float64, seen: Observations) -> tuple[Float64, Float64]:
    """Reprojection errors (k, 2) in normalised coordinates and points (k, 3) in their cameras' axes.

    Args:
        T: (n, 4, 4) camera-from-world.
        X: (m, 3) points in the world.
        seen: The observations.
    """
    Xc = np.einsum("kij,kj->ki", T[seen.camera, :3, :3], X[seen.point]) + T[seen.camera, :3, 3]
    z = np.where(np.abs(Xc[:, 2]) < 1e-6, 1e-6, Xc[:, 2])
    return Xc[:, :2] / z[:, None] - seen.ray, Xc


def adjust(
    T: Float64, X: Float64, seen: Observations, *, huber: float, iterations: int = 15, fixed: int = 0
) -> tuple[Float64, Float64]:
    """Poses and points that explain the observations best.

    Args:
        T: (n, 4, 4) camera-from-world, every one of them observed.
        X: (m, 3) points, every one of them observed.
        seen: The observations.
        huber: Residual (normalised coordinates) from where the error grows linearly.
        iterations: At most this many steps.
        fixed: The camera that stays; scale is held by damping alone.

    Returns:
        The new T and X.
    """
    cost, damping = _cost(residuals(T, X, seen)[0], huber), 1e-4
    for _ in range(iterations):
        step = _step(T, X, seen, huber, damping, fixed)
        if step is None:
            break
        T_new, X_new = exp(step[0]) @ T, X + step[1]
        cost_new = _cost(residuals(T_new, X_new, seen)[0], huber)
        if cost_new < cost:
            done = cost - cost_new < 1e-5 * cost
            T, X, cost, damping = T_new, X_new, cost_new, max(damping / 5, 1e-9)
            if done:
                break
        else:
            damping *= 8
            if damping > 1e4:
                break
    return T, X


def _cost(r: Float64, huber: float) -> float:
    e = np.linalg.norm(r, axis=1)
    return float(np.where(e < huber, 0.5 * e**2, huber * (e - 0.5 * huber)).sum())


def _step(
    T: Float64, X: Float64, seen: Observations, huber: float, damping: float, fixed: int
) -> tuple[Float64, Float64] | None:
    from scipy.sparse import bsr_matrix, csr_matrix

    n, m = len(T), len(X)
    r, Xc = residuals(T, X, seen)
    e = np.linalg.norm(r, axis=1)
    weight = np.where(e < huber, 1.0, huber / np.maximum(e, 1e-12)) * (Xc[:, 2] > 1e-3)
    z = np.maximum(Xc[:, 2], 1e-3)
    P = np.zeros((len(r), 2, 3))
    P[:, 0, 0] = P[:, 1, 1] = 1 / z
    P[:, 0, 2], P[:, 1, 2] = -Xc[:, 0] / z**2, -Xc[:, 1] / z**2
    A = np.concatenate([P, -P @ skew(Xc)], axis=2)
    B = P @ T[seen.camera, :3, :3]
    wA = A * weight[:, None, None]
    U, V = np.zeros((n, 6, 6)), np.zeros((m, 3, 3))
    a, b = np.zeros((n, 6)), np.zeros((m, 3))
    np.add.at(U, seen.camera, np.swapaxes(wA, 1, 2) @ A)
    np.add.at(V, seen.point, np.swapaxes(B * weight[:, None, None], 1, 2) @ B)
    np.add.at(a, seen.camera, -(np.swapaxes(wA, 1, 2) @ r[..., None])[..., 0])
    np.add.at(b, seen.point, -(np.swapaxes(B * weight[:, None, None], 1, 2) @ r[..., None])[..., 0])
    _damp(U, damping)
    _damp(V, damping)
    V_inverse = np.linalg.inv(V)
    W = csr_matrix((6 * n, 3 * m))
    order = np.lexsort((seen.point, seen.camera))
    blocks = (np.swapaxes(wA, 1, 2) @ B)[order]
    starts = np.r_[0, np.cumsum(np.bincount(seen.camera, minlength=n))]
    W = bsr_matrix((blocks, seen.point[order], starts), shape=(6 * n, 3 * m))
    D = bsr_matrix((V_inverse, np.arange(m), np.arange(m + 1)), shape=(3 * m, 3 * m))
    WD = (W @ D).tocsr()
    S = -(WD @ W.T.tocsr()).toarray()
    for k in range(n):
        S[6 * k : 6 * k + 6, 6 * k : 6 * k + 6] += U[k]
    g = a.ravel() - WD @ b.ravel()
    free = np.ones(6 * n, bool)
    free[6 * fixed : 6 * fixed + 6] = False
    x = np.zeros(6 * n)
    try:
        x[free] = np.linalg.solve(S[np.ix_(free, free)], g[free])
    except np.linalg.LinAlgError:
        return None
    y = np.einsum("mij,mj->mi", V_inverse, (b.ravel() - W.T @ x).reshape(m, 3))
    return (x.reshape(n, 6), y) if np.isfinite(x).all() and np.isfinite(y).all() else None


def _damp(blocks: NDArray[np.float64], damping: float) -> None:
    k = np.arange(blocks.shape[1])
    blocks[:, k, k] += damping * blocks[:, k, k] + 1e-9
