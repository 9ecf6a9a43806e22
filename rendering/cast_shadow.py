"""How much of the room's light a real thing keeps from a surface: what there is to give back once it is gone.

The same question as for content that is put in (`exchange`), asked the other way round: with the room's estimated
lights, the light on a point is traced with the thing's scanned surface and without.
"""

from __future__ import annotations

import numpy as np

from sceneforge.core import Mesh, OrientedBox, Scene
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.color import to_linear

from .baking import deepened
from .exchange import exchange
from .incident import RoomLight
from .lighting import white_level
from .tracing import Tracer

LIFT_M = 0.004
REACH = 3.0
"""Sizes of a thing beyond which its shadow is not looked for."""


class CastShadow:
    """The light that things take.

    Args:
        left: The scene without them: its lights, its colours, and the surface that hides lights.
        things: Their part of the mesh.
        boxes: Where they are.
    """

    def __init__(self, left: Scene, things: Mesh, boxes: tuple[OrientedBox, ...]) -> None:
        assert left.mesh is not None
        colors = left.mesh.colors
        white = np.ones(3) if colors is None else white_level(to_linear(colors))
        centre = np.mean([b.T_world_box[:3, 3] for b in boxes], axis=0)
        room = Tracer(left.mesh.vertices, left.mesh.faces)
        self._light = RoomLight(left, left.mesh, room, white, centre)
        self._things = Tracer(things.vertices, things.faces)
        self._boxes = boxes

    def __call__(self, points: Float64, normal: Float64) -> Float32:
        """(n, 3) light by colour with the things over light without them at points (n, 3) with unit normal (3,)."""
        out = np.ones((len(points), 3), dtype=np.float32)
        near = np.zeros(len(points), dtype=np.bool_)
        for b in self._boxes:
            reach = REACH * float(b.size.max())
            near |= ((points - b.T_world_box[:3, 3]) ** 2).sum(axis=1) < reach**2
        at = np.flatnonzero(near)
        if len(at) and not self._things.empty:
            light = exchange(points[at], normal, self._things, self._light, LIFT_M)
            out[at] = np.minimum(deepened(light.ratio()), 1)
        return out
