"""Pose graph: all views' poses from all links at once, robustly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sceneforge.core.arrays import Float64, Int32

from .geometry import adjoint, exp, inverses, log
from .links import Link

ROUNDS = 40
"""At most this many steps per kernel width."""


def optimise(poses: Float64, links: Sequence[Link], fixed: int, *, kernel: float = 4.0) -> Float64:
    """Poses that suit all links best, wrong ones ignored.

    Robust least squares on SE(3) (Grisetti et al. 2010). The Cauchy kernel starts wide and narrows (graduated
    non-convexity, Yang et al. 2020), so that a wrong link in the first guess does not decide the outcome.

    Args:
        poses: (n, 4, 4) first guess, T_world_view.
        links: Links between them; views without links keep their pose.
        fixed: The view that does not move; views not connected to it turn about the first of their own.
        kernel: Residuals above this many standard deviations lose weight in the end.

    Returns:
        (n, 4, 4) optimised poses.
    """
    for width in (64 * kernel, 16 * kernel, 4 * kernel, kernel):
        poses = _descend(poses, links, fixed, width)
    return poses


def _descend(poses: Float64, links: Sequence[Link], fixed: int, kernel: float) -> Float64:
    """Levenberg-Marquardt with one sparse factorisation per step."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.linalg import splu

    if not links:
        return poses.copy()
    ia, ib, _, information = _arrays(links)
    touched = np.zeros(len(poses), dtype=bool)
    touched[ia] = touched[ib] = True
    for group in components(len(poses), [(x.a, x.b) for x in links]):  # each needs a view that holds it still
        touched[fixed if fixed in group else group[0]] = False
    column = np.cumsum(touched) - 1
    n = int(touched.sum())
    poses = poses.copy()
    damping, cost = 1e-4, _cost(residuals(poses, links), information, kernel)
    for _ in range(ROUNDS):
        e = residuals(poses, links)
        m2 = np.einsum("ei,eij,ej->e", e, information, e)
        W = information / (1 + m2 / kernel**2)[:, None, None]
        # e(exp) = e - da + Ad(T_a_b) db for right perturbations of both poses
        A = adjoint(inverses(poses[ia]) @ poses[ib])
        WA = W @ A
        blocks = [(ia, ia, W), (ib, ib, np.swapaxes(A, 1, 2) @ WA), (ia, ib, -WA), (ib, ia, -np.swapaxes(WA, 1, 2))]
        rows, cols, values = [], [], []
        for r, c, block in blocks:
            use = touched[r] & touched[c]
            base_r, base_c = column[r[use]] * 6, column[c[use]] * 6
            rows.append(np.broadcast_to(base_r[:, None, None] + np.arange(6)[None, :, None], (use.sum(), 6, 6)).ravel())
            cols.append(np.broadcast_to(base_c[:, None, None] + np.arange(6)[None, None, :], (use.sum(), 6, 6)).ravel())
            values.append(block[use].ravel())
        H = coo_matrix(
            (np.concatenate(values), (np.concatenate(rows), np.concatenate(cols))), shape=(6 * n, 6 * n)
        ).tocsc()
        We = np.einsum("eij,ej->ei", W, e)
        g = np.zeros((len(poses), 6))
        np.add.at(g, ia, -We)
        np.add.at(g, ib, np.einsum("eji,ej->ei", A, We))
        gradient = g[touched].ravel()
        improved = False
        for _ in range(8):
            damped = H.copy()
            damped.setdiag(H.diagonal() * (1 + damping) + 1e-9)
            step = splu(damped).solve(-gradient).reshape(-1, 6)
            trial = poses.copy()
            trial[touched] = poses[touched] @ exp(step)
            trial_cost = _cost(residuals(trial, links), information, kernel)
            if trial_cost < cost:
                improved, damping = True, max(damping / 5, 1e-9)
                break
            damping *= 6
        if not improved:
            break
        gain = cost - trial_cost
        poses, cost = trial, trial_cost
        if gain < 1e-7 * cost + 1e-12:
            break
    return poses


def residuals(poses: Float64, links: Sequence[Link]) -> Float64:
    """Twists (m, 6) by which each link's poses differ from its measurement, in the reference view's axes."""
    ia, ib, measured, _ = _arrays(links)
    return log(inverses(poses[ia]) @ poses[ib] @ inverses(measured))


def strain(poses: Float64, links: Sequence[Link]) -> Float64:
    """How many standard deviations (m,) each link is off."""
    e = residuals(poses, links)
    return np.asarray(np.sqrt(np.einsum("ei,eij,ej->e", e, _arrays(links)[3], e)))


def components(count: int, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Connected sets of 0..count-1, each ascending; the largest first, then by first member."""
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs:
        a, b = root(i), root(j)
        parent[max(a, b)] = min(a, b)
    sets: dict[int, list[int]] = {}
    for i in range(count):
        sets.setdefault(root(i), []).append(i)
    return sorted(sets.values(), key=lambda s: (-len(s), s[0]))


def spanning_poses(count: int, links: Sequence[Link], quality: Sequence[float]) -> Float64:
    """First poses (n, 4, 4) along the tree of the best links; each component starts at its first view."""
    order = sorted(range(len(links)), key=lambda k: (-quality[k], links[k].a, links[k].b))
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    neighbours: list[list[tuple[int, Float64]]] = [[] for _ in range(count)]
    for k in order:
        link = links[k]
        a, b = root(link.a), root(link.b)
        if a == b:
            continue
        parent[max(a, b)] = min(a, b)
        neighbours[link.a].append((link.b, link.T_a_b))
        neighbours[link.b].append((link.a, inverses(link.T_a_b)))
    poses = np.tile(np.eye(4), (count, 1, 1))
    seen = [False] * count
    for start in range(count):
        stack = [] if seen[start] else [start]
        seen[start] = True
        while stack:
            i = stack.pop()
            for j, T in neighbours[i]:
                if not seen[j]:
                    seen[j] = True
                    poses[j] = poses[i] @ T
                    stack.append(j)
    return poses


def _arrays(links: Sequence[Link]) -> tuple[Int32, Int32, Float64, Float64]:
    ia = np.array([x.a for x in links], dtype=np.int32)
    ib = np.array([x.b for x in links], dtype=np.int32)
    return ia, ib, np.stack([x.T_a_b for x in links]), np.stack([x.information for x in links])


def _cost(e: Float64, information: Float64, kernel: float) -> float:
    m2 = np.einsum("ei,eij,ej->e", e, information, e)
    return float((kernel**2 * np.log1p(m2 / kernel**2)).sum())
