"""The walk is one that a hand could make and an odometry could follow."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core.arrays import rigid_transform
from sceneforge.synth.layout import KINDS, furnish
from sceneforge.synth.path import walk


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_steps_are_small_and_the_camera_keeps_clear(kind: str, seed: int) -> None:
    layout = furnish(kind, seed, 0.3)
    poses = walk(layout, 60, seed).T_world_camera
    for T in poses:
        rigid_transform(T, "pose", tolerance=1e-9)
    step = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    turn = np.einsum("nij,nij->n", poses[:-1, :3, :3], poses[1:, :3, :3])
    assert step.max() < 0.15
    assert np.degrees(np.arccos(np.clip((turn - 1) / 2, -1, 1))).max() < 12
    assert (np.abs(poses[:, 0, 3]) < layout.shell.width / 2 - 0.5).all()
    assert ((poses[:, 1, 3] > 1.3) & (poses[:, 1, 3] < 1.7)).all()
    points = np.concatenate(
        [
            p.vertices @ i.T_world_item[:3, :3].T + i.T_world_item[:3, 3]
            for i in layout.items
            if i.label
            for p in i.parts
        ]
    )
    for p in poses[:, :3, 3]:
        assert np.linalg.norm(points - p, axis=1).min() > 0.2
    assert (poses[:, 1, 1] < 0).all(), "the picture is upside down"


def test_the_walk_looks_at_ceiling_and_floor() -> None:
    pitch = np.degrees(np.arcsin(walk(furnish("living_room", 0, 0.3), 60, 0).T_world_camera[:, 1, 2]))
    assert pitch.max() > 2 and pitch.min() < -25


def test_a_longer_walk_starts_the_same() -> None:
    layout = furnish("office", 2, 0.3)
    np.testing.assert_allclose(walk(layout, 20, 2).T_world_camera, walk(layout, 60, 2).T_world_camera[:20], atol=1e-12)
