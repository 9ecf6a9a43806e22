"""The colour camera's intrinsics found by edges, on pictures made with known ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sceneforge.core import Camera, FrameSource, Scan
from sceneforge.perception.color_camera import with_color_camera

STATED = Camera(640, 480, 585.0, 585.0, 320.0, 240.0)


def cards(rng: np.random.Generator, count: int = 12) -> list[tuple[np.ndarray, float, np.ndarray]]:
    """Upright cards before a wall: (x0, y0, x1, y1) on the plane z = 1, distance, colour."""
    out = []
    for z in np.sort(rng.uniform(1.0, 2.2, count))[::-1]:
        x, y = rng.uniform(-0.5, 0.4), rng.uniform(-0.4, 0.3)
        out.append((np.array([x, y, x + 0.12, y + 0.1]), float(z), rng.integers(0, 256, 3)))
    return out


def seen(camera: Camera, things: list) -> tuple[np.ndarray, np.ndarray]:
    """Colour (H, W, 3) and depth (H, W) of the cards before a grey wall at 3 m."""
    rays = camera.rays()
    color, depth = np.full((*camera.shape, 3), 128, np.uint8), np.full(camera.shape, 3.0, np.float32)
    for (x0, y0, x1, y1), z, c in things:
        on = (rays[..., 0] > x0) & (rays[..., 0] < x1) & (rays[..., 1] > y0) & (rays[..., 1] < y1)
        color[on], depth[on] = c, z
    return color, depth


def scan_with(true: Camera, frames: int = 8) -> Scan:
    sources = []
    for i in range(frames):
        things = cards(np.random.default_rng(i))
        color, depth = seen(true, things)[0], seen(STATED, things)[1]
        source = FrameSource(
            f"{i}", f"{i}", float(i), STATED, STATED, np.eye(4), lambda c=color: c, lambda d=depth: d
        )  # fmt: skip
        sources.append(source)
    return Scan("cards", "cards", "test", tuple(sources))


@pytest.mark.parametrize(("focal", "cx", "cy"), [(529.0, 311.0, 239.0), (630.0, 326.0, 243.0)])
def test_the_true_camera_is_found(focal: float, cx: float, cy: float) -> None:
    found = with_color_camera(scan_with(replace(STATED, fx=focal, fy=focal, cx=cx, cy=cy)))
    camera = found.sources[0].camera
    assert abs(camera.fx / focal - 1) < 0.005 and abs(camera.fy / focal - 1) < 0.005
    assert abs(camera.cx - cx) < 1.5 and abs(camera.cy - cy) < 1.5
    assert found.sources[0].depth_camera == STATED, "depth keeps what was stated"
    assert len(found.notes) == 1 and "585" in found.notes[0]
    assert with_color_camera(found) is found, "the second look changes nothing"


def test_a_right_camera_and_a_known_second_one_are_left_alone() -> None:
    right = scan_with(STATED)
    assert with_color_camera(right) is right
    slight = scan_with(replace(STATED, cx=322.0))
    assert with_color_camera(slight) is slight, "two pixels are no proof of another focal length"


def test_pictures_without_edges_prove_nothing() -> None:
    scan = scan_with(replace(STATED, fx=529.0, fy=529.0))
    blank = tuple(replace(s, read_color=lambda: np.full((480, 640, 3), 90, np.uint8)) for s in scan.sources)
    scan = replace(scan, sources=blank)
    assert with_color_camera(scan) is scan
