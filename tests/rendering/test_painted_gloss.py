"""Smooth paint mirrors what stands on it, by its angle, and nothing where it is covered."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from sceneforge.core.color import TO_LINEAR
from sceneforge.rendering.painted import PaintLayer
from tests.painted_room import BOX, CAMERA, film, frame
from tests.rendering.test_painted import floor_paint, stage

__all__ = ["stage"]

GLOSS = 0.2
BLUE = np.array([0.05, 0.1, 0.4])
"""Of the box; see `painted_room`."""


def dark(x, z):
    """A floor of one dark colour."""
    return np.full((*x.shape, 3), 40, np.uint8)


def drawn(stage, paints):
    scan, scene, viewer = stage
    f, T = frame(scan, 0), scene.track.T_world_camera[0]
    return PaintLayer(scene, paints).apply(f.color, viewer.see(f, T), f, T, 0.0), film(T), T


def mirrored_box(truth, T):
    """(pixels of the floor whose mirrored ray surely meets the box, cosine between ray and the floor's normal)."""
    rays = CAMERA.rays().astype(float) @ T[:3, :3].T
    o = np.stack([truth.xz[..., 0], np.zeros(truth.floor.shape), truth.xz[..., 1]], axis=-1)
    d = rays * (1, -1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = ((np.array(corner) - o) / d for corner in BOX)
    enter, leave = np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)
    met = truth.floor & (enter < leave) & (enter > 0)
    sure = cv2.erode(met.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    return sure, -rays[..., 1] / np.linalg.norm(rays, axis=-1)


def test_a_smooth_floor_mirrors_the_box_more_at_a_slant(stage) -> None:
    rough, truth, T = drawn(stage, [floor_paint(dark)])
    smooth, _, _ = drawn(stage, [floor_paint(dark, gloss=GLOSS)])
    box, cosine = mirrored_box(truth, T)
    assert box.sum() > 300
    share = (GLOSS + (1 - GLOSS) * (1 - cosine) ** 5)[..., None]
    wanted = TO_LINEAR[rough] * (1 - share) + BLUE * share
    assert np.median(np.abs(TO_LINEAR[smooth] - wanted)[box]) < 0.01
    assert np.median((TO_LINEAR[smooth] - TO_LINEAR[rough])[box][:, 2]) > 0.05


def test_later_paint_covers_the_mirror(stage) -> None:
    once, truth, _ = drawn(stage, [floor_paint(dark)])
    over, _, _ = drawn(stage, [floor_paint(dark, gloss=GLOSS), replace(floor_paint(dark), id="paint_1")])
    inner = truth.floor & (cv2.erode(truth.floor.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0)
    assert np.abs(once[inner].astype(int) - over[inner]).max() <= 1


def test_without_a_mesh_nothing_is_mirrored(stage) -> None:
    scan, scene, viewer = stage
    f, T = frame(scan, 0), scene.track.T_world_camera[0]
    view = viewer.see(f, T)
    bare = replace(scene, mesh=None)
    plain, smooth = (PaintLayer(bare, [floor_paint(dark, gloss=g)]).apply(f.color, view, f, T, 0.0) for g in (0, GLOSS))
    assert plain.tobytes() == smooth.tobytes()


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_a_clear_puddle_mirrors_as_much_as_a_dark_one(stage, strength) -> None:
    plain, truth, T = drawn(stage, [floor_paint(dark, strength=strength, mode="blend")])
    wet, _, _ = drawn(stage, [floor_paint(dark, strength=strength, mode="blend", gloss=GLOSS)])
    box, cosine = mirrored_box(truth, T)
    share = (GLOSS + (1 - GLOSS) * (1 - cosine) ** 5)[..., None]
    wanted = TO_LINEAR[plain] * (1 - share) + BLUE * share
    assert np.median(np.abs(TO_LINEAR[wet] - wanted)[box]) < 0.01
