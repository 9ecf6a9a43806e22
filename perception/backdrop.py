"""The surface behind removed things, coloured from the frames that saw it past them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import FrameError, Mesh, OrientedBox, Plane, Progress, Scan, silent
from sceneforge.core.arrays import Float32, Float64, Int32
from sceneforge.core.backdrop import MADE_UP, TOUCHED, Backdrop
from sceneforge.core.color import TO_LINEAR
from sceneforge.core.transforms import inverse, transform_points

from .backdrop_sheets import Uncover, divided, region, sheet, uncovered
from .removal import Removal, inside, part
from .removed_shadow import Shade
from .surface_texture import gather

FINEST_M = 0.008
"""Longest edge of the mesh behind things."""
MAX_VERTICES = 400_000


def gather_backdrop(
    scan: Scan,
    removal: Removal,
    gains: Mapping[int, Float64],
    uncover: Uncover,
    *,
    shade: Shade | None = None,
    metres_per_pixel: float = 0.004,
    every: int = 1,
    bad: list[FrameError] | None = None,
    progress: Progress = silent,
) -> Backdrop:
    """Colour what things hid, from all frames that saw it.

    Args:
        scan: The capture.
        removal: What was taken out of its scene, and what is left.
        gains: Frame index -> (3,) linear brightness over the mean exposure.
        uncover: What comes into view.
        shade: The light that the things take; without it their shadow stays.
        metres_per_pixel: Cell of the sheets; it grows to what frames resolve, and for surfaces of more than `MAX_CELLS`
            cells.
        every: Use every n-th tracked frame.
        bad: Collects frames that cannot be read.
        progress: Told after each frame.

    Returns:
        Sheets whose unseen cells are MADE_UP and still black: a painter is to fill them.
    """
    scene, boxes = removal.scene, [t.box for t in removal.things]
    assert scene.mesh is not None and scene.track is not None
    track = scene.track
    views = [(scan.sources[i].camera, T) for i, T in zip(track.indices, track.T_world_camera, strict=True)][::every]
    eyes = np.stack([T[:3, 3] for _, T in views])
    focal = max(camera.fx for camera, _ in views)
    shown = uncovered(scene, views, uncover)
    found = (
        region(p, at, boxes, eyes, shade, metres_per_pixel, focal) for p, at in zip(scene.planes, shown, strict=True)
    )
    regions = [r for r in found if r is not None]
    textures = gather(
        scan,
        scene,
        [(r.raster, np.ones(r.raster.shape, np.uint8)) for r in regions],
        gains,
        every=every,
        bad=bad,
        progress=progress,
    )
    sheets = tuple(sheet(texture, r, removal, shade) for r, texture in zip(regions, textures, strict=True))
    hid = [s.origin[r.hidden > 0] for s, r in zip(sheets, regions, strict=True)]
    made_up = sum(int(np.count_nonzero((o == MADE_UP) | (o == TOUCHED))) for o in hid) / max(
        sum(len(o) for o in hid), 1
    )
    vertices, faces, colors = _behind(scene.mesh, [r.plane for r in regions], boxes, eyes)
    if len(vertices):
        colors = _seen_colors(scan, removal, vertices, faces, colors, gains, every, bad, progress)
    return Backdrop(sheets, vertices, faces, colors, made_up)


def hidden_by(points: Float64, boxes: Sequence[OrientedBox], eyes: Float64, grown: float) -> NDArray[np.bool_]:
    """(N,) whether the line from any eye (E, 3) to points (N, 3) passes through a box grown by `grown` metres.

    The slab test of Kay and Kajiya (SIGGRAPH 1986), in the box's frame.
    """
    out = np.zeros(len(points), dtype=np.bool_)
    for b in boxes:
        R, c, half = b.T_world_box[:3, :3], b.T_world_box[:3, 3], b.size / 2 + grown
        p = (points - c) @ R
        for eye in (eyes - c) @ R:
            todo = np.flatnonzero(~out)
            d = p[todo] - eye
            with np.errstate(divide="ignore", invalid="ignore"):
                t0, t1 = (-half - eye) / d, (half - eye) / d
            near, far = np.fmin(t0, t1).max(axis=1), np.fmax(t0, t1).min(axis=1)
            out[todo] = (near <= far) & (far > 0) & (near < 1)
    return out


def _behind(
    mesh: Mesh, planes: Sequence[Plane], boxes: Sequence[OrientedBox], eyes: Float64
) -> tuple[Float32, Int32, Float32]:
    """The part of the mesh that things hid and that lies on no sheet, finely divided, with the mesh's own colours."""
    import shapely

    points = mesh.vertices.astype(np.float64)
    free = np.ones(len(points), dtype=np.bool_)
    for p in planes:
        near = np.flatnonzero(np.abs((points - p.origin) @ p.normal) < 0.02)
        on = shapely.Polygon(p.polygon).buffer(0.05)
        local = p.to_local(points[near])
        free[near[shapely.contains_xy(on, local[:, 0], local[:, 2])]] = False
    where = np.flatnonzero(free)
    hidden = np.zeros(len(points), dtype=np.bool_)
    hidden[where] = hidden_by(points[where], boxes, eyes[:: max(1, len(eyes) // 40)], 0.05)
    for b in boxes:
        hidden |= free & inside(points, b, 0.15)
    some = part(mesh, np.asarray(hidden[mesh.faces].any(axis=1)))
    none = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), np.zeros((0, 3), np.float32)
    if not len(some.faces):
        return none
    bytes_ = np.full((len(some.vertices), 3), 127, np.uint8) if some.colors is None else some.colors
    stacked = np.concatenate([some.vertices.astype(np.float64), TO_LINEAR[bytes_]], axis=1)
    edge, area = FINEST_M, float(_areas(some).sum())
    while area / (edge * edge * 0.43) > MAX_VERTICES:
        edge *= 1.5
    fine, faces = divided(stacked, some, edge)
    return fine[:, :3].astype(np.float32), faces, fine[:, 3:].astype(np.float32)


def _areas(mesh: Mesh) -> Float64:
    v = mesh.vertices.astype(np.float64)[mesh.faces]
    return np.asarray(np.linalg.norm(np.cross(v[:, 1] - v[:, 0], v[:, 2] - v[:, 0]), axis=1) / 2)


def _seen_colors(
    scan: Scan,
    removal: Removal,
    vertices: Float32,
    faces: Int32,
    colors: Float32,
    gains: Mapping[int, Float64],
    every: int,
    bad: list[FrameError] | None,
    progress: Progress,
) -> Float32:
    """Colours (N, 3) of vertices from the frames whose depth shows them; where none does, `colors`."""
    normals = Mesh(vertices, faces).vertex_normals
    points = vertices.astype(np.float64)
    sums, total = np.zeros((len(points), 3)), np.zeros(len(points))
    for index, (at, rgb, weight) in _views(scan, removal, points, normals, every, bad, progress):
        gain = gains.get(index, np.ones(3))
        sums[at] += weight[:, None] * rgb / gain
        total[at] += weight
    seen = total > 1e-3
    out = colors.copy()
    out[seen] = (sums[seen] / total[seen, None]).astype(np.float32)
    return out


def _views(
    scan: Scan,
    removal: Removal,
    points: Float64,
    normals: Float64,
    every: int,
    bad: list[FrameError] | None,
    progress: Progress,
) -> Iterator[tuple[int, tuple[NDArray[np.int64], Float64, Float64]]]:
    """Frame by frame: which points it shows, their linear colours, and how well (near, straight views weigh most)."""
    track = removal.scene.track
    assert track is not None
    wanted = track.indices[::every]
    poses = dict(zip(track.indices, track.T_world_camera, strict=True))
    for n, frame in enumerate(scan.frames(wanted, bad=bad)):
        T = poses[frame.index]
        p = transform_points(inverse(T), points)
        facing = -np.einsum("ij,ij->i", normals @ T[:3, :3], p) / np.maximum(np.linalg.norm(p, axis=1), 1e-9)
        at = np.flatnonzero((p[:, 2] > 0.2) & (facing > 0.2))
        uv, _ = frame.depth_camera.project(p[at])
        uv = np.nan_to_num(uv, nan=-1e6).clip(-1e6, 1e6).round().astype(np.int64)
        h, w = frame.depth.shape
        inside_ = (uv >= 3).all(axis=1) & (uv[:, 0] < w - 3) & (uv[:, 1] < h - 3)
        at, uv = at[inside_], uv[inside_]
        z = p[at, 2]
        tolerance = 0.015 + 0.006 * z * z
        shown = np.ones(len(at), dtype=np.bool_)
        for du, dv in ((0, 0), (-3, 0), (3, 0), (0, -3), (0, 3)):
            d = frame.depth[uv[:, 1] + dv, uv[:, 0] + du]
            # The point itself is what is seen, and nothing nearer comes close to it in the picture.
            shown &= (np.abs(d - z) < tolerance) if du == dv == 0 else (d == 0) | (d > z - 0.08 - tolerance)
        at = at[shown]
        pixel, _ = frame.camera.project(p[at])
        column = np.clip(pixel[:, 0].round().astype(np.int64), 0, frame.camera.width - 1)
        row = np.clip(pixel[:, 1].round().astype(np.int64), 0, frame.camera.height - 1)
        rgb = TO_LINEAR[frame.color[row, column]].astype(np.float64)
        yield frame.index, (at, rgb, (facing[at] / p[at, 2] ** 2) ** 2)
        progress("gather", n + 1, len(wanted))
