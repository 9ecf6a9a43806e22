"""Shaded triangle surfaces: the clay that every model is made of.

A `Surface` is finished geometry: positions with unit normals already split at hard edges. Shape helpers build raw
positions and faces and call `shade`, so a normal is decided where the shape is known and only rotated afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Positions are snapped to a micrometre. The vectorised sine of different processors differs in the last bit;
# the snap makes the files the same bytes on all of them.
_DECIMALS = 6


@dataclass(frozen=True)
class Surface:
    """A shaded triangle surface."""

    positions: Floats
    """(N, 3) metres."""
    normals: Floats
    """(N, 3) unit length."""
    faces: Ints
    """(M, 3) vertex indices, counter-clockwise seen from outside."""
    uv: Floats
    """(N, 2) texture coordinates, glTF convention (v down)."""
    tint: Floats
    """(N, 3) linear colour that multiplies the material's base colour; white where unused."""

    def at(self, T: Floats) -> Surface:
        """The surface moved by a (4, 4) affine matrix; a mirroring one keeps faces pointing outwards."""
        linear = T[:3, :3]
        normals: Floats = np.asarray(self.normals @ np.linalg.inv(linear), dtype=np.float64)
        normals /= np.sqrt((normals**2).sum(axis=1, keepdims=True))
        faces = self.faces if np.linalg.det(linear) > 0 else self.faces[:, ::-1]
        return replace(self, positions=self.positions @ linear.T + T[:3, 3], normals=normals, faces=faces)

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Surface:
        """The surface translated by metres."""
        return self.at(translate(x, y, z))

    def turned(self, axis: str, degrees: float) -> Surface:
        """The surface turned about a world axis through the origin."""
        return self.at(rotate(axis, degrees))

    def mirrored_x(self) -> Surface:
        """The mirror image across the plane x = 0."""
        return self.at(np.diag([-1.0, 1.0, 1.0, 1.0]))

    def flipped(self) -> Surface:
        """The same sheet seen from its other side."""
        return replace(self, normals=-self.normals, faces=self.faces[:, ::-1])

    def tinted(self, rgb: ArrayLike) -> Surface:
        """The surface with a linear tint, (3,) for all vertices or (N, 3)."""
        return replace(self, tint=np.broadcast_to(np.asarray(rgb, dtype=np.float64), self.positions.shape).copy())


def merge(surfaces: Iterable[Surface]) -> Surface:
    """All surfaces as one, in order."""
    items = list(surfaces)
    starts = np.cumsum([0] + [len(s.positions) for s in items[:-1]])
    return Surface(
        positions=np.concatenate([s.positions for s in items]),
        normals=np.concatenate([s.normals for s in items]),
        faces=np.concatenate([s.faces + int(start) for s, start in zip(items, starts, strict=True)]),
        uv=np.concatenate([s.uv for s in items]),
        tint=np.concatenate([s.tint for s in items]),
    )


def shade(positions: Floats, faces: Ints, uv: Floats | None = None, *, crease_deg: float = 40.0) -> Surface:
    """Give raw triangles normals that are smooth except across edges sharper than `crease_deg`.

    Coincident positions count as one point, whatever their uv. Face normals are weighted by area, so that a large flat
    panel stays flat up to its bevel and the bevel carries the whole turn ("weighted normals"). Faces without area go.
    """
    positions = np.asarray(np.round(positions, _DECIMALS) + 0.0, dtype=np.float64)
    faces = np.asarray(faces, dtype=np.int64)
    uv = np.zeros((len(positions), 2)) if uv is None else np.asarray(uv, dtype=np.float64)
    a, b, c = (positions[faces[:, k]] for k in range(3))
    area_normals = np.cross(b - a, c - a)
    doubled_area = np.sqrt((area_normals**2).sum(axis=1))
    kept = doubled_area > 1e-11
    faces, area_normals, doubled_area = faces[kept], area_normals[kept], doubled_area[kept]
    units = area_normals / doubled_area[:, None]

    _, welded = np.unique(positions, axis=0, return_inverse=True)
    corner_vertex = faces.ravel()
    corner_face = np.repeat(np.arange(len(faces)), 3)
    corner_normals = _corner_normals(welded.ravel()[corner_vertex], corner_face, area_normals, units, crease_deg)

    key = np.column_stack([positions[corner_vertex], np.round(corner_normals, 4) + 0.0, np.round(uv[corner_vertex], 6)])
    _, first, index = np.unique(key, axis=0, return_index=True, return_inverse=True)
    return Surface(
        positions=positions[corner_vertex[first]],
        normals=corner_normals[first],
        faces=index.reshape(-1, 3).astype(np.int64),
        uv=uv[corner_vertex[first]],
        tint=np.ones((len(first), 3)),
    )


def _corner_normals(point: Ints, face: Ints, area_normals: Floats, units: Floats, crease_deg: float) -> Floats:
    """Per corner, the sum of the normals of the faces around its point that lie within the crease angle of its own."""
    order = np.argsort(point, kind="stable")
    point, face = point[order], face[order]
    total = area_normals[face].copy()
    limit = math.cos(math.radians(crease_deg))
    for shift in range(1, int(np.bincount(point).max())):
        near, far = np.arange(len(point) - shift), np.arange(shift, len(point))
        same = point[near] == point[far]
        near, far = near[same], far[same]
        soft = (units[face[near]] * units[face[far]]).sum(axis=1) >= limit
        near, far = near[soft], far[soft]
        total[near] += area_normals[face[far]]
        total[far] += area_normals[face[near]]
    length = np.sqrt((total**2).sum(axis=1, keepdims=True))
    normals = np.empty_like(total)
    normals[order] = total / length
    return normals


def translate(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Floats:
    """(4, 4) translation by metres."""
    T = np.eye(4)
    T[:3, 3] = (x, y, z)
    return T


def rotate(axis: str, degrees: float) -> Floats:
    """(4, 4) right-handed rotation about "x", "y" or "z"."""
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    angle = math.radians(degrees)
    T = np.eye(4)
    T[i, i] = T[j, j] = math.cos(angle)
    T[i, j], T[j, i] = -math.sin(angle), math.sin(angle)
    return T


def scale(x: float, y: float, z: float) -> Floats:
    """(4, 4) scaling."""
    return np.diag([x, y, z, 1.0])


def chain(*transforms: Floats) -> Floats:
    """The product: the last named is applied first."""
    T = np.eye(4)
    for factor in transforms:
        T = T @ factor
    return T


def along(start: Sequence[float], end: Sequence[float]) -> Floats:
    """(4, 4) rigid motion that takes the origin to `start` and +Y towards `end`, with the least turn."""
    y = np.asarray(end, dtype=np.float64) - np.asarray(start, dtype=np.float64)
    y = y / math.sqrt(float(y @ y))
    helper = np.array([0.0, 0.0, 1.0]) if abs(y[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    x = np.cross(y, helper)
    x = x / math.sqrt(float(x @ x))
    T = np.eye(4)
    T[:3, 0], T[:3, 1], T[:3, 2], T[:3, 3] = x, y, np.cross(x, y), start
    return T
