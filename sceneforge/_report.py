"""report.json: it grows with every step that writes into the same folder, and says on what it was made."""

from __future__ import annotations

import json
import platform
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sceneforge.core import write_bytes

PACKAGES = ("numpy", "scipy", "numba", "open3d", "opencv-python-headless", "trimesh", "shapely", "av")


def add_to_report(path: Path, key: str, facts: Mapping[str, Any]) -> None:
    """Write facts into report.json, beside what an earlier step of the same folder wrote there."""
    try:
        report = json.loads(path.read_bytes()) if path.is_file() else {}
    except ValueError:
        report = {}
    if not isinstance(report, dict) or report.get("format") != "sceneforge.report":
        report = {"format": "sceneforge.report", "version": 1}
    write_bytes(path, (json.dumps({**report, key: dict(facts)}, indent=2) + "\n").encode())


def versions() -> dict[str, str]:
    """Versions of everything that can change a result, for report.json."""
    from importlib import metadata

    found = {"python": platform.python_version()}
    for name in ("sceneforge", *PACKAGES):
        for distribution in (name, f"{name}-cpu"):
            try:
                found[name] = metadata.version(distribution)
                break
            except metadata.PackageNotFoundError:
                continue
    return found


def peak_rss_mb() -> int:
    """Largest resident memory of this process so far, MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak // (1024 * 1024 if sys.platform == "darwin" else 1024))
