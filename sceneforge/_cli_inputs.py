"""Reads what the command line is pointed at."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sceneforge.core import Placement, SceneFileError, UsageError

if TYPE_CHECKING:
    from sceneforge.core import Arrangement


def read_arrangement(path: Path) -> Arrangement:
    """An arrangement.json with its models loaded from where they lay when it was written.

    Raises:
        SceneFileError: The file is missing or damaged.
        ContentError: A model has gone or changed beyond use.
    """
    from sceneforge.core import Arrangement
    from sceneforge.core.arrangement_json import arrangement_from_dict
    from sceneforge.core.json_values import load_json
    from sceneforge.recipe import load_model

    if not path.is_file():
        raise SceneFileError("there is no such file", path=path, fix="make one with: sceneforge place UNDERSTOOD")
    record = arrangement_from_dict(load_json(path), path=path)
    models = {p: load_model(p) for p in sorted({r.content_path for r in record.placements})}
    placements = tuple(
        Placement(
            request=r.request,
            content=replace(models[r.content_path], name=r.content_name),
            surface=r.surface,
            T_world_content=r.T_world_content,
            scale=r.scale,
            certificate=r.certificate,
            reasons=r.reasons,
        )
        for r in record.placements
    )
    return Arrangement(placements, record.unplaced, record.seed)


def measurements(kind: str) -> dict[str, Callable[..., dict[str, Any]]]:
    """What `bench` or `evaluate` can run: the functions of that name in `sceneforge.evaluation`, by their file's name.

    Each takes `data` (a folder of captures, or None for the embedded sample) and `seed`, and returns what `--json`
    prints.
    """
    import sceneforge.evaluation

    names = sorted(m.name for m in pkgutil.iter_modules(sceneforge.evaluation.__path__) if not m.name.startswith("_"))
    modules = [(name, importlib.import_module(f"sceneforge.evaluation.{name}")) for name in names]
    return dict(sorted((name.removeprefix(f"{kind}_"), getattr(m, kind)) for name, m in modules if hasattr(m, kind)))


def parse_size(text: str) -> tuple[int, int]:
    """ "640x480" as (width, height).

    Raises:
        UsageError: The text is something else, or the size is outside 16 to 4096 pixels.
    """
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(16 <= n <= 4096 for n in size):
        raise UsageError(f"--size: expected WIDTHxHEIGHT of 16 to 4096 pixels, such as 640x480, got '{text}'")
    return size
