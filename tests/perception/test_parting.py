"""A connected group parted at its table tops."""

from __future__ import annotations

import numpy as np

from sceneforge.core import Label, Plane
from sceneforge.core.transforms import plane_frame
from sceneforge.perception.parting import part_at_tops
from sceneforge.perception.surfels import Surfels


def grid(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> np.ndarray:
    axes = [np.arange(a, b + 1e-9, 0.05) for a, b in (x, y, z)]
    return np.stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")], axis=1)


def chained(parts: list[np.ndarray]) -> Surfels:
    """Surfels each linked to the next, so that all of them form one group."""
    p = np.concatenate(parts)
    n = len(p)
    links = [sorted({max(i - 1, 0), min(i + 1, n - 1)} - {i}) for i in range(n)]
    indptr = np.concatenate([[0], np.cumsum([len(k) for k in links])]).astype(np.int64)
    area, none = np.full(n, 0.0025), np.zeros(n)
    return Surfels(
        p, np.zeros((n, 3)), none, area, np.arange(n, dtype=np.int32), indptr, np.concatenate(links).astype(np.int32)
    )


def top(name: str, x0: float, x1: float) -> Plane:
    ring = np.array([[x0, -0.4], [x1, -0.4], [x1, 0.4], [x0, 0.4]])
    T = plane_frame((0, 1, 0), (0, 0.75, 0))
    return Plane(name, Label.TABLE, 1.0, T, ring, area_m2=(x1 - x0) * 0.8)


def test_what_stands_on_a_top_and_what_is_pushed_up_to_it_are_parted_from_the_table() -> None:
    board, leg = grid((-0.8, 0.8), (0.75, 0.75), (-0.4, 0.4)), grid((0, 0), (0, 0.7), (0, 0))
    crate, chair = grid((0.2, 0.5), (0.85, 1.0), (0, 0.3)), grid((-0.2, 0.2), (0.0, 0.9), (0.55, 0.9))
    surfels = chained([leg, board, crate, chair])
    on_top = np.full(len(surfels.area), -1, np.int32)
    on_top[len(leg) : len(leg) + len(board)] = 0
    parts = part_at_tops(np.arange(len(on_top)), surfels, [top("t", -0.8, 0.8)], on_top, 0.0)
    sizes = [len(leg) + len(board), len(crate), len(chair)]
    assert [len(g) for g in parts][:1] == sizes[:1]
    assert sorted(len(g) for g in parts[1:]) in ([sum(sizes[1:])], sorted(sizes[1:]))
    assert sorted(np.concatenate(parts)) == list(range(len(on_top))), "nothing is lost"


def test_two_tops_share_what_is_between_them_by_nearness() -> None:
    left, right = grid((-1.2, -0.1), (0.75, 0.75), (-0.4, 0.4)), grid((0.1, 1.2), (0.75, 0.75), (-0.4, 0.4))
    between = grid((-0.05, 0.05), (0.7, 0.7), (0, 0))
    surfels = chained([left, between, right])
    owner = np.full(len(surfels.area), -1, np.int32)
    owner[: len(left)], owner[-len(right) :] = 0, 1
    tables = [top("left", -1.2, -0.1), top("right", 0.1, 1.2)]
    parts = part_at_tops(np.arange(len(owner)), surfels, tables, owner, 0.0)
    assert len(parts) in (2, 3)
    for g, side in zip(parts, (left, right), strict=False):
        assert len(side) <= len(g) <= len(side) + len(between)


def test_a_group_without_a_top_stays_whole() -> None:
    surfels = chained([grid((0, 0.5), (0, 1), (0, 0.5))])
    none = np.full(len(surfels.area), -1, np.int32)
    assert [len(g) for g in part_at_tops(np.arange(len(none)), surfels, [], none, 0.0)] == [len(none)]
