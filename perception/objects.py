"""Things that stand in the room: connected pieces of surface that are not floor, wall or ceiling, as upright boxes."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Label, OrientedBox, Plane, SceneObject
from sceneforge.core.arrays import Float64, Int32

from .bodies import part_at_corners, part_at_steps
from .box_walls import CUT_M
from .carriers import carried
from .counters import part_at_counter, tops_along_walls
from .furniture import Shape, score_furniture
from .labelling import ON_WALLS, STRUCTURE, Levels
from .parting import connected, part_at_structure, part_at_tops
from .surfels import Int64, Surfels
from .things import MAX_FOOTPRINT_M2, MIN_EXTENT_M, MIN_SURFELS, Surroundings, Thing, near, thing_of, upright_box

MIN_EXTENT_GRAINS = 4.0
"""A thing is at least so many times the surface's grain: a coarse mesh rounds what is smaller beyond recognition."""
FINE_M = 0.03
"""Grain up to which a surface shows leaves."""
MAX_WHOLE_M2 = 3.0
"""A box up to this footprint holds what lies inside it: the far side of a thin thing, a cushion, a leg."""
INSIDE = 0.7
MOSTLY = 0.6
"""Things that stand on so much of one footprint are one."""
SMALL_M, BESIDE_M = 0.7, 0.12
"""Pieces up to this size, no higher than a thing and this close around it, are its frayed ends."""
SURE_GRAINS = 7.0
"""What has no name must be so much larger than the grain where the mesh is coarse: headsets leave lumps behind."""
BEAM_LAYER = 0.25
"""Share of the room's height, from the ceiling down, in which what is longer than ..."""
BEAM_M = 1.5
"""... this is a beam, a duct or a cornice: part of the building."""
LAYER_M = 0.12
"""What hangs at a wall and is no deeper is the wall's, unless it is a screen ..."""
BOARD_M = 0.2
"""Likewise what is narrower in two directions."""
BEFORE_M = 0.25
"""... and so is what stands this close before it ..."""
ALONG = 0.9
"""... and runs along it, by the cosine."""


def find_objects(
    surfels: Surfels,
    planes: tuple[Plane, ...],
    surfel_plane: Int32,
    levels: Levels,
    grain_m: float = 0.0,
) -> tuple[SceneObject, ...]:
    """Group what is left when the structure is taken away, and say what each group is by its shape.

    Touching things form one group, parted at table tops, around corners, at counters and at steps: what stands on a
    table or is pushed up to it is a thing of its own. A group too large for one thing is parted by the wall that each
    part of it stands at. Nothing floats (`carriers`): what seems to is joined with its neighbour, stood on legs that
    were missed, or dropped. Furniture that was seen from the front alone reaches back to its wall.

    Args:
        surfels: The surface.
        planes: Bounded planes.
        surfel_plane: (S,) plane of each surfel, -1 = none.
        levels: Heights of floor and ceiling.
        grain_m: How fine the surface is (`surfels.grain`).
    """
    loose = _loose(surfels, planes, surfel_plane, levels)
    room = Surroundings.of(surfels, planes, surfel_plane, levels, loose)
    groups = [
        part
        for whole in connected(surfels, np.flatnonzero(loose))
        if len(whole) >= MIN_SURFELS and not _is_all_beam(surfels.position[whole], levels)
        for piece in _not_too_large(whole, room)
        for part in _parted(piece, room)
    ]
    things = [t for members in groups if (t := thing_of(members, room)) is not None]
    things = [t for t in _joined(_joined(things, room), room) if not _is_beam(t.box, levels)]
    things = carried(tops_along_walls(things, room), room)
    found = [o for t in things if _is_thing(t.box, grain_m) and (o := _named(t, room, grain_m)) is not None]
    found = [o for o in found if o.label is not Label.OTHER or _is_thing(o.box, grain_m, SURE_GRAINS)]
    return tuple(replace(o, id=f"object_{i}") for i, o in enumerate(found))


def _not_too_large(members: Int64, room: Surroundings) -> list[Int64]:
    """The group, or its parts along each wall where no one thing is as large."""
    points = room.surfels.position[members]
    if np.ptp(points[:, [0, 2]], axis=0).prod() <= MAX_FOOTPRINT_M2:
        return [members]
    box = upright_box(points, None, stands=False)
    if box.size[0] * box.size[2] <= MAX_FOOTPRINT_M2:
        return [members]
    return part_at_structure(members, room.surfels, room.planes, _beams(room.levels))


def _parted(members: Int64, room: Surroundings) -> list[Int64]:
    """A group's parts."""
    out: list[Int64] = []
    for arm in part_at_corners(members, room.surfels, room.ground[0]):
        for body in part_at_counter(arm, room.surfels, room.floor):
            parts = part_at_tops(body, room.surfels, room.planes, room.surfel_plane, room.floor)
            out += parts if len(parts) > 1 else part_at_steps(body, room.surfels, room.floor)
    return [p for p in out if len(p) >= MIN_SURFELS]


def _joined(things: list[Thing], room: Surroundings) -> list[Thing]:
    """The things, largest first, without those that lie inside another: all but tables grow by what lies in them."""
    position, area = room.surfels.position, room.surfels.area
    kept: list[Thing] = []
    for t in sorted(things, key=lambda t: (-round(area[t.members].sum(), 6), t.box.T_world_box[:3, 3].tolist())):
        for k, host in enumerate(kept):
            if not near(t.box, host.box):
                continue
            table = _is_table(host, room)
            if (not table and host.footprint > MAX_WHOLE_M2) or not _is_part(t, host, position, table):
                continue
            if not table:
                both = np.sort(np.concatenate([host.members, t.members]))
                kept[k] = thing_of(both, room) or host
            break
        else:
            kept.append(t)
    return kept


def _is_table(t: Thing, room: Surroundings) -> bool:
    tops = [i for i, p in enumerate(room.planes) if p.label is Label.TABLE]
    area = room.surfels.area[t.members]
    return bool(area[np.isin(room.surfel_plane[t.members], tops)].sum() > 0.3 * area.sum())


def _is_part(t: Thing, host: Thing, position: Float64, table: bool) -> bool:
    """Whether most of a thing lies in another's box, or in its footprint where both stand on the floor."""
    if _inside(position[t.members], host.box) > INSIDE:
        return True
    if table:
        return False
    beside = t.box.size.max() < SMALL_M and t.bottom > host.bottom - 0.05 and t.top < host.top + 0.05
    if beside and host.covers(position[t.members], BESIDE_M).mean() > INSIDE:
        return True
    if t.carrier != "floor" or host.carrier != "floor":
        return False
    return bool(_shared_footprint(t, host) > MOSTLY)


def _shared_footprint(t: Thing, host: Thing) -> float:
    """Share of a thing's footprint in another's."""
    steps = (np.arange(8) + 0.5) / 8 - 0.5
    x, z = np.meshgrid(steps * t.box.size[0], steps * t.box.size[2])
    local = np.stack([x.ravel(), np.zeros(x.size), z.ravel()], axis=1)
    return float(host.covers(local @ t.box.T_world_box[:3, :3].T + t.box.T_world_box[:3, 3]).mean())


def _named(t: Thing, room: Surroundings, grain_m: float) -> SceneObject | None:
    """The thing with its label, None where it is a layer on a wall."""
    shape = t.shape(room)
    if t.label is None and room.levels.floor is None and _is_table(t, room):
        t = replace(t, label=Label.TABLE)  # its legs are out of view, its top was judged by the camera's height
    scores = score_furniture(shape, fine=grain_m < FINE_M)
    if t.label is not None:
        sure = round(0.85 - 0.3 * t.guessed, 4)
        scores = {str(t.label): sure, str(Label.OTHER): round(1 - sure, 4)}
    label = Label(max(sorted(scores), key=lambda k: scores[k]))
    if t.carrier == "ceiling" and label is Label.OTHER and t.bottom > _beams(room.levels):
        return None
    if t.carrier == "wall" and np.sort(t.box.size)[1] < BOARD_M:
        return None  # a sill, a board, a pipe
    if t.box.size[[0, 2]].min() < LAYER_M and label is not Label.SCREEN and _is_on_wall(t, room):
        return None
    return SceneObject("", label, scores[label], t.box, scores, evidence=_evidence(shape, t))


def _is_on_wall(t: Thing, room: Surroundings) -> bool:
    """Whether a flat thing lies along a wall, a window or a door, as curtains and radiators do."""
    if t.carrier == "wall":
        return True
    if t.carrier == "top":
        return False
    thin = t.box.T_world_box[:3, int(np.argmin(t.box.size[[0, 2]])) * 2]
    middle = t.box.T_world_box[:3, 3]
    for p in room.planes:
        if p.label not in (Label.WALL, *ON_WALLS) or abs(float(p.normal @ thin)) < ALONG:
            continue
        x, off, z = p.to_local(middle)
        low, high = p.polygon.min(axis=0), p.polygon.max(axis=0)
        if abs(off) < BEFORE_M and low[0] < x < high[0] and low[1] < z < high[1]:
            return True
    return False


def _evidence(shape: Shape, t: Thing) -> dict[str, float]:
    """The measures that the label was decided on."""
    values = {f.name: float(getattr(shape, f.name)) for f in fields(shape)}
    values["guessed"] = t.guessed
    return {k: round(v, 3) for k, v in values.items() if np.isfinite(v)}


def _is_thing(box: OrientedBox, grain_m: float, grains: float = MIN_EXTENT_GRAINS) -> bool:
    """Whether a box is large enough for the surface to show it."""
    size = np.sort(box.size)
    return bool(size[1] >= max(MIN_EXTENT_M, grains * grain_m) and size[0] >= 0.5 * grain_m)


def _is_beam(box: OrientedBox, levels: Levels) -> bool:
    bottom = float(box.T_world_box[1, 3] - box.size[1] / 2)
    return bool(bottom > _beams(levels) and box.size.max() > BEAM_M)


def _is_all_beam(points: Float64, levels: Levels) -> bool:
    """Whether a whole group is a beam, before it is parted."""
    if points[:, 1].min() < _beams(levels) - 0.1:
        return False
    return _is_beam(upright_box(points, None, stands=False), levels)


def _beams(levels: Levels) -> float:
    """Height from which beams may hang; infinite where no ceiling was seen."""
    if levels.ceiling is None:
        return float("inf")
    return levels.ceiling - BEAM_LAYER * (levels.ceiling - levels.assumed_floor)


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
