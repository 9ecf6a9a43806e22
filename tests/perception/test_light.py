"""Light found in rooms whose light is known."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import Camera, Frame, Label, Mesh, Plane
from sceneforge.core.light import harmonics_basis, sphere_directions
from sceneforge.core.transforms import make_transform
from sceneforge.perception.caster import Caster
from sceneforge.perception.emitters import Emitter, boundary, find_emitters
from sceneforge.perception.light import estimate_light
from sceneforge.perception.light_fit import _factors, _into, fit_light, hemisphere, meets
from sceneforge.perception.radiance import CLIPPED, EVERY, Readings, glance, read_light

W, H, D = 4.0, 2.6, 3.0
ALBEDO = 0.6
WINDOW = Emitter(
    np.array([2.0, 1.4, 0.0]), np.array([-1.0, 0, 0]), np.array([0.0, 0, 1]), np.array([1.2, 1.0]), np.zeros(3), False
)


def _to_srgb(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return np.rint(255 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)).astype(np.uint8)


def _grid(corner, a, b, n=28):
    """Points of a rectangle, its faces along a x b, and its unit normal."""
    corner, a, b = (np.asarray(v, float) for v in (corner, a, b))
    s, t = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n), indexing="ij")
    v = (corner + s[..., None] * a + t[..., None] * b).reshape(-1, 3)
    i = np.arange(n * n).reshape(n, n)
    p, q, r, w = (x.ravel() for x in (i[:-1, :-1], i[1:, :-1], i[1:, 1:], i[:-1, 1:]))
    normal = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
    return v, np.concatenate([np.stack([p, q, r], 1), np.stack([p, r, w], 1)]), normal


def _room(radiance: float) -> Mesh:
    """A floor and four walls under no ceiling, painted as the window lights them; no bounces."""
    x, z = W / 2, D / 2
    sides = [
        _grid((-x, 0, -z), (0, 0, D), (W, 0, 0)),
        _grid((-x, 0, -z), (W, 0, 0), (0, H, 0)),
        _grid((-x, 0, -z), (0, H, 0), (0, 0, D)),
        _grid((-x, 0, z), (0, H, 0), (W, 0, 0)),
    ]
    vertices, faces, instances, light, n = [], [], [], [], 0
    for k, (v, f, normal) in enumerate(sides):
        vertices.append(v)
        faces.append(f + n)
        instances.append(np.full(len(v), k + 1, np.int32))
        n += len(v)
        d = WINDOW.samples(12)[None] - v[:, None]
        r = np.linalg.norm(d, axis=2)
        cosines = np.maximum(d @ normal, 0) / r * np.maximum(-(d @ WINDOW.direction), 0) / r
        light.append(radiance * WINDOW.area * (cosines / r**2).mean(axis=1))
    shown = np.repeat(ALBEDO / np.pi * np.concatenate(light)[:, None], 3, axis=1) + 0.02
    return Mesh(
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(faces).astype(np.int32),
        _to_srgb(shown),
        instances=np.concatenate(instances),
    )


def _floor() -> Plane:
    square = np.array([[-W / 2, -D / 2], [-W / 2, D / 2], [W / 2, D / 2], [W / 2, -D / 2]])
    return Plane("plane_0", Label.FLOOR, 1.0, np.eye(4), square, area_m2=W * D)


def test_the_window_that_lights_the_room_is_told_from_those_that_do_not() -> None:
    mesh = _room(6.0)
    left = Emitter(
        np.array([-1.9, 1.4, 0.0]), np.array([1.0, 0, 0]), WINDOW.width_axis, WINDOW.size, np.zeros(3), False
    )
    above = Emitter(
        np.array([0, H, 0.0]), np.array([0, -1.0, 0]), np.array([1.0, 0, 0]), np.array([1.5, 1.5]), np.zeros(3), False
    )
    fit = fit_light(mesh, Caster(mesh), [left, WINDOW, above], np.random.default_rng(0))
    strength = fit.strength.mean(axis=1)
    assert strength[1] > 4 * max(strength[0], strength[2])
    assert fit.contribution.argmax() == 1
    assert fit.explained > 0.7


def test_without_frames_light_comes_from_where_shading_says() -> None:
    mesh = _room(6.0)
    light = estimate_light([], mesh, (_floor(),), np.array([[0.0, 1.4, 0.0]]))
    assert light.environment is not None
    lum = light.environment.radiance.mean(axis=2)
    d = light.environment.directions
    weight = np.sqrt(1 - d[..., 1] ** 2) * lum
    vector = (d * weight[..., None]).sum(axis=(0, 1))
    vector /= np.linalg.norm(vector)
    assert vector[0] > 0.8, "the window is on +x"
    areas = [x for x in light.lights if x.kind == "area"]
    assert areas and all(0 <= x.confidence <= 1 for x in areas)
    assert areas[0].position is not None and areas[0].position[0] > 1.0


def test_the_same_input_gives_the_same_light() -> None:
    mesh = _room(3.0)
    a, b = (estimate_light([], mesh, (_floor(),), np.array([[0.0, 1.4, 0.0]]), seed=3) for _ in range(2))
    assert a.environment is not None and b.environment is not None
    assert a.environment.radiance.tobytes() == b.environment.radiance.tobytes()
    assert [x.color.tobytes() for x in a.lights] == [x.color.tobytes() for x in b.lights]


def test_a_scene_without_colour_has_no_light() -> None:
    bare = _room(3.0)
    mesh = Mesh(bare.vertices, bare.faces, instances=bare.instances)
    light = estimate_light([], mesh, (), np.zeros((1, 3)))
    assert light.lights == () and light.environment is None and light.notes


def _readings(points: np.ndarray, bright: np.ndarray, through: bool) -> Readings:
    origin = np.broadcast_to(np.float32([0, 1.4, 0]), points.shape)
    d = points - origin
    r = np.linalg.norm(d, axis=1)
    distance = np.where(through & bright, np.inf, r).astype(np.float32)
    radiance = np.where(bright[:, None], 1.0, 0.3) * np.ones((1, 3))
    f32 = np.float32
    return Readings(
        origin.astype(f32), (d / r[:, None]).astype(f32), distance, radiance.astype(f32), bright, np.zeros(len(r), f32)
    )


def test_a_window_that_depth_does_not_see_lies_on_the_wall() -> None:
    y, z = np.meshgrid(np.linspace(0.2, 2.4, 60), np.linspace(-1.4, 1.4, 70), indexing="ij")
    points = np.stack([np.full(y.size, 2.0), y.ravel(), z.ravel()], axis=1)
    window = (np.abs(points[:, 1] - 1.4) < 0.5) & (np.abs(points[:, 2] - 0.2) < 0.6)
    mesh = _room(3.0)
    low, high = mesh.vertices.min(axis=0).astype(float), mesh.vertices.max(axis=0).astype(float)
    walls = boundary(mesh.vertices, (_floor(),), low, high)
    found = find_emitters(_readings(points, window, True), walls, np.array([0, 1.4, 0]))
    assert len(found) == 1
    np.testing.assert_allclose(found[0].position, [2.0, 1.4, 0.2], atol=0.06)
    np.testing.assert_allclose(found[0].direction, [-1, 0, 0], atol=0.05)
    assert sorted(found[0].size.tolist()) == pytest.approx([1.0, 1.2], abs=0.12)


def test_a_lamp_is_a_ball_and_bright_surface_that_faces_up_is_none() -> None:
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(900, 3))
    ball = np.array([1.0, 1.6, 0.5]) + 0.12 * ball / np.linalg.norm(ball, axis=1, keepdims=True)
    bright = np.ones(len(ball), bool)
    walls = boundary(ball.astype(np.float32), (), np.array([-2.0, 0, -2]), np.array([2.0, 2.6, 2]))
    readings = _readings(ball, bright, False)
    found = find_emitters(readings, walls, np.array([0, 1.4, 0]))
    assert len(found) == 1 and found[0].direction is None
    np.testing.assert_allclose(found[0].position, [1.0, 1.6, 0.5], atol=0.05)
    assert 0.15 < found[0].size[0] < 0.3
    up = Readings(
        *(getattr(readings, n) for n in ("origin", "direction", "distance", "radiance", "clipped")), bright * 1.0
    )
    assert all(e.mask is not None for e in find_emitters(up, walls, np.array([0, 1.4, 0])))


def test_a_sunlit_floor_shines_where_it_is_lit_and_no_further() -> None:
    x, z = (g.ravel() for g in np.meshgrid(np.linspace(-0.6, 0.6, 61), np.linspace(-0.6, 0.6, 61), indexing="ij"))
    points = np.stack([x, np.zeros(x.size), z], axis=1)
    lit = (x < 0) | (z < 0)  # an L: three quarters of the square
    readings = _readings(points, lit, False)
    upward = Readings(
        *(getattr(readings, n) for n in ("origin", "direction", "distance", "radiance", "clipped")),
        np.ones(x.size, np.float32),
    )
    walls = boundary(points.astype(np.float32), (_floor(),), np.array([-2.0, 0, -2]), np.array([2.0, 2.6, 2]))
    (found,) = find_emitters(upward, walls, np.array([0, 1.4, 0]))
    assert found.direction is not None
    np.testing.assert_allclose(found.direction, [0, 1, 0])
    assert found.area == pytest.approx(0.75 * 1.2**2, rel=0.15)
    there = np.array([[-0.3, 0.0, 0.3], [0.3, 0.0, -0.3], [0.3, 0.0, 0.3], [0.9, 0.0, 0.0]])
    np.testing.assert_array_equal(found.covers(there), [True, True, False, False])
    samples = found.samples(4)
    assert ((samples[:, 0] < 0.08) | (samples[:, 2] < 0.08)).all()


def test_exposure_is_undone() -> None:
    mesh = _room(6.0)
    camera = Camera(96, 72, 70.0, 70.0, 47.5, 35.5)
    T = make_transform(np.array([[0, 0, -1.0], [0, -1, 0], [-1, 0, 0]]), (1.5, 1.3, 0))  # looks along -x
    caster = Caster(mesh)
    d = camera.rays().reshape(-1, 3) @ T[:3, :3].T
    _, face = caster.hits(T[:3, 3], d)
    assert mesh.colors is not None
    seen = mesh.colors[mesh.faces[np.maximum(face, 0), 0]] * (face >= 0)[:, None]
    picture = seen.reshape(72, 96, 3).astype(np.uint8)
    linear = np.where(picture / 255 <= 0.04045, picture / 255 / 12.92, ((picture / 255 + 0.055) / 1.055) ** 2.4)
    frames = []
    for k, gain in enumerate((1.0, 0.5, 1.6)):
        color = _to_srgb(linear * gain)
        frames.append((Frame(k, str(k), 0.0, color, np.ones((72, 96), np.float32), camera, camera, T), T))
    glances = [glance(f) for f, _ in frames]
    readings = read_light([(g, T) for g in glances], mesh, caster)
    ends = np.cumsum([0, *(len(g.color) for g in glances)])
    a, b, c = (
        readings.radiance[start:stop][(g.pixel % EVERY == 0).all(axis=1)]
        for g, start, stop in zip(glances, ends[:-1], ends[1:], strict=True)
    )
    middle = (a.min(axis=1) > 0.05) & (a.max(axis=1) < 0.5)
    np.testing.assert_allclose(b[middle], a[middle], rtol=0.05)
    np.testing.assert_allclose(c[middle], a[middle], rtol=0.05)
    assert CLIPPED < 255


def test_all_that_may_be_clipped_is_read_and_the_rest_counts_for_the_cells_around_it() -> None:
    camera = Camera(144, 144, 100.0, 100.0, 71.5, 71.5)
    color = np.full((144, 144, 3), 90, np.uint8)
    color[31:52, 40:61] = 255
    g = glance(Frame(0, "0", 0.0, color, np.ones((144, 144), np.float32), camera, camera, None))
    shines = g.color.max(axis=1) >= CLIPPED
    grid = color[1::2, 1::2].max(axis=2) >= CLIPPED
    assert shines.sum() == grid.sum()
    np.testing.assert_array_equal(g.color, color[g.pixel[:, 1], g.pixel[:, 0]])
    assert g.weight.sum() == pytest.approx(72 * 72, rel=0.02)


def test_compiled_rays_into_rectangles_are_those_of_the_formula() -> None:
    rng = np.random.default_rng(5)
    emitters = []
    for _ in range(6):
        n = rng.normal(size=3)
        n /= np.linalg.norm(n)
        w = np.cross(n, rng.normal(size=3))
        size = rng.uniform(0.3, 1.5, 2)
        emitters.append(Emitter(rng.uniform(-2, 2, 3), n, w / np.linalg.norm(w), size, np.zeros(3), False))
    origin, d = rng.uniform(-2, 2, (4000, 3)), rng.normal(size=(4000, 3))
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    before = rng.uniform(0.2, 4, 4000).astype(np.float32)
    before[::3] = np.inf
    got = np.zeros(4000, bool)
    _into(emitters, origin, d, before, got)
    expected = np.any([meets(e, origin, d, before) for e in emitters], axis=0)
    assert expected.any() and not expected.all()
    np.testing.assert_array_equal(got, expected)


def test_a_form_factor_is_that_of_the_parallel_square_above_it() -> None:
    """A small level patch one metre under the middle of a square of 2 x 2 m (Howell, factor B-3, four times)."""
    far = Mesh(np.float32([[9, 9, 9], [9, 9, 10], [9, 10, 9]]), np.int32([[0, 1, 2]]))
    up, x = np.array([0.0, 1, 0]), np.array([1.0, 0, 0])
    square = Emitter(np.array([0.0, 1.0, 0.0]), -up, x, np.array([2.0, 2.0]), np.zeros(3), False)
    got = _factors(np.zeros((1, 3)), up[None], Caster(far), square, side=40)[0]
    one = 1 / np.sqrt(2)
    exact = 4 / (2 * np.pi) * 2 * one * np.arctan(one)
    assert got == pytest.approx(np.pi * exact, rel=0.01)


def test_hemisphere_is_cosine_weighted() -> None:
    n = np.array([[0, 1.0, 0], [0.6, 0, 0.8]])
    d = hemisphere(n, 256)
    np.testing.assert_allclose(np.linalg.norm(d, axis=2), 1, atol=1e-9)
    np.testing.assert_allclose(d.mean(axis=1), 2 / 3 * n, atol=0.02)  # mean of a cosine lobe


def test_harmonics_are_orthonormal_over_the_sphere() -> None:
    d = sphere_directions(64, 128)
    weight = np.broadcast_to(np.sin((np.arange(64) + 0.5) / 64 * np.pi)[:, None], (64, 128))
    b = harmonics_basis(d)
    gram = np.einsum("hwi,hwj,hw->ij", b, b, weight) / weight.sum() * 4 * np.pi
    np.testing.assert_allclose(gram, np.eye(9), atol=2e-3)
