"""A triangle mesh as sheets, in which every edge has one face or two and every vertex one fan of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Int32


def sheets(vertices: Float32, faces: Int32) -> tuple[Int32, Int32, Int32]:
    """Part a mesh where sheets only touch: at edges with more than two faces and vertices with more than one fan.

    At an edge with more faces those go on into each other that lie flattest, as long as they run along it in opposite
    directions.

    Returns:
        (F, 3) the faces that are triangles at all, with new vertices; (V,) which vertex each of those was; (E,) corners
        (3 * face + k) at which an edge without a second face begins.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    faces = faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)]
    corners = np.arange(faces.size)
    a, b = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    key = np.minimum(a, b).astype(np.int64) * len(vertices) + np.maximum(a, b)
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order], prepend=-1, append=-1))
    uses = np.diff(cuts)
    twice = cuts[:-1][uses == 2]
    one, other = order[twice], order[twice + 1]
    opposite = a[one] != a[other]
    pairs = [np.stack([one[opposite], other[opposite]], axis=1)]
    normal = np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-20)
    for first, many in zip(cuts[:-1][uses > 2].tolist(), uses[uses > 2].tolist(), strict=True):
        pairs.append(_flattest(order[first : first + many], a, normal))
    joined = np.concatenate(pairs)
    # Both ends of a shared edge are the same vertex for its two faces; the edge's other end is the corner after.
    after = corners.reshape(-1, 3)[:, [1, 2, 0]].ravel()
    rows = np.concatenate([joined[:, 0], after[joined[:, 0]]])
    cols = np.concatenate([after[joined[:, 1]], joined[:, 1]])
    graph = coo_matrix((np.ones(len(rows), np.uint8), (rows, cols)), (faces.size, faces.size))
    count, fan = connected_components(graph, directed=False)
    # Numbered as they are first met, so that the result does not hang on how components are counted.
    _, first_corner = np.unique(fan, return_index=True)
    rank = np.empty(count, np.int64)
    rank[np.argsort(first_corner, kind="stable")] = np.arange(count)
    fan = rank[fan]
    origin = np.empty(count, np.int32)
    origin[fan] = a
    alone = np.ones(faces.size, bool)
    alone[joined.ravel()] = False
    return fan.reshape(-1, 3).astype(np.int32), origin, np.flatnonzero(alone).astype(np.int32)


def _flattest(corners: NDArray[np.int64], start: Int32, normal: Float32) -> NDArray[np.int64]:
    """(n, 2) pairs of corners at which the faces around one edge begin it, flattest first, each face once."""
    ways = [(i, j) for i in corners for j in corners if i < j and start[i] != start[j]]
    ways.sort(key=lambda w: (-float(normal[w[0] // 3] @ normal[w[1] // 3]), w))
    taken: set[int] = set()
    pairs = []
    for i, j in ways:
        if i not in taken and j not in taken:
            taken |= {i, j}
            pairs.append((i, j))
    return np.array(pairs, np.int64).reshape(-1, 2)
