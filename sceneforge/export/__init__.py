"""Writers: one file per target format, found by listing this folder.

A writer is a module here with `NAME`, `SUFFIXES` (lower case, with the dot; a whole file name such as "scene.json"
where the suffix alone says too little) and `write(scene, path, *, arrangement=None)`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import Protocol, cast

from sceneforge.core import Arrangement, Scene, UsageError


class Writer(Protocol):
    """What every writer module offers."""

    NAME: str
    """How `format=` and the command line call it."""
    SUFFIXES: tuple[str, ...]
    """Endings of the file names it is chosen for."""

    def write(self, scene: Scene, path: str | Path, *, arrangement: Arrangement | None = None) -> None:
        """Write one file, whole or not at all."""


@cache
def writers() -> dict[str, Writer]:
    """All writers by name."""
    modules = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    found = [cast(Writer, importlib.import_module(f".{name}", __name__)) for name in modules]
    return {writer.NAME: writer for writer in found}


def export(
    scene: Scene, path: str | Path, *, arrangement: Arrangement | None = None, format: str | None = None
) -> Path:
    """Write the scene in one of the formats other programs open.

    Args:
        scene: What to write.
        path: Target file; its name picks the format unless `format` does.
        arrangement: Placed content, for the formats that hold it.
        format: Name of a writer.

    Returns:
        The path written.

    Raises:
        UsageError: No writer has this name or suffix, or the scene lacks what the format holds.
    """
    target = Path(path)
    writer_for(target, format).write(scene, target, arrangement=arrangement)
    return target


def writer_for(path: str | Path, format: str | None = None) -> Writer:
    """The writer that a file's name picks, unless `format` names one.

    Raises:
        UsageError: No writer has this name or suffix.
    """
    choices, name = writers(), Path(path).name
    if format is None:
        fits = [(len(s), key) for key, w in choices.items() for s in w.SUFFIXES if name.lower().endswith(s)]
        writer = choices[max(fits)[1]] if fits else None
    else:
        writer = choices.get(format)
    if writer is None:
        asked = f"no writer for '{name}'" if format is None else f"no writer is called '{format}'"
        listed = ", ".join(f"{key} ({' '.join(w.SUFFIXES)})" for key, w in choices.items())
        raise UsageError(f"{asked}. Choose one of: {listed}")
    return writer


__all__ = ["Writer", "export", "writer_for", "writers"]
