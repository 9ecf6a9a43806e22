"""surface.npz: the labelled surface as plain arrays in the frame of scene.json."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from sceneforge.core import LABEL_NAMES, Arrangement, Scene, UsageError, write_aside

NAME = "surface_npz"
SUFFIXES = (".npz",)

_EPOCH = (1980, 1, 1, 0, 0, 0)


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
    arrays = {
        "vertices": mesh.vertices,
        "faces": mesh.faces,
        "labels": np.zeros(n, np.uint8) if mesh.labels is None else mesh.labels,
        "label_names": np.array(LABEL_NAMES),
        "instances": np.zeros(n, np.int32) if mesh.instances is None else mesh.instances,
    }
    if mesh.colors is not None:
        arrays["colors"] = mesh.colors
    with write_aside(path) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            info.create_system, info.external_attr = 3, 0o644 << 16  # the same bytes on every operating system
            with archive.open(info, "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.ascontiguousarray(array), allow_pickle=False)
