"""Distance along the scanned surface."""

from __future__ import annotations

from typing import Any

import numpy as np

from sceneforge.core import Mesh
from sceneforge.core.arrays import Float64, Int32


def along_surface(mesh: Mesh, start: Float64) -> Float64:
    """(N,) shortest distance in metres from the vertex nearest to `start` (3,) along the surface.

    Dijkstra over the mesh's edges and over the diagonals of neighbouring triangles, unfolded flat, which brings the
    error of paths that run across the grain of the triangles from up to 41 % down to 8 % at most. Pieces of surface
    that hang together nowhere are joined to the largest by their shortest gap, so that every vertex has a distance.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra
    from scipy.spatial import cKDTree

    if not len(mesh.vertices):
        return np.zeros(0)
    # Corners that lie on one another are one, whether or not the file shares them between its triangles.
    _, first, welded = np.unique(np.round(mesh.vertices, 4), axis=0, return_index=True, return_inverse=True)
    v, faces = mesh.vertices[first].astype(np.float64), welded.reshape(-1)[mesh.faces].astype(np.int32)
    source = int(cKDTree(v).query(start)[1])
    pairs, length = _edges(v, faces)
    more, gaps = _bridges(v, pairs)
    i, j = np.concatenate([pairs, more]).T
    graph: Any = coo_matrix((np.concatenate([length, gaps]), (i, j)), shape=(len(v), len(v))).tocsr()
    distance = dijkstra(graph, directed=False, indices=source)
    lost = ~np.isfinite(distance)
    distance[lost] = np.linalg.norm(v[lost] - start, axis=1)
    return np.asarray(distance[welded.reshape(-1)])


def _edges(v: Float64, faces: Int32) -> tuple[Int32, Float64]:
    """Edges of the triangles, and diagonals over each edge that two triangles share: pairs (E, 2), lengths (E,)."""
    f = faces.astype(np.int64)
    half = np.concatenate([f[:, [0, 1]], f[:, [1, 2]], f[:, [2, 0]]])
    apex = np.concatenate([f[:, 2], f[:, 0], f[:, 1]])
    low, high = half.min(axis=1), half.max(axis=1)
    order = np.argsort(low * len(v) + high, kind="stable")
    low, high, apex = low[order], high[order], apex[order]
    first = np.ones(len(low), dtype=bool)
    first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    shared = np.flatnonzero(~first)  # the second triangle at an edge; the first is the row before
    a, b, p, q = low[shared], high[shared], apex[shared - 1], apex[shared]
    along = v[b] - v[a]
    size = np.maximum(np.linalg.norm(along, axis=1), 1e-12)
    u = along / size[:, None]

    def flat(point: Any) -> tuple[Any, Any]:
        d = v[point] - v[a]
        x = np.einsum("ij,ij->i", d, u)
        return x, np.linalg.norm(d - x[:, None] * u, axis=1)

    (xp, yp), (xq, yq) = flat(p), flat(q)
    # The diagonal stays on the two triangles only where it crosses the edge between its ends.
    cross = xp + (xq - xp) * yp / np.maximum(yp + yq, 1e-12)
    held = (cross >= 0) & (cross <= size) & (p != q)
    edges = np.stack([low[first], high[first]], axis=1)
    pairs = np.concatenate([edges, np.stack([np.minimum(p, q), np.maximum(p, q)], axis=1)[held]])
    length = np.concatenate([np.linalg.norm(v[edges[:, 0]] - v[edges[:, 1]], axis=1), np.hypot(xp - xq, yp + yq)[held]])
    _, once = np.unique(pairs[:, 0] * len(v) + pairs[:, 1], return_index=True)
    return pairs[once].astype(np.int32), np.maximum(length[once], 1e-9)


def _bridges(v: Float64, pairs: Int32) -> tuple[Int32, Float64]:
    """Shortest gap from each loose piece of surface to the largest: pairs (B, 2), lengths (B,)."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    ones = np.ones(len(pairs), dtype=np.int8)
    graph = coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(v), len(v)))
    count, piece = connected_components(graph, directed=False)
    none = np.zeros((0, 2), dtype=np.int32), np.zeros(0)
    if count < 2:
        return none
    main = np.flatnonzero(piece == np.argmax(np.bincount(piece)))
    loose = np.flatnonzero(piece != piece[main[0]])
    gap, near = cKDTree(v[main]).query(v[loose])
    order = np.lexsort((loose, gap, piece[loose]))
    _, best = np.unique(piece[loose][order], return_index=True)
    pick = order[best]
    return np.stack([loose[pick], main[near[pick]]], axis=1).astype(np.int32), np.maximum(gap[pick], 1e-9)
