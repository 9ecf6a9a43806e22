"""Smooth content shows the room where a mirror would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sceneforge.core import Arrangement, Content, Frame, Material, Scene
from sceneforge.core.transforms import inverse, transform_points
from sceneforge.rendering import FrameCompositor
from tests.rendering.render_stage import CAMERA, FLOOR, ROOM, box_part, exact_depth, joined, look, placed

EYE = (0.0, 0.9, 1.0)
MIRROR_Z = -1.2
"""World z of the mirror's front."""


def _room():
    """Red floor where x < 0, blue where x > 0; grey walls."""
    room = joined(ROOM)
    colors = np.full((len(room.vertices), 3), 120, np.uint8)
    floor = np.abs(room.vertices[:, 1]) < 1e-3
    colors[floor & (room.vertices[:, 0] < 0)] = (230, 20, 20)
    colors[floor & (room.vertices[:, 0] >= 0)] = (20, 20, 230)
    return replace(room, colors=colors)


def _picture(roughness: float) -> np.ndarray:
    mesh, T = _room(), look(EYE, (0, 0.3, -1.2))
    metal = Material((0.95, 0.95, 0.95, 1.0), 1.0, roughness)
    panel = Content("panel", "panel", (box_part((-0.5, 0, 0), (0.5, 0.6, 0.05), metal),))
    arrangement = Arrangement((placed(panel, z=MIRROR_Z - 0.05),))
    color = np.full((*CAMERA.shape, 3), 120, np.uint8)
    frame = Frame(0, "frame-0", 0.0, color, exact_depth(mesh, CAMERA, T), CAMERA, CAMERA, T)
    return FrameCompositor(Scene(planes=(FLOOR,), mesh=mesh), arrangement).compose(frame, T).astype(int)


def _mirrored_points() -> tuple[np.ndarray, np.ndarray]:
    """Pixels (H, W) whose ray meets the mirror's front and then the floor, and the floor's x there."""
    T = look(EYE, (0, 0.3, -1.2))
    d = CAMERA.rays() @ T[:3, :3].T
    with np.errstate(divide="ignore", invalid="ignore"):
        s = (MIRROR_Z - EYE[2]) / d[..., 2]
        x, y = EYE[0] + s * d[..., 0], EYE[1] + s * d[..., 1]
        down = y / -d[..., 1]  # the height is kept, z turns round
        on_floor = x + down * d[..., 0]
    inside = (s > 0) & (np.abs(x) < 0.47) & (y > 0.03) & (y < 0.57) & (d[..., 1] < 0)
    return inside & (MIRROR_Z - down * d[..., 2] < EYE[2]), on_floor


def test_a_mirror_shows_the_floor_where_geometry_says() -> None:
    picture = _picture(0.05)
    inside, x = _mirrored_points()
    clear = inside & (np.abs(x) > 0.06)
    assert clear.sum() > 150
    red = picture[..., 0] > picture[..., 2]
    assert np.mean(red[clear] == (x[clear] < 0)) > 0.97
    strong = np.abs(picture[..., 0] - picture[..., 2])[clear]
    assert np.median(strong) > 80


def test_the_same_metal_made_rough_shows_no_edge() -> None:
    inside, x = _mirrored_points()
    left, right = (inside & (s * x > 0.03) & (s * x < 0.15) for s in (-1, 1))

    def step(picture: np.ndarray) -> float:
        tint = picture[..., 0] - picture[..., 2]
        return float(tint[left].mean() - tint[right].mean())

    sharp = step(_picture(0.05))
    assert sharp > 100 and step(_picture(0.8)) < 0.5 * sharp


def test_a_mirror_shows_other_content_where_geometry_says() -> None:
    mesh, T = _room(), look(EYE, (0, 0.3, -1.2))
    metal, green = Material((0.95, 0.95, 0.95, 1.0), 1.0, 0.05), Material((0.05, 0.9, 0.05, 1.0), 0.0, 1.0)
    panel = Content("panel", "panel", (box_part((-0.5, 0, 0), (0.5, 0.6, 0.05), metal),))
    block = Content("block", "block", (box_part((-0.1, 0, -0.1), (0.1, 0.2, 0.1), green),))
    color = np.full((*CAMERA.shape, 3), 120, np.uint8)
    frame = Frame(0, "frame-0", 0.0, color, exact_depth(mesh, CAMERA, T), CAMERA, CAMERA, T)
    both = Arrangement((placed(panel, z=MIRROR_Z - 0.05), placed(block, x=-0.3, z=-0.6)))
    picture = FrameCompositor(Scene(planes=(FLOOR,), mesh=mesh), both).compose(frame, T).astype(int)
    # The block's picture stands as far behind the mirror as the block before it; its far face is what is mirrored.
    u = []
    for x in (-0.36, -0.3, -0.24):
        uv, _ = CAMERA.project(transform_points(inverse(T), np.array([[x, 0.1, 2 * MIRROR_Z + 0.7]])))
        u.append(np.rint(uv[0]).astype(int))
    for column, row in u:
        r, g, b = picture[row, column]
        assert g > 1.5 * max(r, b), f"not green at {column}, {row}: {picture[row, column]}"
    uv, _ = CAMERA.project(transform_points(inverse(T), np.array([[0.3, 0.1, 2 * MIRROR_Z + 0.7]])))
    column, row = np.rint(uv[0]).astype(int)
    r, g, b = picture[row, column]
    assert g < 1.2 * max(r, b), "on the other side there is no block to mirror"
