"""How good composed pictures are in the embedded sample's room, against path-traced truth: part of `bench render`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import MissingExtra
from sceneforge.core.arrays import UInt8

from .evaluate_shadow import Case, make_case, marked, methods
from .filament_video import filament_pictures

KIND, NUMBER = "living_room", 0
"""What the embedded sample was generated from."""


def quality(seed: int) -> dict[str, Any]:
    """Mean psnr, ssim and shadow error per renderer over the frames of one room; or why it was not measured."""
    from sceneforge.data import sample_scan

    path = sample_scan("living_room")
    try:
        case = make_case(path, KIND, NUMBER, seed)
    except MissingExtra as problem:
        return {"skipped": str(problem)}
    if case is None:
        return {"skipped": "the content found no place"}
    out: dict[str, Any] = {}
    for name, compose in methods(case.scene, case.arrangement, ("ours", "no_shadow", "pyrender")).items():
        out[name] = _mean(case, [compose(s.frame, s.T_world_camera) for s in case.shots])
    with tempfile.TemporaryDirectory() as folder:
        shots = [(s.frame, s.T_world_camera) for s in case.shots]
        pictures = filament_pictures(path, seed, shots, Path(folder))
    out["filament"] = _complete(case, pictures)
    return {"frames": len(case.shots), **out}


def _complete(case: Case, pictures: list[UInt8]) -> dict[str, Any]:
    """The means, or why there are none: over fewer frames they could not stand beside the others'."""
    if len(pictures) == len(case.shots):
        return _mean(case, pictures)
    return {"skipped": f"{len(pictures)} of {len(case.shots)} pictures within the time limit"}


def _mean(case: Case, pictures: list[UInt8]) -> dict[str, float]:
    """Mean of every score that is known, one picture per shot."""
    rows = [marked(case, shot, picture) for shot, picture in zip(case.shots, pictures, strict=True)]
    out = {}
    for key in rows[0]:
        known = [value for value in (r[key] for r in rows) if value is not None]
        if known:
            out[key] = round(float(np.mean(known)), 4)
    return out
