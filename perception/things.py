"""A thing under way: a group of surfels with its upright box, the walls beside it, and what carries it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Label, OrientedBox, Plane
from sceneforge.core.arrays import Float64, Int32
from sceneforge.core.transforms import make_transform, yaw_rotation

from .box_faces import fit_faces
from .box_walls import reach_back, reach_walls, walls_beside
from .furniture import Shape, shape_of
from .labelling import STRUCTURE, Levels
from .parting import is_bed
from .surfels import Int64, Surfels

MIN_AREA_M2 = 0.06
MIN_SURFELS = 12
MIN_EXTENT_M = 0.12
"""A thing is at least this large in two directions; flatter or thinner pieces are rims and noise."""
MAX_FOOTPRINT_M2 = 14.0
WALL_LEAVE = 1.15
"""A box may take this much more room to stand square to its wall."""

GROUND_M = 0.06
"""Surface this close to the floor's height is floor."""

Carrier = Literal["floor", "top", "wall", "ceiling", "unseen"]


@dataclass(frozen=True)
class Surroundings:
    """What groups are judged by."""

    surfels: Surfels
    planes: tuple[Plane, ...]
    surfel_plane: Int32
    levels: Levels
    loose: NDArray[np.bool_]
    """(S,) surfels off the structure."""
    ground: tuple[Float64, Float64]
    """Position (G, 3) and area (G,) of the surfels on the floor."""

    @classmethod
    def of(
        cls,
        surfels: Surfels,
        planes: tuple[Plane, ...],
        surfel_plane: Int32,
        levels: Levels,
        loose: NDArray[np.bool_],
    ) -> Surroundings:
        """With the floor looked up once."""
        floors = np.array([p.label is Label.FLOOR for p in planes] + [False])
        low = np.abs(surfels.position[:, 1] - levels.assumed_floor) < GROUND_M
        on = (low & (surfels.normal[:, 1] > 0.9)) | floors[surfel_plane]
        return cls(surfels, planes, surfel_plane, levels, loose, (surfels.position[on], surfels.area[on]))

    @property
    def floor(self) -> float:
        """Height of the floor, assumed where none was seen."""
        return self.levels.assumed_floor

    def floor_seen(self, T: Float64, low: Float64, high: Float64) -> float:
        """Share of a rectangle, local [x, z] of an upright frame, in which the floor was seen."""
        p = ((self.ground[0] - T[:3, 3]) @ T[:3, :3])[:, [0, 2]]
        inside = (p > low).all(axis=1) & (p < high).all(axis=1)
        return float(self.ground[1][inside].sum() / max(float(np.prod(high - low)), 1e-9))


@dataclass(frozen=True)
class Thing:
    """A group of surfels that is one thing."""

    members: Int64
    """Its surfels."""
    box: OrientedBox
    """Around it, upright."""
    walls: tuple[Plane, ...]
    """Those beside it."""
    carrier: Carrier = "unseen"
    """What it stands on or hangs at."""
    shade: bool = False
    """Whether it is in the air over what carries it, on a stem too thin to be seen."""
    label: Label | None = None
    """What it is by its place, where its shape does not say."""
    guessed: float = 0.0
    """Share of the box that no surface was seen of."""

    @property
    def bottom(self) -> float:
        """Height of its lowest point in the world."""
        return float(self.box.T_world_box[1, 3] - self.box.size[1] / 2)

    @property
    def top(self) -> float:
        """Height of its highest point in the world."""
        return float(self.box.T_world_box[1, 3] + self.box.size[1] / 2)

    @property
    def footprint(self) -> float:
        """Square metres."""
        return float(self.box.size[0] * self.box.size[2])

    def covers(self, points: Float64, margin: float = 0.0) -> NDArray[np.bool_]:
        """Mask (N,) of points (N, 3) in its footprint."""
        local = (points - self.box.T_world_box[:3, 3]) @ self.box.T_world_box[:3, :3]
        return np.asarray((np.abs(local[:, [0, 2]]) <= self.box.size[[0, 2]] / 2 + margin).all(axis=1))

    def shape(self, room: Surroundings) -> Shape:
        """Its measures."""
        return shape_of(
            self.box,
            room.surfels,
            self.members,
            room.floor,
            at_wall=bool(self.walls),
            ceiling=room.levels.ceiling,
            on_top=self.carrier == "top",
            shade=self.shade,
        )

    def spanning(self, bottom: float, top: float) -> Thing:
        """The thing between other heights."""
        T = np.array(self.box.T_world_box)
        T[1, 3] = (bottom + top) / 2
        size = np.array([self.box.size[0], top - bottom, self.box.size[2]])
        seen = float(self.box.size[1]) * (1 - self.guessed) / max(top - bottom, 1e-6)
        return replace(self, box=OrientedBox(T, np.round(size, 6)), guessed=round(max(1 - seen, 0.0), 4))


def thing_of(members: Int64, room: Surroundings) -> Thing | None:
    """A group as a thing, None where it is too small or too large to be one, or a part of its wall."""
    surfels, floor = room.surfels, room.levels.floor
    if len(members) < MIN_SURFELS or float(surfels.area[members].sum()) < MIN_AREA_M2:
        return None
    points = surfels.position[members]
    walls = walls_beside(points, room.planes)
    on_legs = _is_supporting(members, room)
    box = upright_box(np.concatenate([points, *_rims(members, room)]), floor, stands=on_legs, walls=walls)
    stands = floor is not None and abs(box.T_world_box[1, 3] - box.size[1] / 2 - floor) < 1e-3
    box = fit_faces(box, surfels, members, floor if stands else None)
    if stands:
        box = reach_walls(box, walls)
        box, reached = reach_back(box, surfels, members, room.planes, room.floor_seen)
        walls += [w for w in reached if all(w is not v for v in walls)]
    if stands and walls and box.size[[0, 2]].min() < MIN_EXTENT_M:
        return None  # a skirting
    made = Thing(members, box, tuple(walls), "floor" if stands else "unseen")
    return made if made.footprint <= MAX_FOOTPRINT_M2 else None


def _is_supporting(members: Int64, room: Surroundings) -> bool:
    """Whether a table's top or a seat is a good part of the group: it has legs, seen or not."""
    here = room.surfel_plane[members]
    named = [i for i in np.unique(here[here >= 0]) if room.planes[i].label in (Label.TABLE, Label.SEAT)]
    area = room.surfels.area[members]
    return bool(area[np.isin(here, named)].sum() > 0.15 * area.sum())


def _rims(members: Int64, room: Surroundings) -> list[Float64]:
    """Points along the outlines of beds: in an alcove, the walls' own neighbourhood cuts the surface short."""
    here = room.surfel_plane[members]
    rims = []
    for i in np.unique(here[here >= 0]).tolist():
        p = room.planes[i]
        if p.label not in STRUCTURE and is_bed(p, room.floor) and (here == i).mean() > 0.3:
            along = np.linspace(0, 1, 20, endpoint=False)[:, None]
            ends = zip(p.polygon, np.roll(p.polygon, -1, axis=0), strict=True)
            rims.append(np.concatenate([p.to_world(a + along * (b - a)) for a, b in ends]))
    return rims


def near(a: OrientedBox, b: OrientedBox) -> bool:
    """Whether two boxes may touch in plan: their circles do, with 20 cm to spare."""
    way = a.T_world_box[[0, 2], 3] - b.T_world_box[[0, 2], 3]
    reach = np.hypot(a.size[0], a.size[2]) + np.hypot(b.size[0], b.size[2])
    return bool(np.hypot(way[0], way[1]) < reach / 2 + 0.2)


def upright_box(points: Float64, floor: float | None, *, stands: bool, walls: Sequence[Plane] = ()) -> OrientedBox:
    """Smallest upright box around points (N, 3), by the least-area rectangle of their footprint.

    A percent of the points may stick out on each side: scanned rims fray. The box reaches down to the floor when it
    `stands` there, or when the points come within 12 cm of it: legs are thin and often missed. It turns as one of
    `walls` does where that takes hardly more room. Local +Z runs along the shorter side.
    """
    import cv2

    low, high = np.percentile(points[:, 1], [1, 99])
    if floor is not None and (stands or low - floor < 0.12):
        low = min(low, floor)
    kept = points[(points[:, 1] >= low) & (points[:, 1] <= high)]
    hull = cv2.convexHull(np.ascontiguousarray(kept[:, [0, 2]], dtype=np.float32))
    # Local x = (cos, sin) in world (x, z) means a yaw of -angle about +Y.
    yaws = [-float(np.radians(cv2.minAreaRect(hull)[2])), *(float(np.arctan2(w.normal[0], w.normal[2])) for w in walls)]
    best: tuple[float, Float64, Float64, Float64] | None = None
    for n, yaw in enumerate(yaws):
        R = yaw_rotation(yaw)
        a, b = np.percentile((kept @ R)[:, [0, 2]], [1, 99], axis=0)
        if (b - a)[0] < (b - a)[1]:
            R = yaw_rotation(yaw + np.pi / 2)
            a, b = np.percentile((kept @ R)[:, [0, 2]], [1, 99], axis=0)
        cost = float(np.prod(b - a)) / (WALL_LEAVE if n else 1.0)
        if best is None or cost < best[0]:
            best = (cost, R, a, b)
    assert best is not None
    _, R, a, b = best
    centre = R @ np.array([(a[0] + b[0]) / 2, 0, (a[1] + b[1]) / 2])
    centre[1] = (low + high) / 2
    return OrientedBox(make_transform(R, np.round(centre, 6)), np.round([b[0] - a[0], high - low, b[1] - a[1]], 6))
