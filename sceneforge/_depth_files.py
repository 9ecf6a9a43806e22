"""The files of the depth command: two 16-bit images per frame, and depth.json."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import Camera, Progress, SceneForgeWarning, UsageError, write_bytes
from sceneforge.core.arrays import Float32, UInt8

FORMAT = "sceneforge.depth"
DEPTH_UNIT_M, SIGMA_UNIT_M = 0.001, 0.0001
SOURCES = ("none", "sensor", "mesh", "plane", "filled", "guess")
"""Where a pixel's depth may come from: by its number in `RefinedDepth.source`, or a guess from the picture alone."""


@dataclass(frozen=True)
class DepthMap:
    """Depth of one picture."""

    name: str
    """The capture's name for the frame."""
    depth: Float32
    """(H, W) z-depth in metres, 0 = nothing known."""
    sigma: Float32
    """(H, W) standard deviation in metres, inf where depth is 0."""
    camera: Camera
    """Intrinsics that belong to both."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What else depth.json says about the frame."""


def write_maps(
    maps: Iterator[DepthMap],
    out: Path,
    name: str,
    total: int,
    facts: dict[str, Any],
    pictures: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Write each map and its uncertainty as 16-bit PNG, then depth.json, in place of an earlier run's; its content.

    Args:
        maps: One after the other, none is kept.
        out: Folder.
        name: The capture's.
        total: How many maps were hoped for.
        facts: What else depth.json says.
        pictures: Whether to write pictures to look at, too.
        progress: Told after each map.
    """
    frames: list[dict[str, Any]] = []
    taken: set[str] = set()
    _clear(out)
    for done, m in enumerate(maps):
        stem = _file_stem(m.name, taken)
        write_bytes(out / "depth" / f"{stem}.png", _png16(m.depth / DEPTH_UNIT_M))
        write_bytes(out / "sigma" / f"{stem}.png", _png16(np.where(m.depth > 0, m.sigma / SIGMA_UNIT_M, 65535)))
        if pictures:
            write_bytes(out / "pictures" / f"{stem}.png", picture(m.depth))
        known = m.depth > 0
        frames.append(
            {
                "name": m.name,
                "file": f"{stem}.png",
                "coverage": round(float(known.mean()), 4),
                "median_depth_m": round(float(np.median(m.depth[known])), 4) if known.any() else None,
                "median_sigma_m": round(float(np.median(m.sigma[known])), 5) if known.any() else None,
                "camera": {k: getattr(m.camera, k) for k in ("width", "height", "fx", "fy", "cx", "cy")},
                **m.facts,
            }
        )
        progress("depth", done + 1, total)
    if len(frames) < total:
        warnings.warn(f"{name}: {total - len(frames)} of {total} frames have no depth", SceneForgeWarning, stacklevel=3)
    document = {
        "format": FORMAT,
        "version": 1,
        "capture": name,
        "depth_unit_m": DEPTH_UNIT_M,
        "sigma_unit_m": SIGMA_UNIT_M,
        **facts,
        "frames": frames,
    }
    write_bytes(out / "depth.json", (json.dumps(document, indent=1) + "\n").encode())
    return document


def _clear(out: Path) -> None:
    """Remove what an earlier run wrote, by its own list: its images would pass for this one's."""
    record = out / "depth.json"
    try:
        document = json.loads(record.read_bytes())
        names = [str(f["file"]) for f in document["frames"]] if document["format"] == FORMAT else []
    except (OSError, ValueError, KeyError, TypeError):
        return
    for folder in ("depth", "sigma", "pictures"):
        for name in names:
            if Path(name).name == name:
                (out / folder / name).unlink(missing_ok=True)
    record.unlink()


def _file_stem(name: str, taken: set[str]) -> str:
    """A file name of plain characters that no earlier frame has."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "frame"
    unique, k = stem, 1
    while unique in taken:
        unique, k = f"{stem}-{k}", k + 1
    taken.add(unique)
    return unique


def _png16(counts: Float32) -> bytes:
    import cv2

    whole = np.clip(np.rint(np.nan_to_num(counts, posinf=65535)), 0, 65535).astype(np.uint16)
    return bytes(cv2.imencode(".png", whole)[1])


def picture(depth: Float32) -> bytes:
    """Depth to look at, as PNG: near is warm, black is unknown, the range that of the picture's own 98 %."""
    import cv2

    known = depth > 0
    shown = np.zeros((*depth.shape, 3), np.uint8)
    if known.any():
        low, high = np.quantile(1 / depth[known], [0.01, 0.99])
        scaled = np.clip((1 / np.where(known, depth, 1) - low) / max(high - low, 1e-6), 0, 1)
        shown = cv2.applyColorMap((255 * scaled).astype(np.uint8), cv2.COLORMAP_TURBO)
        shown[~known] = 0
    return bytes(cv2.imencode(".png", shown)[1])


def shares(source: UInt8) -> dict[str, float]:
    """Share of the pixels (H, W) from each source, by name."""
    counts = np.bincount(source.ravel(), minlength=len(SOURCES))
    return {name: round(float(n) / source.size, 4) for name, n in zip(SOURCES, counts, strict=True)}


def check_positive(name: str, value: float) -> None:
    """Raises:
    UsageError: The value is no positive number.
    """
    if not (np.isfinite(value) and value > 0):
        raise UsageError(f"{name} must be positive, got {value:g}")
