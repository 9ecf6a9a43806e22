"""Files appear whole or not at all: everything is written aside and renamed into place."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import UsageError


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


def check_replaceable(path: str | Path, marks: Sequence[str]) -> None:
    """Refuse a folder that holds anything but an earlier result of ours.

    Args:
        path: Folder about to be written.
        marks: Files that an earlier result holds, all of them; nothing else tells it from somebody's own folder.

    Raises:
        UsageError: `path` is neither absent, nor an empty folder, nor an earlier result; or it is the working folder
            or one above it.
    """
    target = Path(path).resolve()
    if not target.exists():
        return
    elsewhere = "choose a new or empty folder"
    if not target.is_dir():
        raise UsageError(f"{path} is a file, and a folder would be written there; {elsewhere}")
    if Path.cwd().resolve().is_relative_to(target):
        raise UsageError(f"{path} is the working folder or holds it, and would be replaced as a whole; {elsewhere}")
    if any(target.iterdir()) and not all((target / m).is_file() for m in marks):
        raise UsageError(
            f"{path} holds other files, and would be replaced as a whole; {elsewhere}, "
            f"or an earlier result (a folder with {' and '.join(marks)})"
        )


@contextmanager
def write_folder_aside(path: str | Path, marks: Sequence[str]) -> Iterator[Path]:
    """Like `write_aside` for a whole folder, which replaces an older one that `check_replaceable` allows.

    The older folder is deleted only once the new one is in its place, and put back where that fails. A link to a
    folder stays; the folder it leads to is replaced.

    Args:
        path: Folder to make.
        marks: Files by which an earlier result is known.

    Raises:
        UsageError: See `check_replaceable`; asked before the block and again after it.
    """
    check_replaceable(path, marks)
    target = Path(path).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        yield aside
        aside.chmod(0o755)
        check_replaceable(path, marks)
        _swap(aside, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _swap(new: Path, target: Path) -> None:
    """Put `new` in the place of `target`, which is deleted last."""
    if not target.exists():
        new.replace(target)
        return
    away = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent))
    older = away / target.name
    try:
        target.replace(older)
        try:
            new.replace(target)
        except BaseException:
            older.replace(target)
            raise
    except BaseException:
        with suppress(OSError):
            away.rmdir()  # stays where the older folder is still in it
        raise
    shutil.rmtree(away, ignore_errors=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a whole file aside, then rename."""
    with write_aside(path) as aside:
        aside.write_bytes(data)
