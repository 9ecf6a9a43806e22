"""What devices call surfaces and furniture, as our labels."""

from __future__ import annotations

from sceneforge.core.labels import Label

META: dict[str, Label] = {
    "FLOOR": Label.FLOOR,
    "CEILING": Label.CEILING,
    "WALL_FACE": Label.WALL,
    "INVISIBLE_WALL_FACE": Label.VIRTUAL_WALL,
    "INNER_WALL_FACE": Label.INNER_WALL,
    "TABLE": Label.TABLE,
    "DESK": Label.DESK,
    "COUCH": Label.COUCH,
    "DOOR_FRAME": Label.DOOR,
    "WINDOW_FRAME": Label.WINDOW,
    "OPENING": Label.OPENING,
    "STORAGE": Label.STORAGE,
    "BED": Label.BED,
    "SCREEN": Label.SCREEN,
    "LAMP": Label.LAMP,
    "PLANT": Label.PLANT,
    "WALL_ART": Label.WALL_ART,
    "GLOBAL_MESH": Label.GLOBAL_MESH,
    "OTHER": Label.OTHER,
    "UNKNOWN": Label.UNLABELLED,
}
"""Meta's scene labels (MRUK and WebXR's semanticLabel)."""

ROOMPLAN: dict[str, Label] = {
    "wall": Label.WALL,
    "floor": Label.FLOOR,
    "door": Label.DOOR,
    "window": Label.WINDOW,
    "opening": Label.OPENING,
    "storage": Label.STORAGE,
    "refrigerator": Label.REFRIGERATOR,
    "stove": Label.STOVE,
    "bed": Label.BED,
    "sink": Label.SINK,
    "washerDryer": Label.WASHER_DRYER,
    "toilet": Label.TOILET,
    "bathtub": Label.BATHTUB,
    "oven": Label.OVEN,
    "dishwasher": Label.DISHWASHER,
    "table": Label.TABLE,
    "sofa": Label.COUCH,
    "chair": Label.CHAIR,
    "fireplace": Label.FIREPLACE,
    "television": Label.SCREEN,
    "stairs": Label.STAIRS,
}
"""Categories of Apple's CapturedRoom."""
