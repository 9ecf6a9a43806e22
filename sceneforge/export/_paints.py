"""paint.json and its pictures: painted surfaces, in a form that any program can read (docs/painting.md)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import SurfacePaint, UsageError, write_aside, write_bytes
from sceneforge.core.json_values import json_bytes
from sceneforge.core.paint import FORMAT, SHADING_STEP, VERSION

NAME: Final = "paint.json"
OLDER: Final = re.compile(r'"(paint_\d+(?:_[a-z]+)?\.png)"')


def write_paints(paints: Sequence[SurfacePaint], folder: str | Path) -> Path:
    """Write paint.json, and beside it per paint `ID.png` (colour, with the mask as alpha; for a portal the mask alone),
    `ID_shading.png` (16 bits), and where there is one
    `ID_look.png` (the unpainted surface), `ID_height.png`, `ID_sky.png`; equal paints give equal bytes.

    Pictures that an earlier paint.json there named and this one does not are removed.

    Returns:
        The path of paint.json.
    """
    root = Path(folder)
    images = {p.id + suffix: image for p in paints for suffix, image in _pictures(p).items()}
    remove_paints(root, keep=images)
    for name, image in images.items():
        _write_png(root / name, image)
    data = {"format": FORMAT, "version": VERSION, "paints": [_entry(p) for p in paints]}
    write_bytes(root / NAME, json_bytes(data))
    return root / NAME


def remove_paints(folder: Path, *, keep: Collection[str] = ()) -> None:
    """Remove an earlier run's paint.json and the pictures it names, except those to keep."""
    list_ = folder / NAME
    if not list_.is_file():
        return
    for name in OLDER.findall(list_.read_text(encoding="utf-8", errors="replace")):
        if name not in keep:
            (folder / name).unlink(missing_ok=True)
    list_.unlink()


def _pictures(paint: SurfacePaint) -> dict[str, NDArray[Any]]:
    shading = np.rint(np.clip(paint.shading / SHADING_STEP, 0, 65535)).astype(np.uint16)
    texture = paint.mask if paint.color is None else np.dstack([paint.color, paint.mask])
    out = {".png": texture, "_shading.png": shading}
    if paint.look is not None:
        out["_look.png"] = paint.look
    if paint.relief is not None:
        out["_height.png"] = paint.relief
    if paint.environment is not None:
        out["_sky.png"] = paint.environment
    return out


def _entry(paint: SurfacePaint) -> dict[str, Any]:
    raster, names = paint.raster, {s: paint.id + s for s in _pictures(paint)}
    return {
        "id": paint.id,
        "planes": list(paint.planes),
        "mode": paint.mode,
        "prompt": paint.prompt,
        "painter": paint.painter,
        "seed": paint.seed,
        "T_world_plane": raster.T_world_plane.tolist(),
        "origin_xz": raster.origin_xz.tolist(),
        "metres_per_pixel": float(raster.metres_per_pixel),
        "texture": names[".png"],
        "shading": names["_shading.png"],
        "look": names.get("_look.png"),
        "height": names.get("_height.png"),
        "sky": names.get("_sky.png"),
        "light": paint.light.tolist(),
        "strength": float(paint.strength),
        "relief_m": float(paint.relief_m),
        "blades": paint.blades,
        "gloss": float(paint.gloss),
        "turn_deg_per_s": float(paint.turn_deg_per_s),
        "twinkle": float(paint.twinkle),
        "gains": {str(i): g.tolist() for i, g in paint.gains.items()},
    }


def _write_png(path: Path, image: NDArray[Any]) -> None:
    """(H, W), (H, W, 3) or (H, W, 4) of 8 bits, or (H, W) of 16, as PNG."""
    import cv2

    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR if image.shape[2] == 3 else cv2.COLOR_RGBA2BGRA)
    ok, data = cv2.imencode(".png", image)
    if not ok:
        raise UsageError(f"{path}: a picture of {image.shape} cannot be written")
    with write_aside(path) as aside:
        aside.write_bytes(data.tobytes())
