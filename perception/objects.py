"""Things that stand in the room: connected pieces of surface that are not floor, wall or ceiling, as upright boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Label, OrientedBox, Plane, SceneObject
from sceneforge.core.arrays import Float64, Int32
from sceneforge.core.transforms import make_transform, yaw_rotation

from .box_faces import fit_faces
from .box_walls import CUT_M, reach_walls, walls_beside
from .labelling import ON_WALLS, STRUCTURE, Levels
from .parting import connected, part_at_structure, part_at_tops
from .surfels import Int64, Surfels

MIN_AREA_M2 = 0.06
MIN_SURFELS = 12
MIN_EXTENT_M = 0.12
"""A thing is at least this large in two directions; flatter or thinner pieces are rims and noise ..."""
MIN_EXTENT_GRAINS = 4.0
"""... and so many times the surface's grain: a coarse mesh rounds what is smaller beyond recognition."""
MAX_FOOTPRINT_M2 = 14.0
WALL_LEAVE = 1.15
"""A box may take this much more room to stand square to its wall."""
MAX_WHOLE_M2 = 3.0
"""A box up to this footprint holds what lies inside it: the far side of a thin thing, a cushion, a leg."""
INSIDE = 0.7
BEAM_LAYER = 0.25
"""Share of the room's height, from the ceiling down, in which what is longer than ..."""
BEAM_M = 1.5
"""... this is a beam, a duct or a cornice: part of the building."""


def find_objects(
    surfels: Surfels,
    planes: tuple[Plane, ...],
    surfel_plane: Int32,
    levels: Levels,
    grain_m: float = 0.0,
) -> tuple[SceneObject, ...]:
    """Group what is left when the structure is taken away.

    A group's label comes from its largest table-like or seat-like plane, else it is "other". Furniture is taken to
    stand on the floor, and what is inside its box (legs that lost touch, chairs pushed under) belongs to it. Touching
    things form one group, parted at table tops: what stands on a table or is pushed up to it is a thing of its own.
    A group too large for one thing is parted by the wall that each part of it stands at.

    Args:
        surfels: The surface.
        planes: Bounded planes.
        surfel_plane: (S,) plane of each surfel, -1 = none.
        levels: Heights of floor and ceiling.
        grain_m: How fine the surface is (`surfels.grain`).
    """
    room = _Room(surfels, planes, surfel_plane, levels)
    groups = [
        part
        for whole in connected(surfels, np.flatnonzero(_loose(surfels, planes, surfel_plane, levels)))
        for piece in _not_too_large(whole, room)
        for part in part_at_tops(piece, surfels, planes, surfel_plane)
    ]
    pairs = [(members, thing) for members in groups if (thing := _thing(members, room)) is not None]
    kept = [o for o in _joined(pairs, room) if _is_thing(o.box, grain_m, levels)]
    return tuple(SceneObject(f"object_{i}", o.label, o.confidence, o.box, o.scores) for i, o in enumerate(kept))


@dataclass(frozen=True)
class _Room:
    """What groups are judged by; the fields are the arguments of `find_objects`."""

    surfels: Surfels
    planes: tuple[Plane, ...]
    surfel_plane: Int32
    levels: Levels


def _not_too_large(members: Int64, room: _Room) -> list[Int64]:
    """The group, or its parts along each wall where no one thing is as large."""
    points = room.surfels.position[members]
    if len(points) < MIN_SURFELS or _footprint(upright_box(points, None, stands=False)) <= MAX_FOOTPRINT_M2:
        return [members]
    return part_at_structure(members, room.surfels, room.planes, _beams(room.levels))


def _thing(members: Int64, room: _Room) -> SceneObject | None:
    """A group as an object, None where it is too small or too large to be one, or a part of its wall."""
    surfels, floor = room.surfels, room.levels.floor
    if len(members) < MIN_SURFELS or float(surfels.area[members].sum()) < MIN_AREA_M2:
        return None
    scores = _scores(surfels, room.planes, room.surfel_plane, members)
    label = Label(max(sorted(scores), key=lambda k: scores[k]))
    points = surfels.position[members]
    walls = walls_beside(points, room.planes)
    box = upright_box(points, floor, stands=label in (Label.TABLE, Label.SEAT), walls=walls)
    bottom = box.T_world_box[1, 3] - box.size[1] / 2
    stands = floor is not None and abs(bottom - floor) < 1e-3
    box = fit_faces(box, surfels, members, floor if stands else None)
    if stands:
        box = reach_walls(box, walls)
    skirting = stands and bool(walls) and box.size[[0, 2]].min() < MIN_EXTENT_M
    return (
        None if skirting or _footprint(box) > MAX_FOOTPRINT_M2 else SceneObject("", label, scores[label], box, scores)
    )


def _joined(pairs: list[tuple[Int64, SceneObject]], room: _Room) -> list[SceneObject]:
    """The things, largest first, without those that lie inside another: a nameless one grows by what lies in it."""
    position, area = room.surfels.position, room.surfels.area
    kept: list[tuple[Int64, SceneObject]] = []
    for members, o in sorted(pairs, key=lambda p: (-round(area[p[0]].sum(), 6), p[1].box.T_world_box[:3, 3].tolist())):
        for k, (own, thing) in enumerate(kept):
            named = thing.label is not Label.OTHER
            if (not named and _footprint(thing.box) > MAX_WHOLE_M2) or _inside(position[members], thing.box) <= INSIDE:
                continue
            if not named:
                both = np.sort(np.concatenate([own, members]))
                kept[k] = (both, _thing(both, room) or thing)
            break
        else:
            kept.append((members, o))
    return [o for _, o in kept]


def _is_thing(box: OrientedBox, grain_m: float, levels: Levels) -> bool:
    """Whether a box is large enough for the surface to show it, and no beam under the ceiling."""
    size = np.sort(box.size)
    bottom = float(box.T_world_box[1, 3] - box.size[1] / 2)
    beam = bottom > _beams(levels) and box.size.max() > BEAM_M
    large = size[1] >= max(MIN_EXTENT_M, MIN_EXTENT_GRAINS * grain_m) and size[0] >= 0.5 * grain_m
    return bool(large and not beam)


def _beams(levels: Levels) -> float:
    """Height from which beams may hang; infinite where no ceiling was seen."""
    if levels.ceiling is None:
        return float("inf")
    return levels.ceiling - BEAM_LAYER * (levels.ceiling - levels.assumed_floor)


def _footprint(box: OrientedBox) -> float:
    return float(box.size[0] * box.size[2])


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


def _loose(surfels: Surfels, planes: tuple[Plane, ...], surfel_plane: Int32, levels: Levels) -> NDArray[np.bool_]:
    """Mask (S,) of surfels off the structure: neither on it, nor a frayed bit within 7 cm of it, nor behind it."""
    import shapely

    structure = np.array([p.label in (*STRUCTURE, *ON_WALLS) for p in planes] + [False])
    loose = ~structure[surfel_plane] & (surfels.position[:, 1] > levels.assumed_floor + 0.04)
    for p in planes:
        if p.label in STRUCTURE:
            local = p.to_local(surfels.position)
            near = np.flatnonzero(loose & (local[:, 1] < CUT_M) & (local[:, 1] > -0.3))
            outline = shapely.Polygon(p.polygon).buffer(0.15)
            loose[near[shapely.contains_xy(outline, local[near, 0], local[near, 2])]] = False
    return np.asarray(loose)


def _inside(points: Float64, box: OrientedBox) -> float:
    """Share of points (N, 3) in a box; a flat piece may be one side of something up to 10 cm thick."""
    local = (points - box.T_world_box[:3, 3]) @ box.T_world_box[:3, :3]
    half = np.maximum(box.size / 2 + 0.03, 0.1)
    return float((np.abs(local) <= half).all(axis=1).mean())


def _scores(surfels: Surfels, planes: tuple[Plane, ...], surfel_plane: Int32, members: Int64) -> dict[str, float]:
    area = {Label.TABLE: 0.0, Label.SEAT: 0.0}
    for i in np.unique(surfel_plane[members]):
        if i >= 0 and planes[i].label in area:
            inside = members[surfel_plane[members] == i]
            area[planes[i].label] += float(surfels.area[inside].sum()) * planes[i].confidence
    total = float(surfels.area[members].sum())
    named = {str(label): min(a / (0.25 * total), 1.0) * 0.9 for label, a in area.items() if a > 0}
    scores = {**named, str(Label.OTHER): max(1 - sum(named.values()), 0.05)}
    scale = sum(scores.values())
    return {k: round(v / scale, 4) for k, v in scores.items()}
