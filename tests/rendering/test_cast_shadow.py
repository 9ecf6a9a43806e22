"""A thing takes light from what is beside and under it alone, and its dark screen is a part of it."""

from __future__ import annotations

import numpy as np

from sceneforge.core import Label, Mesh, OrientedBox, Scene
from sceneforge.core.transforms import make_transform
from sceneforge.perception.removal import Thing, remove_things
from sceneforge.rendering.cast_shadow import CastShadow
from sceneforge.rendering.uncovered import enclosed
from tests import painted_room as room_


def test_light_is_taken_beside_and_under_it_alone() -> None:
    import trimesh

    stands = OrientedBox(make_transform(np.eye(3), np.array([0.0, 0.2, 0.0])), np.array([0.6, 0.4, 0.4]))
    scene: Scene = remove_things(room_.room()[1], [Thing("crate", Label.BOX, stands)]).scene
    box = OrientedBox(make_transform(np.eye(3), np.array([0.0, 0.5, 0.0])), np.array([0.6, 0.1, 0.4]))
    slab = trimesh.creation.box(box.size)
    slab.apply_transform(box.T_world_box)
    things = Mesh(slab.vertices.astype(np.float32), slab.faces.astype(np.int32))
    assert scene.mesh is not None
    shade = CastShadow(scene, things, (box,))
    x = np.array([0.0, 0.35, 4.0])
    points = np.stack([x, np.zeros(3), np.zeros(3)], axis=1)
    under, beside, far = shade(points, np.array([0.0, 1.0, 0.0])).mean(axis=1)
    assert under < 0.75
    assert under < beside <= 1
    assert far == 1
    above = shade(np.array([[0.0, 0.56, 0.0]]), np.array([0.0, 1.0, 0.0]))
    assert above.min() > 0.98, "the thing hides nothing from what lies on it"


def test_a_dark_screen_without_depth_belongs_to_the_thing_around_it() -> None:
    core = np.zeros((40, 60), np.uint8)
    core[10:30, 10:40] = 1
    blind = np.zeros_like(core)
    blind[14:26, 14:36] = 1  # inside the thing
    blind[2:8, 45:55] = 1  # beside it
    core[blind > 0] = 0
    found = enclosed(core, blind)
    assert (found[10:30, 10:40] == 1).all()
    assert found.sum() == 20 * 30
