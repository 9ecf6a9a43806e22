"""Painted surfaces as textured rectangles for glTF: paint and light in one picture, since viewers know neither."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sceneforge.core import SurfacePaint
from sceneforge.core.arrays import Float32, UInt8
from sceneforge.core.color import to_linear, to_srgb
from sceneforge.core.transforms import quaternion_from_rotation

from ._gltf import TRIANGLES, GlbBuilder

MAX_TEXTURE: Final = 2048
"""Pixels along a texture's longer side; larger ones are averaged down."""
LIFT_M: Final = 0.004
"""Paint lies this far before its plane, so that it does not flicker through the scanned surface."""
PORTAL_DISTANCE_M: Final = 1.5
"""A portal is shown as it is seen from this far before its middle: glTF knows nothing that is infinitely far."""


def paint_node(glb: GlbBuilder, paint: SurfacePaint, order: int) -> int:
    """A node with the paint's rectangle, its texture's alpha being the mask.

    Args:
        glb: The file being built.
        paint: The paint.
        order: Its number; later paints lie before earlier ones.
    """
    raster = paint.raster
    low = raster.origin_xz
    high = low + np.array([raster.width, raster.height]) * raster.metres_per_pixel
    y = LIFT_M * (order + 1)
    corners = np.array([(low[0], y, low[1]), (high[0], y, low[1]), (high[0], y, high[1]), (low[0], y, high[1])])
    attributes = {
        "POSITION": glb.attribute(corners.astype(np.float32), bounds=True),
        "NORMAL": glb.attribute(np.tile(np.array([[0, 1, 0]], np.float32), (4, 1))),
        "TEXCOORD_0": glb.attribute(np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)),
    }
    soft = paint.strength < 1 or paint.mode in ("inpaint", "blend")
    primitive: dict[str, Any] = {
        "attributes": attributes,
        "indices": glb.indices(np.array([0, 3, 2, 0, 2, 1])),  # counter-clockwise seen from +Y
        "mode": TRIANGLES,
        "material": glb.unlit_picture(paint.id, baked(paint), blend=soft),
    }
    extras = {
        "planes": list(paint.planes),
        "mode": paint.mode,
        "prompt": paint.prompt,
        "metres_per_pixel": float(raster.metres_per_pixel),
    }
    rotation = quaternion_from_rotation(raster.T_world_plane[:3, :3])
    mesh = glb.mesh(paint.id, [primitive])
    return glb.node(paint.id, mesh=mesh, transform=raster.T_world_plane, quaternion=rotation, extras=extras)


def baked(paint: SurfacePaint) -> UInt8:
    """(h, w, 4) sRGB and alpha: the paint in the light that falls on it."""
    import cv2

    h, w = paint.raster.shape
    scale = min(1.0, MAX_TEXTURE / max(h, w))
    size = (max(round(w * scale), 1), max(round(h * scale), 1))
    alpha = cv2.resize(paint.mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) * paint.strength
    if paint.color is not None:
        color = cv2.resize(to_linear(paint.color), size, interpolation=cv2.INTER_AREA)
        shading = cv2.resize(paint.shading, size, interpolation=cv2.INTER_LINEAR)
        color = color * shading[..., None] * paint.light.astype(np.float32)
    else:
        color = _through(paint, size) * paint.light.astype(np.float32)
    return np.dstack([to_srgb(color), np.rint(np.clip(alpha, 0, 255)).astype(np.uint8)])


def _through(paint: SurfacePaint, size: tuple[int, int]) -> Float32:
    """(h, w, 3) linear: what a portal shows to an eye before its middle."""
    import cv2

    assert paint.environment is not None
    raster = paint.raster
    extent = np.array([raster.width, raster.height]) * raster.metres_per_pixel
    x = ((np.arange(size[0]) + 0.5) / size[0] - 0.5) * extent[0]
    z = ((np.arange(size[1]) + 0.5) / size[1] - 0.5) * extent[1]
    x, z = np.meshgrid(x, z)
    flat = np.hypot(x, z)
    r = np.sqrt(np.maximum(2 * (1 - PORTAL_DISTANCE_M / np.sqrt(flat**2 + PORTAL_DISTANCE_M**2)), 0))
    n = len(paint.environment)
    u, v = ((c / np.maximum(flat, 1e-9) * r / np.sqrt(2) + 1) / 2 * n - 0.5 for c in (x, z))
    looked = cv2.remap(to_linear(paint.environment), u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(looked, dtype=np.float32)
