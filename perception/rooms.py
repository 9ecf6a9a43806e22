"""The room as far as it was seen: floor outline, height, walls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sceneforge.core import Label, Plane, Room

OPENINGS = (Label.DOOR, Label.WINDOW, Label.OPENING)


def find_rooms(planes: tuple[Plane, ...]) -> tuple[Room, ...]:
    """One room around the largest floor; none when no floor was seen.

    Height is the distance to the largest ceiling. Walls belong to it when they come within a metre of the floor's
    outline. Confidence falls with the share of the floor's outline that was only filled in.
    """
    from shapely.geometry import LineString, Polygon

    floors = [p for p in planes if p.label is Label.FLOOR]
    if not floors:
        return ()
    floor = max(floors, key=lambda p: p.area_m2)
    outline = np.round(floor.to_world(floor.polygon)[:, [0, 2]], 6)
    shape = Polygon(outline).buffer(0)
    ceilings = [p for p in planes if p.label is Label.CEILING]
    ceiling = max(ceilings, key=lambda p: p.area_m2, default=None)
    walls = [
        p
        for p in planes
        if p.label is Label.WALL and LineString(p.to_world(p.polygon)[:, [0, 2]]).distance(shape) < 1.0
    ]
    return (
        Room(
            id="room_0",
            kind="room",
            confidence=round(floor.confidence * floor.observed_fraction, 4),
            floor=floor.id,
            ceiling=None if ceiling is None else ceiling.id,
            walls=tuple(p.id for p in walls),
            polygon=outline,
            height_m=None if ceiling is None else round(float(ceiling.origin[1] - floor.origin[1]), 4),
        ),
    )


def with_openings(rooms: tuple[Room, ...], planes: tuple[Plane, ...]) -> tuple[Room, ...]:
    """The rooms with every door, window and passage on their outline (within 25 cm), those known before first."""
    from shapely.geometry import Point, Polygon

    upright = [p for p in planes if p.label in OPENINGS and abs(p.normal[1]) < 0.5]
    out = []
    for room in rooms:
        edge = Polygon(room.polygon).exterior
        near = [p.id for p in upright if edge.distance(Point(p.origin[0], p.origin[2])) < 0.25]
        out.append(replace(room, openings=(*room.openings, *(i for i in near if i not in room.openings))))
    return tuple(out)
