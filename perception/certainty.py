"""How well a plane is known: the covariance of its pose, and which edges of its outline were really seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Plane
from sceneforge.core.arrays import Float64, Int32

from .surfels import Surfels

CORRELATION_M = 0.3
"""Errors of fused depth (warps, drift) are alike over about this distance: each such cell counts as one measurement."""
FLOOR_M = 0.002
"""No plane of a consumer scan is known better than this."""
LOOSE_RAD = 0.1
"""Standard deviation of a tilt that the surface says nothing about."""
NEAR_M = 0.1
"""An edge is a real one when something else, or the surface's own turn, lies this close beyond it: two surfels."""


def with_certainty(planes: Sequence[Plane], surfels: Surfels, surfel_plane: Int32) -> tuple[Plane, ...]:
    """The planes with `covariance` and `edge_observed` filled in from the surfels on them."""
    from scipy.spatial import cKDTree

    order = np.argsort(surfel_plane, kind="stable")
    ends = np.searchsorted(surfel_plane[order], np.arange(len(planes) + 1))
    tree = cKDTree(surfels.position)
    out = []
    for i, p in enumerate(planes):
        mine = order[ends[i] : ends[i + 1]]
        if len(mine) < 3:
            out.append(p)
            continue
        local = p.to_local(surfels.position[mine])
        covariance = plane_covariance(local, surfels.area[mine])
        edges = p.edge_observed or _edges(p, local, mine, surfels, surfel_plane == i, tree)
        out.append(replace(p, covariance=np.round(covariance, 12), edge_observed=edges))
    return tuple(out)


def plane_covariance(local: Float64, area: Float64) -> Float64:
    """Covariance (3, 3) of [offset, tilt about x, tilt about z] of a plane through points in its own frame.

    Args:
        local: (N, 3) [x, height, z].
        area: (N,) surface each point stands for, square metres.
    """
    x, height, z = local.T
    weight = area / CORRELATION_M**2  # in independent measurements
    weight = weight * max(1.0, 1.0 / float(weight.sum()))
    J = np.stack([np.ones(len(x)), -z, x], axis=1)
    spread = float((weight * height**2).sum() / weight.sum()) + FLOOR_M**2
    information = (J * weight[:, None]).T @ J / spread + np.diag([0, 1, 1]) / LOOSE_RAD**2
    return np.asarray(np.linalg.inv(information) + np.diag([FLOOR_M**2, 0, 0]))


def _edges(
    plane: Plane, local: Float64, mine: NDArray[np.int64], surfels: Surfels, own: NDArray[np.bool_], tree: object
) -> tuple[bool, ...]:
    """For each edge: whether most of it has the surface on its inside, and something else or a turn beyond."""
    from scipy.spatial import cKDTree

    near_own = cKDTree(local[:, [0, 2]])
    ring = plane.polygon
    along = np.roll(ring, -1, axis=0) - ring
    count = np.maximum(np.ceil(np.linalg.norm(along, axis=1) / 0.05).astype(int), 1)
    edge = np.repeat(np.arange(len(ring)), count)
    step = np.concatenate([(np.arange(n) + 0.5) / n for n in count])
    points = ring[edge] + along[edge] * step[:, None]
    seen = near_own.query(points)[0] < 0.09
    good = np.zeros(len(points), bool)
    world = plane.to_world(points)
    beside = tree.query_ball_point(world[seen], NEAR_M)  # type: ignore[attr-defined]
    many = np.array([len(found) for found in beside], dtype=np.int64)
    other = np.concatenate([np.asarray(found, dtype=np.int64) for found in beside if found] or [np.empty(0, np.int64)])
    ends = (surfels.normal[other] @ plane.normal < 0.85) & ~own[other]
    good[np.repeat(np.flatnonzero(seen), many)[ends]] = True
    return tuple(bool(good[edge == e].mean() >= 0.5) for e in range(len(ring)))
