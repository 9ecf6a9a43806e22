"""report.json grows with every step that writes into the same folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sceneforge.core import write_bytes


def add_to_report(path: Path, key: str, facts: Mapping[str, Any]) -> None:
    """Write facts into report.json, beside what an earlier step of the same folder wrote there."""
    try:
        report = json.loads(path.read_bytes()) if path.is_file() else {}
    except ValueError:
        report = {}
    if not isinstance(report, dict) or report.get("format") != "sceneforge.report":
        report = {"format": "sceneforge.report", "version": 1}
    write_bytes(path, (json.dumps({**report, key: dict(facts)}, indent=2) + "\n").encode())
