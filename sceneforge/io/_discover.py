"""Which reader opens a path: every module of this folder with `sniff` and `read` is asked."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Protocol, cast

from sceneforge.core.errors import ScanError, UnknownFormatError, UsageError

if TYPE_CHECKING:
    from sceneforge.core.scan import RoomCapture, Scan

NOT_READERS = frozenset({"scene_folder"})
"""Modules of this folder that read something else."""
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".ppm", ".pgm", ".bmp", ".webp", ".tif", ".tiff"})
MAX_CHILDREN = 200
"""How many entries of an unrecognised folder are asked whether they are captures."""


class Reader(Protocol):
    """What a reader module offers."""

    def sniff(self, path: Path) -> bool:
        """Whether this reader, and no other, opens the path; looks at names and a few bytes only."""
        ...

    def read(self, path: Path) -> Scan | RoomCapture:
        """Open it."""
        ...


@cache
def reader_names() -> tuple[str, ...]:
    """Names of the readers in this folder, sorted."""
    found = (m.name for m in iter_modules([str(Path(__file__).parent)]))
    return tuple(sorted(n for n in found if not n.startswith("_") and n not in NOT_READERS))


def reader(name: str) -> Reader:
    """The reader of this name.

    Raises:
        UsageError: There is none.
    """
    if name not in reader_names():
        raise UsageError(f"no reader is called '{name}'; there are: {', '.join(reader_names())}")
    return cast(Reader, import_module(f".{name}", __package__))


def recognised(path: Path) -> list[str]:
    """Readers that say the path is theirs."""
    return [n for n in reader_names() if reader(n).sniff(path)]


def open_capture(path: Path, format_name: str | None) -> Scan | RoomCapture:
    """See `sceneforge.io.load`."""
    if format_name is not None:
        chosen = reader(format_name)
        _must_exist(path)
        return chosen.read(path)
    _must_exist(path)
    names = recognised(path)
    if len(names) > 1:
        raise UnknownFormatError(
            f"could be any of {', '.join(names)}", path=path, fix=f"name one, e.g. load(path, format='{names[0]}')"
        )
    if not names:
        raise _unknown(path)
    return reader(names[0]).read(path)


def _must_exist(path: Path) -> None:
    if not path.exists():
        raise ScanError("does not exist", path=path, expected="a capture's folder or file")
    if path.is_dir() and next(path.iterdir(), None) is None:
        raise ScanError("folder is empty", path=path, expected="a capture")


def _unknown(path: Path) -> UnknownFormatError:
    inside: list[str] = []
    if path.is_dir():
        children = sorted(path.iterdir())[:MAX_CHILDREN]
        inside = [c.name for c in children if c.suffix.lower() not in (".png", ".jpg", ".txt") and recognised(c)]
    if inside:
        named = ", ".join(inside[:5]) + (", ..." if len(inside) > 5 else "")
        return UnknownFormatError(
            f"is not a capture itself but holds {len(inside)}: {named}", path=path, fix="load one of them"
        )
    if path.is_file() and path.suffix.lower() in PICTURES:
        return UnknownFormatError(
            "is a single picture, which shows no room from all around",
            path=path,
            expected="a capture: a folder of pictures, a video, a mesh or a room file",
            fix=f"for the depth of one picture: sceneforge depth {path.name}",
        )
    what = "folder" if path.is_dir() else "file"
    return UnknownFormatError(
        f"this {what}'s layout is not known",
        path=path,
        expected=f"one of {', '.join(reader_names())} (see docs/formats.md)",
        fix="describe an RGB-D folder in a small scan.yaml (format: sceneforge.scan), and it can be read",
    )
