"""Whatever happens to a capture's text files, the answer is a capture or one of our errors."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import InputError, Scan
from sceneforge.io import load
from sceneforge.io._discover import reader_names
from tests.io import boxroom

TEXT = {".txt", ".json", ".yaml", ".csv", ".log", ".traj", ".pincam"}


def _every_third_digit(data: bytes) -> bytes:
    digits = [i for i, b in enumerate(data) if 48 <= b <= 57][::3]
    out = bytearray(data)
    for i in digits:
        out[i] = ord("x")
    return bytes(out)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda d: b"",
    "half": lambda d: d[: len(d) // 2],
    "no_digits": _every_third_digit,
    "binary": lambda d: np.random.default_rng(3).bytes(200),
    "null": lambda d: b"null",
    "object": lambda d: b"{}",
    "list": lambda d: b"[1, 2, 3]",
    "zeros": lambda d: bytes(48 if 48 <= b <= 57 else b for b in d),
    "nines": lambda d: bytes(57 if 48 <= b <= 57 else b for b in d),
    "minus": lambda d: d.replace(b" ", b" -"),
    "nulls": lambda d: d.replace(b"1", b"null"),
    "strings": lambda d: d.replace(b": ", b': "a'),
}


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    truth = boxroom.sequence()
    root = tmp_path_factory.mktemp("captures")
    return {n: write(root / n, truth) for n, write in boxroom.WRITERS.items() if n != "record3d_r3d"}


@pytest.mark.parametrize("damage", sorted(DAMAGE))
@pytest.mark.parametrize("name", sorted(set(boxroom.WRITERS) - {"record3d_r3d"}))
def test_damaged_text(captures: dict[str, Path], name: str, damage: str, tmp_path: Path) -> None:
    folder = tmp_path / captures[name].name
    shutil.copytree(captures[name], folder)
    files = sorted(p for p in folder.rglob("*") if p.suffix in TEXT)
    tried: set[str] = set()
    for file in files:
        kind = f"{file.parent.name}{file.suffix}" if file.parent != folder else file.name
        if kind in tried:
            continue  # one of many alike
        tried.add(kind)
        whole = file.read_bytes()
        file.write_bytes(DAMAGE[damage](whole))
        try:
            capture = load(folder, format=name)
            assert isinstance(capture, Scan)
            list(capture.frames(bad=[]))
        except InputError as error:
            assert str(error)
        file.write_bytes(whole)
    assert tried or name == "kinect_pairs"
    assert isinstance(load(folder), Scan), "undamaged again"


@pytest.mark.parametrize("name", ["iwer_room", "mruk_room", "roomplan"])
@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"Rooms": 3}', '{"spatialEntities": [3]}', '{"walls": 3}'])
def test_damaged_room_files(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "room.json"
    path.write_text(text)
    with pytest.raises(InputError):
        load(path, format=name)


@pytest.mark.parametrize("name", reader_names())
def test_readers_forced_on_the_wrong_thing(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.md").write_text("hello")
    for path in (tmp_path / "folder", tmp_path / "folder" / "notes.md"):
        with pytest.raises(InputError):
            load(path, format=name)
