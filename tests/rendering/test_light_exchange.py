"""Shadow, thrown colour and virtual lamps against what geometry says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sceneforge.core import Arrangement, Content, Frame, Light, Material, Mesh, Plane, Scene
from sceneforge.core.labels import Label
from sceneforge.core.transforms import inverse, make_transform, transform_points
from sceneforge.rendering import FrameCompositor
from sceneforge.rendering.exchange import exchange
from sceneforge.rendering.incident import RoomLight
from sceneforge.rendering.tracing import Tracer
from tests.rendering.render_stage import CAMERA, ROOM, box_part, exact_depth, grid_quad, joined, look, placed, stage


def _panel(x: float = 0.0, size: float = 0.6, radiance: float = 20.0) -> Light:
    return Light(
        "panel", "area", np.full(3, radiance), 1.0, np.array([0, -1.0, 0]), np.array([x, 2.4, -1.4]),
        np.array([size, size]), np.array([1.0, 0, 0]),
    )  # fmt: skip


def _dark_room() -> Mesh:
    return replace(joined(ROOM), colors=np.zeros((len(joined(ROOM).vertices), 3), np.uint8))


def _plate(low: tuple[float, float, float], high: tuple[float, float, float]) -> Tracer:
    part = box_part(low, high)
    return Tracer(part.vertices, part.faces)


def test_irradiance_of_a_panel_is_that_of_the_closed_form() -> None:
    mesh = _dark_room()
    light = RoomLight(Scene(mesh=mesh, lights=(_panel(),)), mesh, Tracer(mesh.vertices, mesh.faces), np.ones(3))
    light._sky = np.zeros(3)
    below, aside = np.array([0.0, 0, -1.4]), np.array([1.0, 0, -1.4])
    e, vector = light.irradiance(np.stack([below, aside]), np.tile([0, 1.0, 0], (2, 1)))
    # A small horizontal source at height h and distance d: E = L A h^2 / d^4.
    h, area = 2.4, 0.36
    wanted = [20 * area / h**2 / np.pi, 20 * area * h**2 / (h**2 + 1) ** 2 / np.pi]
    np.testing.assert_allclose(e[:, 0], wanted, rtol=0.04)
    way = vector[1, 0] / np.linalg.norm(vector[1, 0])
    np.testing.assert_allclose(way, np.array([-1, 2.4, 0]) / np.hypot(1, 2.4), atol=0.05)


def test_sunlit_floor_throws_more_light_than_its_colours_can_hold() -> None:
    room = joined(ROOM)
    colors = np.full((len(room.vertices), 3), 60, np.uint8)
    lit = (np.abs(room.vertices[:, 1]) < 1e-3) & (np.hypot(room.vertices[:, 0], room.vertices[:, 2] + 1.4) < 0.5)
    colors[lit] = 255
    mesh = replace(room, colors=colors)
    patch = Light(
        "light_0", "area", np.full(3, 4.0), 1.0, np.array([0, 1.0, 0]), np.array([0, 0.0, -1.4]),
        np.array([1.2, 1.2]), np.array([1.0, 0, 0]),
    )  # fmt: skip
    tracer = Tracer(mesh.vertices, mesh.faces)
    light = RoomLight(Scene(mesh=mesh, lights=(patch,)), mesh, tracer, np.ones(3))
    assert light.surface is not None
    np.testing.assert_allclose(light.surface[lit], 4.0)
    dull = np.float32(light.surface[~lit].max())
    assert dull < 0.05  # inside the rectangle too, where the floor is not bright
    over, down = np.array([[0, 0.3, -1.4]]), np.array([[0, -1.0, 0]])
    # A disc of radius a at height h fills a^2 / (a^2 + h^2) of a level surface's cosine-weighted view.
    share = 0.5**2 / (0.5**2 + 0.3**2)
    e = light.irradiance(over, down, count=400)[0][0, 0]
    assert e == pytest.approx(4 * share + dull * (1 - share), rel=0.1)


def test_umbra_and_penumbra_lie_where_the_panel_says() -> None:
    mesh = _dark_room()
    light = RoomLight(Scene(mesh=mesh, lights=(_panel(),)), mesh, Tracer(mesh.vertices, mesh.faces), np.ones(3))
    light._sky = np.zeros(3)
    # A plate half way up: its umbra ends where no part of the panel is seen past its edge.
    casters = _plate((-0.5, 1.19, -1.9), (0.5, 1.2, -0.9))
    x = np.linspace(0, 2, 81)
    points = np.stack([x, np.zeros(81), np.full(81, -1.4)], axis=1)
    ratio = exchange(points, np.array([0, 1.0, 0]), casters, light, 0.004).ratio()[:, 0]
    edge = lambda at: 0.5 + (0.5 - at) * 1.2 / 1.2  # noqa: E731 - line from the panel over the plate's edge
    assert (ratio[x < edge(0.3) - 0.05] < 0.02).all()
    assert (ratio[x > edge(-0.3) + 0.05] > 0.98).all()
    assert ratio[np.abs(x - 1.0).argmin()] == pytest.approx(0.5, abs=0.15)
    assert (np.diff(ratio) > -1e-6).all()


def test_shadow_darkens_dark_and_bright_floors() -> None:
    for grey in (30, 230):
        s = stage()
        floor = s.scene.mesh.vertices[:, 1] < 0.01
        colors = np.where(floor[:, None], grey, 150).astype(np.uint8) * np.ones((1, 3), np.uint8)
        scene = replace(s.scene, mesh=replace(s.scene.mesh, colors=colors), lights=(_panel(-1.2),))
        color = np.full((*CAMERA.shape, 3), grey, np.uint8)
        out = FrameCompositor(scene, s.arrangement).compose(replace(s.frame, color=color), s.T)
        shade = (out[..., 0] / grey) ** 2.2
        points = transform_points(s.T, CAMERA.rays() * s.frame.depth[..., None].astype(float))
        base = (np.abs(points[..., 1]) < 0.01) & (np.abs(points[..., 0] - 0.28) < 0.04)
        base &= np.abs(points[..., 2] + 1.4) < 0.2
        assert np.median(shade[base]) < 0.8
        assert np.median(shade) == pytest.approx(1, abs=0.02)


def test_red_content_throws_red_light_on_the_floor_beside_it() -> None:
    s = stage(Material((0.9, 0.02, 0.02, 1.0)))
    out = FrameCompositor(s.scene, s.arrangement).compose(s.frame, s.T).astype(int)
    points = transform_points(s.T, CAMERA.rays() * s.frame.depth[..., None].astype(float))
    floor = (np.abs(points[..., 1]) < 0.01) & (points[..., 0] < -0.22) & (points[..., 0] > -0.4)
    floor &= np.abs(points[..., 2] + 1.4) < 0.15
    assert floor.sum() > 20
    assert (out[floor][:, 0] - out[floor][:, 1]).mean() > 1.5


def test_a_virtual_lamp_lights_the_floor_and_not_what_the_table_hides() -> None:
    glow = Material((0.0, 0.0, 0.0, 1.0), emissive=(6.0, 6.0, 6.0))
    s = stage(glow, size=0.25)
    out = FrameCompositor(s.scene, s.arrangement).compose(s.frame, s.T).astype(int)
    points = transform_points(s.T, CAMERA.rays() * s.frame.depth[..., None].astype(float))
    near = (np.abs(points[..., 1]) < 0.01) & (np.hypot(points[..., 0], points[..., 2] + 1.4) < 0.45)
    near &= np.hypot(points[..., 0], points[..., 2] + 1.4) > 0.3
    far = (np.abs(points[..., 1]) < 0.01) & (np.hypot(points[..., 0], points[..., 2] + 1.4) > 1.2)
    gain = out.mean(axis=2) - 150
    assert gain[near].mean() > 15
    assert 0 <= gain[far].mean() < gain[near].mean() / 2


def test_content_under_a_table_is_darker_than_beside_it() -> None:
    top = [
        grid_quad((-0.6, 0.7, -2.0), (0, 0, 1.2), (1.2, 0, 0), 20),
        grid_quad((-0.6, 0.68, -2.0), (1.2, 0, 0), (0, 0, 1.2), 20),
    ]
    brightness = []
    for quads in ([], top):
        mesh = joined([*ROOM, *quads])
        floor = Plane(
            "floor", Label.FLOOR, 1.0, make_transform(np.eye(3), (0, 0, -1)),
            np.array([[-2.0, -2], [-2, 2], [2, 2], [2, -2]]), area_m2=16.0,
        )  # fmt: skip
        T = look((0.0, 0.6, -0.3), (0, 0.3, -1.4))
        part = box_part((-0.15, 0, -0.15), (0.15, 0.3, 0.15), Material((0.7, 0.7, 0.7, 1)))
        frame = Frame(
            0, "f", 0.0, np.full((*CAMERA.shape, 3), 150, np.uint8), exact_depth(mesh, CAMERA, T), CAMERA, CAMERA, T
        )
        scene = Scene(planes=(floor,), mesh=mesh, lights=(_panel(size=1.0),))
        out = FrameCompositor(scene, Arrangement((placed(Content("box", "box", (part,))),))).compose(frame, T)
        uv, _ = CAMERA.project(transform_points(inverse(T), np.array([[0, 0.3, -1.4]])))
        u, v = uv[0].astype(int)
        brightness.append(out[v - 2 : v + 2, u - 4 : u + 4].mean())
    assert brightness[1] < 0.85 * brightness[0]
