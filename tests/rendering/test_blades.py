"""Blades of grass: they stand where they stand, look as bright as the texture, fade far away, and hide low things."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sceneforge.core.color import TO_LINEAR
from sceneforge.rendering.blades_kernels import grow
from sceneforge.rendering.layers import CONTENT
from sceneforge.rendering.painted import PaintLayer, pyramid
from tests.painted_room import BOX, CAMERA, film, frame
from tests.rendering.test_painted import beside, floor_paint, stage

__all__ = ["stage"]


def green(x, z):
    """Lawn of one colour."""
    return np.broadcast_to(np.array([70, 130, 50], np.uint8), (*x.shape, 3)).copy()


def grass(**changes):
    return floor_paint(green, relief_m=0.12, blades=True, **changes)


def drawn(stage, paint, index=0):
    scan, scene, viewer = stage
    f, T = frame(scan, index), scene.track.T_world_camera[index]
    return PaintLayer(scene, [paint]).apply(f.color, viewer.see(f, T), f, T, 0.0), film(T)


def test_grass_is_as_bright_as_its_texture_and_not_flat(stage) -> None:
    flat, truth = drawn(stage, floor_paint(green))
    tall, _ = drawn(stage, grass())
    inner = truth.floor & ~beside(truth.floor, 12)
    ratio = TO_LINEAR[tall[inner]].mean(axis=0) / TO_LINEAR[flat[inner]].mean(axis=0)
    assert ratio == pytest.approx(np.ones(3), abs=0.2)
    assert tall[inner].std(axis=0).min() > 3 * max(flat[inner].std(axis=0).max(), 1)


@pytest.mark.parametrize("strength", [0.3, 0.05])
def test_faint_grass_covers_no_more_than_faint_paint(stage, strength: float) -> None:
    plain = frame(stage[0], 0).color.astype(float)
    inner = None
    change = {}
    for blades in (False, True):
        make = grass if blades else (lambda **more: floor_paint(green, **more))
        for part in (1.0, strength):
            picture, truth = drawn(stage, make(strength=part, mode="blend"))
            inner = truth.floor & ~beside(truth.floor, 12) if inner is None else inner
            change[blades, part] = np.abs(TO_LINEAR[picture[inner]] - TO_LINEAR[plain[inner].astype(np.uint8)]).mean()
        assert change[blades, strength] / change[blades, 1.0] == pytest.approx(strength, abs=0.35 * strength)


def test_flowers_of_the_texture_stand_on_the_blades(stage) -> None:
    def flowering(x, z):
        color = green(x, z)
        color[np.hypot((x % 0.12) - 0.06, (z % 0.12) - 0.06) < 0.012] = (240, 200, 40)
        return color

    picture, truth = drawn(stage, floor_paint(flowering, relief_m=0.12, blades=True))
    bare, _ = drawn(stage, grass())
    inner = truth.floor & ~beside(truth.floor, 12)
    yellow = [(p[inner][:, 0].astype(int) > 1.05 * p[inner][:, 1]).mean() for p in (picture, bare)]
    assert yellow[0] > 0.008 and yellow[1] < 0.001


def test_grass_stands_before_low_parts_of_things_alone(stage) -> None:
    low, truth = drawn(stage, floor_paint(green))
    high, _ = drawn(stage, grass())
    box = ~truth.floor & (truth.depth > 0) & ~beside(truth.floor, 2)
    assert (high[box] != low[box]).any()
    T = stage[1].track.T_world_camera[0]
    world = CAMERA.backproject(truth.depth).astype(float) @ T[:3, :3].T + T[:3, 3]
    above = box & (world[..., 1] > 0.14)
    assert (high[above] == low[above]).all()
    assert BOX[1][1] > 0.14


def grown(o, mask, height_m=0.05, cell=0.01):
    """Blades seen from (x, height, z) straight down."""
    texture = pyramid(np.zeros((*mask.shape, 3), np.uint8), mask, np.zeros_like(mask))
    down = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # camera-to-plane, y up in the plane's frame
    k = np.array([500.0, 500.0, 320.0, 240.0])
    return grow(
        k, down, np.array(o), np.array([640, 480]), np.zeros(2), cell, texture.texels, texture.levels[0], height_m
    )


def test_blades_stay_where_they_are() -> None:
    mask = np.full((200, 200), 255, np.uint8)
    here, there = grown((1.0, 1.0, 1.0), mask), grown((1.2, 1.3, 0.9), mask)
    roots = [{tuple(b[:7]) for b in blades} for blades in (here, there)]
    both = roots[0] & roots[1]
    assert len(both) > 0.4 * min(map(len, roots)) > 500


def test_blades_grow_on_paint_alone_and_thin_out_where_it_does() -> None:
    mask = np.full((200, 200), 255, np.uint8)
    mask[:, 120:], mask[:, 80:120] = 0, 128
    x = grown((1.0, 1.0, 1.0), mask)[:, 0]
    assert x.max() < 1.2
    assert 0.3 < ((x > 0.8) & (x < 1.2)).sum() / max(((x > 0.4) & (x < 0.8)).sum(), 1) < 0.7


def test_no_blades_are_drawn_that_nobody_could_see() -> None:
    mask = np.full((200, 200), 255, np.uint8)
    assert len(grown((1.0, 6.0, 1.0), mask)) == 0


def test_grass_stands_before_the_feet_of_content(stage) -> None:
    scan, scene, viewer = stage
    f, T = frame(scan, 0), scene.track.T_world_camera[0]
    view, truth = viewer.see(f, T), film(T)
    box = ~truth.floor & (truth.depth > 0)
    content = replace(
        view, source=np.where(box, np.uint8(CONTENT), view.source), depth=np.where(box, truth.depth, view.depth)
    )
    assert PaintLayer(scene, [floor_paint(green)]).before_content() is None
    over = PaintLayer(scene, [grass()]).before_content()
    assert over is not None
    changed = (over.apply(f.color, content, f, T, 0.0) != f.color).any(axis=-1)
    world = CAMERA.backproject(truth.depth).astype(float) @ T[:3, :3].T + T[:3, 3]
    assert (changed & box & (world[..., 1] < 0.08)).sum() > 30
    assert not (changed & (~box | (world[..., 1] > 0.14))).any()
    assert (over.apply(f.color, view, f, T, 0.0) == f.color).all()
