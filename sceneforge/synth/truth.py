"""Exact ground truth of a generated room, as a core Scene and per face."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sceneforge.core.arrays import Float32, Float64, Int32
from sceneforge.core.camera import Camera
from sceneforge.core.labels import Label
from sceneforge.core.light import Light
from sceneforge.core.scene import OrientedBox, Plane, Relation, Room, Scene, SceneGraph, SceneObject
from sceneforge.core.scene_json import scene_to_dict

from .item import Item, world_plane
from .layout import Layout
from .lighting import Daylight
from .path import Walk
from .room import WALL_YAW
from .world import World

_CELL = 0.05


def true_scene(layout: Layout, day: Daylight, seen: dict[str, float]) -> Scene:
    """The room as a Scene: all flat surfaces, object boxes, the room, what stands on what, and the lights.

    `seen` gives the observed fraction by plane id (0 where missing).
    """
    planes = tuple(_plane(layout, i, k, seen) for i, k in _surfaces(layout))
    objects = tuple(
        SceneObject(i.name, Label(i.label), 1.0, OrientedBox(i.T_world_box, i.size), {i.label: 1.0})
        for i in layout.items
        if i.label
    )
    x, z = layout.shell.width / 2, layout.shell.depth / 2
    outline = np.array([[-x, -z], [x, -z], [x, z], [-x, z]])
    openings = tuple(p.id for p in planes if p.label in (Label.DOOR, Label.WINDOW))
    room = Room("room_0", layout.kind, 1.0, "floor", "ceiling", tuple(WALL_YAW), outline, layout.shell.height, openings)
    known = {p.id for p in planes} | {o.id for o in objects}
    relations = sorted((i.name, "on", i.on) for i in layout.items if i.label and i.on in known)
    graph = SceneGraph(tuple(Relation(s, p, o, 1.0, {"gap_m": 0.0}) for s, p, o in relations))
    return Scene(
        planes,
        objects,
        (room,),
        graph,
        _lights(layout, day),
        source={"name": layout.kind, "format": "sceneforge.synth"},
    )


def _surfaces(layout: Layout) -> Iterable[tuple[int, int]]:
    return ((i, k) for i, item in enumerate(layout.items) for k in range(len(item.surfaces)))


def plane_id(layout: Layout, item: int, surface: int) -> str:
    """Id of an item's surface: the shell's carry the item's own name, others "name.label_k"."""
    owner = layout.items[item]
    return (
        owner.name
        if not owner.label and len(owner.surfaces) == 1
        else f"{owner.name}.{owner.surfaces[surface].label}_{surface}"
    )


def _plane(layout: Layout, item: int, surface: int, seen: dict[str, float]) -> Plane:
    owner = layout.items[item]
    s = owner.surfaces[surface]
    T, outline = world_plane(owner, s)
    name = plane_id(layout, item, surface)
    holes = tuple(_hole(T, o) for o in layout.items if s.label == "wall" and _opening_wall(o) == owner.name)
    area = _area(outline) - sum(abs(_area(h)) for h in holes)
    return Plane(name, Label(s.label), 1.0, T, outline, holes, {s.label: 1.0}, area, seen.get(name, 0.0))


def _opening_wall(item: Item) -> str:
    """The wall a window or door is in, "" for other items."""
    kind, _, rest = item.name.partition("_")
    return f"wall_{rest.rpartition('_')[0]}" if kind in ("window", "door") and not item.label else ""


def _hole(T_world_plane: Float64, opening: Item) -> Float64:
    corners = opening.surfaces[0].corners @ opening.T_world_item[:3, :3].T + opening.T_world_item[:3, 3]
    local = ((corners - T_world_plane[:3, 3]) @ T_world_plane[:3, :3])[:, [0, 2]]
    return local if _area(local) < 0 else local[::-1]


def _area(outline: Float64) -> float:
    x, z = outline[:, 0], outline[:, 1]
    return float(x @ np.roll(z, -1) - z @ np.roll(x, -1)) / 2


def _lights(layout: Layout, day: Daylight) -> tuple[Light, ...]:
    lights = [Light("sun", "directional", day.sun / day.sun.max(), 1.0, direction=-day.to_sun)]
    for k, p in enumerate(day.portals):
        middle = p.origin + p.u / 2 + p.v / 2
        lights.append(Light(f"window_{k}", "point", day.sky / day.sky.max(), 1.0, position=middle))
    for i in layout.items:
        if i.label == "lamp":
            lights.append(
                Light(f"light_{i.name}", "point", np.array([1.0, 0.85, 0.65]), 1.0, position=i.T_world_box[:3, 3])
            )
    return tuple(lights)


def face_planes(layout: Layout, world: World, planes: tuple[Plane, ...]) -> Int32:
    """(F,) index + 1 into `planes` of the flat surface each face belongs to, 0 = none."""
    out = np.zeros(len(world.faces), np.int32)
    for index, (item, _) in enumerate(_surfaces(layout)):
        plane = planes[index]
        own = np.flatnonzero(world.face_item == item)
        local = plane.to_local(world.vertices[world.faces[own]].astype(np.float64))
        flat = (np.abs(local[..., 1]) < 1e-4).all(1) & (world.face_normals[own] @ plane.normal > 0.999)
        low, high = plane.polygon.min(0) - 1e-3, plane.polygon.max(0) + 1e-3
        inside = ((local[..., [0, 2]] >= low) & (local[..., [0, 2]] <= high)).all((1, 2))
        out[own[flat & inside]] = index + 1
    return out


class Observation:
    """Counts which 5 cm cells of every plane have been in sight."""

    def __init__(self, planes: tuple[Plane, ...]) -> None:
        self._planes, self._cells = planes, [set[tuple[int, int]]() for _ in planes]

    def add(self, depth: Float32, ids: Int32, camera: Camera, T_world_camera: Float64) -> None:
        """One frame: true z-depth (H, W) and plane index + 1 per pixel (H, W)."""
        points = (camera.rays() * depth[..., None])[::2, ::2].reshape(-1, 3) @ T_world_camera[
            :3, :3
        ].T + T_world_camera[:3, 3]
        flat = ids[::2, ::2].ravel()
        for k in np.unique(flat[flat > 0]):
            local = self._planes[k - 1].to_local(points[flat == k])[:, [0, 2]]
            cells = np.unique(np.floor(local / _CELL).astype(int), axis=0)
            self._cells[k - 1].update((int(a), int(b)) for a, b in cells)

    def fractions(self) -> dict[str, float]:
        """Observed share of each plane's area by id, 0..1."""
        return {
            p.id: round(min(1.0, len(c) * _CELL**2 / max(p.area_m2, 1e-6)), 4)
            for p, c in zip(self._planes, self._cells, strict=True)
        }


def truth_document(scene: Scene, walk: Walk, day: Daylight) -> dict[str, Any]:
    """The truth as plain data: scene.json version 1, plus "synth" with the camera's track and the daylight."""
    return {
        **scene_to_dict(scene),
        "synth": {
            "sun_irradiance": day.sun.tolist(),
            "sky_radiance": day.sky.tolist(),
            "portals": [{"origin": p.origin.tolist(), "u": p.u.tolist(), "v": p.v.tolist()} for p in day.portals],
            "track": [
                {"timestamp_s": float(t), "T_world_camera": T.tolist()}
                for t, T in zip(walk.timestamps_s, walk.T_world_camera, strict=True)
            ],
        },
    }
