"""`sceneforge bench startup`: what a user waits for before anything happens."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .machine import machine

RUNS = 7
COMMANDS = {
    "import_sceneforge": ["-c", "import sceneforge"],
    "help": ["-m", "sceneforge.cli", "--help"],
}
BARE = ["-c", "pass"]


def bench(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Median wall seconds of whole processes, and the bare interpreter's as the peer.

    Args:
        data: Not used: nothing is read.
        seed: Not used: nothing is random.

    Returns:
        {"name", "ours", "peers", "ratio", "machine"}.
    """
    ours = {name: {"seconds": _median(arguments)} for name, arguments in COMMANDS.items()}
    python = _median(BARE)
    ratio = {name: round(value["seconds"] / python, 2) for name, value in ours.items()}
    return {
        "name": "startup",
        "ours": ours,
        "peers": {"python": {"seconds": python}},
        "ratio": ratio,
        "machine": machine(),
    }


def _median(arguments: list[str]) -> float:
    seconds = []
    for _ in range(RUNS + 1):  # the first warms the disk
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return round(statistics.median(seconds[1:]), 4)
