"""Labels of planes from geometry alone: which way they face, how high they lie, how large and how flat they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core import Label

STRUCTURE = (Label.FLOOR, Label.CEILING, Label.WALL)
"""What bounds a room, as against what stands in it."""
ON_WALLS = (Label.DOOR, Label.WINDOW, Label.OPENING, Label.WALL_ART)
"""What is part of a wall or hangs on it."""

LEVEL_COS = float(np.cos(np.radians(20)))
UPRIGHT_COS = float(np.sin(np.radians(20)))
HAND_HELD_M = 0.65
"""Higher above a large level surface than this, cameras are over a floor unless a lower one is seen."""
MAX_BELOW = 0.003
"""Share of the scene's surface that noise puts below the floor."""


@dataclass(frozen=True)
class PlaneFacts:
    """What the labels are decided on. Heights are along up, metres, in the scene's world."""

    up_cosine: float
    """Normal . up."""
    height: float
    """Mean height."""
    bottom: float
    """Lowest point."""
    top: float
    """Highest point."""
    area_m2: float
    """Outline less holes."""
    width_m: float
    """Shorter side of the least rectangle around the outline."""
    rms_m: float
    """Flatness."""
    compact: float
    """Area over that of the least rectangle around the outline: 1 for a rectangle, 0.79 for a disk."""
    backed: float
    """Share of the rim from which a surface rises by 0.2-0.4 m and no farther: a backrest or armrests, not a wall."""
    beyond: float
    """Share of the scene's surface that lies behind the plane: about 0 for the walls of a room."""


@dataclass(frozen=True)
class Levels:
    """Reference heights."""

    floor: float | None
    """Height of the floor, None when none was seen."""
    assumed_floor: float
    """The floor, or where it would be under a camera held at 1.5 m."""
    camera: float | None
    """Median camera height."""
    ceiling: float | None
    """Height of the ceiling."""


def find_levels(facts: list[PlaneFacts], camera_height: float | None, pitch_deg: float = 0.0) -> Levels:
    """The floor is the lowest level surface that is large enough, where nothing says that it is a table's.

    Args:
        facts: Level and other planes, all that were found.
        camera_height: Median height of the cameras; None where the capture does not say.
        pitch_deg: Median angle by which they look down.
    """
    level = [f for f in facts if f.up_cosine > LEVEL_COS]
    floor = None
    if level:
        largest = max(f.area_m2 for f in level)
        big = [f for f in level if f.area_m2 >= max(0.12 * largest, 0.15)]
        lowest = min(big, key=lambda f: f.height)
        # Lower by less than 12 cm is the same floor measured twice: take the larger piece.
        same = [f for f in big if f.height - lowest.height < 0.12]
        best = max(same, key=lambda f: f.area_m2)
        if camera_height is None or _stood_on(best, facts, camera_height - best.height, pitch_deg):
            floor = best.height
    if floor is not None:
        assumed = floor
    elif camera_height is not None:
        assumed = camera_height - 1.5
    else:
        assumed = min((f.bottom for f in facts), default=0.0)
    ceilings = [
        f
        for f in facts
        if f.up_cosine < -LEVEL_COS and f.height - assumed > 1.9 and (camera_height is None or f.height > camera_height)
    ]
    ceiling = max(ceilings, key=lambda f: f.area_m2).height if ceilings else None
    return Levels(floor, assumed, camera_height, ceiling)


def _stood_on(level: PlaneFacts, facts: list[PlaneFacts], camera_m: float, pitch_deg: float) -> bool:
    """Whether the lowest level surface is a floor and not the top of a table that fills the view.

    People hold cameras 1 to 1.8 m above the floor and mostly less above a table; robots and children look from lower.
    Past the edge of a table one sees lower things, past that of a floor never. So a low camera is over a floor when
    nothing is lower and one of these shows: more of it than tables have, things on it that are taller than those on
    tables, a scene that rises high, or a camera so low that it looks across it.

    Args:
        level: The surface.
        facts: All planes.
        camera_m: Median height of the cameras over it.
        pitch_deg: Median angle by which they look down.
    """
    if camera_m > HAND_HELD_M:
        return True
    if camera_m < 0 or level.beyond > MAX_BELOW:
        return False
    upright = [f for f in facts if abs(f.up_cosine) < UPRIGHT_COS]
    standing = [f for f in upright if abs(f.bottom - level.height) < 0.1 and f.top - level.height > 0.5]
    high = [f for f in facts if f.top - level.height > 0.7]
    large = level.area_m2 > 2.5 and level.width_m > 1.3
    tall = sum(f.area_m2 for f in standing) > 0.2 or sum(f.area_m2 for f in high) > 0.3
    return large or tall or (camera_m < 0.4 and pitch_deg < 20)


def score_labels(f: PlaneFacts, levels: Levels) -> dict[str, float]:
    """Probability of each label, summing to 1: a product of soft thresholds per label, normalised against "other"."""
    h = f.height - levels.assumed_floor
    scores = dict.fromkeys((Label.FLOOR, Label.CEILING, Label.WALL, Label.TABLE, Label.SEAT), 0.0)
    if f.up_cosine > LEVEL_COS:
        if levels.floor is not None:
            scores[Label.FLOOR] = fade(abs(h), 0.05, 0.12) * rise(f.area_m2, 0.05, 0.3)
        size = rise(f.area_m2, 0.08, 0.2) * rise(f.width_m, 0.15, 0.3)
        table_height = rise(h, 0.30, 0.42) * fade(h, 1.05, 1.25)
        seat_height = rise(h, 0.22, 0.32) * fade(h, 0.52, 0.62)
        soft = 0.25 * rise(f.rms_m, 0.004, 0.010) + 0.75
        seat_like = rise(f.backed, 0.12, 0.32)
        tall = rise(h, 0.52, 0.62)
        tilt_deg = float(np.degrees(np.arccos(min(f.up_cosine, 1.0))))
        scores[Label.SEAT] = size * seat_height * (0.15 + 0.85 * seat_like * soft) * fade(f.area_m2, 2.0, 3.0)
        top = tall + (1 - tall) * (1 - 0.85 * seat_like)
        # A small ragged patch is the top of a cushion or a shelf's clutter; a large one a table seen in part.
        shaped = 0.35 + 0.65 * max(rise(f.compact, 0.45, 0.7), rise(f.area_m2, 0.4, 0.9))
        scores[Label.TABLE] = size * table_height * top * shaped * fade(tilt_deg, 4, 9)
    elif f.up_cosine < -LEVEL_COS:
        above = 1.0 if levels.camera is None else rise(f.height - levels.camera, 0.1, 0.4)
        # Beams, lamps and shelves face down too: a small piece is ceiling only at the ceiling's own height.
        off = 0.0 if levels.ceiling is None else abs(f.height - levels.ceiling)
        own = max(fade(off, 0.05, 0.1), rise(f.area_m2, 1.0, 2.5))
        scores[Label.CEILING] = rise(h, 1.7, 2.1) * rise(f.area_m2, 0.1, 0.5) * above * own
    elif f.up_cosine < -UPRIGHT_COS:
        # The slope of a roof: large, over one's head for the most part, and nothing of the scene lies beyond it.
        outer = fade(f.beyond, 0.01, 0.06)
        scores[Label.CEILING] = rise(h, 1.1, 1.5) * rise(f.area_m2, 0.8, 2.0) * outer * rise(f.width_m, 0.5, 0.9)
    elif abs(f.up_cosine) < UPRIGHT_COS:
        span = f.top - f.bottom
        reach = rise(f.top - levels.assumed_floor, 1.2, 1.9)
        outer = fade(f.beyond, 0.02, 0.15)
        broad = rise(f.area_m2, 0.4, 1.5) * rise(span, 0.5, 1.2)
        scores[Label.WALL] = broad * (0.25 + 0.45 * outer + 0.3 * reach) * (0.4 + 0.6 * max(reach, outer))
    best = max(scores.values())
    scores[Label.OTHER] = max(1.0 - best, 0.02)
    total = sum(scores.values())
    return {str(label): round(s / total, 6) for label, s in scores.items() if s > 0}


def rise(x: float, low: float, high: float) -> float:
    """0 below `low`, 1 above `high`, smooth between."""
    t = float(np.clip((x - low) / (high - low), 0, 1))
    return t * t * (3 - 2 * t)


def fade(x: float, low: float, high: float) -> float:
    """1 below `low`, 0 above `high`, smooth between."""
    return 1 - rise(x, low, high)
