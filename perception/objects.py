"""Things that stand in the room: connected pieces of surface that are not floor, wall or ceiling, as upright boxes."""

from __future__ import annotations

import numpy as np

from sceneforge.core import Label, OrientedBox, Plane, SceneObject
from sceneforge.core.arrays import Float64, Int32
from sceneforge.core.transforms import make_transform, yaw_rotation

from .labelling import Levels
from .surfels import Surfels

MIN_AREA_M2 = 0.06
MAX_FOOTPRINT_M2 = 14.0


def find_objects(
    surfels: Surfels, planes: tuple[Plane, ...], surfel_plane: Int32, levels: Levels
) -> tuple[SceneObject, ...]:
    """Group what is left when the structure is taken away.

    A group's label comes from its largest table-like or seat-like plane, else it is "other". Touching things form one
    group: geometry alone does not part a chair from the table it is pushed under.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    structure = np.array([p.label in (Label.FLOOR, Label.CEILING, Label.WALL) for p in planes] + [False])
    loose = ~structure[surfel_plane] & (surfels.position[:, 1] > levels.assumed_floor + 0.04)
    chosen = np.flatnonzero(loose)
    if not len(chosen):
        return ()
    graph = csr_matrix((np.ones(len(surfels.indices), np.uint8), surfels.indices, surfels.indptr))
    count, group = connected_components(graph[chosen][:, chosen], directed=False)
    found: list[tuple[float, SceneObject]] = []
    for g in range(count):
        members = chosen[group == g]
        area = float(surfels.area[members].sum())
        if area < MIN_AREA_M2 or len(members) < 12:
            continue
        box = upright_box(surfels.position[members], levels.floor)
        if box.size[0] * box.size[2] > MAX_FOOTPRINT_M2:
            continue
        scores = _scores(surfels, planes, surfel_plane, members)
        label = max(sorted(scores), key=lambda k: scores[k])
        found.append((area, SceneObject("", Label(label), scores[label], box, scores)))
    found.sort(key=lambda f: (-round(f[0], 6), f[1].box.T_world_box[:3, 3].tolist()))
    return tuple(SceneObject(f"object_{i}", o.label, o.confidence, o.box, o.scores) for i, (_, o) in enumerate(found))


def _scores(surfels: Surfels, planes: tuple[Plane, ...], surfel_plane: Int32, members: Int32) -> dict[str, float]:
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


def upright_box(points: Float64, floor: float | None) -> OrientedBox:
    """Smallest upright box around points (N, 3), by the least-area rectangle of their footprint.

    A percent of the points may stick out on each side: scanned rims fray. The box reaches down to the floor when the
    points come within 12 cm of it, as legs are thin and often missed. Local +Z runs along the shorter side.
    """
    import cv2

    low, high = np.percentile(points[:, 1], [1, 99])
    if floor is not None and low - floor < 0.12:
        low = floor
    kept = points[(points[:, 1] >= low) & (points[:, 1] <= high)]
    hull = cv2.convexHull(np.ascontiguousarray(kept[:, [0, 2]], dtype=np.float32))
    _, _, angle = cv2.minAreaRect(hull)
    # Local x = (cos, sin) in world (x, z) means a yaw of -angle about +Y.
    yaw = -np.radians(angle)
    R = yaw_rotation(float(yaw))
    local = kept @ R
    a, b = np.percentile(local[:, [0, 2]], [1, 99], axis=0)
    if b[0] - a[0] < b[1] - a[1]:
        R = yaw_rotation(float(yaw + np.pi / 2))
        local = kept @ R
        a, b = np.percentile(local[:, [0, 2]], [1, 99], axis=0)
    centre = R @ np.array([(a[0] + b[0]) / 2, 0, (a[1] + b[1]) / 2])
    centre[1] = (low + high) / 2
    return OrientedBox(make_transform(R, np.round(centre, 6)), np.round([b[0] - a[0], high - low, b[1] - a[1]], 6))
