"""Path-traced pictures of generated rooms, with and without content really in them (Mitsuba 3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from sceneforge.core import Arrangement, Camera
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.transforms import transform_points
from sceneforge.rendering.backends._mitsuba import load_mitsuba, render, sensor, shape
from sceneforge.rendering.region import Rect

from .sun_patches import Surface, sun_patches

SKY = 0.6
"""Radiance of the windows, of the sky's a little above the horizon."""
BOUNCES = 5


class TrueRoom:
    """A generated room for the path tracer: the furniture, windows, sun and lamps that `synth` scans.

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
        self._surface = Surface(world.vertices, world.faces, albedo)
        emission = np.array([m.emission for m in world.materials], np.float32)
        shining = emission[world.face_material].sum(axis=1) > 0
        self._room: dict[str, Any] = {"walls": self._mesh(Surface(world.vertices, world.faces[~shining], albedo))}
        for k in np.unique(world.face_material[shining]):
            mine = Surface(world.vertices, world.faces[shining & (world.face_material == k)], albedo)
            self._room[f"lamp_{k}"] = self._mesh(mine, emission[k].astype(np.float64))

    def _mesh(self, surface: Surface, radiance: Float64 | None = None) -> Any:
        """For the path tracer; what shines is sampled as often as its power demands."""
        glow = None
        if radiance is not None:
            power = float(radiance.mean()) * surface.area
            glow = {"type": "area", "radiance": {"type": "rgb", "value": radiance.tolist()}, "sampling_weight": power}
        return shape(self._mi, surface.vertices, surface.faces, surface.albedo, glow)

    def picture(
        self,
        camera: Camera,
        T_world_camera: Float64,
        arrangement: Arrangement | None,
        samples: int,
        *,
        rect: Rect | None = None,
        seed: int = 0,
    ) -> Float32:
        """Linear radiance of the room, and of the content in it where one is given (its diffuse part).

        Args:
            camera: Principal point in the middle, square pixels.
            T_world_camera: (4, 4) camera-to-world.
            arrangement: The content.
            samples: Per pixel.
            rect: Part of the picture; default all of it.
            seed: Of the paths.

        Returns:
            (h, w, 3) of the part.
        """
        mi = self._mi
        scene: dict[str, Any] = {"type": "scene", **self._room}
        scene["integrator"] = {"type": "path", "max_depth": BOUNCES}
        for k, p in enumerate(self.day.portals):
            corners = np.stack([p.origin, p.origin + p.u, p.origin + p.u + p.v, p.origin + p.v]).astype(np.float32)
            inward = np.cross(p.u, p.v) @ p.normal > 0
            faces = np.array([[0, 1, 2], [0, 2, 3]] if inward else [[0, 2, 1], [0, 3, 2]], np.uint32)
            window = Surface(corners, faces, np.zeros((4, 3), np.float32))
            scene[f"window_{k}"] = self._mesh(window, SKY * self.day.sky)
        content = [] if arrangement is None else _surfaces(arrangement)
        scene |= {f"content_{k}": self._mesh(c) for k, c in enumerate(content)}
        for k, patch in enumerate(sun_patches([self._surface, *content], self.day)):
            scene[f"sun_{k}"] = self._mesh(patch.surface, patch.radiance)
        scene["sensor"] = sensor(mi, camera, T_world_camera, samples, rect)
        return render(mi, scene, samples, seed)


def _surfaces(arrangement: Arrangement) -> list[Surface]:
    """All parts of the content where they stand; textures are left out."""
    out = []
    for placement in arrangement.placements:
        for part in placement.content.parts:
            v = transform_points(placement.T_world_content, part.vertices.astype(np.float64) * placement.scale)
            color = np.tile(np.array(part.material.base_color[:3], np.float32), (len(v), 1))
            if part.colors is not None:
                color = color * part.colors[:, :3]
            out.append(Surface(v.astype(np.float32), part.faces, color))
    return out
