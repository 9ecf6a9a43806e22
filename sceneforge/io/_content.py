"""Models to place: glTF's material model, whatever the file's own was."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.content import Content, Material, Part
from sceneforge.core.errors import ContentError

from ._images import MAX_SIDE
from ._models import instances, open_model


def read_content(path: Path) -> Content:
    """See `sceneforge.io.load_content`."""
    scene = open_model(path, ContentError)
    factors = _exact_factors(path)
    cache: dict[int, Material] = {}
    parts = [p for g, T in instances(scene) if (p := _part(g, T, path, factors, cache)) is not None]
    if not parts:
        raise ContentError("holds no triangles", path=path, expected="at least one triangle mesh")
    return Content(path.stem, str(path), _merged(parts))


def _part(geometry: Any, T: Float64, path: Path, factors: dict[str, Any], cache: dict[int, Material]) -> Part | None:
    """One mesh with its node transform applied; None for points and lines."""
    faces = getattr(geometry, "faces", None)
    if faces is None or not len(faces):
        return None
    linear = T[:3, :3]
    vertices = np.asarray(geometry.vertices, dtype=np.float64) @ linear.T + T[:3, 3]
    if not np.isfinite(vertices).all():
        raise ContentError("has vertices that are NaN or infinite", path=path, expected="finite coordinates")
    determinant = float(np.linalg.det(linear))
    if abs(determinant) < 1e-12:
        return None  # scaled to nothing: nothing to see
    faces = np.asarray(faces)[:, ::-1] if determinant < 0 else np.asarray(faces)
    normals = np.asarray(geometry.vertex_normals, dtype=np.float64) @ np.linalg.inv(linear)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.divide(normals, length, out=np.tile([0.0, 1.0, 0.0], (len(normals), 1)), where=length > 1e-12)
    uv, colors, material = _look(geometry, path, factors, cache)
    return Part(
        vertices.astype(np.float32),
        np.ascontiguousarray(faces, dtype=np.int32),
        normals.astype(np.float32),
        material,
        uv,
        colors,
    )


def _look(
    geometry: Any, path: Path, factors: dict[str, Any], cache: dict[int, Material]
) -> tuple[Float32 | None, Float32 | None, Material]:
    """(texture coordinates with v down, linear vertex colours, material)."""
    visual, count = geometry.visual, len(geometry.vertices)
    gltf = path.suffix.lower() in (".glb", ".gltf")
    if visual.kind in ("vertex", "face"):
        return None, _linear_colors(visual.vertex_colors, count, already_linear=gltf), Material()
    source = getattr(visual, "material", None)
    if source is None:
        return None, None, Material()
    if id(source) not in cache:
        cache[id(source)] = _material(source, path, factors)
    uv = getattr(visual, "uv", None)
    if uv is not None and len(uv) == count:
        uv = np.column_stack([uv[:, 0], 1.0 - np.asarray(uv[:, 1])]).astype(np.float32)
    else:
        uv = None
    raw = visual.vertex_attributes.get("color") if hasattr(visual, "vertex_attributes") else None
    return uv, None if raw is None else _linear_colors(raw, count, already_linear=gltf), cache[id(source)]


def _material(source: Any, path: Path, factors: dict[str, Any]) -> Material:
    if not hasattr(source, "baseColorFactor"):  # Wavefront material: Kd is a display colour
        diffuse = np.asarray(source.diffuse, dtype=np.float64).reshape(-1)[:4] / 255.0
        alpha = float(diffuse[3]) if diffuse.size > 3 else 1.0
        texture = _texture(getattr(source, "image", None), path)
        shine = float(np.clip(np.atleast_1d(source.glossiness)[0], 0, 1000)) if source.glossiness is not None else 0.0
        return Material(
            (1.0, 1.0, 1.0, alpha) if texture is not None else (*_rgb(srgb_to_linear(diffuse[:3])), alpha),
            roughness=float((2.0 / (shine + 2.0)) ** 0.25),  # Blinn-Phong exponent to GGX (Walter et al. 2007)
            base_color_texture=texture,
            alpha_mode="BLEND" if alpha < 1 else "OPAQUE",
        )
    base = factors.get(str(source.name))
    if base is None:
        raw = source.baseColorFactor
        base = np.ones(4) if raw is None else np.asarray(raw, dtype=np.float64) / 255.0
    rough, metal = _factor(source.roughnessFactor), _factor(source.metallicFactor)
    if source.metallicRoughnessTexture is not None:  # green is roughness, blue metalness; one value for the material
        mean = _pixels(source.metallicRoughnessTexture, path)[..., :3].reshape(-1, 3).mean(axis=0) / 255.0
        rough, metal = rough * float(mean[1]), metal * float(mean[2])
    emissive = np.zeros(3) if source.emissiveFactor is None else np.asarray(source.emissiveFactor, dtype=np.float64)
    if source.emissiveTexture is not None and emissive.any():
        glow = srgb_to_linear(_pixels(source.emissiveTexture, path)[..., :3] / 255.0)
        emissive = emissive * glow.reshape(-1, 3).mean(axis=0)
    cutoff = source.alphaCutoff
    return Material(
        (*_rgb(np.asarray(base)[:3]), float(base[3])),
        metal,
        rough,
        _rgb(emissive),
        _texture(source.baseColorTexture, path),
        source.alphaMode or "OPAQUE",
        0.5 if cutoff is None else float(cutoff),
        bool(source.doubleSided),
    )


def _factor(value: Any) -> float:
    """glTF's default for metalness and roughness is 1."""
    return 1.0 if value is None else float(value)


def _rgb(values: Float64) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _texture(image: Any, path: Path) -> UInt8 | None:
    return None if image is None else _pixels(image, path)


def _pixels(image: Any, path: Path) -> UInt8:
    if max(image.size) > MAX_SIDE:
        raise ContentError(f"has a texture of {image.size[0]}x{image.size[1]}", path=path, expected=f"up to {MAX_SIDE}")
    try:
        return np.array(image.convert("RGBA"), dtype=np.uint8)
    except (OSError, ValueError, SyntaxError) as error:
        raise ContentError(f"has a damaged texture ({error})", path=path, expected="intact images") from error


def srgb_to_linear(values: ArrayLike) -> Float64:
    """IEC 61966-2-1 decoding of values 0..1."""
    v = np.asarray(values, dtype=np.float64)
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def _linear_colors(raw: Any, count: int, *, already_linear: bool) -> Float32 | None:
    """(N, 4) linear RGBA from vertex colours: glTF stores linear values, the other formats display colours."""
    colors = np.asarray(raw)
    if colors.ndim != 2 or len(colors) != count or colors.shape[1] < 3:
        return None
    scale = {"u": float(np.iinfo(colors.dtype).max) if colors.dtype.kind == "u" else 1.0}.get(colors.dtype.kind, 1.0)
    values = colors.astype(np.float64) / scale
    out = np.ones((count, 4))
    out[:, : values.shape[1]] = values[:, :4]
    if not already_linear:
        out[:, :3] = srgb_to_linear(out[:, :3])
    return out.astype(np.float32)


def _exact_factors(path: Path) -> dict[str, Any]:
    """Base colour factors by material name, straight from the glTF: trimesh keeps 8 bits of these linear values."""
    try:
        data = path.read_bytes()
        if path.suffix.lower() == ".glb":
            (length,) = struct.unpack("<I", data[12:16])
            data = data[20 : 20 + length]
        elif path.suffix.lower() != ".gltf":
            return {}
        materials = json.loads(data).get("materials", [])
    except (ValueError, struct.error):
        return {}
    names = [m.get("name") for m in materials]
    return {
        m["name"]: factor
        for m in materials
        if names.count(m.get("name")) == 1
        and len(factor := m.get("pbrMetallicRoughness", {}).get("baseColorFactor", [1, 1, 1, 1])) == 4
    }


def _merged(parts: list[Part]) -> tuple[Part, ...]:
    """Parts of one material and the same attributes become one, in order of first use: fewer draw calls."""
    groups: dict[tuple[int, bool, bool], list[Part]] = {}
    for p in parts:
        groups.setdefault((id(p.material), p.uv is not None, p.colors is not None), []).append(p)
    out = []
    for (_, has_uv, has_colors), members in groups.items():
        starts = np.cumsum([0, *(len(p.vertices) for p in members[:-1])])
        out.append(
            Part(
                np.concatenate([p.vertices for p in members]),
                np.concatenate([p.faces + s for p, s in zip(members, starts, strict=True)]).astype(np.int32),
                np.concatenate([p.normals for p in members]),
                members[0].material,
                np.concatenate([p.uv for p in members if p.uv is not None]) if has_uv else None,
                np.concatenate([p.colors for p in members if p.colors is not None]) if has_colors else None,
            )
        )
    return tuple(out)
