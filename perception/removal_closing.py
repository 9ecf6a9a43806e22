"""The mesh where removed things had kept floor and walls from being scanned: closed on the planes, in their colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Mesh, Plane, Scene, SurfaceRaster
from sceneforge.core.arrays import Float64
from sceneforge.core.backdrop import OUTSIDE, Sheet
from sceneforge.core.color import to_srgb

from .caster import Caster
from .labelling import STRUCTURE

CELL_M = 0.04
NEAR_M = 0.05
"""Scanned surface this close to a plane closes it already."""


def closed_mesh(scene: Scene, sheets: Sequence[Sheet]) -> Mesh:
    """The scene's mesh, with the parts of floor, walls and ceiling that it lacks on the sheets.

    Args:
        scene: Without the things, the planes' outlines closed.
        sheets: What is behind the things, made-up cells painted.

    Raises:
        ValueError: The scene has no mesh.
    """
    mesh = scene.mesh
    if mesh is None:
        raise ValueError("the scene has no mesh to close")
    caster = Caster(mesh)
    for sheet in sheets:
        for number, plane in enumerate(scene.planes):
            if plane.label in STRUCTURE and np.array_equal(plane.T_world_plane, sheet.raster.T_world_plane):
                mesh = _closed(mesh, caster, sheet, plane, number + 1)
    return mesh


def _closed(mesh: Mesh, caster: Caster, sheet: Sheet, plane: Plane, instance: int) -> Mesh:
    import shapely

    grid = sheet.raster.coarser(max(1, round(CELL_M / sheet.raster.metres_per_pixel)))
    xz = np.stack(np.meshgrid(*grid.centres()), axis=-1).reshape(-1, 2)
    fine = np.rint(sheet.raster.cells(xz)).astype(int)
    fine = np.clip(fine, 0, np.array(sheet.raster.shape[::-1]) - 1)
    wanted = (sheet.origin[fine[:, 1], fine[:, 0]] != OUTSIDE) & shapely.contains_xy(
        shapely.Polygon(plane.polygon, plane.holes), xz[:, 0], xz[:, 1]
    )
    where = np.flatnonzero(wanted)
    where = where[~_scanned(caster, grid.to_world(xz[where]), plane.normal)]
    if not len(where):
        return mesh
    row, column = np.divmod(where, grid.width)
    corners = np.stack([np.stack([row + b, column + a], axis=1) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))], axis=1)
    unique, index = np.unique(corners.reshape(-1, 2), axis=0, return_inverse=True)
    quads = index.reshape(-1, 4)
    at = grid.origin_xz + unique[:, ::-1] * grid.metres_per_pixel
    points = grid.to_world(at)
    faces = np.concatenate([quads[:, [0, 2, 1]], quads[:, [0, 3, 2]]])
    a, b, c = (points[faces[:1, k]][0] for k in range(3))
    if float(np.cross(b - a, c - a) @ plane.normal) < 0:
        faces = faces[:, ::-1]
    return _with(mesh, points, faces, _colors(sheet, at), plane, instance)


def _scanned(caster: Caster, points: Float64, normal: Float64) -> NDArray[np.bool_]:
    """(N,) whether the mesh has surface close to points of a plane."""
    distance, _ = caster.hits(points + NEAR_M * normal, -normal)
    return np.asarray(distance < 2 * NEAR_M)


def _colors(sheet: Sheet, xz: Float64) -> NDArray[np.uint8]:
    """(N, 3) sRGB of the sheet around points [x, z]."""
    import cv2

    known = (sheet.origin != OUTSIDE).astype(np.float32)
    size = max(3, round(CELL_M / sheet.raster.metres_per_pixel) | 1)
    total = cv2.blur(known, (size, size))
    mean = cv2.blur(sheet.color * known[..., None], (size, size)) / np.maximum(total, 1e-6)[..., None]
    raster: SurfaceRaster = sheet.raster
    cell = np.clip(np.rint(raster.cells(xz)).astype(int), 0, np.array(raster.shape[::-1]) - 1)
    return to_srgb(np.clip(mean[cell[:, 1], cell[:, 0]], 0, 1))


def _with(
    mesh: Mesh, points: Float64, faces: NDArray[np.int64], colors: NDArray[np.uint8], plane: Plane, instance: int
) -> Mesh:
    n = len(points)
    return Mesh(
        np.concatenate([mesh.vertices, points.astype(np.float32)]),
        np.concatenate([mesh.faces, (faces + len(mesh.vertices)).astype(np.int32)]),
        None if mesh.colors is None else np.concatenate([mesh.colors, colors]),
        None if mesh.labels is None else np.concatenate([mesh.labels, np.full(n, plane.label.number, np.uint8)]),
        None if mesh.instances is None else np.concatenate([mesh.instances, np.full(n, instance, np.int32)]),
    )
