"""Lamps, plants, pictures, rugs, screens and table things."""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import Float64

from .item import Item, front, top
from .shapes import Part, box, lathe, sheet, tube

Rng = np.random.Generator


def rug(rng: Rng, step: float, *, width: float = 2.5, depth: float = 1.7) -> Item:
    """A patterned carpet, 11 mm thick."""
    part = box((width, 0.011, depth), "rug", bevel=0.004, step=step)
    uv = np.stack([part.vertices[:, 0] / width + 0.5, 0.5 - part.vertices[:, 2] / depth], 1)
    part = Part(part.vertices, part.normals, np.clip(uv, 0.004, 0.996), part.faces, "rug")
    return Item("rug", "rug", (part,), (top("rug", width - 0.008, depth - 0.008, 0.011),), blocking=False)


def floor_lamp(rng: Rng, step: float) -> Item:
    """A standing lamp: weighted foot, slim stem, linen drum shade lit from inside."""
    stem = [(0.0, 0.0), (0.14, 0.0), (0.14, 0.018), (0.02, 0.03), (0.011, 0.05), (0.011, 1.46), (0.0, 1.46)]
    parts = [lathe(stem, "brass", around=28, step=0.06), *_drum(0.17, 0.21, 0.27, step, 1.36)]
    return Item("lamp", "lamp", tuple(parts))


def table_lamp(rng: Rng, step: float, name: str = "table_lamp") -> Item:
    """A ceramic-footed bedside lamp."""
    foot = [
        (0.0, 0.0),
        (0.055, 0.0),
        (0.075, 0.05),
        (0.06, 0.11),
        (0.02, 0.16),
        (0.012, 0.19),
        (0.010, 0.26),
        (0.0, 0.26),
    ]
    return Item(
        name,
        "lamp",
        (lathe(foot, "ceramic", around=24, step=0.02), *_drum(0.10, 0.13, 0.16, step, 0.21)),
        blocking=False,
    )


def _drum(r_top: float, r_low: float, height: float, step: float, y: float) -> list[Part]:
    outer = lathe(
        [(r_low, 0.0), (r_top, height), (r_top - 0.004, height), (r_low - 0.004, 0.0), (r_low, 0.0)],
        "shade",
        around=36,
        step=step,
    )
    bulb = lathe([(0.0, 0.0), (0.02, 0.005), (0.032, 0.04), (0.022, 0.07), (0.0, 0.078)], "glow", around=16, step=0.02)
    return [outer.at(y=y), bulb.at(y=y + 0.1)]


def pendant(rng: Rng, step: float) -> Item:
    """A ceiling lamp: a shallow opal bowl under the ceiling, its top at the origin's height."""
    rim = lathe([(0.0, -0.045), (0.19, -0.045), (0.19, 0.0), (0.0, 0.0)], "brass", around=36, step=0.04)
    bowl = lathe(
        [(0.0, -0.12), (0.08, -0.115), (0.14, -0.095), (0.18, -0.046), (0.0, -0.046)], "glow", around=36, step=0.03
    )
    return Item("ceiling_lamp", "lamp", (rim, bowl), blocking=False, on="ceiling")


def plant(rng: Rng, step: float, *, height: float = 1.25, leaves: int = 15) -> Item:
    """A broad-leaved pot plant: stems arching from a clay pot, each carrying a folded, drooping leaf."""
    pot = [
        (0.0, 0.0),
        (0.12, 0.0),
        (0.165, 0.28),
        (0.175, 0.28),
        (0.175, 0.31),
        (0.15, 0.31),
        (0.145, 0.27),
        (0.0, 0.27),
    ]
    parts = [lathe(pot, "clay" if rng.random() < 0.5 else "ceramic", around=36, step=step)]
    parts.append(lathe([(0.0, 0.272), (0.146, 0.272)][::-1], "soil", around=24, step=0.04))
    for k in range(leaves):
        around = 2.399963 * k + rng.normal(0, 0.15)
        rise = height - 0.32 - 0.045 * (leaves - k) * rng.uniform(0.7, 1.0)
        reach = 0.10 + 0.16 * (1 - k / leaves) + rng.uniform(0, 0.06)
        t = np.linspace(0, 1, 9)
        out = reach * t**1.6
        path = np.stack(
            [out * np.cos(around), 0.26 + max(rise, 0.2) * np.sin(t * 1.25) / np.sin(1.25), -out * np.sin(around)], 1
        )
        parts.append(tube(path, 0.0055, "leaf_dark", around=7))
        parts.append(_leaf(rng, path[-1], around, rng.uniform(0.20, 0.30)))
    return Item("plant", "plant", tuple(parts))


def _leaf(rng: Rng, root: Float64, around: float, length: float) -> Part:
    s = np.linspace(0.0, 1.0, 11)
    width = 0.40 * length * np.sin(np.pi * s**0.75) ** 0.8 + 0.002
    droop = rng.uniform(0.6, 1.3)
    along, lift = length * s * (1 - 0.18 * s), length * (0.45 * s - droop * 0.62 * s**2)
    across = np.linspace(-1, 1, 7)
    fold = 0.22
    out = along[:, None] + 0 * across
    side = width[:, None] * across
    up = lift[:, None] + fold * np.abs(across) * width[:, None] - 0.10 * length * (across**2) * s[:, None]
    c, n = np.cos(around), np.sin(around)
    points = np.stack([root[0] + out * c + side * n, root[1] + up, root[2] - out * n + side * c], -1)
    return sheet(points, "leaf" if rng.random() < 0.6 else "leaf_dark", size=(0.1, length))


def picture(
    rng: Rng, step: float, style: int, *, width: float = 0.9, height: float = 0.65, name: str = "picture"
) -> Item:
    """A framed print; the back of the frame lies in the plane z = 0, bottom at y = 0."""
    bar, deep = 0.028, 0.026
    frame = "wood_dark" if rng.random() < 0.6 else "wood"
    parts = [box((width, bar, deep), frame, bevel=0.003, step=step).at(0, y, deep / 2) for y in (0.0, height - bar)]
    parts += [
        box((bar, height - 2 * bar, deep), frame, bevel=0.003, step=step).at(s * (width - bar) / 2, bar, deep / 2)
        for s in (-1, 1)
    ]
    w, h = width - 2 * bar, height - 2 * bar
    x, y = np.meshgrid(np.linspace(-w / 2, w / 2, 9), np.linspace(bar, height - bar, 7))
    print_ = sheet(np.stack([x, y, np.full_like(x, 0.014)], -1), f"painting_{style}", size=(1.0, 1.0), two_sided=False)
    return Item(name, "wall_art", (*parts, print_), (front("wall_art", w, h, bar, 0.014),), blocking=False)


def television(rng: Rng, step: float, *, width: float = 1.22) -> Item:
    """A flat screen on a low stand."""
    height = width * 0.575
    parts = [box((width, height, 0.03), "black", bevel=0.006, step=step).at(y=0.07)]
    x, y = np.meshgrid(np.linspace(-width / 2 + 0.012, width / 2 - 0.012, 24), np.linspace(0.085, 0.055 + height, 14))
    parts.append(sheet(np.stack([x, y, np.full_like(x, 0.0155)], -1), "screen", size=(1.2, 0.7), two_sided=False))
    parts.append(box((0.09, 0.10, 0.03), "black", bevel=0.004, step=step).at(0, 0.006, -0.012))
    parts.append(box((0.46, 0.012, 0.22), "black", bevel=0.004, step=step))
    return Item(
        "tv", "screen", tuple(parts), (front("screen", width - 0.024, height - 0.03, 0.085, 0.0155),), blocking=False
    )


def speaker(rng: Rng, step: float) -> Item:
    """A small bookshelf loudspeaker."""
    parts = [box((0.15, 0.25, 0.18), "wood_dark", bevel=0.006, step=step)]
    for radius, y in ((0.052, 0.08), (0.026, 0.185)):
        cone = [
            (0.0, 0.004),
            (radius * 0.4, 0.001),
            (radius * 0.85, 0.008),
            (radius, 0.006),
            (radius, 0.0),
            (0.0, 0.0),
        ][::-1]
        parts.append(lathe(cone, "black", around=28, step=0.01).turned("x", np.pi / 2).at(0, y, 0.0895))
    return Item("speaker", "other", tuple(parts), blocking=False)


def monitor(rng: Rng, step: float) -> Item:
    """A desk monitor."""
    item = television(rng, step, width=0.62)
    return Item("monitor", "screen", item.parts, item.surfaces, blocking=False)


def vase(rng: Rng, step: float, *, stems: int = 5) -> Item:
    """A ceramic vase with leafy stems."""
    profile = [
        (0.0, 0.0),
        (0.045, 0.0),
        (0.075, 0.06),
        (0.07, 0.13),
        (0.03, 0.19),
        (0.035, 0.22),
        (0.028, 0.22),
        (0.024, 0.19),
        (0.0, 0.12),
    ]
    parts = [lathe(profile, "ceramic", around=32, step=0.015)]
    for k in range(stems):
        a, t = 1.3 * k + rng.normal(0, 0.2), np.linspace(0, 1, 8)
        bend = rng.uniform(0.05, 0.13)
        path = np.stack([bend * t**2 * np.cos(a), 0.12 + rng.uniform(0.26, 0.36) * t, bend * t**2 * np.sin(a)], 1)
        parts.append(tube(path, 0.0022, "wood_dark", around=6))
        for j in (4, 5, 6, 7):
            parts.append(_leaf(rng, path[j], a + 2.1 * j, 0.055))
    return Item("vase", "other", tuple(parts), blocking=False)


def bowl(rng: Rng, step: float) -> Item:
    """A shallow bowl with three balls of fruit."""
    profile = [(0.0, 0.0), (0.05, 0.0), (0.10, 0.035), (0.125, 0.07), (0.118, 0.07), (0.09, 0.035), (0.0, 0.014)]
    parts = [lathe(profile, "ceramic", around=36, step=0.015)]
    for k, kind in enumerate(("cushion_a", "leaf", "clay")):
        a = np.linspace(-np.pi / 2, np.pi / 2, 12)
        ball = lathe([(0.036 * float(np.cos(t)), 0.036 * float(np.sin(t))) for t in a], kind, around=20, step=0.02)
        parts.append(ball.at(0.046 * np.cos(2.1 * k), 0.062, 0.046 * np.sin(2.1 * k)))
    return Item("bowl", "other", tuple(parts), blocking=False)


def mug(rng: Rng, step: float) -> Item:
    """A mug with a handle."""
    body = lathe(
        [(0.0, 0.0), (0.036, 0.0), (0.041, 0.09), (0.037, 0.09), (0.033, 0.01), (0.0, 0.01)],
        "ceramic",
        around=28,
        step=0.015,
    )
    a = np.linspace(-1.35, 1.35, 12)
    handle = tube(
        np.stack([0.036 + 0.026 * np.cos(a), 0.046 + 0.027 * np.sin(a), 0 * a], 1), 0.005, "ceramic", around=8
    )
    return Item("mug", "other", (body, handle), blocking=False)


def curtain(rng: Rng, step: float, *, width: float = 0.42, height: float = 2.2, name: str = "curtain") -> Item:
    """A gathered curtain hanging in folds, back plane z = 0."""
    x, y = np.meshgrid(np.linspace(0, 1, 61), np.linspace(0, 1, max(4, int(height / step))))
    wave = np.sin(2 * np.pi * (5.0 * x + 0.15 * np.sin(2 * np.pi * y))) + 0.3 * np.sin(2 * np.pi * (8.3 * x + 0.3))
    points = np.stack(
        [(x - 0.5) * width * (0.94 + 0.06 * (1 - y)), y * height, 0.055 + 0.028 * wave * (1.15 - 0.3 * y)], -1
    )
    return Item(name, "curtain", (sheet(points, "curtain", size=(width * 2, height)),), blocking=False)


def radiator(rng: Rng, step: float, *, width: float = 1.1) -> Item:
    """A ribbed panel radiator, back at z = 0."""
    columns = int(width / 0.06)
    parts = [
        box((0.048, 0.50, 0.07), "trim", bevel=0.02, step=step * 1.5).at((k - (columns - 1) / 2) * 0.06, 0, 0.065)
        for k in range(columns)
    ]
    parts += [
        box((columns * 0.06 - 0.02, 0.03, 0.03), "trim", bevel=0.012, step=step * 1.5).at(0, y, 0.065)
        for y in (0.03, 0.44)
    ]
    return Item("radiator", "radiator", tuple(parts), blocking=False)
