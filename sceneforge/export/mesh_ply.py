"""mesh.ply: the surface as binary PLY with colour, label and instance per vertex."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sceneforge.core import LABEL_NAMES, Arrangement, Scene, UsageError, write_aside

NAME = "ply"
SUFFIXES = (".ply",)


def write(scene: Scene, path: str | Path, *, arrangement: Arrangement | None = None) -> None:
    """Write a little-endian PLY: float32 x y z in metres, uchar sRGB, uchar label, int instance; triangles.

    Comment lines `label NUMBER NAME` explain the labels that occur.

    Raises:
        UsageError: The scene has no mesh.
    """
    mesh = scene.mesh
    if mesh is None:
        raise UsageError(f"nothing to write to {path}: the scene has no mesh")
    columns = [("x", "<f4"), ("y", "<f4"), ("z", "<f4")]
    header = ["ply", "format binary_little_endian 1.0", "comment metres, +Y up, right-handed"]
    if mesh.labels is not None:
        header += [f"comment label {n} {LABEL_NAMES[n]}" for n in np.unique(mesh.labels)]
    header += [f"element vertex {len(mesh.vertices)}", *(f"property float {axis}" for axis in "xyz")]
    if mesh.colors is not None:
        columns += [("red", "u1"), ("green", "u1"), ("blue", "u1")]
        header += [f"property uchar {channel}" for channel in ("red", "green", "blue")]
    if mesh.labels is not None:
        columns.append(("label", "u1"))
        header.append("property uchar label")
    if mesh.instances is not None:
        columns.append(("instance", "<i4"))
        header.append("property int instance")
    header += [f"element face {len(mesh.faces)}", "property list uchar int vertex_indices", "end_header", ""]

    vertices = np.empty(len(mesh.vertices), dtype=columns)
    for k, axis in enumerate("xyz"):
        vertices[axis] = mesh.vertices[:, k]
    if mesh.colors is not None:
        for k, channel in enumerate(("red", "green", "blue")):
            vertices[channel] = mesh.colors[:, k]
    if mesh.labels is not None:
        vertices["label"] = mesh.labels
    if mesh.instances is not None:
        vertices["instance"] = mesh.instances
    faces = np.empty(len(mesh.faces), dtype=[("count", "u1"), ("indices", "<i4", (3,))])
    faces["count"], faces["indices"] = 3, mesh.faces
    with write_aside(path) as aside, aside.open("wb") as file:
        file.write("\n".join(header).encode("ascii"))
        file.write(vertices.tobytes())
        file.write(faces.tobytes())
