"""Filament through Open3D's off-screen renderer: rasterised stills with physically based materials and a shadow map.

One light from high on one side, as such renderers are given when nothing is known of the room; the frame is multiplied
by the ratio of the room drawn with and without the content. Only the scanned mesh hides content. Where there is no
driver Filament aborts the whole process, so another process tries first.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Arrangement, Frame, MissingSystemLibrary, Scene
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.color import TO_LINEAR
from sceneforge.core.transforms import inverse
from sceneforge.rendering.content_light import albedo_of
from sceneforge.rendering.packing import BASE, METALLIC, ROUGHNESS, PackedContent

from ._differential import Differential

PROBE = "import open3d.visualization.rendering as r; r.OffscreenRenderer(16, 16).render_to_image()"
PROBE_S = 90
SUN = (0.35, -0.87, 0.35)
SUN_LUX, AROUND_LUX = 50_000, 17_000
"""White paint in full light stays below what a byte can hold."""
FINER = 2
"""Samples per pixel along x and y: pictures are drawn larger and averaged. Stills are worth it, videos are not."""
NEAR_M, FAR_M = 0.05, 40.0


def load(scene: Scene, arrangement: Arrangement) -> FilamentRenderer:
    """A renderer; the drawing context is made with the first frame.

    Raises:
        MissingSystemLibrary: There is no driver that Filament can draw with.
        UsageError: The scene has no mesh.
    """
    if not draws():
        raise MissingSystemLibrary("libvulkan_lvp.so", "the filament back-end", "libegl1 mesa-vulkan-drivers")
    return FilamentRenderer(scene, arrangement)


@functools.cache
def draws() -> bool:
    """Whether Filament can draw here, tried once in a process of its own."""
    try:
        tried = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, timeout=PROBE_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    return tried.returncode == 0


class FilamentRenderer:
    """Draws two pictures per frame, the room and the room with content.

    Args:
        scene: With a mesh.
        arrangement: Placed content.
        finer: Samples per pixel along x and y.
    """

    def __init__(self, scene: Scene, arrangement: Arrangement, *, finer: int = FINER) -> None:
        self._finer = finer
        self._parts = Differential("filament", scene, arrangement)
        self._renderer: Any = None
        self._size = (0, 0)

    def compose(self, frame: Frame, T_world_camera: Float64) -> UInt8:
        """See `Renderer`."""
        content = self._parts.content
        if content is None:
            return np.array(frame.color)
        c = frame.camera
        w, h = self._finer * c.width, self._finer * c.height
        if self._size != (w, h):
            self._renderer, self._size = self._stage(content, w, h), (w, h)
        T = np.asarray(T_world_camera, dtype=np.float64)
        middle = self._finer * (np.array([c.cx, c.cy]) + 0.5)  # its pixels begin, not end, at whole numbers
        K = np.array([[self._finer * c.fx, 0, middle[0]], [0, self._finer * c.fy, middle[1]], [0, 0, 1]])
        self._renderer.setup_camera(K, inverse(T), w, h)
        self._renderer.scene.camera.set_projection(K, NEAR_M, FAR_M, float(w), float(h))
        both, empty = (self._picture(shown) for shown in (True, False))
        return self._parts.merged(frame, T, both, empty)

    def _picture(self, content: bool) -> Float32:
        """(H, W, 3) linear."""
        scene = self._renderer.scene
        for name in self._names:
            scene.show_geometry(name, content)
        drawn = TO_LINEAR[np.asarray(self._renderer.render_to_image())[..., :3]]
        n = self._finer
        h, w = drawn.shape[0] // n, drawn.shape[1] // n
        return np.asarray(drawn.reshape(h, n, w, n, 3).mean(axis=(1, 3)), dtype=np.float32)

    def _stage(self, content: PackedContent, width: int, height: int) -> Any:
        from open3d.visualization import rendering

        renderer = rendering.OffscreenRenderer(width, height)
        scene = renderer.scene
        linear = rendering.ColorGrading(rendering.ColorGrading.Quality.ULTRA, rendering.ColorGrading.ToneMapping.LINEAR)
        scene.view.set_color_grading(linear)
        scene.set_background([0.0, 0.0, 0.0, 1.0])
        scene.scene.set_sun_light(list(SUN), [1.0, 1.0, 1.0], SUN_LUX)
        scene.scene.enable_sun_light(True)
        scene.scene.enable_indirect_light(True)
        scene.scene.set_indirect_light_intensity(AROUND_LUX)
        mesh = self._parts.mesh
        scene.add_geometry("room", _mesh(mesh.vertices, mesh.faces, self._parts.albedo()), _material(rendering, 0, 1))
        color = albedo_of(content)
        self._names = []
        for k, row in enumerate(content.materials):
            mine = content.face_material == k
            if not mine.any() or row[BASE + 3] <= 0.05:  # glass is not drawn
                continue
            corners = content.vertices[content.faces[mine]].reshape(-1, 3)
            faces = np.arange(len(corners)).reshape(-1, 3)
            solid = _mesh(corners, faces, np.repeat(color[mine], 3, axis=0))
            self._names.append(f"content_{k}")
            scene.add_geometry(
                self._names[-1], solid, _material(rendering, float(row[METALLIC]), float(row[ROUGHNESS]))
            )
        return renderer


def _mesh(vertices: NDArray[Any], faces: NDArray[Any], color: NDArray[Any]) -> Any:
    """An Open3D mesh whose vertices carry linear colour."""
    import open3d as o3d

    out = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(np.array(vertices, dtype=np.float64)),
        o3d.utility.Vector3iVector(np.array(faces, dtype=np.int32)),
    )
    out.vertex_colors = o3d.utility.Vector3dVector(np.array(color, dtype=np.float64))
    out.compute_vertex_normals()
    return out


def _material(rendering: Any, metallic: float, roughness: float) -> Any:
    out = rendering.MaterialRecord()
    out.shader = "defaultLit"
    out.base_metallic, out.base_roughness = metallic, max(roughness, 0.05)
    out.base_reflectance = 0.5 if roughness < 1 else 0.0
    return out
