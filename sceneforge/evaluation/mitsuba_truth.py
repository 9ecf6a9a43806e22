"""Path-traced pictures of generated rooms, with and without content really in them (Mitsuba 3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from sceneforge.core import Arrangement, Camera
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.transforms import transform_points
from sceneforge.rendering.backends._mitsuba import load_mitsuba, render, sensor, shape

SKY = 0.6
"""Radiance of the windows, of the sky's a little above the horizon. Direct sun is left out: pictures of it through a
window take a path tracer too long."""
BOUNCES = 5


class TrueRoom:
    """A generated room for the path tracer: the furniture, windows and lamps that `synth` scans.

    Args:
        kind: "living_room", "office" or "bedroom".
        seed: Of `synth.generate`.
    """

    def __init__(self, kind: str, seed: int) -> None:
        from sceneforge.synth.daylight import daylight
        from sceneforge.synth.generate import QUALITIES
        from sceneforge.synth.layout import furnish
        from sceneforge.synth.materials import make_materials
        from sceneforge.synth.sampling import TextureSet
        from sceneforge.synth.world import build_world

        self._mi = load_mitsuba()
        layout = furnish(kind, seed, QUALITIES["draft"].step, None)
        materials = dict(make_materials(np.random.Generator(np.random.PCG64([seed, 6])), layout.palette))
        self.world = world = build_world(layout.items, materials)
        self.day = daylight(layout.shell, seed)
        footprint = np.full(len(world.uv), 0.05, np.float32)
        albedo = np.clip(TextureSet(world.materials)(world.vertex_material, world.uv, footprint), 0, 0.95)
        emission = np.array([m.emission for m in world.materials], np.float32)
        shining = emission[world.face_material].sum(axis=1) > 0
        self._room: dict[str, Any] = {"walls": self._mesh(world.vertices, world.faces[~shining], albedo)}
        for k in np.unique(world.face_material[shining]):
            mine = world.faces[shining & (world.face_material == k)]
            glow = {"type": "area", "radiance": {"type": "rgb", "value": emission[k].tolist()}}
            self._room[f"lamp_{k}"] = self._mesh(world.vertices, mine, albedo, glow)

    def _mesh(self, vertices: Float32, faces: Any, color: Float32, emitter: dict[str, Any] | None = None) -> Any:
        return shape(self._mi, vertices, faces, color, emitter)

    def picture(
        self, camera: Camera, T_world_camera: Float64, arrangement: Arrangement | None, samples: int, seed: int = 0
    ) -> Float32:
        """Linear radiance (H, W, 3) of the room, and of the content in it where one is given (its diffuse part)."""
        mi = self._mi
        scene: dict[str, Any] = {"type": "scene", **self._room}
        scene["integrator"] = {"type": "path", "max_depth": BOUNCES}
        for k, p in enumerate(self.day.portals):
            sky = {"type": "area", "radiance": {"type": "rgb", "value": (SKY * self.day.sky).tolist()}}
            corners = np.stack([p.origin, p.origin + p.u, p.origin + p.u + p.v, p.origin + p.v]).astype(np.float32)
            inward = np.cross(p.u, p.v) @ p.normal > 0
            faces = np.array([[0, 1, 2], [0, 2, 3]] if inward else [[0, 2, 1], [0, 3, 2]], np.uint32)
            scene[f"window_{k}"] = self._mesh(corners, faces, np.zeros((4, 3), np.float32), sky)
        for k, placement in enumerate(() if arrangement is None else arrangement.placements):
            for j, part in enumerate(placement.content.parts):
                v = transform_points(placement.T_world_content, part.vertices.astype(np.float64) * placement.scale)
                color = np.tile(np.array(part.material.base_color[:3], np.float32), (len(v), 1))
                if part.colors is not None:
                    color = color * part.colors[:, :3]
                scene[f"content_{k}_{j}"] = self._mesh(v.astype(np.float32), part.faces, color)
        scene["sensor"] = sensor(mi, camera, T_world_camera, samples)
        return render(mi, scene, samples, seed)
