"""Models to place: glTF's material model, whatever the file's own was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.content import Content, Material, Part
from sceneforge.core.errors import ContentError

from ._appearance import exact_factors, look
from ._models import instances, open_model


def read_content(path: Path) -> Content:
    """See `sceneforge.io.load_content`."""
    scene = open_model(path, ContentError)
    factors = exact_factors(path)
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
    uv, colors, material = look(geometry, path, factors, cache)
    return Part(
        vertices.astype(np.float32),
        np.ascontiguousarray(faces, dtype=np.int32),
        normals.astype(np.float32),
        material,
        uv,
        colors,
    )


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
