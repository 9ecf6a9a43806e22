"""Files appear whole or not at all: everything is written aside and renamed into place."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def write_aside(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` with the same suffix; rename it onto `path` if the block succeeds.

    The folder is made. After an error nothing is left and an older file stays untouched.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.stem}.", suffix=f".partial{target.suffix}", dir=target.parent)
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        aside.chmod(0o644)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def write_folder_aside(path: str | Path) -> Iterator[Path]:
    """Like `write_aside` for a whole folder, which replaces an older one."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        yield aside
        aside.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        aside.replace(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a whole file aside, then rename."""
    with write_aside(path) as aside:
        aside.write_bytes(data)
