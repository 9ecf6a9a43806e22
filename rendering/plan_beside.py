"""The plan beside the scan itself seen from above, at one scale: what a person compares them by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import Label, Scene, UsageError, write_aside
from sceneforge.core.arrays import UInt8

from .floor_plan import PlanSheet
from .palette import PAPER
from .plan_column import HEIGHT, SIDE, SUPER, WIDTH
from .tracing import Tracer

CUT_M = 2.0
"""The scan is cut at this height, as plans are: ceilings and lamps would hide the room."""


def plan_beside(scene: Scene, path: Path) -> None:
    """Write a PNG: on the left the coloured surface from straight above, cut at 2 m, on the right the plan.

    Both have the same scale and lie the same way, so that a thing is found at the same place in both.

    Args:
        scene: A scene with a surface.
        path: The PNG file.

    Raises:
        UsageError: The scene has no surface.
    """
    from PIL import Image

    if scene.mesh is None or not len(scene.mesh.faces):
        raise UsageError("this scene holds no surface to be looked at from above")
    sheet = PlanSheet(scene)
    sheet.draw_all()
    plan = sheet.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    out = Image.new("RGB", (2 * WIDTH - SIDE, HEIGHT), PAPER)
    out.paste(Image.fromarray(top_view(sheet)), (0, 0))
    out.paste(plan, (WIDTH - SIDE, 0))
    with write_aside(path) as aside:
        out.save(aside, format="PNG")


def top_view(sheet: PlanSheet) -> UInt8:
    """(h, w, 3) sRGB of a sheet's scene from straight above, as wide as the sheet without its column.

    Surface without colours is shaded by its height and by which way it faces.
    """
    import cv2

    scene = sheet.scene
    mesh = scene.mesh
    assert mesh is not None
    ceilings = [float(p.origin[1]) for p in scene.planes_labelled(Label.CEILING)]
    cut = min([sheet.floor_y + CUT_M, *(c - 0.15 for c in ceilings if c > sheet.floor_y + 1.0)])
    w, h = WIDTH - SIDE, HEIGHT
    x, y = np.meshgrid(np.arange(w) * SUPER + SUPER / 2, np.arange(h) * SUPER + SUPER / 2)
    page = np.stack([x.ravel(), y.ravel()], axis=1)
    plan = ((page - sheet.shift) / sheet.scale + sheet.low) @ sheet.turn
    rays = np.zeros((len(plan), 6), np.float32)
    rays[:, [0, 2]], rays[:, 1], rays[:, 4] = plan, cut, -1
    _, face, uv = Tracer(mesh.vertices, mesh.faces).first_hits(rays)
    on = face != 0xFFFFFFFF
    corners = mesh.faces[face[on].astype(np.int64)]
    weights = np.stack([1 - uv[on].sum(axis=1), uv[on, 0], uv[on, 1]], axis=1).astype(np.float64)
    rgb = np.einsum("nk,nkc->nc", weights, _colors(sheet)[corners])
    out: Any = np.tile(np.array(PAPER, np.float64), (len(plan), 1))
    out[on] = rgb
    picture = np.clip(out + 0.5, 0, 255).astype(np.uint8).reshape(h, w, 3)
    return np.asarray(cv2.medianBlur(picture, 3), dtype=np.uint8)


def _colors(sheet: PlanSheet) -> Any:
    mesh = sheet.scene.mesh
    assert mesh is not None
    if mesh.colors is not None:
        return mesh.colors.astype(np.float64)
    rise = np.clip((mesh.vertices[:, 1] - sheet.floor_y) / CUT_M, 0, 1)
    facing = 0.55 + 0.45 * np.abs(mesh.vertex_normals @ np.array([0.35, 0.9, 0.25]))
    return np.stack([235 - 90 * rise, 225 - 70 * rise, 205 - 20 * rise], axis=1) * facing[:, None]
