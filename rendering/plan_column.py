"""The column beside a plan: title, counts, legend, scale bar and axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneforge.core import Label

from .palette import FAINT, INK, PAPER, PATH, SOFT, tint
from .plan_parts import VERTICAL

if TYPE_CHECKING:
    from .floor_plan import PlanSheet

WIDTH, HEIGHT, SIDE, MARGIN, SUPER = 1400, 1000, 270, 88, 2
"""Picture, legend column and margin in pixels; everything is drawn SUPER times larger and scaled down."""
WALL_INK = (74, 84, 100)
GUESSED_ALPHA = 90
"""Of walls where nothing was seen: someone's furniture stands there, or nobody looked."""


def side_column(sheet: PlanSheet) -> None:
    """Title, counts, legend, scale bar and axes."""
    x, y = (WIDTH - SIDE) * SUPER, MARGIN * SUPER
    sheet.draw.line([(x - 24 * SUPER, 60 * SUPER), (x - 24 * SUPER, (HEIGHT - 60) * SUPER)], fill=FAINT, width=SUPER)
    name = sheet.scene.source.get("name", "scene")
    size = 26
    while size > 14 and sheet.draw.textlength(name, font=sheet.font(size)) > (SIDE - 30) * SUPER:
        size -= 1
    sheet.draw.text((x, y), name, font=sheet.font(size), fill=INK)
    y += 44 * SUPER
    scene = sheet.scene
    floor = sum(p.area_m2 for p in scene.planes_labelled(Label.FLOOR))
    seen = sum(p.area_m2 * p.observed_fraction for p in scene.planes_labelled(Label.FLOOR))
    facts = [f"{floor:.1f} sq m of floor, {seen / floor:.0%} seen"] if floor else ["no floor found"]
    facts += [f"{len(scene.planes)} surfaces, {len(scene.objects)} objects"]
    heights = [r.height_m for r in scene.rooms if r.height_m]
    facts += [f"ceiling at {max(heights):.2f} m"] if heights else []
    for fact in facts:
        sheet.draw.text((x, y), fact, font=sheet.font(15), fill=SOFT)
        y += 23 * SUPER
    y += 20 * SUPER
    for label in sorted(sheet.found, key=lambda item: item.number):
        color = tint(label) if label not in VERTICAL[:2] else WALL_INK
        sheet.draw.rounded_rectangle((x, y, x + 26 * SUPER, y + 16 * SUPER), 4 * SUPER, fill=color)
        text = str(label).replace("_", " ")
        sheet.draw.text((x + 38 * SUPER, y + 8 * SUPER), text, font=sheet.font(15), fill=INK, anchor="lm")
        y += 26 * SUPER
    for name in sorted(sheet.marks):
        at = (x, y, x + 26 * SUPER, y + 16 * SUPER)
        if name == "wall, not seen":
            sheet.draw.rounded_rectangle(at, 4 * SUPER, fill=(*WALL_INK, GUESSED_ALPHA))
        elif name == "floor, not seen":
            sheet.draw.rounded_rectangle(at, 4 * SUPER, fill=tint(Label.FLOOR))
            sheet.hatch([([at[:2], (at[2], at[1]), at[2:], (at[0], at[3])], True)])
        else:
            sheet.arrow((x, y + 8 * SUPER), (x + 26 * SUPER, y + 8 * SUPER))
        sheet.draw.text((x + 38 * SUPER, y + 8 * SUPER), name, font=sheet.font(15), fill=INK, anchor="lm")
        y += 26 * SUPER
    if scene.track is not None and len(scene.track.indices):
        sheet.draw.line([(x, y + 8 * SUPER), (x + 26 * SUPER, y + 8 * SUPER)], fill=PATH, width=2 * SUPER)
        sheet.draw.text((x + 38 * SUPER, y + 8 * SUPER), "camera path", font=sheet.font(15), fill=INK, anchor="lm")
    _scale_bar(sheet, x, (HEIGHT - 92) * SUPER)
    _axes(sheet, x + 28 * SUPER, (HEIGHT - 200) * SUPER)


def _scale_bar(sheet: PlanSheet, x: float, y: float) -> None:
    limit = (SIDE - 60) * SUPER / sheet.scale
    length = max((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if s <= limit), default=0.1)
    step, h = length * sheet.scale / 4, 7 * SUPER
    for k in range(4):
        fill = INK if k % 2 == 0 else PAPER
        sheet.draw.rectangle((x + k * step, y, x + (k + 1) * step, y + h), fill=fill, outline=INK)
    sheet.draw.text((x, y + 16 * SUPER), "0", font=sheet.font(13), fill=SOFT, anchor="mt")
    sheet.draw.text((x + 4 * step, y + 16 * SUPER), f"{length:g} m", font=sheet.font(13), fill=SOFT, anchor="mt")


def _axes(sheet: PlanSheet, x: float, y: float) -> None:
    for axis, color, name in ((0, (200, 84, 76), "x"), (1, (78, 116, 190), "z")):
        d = sheet.turn[:, axis] * 42 * SUPER
        sheet.draw.line([(x, y), (x + d[0], y + d[1])], fill=color, width=3 * SUPER)
        at = (x + d[0] * 1.3, y + d[1] * 1.3)
        sheet.draw.text(at, name, font=sheet.font(15), fill=color, anchor="mm")
    r = 4 * SUPER
    sheet.draw.ellipse((x - r, y - r, x + r, y + r), fill=INK)
    sheet.draw.text((x - 14 * SUPER, y - 14 * SUPER), "y up", font=sheet.font(13), fill=SOFT, anchor="mm")
