"""Walls as a person means them: upright pieces of surface gathered into one plane per wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Label, Plane
from sceneforge.core.arrays import Float64, Int32, runs
from sceneforge.core.transforms import plane_frame

from .labelling import Levels
from .planes import fit
from .surfels import Int64, SurfaceSamples, Surfels

CELL_M = 0.05
"""Raster cell on walls: a surfel."""
ON_M = 0.06
"""Surface this close to a wall's plane is the wall: scanned walls bow by centimetres."""
COPLANAR_M = 0.05
"""Pieces of one wall, seen at different times, lie this close to one plane."""
REACH_M = 3.0
"""Pieces of one wall are at most a window or a wide doorway apart."""
UPRIGHT = float(np.sin(np.radians(12)))

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class WallLine:
    """One wall plane. Local frame: +X along the wall, level; +Y into free space; heights run along -Z."""

    T: Float64
    """(4, 4) T_world_plane; the origin lies on the wall at floor height."""
    members: tuple[int, ...]
    """Planes gathered, largest first."""
    surfels: Int64
    """Their surfels, ascending."""
    seen: Mask
    """(rows, columns): cells with surface on the plane, rows upwards from the floor."""
    start: float
    """Local x of the first column's left edge."""
    area_m2: float
    """Surface of the members."""
    rise: tuple[float, float]
    """Heights above the floor between which the members lie, 2 % of their surface left out at each end."""

    @property
    def spans(self) -> tuple[tuple[float, float], ...]:
        """Stretches [x0, x1] along the wall where at least 15 cm of height were seen, gaps below 15 cm closed."""
        return tuple((self.start + a * CELL_M, self.start + b * CELL_M) for a, b in runs(self.seen.sum(axis=0) >= 3, 3))

    @property
    def length(self) -> float:
        """Metres from the first to the last stretch."""
        s = self.spans
        return s[-1][1] - s[0][0] if s else 0.0

    def plan(self, x: float) -> Float64:
        """World [x, z] of the wall's point at local x, half way up what was seen of it."""
        middle = sum(self.rise) / 2
        return np.asarray(self.T[[0, 2], 3] + x * self.T[[0, 2], 0] - middle * self.T[[0, 2], 2])

    @property
    def normal2(self) -> Float64:
        """(2,) unit normal in plan."""
        n = self.T[[0, 2], 1]
        return np.asarray(n / np.linalg.norm(n))


def gather_walls(
    planes: tuple[Plane, ...],
    surfel_plane: Int32,
    surfels: Surfels,
    samples: SurfaceSamples,
    levels: Levels,
) -> tuple[list[WallLine], set[int]]:
    """Wall planes, largest first, and the indices of planes labelled wall that are none.

    Upright pieces that lie on one plane no farther apart than a wide doorway become one line. A line is a wall when
    geometry said so of one of its pieces, when its pieces together bound the scene, or when it rises from floor to
    ceiling, however narrow. Fronts of cupboards and layers on a wall are taken out: a larger parallel wall runs behind
    them and they end below the ceiling.
    """
    upright = [i for i, p in enumerate(planes) if abs(p.normal[1]) < UPRIGHT and p.area_m2 >= 0.12]
    upright.sort(key=lambda i: (planes[i].label is not Label.WALL, -planes[i].area_m2, i))
    own = {i: np.flatnonzero(surfel_plane == i) for i in upright}
    upright = [i for i in upright if len(own[i]) >= 3]
    groups: list[list[int]] = []
    for i in upright:
        home = _home(i, groups, planes, surfels, own)
        if home is None:
            groups.append([i])
        else:
            home.append(i)
    groups = _chained(groups, planes, surfels, own)
    lines = [_line(g, np.sort(np.concatenate([own[i] for i in g])), surfels, samples, levels) for g in groups]
    lines = [x for x in lines if x.spans]
    sure = [x for x in lines if any(planes[m].label is Label.WALL for m in x.members)]
    lines = [x for x in lines if x in sure or _is_wall(x, sure, surfels, levels)]
    lines.sort(key=lambda x: (-x.area_m2, x.members))
    kept = [x for k, x in enumerate(lines) if not any(_covers(other, x, levels) for other in lines if other is not x)]
    inside = {m for x in kept for m in x.members}
    return kept, {i for i, p in enumerate(planes) if p.label is Label.WALL and i not in inside}


def _home(
    i: int, groups: list[list[int]], planes: tuple[Plane, ...], surfels: Surfels, own: dict[int, Int64]
) -> list[int] | None:
    """The group whose first plane the piece lies on, the nearest plane first."""
    from scipy.spatial import cKDTree

    piece, best, home = planes[i], COPLANAR_M, None
    p = surfels.position[own[i]]
    slack = np.arctan2(0.02, np.sqrt(piece.area_m2) / 2)
    for group in groups:
        first = planes[group[0]]
        if first.normal @ piece.normal < np.cos(np.radians(4) + slack):
            continue
        off = float(np.median(np.abs((p - first.origin) @ first.normal)))
        if off >= best:
            continue
        mates = np.concatenate([surfels.position[own[m]] for m in group])
        gap, _ = cKDTree(mates).query(p[:: max(1, len(p) // 100)], distance_upper_bound=REACH_M)
        if np.isfinite(gap).any():
            best, home = off, group
    return home


def _chained(
    groups: list[list[int]], planes: tuple[Plane, ...], surfels: Surfels, own: dict[int, Int64]
) -> list[list[int]]:
    """Groups whose pieces came within reach of each other only by way of later ones, joined."""
    k = 1
    while k < len(groups):
        home = _home(groups[k][0], groups[:k], planes, surfels, own)
        if home is None:
            k += 1
        else:
            home.extend(groups.pop(k))
            k = 1
    return groups


def _line(group: list[int], members: Int64, surfels: Surfels, samples: SurfaceSamples, levels: Levels) -> WallLine:
    own = members
    for _ in range(3):
        f = fit(surfels, members)
        T = plane_frame(f.normal, f.centre)
        # Down along the wall to floor height.
        T[:3, 3] += T[:3, 2] * (f.centre[1] - levels.assumed_floor) / max(-float(T[1, 2]), 1e-6)
        start, seen, strips = _raster(T, own, surfels, samples)
        # Piers far along the wall hold its direction better than its longest piece does.
        off = (surfels.position - T[:3, 3]) @ T[:3, 1]
        on = np.flatnonzero((np.abs(off) < ON_M) & (surfels.normal @ T[:3, 1] > 0.7)) if strips else own
        along = (surfels.position[on] - T[:3, 3]) @ T[:3, 0]
        piers = [on[(along > a) & (along < b)] for a, b in strips]
        wider = np.unique(np.concatenate([own, *piers]))
        if len(wider) == len(members):
            break
        members = wider
    heights = surfels.position[own, 1] - levels.assumed_floor
    rank = np.argsort(heights, kind="stable")
    share = np.cumsum(surfels.area[own][rank]) / surfels.area[own].sum()
    low, high = (float(heights[rank[min(int(np.searchsorted(share, q)), len(rank) - 1)]]) for q in (0.02, 0.98))
    area = float(surfels.area[own].sum())
    return WallLine(T, tuple(group), own, seen, start, area, (low, high))


def _raster(
    T: Float64, own: Int64, surfels: Surfels, samples: SurfaceSamples
) -> tuple[float, Mask, list[tuple[float, float]]]:
    """Left edge and cells of what was seen on a wall's plane, piers included, and the piers' ends along it."""
    ends = (surfels.position[own] - T[:3, 3]) @ T[:3, 0]
    low_end, high_end = ends.min() - 0.15, ends.max() + 0.15
    start = float(np.floor((low_end - 2 * REACH_M) / CELL_M) * CELL_M)
    columns = int(np.ceil((high_end + 2 * REACH_M - start) / CELL_M))
    local = near_plane(samples, T, (-ON_M, ON_M), 0.7)
    column = np.floor((local[:, 0] - start) / CELL_M).astype(np.int64)
    row = np.floor(-local[:, 2] / CELL_M).astype(np.int64)
    inside = (column >= 0) & (column < columns) & (row >= 0)
    seen = np.zeros((int(row[inside].max(initial=0)) + 1, columns), bool)
    seen[row[inside], column[inside]] = True
    first, last = int((low_end - start) / CELL_M), int(np.ceil((high_end - start) / CELL_M))
    left, right, piers = _with_piers(seen, first, last)
    strips = [(start + a * CELL_M, start + b * CELL_M) for a, b in piers]
    start, seen = start + left * CELL_M, seen[:, left:right]
    return start, seen[: int(np.flatnonzero(seen.any(axis=1)).max(initial=0)) + 1], strips


def near_plane(samples: SurfaceSamples, T: Float64, within: tuple[float, float], facing: float) -> Float64:
    """Local positions (K, 3) of the samples between two distances from a plane that face its side."""
    from .plane_kernels import between

    n = np.ascontiguousarray(T[:3, 1])
    some = between(samples.points, samples.normals, n, float(n @ T[:3, 3]), *within, facing)
    return np.asarray((samples.points[some] - T[:3, 3]) @ T[:3, :3])


def _with_piers(seen: Mask, first: int, last: int) -> tuple[int, int, list[tuple[int, int]]]:
    """Columns [first, last) of a wall widened to the piers beside it, and those piers.

    Piers are upright strips on its plane, a metre high and half as high as the wall was seen, no farther from the last
    one than a window is wide. What lies between them decides whether the wall goes on (`enclosure`).
    """
    tall = seen[:, first:last].sum(axis=0)
    if not tall.any():
        return first, last, []
    least = max(1.0 / CELL_M, 0.5 * float(np.percentile(tall[tall > 0], 75)))
    strips = [(a, b) for a, b in runs(seen.sum(axis=0) >= least, 1) if b - a >= 2]
    gap, width, taken = round(REACH_M / CELL_M), seen.shape[1], []
    left, right = first, last
    for a, b in strips:
        if last <= a <= right + gap:
            right = min(b + 3, width)
            taken.append((a, b))
    for a, b in reversed(strips):
        if first >= b >= left - gap:
            left = max(a - 3, 0)
            taken.append((a, b))
    return left, right, taken


def _is_wall(x: WallLine, sure: list[WallLine], surfels: Surfels, levels: Levels) -> bool:
    low, high = x.rise
    if levels.ceiling is not None and levels.floor is not None and sure:
        height = levels.ceiling - levels.floor
        own = (surfels.position[x.surfels] - x.T[:3, 3]) @ x.T[:3, 0]
        width = float(np.ptp(np.percentile(own, [3, 97])))
        # A jog or a pillar's side stands square on a wall, the rounding of a corner does not.
        turn = max(abs(float(x.normal2 @ np.array([-s.normal2[1], s.normal2[0]]))) for s in sure)
        whole = low < 0.8 and high > height - 0.4 and x.area_m2 > 0.4 * width * height
        if whole and width > 0.15 and turn > np.cos(np.radians(10)):
            return True
    side = (surfels.position - x.T[:3, 3]) @ x.T[:3, 1]
    beyond = float(surfels.area[side < -0.15].sum() / surfels.area.sum())
    if beyond < 0.01 and low < 0.3 and high > 1.0 and x.area_m2 > 0.35 and any(_corners(x, s, surfels) for s in sure):
        return True  # the foot of a wall of which the scan saw no more
    return bool(x.area_m2 > 1.2 and high > 1.7 and high - low > 1.2 and x.length > 1.0 and beyond < 0.04)


def _corners(x: WallLine, wall: WallLine, surfels: Surfels) -> bool:
    """Whether `x` stands square on a wall and reaches it within its length."""
    if abs(float(x.normal2 @ wall.normal2)) > np.sin(np.radians(10)):
        return False
    local = (surfels.position[x.surfels] - wall.T[:3, 3]) @ wall.T[:3, :3]
    along, reach = float(np.median(local[:, 0])), float(np.abs(local[:, 1]).min())
    return reach < 0.25 and wall.spans[0][0] - 0.3 < along < wall.spans[-1][1] + 0.3


def _covers(wall: WallLine, x: WallLine, levels: Levels) -> bool:
    """Whether `x` is a cupboard's front or a layer on `wall`: parallel, before it, and short of the ceiling."""
    if wall.area_m2 < 0.8 * x.area_m2 or wall.T[:3, 1] @ x.T[:3, 1] < np.cos(np.radians(10)):
        return False
    middle = x.plan((x.spans[0][0] + x.spans[-1][1]) / 2)
    before = float((middle - wall.plan(0.0)) @ wall.normal2)
    if not -0.04 < before < 0.95:
        return False
    a, b = (float((x.plan(e) - wall.T[[0, 2], 3]) @ wall.T[[0, 2], 0]) for e in (x.spans[0][0], x.spans[-1][1]))
    a, b = min(a, b), max(a, b)
    shared = min(b, wall.spans[-1][1] + 0.3) - max(a, wall.spans[0][0] - 0.3)
    low, high = x.rise
    top = 2.25 if levels.ceiling is None else levels.ceiling - levels.assumed_floor - 0.25
    # Furniture may hide its foot; bits scattered over a wall's height are no second wall.
    # A layer closer than that shares its cells with the wall itself.
    seen = float(x.seen.sum()) * CELL_M**2 if before > ON_M + 0.02 else x.area_m2
    whole = low < 0.8 and high > top and seen > 0.4 * sum(d - c for c, d in x.spans) * (high - low)
    return shared > 0.6 * (b - a) and not whole
