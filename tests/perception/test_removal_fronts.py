"""A dark cupboard that no depth camera reads keeps its sides and its colours when what stood before it goes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sceneforge.core import Label, OrientedBox, Scan, Scene, SceneObject
from sceneforge.core.color import to_linear
from sceneforge.core.transforms import make_transform
from sceneforge.perception.removal import Thing, remove_things
from sceneforge.perception.removal_fronts import furniture_fronts
from tests import painted_room as room_


def unread(label: Label) -> tuple[Scan, Scene]:
    """The painted room with its box as a piece of furniture without depth and without mesh."""
    scan, scene = room_.room()

    def blind(n: int) -> np.ndarray:
        view = room_.film(scan.sources[n].T_world_camera, room_.GAINS[n])
        return np.where(view.floor, view.depth, 0).astype(np.float32)

    sources = tuple(replace(s, read_depth=lambda n=n: blind(n)) for n, s in enumerate(scan.sources))
    assert scene.mesh is not None
    low = scene.mesh.vertices[:, 1] < 1e-6
    mesh = replace(scene.mesh, faces=scene.mesh.faces[low[scene.mesh.faces].all(axis=1)])
    corners = np.array(room_.BOX)
    box = OrientedBox(make_transform(np.eye(3), corners.mean(axis=0)), corners[1] - corners[0])
    return replace(scan, sources=sources), replace(
        scene, mesh=mesh, objects=(SceneObject("object_0", label, 1.0, box),)
    )


def test_its_sides_have_the_colours_of_the_pixels_that_look_at_it() -> None:
    scan, scene = unread(Label.CABINET)
    beside = OrientedBox(make_transform(np.eye(3), np.array([0.9, 0.1, 0.6])), np.array([0.2, 0.2, 0.2]))
    removal = remove_things(scene, [Thing("crate", Label.BOX, beside)])
    gains = {n: np.full(3, g) for n, g in enumerate(room_.GAINS)}
    fronts = furniture_fronts(scan, removal, gains)
    assert fronts is not None and fronts.colors is not None
    low, high = fronts.vertices.min(axis=0), fronts.vertices.max(axis=0)
    assert np.allclose([low, high], room_.BOX, atol=1e-5)
    error = np.abs(to_linear(fronts.colors) - (0.05, 0.1, 0.4))
    assert np.median(error) < 0.01 and (error.max(axis=1) < 0.03).mean() > 0.8, "edges alone mix with the floor"


def test_open_furniture_has_none() -> None:
    scan, scene = unread(Label.TABLE)
    beside = OrientedBox(make_transform(np.eye(3), np.array([0.9, 0.1, 0.6])), np.array([0.2, 0.2, 0.2]))
    removal = remove_things(scene, [Thing("crate", Label.BOX, beside)])
    assert furniture_fronts(scan, removal, {}) is None
