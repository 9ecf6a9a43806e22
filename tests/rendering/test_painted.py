"""Paint in frames: it lies on its plane, things stand before it, light stays on it, skies are infinitely far."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import SurfacePaint, SurfaceRaster
from sceneforge.rendering.painted import PaintLayer, pyramid
from sceneforge.rendering.room_view import RoomViewer
from tests.painted_room import BOX, CAMERA, EYES, HALF_X, HALF_Z, film, frame, look_at, room

CELL_M = 0.01


def floor_paint(color, **changes) -> SurfacePaint:
    """Paint on all of the test room's floor."""
    w, h = round(2 * HALF_X / CELL_M), round(2 * HALF_Z / CELL_M)
    raster = SurfaceRaster(np.eye(4), np.array([-HALF_X, -HALF_Z]), CELL_M, w, h)
    values = {
        "id": "paint_0",
        "planes": ("plane_0",),
        "raster": raster,
        "mask": np.full((h, w), 255, np.uint8),
        "color": color(*np.meshgrid(*raster.centres())) if color else None,
        "shading": np.ones((8, 10), np.float32),
        "light": np.ones(3),
    }
    return SurfacePaint(**(values | changes))


def quarters(x, z):
    """Four colours, one per quarter of the floor."""
    out = np.zeros((*x.shape, 3), np.uint8)
    out[..., 0], out[..., 1], out[..., 2] = np.where(x > 0, 200, 60), np.where(z > 0, 180, 80), 120
    return out


@pytest.fixture(scope="module")
def stage():
    scan, scene = room()
    return scan, scene, RoomViewer(scene)


def painted(stage, paint, index=0, time_s=0.0):
    scan, scene, viewer = stage
    f, T = frame(scan, index), scene.track.T_world_camera[index]
    return PaintLayer(scene, [paint]).apply(f.color, viewer.see(f, T), f, T, time_s), film(T)


@pytest.mark.parametrize("index", [0, 2, 5])
def test_paint_lies_where_its_plane_lies(stage, index) -> None:
    picture, truth = painted(stage, floor_paint(quarters), index)
    away = (np.abs(truth.xz) > 0.08).all(axis=-1) & (np.abs(truth.xz) < (HALF_X - 0.05, HALF_Z - 0.05)).all(axis=-1)
    inner = truth.floor & away & ~beside(truth.floor, 3)
    wanted = quarters(truth.xz[..., 0], truth.xz[..., 1])
    assert inner.sum() > 5000
    assert np.abs(picture[inner].astype(int) - wanted[inner]).max() <= 1


def beside(mask, pixels):
    """Pixels within a distance of the mask's outline."""
    import cv2

    kernel = np.ones((2 * pixels + 1,) * 2, np.uint8)
    m = mask.astype(np.uint8)
    return np.asarray(cv2.dilate(m, kernel) != cv2.erode(m, kernel))


@pytest.mark.parametrize("index", range(len(EYES)))
def test_things_stand_before_it(stage, index) -> None:
    scan = stage[0]
    picture, truth = painted(stage, floor_paint(quarters), index)
    changed = (picture != frame(scan, index).color).any(axis=-1)
    leak = changed & ~truth.floor & ~beside(truth.floor, 1)
    miss = ~changed & truth.floor & ~beside(truth.floor, 1)
    assert leak.sum() < 0.002 * truth.floor.sum()
    assert miss.sum() < 0.002 * truth.floor.sum()


def test_light_and_exposure_stay(stage) -> None:
    grey = lambda x, z: np.full((*x.shape, 3), 150, np.uint8)  # noqa: E731
    dark = np.ones((24, 30), np.float32)
    dark[:, 15:] = 0.5
    plain, truth = painted(stage, floor_paint(grey))
    shaded, _ = painted(stage, floor_paint(grey, shading=dark, gains={0: np.full(3, 1.5)}))
    linear = lambda c: (c / 255.0) ** 2.2  # noqa: E731
    for side, wanted in ((truth.xz[..., 0] < -0.2, 1.5), (truth.xz[..., 0] > 0.2, 0.75)):
        where = truth.floor & side & ~beside(truth.floor, 4)
        assert np.median(linear(shaded[where]) / linear(plain[where])) == pytest.approx(wanted, abs=0.05)


def test_a_sky_does_not_move_when_the_camera_does() -> None:
    scan, scene = room()
    del scan
    n = 256
    y, x = np.mgrid[:n, :n]
    sky = np.stack([x, y, 255 - x], axis=-1).astype(np.uint8)
    layer = PaintLayer(scene, [floor_paint(None, environment=sky, mode="portal")])
    viewer = RoomViewer(scene)
    seen = []
    for eye in ((-0.9, 1.5, 0.9), (-0.7, 1.2, 0.6)):
        T = look_at(np.array((-0.9, 1.5, 0.9)), (-0.8, 0.0, 0.5)).copy()
        T[:3, 3] = eye
        view = film(T)
        from sceneforge.core import Frame

        f = Frame(0, "0", 0.0, view.color, view.depth, CAMERA, CAMERA, T)
        seen.append((layer.apply(f.color, viewer.see(f, T), f, T, 0.0), view.floor & ~beside(view.floor, 6)))
    both = seen[0][1] & seen[1][1]
    assert both.sum() > 3000
    apart = np.abs(seen[0][0][both].astype(int) - seen[1][0][both])
    assert apart.max() <= 2


def test_a_sky_turns(stage) -> None:
    rng = np.random.default_rng(0)
    sky = rng.integers(0, 255, (128, 128, 3), dtype=np.uint8)
    paint = floor_paint(None, environment=sky, mode="portal", turn_deg_per_s=90.0)
    still, _ = painted(stage, paint, time_s=0.0)
    later, _ = painted(stage, paint, time_s=1.0)
    round_, _ = painted(stage, paint, time_s=4.0)
    assert (still != later).any()
    assert (still == round_).mean() > 0.999


def test_tall_grain_stands_before_low_parts_of_things(stage) -> None:
    rng = np.random.default_rng(1)
    grey = lambda x, z: np.full((*x.shape, 3), 150, np.uint8)  # noqa: E731
    flat = floor_paint(grey)
    relief = np.where(rng.random(flat.raster.shape) > 0.6, 255, 0).astype(np.uint8)
    low, truth = painted(stage, flat)
    high, _ = painted(stage, floor_paint(grey, relief=relief, relief_m=0.05))
    box = ~truth.floor & (truth.depth > 0) & ~beside(truth.floor, 2)
    assert (high[box] != low[box]).any()
    T = stage[1].track.T_world_camera[0]
    world = CAMERA.backproject(truth.depth).astype(float) @ T[:3, :3].T + T[:3, 3]
    above = box & (world[..., 1] > 0.06)
    assert (high[above] == low[above]).all()
    assert BOX[1][1] > 0.06


def test_half_strength_lies_between(stage) -> None:
    full, truth = painted(stage, floor_paint(quarters))
    half, _ = painted(stage, floor_paint(quarters, strength=0.5, mode="blend"))
    plain = frame(stage[0], 0).color
    inner = truth.floor & ~beside(truth.floor, 4)
    low, high = np.minimum(full, plain)[inner].astype(int), np.maximum(full, plain)[inner].astype(int)
    assert ((half[inner] >= low - 1) & (half[inner] <= high + 1)).all()
    assert (half[inner] != full[inner]).any()


def test_levels_average_light() -> None:
    color = np.zeros((2, 2, 3), np.uint8)
    color[0] = 255
    p = pyramid(color, np.full((2, 2), 255, np.uint8), np.zeros((2, 2), np.uint8))
    assert p.levels.tolist() == [[0, 2, 2], [4, 1, 1]]
    assert p.texels[4].tolist() == [188, 188, 188, 255, 0]  # half of the light, not half of the bytes


def test_same_input_same_bytes(stage) -> None:
    first, _ = painted(stage, floor_paint(quarters), 3)
    second, _ = painted(stage, floor_paint(quarters), 3)
    assert (first == second).all()
