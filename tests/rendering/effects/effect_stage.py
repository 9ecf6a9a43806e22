"""An exact room for the effects: the rendering tests' box room with planes on its surfaces, seen by an exact sensor."""

from __future__ import annotations

import numpy as np

from sceneforge.core import (
    BodyTrajectory,
    Frame,
    Label,
    Mesh,
    OrientedBox,
    Plane,
    Relation,
    Scene,
    SceneGraph,
    SceneObject,
)
from sceneforge.core.transforms import make_transform, plane_frame
from sceneforge.rendering.effects import Canvas, EffectSpec, Stage, effect_layers
from sceneforge.rendering.room_view import RoomViewer
from tests.rendering.render_stage import CAMERA, GREY, ROOM, exact_depth, joined, look

FLOOR = Plane(
    "floor", Label.FLOOR, 1.0, make_transform(np.eye(3), (0, 0, -1)),
    np.array([[2.0, -2], [2, 2], [-2, 2], [-2, -2]]), area_m2=16.0,
)  # fmt: skip
WALL = Plane(
    "wall", Label.WALL, 1.0, plane_frame((0, 0, 1), (0, 1.25, -3)),
    np.array([[-2.0, -1.25], [2, -1.25], [2, 1.25], [-2, 1.25]]), area_m2=10.0,
)  # fmt: skip
EYE, TARGET = (0.0, 1.4, 0.9), (0.0, 0.9, -3.0)


def room() -> Scene:
    """Floor, far wall and side walls; vertices of the floor and the far wall know their plane and label."""
    bare = joined(ROOM)
    v = bare.vertices
    floor, wall = v[:, 1] < 1e-6, (v[:, 2] < -3 + 1e-6) & (v[:, 1] > 1e-6)
    instances = (floor * 1 + wall * 2).astype(np.int32)
    labels = (floor * Label.FLOOR.number + wall * Label.WALL.number).astype(np.uint8)
    mesh = Mesh(v, bare.faces, colors=bare.colors, instances=instances, labels=labels)
    box = OrientedBox(make_transform(np.eye(3), (0.8, 0.3, -2.0)), np.array([0.5, 0.6, 0.4]))
    chair = SceneObject("object_0", Label.CHAIR, 0.9, box)
    relation = Relation("object_0", "on", "floor", 0.9)
    return Scene(planes=(FLOOR, WALL), objects=(chair,), graph=SceneGraph((relation,)), mesh=mesh)


def moving() -> BodyTrajectory:
    """A body that hops from left to right within two seconds."""
    T = np.tile(np.eye(4), (3, 1, 1))
    T[:, :3, 3] = [(-0.5, 0.5, -2), (0, 0.8, -2), (0.5, 0.5, -2)]
    return BodyTrajectory("ball", np.array([0.0, 1.0, 2.0]), T)


def seen(scene: Scene | None = None, blocker_m: float | None = None):
    """Stage, frame, pose and view of the room; with a blocker the left half is covered by something that near."""
    scene = scene or room()
    T = look(EYE, TARGET)
    depth = exact_depth(scene.mesh, CAMERA, T)
    if blocker_m is not None:
        depth[:, : CAMERA.width // 2] = blocker_m
    frame = Frame(0, "frame-0", 0.0, np.full((*CAMERA.shape, 3), GREY, np.uint8), depth, CAMERA, CAMERA, T)
    return Stage(scene), frame, T, RoomViewer(scene).see(frame, T)


def canvas(scene: Scene | None = None, blocker_m: float | None = None) -> Canvas:
    """A canvas over the room."""
    stage, frame, T, view = seen(scene, blocker_m)
    return Canvas(stage, frame.color.astype(np.float32), view, frame, T, 0.0)


def drawn(*specs: EffectSpec, time_s: float = 0.0, stage: Stage | None = None) -> np.ndarray:
    """The picture of the room with effects."""
    own, frame, T, view = seen()
    under, over = effect_layers(specs, stage or own)
    picture = frame.color
    for layer in [*under, *over]:
        picture = layer.apply(picture, view, frame, T, time_s)
    return picture
