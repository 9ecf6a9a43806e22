"""Seats, tables and storage built from rounded solids. Every function returns an Item about its own origin."""

from __future__ import annotations

import numpy as np

from .item import Item, front, top
from .shapes import Part, box, lathe

Rng = np.random.Generator


def _leg(height: float, r_top: float, r_foot: float, material: str, step: float) -> Part:
    return lathe([(0.0, 0.0), (r_foot, 0.0), (r_top, height)], material, around=14, step=max(step, 0.04))


def _legs(
    w: float, d: float, height: float, material: str, step: float, inset: float = 0.06, splay: float = 0.0
) -> list[Part]:
    parts = []
    for sx in (-1, 1):
        for sz in (-1, 1):
            leg = _leg(height, 0.022, 0.013, material, step).at(y=-height)
            if splay:
                leg = leg.turned("z", sx * splay).turned("x", -sz * splay)
                leg = leg.at(y=-float(leg.vertices[:, 1].min()) - height)
            parts.append(leg.at(sx * (w / 2 - inset), height, sz * (d / 2 - inset)))
    return parts


def sofa(
    rng: Rng, step: float, *, width: float = 2.15, seats: int = 3, material: str = "sofa", name: str = "sofa"
) -> Item:
    """A sofa with box arms, flat-topped seat cushions, leaning back cushions and loose pillows."""
    depth, arm, seat_h, leg = 0.92, 0.17, 0.44, 0.12
    inner = width - 2 * arm
    parts = [box((width - 0.02, 0.17, depth - 0.04), material, bevel=0.02, step=step).at(y=leg)]
    parts += [box((arm, 0.50, depth), material, bevel=0.055, step=step).at(s * (width - arm) / 2, leg) for s in (-1, 1)]
    parts.append(
        box((width - 2 * arm + 0.04, 0.56, 0.20), material, bevel=0.06, step=step).at(
            y=leg + 0.10, z=-(depth - 0.20) / 2
        )
    )
    parts += _legs(width, depth, leg, "wood_dark", step, 0.08)
    surfaces = []
    each = inner / seats
    z_seat, d_seat, bevel = 0.115, depth - 0.22, 0.035
    for i in range(seats):
        x = -inner / 2 + each * (i + 0.5)
        parts.append(
            box((each - 0.006, seat_h - leg - 0.165, d_seat), material, bevel=bevel, step=step).at(
                x, leg + 0.165, z_seat
            )
        )
        surfaces.append(top("seat", each - 0.006 - 2 * bevel, d_seat - 2 * bevel, seat_h, x=x, z=z_seat))
        back = box((each - 0.012, 0.42, 0.17), material, bevel=0.07, step=step, puff=0.025)
        parts.append(back.turned("x", -0.16 + rng.normal(0, 0.01)).at(x, seat_h + 0.012, -0.185))
    for side, kind in ((-1, "cushion_a"), (1, "cushion_b"))[: 2 if seats > 1 else 1]:
        pillow = box((0.42, 0.42, 0.09), kind, bevel=0.044, step=step * 0.8, puff=0.032)
        pillow = pillow.turned("x", -0.30 + rng.normal(0, 0.03)).turned("y", -side * 0.35 + rng.normal(0, 0.08))
        low = float(pillow.vertices[:, 1].min())
        parts.append(pillow.at(side * (inner / 2 - 0.24) if seats > 1 else 0.02, seat_h - low - 0.004, 0.06))
    return Item(name, "couch", tuple(parts), tuple(surfaces))


def armchair(rng: Rng, step: float) -> Item:
    """A single-seat sofa in the accent cloth."""
    return sofa(rng, step, width=0.88, seats=1, material="armchair", name="armchair")


def table(
    rng: Rng,
    step: float,
    *,
    width: float = 1.15,
    depth: float = 0.62,
    height: float = 0.42,
    shelf: bool = True,
    label: str = "table",
    name: str = "coffee_table",
    material: str = "wood",
) -> Item:
    """A table with a bevelled top, an apron, splayed tapered legs and, for low tables, a lower shelf."""
    thick = 0.03
    parts = [box((width, thick, depth), material, bevel=0.006, step=step).at(y=height - thick)]
    parts.append(box((width - 0.22, 0.05, depth - 0.16), material, bevel=0.003, step=step).at(y=height - thick - 0.05))
    parts += _legs(width, depth, height - thick, material, step, 0.075, 0.06 if shelf else 0.0)
    surfaces = [top(label, width - 0.012, depth - 0.012, height)]
    if shelf:
        parts.append(box((width - 0.17, 0.018, depth - 0.17), material, bevel=0.003, step=step).at(y=0.13))
        surfaces.append(top("shelf", width - 0.176, depth - 0.176, 0.148))
    return Item(name, label, tuple(parts), tuple(surfaces))


def chair(rng: Rng, step: float, name: str = "chair") -> Item:
    """A wooden dining chair: dished legs, flat upholstered seat, two back slats."""
    seat, w, d = 0.45, 0.43, 0.43
    parts = [box((w, 0.045, d), "linen", bevel=0.014, step=step).at(y=seat - 0.045)]
    parts.append(box((w - 0.03, 0.035, d - 0.03), "wood", bevel=0.004, step=step).at(y=seat - 0.08))
    parts += [_leg(seat - 0.06, 0.020, 0.013, "wood", step).at(s * (w / 2 - 0.035), 0, d / 2 - 0.035) for s in (-1, 1)]
    for s in (-1, 1):
        post = lathe(
            [(0.0, 0.0), (0.013, 0.0), (0.020, 0.42), (0.014, 0.86), (0.0, 0.87)],
            "wood",
            around=14,
            step=max(step, 0.04),
        )
        parts.append(post.turned("x", -0.075).at(s * (w / 2 - 0.03), 0.001, -d / 2 + 0.055))
    for y, h in ((0.60, 0.07), (0.75, 0.10)):
        parts.append(
            box((w - 0.07, h, 0.018), "wood", bevel=0.006, step=step)
            .turned("x", -0.09)
            .at(0, y, -d / 2 + 0.055 - 0.075 * y)
        )
    return Item(name, "chair", tuple(parts), (top("seat", w - 0.028, d - 0.028, seat),))


def cabinet(
    rng: Rng,
    step: float,
    *,
    width: float = 1.6,
    depth: float = 0.42,
    height: float = 0.52,
    doors: int = 4,
    drawers: int = 0,
    name: str = "tv_stand",
    material: str = "wood",
    legs: float = 0.13,
) -> Item:
    """A closed cabinet: carcass, set-in fronts with shadow gaps, knobs, tapered legs."""
    body = height - legs
    parts = [box((width, body, depth - 0.02), material, bevel=0.004, step=step).at(0, legs, -0.01)]
    parts += _legs(width, depth, legs, "wood_dark" if material == "wood" else "wood", step, 0.07)
    columns, rows = max(doors, 1), max(drawers, 1)
    # dark behind the fronts, so that the joints between them read as gaps
    parts.append(
        box((width - 0.03, body - 0.03, 0.004), "wood_dark", bevel=0.0, step=step).at(
            0, legs + 0.015, depth / 2 - 0.019
        )
    )
    cw, rh = (width - 0.03) / columns, (body - 0.03) / rows
    for i in range(columns):
        for j in range(rows):
            x, y = -width / 2 + 0.015 + cw * (i + 0.5), legs + 0.015 + rh * j
            parts.append(
                box((cw - 0.008, rh - 0.008, 0.018), material, bevel=0.003, step=step).at(
                    x, y + 0.004, depth / 2 - 0.011
                )
            )
            knob = lathe(
                [(0.0, 0.0), (0.006, 0.0), (0.006, 0.012), (0.012, 0.017), (0.012, 0.022), (0.0, 0.024)],
                "brass",
                around=12,
            )
            kx = x if drawers else x + (1 if i % 2 == 0 else -1) * (cw / 2 - 0.045)
            parts.append(knob.turned("x", np.pi / 2).at(kx, y + rh * 0.5, depth / 2 - 0.003))
    return Item(name, "cabinet", tuple(parts), (top("cabinet", width - 0.008, depth - 0.028, height, z=-0.01),))


def bookshelf(rng: Rng, step: float, *, width: float = 0.95, height: float = 1.92, depth: float = 0.31) -> Item:
    """An open bookshelf with five boards, a back panel, rows of books of varied height and a few objects."""
    board, shelves = 0.022, 5
    parts = [box((board, height, depth), "wood", bevel=0.002, step=step).at(s * (width - board) / 2) for s in (-1, 1)]
    parts.append(
        box((width - 2 * board, height - 0.06, 0.006), "wood", bevel=0.0, step=step).at(0, 0.05, -depth / 2 + 0.006)
    )
    inner, gap = width - 2 * board, (height - 0.06 - board) / shelves
    surfaces = []
    for k in range(shelves + 1):
        y = 0.06 + k * gap
        parts.append(box((inner, board, depth - 0.012), "wood", bevel=0.0015, step=step).at(0, y - board + 0.01, 0.005))
        surfaces.append(top("shelf", inner, depth - 0.015, y + 0.01, z=0.005))
        if k < shelves:
            parts += _row_of_books(rng, step, inner, y + 0.01, gap - board, depth, leave=0.16 + 0.3 * rng.random())
    return Item("bookshelf", "shelf", tuple(parts), tuple(surfaces))


def wall_shelf(rng: Rng, step: float, *, width: float = 1.3) -> Item:
    """A floating board with a row of books, its back in the plane z = 0, its top at y = 0.035."""
    depth, thick = 0.22, 0.035
    parts = [box((width, thick, depth), "wood", bevel=0.004, step=step).at(z=depth / 2)]
    books = _row_of_books(rng, step, 0.72, thick, 0.30, 0.22, leave=0.04, objects=False)
    parts += [p.at(x=0.22, z=depth / 2) for p in books]
    return Item(
        "wall_shelf",
        "shelf",
        tuple(parts),
        (top("shelf", width - 0.008, depth - 0.008, thick, z=depth / 2),),
        blocking=False,
    )


def _row_of_books(
    rng: Rng, step: float, inner: float, y: float, room: float, depth: float, leave: float, objects: bool = True
) -> list[Part]:
    parts: list[Part] = []
    x, end = -inner / 2 + 0.004, inner / 2 - leave * inner
    while x < end:
        thick, tall, deep = (
            rng.uniform(0.017, 0.046),
            rng.uniform(0.62, 0.92) * room,
            min(rng.uniform(0.15, 0.21), depth - 0.055),
        )
        if x + thick > end:
            break
        parts += book(
            rng, thick, tall, deep, step, x + thick / 2, y, depth / 2 - 0.035 - deep / 2 - rng.uniform(0, 0.012)
        )
        x += thick + rng.uniform(0.0005, 0.002)
    if objects and rng.random() < 0.75 and inner / 2 - x > 0.13:
        middle = (x + inner / 2) / 2
        r = min(0.065, (inner / 2 - x) / 2 - 0.015)
        pot = [
            (0.0, 0.0),
            (r * 0.7, 0.0),
            (r, r * 0.8),
            (r * 0.85, r * 1.5),
            (r * 0.4, r * 2.0),
            (r * 0.5, r * 2.3),
            (r * 0.3, r * 2.3),
            (0.0, r * 1.9),
        ]
        parts.append(
            lathe(pot, ("ceramic", "clay", "brass")[int(rng.integers(3))], around=24, step=0.02).at(middle, y, 0.01)
        )
    return parts


def book(rng: Rng, thick: float, tall: float, deep: float, step: float, x: float, y: float, z: float) -> list[Part]:
    """An upright book, spine towards +Z: paper block, two boards and a spine with its own cell of the atlas."""
    cell = int(rng.integers(64))
    r, c = divmod(cell, 8)
    block = box((thick * 0.8, tall - 0.006, deep - 0.008), "paper", bevel=0.0, step=0.1).at(x, y + 0.003, z)
    cover = box((thick, tall, deep), "spines", bevel=0.0015, step=0.12).at(x, y, z)
    # the whole cover takes its cell: u across the spine, v up the book
    u = np.clip((cover.vertices[:, 0] - x) / thick + 0.5, 0.03, 0.97)
    v = np.clip((cover.vertices[:, 1] - y) / tall, 0.03, 0.97)
    upright = np.abs(cover.normals[:, 0]) > 0.7
    u = np.where(upright, 0.06, u)
    uv = np.stack([(c + u) / 8, (r + v) / 8], 1)
    cover = Part(cover.vertices, cover.normals, uv, cover.faces, "spines")
    return [block, cover]


def flat_books(rng: Rng, step: float, count: int = 3) -> Item:
    """A small stack of books lying down, for tables."""
    parts, y = [], 0.0
    for k in range(count):
        thick, tall, deep = (
            rng.uniform(0.018, 0.035),
            rng.uniform(0.21, 0.26) - 0.015 * k,
            rng.uniform(0.15, 0.18) - 0.01 * k,
        )
        for part in book(rng, thick, tall, deep, step, 0.0, 0.0, 0.0):
            lying = part.turned("z", np.pi / 2).turned("y", rng.normal(0, 0.12))
            parts.append(lying.at(tall / 2, y + thick / 2))
        y += thick
    return Item("books", "books", tuple(parts), blocking=False)


def bed(rng: Rng, step: float, *, width: float = 1.6) -> Item:
    """A double bed: frame, mattress, duvet, throw, pillows, upholstered headboard."""
    length, top_h = 2.05, 0.52
    parts = [box((width, 0.20, length), "wood", bevel=0.012, step=step).at(y=0.10)]
    parts += _legs(width, length, 0.12, "wood_dark", step, 0.08)
    parts.append(box((width + 0.06, 1.02, 0.08), "sofa", bevel=0.03, step=step).at(0, 0.06, -length / 2 - 0.04))
    parts.append(box((width - 0.04, 0.20, length - 0.04), "linen", bevel=0.05, step=step).at(0, 0.28))
    bevel = 0.03
    parts.append(box((width + 0.04, 0.16, length - 0.62), "linen", bevel=bevel, step=step).at(0, top_h - 0.16, 0.30))
    parts.append(box((width + 0.07, 0.19, 0.5), "throw", bevel=0.012, step=step).at(0, top_h - 0.18, 0.66))
    for s in (-1, 1):
        pillow = box((0.62, 0.14, 0.40), "white", bevel=0.06, step=step, puff=0.03).in_material("linen")
        parts.append(pillow.turned("x", 0.22).at(s * width * 0.235, 0.475, -length / 2 + 0.27))
    length_free = length - 0.62 - 2 * bevel
    return Item(
        "bed", "bed", tuple(parts), (top("bed", width + 0.04 - 2 * bevel, length_free - 0.35, top_h, z=0.30 - 0.17),)
    )


def wardrobe(rng: Rng, step: float) -> Item:
    """A tall two-door wardrobe."""
    item = cabinet(rng, step, width=1.2, depth=0.60, height=2.05, doors=2, name="wardrobe", material="white", legs=0.06)
    return Item("wardrobe", "cabinet", item.parts, (front("cabinet", 1.16, 1.95, 0.08, 0.298),))


def night_stand(rng: Rng, step: float, name: str = "night_stand") -> Item:
    """A small two-drawer chest."""
    return cabinet(rng, step, width=0.46, depth=0.40, height=0.52, doors=1, drawers=2, name=name, legs=0.14)


def office_chair(rng: Rng, step: float) -> Item:
    """A swivel chair on a five-star base."""
    parts = [box((0.48, 0.07, 0.47), "black", bevel=0.025, step=step).in_material("sofa").at(y=0.41)]
    parts.append(
        lathe([(0.0, 0.08), (0.03, 0.08), (0.03, 0.25), (0.022, 0.25), (0.022, 0.41), (0.0, 0.41)], "steel", around=16)
    )
    for k in range(5):
        arm = box((0.30, 0.03, 0.045), "black", bevel=0.008, step=step).at(x=0.15, y=0.065)
        wheel = lathe(
            [(0.0, -0.011), (0.028, -0.011), (0.03, 0.0), (0.028, 0.011), (0.0, 0.011)], "black", around=16
        ).turned("x", np.pi / 2)
        parts += [p.turned("y", 2 * np.pi * k / 5 + 0.3) for p in (arm, wheel.at(x=0.285, y=0.0302))]
    back = box((0.45, 0.52, 0.06), "sofa", bevel=0.025, step=step).turned("x", -0.12)
    parts += [back.at(0, 0.56, -0.21), box((0.06, 0.26, 0.02), "black", bevel=0.005, step=step).at(0, 0.43, -0.245)]
    return Item("office_chair", "chair", tuple(parts), (top("seat", 0.43, 0.42, 0.48),))
