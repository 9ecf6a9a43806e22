"""The planes behind removed things as sheets: which cells matter, which were seen past the things, and their light."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, Mesh, OrientedBox, Plane, Scene
from sceneforge.core.arrays import Float32, Float64, Int32, UInt8
from sceneforge.core.backdrop import MADE_UP, OUTSIDE, SEEN, TOUCHED, UNSHOWN, Sheet
from sceneforge.core.color import TO_LINEAR
from sceneforge.core.paint import SurfaceRaster

from .labelling import STRUCTURE
from .removal import DOWN_TO_THE_FLOOR, Removal, inside, part
from .removed_shadow import FAINT, Shade, relight
from .surface_texture import SurfaceTexture

Uncover = Callable[[Camera, Float64], tuple[Float64, NDArray[np.int64]]]
"""World points (n, 3) that a camera with a pose (4, 4) sees where things were, and the number (n,) of each one's plane,
-1 = scanned surface."""
COARSE_M = 0.03
"""Cells of the search for what comes into view."""
SPREAD = 2
"""Coarse cells by which that is widened: pictures are finer than what was looked at."""
ON_SHEET_M = 0.05
"""Scanned surface this close to a plane is the plane's."""
AROUND_M = 0.5
"""Surface around the hidden part that is gathered too: fills continue it."""
BEYOND_M = 0.1
"""Nothing is gathered farther outside a plane's outline: there is other surface, or none."""
CONTACT_M = 0.05
"""Shadow this close to where a thing touched the surface went with it, so that those cells count as unseen."""
WALL_CONTACT_M = 0.08
"""The same for walls, in whose corner with a thing it is dark."""
FOOT = (0.35, 0.6)
"""Depth of a thin thing's foot over its height, and width over its width."""
BESIDE_M = 0.25
"""Things that begin so near to a plane shade it."""
SLIVER_M = 0.012
"""Seen parts narrower than twice this, between hidden ones, show more of a thing's outline than of the surface."""
CRACK_M = 0.04
"""Unseen cracks up to this width in what was seen are missing readings, and closed from both sides."""
SCANNED_CELL_M = 0.02
"""Cells in which the mesh tells colours that no frame told."""
BEFORE_M = (0.08, 0.2, 0.4)
"""A wall's cell is behind furniture if one of the points so far before it lies in a thing that stays."""
SHADE_CELL_M = 0.03
"""Cells in which the things' shadow is traced."""
STRIDE = 4
"""Of so many coarse cells, one is asked first whether it is shaded; the shadow is traced only around those that are."""
PIXEL_SHARE = 0.7
"""Cells are not smaller than this share of what a pixel of the near views covers: finer ones hold nothing."""
MAX_CELLS = 6_000_000
LEAST_WEIGHT = 0.02
"""Texture seen more weakly than by a fiftieth of one full view does not count as seen."""


@dataclass(frozen=True)
class Region:
    """The part of a plane that matters."""

    plane: Plane
    raster: SurfaceRaster
    hidden: UInt8
    """The raster's cells that come into view once the things are gone."""
    shaded: UInt8
    """(h, w) cells of `COARSE_M` from the outline's low corner on: 1 around all that things shade."""


def uncovered(scene: Scene, views: Sequence[tuple[Camera, Float64]], uncover: Uncover) -> list[Float64]:
    """Per plane of a scene, where [x, z] (n, 2) it comes into view."""
    normals = np.array([p.normal for p in scene.planes]).reshape(-1, 3)
    offsets = np.array([p.normal @ p.origin for p in scene.planes])
    found: list[list[Float64]] = [[] for _ in scene.planes]
    for camera, T in views:
        points, number = uncover(camera, T)
        near = np.abs(points @ normals.T - offsets) < ON_SHEET_M
        near &= (number[:, None] < 0) | (number[:, None] == np.arange(len(normals)))
        for n in np.flatnonzero(near.any(axis=0)):
            found[n].append(scene.planes[n].to_local(points[near[:, n]])[:, [0, 2]])
    return [np.concatenate(f) if f else np.zeros((0, 2)) for f in found]


def region(
    plane: Plane,
    shown: Float64,
    boxes: Sequence[OrientedBox],
    eyes: Float64,
    shade: Shade | None,
    metres_per_pixel: float,
    focal: float,
) -> Region | None:
    """The part of a plane that comes into view at points [x, z] (n, 2), or that things shade; None if there is none."""
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
    cells = np.floor((shown - low) / COARSE_M).astype(np.int64)
    cells = cells[((cells >= 0) & (cells < (coarse.width, coarse.height))).all(axis=1)]
    hits: UInt8 = np.zeros(coarse.shape, dtype=np.uint8)
    hits[cells[:, 1], cells[:, 0]] = 1
    hidden = cv2.dilate(hits, np.ones((2 * SPREAD + 1, 2 * SPREAD + 1), np.uint8)).ravel() > 0
    hidden = (hidden & on) if len(cells) else np.zeros(len(xz), dtype=np.bool_)
    around: UInt8 = np.zeros(coarse.shape, dtype=np.uint8)
    shaded = np.zeros(len(xz), dtype=np.bool_)
    if shade is not None:
        at = on & (np.arange(coarse.shape[0])[:, None] % STRIDE + np.arange(coarse.shape[1]) % STRIDE == 0).ravel()
        light = np.ones(len(xz), dtype=np.float32)
        light[at] = shade(coarse.to_world(xz[at]), plane.normal).mean(axis=1)
        shaded = light < np.exp(-2 * FAINT)
        faintly = (light < np.exp(-FAINT / 2)).reshape(coarse.shape).astype(np.uint8)
        around = np.asarray(cv2.dilate(faintly, np.ones((4 * STRIDE + 1, 4 * STRIDE + 1), np.uint8)), dtype=np.uint8)
    wanted = (hidden | shaded).reshape(coarse.shape)
    if not wanted.any():
        return None
    if plane.label in STRUCTURE:
        wanted |= _prints(plane, coarse, boxes, 0.0)
    at_ = np.argwhere(wanted)
    first = np.maximum(low + at_.min(axis=0)[::-1] * COARSE_M - AROUND_M, low - BEYOND_M)
    last = np.minimum(low + (at_.max(axis=0)[::-1] + 1) * COARSE_M + AROUND_M, high + BEYOND_M)
    centre = coarse.to_world(((first + last) / 2)[None])[0]
    near = float(np.quantile(np.linalg.norm(eyes - centre, axis=1), 0.1))
    m = max(metres_per_pixel, PIXEL_SHARE * near / focal, float(np.sqrt(np.prod(last - first) / MAX_CELLS)))
    first = np.floor(first / m) * m
    size = np.ceil((last - first) / m).astype(int)
    raster = SurfaceRaster(plane.T_world_plane, first, m, int(size[0]), int(size[1]))
    spread = hidden.reshape(coarse.shape).astype(np.uint8)
    return Region(plane, raster, _carried(spread, low, raster), around)


def sheet(texture: SurfaceTexture, region: Region, removal: Removal, shade: Shade | None) -> Sheet:
    """Where the plane was seen its colour, without the things' shadow; the rest of the hidden part is to be made up."""
    plane, raster = region.plane, texture.raster
    contact = _contact(plane, raster, removal)
    seen = _clean((texture.weight > LEAST_WEIGHT) & ~contact, region.hidden, raster.metres_per_pixel)
    color = np.where(seen[..., None], texture.color, 0).astype(np.float32)
    color, seen = _mended(color, seen, contact, raster.metres_per_pixel)
    color, seen = _scanned(color, seen, contact, plane, raster, removal.scene)
    unshown = np.zeros_like(seen)
    if plane.label in STRUCTURE:
        unshown = _prints(plane, raster, [t.box for t in removal.things], 0.0)
    origin = np.where(region.hidden > 0, MADE_UP, np.where(unshown, UNSHOWN, OUTSIDE)).astype(np.uint8)
    origin[_behind_furniture(plane, raster, origin != OUTSIDE, removal.scene)] = OUTSIDE
    origin[contact & (origin == MADE_UP)] = TOUCHED
    origin[seen] = SEEN
    if shade is None or not region.shaded.any():
        return Sheet(raster, color, origin)
    coarse = raster.coarser(max(1, round(SHADE_CELL_M / raster.metres_per_pixel)))
    xz = np.stack(np.meshgrid(*coarse.centres()), axis=-1).reshape(-1, 2)
    near = np.flatnonzero(_carried(region.shaded, plane.polygon.min(axis=0), coarse))
    taken = np.ones((len(xz), 3), dtype=np.float32)
    taken[near] = shade(coarse.to_world(xz[near]), plane.normal)
    prints = _prints(plane, raster, [t.box for t in removal.things], BESIDE_M)
    brighter = relight(texture, seen, prints, taken.reshape(*coarse.shape, 3))
    if brighter is not None:
        color = color * brighter
    return Sheet(raster, color, origin, brighter)


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
    upright = abs(float(plane.normal[1])) < 0.7
    for thing in removal.things:
        corners = thing.box.corners if upright else _foot(thing.box)
        local = plane.to_local(corners)
        if len(local) and local[:, 1].min() < 0.1 and local[:, 1].max() > -0.1:
            hull = cv2.convexHull(raster.cells(local[:, [0, 2]]).round().astype(np.int32))
            cv2.fillConvexPoly(out, hull, 1)
    local = plane.to_local(_dense(removal.surface, plane))
    touching = raster.cells(local[np.abs(local[:, 1]) < 0.06][:, [0, 2]]).round().astype(np.int64)
    inside_ = (touching >= 0).all(axis=1) & (touching[:, 0] < raster.width) & (touching[:, 1] < raster.height)
    out[touching[inside_, 1], touching[inside_, 0]] = 1
    reach = WALL_CONTACT_M if upright else CONTACT_M
    size = 2 * max(1, round(reach / raster.metres_per_pixel)) + 1
    return np.asarray(cv2.dilate(out, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))) > 0)


def _foot(box: OrientedBox) -> Float64:
    """(4, 3) corners of the foot that a thin tall thing, a screen say, needs to stand; (0, 3) for others."""
    R, size = box.T_world_box[:3, :3], box.size
    thin, wide = (0, 2) if size[0] < size[2] else (2, 0)
    if R[1, 1] < 0.9 or size[thin] > 0.2 or size[1] < 2.5 * size[thin]:
        return np.zeros((0, 3))
    depth, width = max(FOOT[0] * size[1], size[thin]) / 2, FOOT[1] * size[wide] / 2
    bottom = box.T_world_box[:3, 3] - R[:, 1] * size[1] / 2
    return np.stack([bottom + a * depth * R[:, thin] + b * width * R[:, wide] for a in (-1, 1) for b in (-1, 1)])


def _dense(things: Mesh, plane: Plane) -> Float64:
    """Points (N, 3) on the things' surface near a plane, a few centimetres apart."""
    height = plane.to_local(things.vertices.astype(np.float64))[:, 1]
    near = part(things, np.asarray(np.abs(height[things.faces]).min(axis=1) < 0.1))
    return np.asarray(divided(near.vertices.astype(np.float64), near, COARSE_M)[0])


def divided(values: Float64, mesh: Mesh, edge_m: float) -> tuple[Float64, Int32]:
    """Vertex values (N, k), positions first, and faces of a mesh whose edges are no longer than `edge_m`."""
    from trimesh import remesh

    if not len(mesh.faces):
        return values[:0], mesh.faces[:0]
    subdivide: Any = remesh.subdivide_to_size
    fine, faces = subdivide(values, mesh.faces.astype(np.int64), edge_m, max_iter=12)
    return fine, faces.astype(np.int32)


def _clean(seen: NDArray[np.bool_], hidden: UInt8, cell: float) -> NDArray[np.bool_]:
    """The cells seen, less slivers and a rim next to what is not: a thing's outline mixes into what is seen past it."""
    import cv2

    near = cv2.dilate(hidden, np.ones((5, 5), np.uint8)) > 0
    size = 2 * max(1, round(SLIVER_M / cell)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    broad = cv2.morphologyEx(seen.astype(np.uint8), cv2.MORPH_OPEN, disc)
    inner = cv2.erode(broad, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)
    return np.asarray(np.where(near, inner > 0, seen), dtype=np.bool_)


def _mended(
    color: Float32, seen: NDArray[np.bool_], contact: NDArray[np.bool_], cell: float
) -> tuple[Float32, NDArray[np.bool_]]:
    """What was seen, its cracks closed from both sides: where a depth camera has no reading, one surface goes on."""
    import cv2

    size = max(1, round(CRACK_M / cell)) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    closed = cv2.morphologyEx(seen.astype(np.uint8), cv2.MORPH_CLOSE, disc, borderType=cv2.BORDER_REPLICATE) > 0
    cracks = closed & ~seen & ~contact
    if not cracks.any():
        return color, seen
    total, weight = np.zeros_like(color), np.full(seen.shape, 1e-9, dtype=np.float32)
    for sigma, trust in ((size / 8, 1.0), (size / 2, 1e-4)):  # the nearest cells tell, where there are any
        share = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), sigma)
        total += trust * cv2.GaussianBlur(color, (0, 0), sigma)
        weight += trust * share
    return np.where(cracks[..., None], total / weight[..., None], color).astype(np.float32), seen | cracks


def _scanned(
    color: Float32,
    seen: NDArray[np.bool_],
    contact: NDArray[np.bool_],
    plane: Plane,
    raster: SurfaceRaster,
    scene: Scene,
) -> tuple[Float32, NDArray[np.bool_]]:
    """What was seen, and where the mesh was scanned all the same its colours: coarse, but not invented."""
    import cv2

    mesh, number = scene.mesh, 1 + next(n for n, p in enumerate(scene.planes) if p.id == plane.id)
    if mesh is None or mesh.colors is None:
        return color, seen
    local = plane.to_local(mesh.vertices.astype(np.float64))
    grid = raster.coarser(max(1, round(SCANNED_CELL_M / raster.metres_per_pixel)))
    cells = np.floor((local[:, [0, 2]] - raster.origin_xz) / grid.metres_per_pixel).astype(np.int64)
    on = np.abs(local[:, 1]) < 0.02
    if mesh.instances is not None:  # the back of a cupboard lies in its wall, too
        on &= mesh.instances == number
    on &= ((cells >= 0) & (cells < (grid.width, grid.height))).all(axis=1)
    if not on.any():
        return color, seen
    index = cells[on, 1] * grid.width + cells[on, 0]
    count = np.bincount(index, minlength=grid.width * grid.height)
    rgb = TO_LINEAR[mesh.colors[on]]
    sums = np.stack([np.bincount(index, rgb[:, k], minlength=len(count)) for k in range(3)], axis=1)
    weight = count.reshape(grid.shape).astype(np.float32)
    total = cv2.GaussianBlur(weight, (0, 0), 0.7)
    mean = cv2.GaussianBlur(sums.reshape(*grid.shape, 3).astype(np.float32), (0, 0), 0.7)
    mean = mean / np.maximum(total, 1e-6)[..., None]
    closed = cv2.morphologyEx((weight > 0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    # The outermost cells hold colours of the thing that hid the rest.
    inner = cv2.erode(closed, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)
    factor = round(grid.metres_per_pixel / raster.metres_per_pixel)
    size, (h, w) = (grid.width * factor, grid.height * factor), raster.shape
    fine = cv2.resize(mean, size, interpolation=cv2.INTER_LINEAR)[:h, :w]
    known = cv2.resize(inner, size, interpolation=cv2.INTER_NEAREST)[:h, :w] > 0
    new = known & ~seen & ~contact
    return np.where(new[..., None], fine, color).astype(np.float32), seen | new


def _behind_furniture(plane: Plane, raster: SurfaceRaster, asked: NDArray[np.bool_], scene: Scene) -> NDArray[np.bool_]:
    """Cells of a wall before which something stands that stays, and of a floor on which closed furniture does: what is
    seen there is neither."""
    import cv2

    upright = abs(float(plane.normal[1])) < 0.7
    things = [o.box for o in scene.objects if upright or o.label in DOWN_TO_THE_FLOOR]
    if plane.label not in STRUCTURE or not things or not asked.any():
        return np.zeros(raster.shape, dtype=np.bool_)
    coarse = raster.coarser(max(1, round(COARSE_M / raster.metres_per_pixel)))
    points = coarse.to_world(np.stack(np.meshgrid(*coarse.centres()), axis=-1).reshape(-1, 2))
    behind = np.zeros(len(points), dtype=np.bool_)
    for box in things:
        for before in BEFORE_M:
            behind |= inside(points + before * plane.normal, box, 0.0)
    size = (raster.width, raster.height)
    fine = cv2.resize(behind.reshape(coarse.shape).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(fine > 0)


def _prints(plane: Plane, raster: SurfaceRaster, boxes: Sequence[OrientedBox], beside_m: float) -> NDArray[np.bool_]:
    """Cells over which boxes stand that begin close to the plane, `beside_m` and the sensor's error."""
    import cv2

    out: UInt8 = np.zeros(raster.shape, dtype=np.uint8)
    for b in boxes:
        local = plane.to_local(b.corners)
        if local[:, 1].min() < max(beside_m, 0.1) and local[:, 1].max() > -0.1:
            hull = cv2.convexHull(raster.cells(local[:, [0, 2]]).round().astype(np.int32))
            cv2.fillConvexPoly(out, hull, 1)
    return np.asarray(out > 0)
