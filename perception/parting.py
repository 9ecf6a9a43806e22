"""Groups of touching things parted at table tops: what stands on a top, and what is pushed up to it, is its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sceneforge.core import Label, Plane
from sceneforge.core.arrays import Float64, Int32

from .surfels import Int64, Surfels

MIN_TOP_M2 = 0.2
ABOVE_M = 0.05
"""Surface this far above a top stands on it: a surfel, so that the rounding of the rim stays with the table."""
AT_WALL_M = 0.65
"""Depth of wardrobes and counters: what is farther from every wall stands free."""
EDGE_M = 0.08
"""Surfels of two faces beside their common edge are this near: each lies half a cell or less from it."""
BED_HEIGHT_M = (0.3, 0.68)
BED_M2 = (1.1, 4.8)
BED_SIDES_M = (0.75, 1.4, 2.3)
"""Beds: the least width, the least length that is free of pillows, and the greatest."""
BED_ENDS_M = (0.75, 0.9)
"""How far pillows and boards reach beyond the free part of a bed, and over it."""
BESIDE_M = 0.10
"""Surface farther out than this from a top is not the table's: rims and legs stand out less."""


def part_at_tops(
    members: Int64, surfels: Surfels, planes: Sequence[Plane], surfel_plane: Int32, floor: float
) -> list[Int64]:
    """Part a connected group of surfels, the tables first, in the order of their tops.

    Each surfel under or at a top belongs to it; between two tops the nearer one takes it. What is above a top, or out
    beyond all of them, falls into connected pieces of its own. A bed keeps what lies on it and what stands at its ends:
    pillows hide where it goes on. A group without a table top stays whole.
    """
    import shapely

    here = surfel_plane[members]
    tops = [
        i
        for i in np.unique(here[here >= 0]).tolist()
        if planes[i].label in (Label.TABLE, Label.SEAT, Label.BED)
        and (here == i).sum() >= 10
        and (is_bed(planes[i], floor) or (planes[i].label is Label.TABLE and planes[i].area_m2 >= MIN_TOP_M2))
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
    rest = connected(surfels, members[owner < 0])
    beds = [(n, planes[i]) for n, i in enumerate(tops) if is_bed(planes[i], floor)]
    parts = [[members[owner == n]] for n in range(len(tops))]
    loose: list[Int64] = []
    for g in rest:
        on = next((n for n, bed in beds if _on_bed(surfels.position[g], bed)), None)
        (loose if on is None else parts[on]).append(g)
    return [*(np.sort(np.concatenate(g)) for g in parts if sum(map(len, g))), *loose]


def is_bed(plane: Plane, floor: float) -> bool:
    """Whether a level plane is as high and as large as the free part of a bed."""
    import cv2

    low, high = BED_HEIGHT_M
    if not low < float(plane.origin[1]) - floor < high or plane.normal[1] < 0.98 or plane.area_m2 < BED_M2[0]:
        return False
    sides = sorted(cv2.minAreaRect(plane.polygon.astype(np.float32))[1])
    width, shortest, longest = BED_SIDES_M
    return bool(sides[0] > width and shortest < sides[1] < longest and plane.area_m2 < BED_M2[1])


def _on_bed(points: Float64, bed: Plane) -> bool:
    """Whether points (N, 3) lie on a bed or at its ends, no wider than it is."""
    import cv2

    middle, sides, angle = cv2.minAreaRect(bed.polygon.astype(np.float32))
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    local = bed.to_local(points)
    if np.percentile(local[:, 1], 95) > BED_ENDS_M[1]:
        return False
    p = np.abs((local[:, [0, 2]] - middle) @ np.array([[c, -s], [s, c]]))
    half = np.array(sides) / 2 + 0.08
    beyond = np.maximum(p - half, 0)
    inside = (beyond.min(axis=1) == 0) & (beyond.max(axis=1) < BED_ENDS_M[0])
    return bool(inside.mean() > 0.8)


def part_at_structure(members: Int64, surfels: Surfels, planes: Sequence[Plane], beams: float) -> list[Int64]:
    """Part a group that runs along several walls: what is higher than `beams`, then what is nearest to each wall.

    What stands far from all of them is a part too. Each part falls into its connected pieces.
    """
    import shapely

    p = surfels.position[members]
    owner = np.full(len(members), -1, np.int64)
    nearest = np.full(len(members), AT_WALL_M)
    for i, plane in enumerate(planes):
        if plane.label is not Label.WALL:
            continue
        local = plane.to_local(p)
        outline = shapely.Polygon(plane.polygon).buffer(0.1)
        shapely.prepare(outline)
        take = (np.abs(local[:, 1]) < nearest) & shapely.contains_xy(outline, local[:, 0], local[:, 2])
        owner[take], nearest[take] = i, np.abs(local[take, 1])
    owner[p[:, 1] > beams] = -2
    return [g for n in np.unique(owner) for g in connected(surfels, members[owner == n])]


def connected(surfels: Surfels, chosen: Int64) -> list[Int64]:
    """Connected groups of the chosen surfels: neighbours on the surface, also around sharp edges that stand out.

    Across a sharp edge that falls in, where one thing stands on or against another, they are no neighbours.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    if not len(chosen):
        return []
    size = len(surfels.area)
    ones = np.ones(len(surfels.indices), np.uint8)
    graph = csr_matrix((ones, surfels.indices, surfels.indptr), shape=(size, size))[chosen][:, chosen]
    around = _around_edges(surfels.position[chosen], surfels.normal[chosen])
    edges = csr_matrix((np.ones(len(around), np.uint8), around.T), shape=graph.shape)
    count, group = connected_components(graph + edges, directed=False)
    order = np.argsort(group, kind="stable")
    return np.split(chosen[order], np.searchsorted(group[order], np.arange(1, count)))


def _around_edges(position: Float64, normal: Float64) -> Int64:
    """(N, 2) pairs of points near each other whose normals part: the faces of a box beside its edges."""
    from scipy.spatial import cKDTree

    one, two = cKDTree(position).query_pairs(EDGE_M, output_type="ndarray").T
    step, turn = position[one] - position[two], normal[one] - normal[two]
    length = np.linalg.norm(step, axis=1) * np.linalg.norm(turn, axis=1)
    convex = np.einsum("ni,ni->n", step, turn) > 0.3 * length
    apart = np.einsum("ni,ni->n", normal[one], normal[two]) < -0.5
    return np.asarray(np.stack([one, two], axis=1)[convex & ~apart], dtype=np.int64)
