"""SceneForge's own sample content: six models made by code, shipped as GLB.

Models are in metres, Y up, front towards +Z, origin at the centre of the base (the picture frame's at the centre of its
wall side). The same version gives the same bytes.
"""

from __future__ import annotations

import importlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, cast

from .glb import glb_bytes
from .model import Model

if TYPE_CHECKING:
    import trimesh

NAMES = ("ball", "lamp", "picture_frame", "plant", "robot", "rover")

__all__ = ["NAMES", "build", "build_model", "glb", "write_all"]


def build_model(name: str) -> Model:
    """The named model as parts, surfaces and materials. `KeyError` where the name is not in `NAMES`."""
    if name not in NAMES:
        raise KeyError(f"no sample model named {name!r}: expected one of {', '.join(NAMES)}")
    module = importlib.import_module(f".{name}", __name__)
    return cast(Model, module.build())


def glb(name: str) -> bytes:
    """The named model as the bytes of a .glb file. `KeyError` where the name is not in `NAMES`."""
    return glb_bytes(build_model(name))


def build(name: str) -> trimesh.Scene:
    """The named model as a `trimesh.Scene`, opened from its own GLB bytes. `KeyError` for an unknown name."""
    import trimesh

    return trimesh.load_scene(io.BytesIO(glb(name)), file_type="glb")


def write_all(folder: Path) -> list[Path]:
    """Write every model as `folder/NAME.glb`, aside and then renamed; gives the paths, sorted by name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in NAMES:
        path = folder / f"{name}.glb"
        aside = path.with_suffix(".glb.partial")
        aside.write_bytes(glb(name))
        aside.replace(path)
        paths.append(path)
    return paths
