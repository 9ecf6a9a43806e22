"""surface.npz: the labelled surface as plain arrays in the frame of scene.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import LABEL_NAMES, Arrangement, Scene, UsageError

from ._npz import write_arrays

NAME = "surface_npz"
SUFFIXES = (".npz",)


def write(scene: Scene, path: str | Path, *, arrangement: Arrangement | None = None) -> None:
    """Write the scene's mesh; equal meshes give equal bytes. Read it with `numpy.load(path, allow_pickle=False)`.

    Arrays: `vertices` (N, 3) float32 metres, `faces` (M, 3) int32, `labels` (N,) uint8 into `label_names`, `instances`
    (N,) int32 (i + 1 for planes[i] of scene.json, 0 = none), and `colors` (N, 3) uint8 sRGB where there is
    colour.

    Raises:
        UsageError: The scene has no mesh.
    """
    mesh = scene.mesh
    if mesh is None:
        raise UsageError(f"nothing to write to {path}: the scene has no mesh")
    n = len(mesh.vertices)
    arrays: dict[str, NDArray[Any]] = {
        "vertices": mesh.vertices,
        "faces": mesh.faces,
        "labels": np.zeros(n, np.uint8) if mesh.labels is None else mesh.labels,
        "label_names": np.array(LABEL_NAMES),
        "instances": np.zeros(n, np.int32) if mesh.instances is None else mesh.instances,
    }
    if mesh.colors is not None:
        arrays["colors"] = mesh.colors
    write_arrays(path, arrays)
