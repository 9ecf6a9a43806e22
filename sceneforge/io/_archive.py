"""Zip files that cannot write outside their folder, follow links, or explode."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from sceneforge.core.errors import FrameError, UnsafeArchiveError

MAX_TOTAL_BYTES = 20 * 10**9
"""Unpacked size of a whole archive."""
MAX_RATIO = 200
"""Unpacked over packed size, above which an entry of more than RATIO_FROM_BYTES is refused."""
RATIO_FROM_BYTES = 100 * 10**6
MAX_ENTRIES = 1_000_000
MAX_ENTRY_BYTES = 256 * 2**20
"""One entry read into memory as a whole."""
CHUNK = 2**20


class SafeZip:
    """A zip archive whose table of contents was checked as a whole.

    Raises:
        UnsafeArchiveError: Not a zip file, or an entry with an absolute or parent path, a link, an encrypted entry, or
            more data than is reasonable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise UnsafeArchiveError(f"cannot be opened ({error})", path=path, expected="an intact zip file") from error
        infos = self._zip.infolist()
        if len(infos) > MAX_ENTRIES:
            raise UnsafeArchiveError(f"holds {len(infos)} files", path=path, expected=f"at most {MAX_ENTRIES}")
        for info in infos:
            _check_entry(info, path)
        total = sum(i.file_size for i in infos)
        if total > MAX_TOTAL_BYTES:
            raise UnsafeArchiveError(
                f"claims to hold {total / 1e9:.1f} GB",
                path=path,
                expected=f"at most {MAX_TOTAL_BYTES / 1e9:.0f} GB",
                fix="unpack it yourself if you trust it, and load the folder",
            )
        self._infos = {i.filename: i for i in infos if not i.is_dir()}

    def names(self) -> list[str]:
        """Paths of all files in the archive, in its order."""
        return list(self._infos)

    def read(self, name: str, frame: str) -> bytes:
        """One file's bytes; never more than its declared size.

        Raises:
            FrameError: Missing, damaged, larger than declared or than `MAX_ENTRY_BYTES`.
        """
        info = self._infos.get(name)
        if info is None:
            raise FrameError(f"{name} is not in the archive", path=self.path, frame=frame)
        if info.file_size > MAX_ENTRY_BYTES:
            raise FrameError(
                f"{name} has {info.file_size} bytes", path=self.path, frame=frame, expected=f"at most {MAX_ENTRY_BYTES}"
            )
        try:
            with self._zip.open(info) as file:
                data = file.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError) as error:
            raise FrameError(f"{name} is damaged ({error})", path=self.path, frame=frame) from error
        if len(data) != info.file_size:
            raise FrameError(
                f"{name} has {len(data)} bytes", path=self.path, frame=frame, expected=f"{info.file_size} as declared"
            )
        return data

    def extract_to(self, folder: Path) -> None:
        """Unpack everything below an existing folder.

        Raises:
            UnsafeArchiveError: An entry is damaged, or larger than it declared.
        """
        for name, info in self._infos.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            written = 0
            try:
                with self._zip.open(info) as source, target.open("wb") as out:
                    while block := source.read(CHUNK):
                        written += len(block)
                        if written > info.file_size:
                            raise UnsafeArchiveError(f"{name} is larger than it declares", path=self.path)
                        out.write(block)
            except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError) as error:
                raise UnsafeArchiveError(f"{name} cannot be unpacked ({error})", path=self.path) from error


def _check_entry(info: zipfile.ZipInfo, path: Path) -> None:
    name = info.filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    drive = len(name) > 1 and name[1] == ":"
    if name.startswith(("/", "\\")) or drive or ".." in parts or "\0" in name:
        raise UnsafeArchiveError(
            f"holds an entry {name!r}", path=path, expected="relative paths without ..", fix="do not trust this file"
        )
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        raise UnsafeArchiveError(f"holds a link {name!r}", path=path, expected="plain files and folders")
    if info.flag_bits & 1:
        raise UnsafeArchiveError(f"{name!r} is encrypted", path=path, expected="an archive without a password")
    if info.file_size > RATIO_FROM_BYTES and info.file_size > MAX_RATIO * max(info.compress_size, 1):
        raise UnsafeArchiveError(
            f"{name!r} would grow from {info.compress_size} to {info.file_size} bytes",
            path=path,
            expected=f"a compression ratio below {MAX_RATIO}",
            fix="do not trust this file",
        )
