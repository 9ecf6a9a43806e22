"""The scanned surface as a net of triangles, coarse enough to be read."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from sceneforge.core import Mesh
from sceneforge.core.arrays import Float64, Int32

from ._canvas import Canvas
from ._parts import Parts
from ._settings import Color, EffectSettings
from ._stage import Stage

SUMMARY = "the scanned surface as a net of triangles, coarse enough to be read"


class Settings(EffectSettings):
    """Settings of `wireframe`."""

    cell_m: float = Field(default=0.1, ge=0.02, le=2, description="Size of the net's triangles, about, metres")
    width_px: float = Field(default=1.0, gt=0, le=20, description="Width of the lines")
    color: Color = Field(default=(120, 230, 255), description="Of the lines")
    hidden: float = Field(default=0.0, ge=0, le=1, description="How much is seen of lines behind something")


def prepare(stage: Stage) -> Parts:
    """Ready for one scene."""
    nets: dict[float, tuple[Float64, Int32]] = {}

    def draw(canvas: Canvas, settings: Settings) -> None:
        if settings.cell_m not in nets:
            nets.clear()
            nets[settings.cell_m] = net(stage.mesh, settings.cell_m)
        points, edges = nets[settings.cell_m]
        skin = 0.02 + 0.3 * settings.cell_m  # a coarse triangle cuts through what it stands for
        mask = canvas.lines(
            points[edges[:, 0]], points[edges[:, 1]], width_px=settings.width_px, hidden=settings.hidden, skin_m=skin
        )
        canvas.paint(settings.color, 0.9 * mask)

    return Parts(under=draw)


def net(mesh: Mesh, cell_m: float) -> tuple[Float64, Int32]:
    """A coarser mesh's points (n, 3) and edges (e, 2): vertices that share a cell become one.

    Vertex clustering (Rossignac and Borrel 1993). In each cell the vertex nearest to the cell's mean stays, so that
    points lie on the scanned surface.
    """
    v = mesh.vertices.astype(np.float64)
    if not len(v):
        return np.zeros((0, 3)), np.zeros((0, 2), dtype=np.int32)
    cell = np.floor(v / cell_m).astype(np.int64)
    cell -= cell.min(axis=0)
    size = cell.max(axis=0) + 1
    key = (cell[:, 0] * size[1] + cell[:, 1]) * size[2] + cell[:, 2]
    _, owner = np.unique(key, return_inverse=True)
    count = np.bincount(owner)
    mean = np.stack([np.bincount(owner, v[:, k]) for k in range(3)], axis=1) / count[:, None]
    off = np.linalg.norm(v - mean[owner], axis=1)
    order = np.lexsort((off, owner))
    first = order[np.concatenate([[0], np.cumsum(count)[:-1]])]
    faces = owner[mesh.faces]
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])]
    pairs = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    return v[first], np.unique(pairs, axis=0).astype(np.int32)
