"""Where one can walk: the navigation mesh that placement found, or the one of the free floor."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from sceneforge.core import UsageError
from sceneforge.core.arrays import Float64, Int32
from sceneforge.core.trails import NavMesh

from ..tracing import Tracer
from ._canvas import Canvas
from ._floor_map import floor_map
from ._parts import Parts
from ._settings import Color, EffectSettings
from ._stage import Stage

SUMMARY = "where one can walk: the largest connected part in one colour, islands in another"
LIFT_M = 0.01
"""The mesh is drawn this high above where it lies."""
SKIN_M = 0.05
"""The floor's own noise: the mesh is drawn on surface this much nearer."""


class Settings(EffectSettings):
    """Settings of `navmesh`."""

    radius_m: float = Field(default=0.2, ge=0, le=5, description="Of the agent, where placement gave no mesh")
    color: Color = Field(default=(70, 150, 255), description="Of the largest connected part")
    islands: Color = Field(default=(255, 150, 70), description="Of parts that cannot be reached from it")
    opacity: float = Field(default=0.4, ge=0, le=1, description="Of the areas")
    width_px: float = Field(default=1.8, gt=0, le=20, description="Width of the border")
    inner_px: float = Field(default=0.7, ge=0, le=20, description="Width of the lines between triangles; 0 = none")


def prepare(stage: Stage) -> Parts:
    """Ready for one scene.

    Raises:
        UsageError: There is neither a navigation mesh nor a floor.
    """
    found = None if stage.navmesh is not None else floor_map(stage)
    if stage.navmesh is None and found is None:
        raise UsageError("effect 'navmesh': there is no navigation mesh, and the scene has no floor to walk on")
    made: dict[float, _Drawn] = {}

    def draw(canvas: Canvas, settings: Settings) -> None:
        if settings.radius_m not in made:
            made.clear()
            made[settings.radius_m] = _Drawn(stage.navmesh or found.navmesh(settings.radius_m))  # type: ignore[union-attr]
        mesh = made[settings.radius_m]
        if not len(mesh.faces):
            return
        hit, face = mesh.trace(canvas)
        drawn = np.isfinite(hit)  # behind an unknown surface, which is infinitely far, it is seen
        behind = np.where(drawn, hit, 0) - canvas.view.depth - SKIN_M
        shown = np.where(drawn, np.clip(1 - behind / SKIN_M, 0, 1), 0)
        colors = np.where((mesh.islands[np.maximum(face, 0)] > 0)[..., None], settings.islands, settings.color)
        canvas.paint(colors, settings.opacity * shown)
        for edges, width in ((mesh.inner, settings.inner_px), (mesh.rim, settings.width_px)):
            for island, color in ((False, settings.color), (True, settings.islands)):
                part = edges[(mesh.edge_island(edges) > 0) == island]
                if len(part) and width > 0:
                    a, b = mesh.vertices[part[:, 0]], mesh.vertices[part[:, 1]]
                    bright = np.minimum(np.array(color) * 0.6 + 110, 255)
                    canvas.paint(bright, canvas.lines(a, b, width_px=width, skin_m=SKIN_M))

    return Parts(under=draw)


class _Drawn:
    """A navigation mesh with what is needed to draw it."""

    def __init__(self, mesh: NavMesh) -> None:
        self.vertices: Float64 = mesh.vertices + np.array([0, LIFT_M, 0])
        self.faces = mesh.faces
        self.islands: Int32 = np.zeros(len(mesh.faces), np.int32) if mesh.islands is None else mesh.islands
        half = np.sort(np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]), axis=1)
        pairs, owner, count = np.unique(half, axis=0, return_index=True, return_counts=True)
        edges = np.column_stack([pairs, owner % max(len(mesh.faces), 1)])
        self.inner: Int32 = edges[count > 1]
        self.rim: Int32 = edges[count == 1]
        self._tracer = Tracer(self.vertices, mesh.faces)

    def edge_island(self, edges: Int32) -> Int32:
        """Connected part of edges (e, 3): two vertices and a triangle each."""
        return self.islands[edges[:, 2]]

    def trace(self, canvas: Canvas) -> tuple[Float64, Int32]:
        """z-depth (H, W) of the mesh seen from the frame, inf = none, and its triangles."""
        d = canvas.frame.camera.rays() @ canvas.T_world_camera[:3, :3].T.astype(np.float32)
        rays = np.empty((*d.shape[:2], 6), dtype=np.float32)
        rays[..., :3], rays[..., 3:] = canvas.T_world_camera[:3, 3], d
        t, face, _ = self._tracer.first_hits(rays.reshape(-1, 6))
        hit = np.isfinite(t)
        shape = d.shape[:2]
        return t.reshape(shape).astype(np.float64), np.where(hit, face, 0).astype(np.int32).reshape(shape)
