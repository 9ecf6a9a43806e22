"""Mitsuba 3: which variant runs, meshes with a colour per vertex, and cameras."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import Camera, MissingExtra
from sceneforge.core.arrays import Float32, Float64
from sceneforge.rendering.region import Rect


def load_mitsuba() -> Any:
    """Mitsuba with its fastest variant that runs here: compiled where LLVM is found, else the scalar one.

    Raises:
        MissingExtra: It is not installed.
    """
    if "DRJIT_LIBLLVM_PATH" not in os.environ:
        for folder in ("/usr/lib/llvm-19/lib", "/usr/lib/x86_64-linux-gnu"):
            found = sorted(Path(folder).glob("libLLVM*19*.so*")) if Path(folder).is_dir() else []
            if found:
                os.environ["DRJIT_LIBLLVM_PATH"] = str(found[0])
                break
    try:
        import mitsuba as mi
    except ImportError as error:
        raise MissingExtra("mitsuba", "mitsuba", "path-traced reference pictures") from error
    mi.set_variant("llvm_ad_rgb" if "DRJIT_LIBLLVM_PATH" in os.environ else "scalar_rgb")
    return mi


MATT = {
    "type": "twosided",
    "inner": {"type": "diffuse", "reflectance": {"type": "mesh_attribute", "name": "vertex_color"}},
}
"""A surface of its vertices' colours."""


def shape(
    mi: Any,
    vertices: Float32,
    faces: Any,
    color: Float32,
    emitter: dict[str, Any] | None = None,
    bsdf: dict[str, Any] | None = None,
) -> Any:
    """A mesh (V, 3), (F, 3) with vertex colours (V, 3)."""
    properties = mi.Properties()
    properties["bsdf"] = mi.load_dict(MATT if bsdf is None else bsdf)
    if emitter is not None:
        properties["emitter"] = mi.load_dict(emitter)
    mesh = mi.Mesh("part", len(vertices), len(faces), props=properties, has_vertex_normals=False)
    mesh.add_attribute("vertex_color", 3, np.ascontiguousarray(color, np.float32).ravel())
    params = mi.traverse(mesh)
    params["vertex_positions"] = np.ascontiguousarray(vertices, np.float32).ravel()
    params["faces"] = np.ascontiguousarray(faces, np.uint32).ravel()
    params.update()
    return mesh


def sensor(mi: Any, camera: Camera, T_world_camera: Float64, samples: int, rect: Rect | None = None) -> dict[str, Any]:
    """A camera whose principal point lies in the middle and whose pixels are square: fx alone counts.

    Of its picture only `rect` is drawn.
    """
    film = {"type": "hdrfilm", "width": camera.width, "height": camera.height, "rfilter": {"type": "box"}}
    if rect is not None:
        film |= {"crop_offset_x": rect.x0, "crop_offset_y": rect.y0}
        film |= {"crop_width": rect.x1 - rect.x0, "crop_height": rect.y1 - rect.y0}
    T = np.asarray(T_world_camera) @ np.diag([-1.0, -1.0, 1.0, 1.0])  # its cameras look along +z, x to the left
    return {
        "type": "perspective",
        "to_world": mi.ScalarTransform4f(T.tolist()),
        "fov": float(np.degrees(2 * np.arctan(camera.width / 2 / camera.fx))),
        "fov_axis": "x",
        "near_clip": 0.02,
        "sampler": {"type": "multijitter", "sample_count": samples},
        "film": film,
    }


def render(mi: Any, scene: dict[str, Any], samples: int, seed: int) -> Float32:
    """Linear radiance (H, W, 3)."""
    import cv2

    linear = np.asarray(mi.render(mi.load_dict(scene), spp=samples, seed=seed), dtype=np.float32)[..., :3]
    astray = ~np.isfinite(linear).all(axis=-1) | (linear.sum(axis=-1) == 0)
    around = np.asarray(cv2.medianBlur(np.nan_to_num(linear, nan=0.0, posinf=0.0), 3))
    return np.where(astray[..., None], around, linear)  # a path's error would be a black pixel
