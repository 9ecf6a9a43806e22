"""Things that stand in the room: connected pieces of surface that are not floor, wall or ceiling, as upright boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Label, OrientedBox, Plane, SceneObject
from sceneforge.core.arrays import Float64, Int32
from sceneforge.core.transforms import make_transform, yaw_rotation

from .box_faces import fit_faces
from .labelling import ON_WALLS, STRUCTURE, Levels
from .parting import connected, part_at_tops
from .surfels import Int64, Surfels

MIN_AREA_M2 = 0.06
MIN_EXTENT_M = 0.12
"""A thing is at least this large in two directions; flatter or thinner pieces are rims and noise."""
MAX_FOOTPRINT_M2 = 14.0


def find_objects(
    surfels: Surfels, planes: tuple[Plane, ...], surfel_plane: Int32, levels: Levels
) -> tuple[SceneObject, ...]:
    """Group what is left when the structure is taken away.

    A group's label comes from its largest table-like or seat-like plane, else it is "other". Furniture is taken to
    stand on the floor, and what is inside its box (legs that lost touch, chairs pushed under) belongs to it. Touching
    things form one group, parted at table tops: what stands on a table or is pushed up to it is a thing of its own.
    """
    chosen = np.flatnonzero(_loose(surfels, planes, surfel_plane, levels))
    groups = [g for c in connected(surfels, chosen) for g in part_at_tops(c, surfels, planes, surfel_plane)]
    found: list[tuple[float, Int64, SceneObject]] = []
    for members in groups:
        area = float(surfels.area[members].sum())
        if area < MIN_AREA_M2 or len(members) < 12:
            continue
        scores = _scores(surfels, planes, surfel_plane, members)
        label = Label(max(sorted(scores), key=lambda k: scores[k]))
        stands = label in (Label.TABLE, Label.SEAT)
        box = upright_box(surfels.position[members], levels.floor, stands=stands)
        bottom = box.T_world_box[1, 3] - box.size[1] / 2
        stands = levels.floor is not None and abs(bottom - levels.floor) < 1e-3
        box = fit_faces(box, surfels, members, levels.floor if stands else None)
        if box.size[0] * box.size[2] > MAX_FOOTPRINT_M2 or np.sort(box.size)[1] < MIN_EXTENT_M:
            continue
        found.append((area, members, SceneObject("", label, scores[label], box, scores)))
    found.sort(key=lambda f: (-round(f[0], 6), f[2].box.T_world_box[:3, 3].tolist()))
    kept: list[SceneObject] = []
    for _, members, o in found:
        if not any(_inside(surfels.position[members], k.box) > 0.7 for k in kept if k.label is not Label.OTHER):
            kept.append(o)
    return tuple(SceneObject(f"object_{i}", o.label, o.confidence, o.box, o.scores) for i, o in enumerate(kept))


def upright_box(points: Float64, floor: float | None, *, stands: bool) -> OrientedBox:
    """Smallest upright box around points (N, 3), by the least-area rectangle of their footprint.

    A percent of the points may stick out on each side: scanned rims fray. The box reaches down to the floor when it
    `stands` there, or when the points come within 12 cm of it: legs are thin and often missed. Local +Z runs along the
    shorter side.
    """
    import cv2

    low, high = np.percentile(points[:, 1], [1, 99])
    if floor is not None and (stands or low - floor < 0.12):
        low = min(low, floor)
    kept = points[(points[:, 1] >= low) & (points[:, 1] <= high)]
    hull = cv2.convexHull(np.ascontiguousarray(kept[:, [0, 2]], dtype=np.float32))
    angle = cv2.minAreaRect(hull)[2]
    # Local x = (cos, sin) in world (x, z) means a yaw of -angle about +Y.
    best: tuple[float, Float64, Float64, Float64] | None = None
    for turn in (0.0, np.pi / 2):
        R = yaw_rotation(float(turn - np.radians(angle)))
        a, b = np.percentile((kept @ R)[:, [0, 2]], [1, 99], axis=0)
        if best is None or (b[0] - a[0]) > best[0]:
            best = (float(b[0] - a[0]), R, a, b)
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
            near = np.flatnonzero(loose & (local[:, 1] < 0.07) & (local[:, 1] > -0.3))
            outline = shapely.Polygon(p.polygon).buffer(0.15)
            loose[near[shapely.contains_xy(outline, local[near, 0], local[near, 2])]] = False
    return np.asarray(loose)


def _inside(points: Float64, box: OrientedBox) -> float:
    local = (points - box.T_world_box[:3, 3]) @ box.T_world_box[:3, :3]
    return float((np.abs(local) <= box.size / 2 + 0.03).all(axis=1).mean())


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
