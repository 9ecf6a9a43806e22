"""Mitsuba 3, the reference: the scanned room and the content path traced under the scene's lights.

The scanned mesh is matt paint of its own colours, estimated windows and lamps are rectangles and balls that shine, and
what the scan leaves open lets the environment's mean in. Content has its base colour, metal and roughness; textures
count by their mean. Only the scanned mesh hides content: the frame's depth is not asked. Made for comparison, not for
videos.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sceneforge.core import Arrangement, Camera, Frame, Light, Scene
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.color import to_linear
from sceneforge.rendering.content_light import albedo_of
from sceneforge.rendering.incident import RoomLight, lit_share, own_surface
from sceneforge.rendering.lighting import white_level
from sceneforge.rendering.packing import BASE, EMISSIVE, METALLIC, ROUGHNESS, PackedContent

from . import _mitsuba as tools
from ._differential import Differential

SAMPLES = 96
"""Paths per pixel."""
BOUNCES = 5


def load(scene: Scene, arrangement: Arrangement) -> MitsubaRenderer:
    """A renderer.

    Raises:
        MissingExtra: Mitsuba is not installed.
        UsageError: The scene has no mesh.
    """
    return MitsubaRenderer(tools.load_mitsuba(), scene, arrangement)


class MitsubaRenderer:
    """Draws two pictures per frame, the room and the room with content, with the same random numbers."""

    def __init__(self, mitsuba: Any, scene: Scene, arrangement: Arrangement, samples: int = SAMPLES) -> None:
        self._mi, self._samples = mitsuba, samples
        self._parts = parts = Differential("mitsuba", scene, arrangement)
        mesh = parts.mesh
        white = np.ones(3) if mesh.colors is None else white_level(to_linear(mesh.colors))
        light = RoomLight(scene, mesh, parts.room, white)
        lamp = np.zeros(len(mesh.vertices), dtype=np.bool_)  # their scanned skin must not hide them
        for s in light.shiners:
            lamp |= own_surface(mesh.vertices, s.light)
        faces, paint = mesh.faces[~lamp[mesh.faces].all(axis=1)], parts.albedo()
        self._room: dict[str, Any] = {}
        for k, x in enumerate(light.lit if mesh.colors is not None else ()):
            assert mesh.colors is not None
            bright = lit_share(to_linear(mesh.colors), mesh.vertices, x)[faces].mean(axis=1) > 0.5
            if bright.any():
                glow = {"type": "area", "radiance": {"type": "rgb", "value": x.color.tolist()}}
                self._room[f"lit_{k}"] = tools.shape(mitsuba, mesh.vertices, faces[bright], paint, glow)
                faces = faces[~bright]
        self._room["room"] = tools.shape(mitsuba, mesh.vertices, faces, paint)
        self._room |= {f"light_{k}": self._light(s.light) for k, s in enumerate(light.shiners)}
        around = [x.color for x in scene.lights if x.kind == "environment"]
        sky = around[0] if around else 0.5 * white
        self._room["sky"] = {"type": "constant", "radiance": {"type": "rgb", "value": sky.tolist()}}
        self._content = {} if parts.content is None else self._shapes(parts.content)

    def _light(self, light: Light) -> dict[str, Any]:
        assert light.position is not None and light.size is not None
        glow = {"type": "area", "radiance": {"type": "rgb", "value": light.color.tolist()}}
        if light.direction is None or light.width_axis is None:
            centre = light.position.tolist()
            return {"type": "sphere", "center": centre, "radius": float(light.size[0]) / 2, "emitter": glow}
        T = np.eye(4)  # its rectangles reach from -1 to 1 and shine along +z
        T[:3, 0], T[:3, 1] = light.width_axis * light.size[0] / 2, light.height_axis * light.size[1] / 2
        T[:3, 2], T[:3, 3] = light.direction, light.position
        place = self._mi.ScalarTransform4f(T.tolist())
        # Lights that were only assumed may stand between camera and room: their backs are looked through.
        return {"type": "rectangle", "to_world": place, "bsdf": {"type": "null"}, "emitter": glow}

    def _shapes(self, content: PackedContent) -> dict[str, Any]:
        color = albedo_of(content)
        out = {}
        for k, row in enumerate(content.materials):
            mine = content.faces[content.face_material == k]
            if not len(mine):
                continue
            base = color[content.face_material == k]
            corners = np.ascontiguousarray(content.vertices[mine].reshape(-1, 3))
            bsdf = {
                "type": "twosided",
                "inner": {
                    "type": "principled",
                    "base_color": {"type": "mesh_attribute", "name": "vertex_color"},
                    "metallic": float(row[METALLIC]),
                    "roughness": float(np.clip(row[ROUGHNESS], 0.05, 1)),
                },
            }
            glow = row[EMISSIVE : EMISSIVE + 3]
            shine = {"type": "area", "radiance": {"type": "rgb", "value": glow.tolist()}} if glow.any() else None
            faces = np.arange(len(corners)).reshape(-1, 3)
            paint = np.repeat(np.clip(base, 0, 0.98), 3, axis=0)
            if row[BASE + 3] > 0.05:  # glass is not drawn
                out[f"content_{k}"] = tools.shape(self._mi, corners, faces, paint, shine, bsdf)
        return out

    def compose(self, frame: Frame, T_world_camera: Float64) -> UInt8:
        """See `Renderer`."""
        if not self._content:
            return np.array(frame.color)
        T = np.asarray(T_world_camera, dtype=np.float64)
        both, empty = (self._picture(frame.camera, T, things) for things in (self._content, {}))
        return self._parts.merged(frame, T, both, empty)

    def _picture(self, camera: Camera, T: Float64, content: dict[str, Any]) -> Float32:
        """(H, W, 3), drawn by a plain camera that sees as much, then resampled."""
        import cv2

        half_w = max(camera.cx + 0.5, camera.width - camera.cx - 0.5)
        half_h = max(camera.cy + 0.5, camera.height - camera.cy - 0.5) * camera.fx / camera.fy
        w, h = 2 * int(np.ceil(half_w)), 2 * int(np.ceil(half_h))
        plain = Camera(w, h, camera.fx, camera.fx, (w - 1) / 2, (h - 1) / 2)
        scene = {"type": "scene", **self._room, **content, "integrator": {"type": "path", "max_depth": BOUNCES}}
        scene["sensor"] = tools.sensor(self._mi, plain, T, self._samples)
        drawn = tools.render(self._mi, scene, self._samples, seed=0)
        x = (np.arange(camera.width) - camera.cx + plain.cx).astype(np.float32)
        y = ((np.arange(camera.height) - camera.cy) * camera.fx / camera.fy + plain.cy).astype(np.float32)
        grid_x, grid_y = np.meshgrid(x, y)
        return np.asarray(cv2.remap(drawn, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
