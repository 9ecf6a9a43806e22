"""The solid for physics is closed, solid, and where the surface was scanned."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sceneforge import cli
from sceneforge.core import Mesh, SceneForgeWarning
from sceneforge.perception.solid import Solid, is_closed, lighter, solid
from tests.perception.furnished import ROOM, box, joined, room_mesh


def is_manifold(body: Solid) -> bool:
    """Closed by trimesh, and the triangles around every vertex form one ring."""
    import trimesh
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    m = trimesh.Trimesh(body.mesh.vertices, body.mesh.faces, process=False)
    # A corner (triangle, vertex) is joined to the next triangle's corner at the same vertex: one piece per vertex.
    f = np.asarray(m.faces)
    pairs, edges = m.face_adjacency, m.face_adjacency_edges
    corner = lambda face, vertex: 3 * face + (f[face] == vertex[:, None]).argmax(axis=1)  # noqa: E731
    rows = np.concatenate([corner(pairs[:, 0], edges[:, k]) for k in range(2)])
    cols = np.concatenate([corner(pairs[:, 1], edges[:, k]) for k in range(2)])
    graph = coo_matrix((np.ones(len(rows)), (rows, cols)), (3 * len(f), 3 * len(f)))
    rings, _ = connected_components(graph, directed=False)
    return bool(m.is_watertight and m.is_winding_consistent and m.volume > 0 and rings == len(np.unique(f)))


def sampled_room() -> Mesh:
    """The room with vertices all over it, as a scan has."""
    import trimesh

    m = room_mesh()
    v, f = trimesh.remesh.subdivide_to_size(m.vertices, m.faces, 0.12)
    return Mesh(v.astype(np.float32), f.astype(np.int32))


@pytest.fixture(scope="module")
def room() -> Mesh:
    return sampled_room()


def test_a_room_becomes_a_closed_solid_where_its_surface_is(room: Mesh) -> None:
    body = solid(room, voxel_m=0.04, thickness_m=0.1)
    assert is_manifold(body) and is_closed(body.mesh)
    assert body.largest_error_m <= np.sqrt(3) * 0.04
    # Flat walls stay where they are to a hair: only corners and edges are rounded.
    inner = body.mesh.vertices[np.abs(body.mesh.vertices[:, 0]) < ROOM[0] / 2 - 0.3]
    floor = inner[(np.abs(inner[:, 1]) < 0.02) & (np.abs(inner[:, 2]) < 1.8)]
    assert len(floor) > 1000 and np.median(np.abs(floor[:, 1])) < 1e-4
    # The shell around the room (edges rounded behind) and the furniture, which is filled.
    a, b, c = ROOM
    edges = np.pi / 4 * 0.1**2 * 4 * (a + b + c)
    shell = 2 * (a * b + b * c + c * a) * 0.1 + edges + 4 / 3 * np.pi * 0.1**3
    furniture = 1.4 * 0.04 * 0.8 + 0.1 * 0.7 * 0.1 + 0.8 * 0.04 * 1.6 + 0.12 * 0.6 * 1.6
    assert body.volume_m3 == pytest.approx(shell + furniture, rel=0.02)


def test_fewer_triangles_and_still_closed(room: Mesh) -> None:
    body = solid(room, voxel_m=0.05, thickness_m=0.1)
    light = lighter(body, room, 0.004)
    assert len(light.mesh.faces) < 0.3 * len(body.mesh.faces)
    assert is_closed(light.mesh) and light.volume_m3 == pytest.approx(body.volume_m3, rel=0.01)
    assert light.largest_error_m <= body.largest_error_m + 0.004


def test_what_is_thinner_than_a_voxel_is_kept() -> None:
    leg = joined([box((0, 0.4, 0), (0.015, 0.8, 0.015))])
    body = solid(leg, voxel_m=0.04, thickness_m=0.1)
    assert is_manifold(body)
    assert body.largest_error_m <= np.sqrt(3) * 0.04
    assert np.ptp(body.mesh.vertices[:, 1]) > 0.8 - 0.04  # its ends are rounded


def test_what_no_voxel_meets_is_kept_by_its_shell() -> None:
    chip = joined([box((0, 0, 0), (0.004, 0.003, 0.005))])
    body = solid(chip, voxel_m=0.04, thickness_m=0.1)
    assert is_manifold(body) and body.largest_error_m <= np.sqrt(3) * 0.04


def test_a_single_sheet_reaches_behind_and_not_before() -> None:
    sheet = Mesh(
        np.array([[0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 0, 0]], np.float32), np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    )
    assert sheet.face_normals[0, 1] == 1  # seen from above
    body = solid(sheet, voxel_m=0.02, thickness_m=0.08)
    assert is_manifold(body)
    middle = body.mesh.vertices[np.abs(body.mesh.vertices[:, [0, 2]] - 0.5).max(axis=1) < 0.4]
    assert middle[:, 1].max() == pytest.approx(0, abs=1e-4) and middle[:, 1].min() == pytest.approx(-0.08, abs=1e-4)


def test_random_soup_is_closed_too_and_the_same_again() -> None:
    rng = np.random.default_rng(5)
    corners = rng.uniform(0, 0.6, (60, 1, 3)) + rng.normal(0, 0.08, (60, 3, 3))
    soup = Mesh(corners.reshape(-1, 3).astype(np.float32), np.arange(180, dtype=np.int32).reshape(-1, 3))
    body, again = (solid(soup, voxel_m=0.02, thickness_m=0.04) for _ in range(2))
    assert is_manifold(body)
    assert body.mesh.vertices.tobytes() == again.mesh.vertices.tobytes()
    assert body.mesh.faces.tobytes() == again.mesh.faces.tobytes()


def test_memory_is_bounded_by_coarser_voxels_and_said() -> None:
    with pytest.warns(SceneForgeWarning, match="instead of 20 mm"):
        body = solid(room_mesh(), most_voxels=60_000, thickness_m=0.3)
    assert body.voxel_m > 0.08 and is_manifold(body)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        solid(room_mesh(), voxel_m=0)
    with pytest.raises(ValueError, match="no faces"):
        solid(Mesh(np.zeros((3, 3), np.float32), np.empty((0, 3), np.int32)))
    with pytest.raises(ValueError, match="degenerate"):
        solid(Mesh(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32)))


@pytest.mark.slow
def test_the_embedded_sample_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import trimesh

    from sceneforge.io.scene_folder import read_scene

    assert cli.main(["understand", "sample:living_room", "--every", "6", "-o", str(tmp_path / "room")]) == 0
    capsys.readouterr()
    arguments = ["--watertight", "--voxel-mm", "50", "--thickness-mm", "100", "--max-error-mm", "10", "--json"]
    assert cli.main(["simplify", str(tmp_path / "room"), "-o", str(tmp_path / "solid.ply"), *arguments]) == 0
    said = json.loads(capsys.readouterr().out)
    # Read back from the file, measured by other code on some of the scanned vertices.
    written = trimesh.load(tmp_path / "solid.ply", process=False)
    assert written.is_watertight and written.volume == pytest.approx(said["volume_m3"], rel=1e-3)
    scanned = read_scene(tmp_path / "room").mesh
    assert scanned is not None
    some = scanned.vertices[np.unique(scanned.faces)][::1009]
    _, off, _ = trimesh.proximity.closest_point_naive(written, some)
    assert 1000 * off.max() <= said["largest_error_mm"] + 0.01 <= 100 + 10
