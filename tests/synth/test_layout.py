"""Rooms must be ones that could be: nothing overlaps, floats, or leaves the room."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from sceneforge.core.errors import UsageError
from sceneforge.synth.item import Item
from sceneforge.synth.layout import KINDS, furnish, rectangles_overlap
from sceneforge.synth.room import WALL_YAW


def _over_rug(things: list[Item]) -> set[str]:
    """The rug and all that its carried things carry: they share its area on purpose."""
    names = {"rug"}
    while more := {i.name for i in things if i.on in names} - names:
        names |= more
    return names


ROOMS = [(kind, seed) for kind in KINDS for seed in range(6)]


def _world(item: Item) -> np.ndarray:
    points = np.concatenate([p.vertices for p in item.parts])
    return points @ item.T_world_item[:3, :3].T + item.T_world_item[:3, 3]


@pytest.mark.parametrize(("kind", "seed"), ROOMS)
def test_furniture_does_not_overlap(kind: str, seed: int) -> None:
    things = [i for i in furnish(kind, seed, 0.3).items if i.label and i.on != "ceiling"]
    for a, b in combinations(things, 2):
        if a.on == b.name or b.on == a.name or ("rug" in (a.name, b.name) and {a.name, b.name} <= _over_rug(things)):
            continue
        pa, pb = _world(a), _world(b)
        apart = pa[:, 1].max() <= pb[:, 1].min() + 1e-6 or pb[:, 1].max() <= pa[:, 1].min() + 1e-6
        assert apart or not rectangles_overlap(a.footprint, b.footprint), f"{a.name} meets {b.name}"


@pytest.mark.parametrize(("kind", "seed"), ROOMS)
def test_everything_stays_inside_and_stands_on_something(kind: str, seed: int) -> None:
    layout = furnish(kind, seed, 0.3)
    half = np.array([layout.shell.width / 2, layout.shell.height, layout.shell.depth / 2])
    by_name = {i.name: i for i in layout.items}
    for item in layout.items:
        if not item.label:
            continue
        points = _world(item)
        assert (np.abs(points[:, [0, 2]]) <= half[[0, 2]] + 1e-6).all(), f"{item.name} pierces a wall"
        assert points[:, 1].min() >= -1e-6, f"{item.name} sinks into the floor"
        assert points[:, 1].max() <= half[1] + 1e-6, f"{item.name} pierces the ceiling"
        if item.on == "floor":
            assert points[:, 1].min() == pytest.approx(0, abs=0.002), f"{item.name} floats"
        elif item.on not in WALL_YAW and item.on != "ceiling":
            base = by_name[item.on]
            tops = [
                float((s.corners @ base.T_world_item[:3, :3].T + base.T_world_item[:3, 3])[0, 1]) for s in base.surfaces
            ]
            assert min(abs(points[:, 1].min() - t) for t in tops) < 0.002, f"{item.name} floats over {base.name}"


def test_names_are_unique_and_layout_ignores_tessellation() -> None:
    coarse, fine = furnish("living_room", 3, 0.4), furnish("living_room", 3, 0.1)
    names = [i.name for i in coarse.items]
    assert len(set(names)) == len(names)
    assert names == [i.name for i in fine.items]
    for a, b in zip(coarse.items, fine.items, strict=True):
        np.testing.assert_array_equal(a.T_world_item, b.T_world_item)


def test_seeds_differ() -> None:
    a, b = furnish("living_room", 1, 0.4).shell, furnish("living_room", 2, 0.4).shell
    assert (a.width, a.depth) != (b.width, b.depth)


def test_a_living_room_has_what_the_sample_promises() -> None:
    labels = {s.label for i in furnish("living_room", 0, 0.4).items for s in i.surfaces}
    assert {"floor", "ceiling", "wall", "table", "seat", "shelf", "door", "window"} <= labels


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="expected one of living_room, office, bedroom"):
        furnish("castle", 0, 0.4)
