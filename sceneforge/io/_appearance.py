"""How a model's surface looks, in glTF's terms, from whatever material its file has."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.color import srgb_to_linear, to_srgb
from sceneforge.core.content import Material
from sceneforge.core.errors import ContentError

from ._images import MAX_SIDE


def look(
    geometry: Any, path: Path, factors: dict[str, Any], cache: dict[int, Material]
) -> tuple[Float32 | None, Float32 | None, Material]:
    """(texture coordinates (N, 2) with v down, linear vertex colours (N, 4), material) of a trimesh geometry.

    Args:
        geometry: A mesh.
        path: Its file, for errors and for what its format means by colours.
        factors: See `exact_factors`.
        cache: Materials made so far, by identity of trimesh's.
    """
    visual, count = geometry.visual, len(geometry.vertices)
    gltf = path.suffix.lower() in (".glb", ".gltf")
    if visual.kind in ("vertex", "face"):
        return None, linear_colors(visual.vertex_colors, count, already_linear=gltf), Material()
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
    return uv, None if raw is None else linear_colors(raw, count, already_linear=gltf), cache[id(source)]


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
    exact = factors.get(str(source.name), {})
    raw = source.baseColorFactor
    base = np.ones(4) if raw is None else np.asarray(raw, dtype=np.float64) / 255.0
    base = np.asarray(exact.get("pbrMetallicRoughness", {}).get("baseColorFactor", base if not exact else np.ones(4)))
    emissive = np.zeros(3) if source.emissiveFactor is None else np.asarray(source.emissiveFactor, dtype=np.float64)
    strength = exact.get("extensions", {}).get("KHR_materials_emissive_strength", {}).get("emissiveStrength", 1.0)
    cutoff = source.alphaCutoff
    return Material(
        (*_rgb(np.asarray(base)[:3]), float(base[3])),
        _factor(source.metallicFactor),
        _factor(source.roughnessFactor),
        _rgb(emissive * float(strength)),
        _texture(source.baseColorTexture, path),
        source.alphaMode or "OPAQUE",
        0.5 if cutoff is None else float(cutoff),
        bool(source.doubleSided),
        _texture(source.metallicRoughnessTexture, path),
        _texture(source.normalTexture, path),
        float(exact.get("normalTexture", {}).get("scale", 1.0)),
        _texture(source.emissiveTexture, path) if emissive.any() else None,
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


def linear_colors(raw: Any, count: int, *, already_linear: bool) -> Float32 | None:
    """(N, 4) linear RGBA from vertex colours: glTF stores linear values, the other formats display colours."""
    colors = np.asarray(raw)
    if colors.ndim != 2 or len(colors) != count or colors.shape[1] < 3:
        return None
    scale = float(np.iinfo(colors.dtype).max) if colors.dtype.kind == "u" else 1.0
    values = colors.astype(np.float64) / scale
    out = np.ones((count, 4))
    out[:, : values.shape[1]] = values[:, :4]
    if not already_linear:
        out[:, :3] = srgb_to_linear(out[:, :3])
    return out.astype(np.float32)


def exact_factors(path: Path) -> dict[str, Any]:
    """The glTF's own materials by name, where a name is unique and the values are well formed.

    trimesh keeps 8 bits of the linear base colour, and neither the strength of emission nor the scale of normal maps.
    """
    try:
        data = path.read_bytes()
        if path.suffix.lower() == ".glb":
            (length,) = struct.unpack("<I", data[12:16])
            data = data[20 : 20 + length]
        elif path.suffix.lower() != ".gltf":
            return {}
        materials = [m for m in json.loads(data).get("materials", []) if isinstance(m, dict)]
    except (ValueError, struct.error, AttributeError, TypeError):
        return {}
    names = [m.get("name") for m in materials]
    unique = {name for name in names if isinstance(name, str) and names.count(name) == 1}
    return {m["name"]: m for m in materials if m.get("name") in unique and _well_formed(m)}


def _well_formed(material: dict[str, Any]) -> bool:
    """Whether the parts of a glTF material that are read here have the standard's types."""
    try:
        base = material.get("pbrMetallicRoughness", {}).get("baseColorFactor", [1, 1, 1, 1])
        strength = material.get("extensions", {}).get("KHR_materials_emissive_strength", {}).get("emissiveStrength", 1)
        scale = material.get("normalTexture", {}).get("scale", 1)
        values = np.array([*base, strength, scale], dtype=np.float64)
    except (AttributeError, TypeError, ValueError):
        return False
    return len(values) == 6 and bool(np.isfinite(values).all())


def baked_colors(geometry: Any, path: Path, factors: dict[str, Any], cache: dict[int, Material]) -> UInt8 | None:
    """(N, 3) uint8 sRGB per vertex: vertex colour x base colour x texture at the vertex; None = unpainted."""
    count = len(geometry.vertices)
    gltf = path.suffix.lower() in (".glb", ".gltf")
    if not hasattr(geometry, "visual"):  # a point cloud
        raw = getattr(geometry, "colors", None)
        linear = None if raw is None else linear_colors(raw, count, already_linear=gltf)
        return None if linear is None else to_srgb(linear[:, :3])
    uv, colors, material = look(geometry, path, factors, cache)
    paint = getattr(geometry.visual, "material", None)
    if colors is None and paint is None:
        return None
    out = np.tile(np.asarray(material.base_color[:3]), (count, 1))
    if colors is not None:
        out = out * colors[:, :3]
    texture = material.base_color_texture
    if uv is not None and texture is not None:
        size = np.array([texture.shape[1], texture.shape[0]])
        at = np.nan_to_num(uv.astype(np.float64))
        at = np.where((at >= 0) & (at <= 1), at, at % 1.0)  # repeats, but 1 itself is the far edge
        pixel = np.floor(at * size).astype(np.int64)
        pixel = np.minimum(pixel, size - 1)
        out = out * srgb_to_linear(texture[pixel[:, 1], pixel[:, 0], :3] / 255.0)
    return to_srgb(out)
