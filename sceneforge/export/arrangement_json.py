"""arrangement.json: where each piece of content ended up and why (docs/scene_json.md)."""

from __future__ import annotations

from pathlib import Path

from sceneforge.core import Arrangement, Scene, UsageError, write_bytes
from sceneforge.core.arrangement_json import arrangement_to_dict
from sceneforge.core.json_values import json_bytes

NAME = "arrangement_json"
SUFFIXES = ("arrangement.json",)


def write(scene: Scene, path: str | Path, *, arrangement: Arrangement | None = None) -> None:
    """Write arrangement.json.

    Raises:
        UsageError: No arrangement was given.
    """
    if arrangement is None:
        raise UsageError(f"nothing to write to {path}: arrangement.json needs an arrangement")
    write_bytes(path, json_bytes(arrangement_to_dict(arrangement)))
