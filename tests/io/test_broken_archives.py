"""Broken archives: what reaches outside, bursts or lies is refused before it is unpacked."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from sceneforge.core import FrameError, MissingExtra, Scan, UnknownFormatError, UnsafeArchiveError
from sceneforge.io import _archive as archive_module
from sceneforge.io import load
from tests.io import boxroom


@pytest.fixture(scope="module")
def truth() -> boxroom.Sequence:
    return boxroom.sequence()


def _zip(path: Path, name: str, data: bytes = b"x", **attributes: int) -> Path:
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    for key, value in attributes.items():
        setattr(info, key, value)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(info, data)
        z.writestr("metadata", "{}")
    return path


@pytest.mark.parametrize("suffix", ["zip", "r3d"])
@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil", "a/../../evil", "C:\\evil", "..\\evil"])
def test_archives_that_reach_outside(tmp_path: Path, suffix: str, name: str) -> None:
    path = _zip(tmp_path / f"scan.{suffix}", name)
    with pytest.raises(UnsafeArchiveError, match=r"holds an entry .*expected relative paths without \.\."):
        load(path)
    assert list(tmp_path.iterdir()) == [path]


def test_archives_with_links(tmp_path: Path) -> None:
    path = _zip(tmp_path / "scan.zip", "link", b"/etc/passwd", external_attr=(stat.S_IFLNK | 0o777) << 16)
    with pytest.raises(UnsafeArchiveError, match="holds a link 'link'"):
        load(path)


def test_archive_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _zip(tmp_path / "bomb.zip", "zeros", b"\0" * 3_000_000)
    monkeypatch.setattr(archive_module, "RATIO_FROM_BYTES", 1_000_000)
    with pytest.raises(UnsafeArchiveError, match=r"'zeros' would grow from \d+ to 3000000 bytes"):
        load(path)
    monkeypatch.setattr(archive_module, "RATIO_FROM_BYTES", 10**9)
    monkeypatch.setattr(archive_module, "MAX_TOTAL_BYTES", 2_000_000)
    with pytest.raises(UnsafeArchiveError, match=r"claims to hold 0\.0 GB"):
        load(path)


def test_archive_claiming_100_gb(tmp_path: Path) -> None:
    """Sizes in the table of contents are enough: nothing is unpacked."""
    path = tmp_path / "big.zip"
    with zipfile.ZipFile(path, "w") as z:
        for i in range(30):
            z.writestr(f"{i}.bin", b"x")
    data = path.read_bytes()
    entry = re.compile(rb"PK\x01\x02.{16}(....)(....)", re.DOTALL)
    big = struct.pack("<II", 4_000_000_000, 4_000_000_000)
    path.write_bytes(entry.sub(lambda m: m.group(0)[:-8] + big, data))
    with pytest.raises(UnsafeArchiveError, match=r"claims to hold 120\.0 GB; expected at most 20 GB"):
        load(path)


def test_archive_that_lies_about_its_size(tmp_path: Path) -> None:
    path = _zip(tmp_path / "lie.zip", "zeros", b"\0" * 100_000)
    data = path.read_bytes()
    at = data.index(b"PK\x01\x02") + 24
    path.write_bytes(data[:at] + struct.pack("<I", 10) + data[at + 4 :])
    with pytest.raises(UnsafeArchiveError, match=r"zeros (cannot be unpacked|is larger than it declares)"):
        load(path)


def test_archive_is_no_zip(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK nonsense")
    with pytest.raises(UnsafeArchiveError, match="cannot be opened"):
        load(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as z:
        z.writestr("readme.txt", "hello")
    with pytest.raises(UnknownFormatError, match=r"the archive holds only readme\.txt"):
        load(tmp_path / "b.zip")


def test_damaged_r3d_frame_is_counted(tmp_path: Path, truth: boxroom.Sequence) -> None:
    path = boxroom.record3d_r3d(tmp_path, truth)
    copy = tmp_path / "copy.r3d"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w") as target:
        for name in source.namelist():
            if name == "rgbd/1.depth":
                continue
            target.writestr(name, source.read(name)[:-9] if name == "rgbd/3.jpg" else source.read(name))
    bad: list[FrameError] = []
    scan = load(copy)
    assert isinstance(scan, Scan)
    assert len(list(scan.frames(bad=bad))) == 4
    assert "rgbd/1.depth is missing" in str(bad[0]) and "cut short" in str(bad[1])


def test_missing_package_says_how_to_get_it(
    tmp_path: Path, truth: boxroom.Sequence, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    path = boxroom.record3d_r3d(tmp_path, truth)
    packed = tmp_path / "packed.r3d"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(packed, "w") as target:
        for name in source.namelist():
            target.writestr(name, b"bvx-packed" if name.endswith(".depth") else source.read(name))
    monkeypatch.setitem(sys.modules, "lzfse", None)
    with pytest.raises(MissingExtra, match=r"needs the package 'lzfse'. Install it with: pip install 'sceneforge\["):
        load(packed)
