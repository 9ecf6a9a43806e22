"""Joint refinement of plane directions: rooms are mostly square, so planes that nearly are lean on each other.

Each plane's normal may turn by a small angle, paid for by how well its own surface fixes it. Pairs that are almost
parallel or square, and planes almost level or upright, pull with a robust weight (Geman & McClure) that lets go of true
oblique walls: a strong plane barely moves, a short one takes its direction from its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import plane_frame

from .certainty import plane_covariance
from .planes import PlaneFit
from .surfels import Surfels

MIN_AREA_M2 = 0.25
REACH_RAD = float(np.radians(3))
"""Pairs farther from parallel or square than this say nothing."""
SIGMA_RAD = float(np.radians(0.8))
"""Built rooms are square to about this, scanners with drift included."""
LET_GO_RAD = float(np.radians(1.5))
"""From about here on a pair is taken for one that is not meant to be square."""
ROUNDS = 8


def refine_normals(fits: Sequence[PlaneFit], surfels: Surfels) -> tuple[PlaneFit, ...]:
    """The fits with refined normals, in order; their centres stay. Small ones are left alone."""
    chosen = [i for i, f in enumerate(fits) if f.area_m2 >= MIN_AREA_M2]
    if not chosen:
        return tuple(fits)
    frames = [plane_frame(fits[i].normal, fits[i].centre) for i in chosen]
    own = np.stack([_information(fits[i], T, surfels) for i, T in zip(chosen, frames, strict=True)])
    turn = np.zeros((len(chosen), 2))
    for _ in range(ROUNDS):
        turn = _solve(frames, own, turn)
    out = list(fits)
    for i, T, t in zip(chosen, frames, turn, strict=True):
        out[i] = replace(fits[i], normal=_normals(T[None], t[None])[0])
    return tuple(out)


def _information(f: PlaneFit, T: Float64, surfels: Surfels) -> Float64:
    """Inverse covariance (2, 2) of the tilts about the frame's x and z."""
    local = (surfels.position[f.surfels] - T[:3, 3]) @ T[:3, :3]
    return np.asarray(np.linalg.inv(plane_covariance(local, surfels.area[f.surfels])[1:, 1:]))


def _normals(frames: Float64, turn: Float64) -> Float64:
    """(N, 3) unit normals after small tilts (N, 2) about each frame's x and z."""
    n = frames[:, :3, 1] + turn[:, :1] * frames[:, :3, 2] - turn[:, 1:] * frames[:, :3, 0]
    return np.asarray(n / np.linalg.norm(n, axis=1, keepdims=True))


def _solve(frames: Sequence[Float64], own: Float64, turn: Float64) -> Float64:
    """One Gauss-Newton step over all planes with the pairs' robust weights at the present normals."""
    from .plane_kernels import lean

    T = np.stack(frames)
    count = len(T)
    n = _normals(T, turn)
    # d n / d (tilt about x, tilt about z)
    D = np.stack([T[:, :3, 2], -T[:, :3, 0]], axis=2)
    H = np.zeros((2 * count, 2 * count))
    g = np.zeros(2 * count)
    for i in range(count):
        H[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] += own[i]
        g[2 * i : 2 * i + 2] += own[i] @ turn[i]

    lean(T, n, D, REACH_RAD, SIGMA_RAD, LET_GO_RAD, H, g)
    return np.asarray(turn - np.linalg.solve(H, g).reshape(-1, 2))
