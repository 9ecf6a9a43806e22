"""Analytic rooms with exact truth, and simple content, for the placement tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import CameraTrack, Content, Label, Material, Mesh, Part, Plane, Scene
from sceneforge.core.transforms import make_transform, plane_frame

Triangles = tuple[NDArray[np.float64], NDArray[np.int64]]


def box(low: Sequence[float], high: Sequence[float]) -> Triangles:
    """A closed box, faces outwards."""
    v = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * (np.subtract(high, low)) + low
    f = [
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ]  # fmt: skip
    return v, np.array(f)


def sheet(T: NDArray[np.float64], size: tuple[float, float], bumps: float = 0.0, step: float = 0.05) -> Triangles:
    """A rectangle in the x, z plane of `T`, facing its +Y, as a grid with smooth bumps of this amplitude (metres)."""
    n, m = (max(1, round(s / step)) for s in size)
    x, z = np.meshgrid(np.linspace(-size[0] / 2, size[0] / 2, n + 1), np.linspace(-size[1] / 2, size[1] / 2, m + 1))
    y = bumps * np.sin(23 * x + 1) * np.cos(17 * z)
    v = np.stack([x, y, z], axis=-1).reshape(-1, 3) @ T[:3, :3].T + T[:3, 3]
    i = (np.arange(m)[:, None] * (n + 1) + np.arange(n)).ravel()
    a, b, c, d = i, i + 1, i + n + 1, i + n + 2
    return v, np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])


def mesh_of(*pieces: Triangles) -> Mesh:
    """One mesh of several pieces."""
    starts = np.cumsum([0] + [len(v) for v, _ in pieces])
    return Mesh(
        np.concatenate([v for v, _ in pieces]).astype(np.float32),
        np.concatenate([f + s for (_, f), s in zip(pieces, starts[:-1], strict=True)]).astype(np.int32),
    )


def rectangle(width: float, depth: float, x: float = 0.0, z: float = 0.0) -> NDArray[np.float64]:
    """Outline [x, z] with positive area."""
    return np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, depth / 2] + [x, z]


def level(
    id: str, label: Label, y: float, outline: NDArray[np.float64], at: tuple[float, float] = (0, 0), **more: object
) -> Plane:
    """A plane that faces up."""
    return Plane(id, label, 1.0, make_transform(np.eye(3), [at[0], y, at[1]]), outline, **more)  # type: ignore[arg-type]


def track_around(
    target: Sequence[float],
    radius: float = 2.0,
    height: float = 1.6,
    count: int = 12,
    arc: tuple[float, float] = (-40, 40),
) -> CameraTrack:
    """Cameras on an arc on the +Z side of a target, all looking at it."""
    poses = []
    for angle in np.radians(np.linspace(-40, 40, count)):
        eye = np.array([target[0] + radius * np.sin(angle), height, target[2] + radius * np.cos(angle)])
        forward = np.asarray(target) - eye
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0, 1, 0])
        right /= np.linalg.norm(right)
        poses.append(make_transform(np.column_stack([right, np.cross(forward, right), forward]), eye))
    return CameraTrack(tuple(range(count)), np.arange(count) / 30, np.array(poses), np.ones(count))


TABLE_TOP = 0.75


def room_scene(
    clutter: Sequence[Triangles] = (),
    *,
    bumps: float = 0.0,
    hole: NDArray[np.float64] | None = None,
    track: bool = True,
) -> Scene:
    """A 4 x 5 m room with walls and ceiling, a 1.6 x 0.8 m table in its middle and what stands on it."""
    top = make_transform(np.eye(3), [0, TABLE_TOP, 0])
    walls = [
        ("wall_left", [1.0, 0, 0], [-2.0, 1.25, 0], (5.0, 2.5)),
        ("wall_back", [0.0, 0, 1], [0, 1.25, -2.5], (4.0, 2.5)),
    ]
    planes = [
        level("floor_0", Label.FLOOR, 0.0, rectangle(4, 5)),
        level("table_0", Label.TABLE, TABLE_TOP, rectangle(1.6, 0.8), holes=() if hole is None else (hole,)),
        Plane("ceiling_0", Label.CEILING, 1.0, plane_frame([0, -1, 0], [0, 2.5, 0]), rectangle(4, 5)),
    ]
    pieces = [
        sheet(np.eye(4), (4, 5)),
        sheet(top, (1.6, 0.8), bumps, 0.02),
        box([-0.8, TABLE_TOP - 0.04, -0.4], [0.8, TABLE_TOP - 0.02 - bumps, 0.4]),
        sheet(plane_frame([0, -1, 0], [0, 2.5, 0]), (4, 5)),
    ]
    for id, normal, origin, size in walls:
        T = plane_frame(normal, origin)
        planes.append(Plane(id, Label.WALL, 1.0, T, rectangle(*size)))
        pieces.append(sheet(T, size))
    return Scene(
        planes=tuple(planes),
        mesh=mesh_of(*pieces, *clutter),
        track=track_around([0, TABLE_TOP, 0]) if track else None,
    )


def content_of(*pieces: Triangles, name: str = "thing") -> Content:
    """Content of one material."""
    m = mesh_of(*pieces)
    return Content(
        name, "", (Part(m.vertices, m.faces, np.tile(np.float32([0, 1, 0]), (len(m.vertices), 1)), Material()),)
    )


def block(width: float, height: float, depth: float, pivot: Sequence[float] = (0, 0, 0)) -> Content:
    """A box whose pivot is anywhere."""
    half = np.array([width, height, depth]) / 2
    return content_of(box(pivot - half, pivot + half), name="block")
