"""The sides of closed furniture that stays, where no depth camera reads them: dark and shiny fronts.

Behind a removed thing such a front would be a hole through which the wall and the floor behind it show. The thing's box
says where it is; its colours are those of the pixels that look at it, past the removed things, and have no depth or
one that fits: their median over the frames, coarsely.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sceneforge.core import Frame, FrameError, Mesh, OrientedBox, Scan
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.color import TO_LINEAR, to_srgb
from sceneforge.core.transforms import inverse, transform_points

from .caster import Caster
from .removal import DOWN_TO_THE_FLOOR, Removal

CELL_M = 0.05
FRAMES = 30
"""Frames looked at, at most."""
NEAR_M = 6.0
"""From things farther away than this nothing is hidden that would matter."""
FRONT_M = 0.1
"""What lies this close before a side is the side."""
LEAST = 0.15
"""Share of an object's cells that must be seen for it to be shown."""


def furniture_fronts(
    scan: Scan, removal: Removal, gains: Mapping[int, Float64], *, every: int = 1, bad: list[FrameError] | None = None
) -> Mesh | None:
    """Sides and tops of closed furniture near removed things, with colours (sRGB, mean exposure); None without any.

    Args:
        scan: The capture.
        removal: What was taken out of its scene, and what is left.
        gains: Frame index -> (3,) linear brightness over the mean exposure.
        every: Use every n-th tracked frame.
        bad: Collects frames that cannot be read.
    """
    scene, centres = removal.scene, [t.box.T_world_box[:3, 3] for t in removal.things]
    boxes = [
        o.box
        for o in scene.objects
        if o.label in DOWN_TO_THE_FLOOR
        and min(float(np.linalg.norm(o.box.T_world_box[:3, 3] - c)) for c in centres) < NEAR_M
    ]
    if not boxes or scene.mesh is None or scene.track is None:
        return None
    parts = [_sides(b) for b in boxes]
    points, normals = (np.concatenate([p[k] for p in parts]) for k in (0, 1))
    owner = np.repeat(np.arange(len(boxes)), [len(p[0]) for p in parts])
    casters = (Caster(scene.mesh), Caster(removal.surface))
    wanted = scene.track.indices[::every]
    wanted = wanted[:: max(1, -(-len(wanted) // FRAMES))]
    poses = dict(zip(scene.track.indices, scene.track.T_world_camera, strict=True))
    looks = np.full((len(wanted), len(points), 3), np.nan, dtype=np.float32)
    for n, frame in enumerate(scan.frames(wanted, bad=bad)):
        looks[n] = _looked(frame, poses[frame.index], points, normals, casters) / gains.get(frame.index, np.ones(3))
    color, seen = _medians(looks), np.asarray(~np.isnan(looks[..., 0]).all(axis=0))
    shown = np.zeros(len(points), dtype=np.bool_)
    for k in range(len(boxes)):
        mine = owner == k
        if seen[mine].mean() > LEAST:
            shown |= mine
            color[mine & ~seen] = np.median(color[mine & seen], axis=0)
    quads = np.arange(len(points)).reshape(-1, 4)
    quads = quads[shown.reshape(-1, 4).all(axis=1)]
    if not len(quads):
        return None
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    return Mesh(points.astype(np.float32), faces, colors=to_srgb(np.clip(np.nan_to_num(color), 0, 1)))


def _sides(box: OrientedBox) -> tuple[Float64, Float64]:
    """Corners (4 n, 3) of the cells on a box's sides and top, four by four, and its normal at each."""
    R, centre, half = box.T_world_box[:3, :3], box.T_world_box[:3, 3], box.size / 2
    points, normals = [], []
    for axis, sign in ((0, -1), (0, 1), (2, -1), (2, 1), (1, 1)):
        a, b = (k for k in range(3) if k != axis)
        i, j = (np.linspace(-half[k], half[k], max(2, round(2 * half[k] / CELL_M) + 1)) for k in (a, b))
        low = np.stack(np.meshgrid(np.arange(len(i) - 1), np.arange(len(j) - 1), indexing="ij"), -1).reshape(-1, 2)
        corners = (low[:, None] + np.array([[0, 0], [1, 0], [1, 1], [0, 1]])).reshape(-1, 2)
        local = np.zeros((len(corners), 3))
        local[:, axis], local[:, a], local[:, b] = sign * half[axis], i[corners[:, 0]], j[corners[:, 1]]
        points.append(local @ R.T + centre)
        normals.append(np.broadcast_to(sign * R[:, axis], local.shape))
    return np.concatenate(points), np.concatenate(normals)


def _looked(frame: Frame, T: Float64, points: Float64, normals: Float64, casters: tuple[Caster, Caster]) -> Float32:
    """(N, 3) linear colours that a frame shows of points, NaN where it does not."""
    out = np.full((len(points), 3), np.nan, dtype=np.float32)
    p = transform_points(inverse(T), points)
    at = np.flatnonzero((p[:, 2] > 0.3) & (((T[:3, 3] - points) * normals).sum(axis=1) > 0))
    uv, _ = frame.camera.project(p[at])
    ok = (uv >= 0).all(axis=1) & (uv[:, 0] < frame.camera.width - 1) & (uv[:, 1] < frame.camera.height - 1)
    at, uv = at[ok], uv[ok]
    if not len(at):
        return out
    way = points[at] - T[:3, 3]
    free = np.ones(len(at), dtype=np.bool_)
    for caster in casters:
        distance, _ = caster.hits(np.broadcast_to(T[:3, 3], way.shape), way)
        free &= distance > 1 - FRONT_M / np.linalg.norm(way, axis=1)
    x, y = uv.round().astype(np.int64).T
    c, d = frame.camera, frame.depth_camera
    column = np.clip(np.rint((x - c.cx) / c.fx * d.fx + d.cx).astype(np.int64), 0, d.width - 1)
    row = np.clip(np.rint((y - c.cy) / c.fy * d.fy + d.cy).astype(np.int64), 0, d.height - 1)
    depth, z = frame.depth[row, column], p[at, 2]
    free &= (depth == 0) | (np.abs(depth - z) < FRONT_M + 0.02 * z)
    out[at[free]] = TO_LINEAR[frame.color[y[free], x[free]]]
    return out


def _medians(looks: Float32) -> Float32:
    """(N, 3) medians of (frames, N, 3) over the frames that are not NaN; NaN where all are."""
    out = np.full(looks.shape[1:], np.nan, dtype=np.float32)
    some = ~np.isnan(looks[..., 0]).all(axis=0)
    out[some] = np.nanmedian(looks[:, some], axis=0)
    return out
