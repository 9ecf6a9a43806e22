"""Reads painted surfaces back: paint.json and the pictures beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import SceneFileError, SurfacePaint, SurfaceRaster
from sceneforge.core.json_values import JsonValue, check_header, load_json
from sceneforge.core.paint import FORMAT, SHADING_STEP, VERSION

MAX_PIXELS = 64_000_000
MAX_BYTES = 512 << 20


def read_paints(path: str | Path) -> tuple[SurfacePaint, ...]:
    """The paints of a paint.json. Pictures are read only from its own folder.

    Raises:
        SceneFileError: The file or a picture is missing, damaged, unreasonably large, or from a newer version.
    """
    root = load_json(path)
    check_header(root, FORMAT, VERSION)
    return tuple(_paint(v, Path(path).parent) for v in root["paints"].items())


def _paint(v: JsonValue, folder: Path) -> SurfacePaint:
    texture = _picture(v["texture"], folder, "BGRA")
    sky = None if v.get("sky") is None else _picture(v["sky"], folder, "BGR")
    look = None if v.get("look") is None else _picture(v["look"], folder, "RGBA")
    blades, gloss = v.get("blades"), v.get("gloss")
    height = None if v.get("height") is None else _picture(v["height"], folder, "L")
    if (sky is None) != (texture.ndim == 3):
        raise v["texture"].error("has the wrong channels", expected="colour and alpha, or the mask alone for a portal")
    with v.building():
        raster = SurfaceRaster(
            v["T_world_plane"].array(4, 4),
            v["origin_xz"].array(2),
            v["metres_per_pixel"].number(1e-5, 10),
            texture.shape[1],
            texture.shape[0],
        )
        return SurfacePaint(
            id=v["id"].text(),
            planes=v["planes"].texts(),
            raster=raster,
            mask=np.ascontiguousarray(texture if sky is not None else texture[..., 3]),
            color=None if sky is not None else np.ascontiguousarray(texture[..., :3]),
            shading=_picture(v["shading"], folder, "L16").astype(np.float32) * np.float32(SHADING_STEP),
            light=v["light"].array(3),
            look=look,
            gains={_number(v["gains"], k): g.array(3) for k, g in v["gains"].members().items()},
            mode=v["mode"].text(),
            strength=v["strength"].number(0, 1),
            relief=height,
            relief_m=v["relief_m"].number(0, 10),
            blades=blades is not None and blades.flag(),
            gloss=0.0 if gloss is None else gloss.number(0, 1),
            environment=sky,
            turn_deg_per_s=v["turn_deg_per_s"].number(-1e4, 1e4),
            twinkle=v["twinkle"].number(0, 1),
            prompt=v["prompt"].text(),
            painter=v["painter"].text(),
            seed=v["seed"].integer(),
        )


def _number(v: JsonValue, key: str) -> int:
    if not re.fullmatch(r"\d{1,9}", key):
        raise v.error(f"has the key '{key}'", expected="the index of a frame")
    return int(key)


def _picture(v: JsonValue, folder: Path, kind: str) -> NDArray[Any]:
    """A PNG in the folder: (H, W) or (H, W, 3 or 4), channels in the order red, green, blue, alpha."""
    import cv2

    name = v.text()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.png", name):
        raise v.error(f"is '{name}'", expected="the name of a PNG beside the file")
    path = folder / name
    try:
        with path.open("rb") as file:
            head = file.read(24)
        if path.stat().st_size > MAX_BYTES or len(head) < 24 or head[:8] != b"\x89PNG\r\n\x1a\n":
            raise SceneFileError("is no PNG, or too large", path=path, expected=f"a PNG of at most {MAX_BYTES} bytes")
        width, height = int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
        if not 0 < width * height <= MAX_PIXELS:
            raise SceneFileError(f"has {width}x{height} pixels", path=path, expected=f"at most {MAX_PIXELS:,}")
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    except OSError as error:
        raise SceneFileError(f"cannot be read: {error.strerror or error}", path=path) from error
    if image is None:
        raise SceneFileError("is damaged", path=path, expected="a PNG", fix="paint the scene again")
    wanted = np.uint16 if kind == "L16" else np.uint8
    channels = {"L": (1,), "L16": (1,), "BGR": (3,), "BGRA": (1, 4), "RGBA": (4,)}[kind]
    found = 1 if image.ndim == 2 else image.shape[2]
    if image.dtype != wanted or found not in channels:
        raise SceneFileError(
            f"has {found} channels of {image.dtype}", path=path, expected=f"{kind} in {wanted.__name__}"
        )
    if found == 1:
        return np.asarray(image)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB if found == 3 else cv2.COLOR_BGRA2RGBA))
