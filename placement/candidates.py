"""Proposing places on one surface: headings, where the footprint fits for each, and which are worth checking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Request
from sceneforge.core.arrays import Float64

from .body import Body, Mount, turned
from .raster import Fitter, Mask
from .relations import Target
from .rules import EYE_HEIGHT_M, FACING_BINS, NEAR_M, NEXT_TO_M, Failure
from .surface import Surface

BLOCKS = 320
"""About this many candidates per surface, spread evenly: one per block of the raster."""


@dataclass(frozen=True)
class Wish:
    """What one request asks of a place, resolved against the scene."""

    request: Request
    """The request."""
    look_at: Target | None
    """What the front should face, None = free."""
    near: Target | None
    """What to stay near, None = free."""
    towards: Float64 | None
    """(3,) where fronts and people are: mean camera position or the room's middle."""
    floor_y: float
    """World height of the floor, metres."""


@dataclass(frozen=True)
class Candidate:
    """A place worth checking."""

    surface: Surface
    """Where."""
    x: float
    """Centre of the footprint, plane-local metres."""
    z: float
    """Centre of the footprint, plane-local metres."""
    yaw: float
    """Heading in the plane's frame, radians."""
    score: float
    """Higher is better; the camera's view is not in it yet."""


def propose(
    body: Body, surface: Surface, fitter: Fitter, wish: Wish, rng: np.random.Generator
) -> list[Candidate] | Failure:
    """Candidates on one surface, one per block of its raster; empty where the footprint fits nowhere.

    Returns a `Failure` of the rule "near" where it fits, but only too far from what it should be near.
    """
    centres = surface.raster.centres
    fits, yaw, liking = _headings(body, surface, fitter, wish)
    if not fits.any():
        return []
    middle = np.zeros((*centres.shape[:2], 3))
    middle[..., [0, 2]], middle[..., 1] = centres, body.height / 2
    world = middle @ surface.plane.T_world_plane[:3, :3].T + surface.plane.origin
    score = liking + _situation(surface, fitter, body) + 0.02 * rng.random(fits.shape)
    if wish.near is not None:
        distance = wish.near.distance(world)
        allowed = fits & (distance <= NEAR_M)
        if not allowed.any():
            closest = float(distance[fits].min())
            return Failure(
                "near",
                1000 * (closest - NEAR_M),
                f"the closest free place is {closest:.2f} m from '{wish.near.id}', near means up to {NEAR_M} m",
            )
        fits, score = allowed, score + 3 * np.minimum(1, (NEAR_M - distance) / (NEAR_M - NEXT_TO_M))
    if body.mount is Mount.WALL:
        off = np.abs(world[..., 1] - wish.floor_y - EYE_HEIGHT_M)
        score = score + (0.5 if wish.near is not None else 3.0) * np.exp(-off / 0.25)
    return [
        Candidate(surface, float(centres[v, u, 0]), float(centres[v, u, 1]), float(yaw[v, u]), float(score[v, u]))
        for v, u in _best_per_block(fits, score, rng)
    ]


def local_angle(surface: Surface, direction: Float64) -> Float64:
    """Angle (...,) in the plane's frame, from +Z towards +X, of world directions (..., 3)."""
    local = direction @ surface.plane.T_world_plane[:3, :3]
    return np.asarray(np.arctan2(local[..., 0], local[..., 2]))


def fixed_yaws(body: Body, surface: Surface, wish: Wish) -> list[float] | None:
    """Headings in the plane's frame that do not depend on the position; None where the front follows a target."""
    asked = wish.request.yaw_deg
    if body.mount is Mount.WALL:
        upright = float(local_angle(surface, np.array([0.0, 1.0, 0.0]))) - np.pi
        return [upright + float(np.radians(asked or 0.0))]
    front = np.pi if body.mount is Mount.HANG else 0.0
    if asked is not None:
        a = np.radians(asked)
        return [float(local_angle(surface, np.array([np.sin(a), 0.0, np.cos(a)]))) - front]
    if wish.look_at is not None:
        return None
    # The raster's v axis is square to the long edge: fronts along it first, then along the edge.
    along_v = -surface.raster.angle
    return [along_v - front + k * np.pi / 2 for k in (0, 2, 1, 3)]


def all_yaws(body: Body, surface: Surface, wish: Wish) -> list[float]:
    """Every heading that may be tried."""
    fixed = fixed_yaws(body, surface, wish)
    if fixed is None:
        return [k * 2 * np.pi / FACING_BINS for k in range(FACING_BINS)]
    if len(fixed) == 1:
        return fixed
    return fixed + [fixed[0] + k * np.pi / 8 for k in (1, 2, 3, 5, 6, 7)]


def _headings(body: Body, surface: Surface, fitter: Fitter, wish: Wish) -> tuple[Mask, Float64, Float64]:
    """Per cell: whether the content fits, with which heading, and how much that heading is liked."""
    centres = surface.raster.centres
    shape = centres.shape[:2]
    fixed = fixed_yaws(body, surface, wish)
    front = np.pi if body.mount is Mount.HANG else 0.0
    if fixed is None and wish.look_at is not None:
        yaw = local_angle(surface, wish.look_at.centre - surface.plane.to_world(centres)) - front
        step = 2 * np.pi / FACING_BINS
        number = np.round(yaw / step).astype(np.int64) % FACING_BINS
        fits = np.zeros(shape, dtype=bool)
        for which in np.unique(number):
            mine = number == which
            fits[mine] = _fits(fitter, body, float(which) * step)[mine]
        return fits, yaw, np.zeros(shape)
    yaws = fixed or []
    ahead = None if wish.towards is None else local_angle(surface, wish.towards - surface.plane.to_world(centres))
    for options in (yaws, all_yaws(body, surface, wish)):
        fits, yaw, best = np.zeros(shape, dtype=bool), np.zeros(shape), np.full(shape, -np.inf)
        for place, option in enumerate(options):
            liking = np.full(shape, 0.15 if place < 2 else 0.0)
            if ahead is not None and len(options) > 1:
                liking = liking + 0.5 * np.cos(option + front - ahead)
            here = _fits(fitter, body, option)
            better = here & (liking > best)
            fits |= here
            yaw[better], best[better] = option, liking[better]
        if fits.any():
            break
    return fits, yaw, np.where(fits, best, 0.0)


def _fits(fitter: Fitter, body: Body, yaw: float) -> Mask:
    return fitter.fits(turned(body.hull, yaw), turned(body.base_hull, yaw), body.least_support)


def _situation(surface: Surface, fitter: Fitter, body: Body) -> Float64:
    """Score of each cell from the surface alone: away from edges, near the middle, on flat scan."""
    import cv2

    raster = surface.raster
    half = float(body.size[[0, 2]].min()) / 2
    edge = np.clip((fitter.edge_m - half) / 0.10, 0, 1)
    centroid = np.array([surface.outline.centroid.x, surface.outline.centroid.y])
    off = np.linalg.norm(raster.centres - centroid, axis=-1)
    seen = np.isfinite(raster.ground)
    ground = np.where(seen, raster.ground, 0).astype(np.float64)
    window = (max(1, 2 * round(half / raster.cell) + 1),) * 2
    weight = np.maximum(cv2.blur(seen.astype(np.float64), window), 1e-6)
    mean = cv2.blur(ground, window) / weight
    spread = np.sqrt(np.maximum(cv2.blur(ground**2, window) / weight - mean**2, 0))
    return np.asarray(0.5 * edge + 0.4 * (1 - off / max(float(off.max()), 1e-6)) - np.clip(spread / 0.005, 0, 2) * 0.6)


def _best_per_block(fits: Mask, score: Float64, rng: np.random.Generator) -> NDArray[np.int64]:
    """[v, u] of the best fitting cell of every block; the blocks' offset comes from the generator."""
    side = max(1, round(float(np.sqrt(max(int(fits.sum()), 1) / BLOCKS))))
    offset = rng.integers(0, side, 2)
    v, u = np.nonzero(fits)
    block_v, block_u = (v + offset[0]) // side, (u + offset[1]) // side
    order = np.lexsort((u, v, -score[v, u], block_u, block_v))
    block = np.stack([block_v, block_u], axis=1)[order]
    first = np.flatnonzero(np.r_[True, (np.diff(block, axis=0) != 0).any(axis=1)])
    return np.stack([v[order[first]], u[order[first]]], axis=1)
