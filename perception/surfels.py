"""Surfels: a scanned surface averaged into small oriented patches with neighbours, the ground on which planes grow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Mesh
from sceneforge.core.arrays import Float32, Float64, Int32

Int64 = NDArray[np.int64]

_REACH = np.int64(1) << np.int64(20)
"""Cells per axis that a packed key can hold, centred on zero: 20 km at 2 cm."""


@dataclass(frozen=True)
class SurfaceSamples:
    """Points on a surface, dense enough to fill a raster."""

    points: Float32
    """(N, 3) metres."""
    normals: Float32
    """(N, 3) unit, into free space."""
    area: Float64
    """(N,) square metres each point stands for."""


@dataclass(frozen=True)
class Surfels:
    """Oriented patches about one cell in size."""

    position: Float64
    """(S, 3) area-weighted mean of the samples inside."""
    normal: Float64
    """(S, 3) unit normal of the plane through the patch and its neighbours, into free space."""
    curvature: Float64
    """(S,) least share of the neighbourhood's variance, 0 = flat, 1/3 = a ball (Pauly et al. 2002)."""
    area: Float64
    """(S,) square metres."""
    member: Int32
    """(N,) surfel of each sample."""
    indptr: Int64
    """(S + 1,) neighbour lists, compressed rows."""
    indices: Int32
    """Neighbours."""


def sample_surface(mesh: Mesh, spacing_m: float) -> SurfaceSamples:
    """Samples of a mesh no farther apart than about `spacing_m`.

    A fused mesh is dense already and its vertices serve. The large triangles of a headset's mesh are filled with a
    regular barycentric grid. A point cloud (no faces) brings its points with normals estimated from neighbours.
    """
    if len(mesh.faces) == 0:
        return _samples_of_points(mesh.vertices, spacing_m)
    from .plane_kernels import corner_facts

    v, faces = mesh.vertices, mesh.faces
    vertex_normal, area, edges = corner_facts(v, faces)
    edge = edges.max(axis=1)
    if np.median(edge) <= 2 * spacing_m:
        keep = np.flatnonzero(area > 0)
        return SurfaceSamples(v[keep], vertex_normal[keep].astype(np.float32), area[keep])
    face_area = 0.5 * np.linalg.norm(np.cross(v[faces[:, 1]] - v[faces[:, 0]], v[faces[:, 2]] - v[faces[:, 0]]), axis=1)
    face_area = face_area.astype(np.float64)
    corners = v.astype(np.float64)[faces]
    normal = mesh.face_normals
    points, normals_out, areas = [], [], []
    steps = np.clip(np.ceil(edge / spacing_m), 1, 400).astype(np.int64)
    for n in np.unique(steps):
        chosen = np.flatnonzero((steps == n) & (face_area > 0))
        if not len(chosen):
            continue
        a, b = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
        inside = a + b < n
        a, b = (a[inside] + 1 / 3) / n, (b[inside] + 1 / 3) / n
        bary = np.stack([1 - a - b, a, b], axis=1)
        points.append(np.einsum("kc,fcd->fkd", bary, corners[chosen]).reshape(-1, 3))
        normals_out.append(np.repeat(normal[chosen], len(bary), axis=0))
        areas.append(np.repeat(face_area[chosen] / len(bary), len(bary)))
    return SurfaceSamples(
        np.concatenate(points).astype(np.float32), np.concatenate(normals_out).astype(np.float32), np.concatenate(areas)
    )


def grain(mesh: Mesh) -> float:
    """How fine a surface is, metres: the lower quartile of its triangles' edges, at most 7 cm; 0 of a point cloud.

    Scanners spend their small triangles on detail and few on walls; in a modelled room the large ones tell nothing.
    """
    if not len(mesh.faces):
        return 0.0
    from .plane_kernels import corner_facts

    return min(float(np.percentile(corner_facts(mesh.vertices, mesh.faces)[2], 25)), 0.07)


def _samples_of_points(points: Float32, spacing_m: float) -> SurfaceSamples:
    from scipy.spatial import cKDTree

    tree = cKDTree(points)
    distance, near = tree.query(points, k=min(16, len(points)))
    local = points[near].astype(np.float64)
    local -= local.mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(np.einsum("nki,nkj->nij", local, local))
    normals = vectors[:, :, 0]
    # A cloud does not say which side was seen: point away from the nearest wall of its bounds, that is, inwards.
    centre = (points.min(axis=0).astype(np.float64) + points.max(axis=0)) / 2
    normals[np.einsum("ni,ni->n", normals, centre - points) < 0] *= -1
    area = np.minimum(np.pi * distance[:, -1] ** 2 / near.shape[1], spacing_m**2 * 4)
    return SurfaceSamples(points, normals.astype(np.float32), area)


def build_surfels(samples: SurfaceSamples, cell_m: float) -> Surfels:
    """Average samples per cell and facing direction, and link each surfel to those in the 26 cells around it.

    The two sides of a thin wall fall into the same cell; their normals differ, so they become two surfels.
    """
    p, n = samples.points.astype(np.float64), samples.normals.astype(np.float64)
    facing = np.argmax(np.abs(n), axis=1)
    facing = 2 * facing + (n[np.arange(len(n)), facing] < 0)
    cell = np.floor(p / cell_m).astype(np.int64)
    if len(cell) and np.abs(cell).max() >= _REACH // 2:
        raise ValueError(f"surface reaches {np.abs(p).max():.0f} m from the origin; are its units metres?")
    key = _pack(cell) * 8 + facing
    unique, member = np.unique(key, return_inverse=True)
    count = len(unique)

    def total(values: Float64) -> Float64:
        return np.asarray(np.bincount(member, values, minlength=count), dtype=np.float64)

    area = np.maximum(total(samples.area), 1e-12)
    position = np.stack([total(samples.area * p[:, k]) for k in range(3)], axis=1) / area[:, None]
    mean = np.stack([total(samples.area * n[:, k]) for k in range(3)], axis=1)
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    indptr, indices = _kernels()[0](unique, mean)
    covariance = _kernels()[1](position, area, indptr, indices)
    values, vectors = np.linalg.eigh(covariance)
    normal = vectors[:, :, 0]
    flip = np.einsum("ni,ni->n", normal, mean) < 0
    normal = np.where(flip[:, None], -normal, normal)
    weak = np.abs(np.einsum("ni,ni->n", normal, mean)) < 0.5
    normal[weak] = mean[weak]
    curvature = values[:, 0] / np.maximum(values.sum(axis=1), 1e-18)
    curvature[weak | (np.diff(indptr) < 4)] = 1 / 3
    return Surfels(position, normal, curvature, area, member.astype(np.int32), indptr, indices)


def _pack(cell: Int64) -> Int64:
    offset = cell + _REACH // 2
    return np.asarray((offset[:, 0] * _REACH + offset[:, 1]) * _REACH + offset[:, 2])


@cache
def _kernels() -> tuple[
    Callable[[Int64, Float64], tuple[Int64, Int32]], Callable[[Float64, Float64, Int64, Int32], Float64]
]:
    """Compiled on first use, then read from numba's cache."""
    from numba import njit

    reach = int(_REACH)

    @njit(cache=True)
    def neighbours(key: Int64, normal: Float64) -> tuple[Int64, Int32]:
        count = len(key)
        indptr = np.zeros(count + 1, np.int64)
        out = np.empty(count * 12, np.int32)
        used = 0
        for i in range(count):
            cell = key[i] // 8
            for dx in range(-1, 2):
                for dy in range(-1, 2):
                    first = (cell + (dx * reach + dy) * reach - 1) * 8
                    j = np.searchsorted(key, first)
                    while j < count and key[j] < first + 24:
                        dot = 0.0
                        for k in range(3):
                            dot += normal[i, k] * normal[j, k]
                        if j != i and dot > 0.3:
                            if used == len(out):
                                bigger = np.empty(2 * len(out), np.int32)
                                bigger[:used] = out
                                out = bigger
                            out[used] = j
                            used += 1
                        j += 1
            indptr[i + 1] = used
        return indptr, out[:used].copy()

    @njit(cache=True)
    def covariances(position: Float64, area: Float64, indptr: Int64, indices: Int32) -> Float64:
        out = np.zeros((len(position), 3, 3))
        for i in range(len(position)):
            start, stop = indptr[i], indptr[i + 1]
            weight = area[i]
            mean = np.zeros(3)
            for s in range(start, stop):
                j = indices[s]
                weight += area[j]
                for k in range(3):
                    mean[k] += area[j] * (position[j, k] - position[i, k])
            mean /= weight
            for a in range(3):
                for b in range(a, 3):
                    value = area[i] * mean[a] * mean[b]
                    for s in range(start, stop):
                        j = indices[s]
                        value += (
                            area[j]
                            * (position[j, a] - position[i, a] - mean[a])
                            * (position[j, b] - position[i, b] - mean[b])
                        )
                    out[i, a, b] = value / weight
                    out[i, b, a] = value / weight
        return out

    return cast(
        "tuple[Callable[[Int64, Float64], tuple[Int64, Int32]], Callable[[Float64, Float64, Int64, Int32], Float64]]",
        (neighbours, covariances),
    )
