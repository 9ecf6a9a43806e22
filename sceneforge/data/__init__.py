"""What ships inside the package: a scan of a living room, content models, and the demo's recipe.

Recipes and the command line name them `sample:NAME`.
"""

from __future__ import annotations

from pathlib import Path

from sceneforge._suggest import suggestion
from sceneforge.core import UsageError

PREFIX = "sample:"
"""Marks an embedded sample where a path is expected."""

_HERE = Path(__file__).resolve().parent


def scan_names() -> tuple[str, ...]:
    """Names of the embedded scans."""
    skipped = {"content", "__pycache__"}
    return tuple(sorted(p.name for p in _HERE.iterdir() if p.is_dir() and p.name not in skipped))


def content_names() -> tuple[str, ...]:
    """Names of the embedded content models."""
    return tuple(sorted(p.stem for p in (_HERE / "content").glob("*.glb")))


def sample_scan(name: str) -> Path:
    """Folder of an embedded scan.

    Raises:
        UsageError: There is no scan of this name.
    """
    if name not in scan_names():
        raise UsageError(f"no embedded scan is called '{name}'{suggestion(name, scan_names())}")
    return _HERE / name


def sample_content(name: str) -> Path:
    """GLB file of an embedded content model.

    Raises:
        UsageError: There is no model of this name.
    """
    if name not in content_names():
        raise UsageError(f"no embedded model is called '{name}'{suggestion(name, content_names())}")
    return _HERE / "content" / f"{name}.glb"


def demo_recipe() -> Path:
    """The recipe that `sceneforge demo` composes."""
    return _HERE / "demo.yaml"


def resolve_scan(text: str | Path) -> Path:
    """A path, or the folder behind `sample:NAME`."""
    name = str(text)
    return sample_scan(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else Path(text)


def resolve_content(text: str | Path) -> Path:
    """A path, or the file behind `sample:NAME`."""
    name = str(text)
    return sample_content(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else Path(text)
