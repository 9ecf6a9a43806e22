"""What a request refers to: ids and labels to planes, targets to look at, things to stay near."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sceneforge.core import Label, OrientedBox, Placement, Plane, Request, Scene, UsageError
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import inverse, transform_points

from .body import placed_triangles
from .rules import MAX_SLOPE_DEG
from .triangles import outline_polygon

CAMERA = "camera"
LARGEST_HORIZONTAL = "largest_horizontal"
FAMILIES: Mapping[str, tuple[Label, ...]] = {
    "floor": (Label.FLOOR, Label.RUG),
    "wall": (Label.WALL, Label.INNER_WALL),
    "table": (Label.TABLE, Label.DESK, Label.COUNTER),
    "seat": (Label.SEAT, Label.COUCH, Label.CHAIR),
    "storage": (Label.STORAGE, Label.SHELF, Label.CABINET),
}
"""Labels that stand for a family; every other label means itself."""


def planes_for(on: str, scene: Scene) -> tuple[Plane, ...]:
    """Planes meant by one entry of `Request.on`, in scene order.

    Raises:
        UsageError: The entry is neither a label, nor a plane of this scene, nor "largest_horizontal".
    """
    if on == LARGEST_HORIZONTAL:
        level = np.cos(np.radians(MAX_SLOPE_DEG))
        up = [p for p in scene.planes if p.normal[1] >= level and p.label is not Label.CEILING]
        return tuple(sorted(up, key=lambda p: (-outline_polygon(p).area, p.id))[:1])
    for plane in scene.planes:
        if plane.id == on:
            return (plane,)
    if on not in {label.value for label in Label}:
        raise UsageError(
            f"'{on}' is neither a label nor a plane of this scene; expected a label such as 'table' or 'floor', "
            f"'{LARGEST_HORIZONTAL}', or one of {[p.id for p in scene.planes]}"
        )
    return scene.planes_labelled(*FAMILIES.get(on, (Label(on),)))


def check_requests(scene: Scene, requests: Sequence[Request]) -> None:
    """Refuse requests that refer to nothing.

    Raises:
        UsageError: Ids repeat, or `on`, `facing` or `near` names something that is not there. `near` and `facing` may
            name requests that come earlier.
    """
    things = {p.id for p in scene.planes} | {o.id for o in scene.objects}
    earlier: set[str] = set()
    for request in requests:
        if request.id in earlier:
            raise UsageError(f"two requests are called '{request.id}': ids must be unique")
        for on in request.on:
            planes_for(on, scene)
        known = things | earlier
        for what, target, allowed in (
            ("faces", request.facing, known | {CAMERA}),
            ("is to be near", request.near, known),
        ):
            if target is not None and target not in allowed:
                raise UsageError(
                    f"request '{request.id}' {what} '{target}', which is not there; expected one of {sorted(allowed)}"
                )
        if request.facing == CAMERA and scene.track is None:
            raise UsageError(f"request '{request.id}' faces the camera, but the scene has no camera track")
        earlier.add(request.id)


@dataclass(frozen=True)
class Target:
    """Something to look at or to stay near: a box, or a flat outline (a box without height)."""

    id: str
    """Its id, or "camera"."""
    box: OrientedBox
    """Extent in the world."""

    @property
    def centre(self) -> Float64:
        """(3,) world."""
        return self.box.T_world_box[:3, 3]

    def distance(self, points: Float64) -> Float64:
        """Distance (N,) of world points (N, 3) to the box, 0 inside."""
        local = np.abs(transform_points(inverse(self.box.T_world_box), points)) - self.box.size / 2
        return np.asarray(np.linalg.norm(np.maximum(local, 0), axis=-1))


def target_of(name: str, scene: Scene, placed: Mapping[str, Placement]) -> Target | None:
    """The thing with this id; None for a request that found no place.

    Raises:
        ValueError: "camera" without a track (`check_requests` refuses it first).
    """
    if name == CAMERA:
        centre = camera_centre(scene)
        if centre is None:
            raise ValueError("the scene has no camera track")
        T = np.eye(4)
        T[:3, 3] = centre
        return Target(name, OrientedBox(T, np.zeros(3)))
    for plane in scene.planes:
        if plane.id == name:
            return Target(name, _flat_box(plane))
    for thing in scene.objects:
        if thing.id == name:
            return Target(name, thing.box)
    if name not in placed:
        return None
    v = placed_triangles(placed[name])[0]
    T = np.eye(4)
    T[:3, 3] = (v.min(axis=0) + v.max(axis=0)) / 2
    return Target(name, OrientedBox(T, np.ptp(v, axis=0)))


def _flat_box(plane: Plane) -> OrientedBox:
    low, high = plane.polygon.min(axis=0), plane.polygon.max(axis=0)
    T = plane.T_world_plane.copy()
    T[:3, 3] = plane.to_world((low + high) / 2)
    return OrientedBox(T, np.array([high[0] - low[0], 0.0, high[1] - low[1]]))


def camera_centre(scene: Scene) -> Float64 | None:
    """(3,) mean camera position, None without a track."""
    if scene.track is None or not len(scene.track.indices):
        return None
    return np.asarray(scene.track.T_world_camera[:, :3, 3].mean(axis=0))
