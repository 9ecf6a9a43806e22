"""All content of an arrangement as one triangle soup in the world; materials and texture pyramids in flat arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Arrangement, Material, Placement
from sceneforge.core.arrays import Float32, Float64, Int32, UInt8
from sceneforge.core.transforms import transform_points

from .splitting import Indices, split_long

MAX_TRIANGLES = 60_000
"""Splitting for baked light stops here; content that arrives with more is kept as it is."""
MAX_TEXTURE = 1024
"""Longest texture side kept: more is never visible at video sizes, and memory stays bounded."""

BASE, METALLIC, ROUGHNESS, EMISSIVE, MODE, CUTOFF, TWO_SIDED, TEXTURE = 0, 4, 5, 6, 9, 10, 11, 12
"""Columns of `PackedContent.materials`."""
OPAQUE, MASK, BLEND = 0.0, 1.0, 2.0


@dataclass(frozen=True)
class PackedContent:
    """What the tracer and the shader read."""

    vertices: Float32
    """(N, 3) world, metres."""
    normals: Float32
    """(N, 3) unit, world."""
    uv: Float32
    """(N, 2)."""
    colors: Float32
    """(N, 4) linear RGBA."""
    faces: Int32
    """(M, 3)."""
    face_normals: Float32
    """(M, 3) unit, world."""
    face_material: Int32
    """(M,) row of `materials`."""
    face_placement: Int32
    """(M,) index into the arrangement's placements."""
    face_density: Float32
    """(M,) texture coordinates per metre."""
    materials: Float32
    """(K, 13): base RGBA, metallic, roughness, emissive RGB, mode, cutoff, two-sided, texture (-1 = none)."""
    texels: Float32
    """(T, 4) linear RGBA of all pyramids, row by row."""
    levels: Int32
    """(textures, 12, 3) offset, width and height of every pyramid level; the last level repeats."""

    def placement_vertices(self, index: int) -> Float64:
        """(n, 3) corners of one placement's triangles, world."""
        mine = self.faces[self.face_placement == index]
        return np.asarray(self.vertices[mine].reshape(-1, 3), dtype=np.float64)

    @property
    def casts_shadow(self) -> NDArray[np.bool_]:
        """(M,) bool: faces that stop light, that is all but mostly transparent ones."""
        m = self.materials[self.face_material]
        return np.asarray((m[:, MODE] != BLEND) | (m[:, BASE + 3] > 0.5))


def pack(arrangement: Arrangement) -> PackedContent:
    """Bring all placements into the world, split long triangles, and lay everything out flat."""
    rows, faces, material_of, placement_of = [], [], [], []
    materials: list[Float32] = []
    textures: list[UInt8] = []
    offset = 0
    for index, placement in enumerate(arrangement.placements):
        for part in placement.content.parts:
            rows.append(_attributes(placement, part.vertices, part.normals, part.uv, part.colors))
            faces.append(part.faces.astype(np.int64) + offset)
            material_of.append(np.full(len(part.faces), len(materials)))
            placement_of.append(np.full(len(part.faces), index))
            materials.append(_material_row(part.material, textures))
            offset += len(part.vertices)
    soup, triangles = np.concatenate(rows), np.concatenate(faces)
    owner = np.stack([np.concatenate(material_of), np.concatenate(placement_of)], axis=1)
    soup, triangles, owner = _split(soup, triangles, owner)
    soup[:, 3:6] /= np.maximum(np.linalg.norm(soup[:, 3:6], axis=1, keepdims=True), 1e-9)
    a, b, c = (soup[triangles[:, k]] for k in range(3))
    cross = np.cross(b[:, :3] - a[:, :3], c[:, :3] - a[:, :3])
    area = np.linalg.norm(cross, axis=1)
    u, v = b[:, 6:8] - a[:, 6:8], c[:, 6:8] - a[:, 6:8]
    uv_area = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    texels, levels = _pyramids(textures)
    return PackedContent(
        vertices=_f32(soup[:, :3]),
        normals=_f32(soup[:, 3:6]),
        uv=_f32(soup[:, 6:8]),
        colors=_f32(soup[:, 8:12]),
        faces=np.ascontiguousarray(triangles, dtype=np.int32),
        face_normals=_f32(cross / np.maximum(area, 1e-20)[:, None]),
        face_material=np.ascontiguousarray(owner[:, 0], dtype=np.int32),
        face_placement=np.ascontiguousarray(owner[:, 1], dtype=np.int32),
        face_density=_f32(np.sqrt(uv_area / np.maximum(area, 1e-12))),
        materials=_f32(np.stack(materials)),
        texels=texels,
        levels=levels,
    )


def _f32(values: NDArray[Any]) -> Float32:
    return np.ascontiguousarray(values, dtype=np.float32)


def _attributes(
    placement: Placement, vertices: Float32, normals: Float32, uv: Float32 | None, colors: Float32 | None
) -> Float64:
    """(N, 12) position, normal, uv and colour in the world, to be split together."""
    out = np.zeros((len(vertices), 12))
    out[:, :3] = transform_points(placement.T_world_content, vertices.astype(np.float64) * placement.scale)
    out[:, 3:6] = normals.astype(np.float64) @ placement.T_world_content[:3, :3].T
    if uv is not None:
        out[:, 6:8] = uv
    out[:, 8:12] = 1.0 if colors is None else colors
    return out


def _material_row(m: Material, textures: list[UInt8]) -> Float32:
    mode = {"OPAQUE": OPAQUE, "MASK": MASK, "BLEND": BLEND}.get(m.alpha_mode, OPAQUE)
    texture = -1
    if m.base_color_texture is not None:
        texture = len(textures)
        textures.append(m.base_color_texture)
    row = [*m.base_color, m.metallic, m.roughness, *m.emissive, mode, m.alpha_cutoff, float(m.double_sided), texture]
    return np.array(row, dtype=np.float32)


def _split(soup: Float64, faces: Indices, owner: Indices) -> tuple[Float64, Indices, Indices]:
    """Quarter long triangles: light is baked per vertex, so a large flat face needs vertices inside."""
    whole, which = np.unique(owner[:, 1], return_inverse=True)
    size = np.array([np.ptp(soup[faces[owner[:, 1] == k].ravel(), :3], axis=0).max() for k in whole])
    soup, faces, origin = split_long(soup, faces, size[which] / 20, MAX_TRIANGLES)
    return soup, faces, owner[origin]


def _pyramids(textures: list[UInt8]) -> tuple[Float32, Int32]:
    """Linear-light mip pyramids, alpha-weighted so that transparent texels do not tint their neighbours."""
    import cv2

    from .color import to_linear

    chunks: list[Float32] = []
    levels = np.zeros((max(len(textures), 1), 12, 3), dtype=np.int32)
    used = 0
    for index, texture in enumerate(textures):
        rgba: NDArray[Any] = np.empty(texture.shape, dtype=np.float32)
        rgba[..., :3] = to_linear(texture[..., :3])
        rgba[..., 3] = texture[..., 3] / 255
        rgba[..., :3] *= np.maximum(rgba[..., 3:], 1e-3)
        shrink = MAX_TEXTURE / max(texture.shape[:2])
        if shrink < 1:
            rgba = cv2.resize(rgba, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        for level in range(12):
            h, w = rgba.shape[:2]
            straight = rgba.copy()
            straight[..., :3] /= np.maximum(rgba[..., 3:], 1e-3)
            chunks.append(straight.reshape(-1, 4))
            levels[index, level:] = used, w, h
            used += w * h
            if w == 1 and h == 1:
                break
            rgba = cv2.resize(rgba, (max(w // 2, 1), max(h // 2, 1)), interpolation=cv2.INTER_AREA)
    texels = np.concatenate(chunks) if chunks else np.ones((1, 4), dtype=np.float32)
    return np.ascontiguousarray(texels, dtype=np.float32), levels
