"""Names never overlap, lines cross neither names nor each other."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import shapely

from sceneforge.rendering.effects import EffectSpec, Stage, effect_layers
from sceneforge.rendering.effects._names import Link, Name, lay_links, place_names
from tests.rendering.effects.effect_stage import room, seen

SIZE = (640, 480)


def crowd(seed: int, count: int, spread: float) -> list[Name]:
    rng = np.random.default_rng(seed)
    at = np.clip(np.array([320, 240]) + spread * rng.normal(size=(count, 2)), 0, np.array(SIZE) - 1)
    return [Name(f"n{i}", at[i], (float(rng.uniform(40, 110)), 18.0), float(rng.uniform())) for i in range(count)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spread", [5.0, 60.0, 250.0])
def test_no_two_names_overlap_and_all_are_inside(seed: int, spread: float) -> None:
    placed = place_names(crowd(seed, 25, spread), SIZE)
    shapes = [shapely.box(*b) for b in placed.values()]
    assert sum(a.intersection(b).area for a, b in combinations(shapes, 2)) == 0
    assert all(shapely.box(0, 0, *SIZE).contains(s) for s in shapes)
    assert len(placed) >= (23 if spread >= 60 else 15)


def test_a_name_stays_beside_its_thing_while_there_is_room() -> None:
    names = crowd(1, 6, 200.0)
    middle = {k: np.array([(b.x0 + b.x1) / 2, (b.y0 + b.y1) / 2]) for k, b in place_names(names, SIZE).items()}
    offsets = {n.key: middle[n.key] - n.anchor for n in names}
    moved = [Name(n.key, n.anchor - 0.5, n.size, n.weight) for n in names]
    for key, b in place_names(moved, SIZE, before=offsets).items():
        assert np.allclose([(b.x0 + b.x1) / 2, (b.y0 + b.y1) / 2], middle[key] - 0.5)


@pytest.mark.parametrize("seed", range(6))
def test_lines_cross_neither_names_nor_each_other(seed: int) -> None:
    names = crowd(seed, 10, 150.0)
    boxes = place_names(names, SIZE)
    rng = np.random.default_rng(seed)
    links = []
    for k in range(14):
        a, b = rng.choice(len(names), 2, replace=False)
        links.append(Link(f"l{k}", names[a].anchor, names[b].anchor, (44.0, 14.0), float(rng.uniform())))
    laid = lay_links(links, list(boxes.values()), SIZE)
    assert len(laid) >= 3
    walls = [shapely.box(*b) for b in boxes.values()]
    lines = {k: shapely.LineString(w.points) for k, w in laid.items()}
    assert not any(line.intersects(w) for line in lines.values() for w in walls)
    ends = {k.key: (k.start, k.end) for k in links}
    for a, b in combinations(lines, 2):
        one, two = lines[a], lines[b]
        for p in ends[a]:
            if any(np.allclose(p, q) for q in ends[b]):
                zone = shapely.Point(p).buffer(16)  # lines may meet at an anchor they share
                one, two = one.difference(zone), two.difference(zone)
        assert not one.intersects(two)
    texts = {k: shapely.box(*w.name) for k, w in laid.items() if w.name is not None}
    assert sum(a.intersection(b).area for a, b in combinations([*texts.values(), *walls], 2)) == 0
    assert not any(box.intersects(line) for k, box in texts.items() for other, line in lines.items() if other != k)


def test_the_graph_remembers_where_its_names_stood() -> None:
    stage, frame, T, view = seen(room())
    _, (layer,) = effect_layers([EffectSpec("graph")], stage)
    assert (layer.apply(frame.color, view, frame, T, 0.0) != frame.color).any()
    memory = layer.memory()
    assert memory, "where names stood carries over"
    _, (again,) = effect_layers([EffectSpec("graph")], Stage(room()))
    again.recall(memory)
    assert (again.apply(frame.color, view, frame, T, 0.1) == layer.apply(frame.color, view, frame, T, 0.1)).all()
