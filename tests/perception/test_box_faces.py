"""Boxes by their faces, against boxes of known size."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import OrientedBox
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import make_transform, yaw_rotation
from sceneforge.perception.box_faces import fit_faces
from sceneforge.perception.objects import upright_box
from sceneforge.perception.surfels import Surfels

SIZE = np.array([0.8, 0.55, 0.45])
STEP = 0.04


def surfels_of(position: Float64, normal: Float64) -> Surfels:
    n = len(position)
    none = np.zeros(0, np.int64)
    return Surfels(
        position, normal, np.zeros(n), np.full(n, STEP**2), np.zeros(0, np.int32), none, none.astype(np.int32)
    )


def face(axis: int, sign: float, size: Float64) -> tuple[Float64, Float64]:
    """Points and normals of one side of a box about the origin."""
    others = [a for a in range(3) if a != axis]
    grids = np.meshgrid(*[np.arange(-size[a] / 2 + STEP / 2, size[a] / 2, STEP) for a in others])
    points = np.full((grids[0].size, 3), sign * size[axis] / 2)
    for a, g in zip(others, grids, strict=True):
        points[:, a] = g.ravel()
    return points, np.tile(sign * np.eye(3)[axis], (len(points), 1))


def scene(yaw: float, seed: int, sides: bool = True) -> tuple[Surfels, np.ndarray]:
    """A box on a floor that sags by 4 cm in 2 m; noise of 3 mm; a loose heap touches one side."""
    rng = np.random.default_rng(seed)
    parts = [face(1, 1, SIZE)]
    if sides:
        parts += [face(0, 1, SIZE), face(0, -1, SIZE), face(2, 1, SIZE), face(2, -1, SIZE)]
    p, n = (np.concatenate(x) for x in zip(*parts, strict=True))
    p = p + rng.normal(0, 0.003, p.shape)
    heap = rng.uniform([0.4, -0.25, -0.1], [0.47, -0.1, 0.1], (30, 3))
    p, n = np.concatenate([p, heap]), np.concatenate([n, np.tile([0, 1.0, 0], (30, 1))])
    R = yaw_rotation(yaw)
    p, n = p @ R.T + [0, SIZE[1] / 2, 0], n @ R.T
    x, z = (g.ravel() for g in np.meshgrid(np.arange(-2, 2, STEP), np.arange(-2, 2, STEP)))
    ground = np.stack([x, -0.04 * np.clip(np.hypot(x, z) - 0.9, 0, None), z], 1)
    ground = ground[np.hypot(x, z) > 0.5]
    members = np.arange(len(p))
    return surfels_of(np.concatenate([p, ground]), np.concatenate([n, np.tile([0, 1.0, 0], (len(ground), 1))])), members


@pytest.mark.parametrize("yaw", [0.0, 0.3, 1.2])
@pytest.mark.parametrize("seed", [0, 1])
def test_box_is_as_large_as_its_faces_and_stands_on_the_floor_around_it(yaw: float, seed: int) -> None:
    surfels, members = scene(yaw, seed)
    floor = -0.035  # of the whole room, which sags
    first = upright_box(surfels.position[members], floor, stands=True)
    box = fit_faces(first, surfels, members, floor)
    # 3 mm noise, medians of more than a hundred surfels; 5 mm leaves room for the surfels' grid.
    np.testing.assert_allclose(np.sort(box.size), np.sort(SIZE), atol=0.005)
    np.testing.assert_allclose(box.T_world_box[:3, 3], [0, SIZE[1] / 2, 0], atol=0.005)
    assert abs(first.size[1] - SIZE[1]) > 0.02  # what percentiles and the room's floor give
    long = box.T_world_box[:3, :3] @ np.eye(3)[int(np.argmax(box.size))]
    assert abs(long @ (yaw_rotation(yaw) @ [1.0, 0, 0])) > np.cos(np.radians(1))


def test_sides_that_are_not_seen_stay_where_the_points_end() -> None:
    surfels, members = scene(0.2, 0, sides=False)
    first = upright_box(surfels.position[members], 0.0, stands=True)
    box = fit_faces(first, surfels, members, 0.0)
    np.testing.assert_allclose(box.size[[0, 2]], first.size[[0, 2]], atol=1e-6)
    assert box.T_world_box[1, 3] + box.size[1] / 2 == pytest.approx(SIZE[1], abs=0.003)


def test_a_box_that_does_not_stand_on_the_floor_keeps_its_bottom() -> None:
    surfels, members = scene(0.0, 1)
    first = OrientedBox(make_transform(np.eye(3), np.array([0, 0.4, 0])), np.array([0.8, 0.3, 0.45]))
    box = fit_faces(first, surfels, members, None)
    assert box.T_world_box[1, 3] - box.size[1] / 2 == pytest.approx(0.25, abs=1e-6)
