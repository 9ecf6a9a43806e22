"""scene.json: planes, objects, rooms, relations and lights (docs/scene_json.md)."""

from __future__ import annotations

from pathlib import Path

from sceneforge.core import Arrangement, Scene, write_bytes
from sceneforge.core.json_values import json_bytes
from sceneforge.core.scene_json import scene_to_dict

NAME = "scene_json"
SUFFIXES = ("scene.json", ".json")


def write(scene: Scene, path: str | Path, *, arrangement: Arrangement | None = None) -> None:
    """Write scene.json. Placed content is not part of it: see `arrangement_json`."""
    write_bytes(path, json_bytes(scene_to_dict(scene)))
