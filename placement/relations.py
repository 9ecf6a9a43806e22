"""What a request refers to: ids and labels to planes, targets to look at, things to stay near."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from sceneforge.core import Label, OrientedBox, Placement, Plane, Request, Scene, UsageError
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import inverse, transform_points

from .body import placed_triangles
from .rules import MAX_SLOPE_DEG
from .triangles import outline_polygon

CAMERA = "camera"
ROOM_MIDDLE = "the room's middle"
"""What stands in for the camera in a scene without a track."""
VIEWER_HEIGHT_M = 1.5
"""Of whoever stands in the room's middle."""
MAX_NAMED = 5
"""Ids that a message names; it counts the others."""
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
        planes = [p.id for p in scene.planes]
        raise UsageError(
            f"'{on}' is neither a label nor a plane of this scene;"
            f"{_suggestion(on, [*(label.value for label in Label), LARGEST_HORIZONTAL, *planes])} expected a label "
            f"such as 'table' or 'floor', '{LARGEST_HORIZONTAL}', or a plane's id ({_few(planes)})"
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
                    f"request '{request.id}' {what} '{target}', which is not there;"
                    f"{_suggestion(target, allowed)} expected one of {_few(sorted(allowed))}"
                )
        earlier.add(request.id)


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, sorted(set(known)), n=1)
    return f" did you mean '{close[0]}'? Otherwise" if close else ""


def _few(ids: Sequence[str]) -> str:
    more = len(ids) - MAX_NAMED
    return (", ".join(ids[:MAX_NAMED]) or "there are none") + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class Target:
    """Something to look at or to stay near: a box, or a flat outline (a box without height)."""

    id: str
    """Its id, "camera" or `ROOM_MIDDLE`."""
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

    "camera" is the mean camera position, or the room's middle in a scene without a track (a headset's room, a mesh).
    """
    if name == CAMERA:
        centre = viewers_centre(scene)
        if centre is None:
            return None
        T = np.eye(4)
        T[:3, 3] = centre
        return Target(ROOM_MIDDLE if camera_centre(scene) is None else name, OrientedBox(T, np.zeros(3)))
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


def viewers_centre(scene: Scene) -> Float64 | None:
    """(3,) where people look from: `camera_centre`, or the room's middle; None without track and planes.

    The room's middle is that of the first room's floor, or of all planes, at eye height.
    """
    centre = camera_centre(scene)
    if centre is not None or not scene.planes:
        return centre
    middles = np.array([p.to_world(p.polygon.mean(axis=0)) for p in scene.planes])
    x, z = scene.rooms[0].polygon.mean(axis=0) if scene.rooms else middles[:, [0, 2]].mean(axis=0)
    return np.array([x, float(middles[:, 1].min()) + VIEWER_HEIGHT_M, z])
