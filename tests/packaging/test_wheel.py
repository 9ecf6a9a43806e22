"""The wheel holds what the tree holds, and works away from the tree."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

FOLDERS = {"sceneforge": "sceneforge", "perception": "sceneforge/perception"}
FOLDERS |= {name: f"sceneforge/{name}" for name in ("placement", "rendering")}
IGNORED = {"__pycache__", ".DS_Store"}


@pytest.fixture(scope="session")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built from a copy of what git would hand out."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        original, copy = repository / name, source / name
        if not name or name.startswith("tests/") or not (original.is_symlink() or original.exists()):
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        if original.is_symlink():
            copy.symlink_to(original.readlink())
        else:
            copy.write_bytes(original.read_bytes())
    (source / "tests").mkdir()
    (source / "tests" / "test_stray.py").write_text("# must not be packed\n")
    # no build isolation: the test must not depend on the network
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def clean_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with the wheel installed and the dependencies of this one, but not this checkout."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    site = Path(_run(python, "import sysconfig; print(sysconfig.get_path('purelib'))"))
    _run(Path(sys.executable), None, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel))
    # a plain path line adds the dependencies' folder without running its .pth files, which point at the checkout
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def _run(python: Path, code: str | None, *arguments: str, cwd: Path | None = None, ok: bool = True) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    command = [str(python), *(("-c", code) if code is not None else ()), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=600)
    assert (run.returncode == 0) is ok, run.stdout[-2000:] + run.stderr[-2000:]
    return (run.stdout if ok else run.stderr).strip()


def _in_tree(repository: Path) -> set[str]:
    found = set()
    for folder, inside in FOLDERS.items():
        root = repository / folder
        for path, folders, files in os.walk(root):  # os.walk leaves the three links alone
            folders[:] = [f for f in folders if f not in IGNORED]
            names = [f for f in files if f not in IGNORED and not f.endswith(".pyc") and ".partial" not in f]
            found |= {f"{inside}/{(Path(path) / f).relative_to(root).as_posix()}" for f in names}
    return found


def test_wheel_holds_exactly_the_tree(wheel: Path, repository: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {n for n in archive.namelist() if ".dist-info/" not in n}
    tree = _in_tree(repository)
    assert "sceneforge/perception/__init__.py" in tree
    assert packed - tree == set(), "packed, but not in the tree"
    assert tree - packed == set(), "in the tree, but not packed: add the package or its data to pyproject.toml"


def test_wheel_is_described(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        info = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = archive.read(info).decode()
        names = archive.namelist()
    assert "License-Expression: Apache-2.0" in metadata
    assert any(n.endswith("licenses/LICENSE") for n in names)
    assert "Requires-Python: >=3.11" in metadata


def test_nothing_generic_lands_in_site_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {n.split("/")[0] for n in archive.namelist() if ".dist-info" not in n}
    assert tops == {"sceneforge"}


def test_installed_wheel_stands_alone(clean_python: Path, tmp_path: Path) -> None:
    where = _run(clean_python, "import sceneforge.perception as p; print(p.__file__)", cwd=tmp_path)
    assert str(clean_python.parents[1]) in where
    version = _run(clean_python, "import sceneforge; print(sceneforge.__version__)", cwd=tmp_path)
    assert _run(clean_python, None, "-m", "sceneforge.cli", "--version", cwd=tmp_path) == version
    names = "import sceneforge; print([n for n in sceneforge.__all__ if getattr(sceneforge, n) is None])"
    assert _run(clean_python, names, cwd=tmp_path) == "[]"


@pytest.mark.slow
def test_demo_runs_from_the_wheel(clean_python: Path, tmp_path: Path) -> None:
    _run(clean_python, None, "-m", "sceneforge.cli", "demo", "-o", "out", cwd=tmp_path)
    for name in ("preview.mp4", "contact_sheet.png", "scene.json", "composition.glb", "arrangement.json"):
        assert (tmp_path / "out" / name).stat().st_size > 100, name
