"""Headset entities beside the geometry: misplaced structure is repaired and named, openings join their room."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from sceneforge.core import Label, Mesh, OrientedBox, Plane, RoomCapture, SceneObject
from sceneforge.core.transforms import make_transform, plane_frame
from sceneforge.perception.understand import understand_room
from tests.perception.plans import capture, level, shell, wall

OUTLINE = [(0, 0), (4, 0), (4, 3), (0, 3)]


Triple = tuple[float, float, float]


def rectangle(name: str, label: Label, normal: Triple, at: Triple, w: float, h: float) -> Plane:
    ring = np.array([[-w / 2, -h / 2], [w / 2, -h / 2], [w / 2, h / 2], [-w / 2, h / 2]])
    return Plane(name, label, 1.0, plane_frame(normal, at), ring, area_m2=w * h)


def fine(room: RoomCapture) -> RoomCapture:
    """The room with edges of at most 20 cm, so that there are vertices everywhere."""
    assert room.mesh is not None
    v, f = trimesh.remesh.subdivide_to_size(room.mesh.vertices, room.mesh.faces, 0.2)
    return replace(room, mesh=Mesh(v.astype(np.float32), f.astype(np.int32)))


def test_a_ceiling_beside_its_mesh_is_repaired_and_named() -> None:
    ceiling = rectangle("device_ceiling", Label.CEILING, (0, -1, 0), (2, 2.38, 1.5), 4, 3)
    room = replace(capture(shell(OUTLINE, 2.5)), planes=(ceiling,))
    scene, account = understand_room(room)
    (found,) = scene.planes_labelled(Label.CEILING)
    assert found.origin[1] == pytest.approx(2.5, abs=0.005), "the mesh is what was scanned"
    assert [w for w in account.warnings if "device's ceiling" in w and "120 mm" in w]


def test_one_in_its_place_is_not_named() -> None:
    ceiling = rectangle("device_ceiling", Label.CEILING, (0, -1, 0), (2, 2.46, 1.5), 4, 3)
    _, account = understand_room(replace(capture(shell(OUTLINE, 2.5)), planes=(ceiling,)))
    assert not any("off the mesh" in w for w in account.warnings)


def test_a_door_that_only_the_device_knows_joins_its_room_and_its_wall() -> None:
    door = rectangle("device_door", Label.DOOR, (0, 0, 1), (1, 1, 0.06), 0.9, 2)
    scene, account = understand_room(replace(fine(capture(shell(OUTLINE, 2.5))), planes=(door,)))
    (kept,) = scene.planes_labelled(Label.DOOR)
    assert (kept.observed_fraction, kept.source) == (0, "device")
    assert scene.rooms[0].openings == (kept.id,)
    assert kept.origin[2] == pytest.approx(0, abs=0.005), "put onto the wall"
    assert not account.warnings, "6 cm are the headset's usual"
    (wall,) = [w for w in scene.planes_labelled(Label.WALL) if w.holes]
    assert abs(wall.origin[2]) < 0.005 and wall.area_m2 == pytest.approx(4 * 2.5 - 0.9 * 2, abs=0.05)
    assert scene.mesh is not None and scene.mesh.labels is not None
    v = scene.mesh.vertices
    inside = (abs(v[:, 2]) < 0.01) & (abs(v[:, 0] - 1) < 0.4) & (v[:, 1] > 0.1) & (v[:, 1] < 1.9)
    assert set(scene.mesh.labels[inside]) == {Label.DOOR.number}


def test_a_picture_leaves_its_wall_whole_and_a_window_on_no_wall_is_said() -> None:
    picture = rectangle("art", Label.WALL_ART, (0, 0, 1), (2, 1.5, 0.15), 0.8, 0.6)
    window = rectangle("window", Label.WINDOW, (0, 0, 1), (2, 1.5, 1.2), 1, 1)
    scene, account = understand_room(replace(capture(shell(OUTLINE, 2.5)), planes=(picture, window)))
    (art,) = scene.planes_labelled(Label.WALL_ART)
    assert art.origin[2] == pytest.approx(0, abs=0.005)
    assert not any(w.holes for w in scene.planes_labelled(Label.WALL))
    (loose,) = scene.planes_labelled(Label.WINDOW)
    assert loose.confidence < art.confidence
    assert [w for w in account.warnings if "wall_art" in w and "150 mm" in w]
    assert [w for w in account.warnings if "window" in w and "on no wall" in w]


def test_a_hole_that_the_device_calls_a_window_is_one_plane_with_the_devices_outline() -> None:
    # Found from the hole alone it is 2 m wide; the device parts it, and the part that is its own covers most of it.
    room = capture(shell(OUTLINE, 2.5, {0: [(1.0, 3.0, 0.9, 2.1)]}))
    (alone,) = [p for p in understand_room(room)[0].planes if p.label is Label.WINDOW]
    window = rectangle("window", Label.WINDOW, (0, 0, 1), (1.45, 1.5, 0), 0.9, 1.2)
    scene, _ = understand_room(replace(room, planes=(window,)))
    (kept,) = scene.planes_labelled(Label.WINDOW)
    assert kept.id == alone.id and kept.source == "both"
    assert kept.area_m2 == pytest.approx(0.9 * 1.2, abs=0.01)


def test_boxes_say_who_knows_of_them_and_an_empty_one_is_trusted_less() -> None:
    def box(name: str, x: float) -> SceneObject:
        T = make_transform(np.eye(3), np.array([x, 0.4, 1.5]))
        return SceneObject(name, Label.STORAGE, 1.0, OrientedBox(T, np.array([0.6, 0.8, 0.5])))

    corners = [(0.7, 1.25), (1.3, 1.25), (1.3, 1.75), (0.7, 1.75)]
    block = [level(corners, 0.8), *(wall(corners[i], corners[i - 1], 0.8) for i in range(4))]
    room = replace(fine(capture([*shell(OUTLINE, 2.5), *block])), objects=(box("a", 1.0), box("b", 3.0)))
    scene, account = understand_room(room)
    there, empty = scene.objects
    assert (there.source, empty.source) == ("both", "device")
    assert empty.confidence < there.confidence
    assert [w for w in account.warnings if "nothing was scanned" in w and empty.id in w]
