"""environment.npz: the light that comes to one point of the room, as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sceneforge.core import Arrangement, Scene, UsageError

from ._npz import write_arrays

NAME = "environment_npz"
SUFFIXES = ("environment.npz",)


def write(scene: Scene, path: str | Path, *, arrangement: Arrangement | None = None) -> None:
    """Write `scene.environment`: `position` (3,) float64, `radiance` (H, W, 3) and `observed` (H, W) float32.

    Raises:
        UsageError: The scene has none.
    """
    light = scene.environment
    if light is None:
        raise UsageError(f"nothing to write to {path}: the scene has no environment map")
    write_arrays(path, {"position": np.asarray(light.position), "radiance": light.radiance, "observed": light.observed})
