"""Groups of touching things parted at table tops: what stands on a top, and what is pushed up to it, is its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sceneforge.core import Label, Plane
from sceneforge.core.arrays import Int32

from .surfels import Int64, Surfels

MIN_TOP_M2 = 0.2
ABOVE_M = 0.05
"""Surface this far above a top stands on it: a surfel, so that the rounding of the rim stays with the table."""
BESIDE_M = 0.10
"""Surface farther out than this from a top is not the table's: rims and legs stand out less."""


def part_at_tops(members: Int64, surfels: Surfels, planes: Sequence[Plane], surfel_plane: Int32) -> list[Int64]:
    """Part a connected group of surfels, the tables first, in the order of their tops.

    Each surfel under or at a top belongs to it; between two tops the nearer one takes it. What is above a top, or out
    beyond all of them, falls into connected pieces of its own. A group without a table top stays whole.
    """
    import shapely

    here = surfel_plane[members]
    tops = [
        i
        for i in np.unique(here[here >= 0]).tolist()
        if planes[i].label is Label.TABLE and planes[i].area_m2 >= MIN_TOP_M2 and (here == i).sum() >= 10
    ]
    if not tops:
        return [members]
    p = surfels.position[members]
    owner = np.full(len(members), -1, np.int64)
    nearest = np.full(len(members), BESIDE_M)
    for n, i in enumerate(tops):
        local = planes[i].to_local(p)
        away = shapely.distance(shapely.Polygon(planes[i].polygon).buffer(0), shapely.points(local[:, 0], local[:, 2]))
        take = (away < nearest) & (local[:, 1] < ABOVE_M)
        owner[take], nearest[take] = n, away[take]
    parts = [members[owner == n] for n in range(len(tops))]
    return [*(g for g in parts if len(g)), *connected(surfels, members[owner < 0])]


def connected(surfels: Surfels, chosen: Int64) -> list[Int64]:
    """Connected groups of the chosen surfels."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    if not len(chosen):
        return []
    size = len(surfels.area)
    ones = np.ones(len(surfels.indices), np.uint8)
    graph = csr_matrix((ones, surfels.indices, surfels.indptr), shape=(size, size))
    count, group = connected_components(graph[chosen][:, chosen], directed=False)
    order = np.argsort(group, kind="stable")
    return np.split(chosen[order], np.searchsorted(group[order], np.arange(1, count)))
