"""The words of an arrangement: certificates and the sentences that go with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from sceneforge.core import Certificate, Rejection, Request, Scene
from sceneforge.core.arrays import Float64

from .body import Body, Mount
from .candidates import Wish
from .check import Fit
from .relations import ROOM_MIDDLE
from .rules import REACH_M
from .surface import Surface


def certificate_of(fit: Fit, visible_fraction: float) -> Certificate:
    """The measurements of an accepted place."""
    return Certificate(
        contact_gap_m=fit.seat.gap_m,
        penetration_m=fit.seat.penetration_m,
        support_fraction=fit.seat.support_fraction,
        clearance_m=fit.clearance_m,
        visible_fraction=visible_fraction,
    )


def describe(
    wish: Wish,
    body: Body,
    surface: Surface,
    fit: Fit,
    certificate: Certificate,
    T_world_content: Float64,
    poses: int,
    skipped: Sequence[Rejection],
) -> tuple[str, ...]:
    """Why this place, one sentence each, from what was measured."""
    c = certificate
    verb = {Mount.STAND: "Stands on", Mount.WALL: "Hangs on", Mount.HANG: "Hangs under"}[body.mount]
    at_least = "at least " if c.clearance_m >= REACH_M else ""
    lines = [
        f"{verb} {surface.title}: {c.support_fraction:.0%} of the base is supported, the largest contact gap is "
        f"{1000 * c.contact_gap_m:.1f} mm and it sinks in by {1000 * c.penetration_m:.1f} mm.",
        f"The scanned surface lies {1000 * fit.seat.offset_m:+.1f} mm from the fitted plane under the base.",
        f"The nearest other thing is {at_least}{1000 * c.clearance_m:.0f} mm away "
        f"({1000 * wish.request.clearance_m:.0f} mm were asked for).",
        f"{c.visible_fraction:.0%} of the {poses} sampled camera frames see its centre."
        if poses
        else "There is no camera track, so visibility was not measured.",
        _heading(wish, body, T_world_content),
    ]
    if wish.near is not None:
        distance = float(wish.near.distance(centre_of(wish.request, T_world_content)[None])[0])
        lines.append(f"Its centre is {distance:.2f} m from '{wish.near.id}'.")
    for what, name, target in (
        ("facing", wish.request.facing, wish.look_at),
        ("near", wish.request.near, wish.near),
    ):
        if name is not None and target is None:
            lines.append(f"'{name}' found no place itself, so {what} it was not considered.")
    lines += [f"Better liked but not possible: {r.detail}" for r in skipped]
    return tuple(lines)


def centre_of(request: Request, T_world_content: Float64) -> Float64:
    """(3,) world position of the middle of the content's bounds."""
    middle = request.content.bounds.mean(axis=0) * request.scale
    return np.asarray(T_world_content[:3, :3] @ middle + T_world_content[:3, 3])


def _heading(wish: Wish, body: Body, T: Float64) -> str:
    front = T[:3, 2]
    degrees = float(np.degrees(np.arctan2(front[0], front[2])))
    if body.mount is Mount.WALL:
        return f"It hangs upright, its middle {centre_of(wish.request, T)[1] - wish.floor_y:.2f} m above the floor."
    if wish.request.yaw_deg is not None:
        return f"Its heading is {degrees:.1f} degrees as asked."
    if wish.look_at is not None and wish.look_at.id == ROOM_MIDDLE:
        return (
            f"It is turned to {degrees:.1f} degrees so that its front faces {ROOM_MIDDLE}: "
            "there is no camera track, so where the camera was is not known."
        )
    if wish.look_at is not None:
        return f"It is turned to {degrees:.1f} degrees so that its front faces '{wish.look_at.id}'."
    return f"It is turned to {degrees:.1f} degrees: along the surface's edges, its front towards the viewers."


def unplaced_summary(request: Request, scene: Scene, rejections: Mapping[str, Rejection]) -> str:
    """One sentence for people on a request without a place."""
    wanted = " or ".join(f"'{on}'" for on in request.on)
    if not rejections:
        there = ", ".join(f"{label} ({n})" for label, n in sorted(Counter(p.label.value for p in scene.planes).items()))
        return f"'{request.id}' found no place: no surface is {wanted}; the scene has {there or 'no surfaces'}."
    nearest = min(rejections.values(), key=lambda r: (r.margin_mm, r.surface))
    detail = nearest.detail[0].lower() + nearest.detail[1:]
    return (
        f"'{request.id}' found no place on {wanted}: {len(rejections)} surface{'s' * (len(rejections) > 1)} tried, "
        f"the closest miss is {nearest.rule} by {nearest.margin_mm:.0f} mm; {detail}"
    )
