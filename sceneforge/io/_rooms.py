"""Planes and boxes of room files, whatever axes the device uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float64
from sceneforge.core.crosswalk import Crosswalk
from sceneforge.core.errors import InputError
from sceneforge.core.labels import Label
from sceneforge.core.mesh import Mesh
from sceneforge.core.scene import OrientedBox, Plane, SceneObject
from sceneforge.core.transforms import make_transform, plane_frame


@dataclass(frozen=True, slots=True)
class RawPlane:
    """A plane as a device reports it, its normal perhaps pointing the wrong way."""

    id: str
    """Unique id."""
    label: Label
    """Meaning."""
    corners: Float64
    """(K, 3) outline in the world, metres, Y up."""
    normal: Float64
    """(3,) the device's normal."""
    confidence: float = 1.0
    """0..1."""
    observed_fraction: float = 1.0
    """Share that was seen."""


def facing_inwards(raw: Sequence[RawPlane]) -> tuple[Plane, ...]:
    """Planes with their normals into the room.

    Floors and tops face up, ceilings down. Devices orient upright planes all alike, so one vote, weighted by area and
    taken against the middle of the room, decides for all of them: it also holds in rooms that are not convex.
    """
    if not raw:
        return ()
    floors = [p for p in raw if p.label is Label.FLOOR] or [p for p in raw if p.label is Label.WALL] or list(raw)
    middle = np.concatenate([p.corners for p in floors]).mean(axis=0)
    vote = 0.0
    for p in raw:
        if abs(p.normal[1]) < 0.7:
            outline = p.corners - p.corners.mean(axis=0)
            vote += float(p.normal @ (middle - p.corners.mean(axis=0))) * float(np.ptp(outline, axis=0).max())
    sign = 1.0 if vote >= 0 else -1.0
    return tuple(_plane(p, sign) for p in raw)


def _plane(p: RawPlane, sign: float) -> Plane:
    normal = np.asarray(p.normal, dtype=np.float64)
    if abs(normal[1]) < 0.7:
        normal = sign * normal
    elif (normal[1] > 0) == (p.label is Label.CEILING):
        normal = -normal
    T = plane_frame(normal, p.corners.mean(axis=0))
    local = (p.corners - T[:3, 3]) @ T[:3, :3]
    polygon = local[:, [0, 2]]
    x, z = polygon[:, 0], polygon[:, 1]
    area = 0.5 * float(np.sum(x * np.roll(z, -1) - np.roll(x, -1) * z))
    return Plane(
        p.id,
        p.label,
        p.confidence,
        T,
        polygon if area >= 0 else polygon[::-1],
        scores={p.label.value: p.confidence},
        area_m2=abs(area),
        observed_fraction=p.observed_fraction,
    )


def z_up_box(T_world_local: Float64, low: Float64, high: Float64) -> OrientedBox:
    """Box of a Meta volume, whose local +Z is up and whose front is local -Y, from its local bounds."""
    R, size = T_world_local[:3, :3], high - low
    up, front = R[:, 2], -R[:, 1]
    axes = np.column_stack([np.cross(up, front), up, front])
    centre = T_world_local[:3, :3] @ ((low + high) / 2) + T_world_local[:3, 3]
    return OrientedBox(make_transform(axes, centre), np.array([size[0], size[2], size[1]]))


def scene_object(identity: str, label: Label, box: OrientedBox, confidence: float = 1.0) -> SceneObject:
    """An object with one sure label."""
    return SceneObject(identity, label, confidence, box, {label.value: confidence})


def joined_mesh(meshes: Sequence[tuple[Float64, NDArray[np.int64]]]) -> Mesh | None:
    """One mesh of several (vertices (N, 3), faces (M, 3)); None of none."""
    if not meshes:
        return None
    starts = np.cumsum([0, *(len(v) for v, _ in meshes[:-1])])
    faces = np.concatenate([f + start for (_, f), start in zip(meshes, starts, strict=True)])
    return Mesh(np.concatenate([v for v, _ in meshes]).astype(np.float32), faces.astype(np.int32))


def label_of(name: str, vocabulary: str, notes: list[str]) -> Label:
    """The label for a device's name; an unknown name is kept as unlabelled, with a note."""
    try:
        return Crosswalk().from_platform(name, vocabulary).label
    except InputError:
        note = f"label {name!r} is not known to {vocabulary}: kept as unlabelled"
        if note not in notes:
            notes.append(note)
        return Label.UNLABELLED
