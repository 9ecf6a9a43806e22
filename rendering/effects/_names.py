"""Places for names and lines in a picture such that none overlaps another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from sceneforge.core.arrays import Float64

GAP_PX = 3.0
"""Least distance between two boxes, and of boxes to the picture's rim."""
BENDS = (0.0, 0.12, -0.12, 0.25, -0.25, 0.4, -0.4, 0.6, -0.6)
"""How far the middle of a line is pushed aside, in lengths of the line; the first that is clear is taken."""


class Box(NamedTuple):
    """Pixels x0 <= x <= x1, y0 <= y <= y1."""

    x0: float
    y0: float
    x1: float
    y1: float

    def clear_of(self, other: Box, gap: float = GAP_PX) -> bool:
        """Whether two boxes keep a gap between them."""
        return (
            self.x1 + gap <= other.x0
            or other.x1 + gap <= self.x0
            or self.y1 + gap <= other.y0
            or other.y1 + gap <= self.y0
        )


@dataclass(frozen=True)
class Name:
    """A name that wants a place."""

    key: str
    """Unique in the picture, the same from frame to frame."""
    anchor: Float64
    """(2,) pixel it belongs to."""
    size: tuple[float, float]
    """Width and height of its box, pixels."""
    weight: float
    """The heavier are placed first."""


def place_names(
    names: Sequence[Name],
    size: tuple[int, int],
    *,
    taken: Sequence[Box] = (),
    before: Mapping[str, Float64] | None = None,
) -> dict[str, Box]:
    """Find boxes for names: inside the picture, none overlapping another; a name without room is left out.

    Greedy from the heaviest name on, over candidates on rings around the anchor. A name keeps its offset of the frame
    before while that is free, so that names do not jump.

    Args:
        names: What to place.
        size: Width and height of the picture.
        taken: Boxes to keep clear of.
        before: Offset (2,) from anchor to box centre by key, in the frame before.

    Returns:
        Box by key.
    """
    placed: dict[str, Box] = {}
    before = before or {}
    anchors = np.array([n.anchor for n in names]).reshape(-1, 2)
    for name in sorted(names, key=lambda n: (-n.weight, n.key)):
        best: tuple[float, Box] | None = None
        old = before.get(name.key)
        boxes = [*taken, *placed.values()]
        for offset in ([old] if old is not None else []) + _rings(name.size):
            box = _box(name.anchor + offset, name.size)
            if not _inside(box, size) or not all(box.clear_of(b) for b in boxes):
                continue
            if offset is old:
                best = (0.0, box)
                break
            covered = _covered(box, anchors, name.anchor)
            cost = float(np.hypot(*offset)) + 40.0 * covered + (6.0 if offset[1] > 0 else 0.0)
            if best is None or cost < best[0]:
                best = (cost, box)
        if best is not None:
            placed[name.key] = best[1]
    return placed


def _rings(size: tuple[float, float]) -> list[Float64]:
    """Offsets from an anchor to a box's centre, near ones first."""
    w, h = size
    out = [np.array([0.0, -h / 2 - 8])]
    for ring in range(6):
        for k in range(16):
            a = -np.pi / 2 + 2 * np.pi * k / 16
            reach = 10 + 16 * ring
            out.append(np.array([np.cos(a) * (w / 2 + reach), np.sin(a) * (h / 2 + reach)]))
    return out


def _box(centre: Float64, size: tuple[float, float]) -> Box:
    x, y = float(centre[0]), float(centre[1])
    return Box(x - size[0] / 2, y - size[1] / 2, x + size[0] / 2, y + size[1] / 2)


def _inside(box: Box, size: tuple[int, int]) -> bool:
    return box.x0 >= GAP_PX and box.y0 >= GAP_PX and box.x1 <= size[0] - GAP_PX and box.y1 <= size[1] - GAP_PX


def _covered(box: Box, anchors: Float64, own: Float64) -> int:
    """Anchors of others under a box."""
    x, y = anchors[:, 0], anchors[:, 1]
    inside = (x > box.x0) & (x < box.x1) & (y > box.y0) & (y < box.y1)
    return int(np.count_nonzero(inside & ((anchors != own).any(axis=1))))


@dataclass(frozen=True)
class Link:
    """A line between two anchors that wants a way."""

    key: str
    """Unique in the picture."""
    start: Float64
    """(2,) pixel."""
    end: Float64
    """(2,) pixel."""
    text: tuple[float, float] | None
    """Size of the box of its own name, None = unnamed."""
    weight: float
    """The heavier are laid first."""


@dataclass(frozen=True)
class Laid:
    """A line that found its way."""

    points: Float64
    """(n, 2) pixels."""
    name: Box | None
    """Where its name stands, on the line."""


def lay_links(links: Sequence[Link], boxes: Sequence[Box], size: tuple[int, int]) -> dict[str, Laid]:
    """Ways for lines such that none crosses a box or another line; a line without a way is left out.

    Lines may meet at a common anchor. Each is a parabola, tried with growing bends.

    Args:
        links: What to lay.
        boxes: Names that are placed already.
        size: Width and height of the picture.

    Returns:
        Line by key.
    """
    import shapely

    laid: dict[str, Laid] = {}
    walls: list[Any] = [shapely.box(*b) for b in boxes]
    lines: list[tuple[Link, Any]] = []
    names = list(boxes)
    for link in sorted(links, key=lambda k: (-k.weight, k.key)):
        length = float(np.hypot(*(link.end - link.start)))
        if length < 24:
            continue
        for bend in BENDS:
            points = _parabola(link.start, link.end, bend)
            if (points < 2).any() or (points > np.array(size) - 3).any():
                continue
            shape = shapely.LineString(points)
            if any(shape.intersects(w) for w in walls) or any(_meets(link, shape, *o) for o in lines):
                continue
            name = _on_line(link, points, names, [s for _, s in lines], size)
            laid[link.key] = Laid(points, name)
            lines.append((link, shape))
            if name is not None:
                names.append(name)
                walls.append(shapely.box(*name))
            break
    return laid


def _parabola(a: Float64, b: Float64, bend: float) -> Float64:
    """(25, 2) points from `a` to `b`, trimmed by the anchors' dots."""
    length = float(np.hypot(*(b - a)))
    t = np.linspace(7 / length, 1 - 7 / length, 25)[:, None]
    side = np.array([-(b - a)[1], (b - a)[0]])
    return np.asarray(a + t * (b - a) + 4 * bend * t * (1 - t) * side)


def _meets(link: Link, shape: Any, other: Link, line: Any) -> bool:
    """Whether a line comes within 3 pixels of another one, apart from the neighbourhood of an anchor they share."""
    import shapely

    for p in (link.start, link.end):
        if any(np.allclose(p, q, atol=0.5) for q in (other.start, other.end)):
            zone = shapely.Point(p).buffer(16)
            shape, line = shape.difference(zone), line.difference(zone)
    return bool(shape.distance(line) < 3) if not shape.is_empty and not line.is_empty else False


def _on_line(
    link: Link, points: Float64, boxes: Sequence[Box], lines: Sequence[Any], size: tuple[int, int]
) -> Box | None:
    """A place for a line's name on the line."""
    import shapely

    if link.text is None:
        return None
    run = sum(float(np.hypot(*(q - p))) for p, q in pairwise(points))
    if run < link.text[0] + 30:
        return None
    for k in (12, 10, 14, 8, 16, 6, 18):
        box = _box(points[k], link.text)
        if not _inside(box, size) or not all(box.clear_of(b) for b in boxes):
            continue
        if not any(shapely.box(*box).intersects(line) for line in lines):
            return box
    return None
