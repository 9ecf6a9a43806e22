"""Files appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from sceneforge.core import write_aside, write_bytes, write_folder_aside


def test_a_finished_file_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    for text in (b"old", b"new"):
        write_bytes(path, text)
        assert path.read_bytes() == text
    assert path.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("existed", [True, False])
def test_a_failure_leaves_no_trace(tmp_path: Path, existed: bool) -> None:
    path = tmp_path / "a.txt"
    if existed:
        path.write_text("old")
    with pytest.raises(RuntimeError), write_aside(path) as aside:
        aside.write_text("half")
        assert aside.suffix == ".txt", "writers choose formats by suffix"
        assert aside.parent == path.parent, "a rename must not cross file systems"
        raise RuntimeError
    assert [p.read_text() for p in tmp_path.iterdir()] == (["old"] if existed else [])


def test_a_finished_folder_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "out"
    for name in ("old", "new"):
        with write_folder_aside(path) as aside:
            (aside / name).write_text(name)
    assert [p.name for p in path.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with write_folder_aside(path) as aside:
        (aside / "old").write_text("old")
    with pytest.raises(RuntimeError), write_folder_aside(path) as aside:
        (aside / "new").write_text("new")
        raise RuntimeError
    assert [p.name for p in path.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
