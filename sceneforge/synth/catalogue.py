"""Furniture from a folder of models, in place of the built-in pieces, and any mesh as an item of the room.

The folder holds GLB files and an `index.json`: a list of records with `path`, `semantic`, `license`, `dims_wdh_m`
(width, depth, height in metres) and optionally `author` and `source`. Only models free of
conditions (CC0-1.0, MIT-0) are used.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.color import srgb_to_linear
from sceneforge.core.errors import InputError

from .item import Item, Surface
from .materials import Material
from .shapes import Part

FREE = frozenset({"CC0-1.0", "MIT-0"})
_CLASSES = {
    "sofa": "sofa",
    "armchair": "chair",
    "coffee_table": "table",
    "bookshelf": "bookshelf",
    "plant": "plant",
    "floor_lamp": "lamp",
    "tv_stand": "cabinet",
    "sideboard": "cabinet",
    "cabinet": "cabinet",
    "desk": "desk",
    "chair": "chair",
    "table": "table",
    "bed": "bed",
    "night_stand": "night_stand",
    "wardrobe": "wardrobe",
}

_CARRIERS = frozenset({"table", "desk", "cabinet", "night_stand"})
"""Classes that things are put on: a model needs a level top."""


class Catalogue:
    """Chooses models that can stand in for built-in pieces of about the same size."""

    def __init__(self, folder: Path, seed: int, step: float, materials: dict[str, Material]) -> None:
        path = folder / "index.json"
        try:
            records = json.loads(path.read_text())
            self._records = [r for r in records if r.get("license") in FREE and (folder / r["path"]).is_file()]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"the model catalogue cannot be read ({error})",
                path=path,
                expected="a JSON list of records with path, semantic, license, dims_wdh_m",
            ) from error
        self._folder, self._step, self._materials = folder, step, materials
        self._rng = np.random.Generator(np.random.PCG64([seed, 5]))
        self.used: list[dict[str, str]] = []
        """Path, author, source and licence of every model taken."""

    def __call__(self, name: str, item: Item) -> Item:
        """A model of the right class within 20 % of the built-in item's size each way, else the item itself."""
        size = item.size
        fitting = [
            r
            for r in self._records
            if r["semantic"] == _CLASSES.get(name)
            and all(
                0.8 < have / want < 1.2 for have, want in zip(np.array(r["dims_wdh_m"])[[0, 2, 1]], size, strict=True)
            )
        ]
        if not fitting:
            return item
        record = fitting[int(self._rng.integers(len(fitting)))]
        model = load_item(self._folder / record["path"], item.name, item.label, self._step, self._materials)
        surfaces = tuple(_level_surfaces(model, item))
        if _CLASSES[name] in _CARRIERS and not surfaces:
            return item
        self.used.append({k: str(record.get(k, "")) for k in ("path", "author", "source", "license")})
        return replace(model, blocking=item.blocking, surfaces=surfaces)


def load_item(path: Path, name: str, label: str, step: float, materials: dict[str, Material]) -> Item:
    """A GLB (metres, +Y up, +Z front, base at y = 0) as an item; its materials are added to `materials`.

    Raises:
        InputError: The file is no model with triangles.
    """
    import trimesh

    try:
        scene = trimesh.load_scene(path)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"the model cannot be read ({error})", path=path, expected="a GLB file") from error
    meshes = [m for m in scene.dump() if isinstance(m, trimesh.Trimesh) and len(m.faces)]
    if not meshes:
        raise InputError("the model has no triangles", path=path)
    return item_from_meshes(meshes, name, label, step, materials)


def item_from_meshes(meshes: list[Any], name: str, label: str, step: float, materials: dict[str, Material]) -> Item:
    """Trimesh meshes in one frame as an item: split to carry light, coloured by texture or base colour."""
    parts = []
    for k, mesh in enumerate(meshes):
        material = f"{name}#{k}"
        image, uv = _appearance(mesh)
        corners = np.concatenate(
            [mesh.vertices[mesh.faces], mesh.vertex_normals[mesh.faces], uv[mesh.faces]], axis=2
        ).astype(np.float64)
        metres = _metres_per_uv(corners)
        materials[material] = Material(image, (metres, metres), infrared=0.3 if float(image.mean()) < 0.01 else 0.0)
        corners[..., 6:] *= metres
        table, index = np.unique(_split(corners, max(step, 0.02)).reshape(-1, 8).round(7), axis=0, return_inverse=True)
        n = table[:, 3:6] / np.maximum(np.linalg.norm(table[:, 3:6], axis=1, keepdims=True), 1e-9)
        parts.append(
            Part(table[:, :3], n, table[:, 6:], index.reshape(-1, 3).astype(np.int64), material, two_sided=True)
        )
    return Item(name, label, tuple(parts))


def _appearance(mesh: Any) -> tuple[Float32, Float64]:
    """Linear albedo (H, W, 3), row 0 at v = 0, and uv (N, 2) with v up."""
    material = getattr(mesh.visual, "material", None)
    uv = getattr(mesh.visual, "uv", None)
    image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    factor = getattr(material, "baseColorFactor", None)
    if material is None:
        tint = np.asarray(mesh.visual.main_color, float)[:3] / 255
    else:
        tint = (
            np.ones(3)
            if factor is None
            else np.asarray(factor, float)[:3] / (255 if np.asarray(factor).dtype.kind in "ui" else 1)
        )
    if image is None or uv is None:
        return np.tile(srgb_to_linear(tint), (4, 4, 1)).astype(np.float32), np.zeros((len(mesh.vertices), 2))
    pixels = np.asarray(image.convert("RGB"), float)[::-1] / 255
    return np.clip(srgb_to_linear(pixels) * tint, 0.008, 0.92).astype(np.float32), np.asarray(uv, float)


def _metres_per_uv(corners: Float64) -> float:
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = np.linalg.norm(np.cross(a[:, :3], b[:, :3]), axis=1).sum()
    flat = np.abs(a[:, 6] * b[:, 7] - a[:, 7] * b[:, 6]).sum()
    return float(np.sqrt(area / flat)) if flat > 1e-9 else 1.0


def _split(corners: Float64, longest: float) -> Float64:
    """Faces (M, 3, 8) halved along all edges until none is longer than `longest` metres (ten rounds at most)."""
    done = []
    for _ in range(10):
        edges = np.linalg.norm(corners[:, [1, 2, 0], :3] - corners[:, :, :3], axis=2).max(1)
        done.append(corners[edges <= longest])
        corners = corners[edges > longest]
        if len(corners) == 0:
            break
        a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        corners = np.concatenate([np.stack(t, 1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
    return np.concatenate([*done, corners])


def _level_surfaces(model: Item, like: Item) -> list[Surface]:
    """Exactly level upward surfaces of a model that fill their outline: the truth for catalogue pieces."""
    from scipy.spatial import ConvexHull

    triangles = np.concatenate([p.vertices[p.faces] for p in model.parts])
    normal = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    area = np.linalg.norm(normal, axis=1) / 2
    level = (np.ptp(triangles[..., 1], axis=1) < 1e-4) & (normal[:, 1] > 0)
    heights = np.round(triangles[:, 0, 1], 4)
    label = like.surfaces[0].label if like.surfaces else "other"
    out = []
    for height in np.unique(heights[level])[::-1]:
        own = level & (heights == height)
        if area[own].sum() < 0.04 or height < 0.05:
            continue
        points = triangles[own].reshape(-1, 3)
        hull = ConvexHull(points[:, [0, 2]])
        if area[own].sum() > 0.9 * hull.volume:
            out.append(Surface(label, (0.0, 1.0, 0.0), points[hull.vertices]))
    return out
