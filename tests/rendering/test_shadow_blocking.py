"""Shadow stops at what stands between content and the surface it would fall on."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from sceneforge.core import Arrangement, Frame, Label, Plane, Scene
from sceneforge.core.transforms import inverse, make_transform, transform_points
from sceneforge.rendering import FrameCompositor
from tests.rendering.render_stage import CAMERA, GREY, ROOM, Stage, cube, exact_depth, grid_quad, joined, look, placed

TOP, HALF, CENTRE = 0.5, 0.45, -1.4
"""Height, half width and z of a square table, metres."""
DESK = Plane(
    "desk", Label.TABLE, 1.0, make_transform(np.eye(3), (0, TOP, CENTRE)),
    np.array([[-HALF, -HALF], [-HALF, HALF], [HALF, HALF], [HALF, -HALF]]), area_m2=4 * HALF * HALF,
)  # fmt: skip
DEEP, WIDE = (0, 0, 2 * HALF), (2 * HALF, 0, 0)
FACE = grid_quad((-HALF, TOP, CENTRE - HALF), DEEP, WIDE, 30)
UNDERSIDE = grid_quad((-HALF, TOP - 0.04, CENTRE - HALF), WIDE, DEEP, 30)
SHELF = grid_quad((-HALF, 0.2, CENTRE - HALF), DEEP, WIDE, 30)


def table_stage(quads: list, noise: float = 0.0, sunk: float = 0.0) -> Stage:
    """A cube on a table made of `quads`, `sunk` metres into it, in the room."""
    mesh = joined([*ROOM, *quads])
    if noise:
        jitter = np.random.default_rng(5).normal(0, noise, mesh.vertices.shape)
        mesh = replace(mesh, vertices=(mesh.vertices + jitter).astype(np.float32))
    T = look((0, 1.0, 0.3), (0, 0.4, CENTRE))
    color = np.full((*CAMERA.shape, 3), GREY, dtype=np.uint8)
    depth = exact_depth(joined([*ROOM, *quads]), CAMERA, T)
    frame = Frame(0, "frame-0", 0.0, color, depth, CAMERA, CAMERA, T)
    stand = placed(cube(size=0.4), plane=DESK)
    lower = np.array(stand.T_world_content)
    lower[1, 3] -= sunk
    return Stage(Scene(planes=(DESK,), mesh=mesh), Arrangement((replace(stand, T_world_content=lower),)), frame, T)


def seen_points(s: Stage) -> np.ndarray:
    """(H, W, 3) where the room is seen in the world."""
    return transform_points(s.T, CAMERA.rays() * s.frame.depth[..., None].astype(np.float64))


def off_cube(s: Stage) -> np.ndarray:
    """(H, W) pixels that do not show the cube nor touch it."""
    low, high = s.arrangement.placements[0].content.bounds
    T = inverse(s.arrangement.placements[0].T_world_content) @ s.T
    d = CAMERA.rays().astype(np.float64) @ T[:3, :3].T
    with np.errstate(divide="ignore"):
        a, b = (low - 0.01 - T[:3, 3]) / d, (high + 0.01 - T[:3, 3]) / d
    enter, leave = np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)
    return leave <= np.maximum(enter, 0)


@pytest.mark.parametrize("noise", [0.0, 0.004], ids=["exact", "noisy"])
@pytest.mark.parametrize(
    ("quads", "sunk"),
    [([FACE, UNDERSIDE], 0.0), ([FACE, UNDERSIDE, SHELF], 0.0), ([FACE, SHELF], 0.015)],
    ids=["solid over floor", "solid over shelf", "sheet with sunk content over shelf"],
)
def test_the_table_keeps_the_shadow_and_what_is_below_keeps_its_bytes(quads: list, sunk: float, noise: float) -> None:
    s = table_stage(quads, noise, sunk)
    out = FrameCompositor(s.scene, s.arrangement).compose(s.frame, s.T).astype(int)
    points, free = seen_points(s), off_cube(s)
    away = np.abs(points[..., [0, 2]] - (0, CENTRE)).max(axis=-1)
    edge = cv2.dilate((np.abs(points[..., 1] - TOP) < 0.05).astype(np.uint8), np.ones((7, 7), np.uint8))
    below = free & (points[..., 1] < TOP - 0.1) & (away < HALF - 0.05) & (edge == 0)  # shadow's edges are softened
    contact = free & (np.abs(points[..., 1] - TOP) < 0.005) & (away < 0.2 + 0.06)
    assert below.sum() > 500 and contact.sum() > 30
    assert (out[below] == GREY).all()
    assert out[contact].mean() < 0.9 * GREY


def test_noise_of_the_surface_itself_takes_no_contact_shadow_away() -> None:
    exact, noisy = table_stage([FACE]), table_stage([FACE], noise=0.006)
    points, free = seen_points(exact), off_cube(exact)
    away = np.abs(points[..., [0, 2]] - (0, CENTRE)).max(axis=-1)
    contact = free & (np.abs(points[..., 1] - TOP) < 0.005) & (away < 0.2 + 0.06)
    a, b = (FrameCompositor(s.scene, s.arrangement).compose(s.frame, s.T)[contact].mean() for s in (exact, noisy))
    assert a < 0.9 * GREY and abs(a - b) < 4
