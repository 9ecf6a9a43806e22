"""How far a thing that is taken out really goes: what stands on it, and the rest of a top its box does not hold."""

from __future__ import annotations

import numpy as np

from sceneforge.core import OrientedBox, Scene
from sceneforge.core.arrays import Float64

from .labelling import STRUCTURE

GROWN_M = 0.03
ON_PLANE_M = 0.025
"""Surface this close to a plane that stays belongs to that plane."""
GAP_M, HIGHEST_M = 0.05, 0.6
"""What stands on a thing begins within `GAP_M` of it and is followed up to `HIGHEST_M`, as long as no gap is larger."""
LEVEL_COS = 0.94
TOP_M, TOP_CELL_M = 0.03, 0.05
"""Level surface that goes on from a thing's top at the same height, within `TOP_M`, is the same top."""
WIDER_M, LOWEST_TOP_M = 1.2, 0.3
"""A box is widened by no more on each side, and only for tops this high over the floor: mats lie on floors."""


def widened(box: OrientedBox, scene: Scene) -> OrientedBox:
    """The box, made as wide as the level top that it holds a part of: tables are often scanned in pieces.

    Cells of level surface at the top's height are joined to those over the box's footprint; surface in another
    object's box is that object's.
    """
    from scipy.ndimage import binary_closing, label

    assert scene.mesh is not None
    R, half = box.T_world_box[:3, :3], box.size / 2
    if abs(float(R[1, 1])) < 0.9 or not len(scene.mesh.vertices):
        return box
    local = (scene.mesh.vertices.astype(np.float64) - box.T_world_box[:3, 3]) @ R
    level = (scene.mesh.vertex_normals @ R[:, 1]) > LEVEL_COS
    over = level & (np.abs(local[:, [0, 2]]) <= half[[0, 2]]).all(axis=1)
    high = over & (local[:, 1] > -half[1] + LOWEST_TOP_M) & (local[:, 1] < half[1] + GROWN_M)
    if high.sum() < 50:
        return box
    counts, edges = np.histogram(local[high, 1], bins=np.arange(-half[1], half[1] + 2 * TOP_M, TOP_M))
    top = float(edges[int(np.argmax(counts))]) + TOP_M / 2  # what most of the level surface lies at
    reach = half[[0, 2]] + WIDER_M
    near = level & (np.abs(local[:, 1] - top) < TOP_M) & (np.abs(local[:, [0, 2]]) < reach).all(axis=1)
    points = local[near][:, [0, 2]]
    cells = ((points + reach) / TOP_CELL_M).astype(int)
    grid = np.zeros(tuple((2 * reach / TOP_CELL_M).astype(int) + 1), dtype=np.bool_)
    grid[cells[:, 0], cells[:, 1]] = True
    for other in scene.objects:
        if not np.allclose(other.box.T_world_box, box.T_world_box):
            grid &= ~_footprint(other.box, box, grid.shape, reach, top)
    parts, _ = label(binary_closing(np.pad(grid, 2))[2:-2, 2:-2] | grid)
    centres = (np.argwhere(np.ones_like(grid)) + 0.5) * TOP_CELL_M - reach
    inner = (np.abs(centres) <= half[[0, 2]]).all(axis=1).reshape(grid.shape)
    mine = np.isin(parts, np.unique(parts[inner & (parts > 0)])) & (parts > 0)
    if not mine.any():
        return box
    where = centres[mine.ravel()]
    low = np.minimum(where.min(axis=0) - TOP_CELL_M / 2, -half[[0, 2]])
    last = np.maximum(where.max(axis=0) + TOP_CELL_M / 2, half[[0, 2]])
    if (
        float(np.maximum(last, -low).max() - half[[0, 2]].max()) < TOP_CELL_M
        and (last - low < 2 * half[[0, 2]] + TOP_CELL_M).all()
    ):
        return box
    T, middle = box.T_world_box.copy(), (low + last) / 2
    T[:3, 3] += R[:, 0] * middle[0] + R[:, 2] * middle[1]
    return OrientedBox(T, np.array([last[0] - low[0], box.size[1], last[1] - low[1]]))


def _footprint(other: OrientedBox, box: OrientedBox, shape: tuple[int, ...], reach: Float64, top: float) -> np.ndarray:
    """Cells of the grid around a box, at its top's height, that another box holds."""
    xz = (np.argwhere(np.ones(shape, dtype=np.bool_)) + 0.5) * TOP_CELL_M - reach
    local = np.stack([xz[:, 0], np.full(len(xz), top), xz[:, 1]], axis=1)
    world = local @ box.T_world_box[:3, :3].T + box.T_world_box[:3, 3]
    theirs = (world - other.T_world_box[:3, 3]) @ other.T_world_box[:3, :3]
    return np.asarray((np.abs(theirs) <= other.size / 2).all(axis=1).reshape(shape), dtype=np.bool_)


def raised(box: OrientedBox, scene: Scene) -> OrientedBox:
    """The box, made higher by what stands on it and is no object of its own: books on a table, say.

    Surface over the box's footprint belongs to it up to the first gap in height, unless it lies on floor, wall or
    ceiling.
    """
    assert scene.mesh is not None
    R, half = box.T_world_box[:3, :3], box.size / 2
    local = (scene.mesh.vertices.astype(np.float64) - box.T_world_box[:3, 3]) @ R
    over = np.flatnonzero((np.abs(local[:, [0, 2]]) <= half[[0, 2]]).all(axis=1) & (local[:, 1] > half[1] - GROWN_M))
    points = scene.mesh.vertices[over].astype(np.float64)
    loose = np.ones(len(over), dtype=np.bool_)
    for p in scene.planes:
        if p.label in STRUCTURE:
            loose &= np.abs((points - p.origin) @ p.normal) > 2 * ON_PLANE_M
    top = float(half[1])
    for height in np.sort(local[over[loose], 1]):
        if height > top + GAP_M or height > half[1] + HIGHEST_M:
            break
        top = max(top, float(height))
    grown = top - float(half[1])
    if grown < 0.01 or abs(float(R[1, 1])) < 0.9:
        return box
    T = box.T_world_box.copy()
    T[:3, 3] += R[:, 1] * grown / 2
    return OrientedBox(T, box.size + np.array([0.0, grown, 0.0]))
