"""A small binary glTF 2.0 writer: the same model gives the same bytes, whatever library versions are installed.

Source: Khronos glTF 2.0 specification, sections 3.6 (buffers, accessors), 3.9 (materials) and 4.4 (GLB layout).
PNG: ISO/IEC 15948. Only the PNG stream passes through zlib, whose output is the same for every release of zlib itself.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .materials import Material
from .model import Model, Part
from .surface import Floats, Surface

AUTHOR = "SceneForge"
LICENSE = "Apache-2.0"
FRONT = "+z"

_ARRAY_BUFFER, _ELEMENT_BUFFER = 34962, 34963
_UBYTE, _USHORT, _UINT, _FLOAT = 5121, 5123, 5125, 5126


def glb_bytes(model: Model) -> bytes:
    """The model as a .glb file: one root node with the asset's extras, one child node per part."""
    writer = _Writer()
    children = [writer.node(part) for part in model.parts]
    extras = {"front": FRONT, "license": LICENSE, "author": AUTHOR}
    root = {"name": model.name, "children": [k + 1 for k in range(len(children))], "extras": extras}
    document = {
        "asset": {"version": "2.0", "generator": "SceneForge", "copyright": f"{AUTHOR}, {LICENSE}"},
        "scene": 0,
        "scenes": [{"name": model.name, "nodes": [0]}],
        "nodes": [root, *children],
        "meshes": writer.meshes,
        "materials": writer.material_list,
        "accessors": writer.accessors,
        "bufferViews": writer.views,
        "buffers": [{"byteLength": len(writer.buffer)}],
    }
    if writer.images:
        document["images"] = writer.images
        document["textures"] = [{"source": k, "sampler": 0} for k in range(len(writer.images))]
        document["samplers"] = [{"magFilter": 9729, "minFilter": 9987, "wrapS": 10497, "wrapT": 10497}]
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + len(writer.buffer)
    head = struct.pack("<4sII", b"glTF", 2, total) + struct.pack("<I4s", len(text), b"JSON")
    return head + text + struct.pack("<I4s", len(writer.buffer), b"BIN\0") + bytes(writer.buffer)


def png_bytes(image: NDArray[np.uint8]) -> bytes:
    """An (H, W, 3) uint8 image as PNG, rows filtered by "up" (smooth textures shrink well with it)."""
    height, width = image.shape[:2]
    rows = image.reshape(height, width * 3).astype(np.int16)
    delta = np.diff(rows, axis=0, prepend=np.zeros((1, width * 3), dtype=np.int16)).astype(np.uint8)
    raw = np.concatenate([np.full((height, 1), 2, dtype=np.uint8), delta], axis=1).tobytes()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


class _Writer:
    """Grows the binary chunk and the lists of the JSON chunk together."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.meshes: list[dict[str, Any]] = []
        self.material_list: list[dict[str, Any]] = []
        self.images: list[dict[str, Any]] = []
        self._mesh_index: dict[int, int] = {}
        self._material_index: dict[int, int] = {}

    def node(self, part: Part) -> dict[str, Any]:
        key = id(part.mesh)
        if key not in self._mesh_index:
            primitives = [self._primitive(material, surface) for material, surface in part.mesh.layers]
            self._mesh_index[key] = len(self.meshes)
            self.meshes.append({"name": part.mesh.name, "primitives": primitives})
        node: dict[str, Any] = {"name": part.name, "mesh": self._mesh_index[key]}
        if np.any(np.abs(part.T_model_part[:3, 3]) > 1e-7):
            node["translation"] = _numbers(part.T_model_part[:3, 3])
        if np.any(np.abs(part.T_model_part[:3, :3] - np.eye(3)) > 1e-7):
            node["rotation"] = _numbers(_quaternion(part.T_model_part))
        return node

    def _primitive(self, material: Material, surface: Surface) -> dict[str, Any]:
        positions = (np.round(surface.positions, 6) + 0.0).astype("<f4")
        attributes = {
            "POSITION": self._accessor(positions, _FLOAT, "VEC3", bounds=True),
            "NORMAL": self._accessor((np.round(surface.normals, 4) + 0.0).astype("<f4"), _FLOAT, "VEC3"),
        }
        if material.texture is not None or material.glow is not None:
            attributes["TEXCOORD_0"] = self._accessor((np.round(surface.uv, 5) + 0.0).astype("<f4"), _FLOAT, "VEC2")
        if not np.all(surface.tint == 1.0):
            rgba = np.full((len(surface.tint), 4), 255, dtype=np.uint8)
            rgba[:, :3] = np.round(np.clip(surface.tint, 0, 1) * 255)
            attributes["COLOR_0"] = self._accessor(rgba, _UBYTE, "VEC4", normalized=True)
        small = len(positions) < 65535
        indices = surface.faces.astype("<u2" if small else "<u4").reshape(-1, 1)
        index = self._accessor(indices, _USHORT if small else _UINT, "SCALAR", target=_ELEMENT_BUFFER)
        return {"attributes": attributes, "indices": index, "material": self._material(material)}

    def _accessor(
        self,
        array: NDArray[Any],
        component: int,
        kind: str,
        *,
        bounds: bool = False,
        normalized: bool = False,
        target: int = _ARRAY_BUFFER,
    ) -> int:
        view = self._view(array.tobytes(), target)
        entry: dict[str, Any] = {"bufferView": view, "componentType": component, "count": len(array), "type": kind}
        if normalized:
            entry["normalized"] = True
        if bounds:
            entry["min"] = [float(v) for v in array.min(axis=0)]
            entry["max"] = [float(v) for v in array.max(axis=0)]
        self.accessors.append(entry)
        return len(self.accessors) - 1

    def _view(self, data: bytes, target: int | None = None) -> int:
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.buffer), "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        self.buffer += data + b"\0" * (-len(data) % 4)
        self.views.append(view)
        return len(self.views) - 1

    def _material(self, material: Material) -> int:
        key = id(material)
        if key not in self._material_index:
            pbr: dict[str, Any] = {
                "baseColorFactor": [*_numbers(material.color), 1.0],
                "metallicFactor": material.metallic,
                "roughnessFactor": material.roughness,
            }
            entry: dict[str, Any] = {"name": material.name, "pbrMetallicRoughness": pbr}
            if material.texture is not None:
                pbr["baseColorTexture"] = {"index": self._image(material.texture, material.name)}
            if any(material.emissive):
                entry["emissiveFactor"] = _numbers(material.emissive)
            if material.glow is not None:
                entry["emissiveTexture"] = {"index": self._image(material.glow, f"{material.name}_glow")}
            if material.double_sided:
                entry["doubleSided"] = True
            self._material_index[key] = len(self.material_list)
            self.material_list.append(entry)
        return self._material_index[key]

    def _image(self, image: NDArray[np.uint8], name: str) -> int:
        view = self._view(png_bytes(image))
        self.images.append({"name": name, "bufferView": view, "mimeType": "image/png"})
        return len(self.images) - 1


def _numbers(values: Any) -> list[float]:
    return [round(float(v), 6) + 0.0 for v in values]


def _quaternion(T: Floats) -> list[float]:
    """Unit quaternion x, y, z, w of a rotation (Shepperd 1978)."""
    m = T[:3, :3]
    trace = float(np.trace(m))
    choice = int(np.argmax([m[0, 0], m[1, 1], m[2, 2], trace]))
    if choice == 3:
        q = [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], 1.0 + trace]
    else:
        i, j, k = choice, (choice + 1) % 3, (choice + 2) % 3
        q = [0.0, 0.0, 0.0, m[k, j] - m[j, k]]
        q[i], q[j], q[k] = 1.0 - trace + 2.0 * m[i, i], m[j, i] + m[i, j], m[k, i] + m[i, k]
    length = math.sqrt(sum(float(v) ** 2 for v in q))
    return [float(v) / length for v in q]
