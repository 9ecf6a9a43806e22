"""What other systems call things, as data for `crosswalk`.

Each vocabulary lists its names once: under `exact` when the name means what our label means, no more and no less; under
`lossy` when reading it loses or guesses something, the best name for a label first; under `others` when the best we can
say is "other".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .labels import Label


@dataclass(frozen=True)
class Vocabulary:
    """The names of one system."""

    title: str
    """For people."""
    rest: str
    """The name written for a label that has nothing near it here."""
    exact: Mapping[str, Label]
    """Names with exactly our meaning; no label twice."""
    lossy: Mapping[str, Label] = field(default_factory=dict)
    """Names that are narrower, wider or deprecated -> the nearest label."""
    others: tuple[str, ...] = ()
    """Names read as `other`, never written."""
    nearest: Mapping[Label, str] = field(default_factory=dict)
    """Names to write for labels where `NEAREST` would choose badly."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Spellings met in the wild -> the name they stand for."""


NEAREST: Mapping[Label, tuple[Label, ...]] = {
    Label.CEILING: (Label.WALL,),
    Label.TABLE: (Label.DESK, Label.PLATFORM),
    Label.SEAT: (Label.COUCH, Label.CHAIR),
    Label.DOOR: (Label.OPENING, Label.WALL),
    Label.WINDOW: (Label.WALL,),
    Label.OPENING: (Label.DOOR, Label.VIRTUAL_WALL),
    Label.DESK: (Label.TABLE, Label.PLATFORM),
    Label.COUCH: (Label.SEAT, Label.CHAIR),
    Label.CHAIR: (Label.SEAT, Label.COUCH),
    Label.BED: (Label.PLATFORM,),
    Label.STORAGE: (Label.CABINET, Label.SHELF),
    Label.SHELF: (Label.STORAGE, Label.CABINET),
    Label.COUNTER: (Label.TABLE, Label.PLATFORM),
    Label.CABINET: (Label.STORAGE, Label.SHELF),
    Label.WHITEBOARD: (Label.WALL_ART,),
    Label.CURTAIN: (Label.BLINDS, Label.WINDOW, Label.WALL),
    Label.BLINDS: (Label.CURTAIN, Label.WINDOW, Label.WALL),
    Label.RUG: (Label.FLOOR,),
    Label.MIRROR: (Label.WALL_ART,),
    Label.COLUMN: (Label.INNER_WALL, Label.WALL),
    Label.BEAM: (Label.CEILING,),
    Label.RADIATOR: (Label.APPLIANCE,),
    Label.AIR_CONDITIONER: (Label.APPLIANCE,),
    Label.REFRIGERATOR: (Label.APPLIANCE,),
    Label.STOVE: (Label.OVEN, Label.APPLIANCE),
    Label.OVEN: (Label.STOVE, Label.APPLIANCE),
    Label.DISHWASHER: (Label.APPLIANCE,),
    Label.WASHER_DRYER: (Label.APPLIANCE,),
    Label.VIRTUAL_WALL: (Label.OPENING,),
    Label.INNER_WALL: (Label.WALL,),
    Label.PLATFORM: (Label.TABLE,),
}
"""For labels a vocabulary lacks: the labels to try instead, nearest first."""
