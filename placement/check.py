"""The exact check of one proposed place: everything a certificate says is measured here, on triangles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sceneforge.core import Placement
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import inverse, transform_points

from .body import Body, placed_triangles, turned
from .contact import Seat, seat
from .rules import MAX_PENETRATION_M, REACH_M, Failure
from .surface import Surface
from .triangles import Triangles


class Placed:
    """Content that already has its place."""

    def __init__(self, placement: Placement) -> None:
        self.placement = placement
        self.triangles = Triangles(*placed_triangles(placement))


@dataclass(frozen=True)
class Fit:
    """A place that keeps every rule."""

    seat: Seat
    """The pose and its contact."""
    clearance_m: float
    """Distance to the nearest other thing, at most `REACH_M`."""


def check_place(
    body: Body, surface: Surface, x: float, z: float, yaw: float, placed: Sequence[Placed], clearance_m: float
) -> Fit | Failure:
    """Hold one place against every rule; the first that fails is the answer.

    Args:
        body: The content.
        surface: Where it is to rest.
        x, z: Centre of its footprint, plane-local metres.
        yaw: Heading in the plane's frame, radians.
        placed: Content that is already there.
        clearance_m: Free distance asked for.
    """
    nudged = _nudged_inside(turned(body.hull, yaw), surface.outline, np.array([x, z]))
    if isinstance(nudged, Failure):
        return nudged
    x, z = float(nudged[0]), float(nudged[1])
    rested = seat(body, surface, x, z, yaw)
    if rested is None or rested.support_fraction < body.least_support:
        share = 0.0 if rested is None else rested.support_fraction
        width = float(np.ptp(body.base_hull, axis=0).max())
        return Failure(
            "support",
            1000 * width * (body.least_support - share),
            f"only {share:.0%} of the base has surface under it",
        )
    probe = transform_points(rested.T_plane_mount, np.array([[0.0, body.height / 2, 0.0]]))
    floor_level = np.array([[x, surface.band, z]])
    if surface.enclosed(np.concatenate([probe, floor_level])).any():
        return Failure("inside", 1000 * body.height, "it would stand inside or under something")
    if rested.gap_m > surface.allowed_gap:
        return Failure(
            "contact",
            1000 * (rested.gap_m - surface.allowed_gap),
            f"the scan is so uneven there that a gap of {1000 * rested.gap_m:.0f} mm would stay under the base, "
            f"{1000 * surface.allowed_gap:.0f} mm are allowed",
        )
    if rested.penetration_m > MAX_PENETRATION_M:
        return Failure("contact", 1000 * (rested.penetration_m - MAX_PENETRATION_M), "it would sink into the surface")
    nearest, overlap = measure_clearance(body, rested.T_plane_mount, surface, placed)
    if overlap > 0:
        return Failure(
            "collision",
            1000 * (overlap + clearance_m),
            f"it would cut {1000 * overlap:.0f} mm into something that stands there",
        )
    if nearest < clearance_m - 1e-5:
        return Failure(
            "clearance",
            1000 * (clearance_m - nearest),
            f"only {1000 * nearest:.0f} mm stay free around it, {1000 * clearance_m:.0f} mm are asked for",
        )
    return Fit(rested, nearest)


def _nudged_inside(hull: Float64, outline: Any, at: Float64) -> Float64 | Failure:
    """The position moved by less than a raster cell or two so that the whole footprint lies on the outline."""
    import shapely

    for _ in range(6):
        corners = hull + at
        if outline.covers(shapely.Polygon(corners).buffer(-1e-5)):
            return at
        outside = shapely.points(corners[~shapely.intersects_xy(outline, corners)])
        if not len(outside):
            return Failure("size", 1.0, "a hole or notch of the surface lies under its footprint")
        nearest = shapely.get_coordinates(shapely.shortest_line(outside, outline)).reshape(-1, 2, 2)
        moves = nearest[:, 1] - nearest[:, 0]
        at = at + moves[int(np.argmax((moves**2).sum(axis=1)))] * 1.01
    corners = shapely.points(hull + at)
    margin = float(shapely.distance(corners, outline).max())
    return Failure(
        "size", max(1.0, 1000 * margin), f"its footprint sticks out of the surface by {1000 * margin:.0f} mm"
    )


def measure_clearance(
    body: Body, T_plane_mount: Float64, surface: Surface, placed: Sequence[Placed]
) -> tuple[float, float]:
    """Distance to the nearest other thing (at most `REACH_M`), and how far the content cuts into one, metres.

    Distances are taken from content samples to triangles and from vertices of the surroundings to the content's
    triangles; overlaps are found by edges of either that cross triangles of the other.
    """
    T_world_mount = surface.plane.T_world_plane @ T_plane_mount
    nearest, overlap = REACH_M, 0.0
    for things, T_things_mount in [(surface.others, T_plane_mount), *((p.triangles, T_world_mount) for p in placed)]:
        if not len(things.faces):
            continue
        samples = transform_points(T_things_mount, body.samples)
        nearest = min(nearest, float(things.distance(samples).min()))
        local = _close_by(things, T_things_mount, body)
        if not len(local.faces):
            continue
        nearest = min(nearest, float(body.triangles.distance(local.vertices).min()))
        if nearest < 0.02:
            overlap = max(overlap, _deepest_cut(body.triangles, local), _deepest_cut(local, body.triangles))
    return (0.0 if overlap > 0 else nearest), overlap


def _close_by(things: Triangles, T_things_mount: Float64, body: Body) -> Triangles:
    """The triangles within reach of the content, in its mount frame."""
    moved = Triangles(transform_points(inverse(T_things_mount), things.vertices), things.faces)
    own = body.triangles.vertices
    return moved.near_box(own.min(axis=0) - REACH_M, own.max(axis=0) + REACH_M)


def _deepest_cut(a: Triangles, b: Triangles) -> float:
    """Longest part, up to half an edge, by which edges of `a` pass through triangles of `b`; 0 = none crosses."""
    low, high = b.vertices.min(axis=0), b.vertices.max(axis=0)
    starts, ends = a.vertices[a.edges[:, 0]], a.vertices[a.edges[:, 1]]
    near = ((np.maximum(starts, ends) >= low) & (np.minimum(starts, ends) <= high)).all(axis=1)
    if not near.any():
        return 0.0
    starts, ends = starts[near], ends[near]
    t, _ = b.cast(starts, ends - starts)
    crossing = t <= 1.0
    if not crossing.any():
        return 0.0
    length = np.linalg.norm(ends - starts, axis=1)[crossing]
    return max(1e-4, float((np.minimum(t[crossing], 1 - t[crossing]) * length).max()))
