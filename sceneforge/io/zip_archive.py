"""A capture packed as .zip, as phone apps share them: checked, unpacked aside, and read like the folder it holds."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from sceneforge.core.errors import UnknownFormatError
from sceneforge.core.scan import RoomCapture, Scan

from ._archive import SafeZip
from ._discover import open_capture, recognised

_unpacked: list[tempfile.TemporaryDirectory[str]] = []
"""Frames are read lazily, so the files live as long as the process; the interpreter removes them at its end."""


def sniff(path: Path) -> bool:
    """Whether it is a .zip file."""
    return path.suffix.lower() == ".zip" and path.is_file()


def read(path: Path) -> Scan | RoomCapture:
    """The capture in the archive, at its top or in its only folder.

    Raises:
        UnsafeArchiveError: See `_archive`.
        UnknownFormatError: What it holds is no known capture.
    """
    archive = SafeZip(path)
    folder = tempfile.TemporaryDirectory(prefix="sceneforge-")
    archive.extract_to(Path(folder.name))
    root = Path(folder.name)
    while not recognised(root):
        inside = [p for p in root.iterdir() if p.name != "__MACOSX" and not p.name.startswith(".")]
        if len(inside) != 1:
            names = ", ".join(sorted(p.name for p in inside)[:6]) or "nothing"
            folder.cleanup()
            raise UnknownFormatError(f"the archive holds {names}", path=path, expected="one capture")
        root = inside[0]
        if root.is_file() and not recognised(root):
            folder.cleanup()
            raise UnknownFormatError(f"the archive holds only {root.name}", path=path, expected="a capture")
    capture = open_capture(root, None)
    _unpacked.append(folder)
    return replace(capture, name=path.stem, path=str(path))
