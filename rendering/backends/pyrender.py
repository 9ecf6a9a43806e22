"""pyrender on EGL: rasterised content under one directional light with a shadow map, merged into the frame.

The frame is multiplied by the ratio of the room drawn with and without the content (Debevec 1998), and content covers
it where it is nearer than the scanned mesh. Light is the direction from high on one side that such renderers are given
when nothing is known of the room; ceiling and walls let it in, because shadow maps are drawn without back faces. The
content's brightness follows the frame's, by the mean of the room drawn and seen.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Arrangement, Frame, MissingExtra, MissingSystemLibrary, Scene
from sceneforge.core.arrays import Float64, UInt8
from sceneforge.core.color import LUMINANCE, TO_LINEAR, to_srgb

from ._differential import Differential

NEARER_M = 0.002
"""Content shows where it is this much nearer than the room."""
DARKEST = 0.002
"""Drawn light below this says nothing about shadow."""


def load(scene: Scene, arrangement: Arrangement) -> PyrenderRenderer:
    """A renderer; the drawing context is made with the first frame.

    Raises:
        MissingExtra: pyrender is not installed.
        MissingSystemLibrary: There is no EGL.
    """
    return PyrenderRenderer(_pyrender(), scene, arrangement)


def _pyrender() -> Any:
    os.environ.setdefault("PYOPENGL_PLATFORM", "egl")  # read once, when OpenGL is first imported
    try:
        import pyrender
        import pyrender.renderer
    except ImportError as error:
        if error.name in ("pyrender", "OpenGL"):
            raise MissingExtra("pyrender", "peers", "the pyrender back-end") from error
        raise MissingSystemLibrary("libEGL.so.1", "the pyrender back-end", "libegl1") from error
    # pyrender 0.1.45 says np.infty, which NumPy 2 has no longer: its modules get a view of numpy that does.
    for name, module in list(sys.modules.items()):
        if name.startswith("pyrender.") and getattr(module, "np", None) is np:
            setattr(module, "np", _NumpyWithInfty("numpy"))  # noqa: B010
    return pyrender


class _NumpyWithInfty(ModuleType):
    infty = np.inf

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


class PyrenderRenderer:
    """Draws two pictures per frame: the room, and the room with content."""

    def __init__(self, pyrender: Any, scene: Scene, arrangement: Arrangement) -> None:
        self._pyrender = pyrender
        parts = Differential("pyrender", scene, arrangement)
        room = pyrender.Primitive(
            positions=parts.mesh.vertices,
            normals=parts.mesh.vertex_normals.astype(np.float32),
            indices=parts.mesh.faces,
            color_0=parts.albedo(),
            material=pyrender.MetallicRoughnessMaterial(roughnessFactor=1.0, metallicFactor=0.0, doubleSided=True),
        )
        self._world = pyrender.Scene(ambient_light=(0.4, 0.4, 0.4), bg_color=(0, 0, 0, 0))
        self._world.add(pyrender.Mesh([room]))
        self._content = [
            self._world.add(_mesh(pyrender, p), pose=p.T_world_content @ np.diag([*[p.scale] * 3, 1.0]))
            for p in arrangement.placements
        ]
        slope: NDArray[np.float64] = np.eye(4)
        slope[:3, :3] = np.array([[1, 0, 0], [0, 0.5, 0.866], [0, -0.866, 0.5]])  # shines down along its own -z
        self._world.add(pyrender.DirectionalLight(color=np.ones(3), intensity=3.0), pose=slope)
        self._camera: Any = None
        self._renderer: Any = None
        self._size = (0, 0)

    def compose(self, frame: Frame, T_world_camera: Float64) -> UInt8:
        """See `Renderer`."""
        c = frame.camera
        if self._size != (c.width, c.height):
            self.close()
            self._renderer = self._pyrender.OffscreenRenderer(c.width, c.height)
            self._size = (c.width, c.height)
        if self._camera is not None:
            self._world.remove_node(self._camera)
        lens = self._pyrender.IntrinsicsCamera(c.fx, c.fy, c.cx, c.cy, znear=0.05, zfar=30.0)
        self._camera = self._world.add(lens, pose=T_world_camera @ np.diag([1.0, -1.0, -1.0, 1.0]))
        both, near = self._drawn(True)
        empty, behind = self._drawn(False)
        shown = (near > 0) & ((behind == 0) | (near < behind - NEARER_M))
        real = TO_LINEAR[frame.color]
        light, without = (TO_LINEAR[x] @ LUMINANCE.astype(np.float32) for x in (both, empty))
        ratio = np.where(without > DARKEST, light / np.maximum(without, DARKEST), 1)
        out = real * np.clip(ratio, 0, 1)[..., None]
        drawn = behind > 0
        seen = real[drawn] @ LUMINANCE.astype(np.float32)
        gain = np.exp(np.mean(np.log(seen + 0.01)) - np.mean(np.log(without[drawn] + 0.01))) if drawn.any() else 1.0
        out[shown] = TO_LINEAR[both[shown]] * np.float32(gain)
        return to_srgb(out)

    def _drawn(self, content: bool) -> tuple[UInt8, NDArray[Any]]:
        for node in self._content:
            node.mesh.is_visible = content
        color, depth = self._renderer.render(self._world, flags=self._pyrender.RenderFlags.SHADOWS_DIRECTIONAL)
        return np.array(color[..., :3]), np.array(depth)

    def close(self) -> None:
        """Give the drawing context back."""
        if self._renderer is not None:
            self._renderer.delete()
            self._renderer = None


def _mesh(pyrender: Any, placement: Any) -> Any:
    primitives = []
    for part in placement.content.parts:
        m = part.material
        texture = None
        if m.base_color_texture is not None and part.uv is not None:
            texture = pyrender.Texture(source=m.base_color_texture, source_channels="RGBA")
        material = pyrender.MetallicRoughnessMaterial(
            baseColorFactor=m.base_color,
            metallicFactor=m.metallic,
            roughnessFactor=m.roughness,
            emissiveFactor=np.clip(m.emissive, 0, 1),
            alphaMode=m.alpha_mode,
            doubleSided=m.double_sided,
            baseColorTexture=texture,
        )
        primitives.append(
            pyrender.Primitive(
                positions=part.vertices,
                normals=part.normals,
                indices=part.faces,
                texcoord_0=part.uv,
                material=material,
            )
        )
    return pyrender.Mesh(primitives)
