"""A plain mesh or point cloud: .ply, .glb, .gltf, .obj, .stl, .off."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sceneforge.core.content import Material
from sceneforge.core.errors import ScanError
from sceneforge.core.mesh import Mesh
from sceneforge.core.scan import RoomCapture

from ._appearance import baked_colors, exact_factors
from ._models import SUFFIXES, instances, open_model

MAX_EXTENT_M = 1000.0
"""Larger rooms are taken for millimetres."""


def sniff(path: Path) -> bool:
    """Whether it is a file with a mesh suffix."""
    return path.suffix.lower() in SUFFIXES and path.is_file()


def read(path: Path) -> RoomCapture:
    """All geometry of the file in one mesh, node transforms applied; a point cloud has no faces.

    glTF is metres and +Y up by its specification; the others state neither, so up is left to be estimated.

    Raises:
        ScanError: Damaged, empty, or larger than any room (millimetres?).
    """
    vertices, faces, colors = [], [], []
    count = 0
    scene = open_model(path, ScanError)
    factors, materials = exact_factors(path), dict[int, Material]()
    for geometry, T in instances(scene):
        points = np.asarray(geometry.vertices, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 3 or not len(points):
            continue
        triangles = np.asarray(getattr(geometry, "faces", np.zeros((0, 3))), dtype=np.int64).reshape(-1, 3)
        if np.linalg.det(T[:3, :3]) < 0:
            triangles = triangles[:, ::-1]
        vertices.append(points @ T[:3, :3].T + T[:3, 3])
        faces.append(triangles + count)
        colors.append(baked_colors(geometry, path, factors, materials))
        count += len(points)
    if not count:
        raise ScanError("holds no vertices", path=path, expected="a mesh or a point cloud")
    points = np.concatenate(vertices)
    if not np.isfinite(points).all():
        raise ScanError("has vertices that are NaN or infinite", path=path, expected="finite coordinates")
    extent = float(np.ptp(points, axis=0).max())
    if extent > MAX_EXTENT_M:
        raise ScanError(
            f"is {extent:.0f} units wide", path=path, expected="metres", fix="scale it to metres before loading"
        )
    gltf = path.suffix.lower() in (".glb", ".gltf")
    notes = [
        "metres and +Y up, as glTF specifies" if gltf else "the format states neither unit nor up: metres are assumed"
    ]
    triangles = np.concatenate(faces)
    if not len(triangles):
        notes.append("a point cloud: no surface between the points")
    painted = [c for c in colors if c is not None]
    return RoomCapture(
        path.stem,
        str(path),
        "mesh_file",
        Mesh(
            points.astype(np.float32),
            triangles.astype(np.int32),
            np.concatenate(painted) if len(painted) == len(colors) else None,
        ),
        up=np.array([0.0, 1.0, 0.0]) if gltf else None,
        notes=tuple(notes),
    )
