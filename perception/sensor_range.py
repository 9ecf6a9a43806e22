"""How far a capture's depth readings can be trusted, measured on the capture itself."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sceneforge.core import Frame
from sceneforge.core.arrays import Float32, Float64

NEAR_M, FAR_M = 4.5, 8.0
"""Trusted of every sensor, and the most that is trusted of any: rooms are seldom larger."""
BIN_M = 0.5
STEP_PX = 6
"""Structured light and stereo smooth over a few pixels: nearer neighbours share their noise."""
SAME_M = 0.25
"""Readings farther apart in depth than this belong to different things."""
ENOUGH = 1000
FRAMES = 12


def trusted_range(frames: Iterable[Frame], noise_m: float) -> float:
    """Depth in metres up to which the sensor's noise stays below `noise_m`, between `NEAR_M` and `FAR_M`.

    The inverse depth of a flat surface is linear in the image, so its second difference over `STEP_PX` pixels is noise
    alone; the median leaves edges out. Bins of half a metre without enough readings end nothing and add nothing.
    """
    noise: list[Float64] = []
    at: list[Float32] = []
    for frame in frames:
        z = frame.depth
        for image in (z, z.T):
            a, b, c = image[:, : -2 * STEP_PX], image[:, STEP_PX:-STEP_PX], image[:, 2 * STEP_PX :]
            one = (a > 0) & (c > 0) & (b > NEAR_M) & (b < FAR_M) & (np.abs(a - b) < SAME_M) & (np.abs(c - b) < SAME_M)
            w = 1 / a[one].astype(np.float64) - 2 / b[one].astype(np.float64) + 1 / c[one].astype(np.float64)
            noise.append(np.abs(w) * b[one].astype(np.float64) ** 2 / np.sqrt(6))
            at.append(b[one])
    if not noise:
        return NEAR_M
    e, z = np.concatenate(noise), np.concatenate(at)
    trusted = NEAR_M
    for low in np.arange(NEAR_M, FAR_M, BIN_M):
        here = e[(z >= low) & (z < low + BIN_M)]
        if len(here) < ENOUGH:
            continue
        if 1.4826 * float(np.median(here)) > noise_m:
            break
        trusted = float(low + BIN_M)
    return trusted
