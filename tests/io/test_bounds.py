"""Nothing is read or unpacked beyond what a frame can hold; one damaged frame does not spoil a recording."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from sceneforge.core import FrameError, Scan
from sceneforge.io import _archive, load
from sceneforge.io._images import MAX_FILE_BYTES, read_bytes
from sceneforge.io._lzfse import unpacked
from tests.io import boxroom


def test_one_entry_of_an_archive_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as z:
        z.writestr("big", b"x" * 1001)
        z.writestr("fine", b"x" * 1000)
    monkeypatch.setattr(_archive, "MAX_ENTRY_BYTES", 1000)
    archive = _archive.SafeZip(tmp_path / "a.zip")
    assert len(archive.read("fine", "0")) == 1000
    with pytest.raises(FrameError, match="big has 1001 bytes; expected at most 1000"):
        archive.read("big", "0")


def test_huge_image_files_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(FrameError, match="expected at most 268435456"):
        read_bytes(tmp_path / "a.png", "0")


def test_packed_depth_has_the_expected_size_or_is_not_unpacked(tmp_path: Path) -> None:
    lzfse = pytest.importorskip("lzfse")
    packed = lzfse.compress(bytes(100_000))
    assert unpacked(packed, (7, 100_000), tmp_path, "0") == bytes(100_000)
    with pytest.raises(FrameError, match="states 100000 bytes; expected 7"):
        unpacked(packed, (7,), tmp_path, "0")
    lie = packed[:4] + struct.pack("<I", 7) + packed[8:]
    with pytest.raises(FrameError):
        unpacked(lie, (7,), tmp_path, "0")
    for damaged in (packed[:-9], b"", b"bvx-packed", b"nonsense"):
        with pytest.raises(FrameError, match="damaged"):
            unpacked(damaged, (100_000,), tmp_path, "0")


def test_a_damaged_first_picture_costs_one_frame(tmp_path: Path) -> None:
    path = boxroom.record3d_r3d(tmp_path, boxroom.sequence())
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as z:
        at = z.getinfo("rgbd/0.jpg").header_offset
    data[at + 60] ^= 0xFF
    path.write_bytes(bytes(data))
    scan = load(path)
    assert isinstance(scan, Scan)
    bad: list[FrameError] = []
    assert [f.index for f in scan.frames(bad=bad)] == [1, 2, 3, 4, 5]
    assert "rgbd/0.jpg is damaged" in str(bad[0])
