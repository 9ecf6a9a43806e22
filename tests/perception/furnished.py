"""A furnished box room with exact truth: as a mesh, and as an RGB-D scan ray-cast from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sceneforge.core import Camera, FrameSource, Mesh, Scan
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import make_transform, yaw_rotation

CAMERA = Camera(320, 240, 262.5, 262.5, 159.5, 119.5)
ROOM = (5.0, 2.6, 4.0)
TABLE = {"centre": (0.4, 0.72, -0.3), "size": (1.4, 0.04, 0.8)}
SEAT = {"centre": (-1.9, 0.42, 0.0), "size": (0.8, 0.04, 1.6)}
BACK = {"centre": (-2.25, 0.6, 0.0), "size": (0.12, 0.6, 1.6)}


def box(centre: tuple[float, ...], size: tuple[float, ...], *, inward: bool = False) -> tuple[Float64, Float64]:
    """Vertices and faces of a box; `inward` turns its faces to the inside, as a room's."""
    import trimesh

    m = trimesh.creation.box(extents=size, transform=make_transform(np.eye(3), centre))
    return np.asarray(m.vertices), np.asarray(m.faces)[:, ::-1] if inward else np.asarray(m.faces)


def joined(parts: list[tuple[Float64, Float64]]) -> Mesh:
    """One mesh of several."""
    offset, vertices, faces = 0, [], []
    for v, f in parts:
        vertices.append(v)
        faces.append(f + offset)
        offset += len(v)
    return Mesh(np.concatenate(vertices).astype(np.float32), np.concatenate(faces).astype(np.int32))


@dataclass(frozen=True)
class Truth:
    """The room and the scan of it."""

    mesh: Mesh
    scan: Scan


def room_mesh() -> Mesh:
    """Room (floor at 0), table on a leg, and a seat with a backrest."""
    return joined(
        [
            box((0, ROOM[1] / 2, 0), ROOM, inward=True),
            box(**TABLE),  # type: ignore[arg-type]
            box((0.4, 0.35, -0.3), (0.1, 0.7, 0.1)),
            box(**SEAT),  # type: ignore[arg-type]
            box(**BACK),  # type: ignore[arg-type]
        ]
    )


def look_at(eye: tuple[float, ...], target: tuple[float, ...]) -> Float64:
    """T_world_camera (4, 4) with OpenCV axes."""
    z = np.subtract(target, eye)
    z = z / np.linalg.norm(z)
    x = np.cross(z, (0, 1, 0))
    x /= np.linalg.norm(x)
    return make_transform(np.stack([x, np.cross(z, x), z], axis=1), eye)


def cast(mesh: Mesh, T_world_camera: Float64, noise: np.random.Generator | None = None) -> np.ndarray:
    """z-depth (H, W) float32 of the mesh, optionally with depth noise that grows with distance squared."""
    import open3d as o3d

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(o3d.core.Tensor(mesh.vertices.copy()), o3d.core.Tensor(mesh.faces.astype(np.uint32)))
    rays = CAMERA.rays().reshape(-1, 3).astype(np.float64) @ T_world_camera[:3, :3].T
    origin = np.broadcast_to(T_world_camera[:3, 3], rays.shape)
    hits = scene.cast_rays(o3d.core.Tensor(np.concatenate([origin, rays], axis=1).astype(np.float32)))
    depth = hits["t_hit"].numpy().reshape(CAMERA.shape)
    depth = np.where(np.isfinite(depth), depth, 0).astype(np.float32)
    if noise is not None:
        depth = depth + (noise.standard_normal(depth.shape) * 0.0015 * depth**2).astype(np.float32)
    return depth.astype(np.float32)


def scan_of(
    mesh: Mesh, poses: list[Float64], up: tuple[float, ...] | None, read_color: Callable[[], np.ndarray] | None = None
) -> Scan:
    """A scan of the mesh from the given poses, with sensor-like noise."""
    color = np.full((*CAMERA.shape, 3), 128, np.uint8)
    sources = []
    for i, T in enumerate(poses):
        depth = cast(mesh, T, np.random.default_rng(i))
        sources.append(
            FrameSource(
                f"frame-{i}", f"room/{i}.png", float(i), CAMERA, CAMERA, T, read_color or color.copy, depth.copy
            )
        )
    return Scan("room", "room", "test", tuple(sources), up=None if up is None else np.array(up))


def turn_around() -> list[Float64]:
    """Views from 1.5 m above the floor, all around: sixteen a little downwards and eight steeply."""
    poses = []
    for k in range(24):
        steep = k % 3 == 2
        direction = yaw_rotation(2 * np.pi * k / 24) @ np.array([0, -1.6 if steep else -0.35, 1.0])
        eye = (1.2 * np.sin(0.6 * k), 1.5, 0.9 + 0.3 * np.cos(k))
        poses.append(look_at(eye, tuple(np.add(eye, direction))))
    return poses
