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
    assert light.error_m <= light.largest_error_m <= limit
    assert len(light.mesh.faces) < 0.5 * len(mesh.faces)
    surface = trimesh.Trimesh(light.mesh.vertices, light.mesh.faces, process=False)
    _, distance, _ = trimesh.proximity.closest_point_naive(surface, mesh.vertices[::7])
    # Measured by other code, on a seventh of the vertices.
    assert distance.max() <= light.largest_error_m + 1e-6
    assert (distance > light.error_m + 1e-6).sum() <= 4  # of 3600, one in a thousand
    middles = light.mesh.vertices[light.mesh.faces].mean(axis=1)
    true = 0.05 * np.sin(4 * middles[:, 0]) * np.cos(3 * middles[:, 2])
    # The other way: the bound, and how far the fine mesh itself lies off the wave between its vertices.
    assert np.quantile(np.abs(middles[:, 1] - true), 0.99) < limit + 0.001
    assert light.mesh.colors is not None
    wanted = np.clip(127 * light.mesh.vertices[:, 0], 0, 255)
    assert np.abs(light.mesh.colors[:, 0] - wanted).max() < 10  # a vertex keeps the colour of its place


def test_more_error_fewer_triangles_and_same_bytes_again() -> None:
    fine, coarse = decimate(bumpy(), 0.001), decimate(bumpy(), 0.02)
    assert len(coarse.mesh.faces) < len(fine.mesh.faces)
    again = decimate(bumpy(), 0.001)
    assert again.mesh.vertices.tobytes() == fine.mesh.vertices.tobytes()
    assert again.mesh.faces.tobytes() == fine.mesh.faces.tobytes()


def test_noise_below_the_bound_goes_with_the_triangles() -> None:
    from sceneforge.perception.decimation import samples

    rng = np.random.default_rng(4)
    flat = bumpy(80, 0.0)
    noisy = Mesh(flat.vertices + rng.normal(0, 0.0015, flat.vertices.shape).astype(np.float32), flat.faces)
    light = decimate(noisy, 0.006)
    assert len(light.mesh.faces) < 0.01 * len(flat.faces)
    assert light.largest_error_m <= 0.006
    # All noisy vertices within 6 mm of it, themselves up to 5 mm off the plane: it cannot lie far off the plane either.
    assert np.abs(samples(light.mesh.vertices, light.mesh.faces, 5000)[0][:, 1]).max() < 0.006


def test_edges_stay_sharp_borders_stay_put_and_small_pieces_stay() -> None:
    import trimesh

    block = trimesh.creation.box((1.0, 0.6, 0.4)).subdivide().subdivide().subdivide().subdivide()
    crumb = trimesh.creation.icosphere(2, 0.03)
    crumb.apply_translation((0.0, 1.0, 0.0))
    whole = trimesh.util.concatenate([block, crumb])
    light = decimate(Mesh(np.asarray(whole.vertices, np.float32), np.asarray(whole.faces, np.int32)), 0.004)
    made = trimesh.Trimesh(light.mesh.vertices, light.mesh.faces, process=False)
    assert made.is_watertight and len(made.faces) < 0.1 * len(whole.faces)
    big, small = sorted(made.split(), key=lambda piece: -piece.volume)
    assert big.volume == pytest.approx(0.24, abs=0.5 * 0.004 * big.area)  # half the bound all over
    assert np.allclose(np.abs(big.bounds), [[0.5, 0.3, 0.2]] * 2, atol=0.004)
    assert small.volume == pytest.approx(crumb.volume, rel=0.15)
    wave = bumpy()
    rim = decimate(wave, 0.005).mesh.vertices
    assert np.abs([rim[:, [0, 2]].min(axis=0), rim[:, [0, 2]].max(axis=0) - 2]).max() < 0.005


def test_sheets_part_where_they_only_touch() -> None:
    from sceneforge.perception.sheets import sheets

    # Two roofs that share their ridge (four faces at one edge), and a third triangle that touches one corner.
    vertices = np.array(
        [[0, 0, 0], [1, 0, 0], [0.5, -1, 1], [0.5, -1, -1], [0.5, 1, 1], [0.5, 1, -1], [-1, 0, 1], [-1, 0, -1]],
        np.float32,
    )
    faces = np.array([[0, 1, 2], [1, 0, 3], [1, 0, 4], [0, 1, 5], [0, 6, 7], [3, 3, 2]], np.int32)
    parted, origin, lone = sheets(vertices, faces)
    assert np.array_equal(origin[parted], faces[:5])  # the same triangles, without the one that is none
    assert len(origin) == 2 + 2 + 2 + 2 + 3  # the ridge twice, four eaves, the corner's own triangle
    edges = np.sort(parted[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    assert np.unique(edges, axis=0, return_counts=True)[1].max() == 2
    assert len(lone) == 4 * 2 + 3


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
