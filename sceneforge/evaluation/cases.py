"""Which captures a benchmark or evaluation runs on."""

from __future__ import annotations

from pathlib import Path

from sceneforge.core import Scan, SceneForgeError, UsageError
from sceneforge.data import sample_scan
from sceneforge.io import load


def posed_scans(data: Path | None, *, least_frames: int = 20) -> list[Path]:
    """RGB-D captures with poses: `data` itself, those in its folders, or the embedded sample when it is None.

    Raises:
        UsageError: There is none.
    """
    if data is None:
        return [sample_scan("living_room")]
    found = [p for p in (data, *sorted(d for d in data.iterdir() if d.is_dir())) if _usable(p, least_frames)]
    if not found:
        raise UsageError(f"{data} holds no RGB-D capture with poses and at least {least_frames} frames")
    return found


def _usable(path: Path, least_frames: int) -> bool:
    try:
        capture = load(path)
    except SceneForgeError:
        return False
    return isinstance(capture, Scan) and capture.has_poses and len(capture) >= least_frames
