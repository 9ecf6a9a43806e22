"""An analytic room to render into: a box, an optional partition, a camera, exact depth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import open3d as o3d

from sceneforge.core import (
    Arrangement,
    Camera,
    CameraTrack,
    Certificate,
    Content,
    Frame,
    FrameSource,
    Label,
    Material,
    Mesh,
    Part,
    Placement,
    Plane,
    Scan,
    Scene,
)
from sceneforge.core.transforms import make_transform

CAMERA = Camera(160, 120, 140.0, 140.0, 79.5, 59.5)
GREY = 150
CERTIFICATE = Certificate(0.0, 0.0, 1.0, 1.0, 1.0)


def box_part(low, high, material=None) -> Part:
    """A closed box with flat normals, outward and counter-clockwise."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    vertices, normals, faces = [], [], []
    for axis in range(3):
        for side in (0, 1):
            u, v = (axis + 1) % 3, (axis + 2) % 3
            quad = np.tile(np.where(side, high, low), (4, 1))
            quad[:, u] = [low[u], high[u], high[u], low[u]]
            quad[:, v] = [low[v], low[v], high[v], high[v]]
            normal = np.zeros(3)
            normal[axis] = 1 if side else -1
            quad = quad if side else quad[::-1]
            faces += [[len(vertices) + i for i in t] for t in ((0, 1, 2), (0, 2, 3))]
            vertices += list(quad)
            normals += [normal] * 4
    as32 = lambda x: np.array(x, dtype=np.float32)  # noqa: E731
    grey = Material((0.8, 0.8, 0.8, 1))
    return Part(as32(vertices), np.array(faces, dtype=np.int32), as32(normals), material or grey)


def grid_quad(corner, a, b, n=24):
    """A rectangle corner + s a + t b as an n x n grid, its normal along a x b."""
    s, t = np.meshgrid(np.linspace(0, 1, n + 1), np.linspace(0, 1, n + 1), indexing="ij")
    v = np.asarray(corner, float) + s[..., None] * np.asarray(a, float) + t[..., None] * np.asarray(b, float)
    i = np.arange((n + 1) * (n + 1)).reshape(n + 1, n + 1)
    p, q, r, w = (x.ravel() for x in (i[:-1, :-1], i[1:, :-1], i[1:, 1:], i[:-1, 1:]))
    return v.reshape(-1, 3), np.concatenate([np.stack([p, q, r], 1), np.stack([p, r, w], 1)])


def joined(quads, color=GREY) -> Mesh:
    """Rectangles as one mesh of one grey."""
    vertices, faces, n = [], [], 0
    for v, f in quads:
        vertices.append(v)
        faces.append(f + n)
        n += len(v)
    v = np.concatenate(vertices).astype(np.float32)
    return Mesh(v, np.concatenate(faces).astype(np.int32), colors=np.full(v.shape, color, dtype=np.uint8))


ROOM = [
    grid_quad((-2, 0, -3), (0, 0, 4), (4, 0, 0), 60),  # floor, up
    grid_quad((-2, 0, -3), (4, 0, 0), (0, 2.5, 0)),  # far wall, towards +z
    grid_quad((-2, 0, -3), (0, 2.5, 0), (0, 0, 4)),  # left wall, towards +x
    grid_quad((2, 0, -3), (0, 0, 4), (0, 2.5, 0)),  # right wall, towards -x
]
PARTITION = [grid_quad((-2, 0, -0.6), (4, 0, 0), (0, 0.9, 0))]
FLOOR = Plane(
    "floor", Label.FLOOR, 1.0, make_transform(np.eye(3), (0, 0, -1)),
    np.array([[-2.0, -2], [-2, 2], [2, 2], [2, -2]]), area_m2=16.0,
)  # fmt: skip
TABLE = Plane(
    "table", Label.TABLE, 1.0, make_transform(np.eye(3), (1.2, 0.7, -2)),
    np.array([[-0.5, -0.4], [-0.5, 0.4], [0.5, 0.4], [0.5, -0.4]]), area_m2=0.8,
)  # fmt: skip


def look(eye, target) -> np.ndarray:
    """Camera-to-world, OpenCV axes."""
    eye, target = np.asarray(eye, float), np.asarray(target, float)
    z = (target - eye) / np.linalg.norm(target - eye)
    x = np.cross(z, (0, 1, 0))
    x /= np.linalg.norm(x)
    return make_transform(np.column_stack([x, np.cross(z, x), z]), eye)


def exact_depth(mesh: Mesh, camera: Camera, T: np.ndarray) -> np.ndarray:
    """Depth of the mesh, 0 where the camera sees past it."""
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(o3d.core.Tensor(mesh.vertices), o3d.core.Tensor(mesh.faces.astype(np.uint32)))
    d = camera.rays().astype(np.float64) @ T[:3, :3].T
    rays = np.concatenate([np.broadcast_to(T[:3, 3], d.shape), d], axis=-1).astype(np.float32)
    t = scene.cast_rays(o3d.core.Tensor(rays))["t_hit"].numpy()
    return np.where(np.isfinite(t), t, 0).astype(np.float32)


@dataclass(frozen=True)
class Stage:
    """A scene, content in it and a frame of it."""

    scene: Scene
    arrangement: Arrangement
    frame: Frame
    T: np.ndarray

    def with_depth(self, depth, camera=None) -> Stage:
        frame = replace(self.frame, depth=depth.astype(np.float32), depth_camera=camera or self.frame.depth_camera)
        return replace(self, frame=frame)

    def with_color(self, color) -> Stage:
        return replace(self, frame=replace(self.frame, color=color))


def cube(material=None, size=0.4) -> Content:
    """A cube that stands on y = 0."""
    half = size / 2
    return Content("cube", "cube", (box_part((-half, 0, -half), (half, size, half), material),))


def placed(content: Content, x=0.0, z=-1.4, plane=FLOOR) -> Placement:
    """Content on a plane."""
    T = make_transform(np.eye(3), (x, plane.origin[1], z))
    return Placement(content.name, content, plane.id, T, 1.0, CERTIFICATE, ())


def stage(material=None, *, partition=False, eye=(0.0, 1.3, 1.0), size=0.4) -> Stage:
    """A cube 2.4 m before the camera, with a partition in between if asked for."""
    mesh = joined(ROOM + (PARTITION if partition else []))
    T = look(eye, (0, 0.2, -1.4))
    color = np.full((*CAMERA.shape, 3), GREY, dtype=np.uint8)
    frame = Frame(0, "frame-0", 0.0, color, exact_depth(mesh, CAMERA, T), CAMERA, CAMERA, T)
    scene = Scene(planes=(FLOOR,), mesh=mesh)
    return Stage(scene, Arrangement((placed(cube(material, size)),)), frame, T)


def scan_of(count=9, camera=CAMERA) -> tuple[Scan, Scene, Arrangement]:
    """A small capture that circles the cube."""
    mesh = joined(ROOM)
    poses = [look((0.6 * np.sin(a), 1.3, 1.0), (0, 0.2, -1.4)) for a in np.linspace(-1, 1, count)]

    def color(i):
        image = np.empty((*camera.shape, 3), dtype=np.uint8)
        image[:] = (min(60 + 10 * i, 250), 140, 190)
        return image

    sources = tuple(
        FrameSource(
            f"frame-{i}", f"depth-{i}", i / 15, camera, camera, T,
            lambda i=i: color(i), lambda T=T: exact_depth(mesh, camera, T),
        )
        for i, T in enumerate(poses)
    )  # fmt: skip
    track = CameraTrack(tuple(range(count)), np.arange(count) / 15, np.array(poses), np.ones(count))
    scene = Scene(planes=(FLOOR, TABLE), mesh=mesh, track=track, source={"name": "stage"})
    return Scan("stage", "stage", "test", sources), scene, Arrangement((placed(cube()),))
