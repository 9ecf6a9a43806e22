"""Finer triangles where light is baked per vertex."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Mesh
from sceneforge.core.arrays import Float64

Indices: TypeAlias = NDArray[np.int64]

RECEIVER_EDGE_M = 0.03
RECEIVER_TRIANGLES = 120_000
"""Splitting the scanned surface near content stops at this many more triangles."""


def split_long(rows: Float64, faces: Indices, limit: Float64, most: int) -> tuple[Float64, Indices, Indices]:
    """Quarter triangles until no edge is longer than its limit or there would be more than `most` faces.

    Args:
        rows: (N, C) attributes per vertex, position first; new vertices get the mean of their edge's ends.
        faces: (M, 3).
        limit: (M,) longest edge allowed in each face, metres; inf = it stays as it is.
        most: Face count not to exceed.

    Returns:
        Rows, faces, and the face (K,) of the input that each comes from.
    """
    origin = np.flatnonzero(np.isfinite(limit))
    rest = np.flatnonzero(~np.isfinite(limit))
    kept, faces, most = faces[rest], faces[origin], most - len(rest)
    for _ in range(7):
        p = rows[faces][:, :, :3]
        long = np.linalg.norm(p - np.roll(p, -1, axis=1), axis=2).max(axis=1, initial=0) > limit[origin]
        if not long.any() or len(faces) + 3 * int(long.sum()) > most:
            break
        f = faces[long]
        edges = np.sort(np.stack([f, np.roll(f, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
        unique, inverse = np.unique(edges, axis=0, return_inverse=True)
        middle = len(rows) + inverse.reshape(-1, 3)
        rows = np.concatenate([rows, rows[unique].mean(axis=1)])
        (a, b, c), (ab, bc, ca) = f.T, middle.T
        parts = [np.stack(t, axis=1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
        faces = np.concatenate([faces[~long], *parts])
        origin = np.concatenate([origin[~long], *([origin[long]] * 4)])
    return rows, np.concatenate([kept, faces]), np.concatenate([rest, origin])


def receiver(mesh: Mesh, bounds: list[tuple[Float64, Float64]]) -> Mesh:
    """The scanned mesh with fine triangles within 1.5 sizes of content, so that shadow on it has fine edges.

    Args:
        mesh: The scan.
        bounds: Lowest and highest corner (3,) of every placement in the world.
    """
    v = mesh.vertices.astype(np.float64)
    near = np.zeros(len(mesh.faces), dtype=np.bool_)
    first, last = v[mesh.faces].min(axis=1, initial=np.inf), v[mesh.faces].max(axis=1, initial=-np.inf)
    for low, high in bounds:
        reach = 1.5 * float((high - low).max())
        near |= (first <= high + reach).all(axis=1) & (last >= low - reach).all(axis=1)
    limit = np.where(near, RECEIVER_EDGE_M, np.inf)
    colors = np.zeros((len(v), 3)) if mesh.colors is None else mesh.colors.astype(np.float64)
    rows, faces, _ = split_long(
        np.concatenate([v, colors], axis=1), mesh.faces.astype(np.int64), limit, len(mesh.faces) + RECEIVER_TRIANGLES
    )
    tints = None if mesh.colors is None else np.rint(rows[:, 3:]).astype(np.uint8)
    return Mesh(rows[:, :3].astype(np.float32), faces.astype(np.int32), colors=tints)
