"""How the cost of a composed frame grows with its size, and with triangles: a part of `bench render`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sceneforge.core import Arrangement, Content, Frame, Material, Mesh, Part, Scene
from sceneforge.core.arrays import Float64

from .bench_render import Case, Clock, composed
from .filament_video import simplified

WIDTHS = (320, 640, 1280)
SUBDIVISIONS = (3, 5, 7)
"""Of a ball: 1,280 to 327,680 triangles."""
MESH_SHARES = (0.1, 1.0, 4.0)
"""Triangles of the room, in shares of what was scanned."""
FRAMES = 4


def growth(case: Case) -> dict[str, Any]:
    """Milliseconds per composed frame, without decoding and encoding, and seconds to prepare the content."""
    few = case.first(FRAMES)
    return {
        "width": {str(w): _cost(few, width=w) for w in WIDTHS},
        "content_triangles": {str(20 * 4**n): _cost(_with_ball(few, n)) for n in SUBDIVISIONS},
        "mesh_triangles": {str(n): _cost(_with_mesh(few, mesh)) for n, mesh in _meshes(few.scene)},
    }


def _cost(case: Case, width: int | None = None) -> dict[str, float]:
    from sceneforge.rendering import FrameCompositor

    clock = Clock()
    compositor = FrameCompositor(case.scene, case.arrangement)
    prepared = clock.read()[1]

    def compose(frame: Frame, T: Float64) -> Any:
        return compositor.compose(frame, T)

    return {**composed(case, compose, width), "prepare_cpu_s": round(prepared, 2)}


def _with_ball(case: Case, subdivisions: int) -> Case:
    """A ball of so many triangles, 0.2 m high, where the content stands."""
    import trimesh

    ball = trimesh.creation.icosphere(subdivisions, 0.1)
    ball.apply_translation([0, 0.1, 0])
    normals = ball.vertex_normals.astype(np.float32)
    part = Part(ball.vertices.astype(np.float32), ball.faces.astype(np.int32), normals, Material((0.6, 0.4, 0.3, 1.0)))
    content = Content("ball", "ball", (part,))
    placed = replace(case.arrangement.placements[0], content=content, scale=1.0)
    return replace(case, arrangement=Arrangement((placed,)))


def _with_mesh(case: Case, mesh: Mesh) -> Case:
    return replace(case, scene=replace(case.scene, mesh=mesh))


def _meshes(scene: Scene) -> list[tuple[int, Mesh]]:
    import trimesh

    out = []
    for share in MESH_SHARES if scene.mesh is not None else ():
        mesh = scene.mesh
        assert mesh is not None
        if share < 1:
            fewer = simplified(scene, int(share * len(mesh.faces))).mesh
            assert fewer is not None
            mesh = fewer
        elif share > 1:
            colors = np.full((len(mesh.vertices), 3), 128.0) if mesh.colors is None else mesh.colors.astype(np.float64)
            subdivide: Any = trimesh.remesh.subdivide
            rows, faces = subdivide(np.concatenate([mesh.vertices, colors], axis=1), mesh.faces)
            mesh = Mesh(rows[:, :3].astype(np.float32), faces.astype(np.int32), colors=rows[:, 3:].astype(np.uint8))
        out.append((len(mesh.faces), mesh))
    return out
