"""The surface behind removed things, coloured from the frames that saw it past them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import FrameError, Mesh, OrientedBox, Plane, Progress, Scan, Scene, silent
from sceneforge.core.arrays import Float32, Float64, Int32, UInt8
from sceneforge.core.backdrop import MADE_UP, OUTSIDE, SEEN, Backdrop, Sheet
from sceneforge.core.color import TO_LINEAR
from sceneforge.core.paint import SurfaceRaster
from sceneforge.core.transforms import inverse, transform_points

from .removal import Removal, inside, part
from .removed_shadow import FAINT, Shade, relight
from .surface_texture import SurfaceTexture, gather

COARSE_M = 0.03
"""Cells of the search for what a thing hid."""
AROUND_M = 0.5
"""Surface around the hidden part that is gathered too: fills continue it."""
BEYOND_M = 0.1
"""Nothing is gathered farther outside a plane's outline: there is other surface, or none."""
CONTACT_M = 0.05
"""Shadow this close to where a thing touched the surface went with it, so that those cells count as unseen."""
BESIDE_M = 0.25
"""Things that begin so near to a plane shade it."""
SLIVER_M = 0.012
"""Seen parts narrower than twice this, between hidden ones, show more of a thing's outline than of the surface."""
SHADE_CELL_M = 0.03
"""Cells in which the things' shadow is traced."""
STRIDE = 4
"""Of so many coarse cells, one is asked first whether it is shaded; the shadow is traced only around those that are."""
FINEST_M = 0.008
"""Longest edge of the mesh behind things."""
PIXEL_SHARE = 0.7
"""Cells are not smaller than this share of what a pixel of the near views covers: finer ones hold nothing."""
MAX_CELLS = 6_000_000
MAX_VERTICES = 400_000
LEAST_WEIGHT = 0.02
"""Texture seen more weakly than by a fiftieth of one full view does not count as seen."""


def gather_backdrop(
    scan: Scan,
    removal: Removal,
    gains: Mapping[int, Float64],
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
    eyes = scene.track.T_world_camera[::every, :3, 3]
    focal = _focal(scan, scene)
    found = (_region(p, boxes, eyes, shade, metres_per_pixel, focal) for p in scene.planes)
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
    sheets = tuple(
        _sheet(texture, region, _contact(region.plane, region.raster, removal), removal, shade)
        for region, texture in zip(regions, textures, strict=True)
    )
    hid = [s.origin[r.hidden > 0] for s, r in zip(sheets, regions, strict=True)]
    made_up = sum(int(np.count_nonzero(o == MADE_UP)) for o in hid) / max(sum(len(o) for o in hid), 1)
    vertices, faces, colors = _behind(scene.mesh, [r.plane for r in regions], boxes, eyes)
    if len(vertices):
        colors = _seen_colors(scan, removal, vertices, faces, colors, gains, every, bad, progress)
    return Backdrop(sheets, vertices, faces, colors, made_up)


def _focal(scan: Scan, scene: Scene) -> float:
    """Longest focal length in pixels of the frames used."""
    assert scene.track is not None
    return max(scan.sources[i].camera.fx for i in scene.track.indices)


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


@dataclass(frozen=True)
class _Region:
    """The part of a plane that matters."""

    plane: Plane
    raster: SurfaceRaster
    hidden: UInt8
    """The raster's cells that things hide from the camera's path."""
    shaded: UInt8
    """(h, w) cells of `COARSE_M` from the outline's low corner on: 1 around all that things shade."""


def _region(
    plane: Plane,
    boxes: Sequence[OrientedBox],
    eyes: Float64,
    shade: Shade | None,
    metres_per_pixel: float,
    focal: float,
) -> _Region | None:
    """The part of a plane that the boxes hide from the camera's path, or shade; None if there is none."""
    import cv2
    import shapely

    eyes = eyes[plane.to_local(eyes)[:, 1] > 0.02]
    if not len(eyes):
        return None
    low, high = plane.polygon.min(axis=0), plane.polygon.max(axis=0)
    width, height = np.ceil((high - low) / COARSE_M).astype(int)
    coarse = SurfaceRaster(plane.T_world_plane, low, COARSE_M, max(int(width), 1), max(int(height), 1))
    x, z = coarse.centres()
    xz = np.stack(np.meshgrid(x, z), axis=-1).reshape(-1, 2)
    on = shapely.contains_xy(shapely.Polygon(plane.polygon, plane.holes).buffer(0.05), xz[:, 0], xz[:, 1])
    hidden = np.zeros(len(xz), dtype=np.bool_)
    hidden[on] = hidden_by(coarse.to_world(xz[on]), boxes, eyes, 0.06)
    shaded = np.zeros(len(xz), dtype=np.bool_)
    around: UInt8 = np.zeros(coarse.shape, dtype=np.uint8)
    if shade is not None:
        at = on & (np.arange(coarse.shape[0])[:, None] % STRIDE + np.arange(coarse.shape[1]) % STRIDE == 0).ravel()
        light = np.ones(len(xz), dtype=np.float32)
        light[at] = shade(coarse.to_world(xz[at]), plane.normal).mean(axis=1)
        shaded = light < np.exp(-2 * FAINT)
        faintly = (light < np.exp(-FAINT / 2)).reshape(coarse.shape).astype(np.uint8)
        around = np.asarray(cv2.dilate(faintly, np.ones((4 * STRIDE + 1, 4 * STRIDE + 1), np.uint8)), dtype=np.uint8)
    if not (hidden | shaded).any():
        return None
    cells = np.argwhere((hidden | shaded).reshape(coarse.shape))
    first = np.maximum(low + cells.min(axis=0)[::-1] * COARSE_M - AROUND_M, low - BEYOND_M)
    last = np.minimum(low + (cells.max(axis=0)[::-1] + 1) * COARSE_M + AROUND_M, high + BEYOND_M)
    centre = coarse.to_world(((first + last) / 2)[None])[0]
    near = float(np.quantile(np.linalg.norm(eyes - centre, axis=1), 0.1))
    m = max(metres_per_pixel, PIXEL_SHARE * near / focal, float(np.sqrt(np.prod(last - first) / MAX_CELLS)))
    first = np.floor(first / m) * m
    size = np.ceil((last - first) / m).astype(int)
    raster = SurfaceRaster(plane.T_world_plane, first, m, int(size[0]), int(size[1]))
    spread = cv2.dilate(hidden.reshape(coarse.shape).astype(np.uint8), np.ones((3, 3), np.uint8))
    return _Region(plane, raster, _carried(np.asarray(spread, dtype=np.uint8), low, raster), around)


def _carried(values: UInt8, low: Float64, raster: SurfaceRaster) -> UInt8:
    """Cells of `COARSE_M` from a corner on, in the cells of a raster; 0 outside."""
    import cv2

    grid = np.meshgrid(*(c.astype(np.float32) for c in raster.centres()))
    x, z = (((g - o) / COARSE_M - 0.5).astype(np.float32) for g, o in zip(grid, low, strict=True))
    mask = cv2.remap(values, x, z, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(mask, dtype=np.uint8)


def _contact(plane: Plane, raster: SurfaceRaster, removal: Removal) -> NDArray[np.bool_]:
    """Cells that show a thing rather than the plane, and CONTACT_M around.

    On level planes these are the cells that the thing's surface touches: one sees the floor between a table's legs.
    What stands against a wall may have a back of its own, which lies in the wall as far as a sensor can tell.
    """
    import cv2

    out = np.zeros(raster.shape, dtype=np.uint8)
    if abs(float(plane.normal[1])) < 0.7:
        for thing in removal.things:
            local = plane.to_local(thing.box.corners)
            if local[:, 1].min() < 0.1 and local[:, 1].max() > -0.1:
                hull = cv2.convexHull(raster.cells(local[:, [0, 2]]).round().astype(np.int32))
                cv2.fillConvexPoly(out, hull, 1)
    local = plane.to_local(_dense(removal.surface, plane))
    touching = raster.cells(local[np.abs(local[:, 1]) < 0.06][:, [0, 2]]).round().astype(np.int64)
    inside_ = (touching >= 0).all(axis=1) & (touching[:, 0] < raster.width) & (touching[:, 1] < raster.height)
    out[touching[inside_, 1], touching[inside_, 0]] = 1
    size = 2 * max(1, round(CONTACT_M / raster.metres_per_pixel)) + 1
    return np.asarray(cv2.dilate(out, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))) > 0)


def _dense(things: Mesh, plane: Plane) -> Float64:
    """Points (N, 3) on the things' surface near a plane, a few centimetres apart."""
    height = plane.to_local(things.vertices.astype(np.float64))[:, 1]
    near = part(things, np.asarray(np.abs(height[things.faces]).min(axis=1) < 0.1))
    return np.asarray(_divided(near.vertices.astype(np.float64), near, COARSE_M)[0])


def _divided(values: Float64, mesh: Mesh, edge_m: float) -> tuple[Float64, Int32]:
    """Vertex values (N, k), positions first, and faces of a mesh whose edges are no longer than `edge_m`."""
    from trimesh import remesh

    if not len(mesh.faces):
        return values[:0], mesh.faces[:0]
    subdivide: Any = remesh.subdivide_to_size
    fine, faces = subdivide(values, mesh.faces.astype(np.int64), edge_m, max_iter=12)
    return fine, faces.astype(np.int32)


def _sheet(
    texture: SurfaceTexture,
    region: _Region,
    contact: NDArray[np.bool_],
    removal: Removal,
    shade: Shade | None,
) -> Sheet:
    """Where the plane was seen its colour, without the things' shadow; the rest of the hidden part is to be made up."""
    plane, hidden = region.plane, region.hidden
    seen = _clean((texture.weight > LEAST_WEIGHT) & ~contact, hidden, texture.raster.metres_per_pixel)
    origin = np.where(seen, SEEN, np.where(hidden > 0, MADE_UP, OUTSIDE)).astype(np.uint8)
    color = np.where(seen[..., None], texture.color, 0).astype(np.float32)
    if shade is None or not region.shaded.any():
        return Sheet(texture.raster, color, origin)
    coarse = texture.raster.coarser(max(1, round(SHADE_CELL_M / texture.raster.metres_per_pixel)))
    xz = np.stack(np.meshgrid(*coarse.centres()), axis=-1).reshape(-1, 2)
    near = np.flatnonzero(_carried(region.shaded, plane.polygon.min(axis=0), coarse))
    taken = np.ones((len(xz), 3), dtype=np.float32)
    taken[near] = shade(coarse.to_world(xz[near]), plane.normal)
    prints = _prints(plane, texture.raster, [t.box for t in removal.things])
    brighter = relight(texture, seen, prints, taken.reshape(*coarse.shape, 3))
    if brighter is not None:
        color = color * brighter
    return Sheet(texture.raster, color, origin, brighter)


def _clean(seen: NDArray[np.bool_], hidden: UInt8, cell: float) -> NDArray[np.bool_]:
    """The cells seen, less slivers and a rim next to what is not: a thing's outline mixes into what is seen past it."""
    import cv2

    near = cv2.dilate(hidden, np.ones((5, 5), np.uint8)) > 0
    size = 2 * max(1, round(SLIVER_M / cell)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    broad = cv2.morphologyEx(seen.astype(np.uint8), cv2.MORPH_OPEN, disc)
    inner = cv2.erode(broad, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)
    return np.asarray(np.where(near, inner > 0, seen), dtype=np.bool_)


def _prints(plane: Plane, raster: SurfaceRaster, boxes: Sequence[OrientedBox]) -> NDArray[np.bool_]:
    """Cells over which boxes stand that begin close to the plane."""
    import cv2

    out: UInt8 = np.zeros(raster.shape, dtype=np.uint8)
    for b in boxes:
        local = plane.to_local(b.corners)
        if local[:, 1].min() < BESIDE_M and local[:, 1].max() > -0.1:
            hull = cv2.convexHull(raster.cells(local[:, [0, 2]]).round().astype(np.int32))
            cv2.fillConvexPoly(out, hull, 1)
    return np.asarray(out > 0)


def _behind(
    mesh: Mesh, planes: Sequence[Plane], boxes: Sequence[OrientedBox], eyes: Float64
) -> tuple[Float32, Int32, Float32]:
    """The part of the mesh that things hid and that lies on no sheet, finely divided, with the mesh's own colours."""
    points = mesh.vertices.astype(np.float64)
    free = np.ones(len(points), dtype=np.bool_)
    for p in planes:
        free &= np.abs((points - p.origin) @ p.normal) > 0.02
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
    fine, faces = _divided(stacked, some, edge)
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
