"""All content of an arrangement as one triangle soup in the world; materials and texture pyramids in flat arrays."""

from __future__ import annotations

from collections.abc import Iterator
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
METAL_ROUGH_MAP, NORMAL_MAP, NORMAL_SCALE, EMISSIVE_MAP = 13, 14, 15, 16
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
    face_tangents: Float32
    """(M, 2, 3) unit directions in the world along which u grows and v falls: the axes of normal maps."""
    materials: Float32
    """(K, 17): base RGBA, metallic, roughness, emissive RGB, mode, cutoff, two-sided, then numbers of the textures for
    base colour, metallic-roughness, normal, the normal's scale, emission (-1 = none)."""
    texels: Float32
    """(T, 4) linear RGBA of all pyramids, row by row; maps that hold no colour as they are, 0..1."""
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
    textures = _Textures([], [])
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
    texels, levels = textures.pyramids()
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
        face_tangents=_tangents(b[:, :3] - a[:, :3], c[:, :3] - a[:, :3], u, v),
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


def _tangents(ab: Float64, ac: Float64, u: Float64, v: Float64) -> Float32:
    """(M, 2, 3) directions of growing u and falling v on triangles with edges (M, 3) and texture edges (M, 2)."""
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    turn = np.where(area < 0, -1.0, 1.0)[:, None]
    along_u = turn * (ab * v[:, 1:] - ac * u[:, 1:])
    along_v = turn * (ac * u[:, :1] - ab * v[:, :1])
    both = np.stack([along_u, -along_v], axis=1)
    return _f32(both / np.maximum(np.linalg.norm(both, axis=2, keepdims=True), 1e-20))


def _material_row(m: Material, textures: _Textures) -> Float32:
    mode = {"OPAQUE": OPAQUE, "MASK": MASK, "BLEND": BLEND}.get(m.alpha_mode, OPAQUE)
    row = [*m.base_color, m.metallic, m.roughness, *m.emissive, mode, m.alpha_cutoff, float(m.double_sided)]
    row += [textures.number(m.base_color_texture, color=True), textures.number(m.metallic_roughness_texture)]
    row += [textures.number(m.normal_texture), m.normal_scale, textures.number(m.emissive_texture, color=True)]
    return np.array(row, dtype=np.float32)


def _split(soup: Float64, faces: Indices, owner: Indices) -> tuple[Float64, Indices, Indices]:
    """Quarter long triangles: light is baked per vertex, so a large flat face needs vertices inside."""
    whole, which = np.unique(owner[:, 1], return_inverse=True)
    size = np.array([np.ptp(soup[faces[owner[:, 1] == k].ravel(), :3], axis=0).max() for k in whole])
    soup, faces, origin = split_long(soup, faces, size[which] / 20, MAX_TRIANGLES)
    return soup, faces, owner[origin]


@dataclass
class _Textures:
    """Images in use, each once."""

    images: list[UInt8]
    color: list[bool]
    """Whether sRGB with alpha, or plain values."""

    def number(self, image: UInt8 | None, *, color: bool = False) -> int:
        """Where the image stands in the list, -1 = none."""
        if image is None:
            return -1
        for k, known in enumerate(self.images):
            if known is image and self.color[k] == color:
                return k
        self.images.append(image)
        self.color.append(color)
        return len(self.images) - 1

    def pyramids(self) -> tuple[Float32, Int32]:
        """Mip pyramids one after the other (T, 4), and (textures, 12, 3) offset, width, height of their levels."""
        chunks: list[Float32] = []
        levels = np.zeros((max(len(self.images), 1), 12, 3), dtype=np.int32)
        used = 0
        for index, (image, color) in enumerate(zip(self.images, self.color, strict=True)):
            for level, texels in enumerate(_pyramid(image, color)):
                h, w = texels.shape[:2]
                chunks.append(texels.reshape(-1, 4))
                levels[index, level:] = used, w, h
                used += w * h
        flat = np.concatenate(chunks) if chunks else np.ones((1, 4), dtype=np.float32)
        return np.ascontiguousarray(flat, dtype=np.float32), levels


def _pyramid(image: UInt8, color: bool) -> Iterator[NDArray[Any]]:
    """Levels (h, w, 4): colours in linear light, weighted by alpha so that transparent texels tint no neighbour."""
    import cv2

    from sceneforge.core.color import to_linear

    texels: NDArray[Any] = image.astype(np.float32) / 255
    if color:
        texels[..., :3] = to_linear(image[..., :3]) * np.maximum(texels[..., 3:], 1e-3)
    shrink = MAX_TEXTURE / max(image.shape[:2])
    if shrink < 1:
        texels = cv2.resize(texels, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    for _ in range(12):
        straight = texels.copy()
        if color:
            straight[..., :3] /= np.maximum(texels[..., 3:], 1e-3)
        yield straight
        h, w = texels.shape[:2]
        if w == 1 and h == 1:
            break
        texels = cv2.resize(texels, (max(w // 2, 1), max(h // 2, 1)), interpolation=cv2.INTER_AREA)
