"""Files appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from sceneforge.core.errors import UsageError
from sceneforge.core.files import check_replaceable, write_aside, write_bytes, write_folder_aside


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


MARKS = ("scan.yaml", "truth.json")


def _ours(path: Path, content: str) -> Path:
    path.mkdir(exist_ok=True)
    for name in MARKS:
        (path / name).write_text(content)
    return path


def _text(path: Path) -> str:
    return (path / MARKS[0]).read_text()


def test_a_finished_folder_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "out"
    for name in ("old", "new"):
        with write_folder_aside(path, MARKS) as aside:
            assert aside.parent == tmp_path
            _ours(aside, name)
            (aside / name).touch()
    assert sorted(p.name for p in path.iterdir()) == ["new", *MARKS] and _text(path) == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_filled_and_a_link_stays(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real", target_is_directory=True)
    with write_folder_aside(tmp_path / "link", MARKS) as aside:
        _ours(aside, "new")
    assert (tmp_path / "link").is_symlink() and _text(tmp_path / "real") == "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "real"]


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    path = _ours(tmp_path / "out", "old")
    with pytest.raises(RuntimeError), write_folder_aside(path, MARKS) as aside:
        _ours(aside, "new")
        raise RuntimeError
    assert _text(path) == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_failed_rename_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _ours(tmp_path / "out", "old")
    rename = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if self.name.endswith(".partial"):
            raise OSError("disk trouble")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OSError, match="disk trouble"), write_folder_aside(path, MARKS) as aside:
        _ours(aside, "new")
    assert _text(path) == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("names", [("photo.jpg",), ("scan.yaml",), ("truth.json", "notes.txt"), (".git",)])
def test_somebody_elses_folder_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    path = tmp_path / "out"
    path.mkdir()
    for name in names:
        (path / name).write_text("precious")
    with pytest.raises(UsageError, match=r"holds other files.*a folder with scan\.yaml and truth\.json"):
        check_replaceable(path, MARKS)
    with pytest.raises(UsageError), write_folder_aside(path, MARKS):
        pytest.fail("the block must not run")
    assert sorted(p.name for p in path.iterdir()) == sorted(names)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_files_that_came_meanwhile_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with pytest.raises(UsageError), write_folder_aside(path, MARKS) as aside:
        _ours(aside, "new")
        path.mkdir()
        (path / "photo.jpg").write_text("precious")
    assert [p.name for p in path.iterdir()] == ["photo.jpg"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("precious")
    with pytest.raises(UsageError, match="is a file"):
        check_replaceable(tmp_path / "out", MARKS)


@pytest.mark.parametrize("out", [".", "..", "../..", "../../here/inner"])
def test_the_working_folder_and_those_above_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    (tmp_path / "here").mkdir()
    inner = _ours(tmp_path / "here" / "inner", "old")
    _ours(inner.parent, "old")
    _ours(tmp_path, "old")
    monkeypatch.chdir(inner)
    with pytest.raises(UsageError, match="working folder"):
        check_replaceable(out, MARKS)
    (tmp_path / "link").symlink_to(inner, target_is_directory=True)
    with pytest.raises(UsageError, match="working folder"):
        check_replaceable(tmp_path / "link", MARKS)
