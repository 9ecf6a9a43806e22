"""Decimation keeps its word on the error."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge import cli
from sceneforge.core import Mesh
from sceneforge.perception.decimation import decimate


def bumpy(side: int = 60, height: float = 0.05) -> Mesh:
    x, z = np.meshgrid(np.linspace(0, 2, side), np.linspace(0, 2, side), indexing="ij")
    y = height * np.sin(4 * x) * np.cos(3 * z)
    vertices = np.stack([x, y, z], -1).reshape(-1, 3).astype(np.float32)
    i = np.arange(side * side).reshape(side, side)
    a, b, c, d = i[:-1, :-1].ravel(), i[1:, :-1].ravel(), i[:-1, 1:].ravel(), i[1:, 1:].ravel()
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)
    colors = np.clip(127 * x.ravel(), 0, 255).astype(np.uint8)[:, None].repeat(3, 1)
    return Mesh(vertices, faces, colors)


@pytest.mark.parametrize("limit", [0.001, 0.005, 0.02])
def test_vertices_stay_within_the_stated_error(limit: float) -> None:
    import trimesh

    mesh = bumpy()
    light = decimate(mesh, limit)
    assert light.error_m <= limit
    assert len(light.mesh.faces) < 0.5 * len(mesh.faces)
    surface = trimesh.Trimesh(light.mesh.vertices, light.mesh.faces, process=False)
    _, distance, _ = trimesh.proximity.closest_point_naive(surface, mesh.vertices[::7])
    # Measured by other code, on a seventh of the vertices.
    assert distance.max() <= light.largest_error_m + 1e-6
    assert (distance > light.error_m + 1e-6).sum() <= 4  # of 3600, one in a thousand
    assert light.mesh.colors is not None
    wanted = np.clip(127 * light.mesh.vertices[:, 0], 0, 255)
    assert np.abs(light.mesh.colors[:, 0] - wanted).max() < 10  # a vertex keeps the colour of its place


def test_more_error_fewer_triangles_and_same_bytes_again() -> None:
    fine, coarse = decimate(bumpy(), 0.001), decimate(bumpy(), 0.02)
    assert len(coarse.mesh.faces) < len(fine.mesh.faces)
    again = decimate(bumpy(), 0.001)
    assert again.mesh.vertices.tobytes() == fine.mesh.vertices.tobytes()
    assert again.mesh.faces.tobytes() == fine.mesh.faces.tobytes()


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        decimate(bumpy(5), 0.0)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["-o", "room.json"], "holds no triangles"),
        (["-o", "room.xyz"], "no writer for 'room.xyz'"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_work(
    options: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["simplify", "there is no such folder", *options]) == 2
    assert text in capsys.readouterr().err
