"""The canonical labels. `sceneforge.core.crosswalk` maps them to and from every platform's vocabulary."""

from __future__ import annotations

from enum import StrEnum


class Label(StrEnum):
    """What a surface or object is. The order is frozen, files store positions in it: new labels go to the end."""

    UNLABELLED = "unlabelled"
    FLOOR = "floor"
    CEILING = "ceiling"
    WALL = "wall"
    TABLE = "table"
    SEAT = "seat"
    OTHER = "other"
    DOOR = "door"
    WINDOW = "window"
    OPENING = "opening"
    DESK = "desk"
    COUCH = "couch"
    CHAIR = "chair"
    BED = "bed"
    STORAGE = "storage"
    SHELF = "shelf"
    COUNTER = "counter"
    CABINET = "cabinet"
    SCREEN = "screen"
    LAMP = "lamp"
    PLANT = "plant"
    WALL_ART = "wall_art"
    WHITEBOARD = "whiteboard"
    CURTAIN = "curtain"
    BLINDS = "blinds"
    RUG = "rug"
    PILLOW = "pillow"
    MIRROR = "mirror"
    BOOKS = "books"
    CLOTHES = "clothes"
    TOWEL = "towel"
    BAG = "bag"
    BOX = "box"
    TRASH_CAN = "trash_can"
    FIREPLACE = "fireplace"
    STAIRS = "stairs"
    COLUMN = "column"
    BEAM = "beam"
    RADIATOR = "radiator"
    AIR_CONDITIONER = "air_conditioner"
    APPLIANCE = "appliance"
    REFRIGERATOR = "refrigerator"
    STOVE = "stove"
    OVEN = "oven"
    DISHWASHER = "dishwasher"
    WASHER_DRYER = "washer_dryer"
    SINK = "sink"
    TOILET = "toilet"
    BATHTUB = "bathtub"
    SHOWER = "shower"
    PERSON = "person"
    PET = "pet"
    VIRTUAL_WALL = "virtual_wall"
    INNER_WALL = "inner_wall"
    PLATFORM = "platform"
    GLOBAL_MESH = "global_mesh"

    @property
    def number(self) -> int:
        """Position in the order, as stored per vertex; 0 = unlabelled."""
        return _NUMBERS[self]


_NUMBERS = {label: i for i, label in enumerate(Label)}

LABEL_NAMES: tuple[str, ...] = tuple(label.value for label in Label)
"""Names by number."""

HORIZONTAL_SUPPORTS = frozenset(
    {
        Label.FLOOR,
        Label.TABLE,
        Label.SEAT,
        Label.DESK,
        Label.COUCH,
        Label.CHAIR,
        Label.BED,
        Label.STORAGE,
        Label.SHELF,
        Label.COUNTER,
        Label.CABINET,
        Label.RUG,
        Label.PLATFORM,
        Label.OTHER,
    }
)
"""Labels of surfaces that content can stand on when they face up."""
