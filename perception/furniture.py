"""What a thing is, from its shape alone: how high it ends, where it is level, what rises over that, what closes it.

Every label is a product of soft thresholds on a few measures that furniture has everywhere because people have: seats
are knee high, tables elbow high when seated, counters elbow high when standing, beds as long as a person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core import Label, OrientedBox
from sceneforge.core.arrays import Float64

from .labelling import fade, rise
from .surfels import Int64, Surfels

CELL_M = 0.06
"""Of the plan that levels are counted on: a little more than a surfel."""
LEVEL = 0.8
"""Least cosine of a level surfel to up."""
BAND_M = 0.12
"""Height of a level: cushions and what lies on a top are not flat."""
RAISED_M = 0.14
"""What rises by so much over a seat is its back or arm."""
SLICES = 8
"""By height, in which a lamp's stem is looked for."""
ROUGH = 0.05
"""Surfels more curved than this lie on leaves, cloth and edges."""


@dataclass(frozen=True)
class Shape:
    """Measures of a thing, heights over the floor. Shares are of the box's footprint or of one of its sides."""

    width_m: float
    """Longer side in plan."""
    depth_m: float
    """Shorter side."""
    bottom_m: float
    """Where it begins ..."""
    top_m: float
    """... and ends."""
    level_m: float
    """Height of its largest level part."""
    level_cover: float
    """Share of the footprint that is level there."""
    seat_m: float
    """Height of the largest level part between 0.25 and 0.62 m; 0 = none."""
    seat_cover: float
    """Share of the footprint that is level there."""
    back: float
    """Share of one side, the best, along which it rises over the seat."""
    raised: float
    """Share of the footprint that rises over the seat."""
    front: float
    """Share of the best closed upright side."""
    flat: float
    """Share of that side's surface that lies on one plane."""
    rough: float
    """Share of the surface that is strongly curved."""
    waist: float
    """Width of its slimmest slice below the middle over that of its widest slice above: 0 where nothing was seen."""
    at_wall: bool
    """Whether a wall is beside it."""
    hangs_m: float
    """How far its top lies under the ceiling; infinite where none was seen."""
    on_top: bool
    """Whether it stands on another thing."""
    shade: bool
    """Whether what carries it is too thin to be seen: it is in the air over a floor or a top."""


def shape_of(
    box: OrientedBox,
    surfels: Surfels,
    members: Int64,
    floor: float,
    *,
    at_wall: bool,
    ceiling: float | None = None,
    on_top: bool = False,
    shade: bool = False,
) -> Shape:
    """Measure a thing.

    Args:
        box: Its box.
        surfels: The surface.
        members: Its surfels.
        floor: Height of the floor.
        at_wall: Whether a wall is beside it.
        ceiling: Height of the ceiling, where it was seen.
        on_top: Whether it stands on another thing.
        shade: Whether it is in the air over one, or over the floor.
    """
    local = (surfels.position[members] - box.T_world_box[:3, 3]) @ box.T_world_box[:3, :3]
    facing, area = surfels.normal[members] @ box.T_world_box[:3, :3], surfels.area[members]
    bottom = float(box.T_world_box[1, 3] - box.size[1] / 2) - floor
    height = local[:, 1] + float(box.T_world_box[1, 3]) - floor
    plan = _Plan.of(box, local, facing[:, 1], height)
    level_m, level_cover = plan.level(bottom + 0.02, np.inf)
    seat_m, seat_cover = plan.level(0.25, 0.62)
    back, raised = plan.raised(seat_m + RAISED_M) if seat_cover else (0.0, 0.0)
    front, flat = _front(box, local, facing, area)
    top = bottom + float(box.size[1])
    return Shape(
        width_m=float(max(box.size[0], box.size[2])),
        depth_m=float(min(box.size[0], box.size[2])),
        bottom_m=bottom,
        top_m=top,
        level_m=level_m,
        level_cover=level_cover,
        seat_m=seat_m,
        seat_cover=seat_cover,
        back=back,
        raised=raised,
        front=front,
        flat=flat,
        rough=float(area[surfels.curvature[members] > ROUGH].sum() / max(area.sum(), 1e-9)),
        waist=_waist(local, box),
        at_wall=at_wall,
        hangs_m=float("inf") if ceiling is None else ceiling - floor - top,
        on_top=on_top,
        shade=shade,
    )


def _waist(local: Float64, box: OrientedBox) -> float:
    cut = np.clip(((local[:, 1] / max(box.size[1], 1e-6) + 0.5) * SLICES).astype(int), 0, SLICES - 1)
    widths = np.zeros(SLICES)
    for k in range(SLICES):
        p = local[cut == k][:, [0, 2]]
        widths[k] = np.ptp(p, axis=0).max() if len(p) > 1 else 0.0
    half = SLICES // 2
    return float(widths[1:half].min() / max(widths[half:].max(), 1e-6))


@dataclass(frozen=True)
class _Plan:
    """Cells of a box's footprint: the highest surface and the highest level one, -inf = none."""

    top: Float64
    level_at: Float64

    @classmethod
    def of(cls, box: OrientedBox, local: Float64, up: Float64, height: Float64) -> _Plan:
        shape = np.maximum(np.ceil(box.size[[0, 2]] / CELL_M).astype(int), 1)
        cell = np.floor((local[:, [0, 2]] / np.maximum(box.size[[0, 2]], 1e-6) + 0.5) * shape).astype(int)
        inside = ((cell > -2) & (cell < shape + 1)).all(axis=1)
        i, j = np.clip(cell[inside], 0, shape - 1).T
        top = np.full(shape, -np.inf)
        np.maximum.at(top, (i, j), height[inside])
        level = np.full(shape, -np.inf)
        lie = up[inside] > LEVEL
        np.maximum.at(level, (i[lie], j[lie]), height[inside][lie])
        return cls(top, level)

    def level(self, low: float, high: float) -> tuple[float, float]:
        """Height and share of the footprint of the largest level part in a range of heights."""
        heights = np.sort(self.level_at[(self.level_at >= low) & (self.level_at <= high)])
        if not len(heights):
            return 0.0, 0.0
        count = np.searchsorted(heights, heights + BAND_M, side="right") - np.arange(len(heights))
        k = int(np.argmax(count))
        return float(np.median(heights[k : k + count[k]])), float(count[k] / self.top.size)

    def raised(self, over: float) -> tuple[float, float]:
        """(share of the best side's strip, share of the footprint) that rises over a height."""
        high = self.top > over
        sides = (high[: _strip(high.shape[0])], high[-_strip(high.shape[0]) :])
        sides2 = (high[:, : _strip(high.shape[1])].T, high[:, -_strip(high.shape[1]) :].T)
        return max(float(s.any(axis=0).mean()) for s in (*sides, *sides2)), float(high.mean())


def _strip(count: int) -> int:
    return max(round(0.3 * count), 1)


def _front(box: OrientedBox, local: Float64, facing: Float64, area: Float64) -> tuple[float, float]:
    """(share of the best closed side, share of its surface on one plane)."""
    best = (0.0, 0.0)
    for axis, across in ((0, 2), (2, 0)):
        for sign in (-1.0, 1.0):
            out = box.size[axis] / 2 - sign * local[:, axis]
            on = (sign * facing[:, axis] > 0.7) & (out < 0.12 + 0.15 * box.size[axis])
            side = float(box.size[across] * box.size[1])
            cover = float(area[on].sum()) / max(side, 1e-9)
            if cover * np.sqrt(side) > best[0] * np.sqrt(side) and cover > best[0]:
                middle = np.median(out[on])
                best = (cover, float(area[on][np.abs(out[on] - middle) < 0.03].sum() / max(area[on].sum(), 1e-9)))
    return min(best[0], 1.0), best[1]


def score_furniture(s: Shape, *, fine: bool = True) -> dict[str, float]:
    """Probability of each label, summing to 1; `fine` where the surface is fine enough to show leaves."""
    high = s.top_m - s.bottom_m
    stands, square = fade(s.bottom_m, 0.12, 0.2), s.depth_m / max(s.width_m, 1e-6)
    opened, closed = fade(s.front, 0.45, 0.75), rise(s.front, 0.35, 0.6)
    topped = rise(s.level_cover, 0.3, 0.55) * fade(s.top_m - s.level_m, 0.12, 0.25)
    seated = (
        rise(s.back, 0.45, 0.7) * _within(s.raised, 0.03, 0.06, 0.65, 0.8) * _within(s.top_m, 0.55, 0.65, 1.15, 1.35)
    )
    large = rise(s.width_m, 0.35, 0.45) * rise(s.depth_m, 0.25, 0.4)
    scores = {
        Label.TABLE: stands
        * topped
        * large
        * _within(s.level_m, 0.28, 0.36, 1.1, 1.25)
        * (0.15 + 0.85 * opened)
        * (1 - fade(s.level_m, 0.6, 0.68) * rise(s.width_m * s.depth_m, 1.2, 1.9)),  # couch tables are smaller
        Label.COUNTER: stands
        * max(
            topped * _within(s.level_m, 0.76, 0.83, 1.0, 1.08) * max(0.2, s.at_wall, closed),
            closed * max(s.at_wall, rise(s.width_m, 1.3, 1.6)) * _within(s.top_m, 0.8, 0.85, 1.0, 1.08),
        )
        * rise(s.width_m, 1.0, 1.3)
        * _within(s.depth_m, 0.42, 0.52, 0.8, 0.95),
        Label.COUCH: stands
        * seated
        * _within(s.seat_m, 0.28, 0.34, 0.56, 0.64)
        * rise(s.seat_cover, 0.12, 0.22)
        * rise(s.depth_m, 0.6, 0.74)
        * _within(s.width_m, 0.7, 0.8, 3.2, 4.0),
        Label.CHAIR: fade(s.bottom_m, 0.3, 0.45)
        * seated
        * _within(s.seat_m, 0.33, 0.38, 0.56, 0.62)
        * rise(s.seat_cover, 0.15, 0.35)
        * _within(s.width_m, 0.3, 0.38, 0.72, 0.85)
        * fade(s.depth_m, 0.62, 0.74),
        Label.BED: stands
        * _within(s.seat_m, 0.25, 0.32, 0.62, 0.7)
        * rise(s.seat_cover, 0.45, 0.65)
        * _within(s.width_m, 1.65, 1.8, 2.4, 2.7)
        * rise(s.depth_m, 0.7, 0.85)
        * fade(s.raised, 0.3, 0.45)
        * (0.3 + 0.7 * max(closed, rise(s.depth_m, 1.0, 1.3))),
        Label.SCREEN: rise(s.bottom_m, 0.35, 0.5)
        * fade(s.bottom_m, 1.35, 1.6)
        * fade(s.depth_m, 0.2, 0.32)
        * _within(high, 0.2, 0.28, 1.2, 1.5)
        * _within(s.width_m / max(high, 1e-6), 0.9, 1.2, 4.5, 6.0)
        * rise(s.front, 0.35, 0.6)
        * rise(s.flat, 0.5, 0.75)
        * (rise(s.width_m, 0.35, 0.45) if s.on_top else rise(s.width_m, 0.5, 0.65) * s.at_wall),
        Label.LAMP: _lamp(s, high, square),
        Label.PLANT: float(fine)
        * rise(s.rough, 0.1, 0.17)
        * fade(s.front, 0.35, 0.55)
        * fade(max(s.level_cover, s.seat_cover), 0.2, 0.4)
        * rise(high, 0.35, 0.5)
        * rise(square, 0.35, 0.5),
    }
    # What stands tall along a wall stores things, whether or not it has doors.
    tall = s.at_wall * rise(s.top_m, 1.3, 1.7) * rise(s.width_m, 0.55, 0.8) * fade(s.depth_m, 0.65, 0.85)
    store = (
        max(closed, 0.8 * tall) * rise(s.top_m, 0.36, 0.46) * rise(s.depth_m, 0.14, 0.22) * rise(s.width_m, 0.28, 0.4)
    )
    store *= max(stands, float(s.at_wall) * rise(s.bottom_m, 1.1, 1.3)) * (1 - 0.8 * max(scores.values()))
    # Things stand at all depths in a shelf; a cabinet is one plane.
    open_shelf = rise(s.rough, 0.05, 0.09) * rise(s.top_m, 0.9, 1.3)
    scores[Label.SHELF], scores[Label.CABINET] = store * open_shelf, store * (1 - open_shelf)
    scores[Label.OTHER] = max(1.0 - max(scores.values()), 0.05)
    total = sum(scores.values())
    return {str(label): round(v / total, 4) for label, v in scores.items() if v > 1e-4}


def _lamp(s: Shape, high: float, square: float) -> float:
    """A shade: small, about as deep as wide; under the ceiling, or carried by what is too thin to be seen."""
    shade = rise(square, 0.5, 0.7) * _within(s.width_m, 0.1, 0.18, 0.7, 0.95)
    pendant = rise(s.bottom_m, 1.6, 1.8) * fade(high, 0.8, 1.2)
    stem = max(float(s.shade), fade(s.waist, 0.35, 0.6))
    stands = s.on_top * _within(high, 0.15, 0.22, 0.75, 0.9) + (not s.on_top) * _within(s.top_m, 1.1, 1.3, 2.0, 2.2)
    return shade * max(pendant, stem * stands * fade(s.bottom_m, 1.2, 1.5))


def _within(x: float, low: float, full: float, still: float, high: float) -> float:
    return rise(x, low, full) * fade(x, still, high)
