"""Colours of labels in plans and label pictures."""

from __future__ import annotations

from sceneforge.core import Label

PAPER, INK, SOFT, FAINT = (250, 249, 246), (38, 41, 46), (122, 126, 132), (206, 205, 200)
PATH = (214, 84, 62)

_TINTS: dict[Label, tuple[int, int, int]] = {
    Label.FLOOR: (236, 226, 208),
    Label.WALL: (92, 106, 128),
    Label.CEILING: (196, 206, 216),
    Label.TABLE: (222, 148, 74),
    Label.DESK: (222, 148, 74),
    Label.COUNTER: (205, 124, 82),
    Label.SEAT: (92, 160, 142),
    Label.COUCH: (92, 160, 142),
    Label.CHAIR: (108, 172, 128),
    Label.BED: (142, 128, 188),
    Label.STORAGE: (150, 132, 116),
    Label.CABINET: (150, 132, 116),
    Label.SHELF: (168, 146, 120),
    Label.DOOR: (176, 96, 88),
    Label.WINDOW: (110, 174, 214),
    Label.OPENING: (216, 196, 120),
    Label.SCREEN: (84, 96, 168),
    Label.PLANT: (118, 168, 84),
    Label.LAMP: (232, 196, 84),
    Label.WALL_ART: (196, 112, 152),
    Label.RUG: (204, 172, 168),
}
_REST = (158, 154, 166)


def tint(label: Label) -> tuple[int, int, int]:
    """sRGB colour of a label."""
    return _TINTS.get(label, _REST)
