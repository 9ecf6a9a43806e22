"""Depth for every picture of a posed scan without a depth sensor: sweep each, keep what neighbours confirm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from sceneforge.core import Camera, Frame, Progress, Scan, silent
from sceneforge.core.arrays import Float32

from .noise import SensorNoise
from .sweep import Picture, Sweep, consistent, kept, partners, picture, sweep

CHECKED = 4
"""Views whose own depth has to confirm a picture's."""
NOISE_STEPS = 0.6
"""Standard deviation of what was confirmed, in steps of the sweep (measured on generated scans)."""
AT_ONCE = 2
"""Sweeps under way: each holds 60 MB."""
CORRELATION = 25.0
"""Pixels of a sweep err together over its window and along its paths."""


@dataclass(frozen=True)
class SweptDepth:
    """Depth of one picture as a sensor of the sweep's resolution would have measured it."""

    depth: Float32
    """(h, w) z-depth in metres, 0 = not confirmed."""
    camera: Camera
    """Its intrinsics."""
    step: float
    """Distance of two planes of the sweep in inverse depth, 1/m."""

    @property
    def noise(self) -> SensorNoise:
        """Of `depth`, for refining it to the colour picture."""
        return SensorNoise(0.005, NOISE_STEPS * self.step, CORRELATION)


def swept_depth(
    scan: Scan, wanted: Sequence[int] | None = None, *, progress: Progress = silent
) -> dict[int, SweptDepth]:
    """Depth by frame index, from the pictures and poses alone. Pictures without a partner are left out.

    Memory: 300 kB per frame at the sweep's resolution.

    Args:
        scan: Posed pictures; depth in it is not looked at.
        wanted: Frames to find depth for, default all; their partners are swept too.
        progress: Told after each sweep.
    """
    indices: list[int] = []
    pictures: list[Picture] = []
    posed = [i for i, s in enumerate(scan.sources) if s.T_world_camera is not None]
    for frame in scan.frames(posed, bad=[]):
        indices.append(frame.index)
        pictures.append(picture(frame))
    place = {index: k for k, index in enumerate(indices)}
    asked = [place[i] for i in (indices if wanted is None else wanted) if i in place]
    beside = {k: partners(pictures, k) for k in asked}
    needed = sorted({*asked, *(j for ks in beside.values() for j in ks[:CHECKED])})
    sweeps: list[Sweep | None] = [None] * len(pictures)

    def swept(k: int) -> Sweep | None:
        others = partners(pictures, k)
        return sweep(pictures[k], [pictures[j] for j in others]) if others else None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done, (k, found) in enumerate(zip(needed, pool.map(swept, needed), strict=True)):
            sweeps[k] = found
            progress("sweep", done + 1, len(needed))
    out: dict[int, SweptDepth] = {}
    for k in asked:
        mine = sweeps[k]
        if mine is None:
            continue
        views = beside[k][:CHECKED]
        good = kept(mine, consistent(pictures, sweeps, k, views), len(views))
        depth = np.divide(1, mine.w, out=np.zeros_like(mine.w), where=good)
        out[indices[k]] = SweptDepth(depth, pictures[k].camera, mine.step)
    return out


def as_sensor(frame: Frame, found: SweptDepth) -> Frame:
    """The frame with the swept depth in place of a sensor's."""
    return replace(frame, depth=found.depth, depth_camera=found.camera)


def with_depth(scan: Scan, found: Mapping[int, SweptDepth]) -> Scan:
    """The scan with this depth in place of a sensor's; frames without any get a problem."""

    def held(depth: Float32) -> Float32:
        return depth

    sources = [
        replace(s, depth_camera=found[i].camera, read_depth=partial(held, found[i].depth), has_depth=True)
        if i in found
        else replace(s, problem=s.problem or "no other picture shows what it shows")
        for i, s in enumerate(scan.sources)
    ]
    return replace(scan, sources=tuple(sources))
