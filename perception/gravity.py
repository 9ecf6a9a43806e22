"""Which way is up, when the capture does not say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core.arrays import Float64

from .surfels import Surfels


@dataclass(frozen=True)
class UpEstimate:
    """Up in the surface's own world."""

    up: Float64
    """(3,) unit vector."""
    confidence: float
    """0..1: share of the surface that is level or upright within 6 degrees, scaled."""
    spread_deg: float
    """RMS angle of the supporting surfels to level or upright."""


def prior_from_cameras(T_world_camera: Float64) -> Float64:
    """Mean up direction (3,) of the pictures, (N, 4, 4) camera-to-world: people hold cameras more or less upright."""
    up = -T_world_camera[:, :3, 1].sum(axis=0)
    norm = np.linalg.norm(up)
    return np.asarray(up / norm) if norm > 1e-6 else np.array([0.0, 1.0, 0.0])


def estimate_up(surfels: Surfels, prior: Float64, *, search_deg: float = 50.0) -> UpEstimate:
    """Up direction from floors, tables and walls.

    Rooms consist of level surfaces (normals along up) and upright ones (normals square to it). Candidates are the
    directions of flat level-looking surfels near the prior; the one that explains most surface wins, and is refined
    by minimising sum w_level |n x g|^2 + w_upright (n . g)^2, a 3x3 eigenproblem, with Tukey weights.

    Args:
        surfels: The surface.
        prior: (3,) rough up, from the cameras.
        search_deg: How far from the prior up may lie.
    """
    flat = surfels.curvature < 0.03
    n, w = surfels.normal[flat], surfels.area[flat]
    if not len(n):
        return UpEstimate(np.asarray(prior), 0.0, 90.0)
    near = np.abs(n @ prior) > np.cos(np.radians(search_deg))
    if not near.any():
        return UpEstimate(np.asarray(prior), 0.0, 90.0)
    signed = n[near] * np.sign(n[near] @ prior)[:, None]
    candidates = signed[np.argsort(-w[near], kind="stable")[:400]]
    cosine = np.abs(n @ candidates.T)
    level = np.exp(-((np.arccos(np.clip(cosine, 0, 1)) / np.radians(4)) ** 2))
    upright = np.exp(-((np.arcsin(np.clip(cosine, 0, 1)) / np.radians(4)) ** 2))
    # Walls support infinitely many ups, floors only one: they count less.
    votes = w @ (level + 0.3 * upright)
    up = candidates[int(np.argmax(votes))]
    limit = np.radians(10)
    for _ in range(12):
        c = np.abs(n @ up)
        a_level, a_upright = np.arccos(np.clip(c, 0, 1)), np.arcsin(np.clip(c, 0, 1))
        w_level = w * np.maximum(1 - (a_level / limit) ** 2, 0) ** 2
        w_upright = w * np.maximum(1 - (a_upright / limit) ** 2, 0) ** 2
        M = np.eye(3) * w_level.sum() - (n * w_level[:, None]).T @ n + (n * w_upright[:, None]).T @ n
        _, vectors = np.linalg.eigh(M)
        refined = vectors[:, 0] * np.sign(vectors[:, 0] @ up)
        converged = float(refined @ up) > 1 - 1e-14
        up, limit = refined, max(limit * 0.8, np.radians(4))
        if converged:
            break
    c = np.clip(np.abs(n @ up), 0, 1)
    angle = np.minimum(np.arccos(c), np.arcsin(c))
    good = angle < np.radians(6)
    share = float(w[good].sum() / w.sum())
    spread = float(np.degrees(np.sqrt((w[good] * angle[good] ** 2).sum() / max(w[good].sum(), 1e-12))))
    return UpEstimate(np.asarray(up), float(np.clip(share / 0.5, 0, 1)), spread)
