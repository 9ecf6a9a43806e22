"""Doors, windows and pictures that a headset knows of: put onto the walls that were scanned, and cut out of them.

A headset's mesh is flattened onto its walls, so that a door, a pane or a picture mostly leaves nothing in it. Where its
rectangle lies on a wall that was scanned, that much is checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sceneforge.core import Label, Mesh, Plane
from sceneforge.core.arrays import Float64, Int32

from .labelling import ON_WALLS
from .structure import rebounded

ALIGNED = float(np.cos(np.radians(10)))
REACH_M = 0.3
"""An entity this far off a wall is still that wall's, put down wrongly."""
WORTH_SAYING_M = 0.1
ON_WALL = 0.5
"""Least share of the rectangle that must lie on the wall."""
ON_WALL_TRUST, LOOSE_TRUST = 0.75, 0.25
"""Confidence of what lies on a wall that was scanned, and of what lies on none."""
SAME = 0.2
"""Share of the smaller one that two openings of a wall must have in common to be the same."""
FLUSH_M = 0.06


def put_on_walls(planes: Sequence[Plane], device: int) -> tuple[list[Plane], list[str]]:
    """Put the device's doors, windows and pictures onto walls.

    Args:
        planes: Those of the geometry, then those that only the device knows.
        device: Index of the first of these.

    Returns:
        (The planes: walls with holes, rectangles on their wall's plane, and in place of an opening of the geometry
        that is the same; a line for each that was moved by 10 cm or more, or is on no wall).
    """
    out, gone, notes = list(planes), set(), []
    for i in range(device, len(out)):
        plane = out[i]
        if plane.label not in ON_WALLS:
            continue
        host, off = _host(plane, out)
        if host < 0:
            notes.append(f"the device's {plane.label} {plane.id} lies on no wall that was scanned")
            out[i] = _trusted(plane, LOOSE_TRUST)
            continue
        wall = out[host]
        if abs(off) >= WORTH_SAYING_M:
            far = f"{1000 * abs(off):.0f} mm off {wall.id}"
            notes.append(f"the device's {plane.label} {plane.id} lay {far} and was moved onto it")
        ring = _ring(wall, plane)
        moved = _trusted(rebounded(replace(plane, T_world_plane=wall.T_world_plane), ring, (), 0.0), ON_WALL_TRUST)
        if plane.label is not Label.WALL_ART:
            out[host] = _cut(wall, ring)
        same = _same(moved, out[:device])
        if same < 0:
            out[i] = moved
        else:
            seen = out[same].observed_fraction
            out[same] = replace(moved, id=out[same].id, source="both", observed_fraction=seen)
            gone.add(i)
    return [p for i, p in enumerate(out) if i not in gone], notes


def instances_on_walls(mesh: Mesh, instances: Int32, planes: Sequence[Plane]) -> Int32:
    """Index (N,) of each vertex's plane, -1 = none, with the flush surface of openings and pictures given to them.

    Args:
        mesh: The surface.
        instances: The same before: such surface is its wall's.
        planes: All planes.
    """
    import shapely

    out = instances.copy()
    for i, p in enumerate(planes):
        if p.label not in ON_WALLS or p.source == "geometry":
            continue
        local = p.to_local(mesh.vertices.astype(np.float64))
        near = np.flatnonzero(np.abs(local[:, 1]) < FLUSH_M)
        inside = near[shapely.contains_xy(_polygon(p.polygon), local[near, 0], local[near, 2])]
        on_wall = np.array([k < 0 or planes[k].label is Label.WALL for k in out[inside]], dtype=bool)
        out[inside[on_wall]] = i
    return out


def _host(plane: Plane, planes: Sequence[Plane]) -> tuple[int, float]:
    """Index of the wall that a rectangle lies on, and its mean distance from it; -1 where there is none."""
    best: tuple[float, float, int, float] | None = None
    for i, wall in enumerate(planes):
        if wall.label is not Label.WALL or abs(float(wall.normal @ plane.normal)) < ALIGNED:
            continue
        off = float(wall.to_local(plane.to_world(plane.polygon))[:, 1].mean())
        outline = _polygon(_ring(wall, plane))
        shared = float(outline.intersection(_polygon(wall.polygon).buffer(0.1)).area / max(outline.area, 1e-9))
        if abs(off) < REACH_M and shared >= ON_WALL and (best is None or (-round(shared, 3), abs(off), i) < best[:3]):
            best = (-round(shared, 3), abs(off), i, off)
    return (-1, 0.0) if best is None else (best[2], best[3])


def _ring(wall: Plane, plane: Plane) -> Float64:
    """The outline in the wall's own [x, z], its shoelace area positive."""
    ring = wall.to_local(plane.to_world(plane.polygon))[:, [0, 2]]
    x, z = ring.T
    return np.asarray(ring if x @ np.roll(z, -1) - z @ np.roll(x, -1) > 0 else ring[::-1])


def _same(plane: Plane, planes: Sequence[Plane]) -> int:
    """Index of the opening or picture of the geometry that a rectangle on the same wall covers; -1 where none is."""
    outline = _polygon(plane.polygon)
    for i, p in enumerate(planes):
        if p.label not in ON_WALLS or abs(float(p.normal @ plane.normal)) < ALIGNED:
            continue
        local = plane.to_local(p.to_world(p.polygon))
        if abs(float(local[:, 1].mean())) > REACH_M:
            continue
        other = _polygon(local[:, [0, 2]])
        if outline.intersection(other).area > SAME * min(outline.area, other.area):
            return i
    return -1


def _cut(wall: Plane, ring: Float64) -> Plane:
    """The wall with a hole, which stays 1 cm inside its outline; holes that touch become one."""
    from shapely.ops import unary_union

    outer = _polygon(wall.polygon)
    hole = _polygon(ring).intersection(outer.buffer(-0.01, join_style="mitre"))
    merged = unary_union([hole, *(_polygon(h) for h in wall.holes)])
    parts = [g for g in getattr(merged, "geoms", [merged]) if g.geom_type == "Polygon" and not g.is_empty]
    holes = []
    for g in parts:
        corners = np.asarray(g.exterior.coords)[:-1]
        x, z = corners.T
        holes.append(np.round(corners if x @ np.roll(z, -1) - z @ np.roll(x, -1) < 0 else corners[::-1], 6))
    left = float(outer.area - sum(_polygon(h).area for h in holes))
    if left < 0.05 * outer.area:
        return wall
    seen = min(wall.observed_fraction * wall.area_m2 / max(left, 1e-9), 1.0)
    return replace(wall, holes=tuple(holes), area_m2=round(left, 6), observed_fraction=round(seen, 6))


def _trusted(plane: Plane, trust: float) -> Plane:
    scores = {str(plane.label): trust, str(Label.UNLABELLED): round(1 - trust, 6)}
    return replace(plane, confidence=trust, scores=scores)


def _polygon(outline: Any) -> Any:
    from shapely.geometry import Polygon

    shape = Polygon(outline)
    return shape if shape.is_valid else shape.buffer(0)
