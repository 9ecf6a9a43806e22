"""A small glTF 2.0 binary builder (Khronos glTF 2.0, sections 3-4); the bytes depend on what is added and no more."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Material
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.color import TO_LINEAR64

TRIANGLES, LINE_LOOP = 4, 2

_COMPONENT = {"u1": 5121, "u2": 5123, "u4": 5125, "f4": 5126}
_TYPE = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
_VERTEX_BUFFER, _INDEX_BUFFER = 34962, 34963
_FACTOR_LIMITS = (0.0, 1.0)


class GlbBuilder:
    """Collects nodes, meshes, materials and images; `to_bytes` gives the .glb file."""

    def __init__(self, generator: str) -> None:
        self._json: dict[str, list[Any]] = {
            key: []
            for key in ("nodes", "meshes", "materials", "textures", "images", "samplers", "accessors", "bufferViews")
        }
        self._generator = generator
        self._roots: list[int] = []
        self._extensions: set[str] = set()
        self._chunks: list[bytes] = []
        self._length = 0
        self._materials: dict[str, int] = {}
        self._textures: dict[bytes, int] = {}

    def _add(self, kind: str, entry: dict[str, Any]) -> int:
        self._json[kind].append(entry)
        return len(self._json[kind]) - 1

    def _view(self, data: bytes, **facts: int) -> int:
        padded = data + b"\0" * (-len(data) % 4)
        view = self._add("bufferViews", {"buffer": 0, "byteOffset": self._length, "byteLength": len(data), **facts})
        self._chunks.append(padded)
        self._length += len(padded)
        return view

    def attribute(self, values: NDArray[Any], *, normalized: bool = False, bounds: bool = False) -> int:
        """Accessor of a vertex attribute (N,) or (N, 2..4) of uint8, uint16 or float32.

        Elements are padded to four bytes, which the standard asks of vertex data.
        """
        columns = 1 if values.ndim == 1 else values.shape[1]
        rows = np.ascontiguousarray(values.reshape(len(values), columns))
        kind = rows.dtype.newbyteorder("<")
        row_bytes = columns * kind.itemsize
        stride = row_bytes + -row_bytes % 4
        data = np.zeros((len(rows), stride), dtype=np.uint8)
        data[:, :row_bytes] = rows.astype(kind, copy=False).view(np.uint8).reshape(len(rows), row_bytes)
        view = self._view(data.tobytes(), byteStride=stride, target=_VERTEX_BUFFER)
        accessor: dict[str, Any] = {
            "bufferView": view,
            "componentType": _COMPONENT[rows.dtype.str[1:]],
            "count": len(rows),
            "type": _TYPE[columns],
        }
        if normalized:
            accessor["normalized"] = True
        if bounds:
            accessor["min"] = rows.min(axis=0).tolist()
            accessor["max"] = rows.max(axis=0).tolist()
        return self._add("accessors", accessor)

    def indices(self, values: NDArray[np.integer]) -> int:
        """Accessor of flat vertex indices, 16 bits where that is enough (the largest value is reserved)."""
        kind = "<u2" if int(values.max()) < 65535 else "<u4"
        flat = values.reshape(-1).astype(kind)
        view = self._view(flat.tobytes(), target=_INDEX_BUFFER)
        return self._add(
            "accessors",
            {"bufferView": view, "componentType": _COMPONENT[kind[1:]], "count": len(flat), "type": "SCALAR"},
        )

    def mesh(self, name: str, primitives: Sequence[dict[str, Any]], extras: dict[str, Any] | None = None) -> int:
        """A mesh; each primitive is the JSON object of the standard."""
        return self._add(
            "meshes", {"name": name, "primitives": list(primitives), **({"extras": extras} if extras else {})}
        )

    def node(
        self,
        name: str,
        *,
        mesh: int | None = None,
        transform: Float64 | None = None,
        quaternion: Float64 | None = None,
        scale: float = 1.0,
        children: Sequence[int] = (),
        extras: dict[str, Any] | None = None,
        root: bool = False,
    ) -> int:
        """A named node at a rigid transform (4, 4) with its rotation as quaternion xyzw, after a uniform scale."""
        entry: dict[str, Any] = {"name": name}
        if mesh is not None:
            entry["mesh"] = mesh
        if transform is not None and quaternion is not None:
            entry |= {"translation": transform[:3, 3].tolist(), "rotation": quaternion.tolist()}
        if scale != 1.0:
            entry["scale"] = [scale] * 3
        if children:
            entry["children"] = list(children)
        if extras:
            entry["extras"] = extras
        index = self._add("nodes", entry)
        if root:
            self._roots.append(index)
        return index

    def unlit_material(self, name: str) -> int:
        """White that shows the vertex colours as captured: the room's light is already in them."""
        self._extensions.add("KHR_materials_unlit")
        pbr = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
        entry = {
            "name": name,
            "pbrMetallicRoughness": pbr,
            "doubleSided": True,
            "extensions": {"KHR_materials_unlit": {}},
        }
        return self._add("materials", entry)

    def unlit_picture(self, name: str, rgba: UInt8, *, blend: bool) -> int:
        """A picture (H, W, 4) sRGB and alpha shown as it is; alpha blends, or cuts at one half."""
        self._extensions.add("KHR_materials_unlit")
        entry: dict[str, Any] = {
            "name": name,
            "pbrMetallicRoughness": {
                "baseColorTexture": {"index": self._texture(rgba)},
                "metallicFactor": 0.0,
                "roughnessFactor": 1.0,
            },
            "alphaMode": "BLEND" if blend else "MASK",
            "extensions": {"KHR_materials_unlit": {}},
        }
        return self._add("materials", entry)

    def material(self, name: str, material: Material) -> int:
        """A metallic-roughness material; equal materials are stored once."""
        pbr: dict[str, Any] = {
            "baseColorFactor": np.clip(material.base_color, *_FACTOR_LIMITS).tolist(),
            "metallicFactor": float(np.clip(material.metallic, *_FACTOR_LIMITS)),
            "roughnessFactor": float(np.clip(material.roughness, *_FACTOR_LIMITS)),
        }
        if material.base_color_texture is not None:
            pbr["baseColorTexture"] = {"index": self._texture(material.base_color_texture)}
        if material.metallic_roughness_texture is not None:
            pbr["metallicRoughnessTexture"] = {"index": self._texture(material.metallic_roughness_texture)}
        entry: dict[str, Any] = {"name": name, "pbrMetallicRoughness": pbr}
        if material.normal_texture is not None:
            entry["normalTexture"] = {
                "index": self._texture(material.normal_texture),
                "scale": float(material.normal_scale),
            }
        if material.emissive_texture is not None and any(material.emissive):
            entry["emissiveTexture"] = {"index": self._texture(material.emissive_texture)}
        strength = max(1.0, *material.emissive)
        if any(material.emissive):
            entry["emissiveFactor"] = [float(c) / strength for c in material.emissive]
        if strength > 1:
            self._extensions.add("KHR_materials_emissive_strength")
            entry["extensions"] = {"KHR_materials_emissive_strength": {"emissiveStrength": float(strength)}}
        if material.alpha_mode != "OPAQUE":
            entry["alphaMode"] = material.alpha_mode
        if material.alpha_mode == "MASK":
            entry["alphaCutoff"] = float(material.alpha_cutoff)
        if material.double_sided:
            entry["doubleSided"] = True
        key = json.dumps({**entry, "name": ""}, sort_keys=True)
        if key not in self._materials:
            self._materials[key] = self._add("materials", entry)
        return self._materials[key]

    def _texture(self, rgba: UInt8) -> int:
        from PIL import Image

        opaque = bool((rgba[..., 3] == 255).all())
        picture = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(rgba[..., :3] if opaque else rgba)).save(picture, "PNG")
        data = picture.getvalue()
        if data not in self._textures:
            image = self._add("images", {"bufferView": self._view(data), "mimeType": "image/png"})
            if not self._json["samplers"]:  # smooth at every distance, repeating: what the standard assumes of readers
                self._add("samplers", {"magFilter": 9729, "minFilter": 9987, "wrapS": 10497, "wrapT": 10497})
            self._textures[data] = self._add("textures", {"source": image, "sampler": 0})
        return self._textures[data]

    def to_bytes(self) -> bytes:
        """The .glb: header, JSON chunk, binary chunk."""
        scene = {"name": "scene", **({"nodes": self._roots} if self._roots else {})}
        head: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": self._generator},
            "scene": 0,
            "scenes": [scene],
        }
        if self._extensions:
            head["extensionsUsed"] = sorted(self._extensions)
        head |= {key: entries for key, entries in self._json.items() if entries}
        binary = b"".join(self._chunks)
        if binary:
            head["buffers"] = [{"byteLength": len(binary)}]
        text = json.dumps(head, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        chunks = [struct.pack("<I4s", len(text), b"JSON"), text]
        if binary:
            chunks += [struct.pack("<I4s", len(binary), b"BIN\0"), binary]
        return struct.pack("<4sII", b"glTF", 2, 12 + sum(map(len, chunks))) + b"".join(chunks)


def linear_from_srgb(srgb: UInt8) -> NDArray[np.uint16]:
    """sRGB bytes (N, 3) to linear light (N, 4) in 16 bits with full alpha, as COLOR_0 wants it (IEC 61966-2-1)."""
    out = np.full((len(srgb), 4), 65535, dtype=np.uint16)
    out[:, :3] = np.rint(TO_LINEAR64 * 65535).astype(np.uint16)[srgb]
    return out


def unit_normals(normals: NDArray[np.floating]) -> Float32:
    """Normals (N, 3) of length one; where there is none, up: the standard knows no zero normals."""
    n = np.asarray(normals, dtype=np.float64)
    length = np.linalg.norm(n, axis=1, keepdims=True)
    unit = np.divide(n, length, out=np.zeros_like(n), where=length > 1e-12)
    unit[length[:, 0] <= 1e-12] = (0.0, 1.0, 0.0)
    return np.asarray(unit, dtype=np.float32)
