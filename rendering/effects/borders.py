"""Outlines of the planes: solid where their edge was seen, dashed where it is a guess."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sceneforge.core import Label, Plane
from sceneforge.core.arrays import Float32, Float64

from ..palette import tint
from ._canvas import Canvas
from ._parts import Parts
from ._settings import Color, EffectSettings, Labels
from ._stage import Stage

SUMMARY = "outlines of the planes, solid where their edge was seen and dashed where it is a guess"
STEP_M = 0.05
"""Grain at which an edge is observed or guessed."""
INWARD_M, NEAR_M = 0.04, 0.06
"""An edge was observed where scanned surface of its plane lies this near to a place this far inside of it."""


class Settings(EffectSettings):
    """Settings of `borders`."""

    labels: Labels = Field(default=(), description="Only planes with these labels; empty = all")
    least_m2: float = Field(default=0.1, ge=0, le=1000, description="Only planes of at least this area")
    width_px: float = Field(default=2.2, gt=0, le=20, description="Width of the lines")
    color: Color | None = Field(default=None, description="Of the lines; left out = the label's tint")
    hidden: float = Field(default=0.12, ge=0, le=1, description="How much is seen of lines behind something")
    dash_m: float = Field(default=0.06, gt=0, le=5, description="Length of the dashes of guessed edges")


@dataclass(frozen=True)
class Outline:
    """The rim of one plane as short straight pieces."""

    plane: Plane
    """Whose."""
    starts: Float64
    """(n, 3) world."""
    ends: Float64
    """(n, 3) world."""
    arc: Float64
    """(n, 2) metres along the rim at both ends."""
    observed: NDArray[np.bool_]
    """(n,) whether the edge was seen there."""


def prepare(stage: Stage) -> Parts:
    """Ready for one scene."""
    rims = [r for i in range(len(stage.scene.planes)) for r in outlines(stage, i)]

    def draw(canvas: Canvas, settings: Settings) -> None:
        coverage: dict[tuple[int, int, int], Float32] = {}
        for r in rims:
            if r.plane.area_m2 < settings.least_m2 or (settings.labels and str(r.plane.label) not in settings.labels):
                continue
            color = settings.color or bright(r.plane.label)
            for seen in (True, False):
                part = r.observed == seen
                if not part.any():
                    continue
                mask = canvas.lines(
                    r.starts[part],
                    r.ends[part],
                    width_px=settings.width_px,
                    hidden=settings.hidden,
                    dash_m=0 if seen else settings.dash_m,
                    arc=r.arc[part],
                )
                coverage[color] = np.maximum(coverage[color], mask) if color in coverage else mask
        for color, mask in coverage.items():
            canvas.paint(color, mask)

    return Parts(under=draw)


def bright(label: Label) -> Color:
    """A label's tint, lifted so that it shows as a line."""
    r, g, b = (round(90 + 165 * c / 255) for c in tint(label))
    return r, g, b


def outlines(stage: Stage, index: int) -> list[Outline]:
    """The rims of a plane: its outline and its holes."""
    plane = stage.scene.planes[index]
    out = []
    for n, ring in enumerate([plane.polygon, *plane.holes]):
        if len(ring) < 3:
            continue
        a, b = ring, np.roll(ring, -1, axis=0)
        pieces = np.maximum(np.ceil(np.linalg.norm(b - a, axis=1) / STEP_M).astype(int), 1)
        edge = np.repeat(np.arange(len(ring)), pieces)
        step = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        s, e = step / pieces[edge], (step + 1) / pieces[edge]
        p, q = a[edge] + s[:, None] * (b - a)[edge], a[edge] + e[:, None] * (b - a)[edge]
        length = np.linalg.norm(q - p, axis=1)
        run = np.cumsum(length)
        flags = plane.edge_observed if n == 0 else ()  # said of the outline; holes are looked up in the scan
        seen = (
            np.array(flags, dtype=bool)[edge] if flags else _observed(stage, index, (p + q) / 2, (b - a)[edge], n > 0)
        )
        out.append(Outline(plane, plane.to_world(p), plane.to_world(q), np.stack([run - length, run], axis=1), seen))
    return out


def _observed(stage: Stage, index: int, middle: Float64, along: Float64, hole: bool) -> NDArray[np.bool_]:
    """(n,) whether scanned surface of the plane reaches its rim at points (n, 2) [x, z]."""
    mesh, plane = stage.mesh, stage.scene.planes[index]
    if not len(mesh.vertices):
        return np.full(len(middle), plane.observed_fraction > 0.5)
    # Outlines run with positive area in (x, z), holes with negative: either way the surface lies on one side.
    inward = np.stack([-along[:, 1], along[:, 0]], axis=1)
    inward /= np.maximum(np.linalg.norm(inward, axis=1, keepdims=True), 1e-12)
    area = _shoelace(plane.polygon)
    inward *= np.sign(area) if not hole else -np.sign(_shoelace(middle)) or 1.0
    asked = plane.to_world(middle + INWARD_M * inward)
    gap, near = stage.vertex_tree.query(asked, k=4, distance_upper_bound=NEAR_M)
    height = np.abs(plane.to_local(mesh.vertices[np.minimum(near, len(mesh.vertices) - 1)].astype(np.float64))[..., 1])
    held = (np.isfinite(gap) & (height < 0.03)).any(axis=1)
    votes = np.convolve(np.pad(held.astype(float), 2, mode="wrap"), np.ones(5), mode="valid")  # no single dashes
    return np.asarray(votes >= 3)


def _shoelace(ring: Float64) -> float:
    x, z = ring[:, 0], ring[:, 1]
    return 0.5 * float(np.sum(x * np.roll(z, -1) - np.roll(x, -1) * z))
