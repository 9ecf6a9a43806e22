"""What importing costs, needs, and refuses."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sceneforge
from sceneforge import doctor

BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {blocked}:
            raise ImportError(f'blocked: {{name}}')
sys.meta_path.insert(0, Block())
"""
HEAVY = {
    "open3d",
    "cv2",
    "trimesh",
    "numba",
    "scipy",
    "av",
    "shapely",
    "PIL",
    "rich",
    "pydantic",
}


def _python(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(sceneforge.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, env=environment)


def test_minimal_install_imports_the_core(tmp_path: Path) -> None:
    run = _python(
        BLOCK.format(blocked=HEAVY)
        + "import sceneforge, sceneforge.core, sceneforge.doctor, sceneforge.io, sceneforge.export\n"
        + "import sceneforge.perception, sceneforge.placement, sceneforge.rendering, sceneforge.pipeline\n"
        + "print(sceneforge.Label.TABLE, sceneforge.Scene().planes, callable(sceneforge.load))",
        tmp_path,
    )
    assert (run.returncode, run.stdout.split()) == (0, ["table", "()", "True"]), run.stderr


def test_import_loads_nothing_heavy(tmp_path: Path) -> None:
    run = _python(f"import sys, sceneforge, sceneforge.core; print(sorted({HEAVY} & set(sys.modules)))", tmp_path)
    assert run.stdout.strip() == "[]", run.stderr


def test_doctor_works_without_open3d(tmp_path: Path) -> None:
    code = "import sys; sys.modules['open3d'] = None; from sceneforge.cli import main; sys.exit(main(['doctor']))"
    run = _python(code, tmp_path)
    assert "open3d" in run.stdout
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("folder", ["perception", "placement", "rendering"])
def test_bare_folder_refuses_to_be_imported(repository: Path, folder: str) -> None:
    run = _python(f"import sys; sys.path.insert(0, {str(repository)!r}); import {folder}", repository)
    assert run.returncode != 0
    assert f"import sceneforge.{folder}" in run.stderr


@pytest.mark.parametrize("folder", ["perception", "placement", "rendering"])
def test_links_are_links(repository: Path, folder: str) -> None:
    link = repository / "sceneforge" / folder
    assert link.is_symlink()
    assert link.readlink() == Path("..") / folder
    listed = subprocess.run(
        ["git", "ls-files", "-s", f"sceneforge/{folder}"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert listed.stdout.startswith("120000 ")


def test_public_names() -> None:
    assert len(sceneforge.__all__) <= 26
    assert sorted(sceneforge.__all__) == sorted([*sceneforge._HOMES, "__version__"])
    for name in sceneforge.__all__:
        assert getattr(sceneforge, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        sceneforge.nonsense  # noqa: B018
    tree = ast.parse(Path(sceneforge.__file__).read_text(encoding="utf-8"))
    block = next(n for n in tree.body if isinstance(n, ast.If))
    typed = {a.asname or a.name for n in block.body if isinstance(n, ast.ImportFrom) for a in n.names}
    assert typed == set(sceneforge._HOMES)


def _requirements(repository: Path) -> tuple[set[str], dict[str, set[str]]]:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def names(lines: list[str]) -> set[str]:
        found = {re.split(r"[<>=;\[ ]", line, maxsplit=1)[0].lower() for line in lines}
        return found - {"sceneforge"}  # an extra that includes another one

    return names(project["dependencies"]), {k: names(v) for k, v in project["optional-dependencies"].items()}


def test_doctor_knows_every_requirement(repository: Path) -> None:
    core, extras = _requirements(repository)
    assert set(doctor.PACKAGES) == core - {"open3d"}  # open3d-cpu's name elsewhere
    assert {e: set(p) for e, p in doctor.EXTRAS.items()} == {e: p for e, p in extras.items() if e != "dev"}


def test_every_requirement_is_pinned(repository: Path) -> None:
    lines = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", pin) for pin in pins)
    pinned = {pin.split("==")[0].lower().replace("_", "-") for pin in pins}
    core, extras = _requirements(repository)
    assert (core | set().union(*extras.values())) - {"open3d"} <= pinned
