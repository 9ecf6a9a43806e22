"""Models and meshes: what the file says is what is read, and nothing outside its folder is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from sceneforge.core import ContentError, RoomCapture, ScanError
from sceneforge.core.color import srgb_to_linear
from sceneforge.io import load, load_content


def _textured(path: Path) -> trimesh.Scene:
    """Two boxes: one textured and moved by its node, one dark metal, mirrored."""
    image = Image.fromarray(np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8))
    quad = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]], process=False)
    textured = trimesh.visual.material.PBRMaterial(
        name="paint",
        baseColorTexture=image,
        metallicFactor=0.0,
        roughnessFactor=0.25,
        alphaMode="MASK",
        alphaCutoff=0.3,
    )
    quad.visual = trimesh.visual.TextureVisuals(uv=[[0, 0], [1, 0], [1, 1], [0, 1]], material=textured)
    box = trimesh.creation.box((2, 2, 2))
    metal = trimesh.visual.material.PBRMaterial(
        name="metal",
        baseColorFactor=[10, 20, 30, 255],
        metallicFactor=1.0,
        roughnessFactor=0.5,
        emissiveFactor=[0.5, 0.0, 0.0],
        doubleSided=True,
    )
    box.visual = trimesh.visual.TextureVisuals(material=metal)
    scene = trimesh.Scene()
    shift = np.eye(4)
    shift[:3, 3] = [5, 0, 0]
    scene.add_geometry(quad, node_name="quad", transform=shift)
    scene.add_geometry(box, node_name="box", transform=np.diag([-1.0, 2.0, 1.0, 1.0]))
    scene.export(str(path))
    return scene


@pytest.mark.parametrize("suffix", ["glb", "gltf"])
def test_gltf_materials_and_nodes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"thing.{suffix}"
    _textured(path)
    content = load_content(path)
    assert content.name == "thing"
    np.testing.assert_allclose(content.bounds, [[-1, -2, -1], [6, 2, 1]], atol=1e-6)
    by_metal = {p.material.metallic: p for p in content.parts}
    quad, box = by_metal[0.0], by_metal[1.0]
    assert (quad.material.roughness, quad.material.alpha_mode, quad.material.alpha_cutoff) == (0.25, "MASK", 0.3)
    texture = quad.material.base_color_texture
    assert texture is not None and texture[0, 0].tolist() == [255, 0, 0, 255]
    assert quad.uv is not None
    for vertex, uv in zip(quad.vertices, quad.uv, strict=True):
        np.testing.assert_allclose(uv, [vertex[0] - 5, 1 - vertex[1]], atol=1e-6)  # v runs down the image
    assert box.material.double_sided and box.material.emissive == (0.5, 0.0, 0.0)
    np.testing.assert_allclose(box.material.base_color[:3], np.array([10, 20, 30]) / 255, atol=1e-3)
    v, f = box.vertices.astype(float), box.faces
    normals = np.cross(v[f[:, 1]] - v[f[:, 0]], v[f[:, 2]] - v[f[:, 0]])
    assert (np.einsum("ij,ij->i", normals, v[f].mean(axis=1)) > 0).all(), "a mirrored node still faces outwards"
    assert (np.einsum("ij,ij->i", box.normals, box.vertices) > 0).all()


def test_base_colour_keeps_more_than_eight_bits(tmp_path: Path) -> None:
    path = tmp_path / "thing.gltf"
    _textured(path)
    data = json.loads(path.read_text())
    for material in data["materials"]:
        if material["name"] == "metal":
            material["pbrMetallicRoughness"]["baseColorFactor"] = [0.0123, 0.5, 0.001, 1.0]
    path.write_text(json.dumps(data))
    (box,) = [p for p in load_content(path).parts if p.material.metallic == 1.0]
    assert box.material.base_color == (0.0123, 0.5, 0.001, 1.0)


def test_obj_with_material_library(tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_text("mtllib a.mtl\nusemtl red\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (tmp_path / "a.mtl").write_text("newmtl red\nKd 0.8 0.2 0.0\n")
    (part,) = load_content(tmp_path / "a.obj").parts
    np.testing.assert_allclose(part.material.base_color[:3], srgb_to_linear([0.8, 0.2, 0.0]), atol=0.01)
    np.testing.assert_allclose(part.normals, [[0, 0, 1]] * 3, atol=1e-6)


def test_vertex_colours_become_linear(tmp_path: Path) -> None:
    mesh = trimesh.creation.box()
    mesh.visual.vertex_colors = [188, 0, 255, 255]
    mesh.export(str(tmp_path / "a.ply"))
    (part,) = load_content(tmp_path / "a.ply").parts
    assert part.colors is not None
    np.testing.assert_allclose(part.colors[0], [0.503, 0, 1, 1], atol=0.01)


@pytest.mark.parametrize("uri", ["../secret.bin", "/etc/passwd", "https://example.org/a.bin", "file:///etc/passwd"])
def test_files_elsewhere_are_not_read(tmp_path: Path, uri: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    path = folder / "thing.gltf"
    _textured(path)
    data = json.loads(path.read_text())
    (tmp_path / "secret.bin").write_bytes((folder / data["buffers"][0]["uri"]).read_bytes())
    data["buffers"][0]["uri"] = uri
    path.write_text(json.dumps(data))
    with pytest.raises(ContentError, match=r"refers to '.*'.* expected files inside its own folder. Pack it as one"):
        load_content(path)


def test_missing_companion_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "thing.gltf"
    _textured(path)
    buffer = json.loads(path.read_text())["buffers"][0]["uri"]
    (tmp_path / buffer).unlink()
    with pytest.raises(ContentError, match=rf"refers to '{buffer}', which is not there. Copy it beside the model"):
        load_content(path)


@pytest.mark.parametrize("suffix", [".glb", ".ply", ".obj", ".stl", ".off", ".gltf"])
@pytest.mark.parametrize("data", [b"", b"\0\1\2garbage" * 20])
def test_damaged_models(tmp_path: Path, suffix: str, data: bytes) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(data)
    with pytest.raises(ContentError, match=rf"broken{suffix}: "):
        load_content(path)
    with pytest.raises(ScanError, match=rf"broken{suffix}: "):
        load(path)


def test_models_without_triangles(tmp_path: Path) -> None:
    trimesh.PointCloud(np.random.default_rng(1).random((20, 3))).export(str(tmp_path / "points.ply"))
    with pytest.raises(ContentError, match="holds no triangles; expected at least one triangle mesh"):
        load_content(tmp_path / "points.ply")
    with pytest.raises(ContentError, match=r"is a \.png file; expected \.glb, \.gltf"):
        load_content(tmp_path / "a.png")
    with pytest.raises(ContentError, match="cannot be read"):
        load_content(tmp_path / "nowhere.glb")


def test_mesh_and_point_cloud_as_captures(tmp_path: Path) -> None:
    mesh = trimesh.creation.box((4, 2.5, 3))
    mesh.visual.vertex_colors = [200, 100, 50, 255]
    for suffix in ("glb", "ply", "obj"):
        mesh.export(str(tmp_path / f"room.{suffix}"))
        room = load(tmp_path / f"room.{suffix}")
        assert isinstance(room, RoomCapture) and room.mesh is not None
        assert len(room.mesh.faces) == 12
        np.testing.assert_allclose(np.ptp(room.mesh.vertices, axis=0), [4, 2.5, 3], atol=1e-5)
        assert (room.up is not None) is (suffix == "glb") and len(room.notes) == 1
        if suffix != "obj":
            assert room.mesh.colors is not None
            colors = srgb_to_linear(room.mesh.colors[0] / 255) * 255 if suffix == "glb" else room.mesh.colors[0]
            np.testing.assert_allclose(colors, [200, 100, 50], atol=1)  # glTF's vertex colours are linear
    points = np.random.default_rng(1).random((50, 3)).astype(np.float32)
    trimesh.PointCloud(points, colors=np.tile([1, 2, 3, 255], (50, 1)).astype(np.uint8)).export(str(tmp_path / "p.ply"))
    cloud = load(tmp_path / "p.ply")
    assert isinstance(cloud, RoomCapture) and cloud.mesh is not None
    assert cloud.mesh.faces.shape == (0, 3) and "point cloud" in cloud.notes[1]
    np.testing.assert_allclose(cloud.mesh.vertices, points, atol=1e-6)
    assert cloud.mesh.colors is not None and cloud.mesh.colors[7].tolist() == [1, 2, 3]


def test_rooms_in_millimetres_or_with_nan(tmp_path: Path) -> None:
    trimesh.creation.box((4000, 2500, 3000)).export(str(tmp_path / "mm.ply"))
    with pytest.raises(ScanError, match=r"is 4000 units wide; expected metres\. Scale it"):
        load(tmp_path / "mm.ply")
    (tmp_path / "nan.obj").write_text("v 0 0 0\nv nan 0 0\nv 0 1 0\nf 1 2 3\n")
    with pytest.raises(ScanError, match="NaN or infinite"):
        load(tmp_path / "nan.obj")
    with pytest.raises(ContentError, match="NaN or infinite"):
        load_content(tmp_path / "nan.obj")


def test_textured_mesh_gets_vertex_colours(tmp_path: Path) -> None:
    _textured(tmp_path / "a.glb")
    room = load(tmp_path / "a.glb")
    assert isinstance(room, RoomCapture) and room.mesh is not None
    assert len(room.mesh.faces) == 14 and room.mesh.colors is not None
    corner = np.abs(room.mesh.vertices - [5, 0, 0]).sum(axis=1).argmin()
    assert room.mesh.colors[corner].tolist() == [0, 0, 255], "the texture's lower left pixel"
    box = np.abs(room.mesh.vertices - [1, 2, 1]).sum(axis=1).argmin()
    np.testing.assert_allclose(srgb_to_linear(room.mesh.colors[box] / 255) * 255, [10, 20, 30], atol=1)


def test_importing_the_doors_is_light() -> None:
    import subprocess
    import sys

    code = (
        "import sys, sceneforge.io; print([m for m in ('cv2', 'trimesh', 'av', 'scipy', 'yaml') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
