"""Which cells of a surface's raster truly are that surface: up to the walls, outside whatever lies in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Label, Plane, Scene, SurfaceRaster, UsageError
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.transforms import transform_points

from .surface_outliers import outliers
from .surface_skirting import SAME_BOARD_M, common_height
from .surface_texture import SurfaceTexture, relief_factor

REACH_M = 0.4
"""Surface is looked for this far beyond its outline: outlines end where the reconstruction was thin."""
UNSEEN_M = 0.06
"""So far it is believed to go on where no frame says anything."""
BEHIND_M, UNDER_M, UNKNOWN_M = 0.04, 0.12, 0.25
"""So far from what was seen a mask reaches behind things, under things, and where nothing is known."""
CORNER_M = 0.02
"""So near to a corner readings mix with those of the other surface."""
SEAM_M = 0.3
"""What is seen behind a wall reaches farther than this, or belongs to the wall."""
LOW_M, LOW_ERRORS = 0.012, 4.0
"""What lies on a floor stands out by more than this, and so many standard errors, on average of all readings: lamp
feet do, rugs do not."""
LOW_CELLS = 40
"""Of the height map, that such a thing covers at least (25 square centimetres): less is noise of patterned rugs."""
LEVEL_M, LEVEL_ERRORS = 0.006, 3.0
"""Where that average lies within this, or so many of its errors, the surface itself was seen."""
DEEP_M = 0.015
"""Backs of bookcases and cupboards stand before their wall by more."""
MAX_CELLS = 5_000_000
STRUCTURE = (Label.FLOOR, Label.CEILING, Label.WALL, Label.INNER_WALL)
INLAID = (
    Label.DOOR, Label.WINDOW, Label.OPENING, Label.WALL_ART, Label.SCREEN, Label.WHITEBOARD, Label.BLINDS,
    Label.CURTAIN, Label.MIRROR, Label.RADIATOR, Label.FIREPLACE, Label.AIR_CONDITIONER, Label.RUG,
)  # fmt: skip
"""Things that lie in a surface without being it."""
_SUPERSAMPLING = 4


def coplanar(planes: Sequence[Plane]) -> list[tuple[Plane, ...]]:
    """Planes that continue each other (within 4 degrees and 5 cm) in one group, each group's largest plane first."""
    left = sorted(planes, key=lambda p: -p.area_m2)
    groups: list[tuple[Plane, ...]] = []
    while left:
        first = left[0]
        same = [p for p in left if float(p.normal @ first.normal) > 0.9976 and _offset(first, p) < 0.05]
        groups.append((first, *(p for p in same if p is not first)))
        left = [p for p in left if p not in same and p is not first]
    return groups


def _offset(reference: Plane, other: Plane) -> float:
    return float(np.abs(reference.to_local(other.to_world(other.polygon))[:, 1]).mean())


def surface_raster(planes: Sequence[Plane], metres_per_pixel: float = 0.004, offset_m: float = 0.0) -> SurfaceRaster:
    """A raster in the first plane's frame, moved along its normal, that holds all of the planes and REACH_M around;
    cells grow beyond MAX_CELLS of them.

    Raises:
        UsageError: The cells are not between 0.5 mm and 10 cm.
    """
    if not 0.0005 <= metres_per_pixel <= 0.1:
        raise UsageError(f"metres per pixel must lie between 0.0005 and 0.1, got {metres_per_pixel:g}")
    first = planes[0]
    rings = np.concatenate([first.to_local(p.to_world(p.polygon))[:, [0, 2]] for p in planes])
    low, high = rings.min(axis=0) - REACH_M - 0.1, rings.max(axis=0) + REACH_M + 0.1
    m = max(metres_per_pixel, float(np.sqrt(np.prod(high - low) / MAX_CELLS)))
    low = np.floor(low / m) * m
    width, height = np.ceil((high - low) / m).astype(int)
    T = np.array(first.T_world_plane)
    T[:3, 3] += offset_m * T[:3, 1]
    return SurfaceRaster(T, low, m, int(width), int(height))


def covered(raster: SurfaceRaster, rings: Sequence[Float64]) -> Float32:
    """(rows, columns) float32 share of each cell inside any of the rings (K, 2) [x, z], each filled as a whole."""
    import cv2

    s = _SUPERSAMPLING
    image = np.zeros((raster.height * s, raster.width * s), dtype=np.uint8)
    shift = 4
    for ring in rings:
        fine = (raster.cells(ring) + 0.5) * s - 0.5
        cv2.fillPoly(image, [np.rint(fine * (1 << shift)).astype(np.int32)], 1, shift=shift)
    small = cv2.resize(image.astype(np.float32), (raster.width, raster.height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32)


def candidate_mask(raster: SurfaceRaster, planes: Sequence[Plane]) -> UInt8:
    """(rows, columns) uint8, 1 where the surface may be at all: its outlines and REACH_M around them."""
    import cv2

    factor = max(1, round(0.03 / raster.metres_per_pixel))
    coarse = raster.coarser(factor)
    inside = (covered(coarse, _rings(raster, planes)) > 0).astype(np.uint8)
    grown = cv2.dilate(inside, _disc(REACH_M / coarse.metres_per_pixel))
    full = np.repeat(np.repeat(grown, factor, axis=0), factor, axis=1)
    return np.ascontiguousarray(full[: raster.height, : raster.width])


def surface_masks(textures: Sequence[SurfaceTexture], groups: Sequence[Sequence[Plane]], scene: Scene) -> list[UInt8]:
    """`surface_mask` of several surfaces; walls whose own skirting board cannot be made out get the others' one."""
    found = [_mask(t, p, scene, None) for t, p in zip(textures, groups, strict=True)]
    board = common_height([board for _, board in found if board is not None])
    if board is None:
        return [mask for mask, _ in found]
    return [
        _mask(t, p, scene, board)[0] if _upright(p) and (own is None or abs(own - board) > SAME_BOARD_M) else mask
        for (mask, own), t, p in zip(found, textures, groups, strict=True)
    ]


def surface_mask(texture: SurfaceTexture, planes: Sequence[Plane], scene: Scene) -> UInt8:
    """The cells that truly are the surface, with an antialiased edge.

    Within the outlines, or beside them where frames saw the surface; up to the walls (floor, ceiling) that cut it;
    outside holes, planes that lie in it (doors, windows, pictures), openings that frames look through, the
    footprints of what stands on it, and, on walls, small things that look different (switches, posters).

    Args:
        texture: What frames saw.
        planes: The group that the texture was gathered for.
        scene: Everything else there is.

    Returns:
        (rows, columns) uint8, share of the cell times 255.
    """
    return _mask(texture, planes, scene, None)[0]


def _mask(
    texture: SurfaceTexture, planes: Sequence[Plane], scene: Scene, board_m: float | None
) -> tuple[UInt8, float | None]:
    """See `surface_mask`; and the height at which a skirting board ends, that given or the one found."""
    import cv2

    raster = texture.raster
    m = raster.metres_per_pixel
    rings = _rings(raster, planes)
    inside = covered(raster, rings)
    inside -= covered(raster, [_moved(raster, p, h) for p in planes for h in p.holes])
    seen = _evidence(texture)
    inside = np.maximum(np.clip(inside, 0, 1), seen)
    unknown = (texture.blocked == 0) & (texture.open == 0)
    inside = np.maximum(inside, _grown((inside > 0.5).astype(np.float32), UNSEEN_M / m) * unknown)
    upright, board = _upright(planes), board_m
    pictures = covered(raster, _inlaid(raster, planes, scene, (Label.WALL_ART,))) if upright else np.float32(0)
    inlaid = np.clip(covered(raster, _inlaid(raster, planes, scene, INLAID)), 0, 1)
    inside *= 1 - np.clip(inlaid - pictures, 0, 1)
    corner = np.zeros(raster.shape, dtype=np.bool_)
    for before in _cuts(raster, planes, scene, seen):
        inside *= np.clip(0.5 + before / m, 0, 1)
        corner |= np.abs(before) < CORNER_M
    inside *= 1 - _grown(_opened(texture), 0.01 / m)
    level, deep, low = _heights(texture)
    inside *= 1 - np.where(level, 0, _footprints(texture, planes, scene))
    if not upright:
        inside *= 1 - np.where(corner, 0, low)
    else:
        odd, board = outliers(texture, inside, inlaid, corner, _over_floor(raster, scene), board_m)
        inside *= 1 - odd
    # Floor shows between legs to a frame or two; what a wall shows to so few is a bookcase's back, unless it surely
    # lies as deep as the wall.
    shown = np.maximum(seen * upright, (texture.seen > 0) & (deep | (not upright))).astype(np.float32)
    inside *= _near_what_was_seen(texture, inside * shown, BEHIND_M if upright else UNDER_M)
    soft = cv2.GaussianBlur(inside, (0, 0), 0.7)  # cells cut by evidence have hard edges otherwise
    return np.asarray(np.rint(np.clip(soft, 0, 1) * 255), dtype=np.uint8), board


def _upright(planes: Sequence[Plane]) -> bool:
    return abs(float(planes[0].normal[1])) < 0.5


def _near_what_was_seen(texture: SurfaceTexture, shown: Float32, hidden_m: float) -> Float32:
    """(rows, columns) 0 or 1: what lies so near to surface that was seen (0..1) that it may go on there.

    An outline goes on behind bookcases and under beds, whose backs and feet lie in the surface as far as depth can
    tell; and behind black fronts that no depth camera sees.
    """
    import cv2

    m = texture.raster.metres_per_pixel
    factor = max(1, round(0.012 / m))
    cell = m * factor
    there = np.ascontiguousarray(_pooled((shown * 255).astype(np.uint8), factor) > 100).astype(np.uint8)
    solid = cv2.morphologyEx(there, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    far = cv2.distanceTransform(1 - solid, cv2.DIST_L2, 5) * cell
    hidden = _pooled(texture.blocked, factor) >= 1.5
    reach = np.where(hidden, np.float32(hidden_m), np.float32(UNKNOWN_M))
    kept = (far < reach).astype(np.uint8)
    rows, columns = texture.raster.shape
    full = np.repeat(np.repeat(kept, factor, axis=0), factor, axis=1)[:rows, :columns]
    return full.astype(np.float32)


def _rings(raster: SurfaceRaster, planes: Sequence[Plane]) -> list[Float64]:
    return [_moved(raster, p, p.polygon) for p in planes]


def _moved(raster: SurfaceRaster, plane: Plane, ring: Float64) -> Float64:
    """A ring of another plane, [x, z] in the raster's frame."""
    T = raster.T_world_plane
    return np.asarray(((plane.to_world(ring) - T[:3, 3]) @ T[:3, :3])[:, [0, 2]])


def _disc(radius: float) -> UInt8:
    import cv2

    n = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (n, n)), dtype=np.uint8)


def _grown(mask: Float32, radius: float) -> Float32:
    import cv2

    return np.asarray(cv2.dilate(mask, _disc(radius)), dtype=np.float32)


def _closed(mask: UInt8, radius: float, *, then_open: float) -> UInt8:
    """Gaps up to twice `radius` filled, then specks below twice `then_open` dropped."""
    import cv2

    full = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _disc(radius), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(cv2.morphologyEx(full, cv2.MORPH_OPEN, _disc(then_open)), dtype=np.uint8)


def _evidence(texture: SurfaceTexture) -> Float32:
    """(rows, columns) 0 or 1: frames mostly saw the surface itself here. Cells of a centimetre and more decide."""
    import cv2

    raster = texture.raster
    factor = max(1, round(0.012 / raster.metres_per_pixel))
    seen, blocked, opened = (_pooled(a, factor) for a in (texture.seen, texture.blocked, texture.open))
    # Things before it say nothing against a surface, unless it hardly ever shows: the lowest centimetre of a thing
    # looks like the surface.
    mine = ((seen >= 0.9) & (seen >= 0.2 * blocked) & (seen > opened)).astype(np.uint8)
    cell = raster.metres_per_pixel * factor
    mine = _closed(mine, 0.03 / cell, then_open=0.02 / cell)
    smooth = cv2.GaussianBlur(mine.astype(np.float32), (0, 0), 1.0)
    full = cv2.resize(smooth, (mine.shape[1] * factor, mine.shape[0] * factor), interpolation=cv2.INTER_LINEAR)
    sharp = np.clip((full[: raster.height, : raster.width] - 0.5) * 0.012 / raster.metres_per_pixel + 0.5, 0, 1)
    return np.asarray(sharp, dtype=np.float32)


def _pooled(values: UInt8, factor: int) -> Float32:
    """Means of factor x factor cells (edges repeated)."""
    h, w = values.shape
    padded = np.pad(values, ((0, -h % factor), (0, -w % factor)), mode="edge").astype(np.float32)
    return np.asarray(
        padded.reshape(padded.shape[0] // factor, factor, padded.shape[1] // factor, factor).mean(axis=(1, 3)),
        dtype=np.float32,
    )


def _opened(texture: SurfaceTexture) -> Float32:
    """(rows, columns) 0 or 1: frames mostly look through the surface here."""
    m = texture.raster.metres_per_pixel
    through = ((texture.open >= 2) & (texture.open > texture.seen)).astype(np.uint8)
    return _closed(through, 0.02 / m, then_open=0.02 / m).astype(np.float32)


def _inlaid(raster: SurfaceRaster, planes: Sequence[Plane], scene: Scene, labels: Sequence[Label]) -> list[Float64]:
    """Rings of planes with one of the labels that lie in this one and are something else."""
    own, n = {p.id for p in planes}, raster.T_world_plane[:3, 1]
    found = []
    for p in scene.planes:
        if p.id in own or p.label not in labels or abs(float(p.normal @ n)) < 0.95:
            continue
        heights = (p.to_world(p.polygon) - raster.T_world_plane[:3, 3]) @ n
        if float(np.abs(heights).mean()) < 0.15:
            found.append(_moved(raster, p, p.polygon))
    return found


def _cuts(raster: SurfaceRaster, planes: Sequence[Plane], scene: Scene, seen: Float32) -> list[Float32]:
    """Per wall, floor or ceiling across this surface: (rows, columns) metres before it, inf where it cuts nothing.

    What goes on well behind a cutting plane and was seen all the same is no mistake of the surface but of that plane's
    outline, and stays; a seam along it is what slanting views take from the other side of the corner.
    """
    import cv2

    own = {p.id for p in planes}
    x, z = raster.centres()
    T, out = raster.T_world_plane, []
    for p in scene.planes:
        if p.id in own or p.label not in STRUCTURE or abs(float(p.normal @ T[:3, 1])) > 0.3 or p.area_m2 < 0.5:
            continue
        local = p.to_world(p.polygon) - T[:3, 3]
        line = np.array([p.normal @ T[:3, 0], p.normal @ T[:3, 2]])  # before the plane where line . xz > offset
        length = float(np.linalg.norm(line))
        offset = float(p.normal @ (p.origin - T[:3, 3]))
        along = np.array([-line[1], line[0]]) / length
        reach = (local @ T[:3, [0, 2]]) @ along
        before = ((line[0] * x[None, :] + line[1] * z[:, None] - offset) / length).astype(np.float32)
        side = along[0] * x[None, :] + along[1] * z[:, None]
        ahead = (side > reach.min() - 0.05) & (side < reach.max() + 0.05) & (before > -0.6)
        beyond = ahead & (before < -0.06) & (seen > 0.5)
        if beyond.any():
            n, parts = cv2.connectedComponents(beyond.astype(np.uint8), connectivity=4)
            deepest = np.zeros(n, dtype=np.float32)
            np.minimum.at(deepest, parts[beyond], before[beyond])
            ahead &= ~(beyond & (deepest < -SEAM_M)[parts])
        out.append(np.where(ahead, before, np.float32(np.inf)))
    return out


def _over_floor(raster: SurfaceRaster, scene: Scene) -> Float32 | None:
    """(rows, columns) metres over the highest floor that lies below the raster's middle; None without one."""
    x, z = raster.centres()
    T = raster.T_world_plane
    y = (T[1, 3] + T[1, 0] * x[None, :] + T[1, 2] * z[:, None]).astype(np.float32)
    levels = [float(p.origin[1]) for p in scene.planes_labelled(Label.FLOOR)]
    below = [level for level in levels if level < float(y.mean())]
    return y - np.float32(max(below)) if below else None


def _heights(texture: SurfaceTexture) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """(rows, columns) each: cells where all readings together lie in the surface; where they surely lie no more than
    DEEP_M before it; and parts where they lie before it by less than one frame can tell, if they are wider than two
    cells of the height map."""
    import cv2

    height, error = texture.height, texture.height_error
    known = np.isfinite(height) & np.isfinite(error)
    h, e = (np.where(known, a, 0).astype(np.float32) for a in (height, error))
    level = known & (np.abs(h) < np.maximum(LEVEL_M, LEVEL_ERRORS * e))
    share, mean, spread = (cv2.GaussianBlur(a, (0, 0), 2.0) for a in (known.astype(np.float32), h, e))
    deep = known & (mean + spread < DEEP_M * share)  # of some 25 cells, which err alike in part
    above = (known & (h > np.maximum(LOW_M, LOW_ERRORS * e))).astype(np.uint8)
    low = cv2.morphologyEx(above, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    _, parts, stats, _ = cv2.connectedComponentsWithStats(low, connectivity=8)
    low = (low > 0) & (stats[parts, cv2.CC_STAT_AREA] >= LOW_CELLS)
    factor, (rows, columns) = relief_factor(texture.raster), texture.raster.shape
    fine = (np.repeat(np.repeat(a, factor, axis=0), factor, axis=1)[:rows, :columns] for a in (level, deep, low))
    first, second, third = fine
    return np.ascontiguousarray(first), np.ascontiguousarray(second), third & (texture.seen < 1.0 * texture.blocked)


def _footprints(texture: SurfaceTexture, planes: Sequence[Plane], scene: Scene) -> Float32:
    """(rows, columns) 0..1: where the scanned mesh has something standing on the surface and no frame saw the
    surface itself."""
    import cv2

    raster = texture.raster
    if scene.mesh is None:
        return np.zeros(raster.shape, dtype=np.float32)
    T = raster.T_world_plane
    local = transform_points(np.linalg.inv(T), scene.mesh.vertices.astype(np.float64))
    low = local[(local[:, 1] > 0.025) & (local[:, 1] < 0.12)]
    factor = max(1, round(0.02 / raster.metres_per_pixel))
    coarse = raster.coarser(factor)
    cells = np.rint(coarse.cells(low[:, [0, 2]])).astype(int)
    cells = cells[((cells >= 0) & (cells < (coarse.width, coarse.height))).all(axis=1)]
    stands: UInt8 = np.zeros(coarse.shape, dtype=np.uint8)
    stands[cells[:, 1], cells[:, 0]] = 1
    stands = np.asarray(cv2.morphologyEx(stands, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), dtype=np.uint8)
    visible = _pooled(texture.seen, factor)[: coarse.height, : coarse.width]
    hidden = _pooled(texture.blocked, factor)[: coarse.height, : coarse.width]
    stands &= (visible < 0.34 * np.maximum(hidden, 1)).astype(np.uint8)
    full = np.repeat(np.repeat(stands, factor, axis=0), factor, axis=1)[: raster.height, : raster.width]
    return full.astype(np.float32)
