"""The GLB: valid by the standard's own rules, opened by another program, colours in linear light."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sceneforge.core import LABEL_NAMES, Arrangement, Content, Scene
from sceneforge.export import export
from sceneforge.export._gltf import linear_from_srgb

trimesh = pytest.importorskip("trimesh")

KINDS = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
COLUMNS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


class Glb:
    """Reads a GLB by the book, checking what the standard demands on the way."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        magic, version, length = struct.unpack_from("<4sII", data)
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON" and size % 4 == 0
        self.json: dict[str, Any] = json.loads(data[20 : 20 + size])
        size_bin, kind = struct.unpack_from("<I4s", data, 20 + size)
        assert kind == b"BIN\0" and size_bin % 4 == 0
        assert 28 + size + size_bin == length
        self.bin = data[28 + size :]
        assert self.json["buffers"] == [{"byteLength": len(self.bin)}]

    def array(self, index: int) -> np.ndarray:
        accessor = self.json["accessors"][index]
        view = self.json["bufferViews"][accessor["bufferView"]]
        kind, columns = np.dtype(KINDS[accessor["componentType"]]), COLUMNS[accessor["type"]]
        stride = view.get("byteStride", kind.itemsize * columns)
        assert view["byteOffset"] % 4 == 0
        assert view["byteOffset"] + view["byteLength"] <= len(self.bin)
        assert (accessor["count"] - 1) * stride + kind.itemsize * columns <= view["byteLength"]
        if view["target"] == 34962:
            assert stride % 4 == 0, "vertex data is aligned to four bytes"
        rows = np.ndarray(
            (accessor["count"], columns), kind, self.bin, view["byteOffset"], (stride, kind.itemsize)
        )  # fmt: skip
        if "min" in accessor:
            assert rows.min(axis=0).tolist() == accessor["min"]
            assert rows.max(axis=0).tolist() == accessor["max"]
        return rows

    def node(self, name: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = [n for n in self.json["nodes"] if n["name"] == name]
        assert len(found) == 1
        return found[0]

    def primitives(self, name: str) -> list[dict[str, Any]]:
        primitives: list[dict[str, Any]] = self.json["meshes"][self.node(name)["mesh"]]["primitives"]
        return primitives


@pytest.fixture
def path(tmp_path: Path, scene: Scene, arrangement: Arrangement) -> Path:
    return export(scene, tmp_path / "scene.glb", arrangement=arrangement)


@pytest.fixture
def glb(path: Path) -> Glb:
    return Glb(path)


def test_every_accessor_keeps_the_rules(glb: Glb) -> None:
    for mesh in glb.json["meshes"]:
        for primitive in mesh["primitives"]:
            counts = set()
            for name, accessor in primitive["attributes"].items():
                rows = glb.array(accessor)
                counts.add(len(rows))
                if name == "POSITION":
                    assert "min" in glb.json["accessors"][accessor]
                if name == "NORMAL":
                    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
            assert len(counts) == 1
            if "indices" in primitive:
                assert glb.array(primitive["indices"]).max() < counts.pop()


def test_nodes_form_one_tree_of_unique_names(glb: Glb) -> None:
    nodes = glb.json["nodes"]
    names = [n["name"] for n in nodes]
    assert sorted(names) == sorted(["surface", "planes", "plane_0", "plane_1", "content", "left", "right"])
    children = [c for n in nodes for c in n.get("children", [])]
    assert sorted(children + glb.json["scenes"][0]["nodes"]) == list(range(len(nodes)))


def test_the_surface_carries_labels_and_linear_colours(glb: Glb, scene: Scene) -> None:
    mesh = scene.mesh
    assert mesh is not None and mesh.colors is not None and mesh.labels is not None
    (primitive,) = glb.primitives("surface")
    attributes = primitive["attributes"]
    assert np.array_equal(glb.array(attributes["POSITION"]), mesh.vertices)
    assert np.array_equal(glb.array(attributes["_LABEL"])[:, 0], mesh.labels)
    assert np.array_equal(glb.array(primitive["indices"]).reshape(-1, 3), mesh.faces)
    assert glb.json["meshes"][glb.node("surface")["mesh"]]["extras"]["label_names"] == list(LABEL_NAMES)

    assert glb.json["accessors"][attributes["COLOR_0"]]["normalized"] is True
    linear = glb.array(attributes["COLOR_0"])[:, :3] / 65535
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.array_equal(np.rint(srgb * 255), mesh.colors), "the way back gives every byte"


@pytest.mark.parametrize(("srgb", "linear"), [(0, 0.0), (255, 1.0), (188, 0.5029), (10, 0.003035), (55, 0.03820)])
def test_the_transfer_curve(srgb: int, linear: float) -> None:
    got = linear_from_srgb(np.full((1, 3), srgb, np.uint8))
    assert got[0, :3] / 65535 == pytest.approx(linear, abs=2e-5)
    assert got[0, 3] == 65535


def test_plane_outlines_lie_where_the_planes_are(glb: Glb, scene: Scene) -> None:
    for plane in scene.planes:
        node = glb.node(plane.id)
        assert node["extras"]["label"] == plane.label.value
        rings = glb.primitives(plane.id)
        assert len(rings) == 1 + len(plane.holes)
        assert {r["mode"] for r in rings} == {2}
        points = glb.array(rings[0]["attributes"]["POSITION"])
        T = trimesh.transformations.quaternion_matrix(np.roll(node["rotation"], 1))
        T[:3, 3] = node["translation"]
        assert np.allclose(points @ T[:3, :3].T + T[:3, 3], plane.to_world(plane.polygon), atol=1e-6)


def test_content_keeps_its_materials(glb: Glb) -> None:
    leaf, glow = (glb.json["materials"][p["material"]] for p in glb.primitives("left"))
    assert leaf["pbrMetallicRoughness"]["baseColorFactor"] == [0.5, 1, 0.25, 0.8]
    assert (leaf["pbrMetallicRoughness"]["metallicFactor"], leaf["pbrMetallicRoughness"]["roughnessFactor"]) == (
        0.2,
        0.6,
    )
    assert (leaf["alphaMode"], leaf["alphaCutoff"]) == ("MASK", 0.3)
    assert glow["emissiveFactor"] == [1.0, 0.5, 0.0], "factors end at 1"
    assert glow["extensions"]["KHR_materials_emissive_strength"]["emissiveStrength"] == 4.0, "the rest is strength"
    assert glow["doubleSided"] is True
    assert set(glb.json["extensionsUsed"]) == {"KHR_materials_unlit", "KHR_materials_emissive_strength"}


def test_content_is_stored_once_however_often_it_is_placed(glb: Glb) -> None:
    assert glb.node("left")["mesh"] == glb.node("right")["mesh"]
    assert len(glb.json["images"]) == 1


def test_another_program_sees_the_same(path: Path, scene: Scene, arrangement: Arrangement, content: Content) -> None:
    read = trimesh.load(path)
    assert {"surface", "left", "right"} <= set(read.graph.nodes)
    surface = read.geometry["surface"]
    assert scene.mesh is not None and scene.mesh.labels is not None
    assert np.array_equal(surface.vertices, scene.mesh.vertices)
    assert np.array_equal(surface.vertex_attributes["_LABEL"][:, 0], scene.mesh.labels)
    for placement in arrangement.placements:
        T, _ = read.graph.get(placement.request)
        expected = placement.T_world_content @ np.diag([placement.scale] * 3 + [1.0])
        assert np.allclose(T, expected, atol=1e-9)
    textured = next(g for g in read.geometry.values() if getattr(g.visual, "uv", None) is not None)
    picture = np.asarray(textured.visual.material.baseColorTexture.convert("RGBA"))
    texture = content.parts[0].material.base_color_texture
    assert texture is not None and np.array_equal(picture, texture)


def test_an_opaque_texture_is_stored_without_alpha(tmp_path: Path, scene: Scene, arrangement: Arrangement) -> None:
    import io
    from dataclasses import replace

    from PIL import Image

    placement = arrangement.placements[0]
    part = placement.content.parts[0]
    texture = np.array(part.material.base_color_texture)
    texture[..., 3] = 255
    part = replace(part, material=replace(part.material, base_color_texture=texture))
    placement = replace(placement, content=replace(placement.content, parts=(part,)))
    glb = Glb(export(Scene(), tmp_path / "a.glb", arrangement=Arrangement((placement,))))
    view = glb.json["bufferViews"][glb.json["images"][0]["bufferView"]]
    picture = Image.open(io.BytesIO(glb.bin[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]))
    assert picture.mode == "RGB"
    assert np.array_equal(np.asarray(picture), texture[..., :3])


def test_large_meshes_use_wide_indices(tmp_path: Path, scene: Scene) -> None:
    from sceneforge.core import Mesh

    count = 70_000
    vertices = np.random.default_rng(0).random((count, 3)).astype(np.float32)
    faces = np.arange(count - 1, dtype=np.int32)[: (count - 1) // 3 * 3].reshape(-1, 3)
    glb = Glb(export(Scene(mesh=Mesh(vertices, faces)), tmp_path / "a.glb"))
    (primitive,) = glb.primitives("surface")
    assert glb.json["accessors"][primitive["indices"]]["componentType"] == 5125
    assert np.array_equal(glb.array(primitive["indices"]).reshape(-1, 3), faces)
    assert set(primitive["attributes"]) == {"POSITION", "NORMAL"}, "no colours and labels where the mesh has none"


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    code = """
import sys, numpy as np
from sceneforge.core import *
from sceneforge.export import export
t = np.random.default_rng(0).integers(0, 256, (4, 4, 4)).astype(np.uint8)
v = np.array([[0, 0, 0], [1, 0, 0], [0, 0, 1]], np.float32)
m = Mesh(v.copy(), np.array([[0, 2, 1]], np.int32), np.full((3, 3), 77, np.uint8), np.ones(3, np.uint8))
part = Part(v, np.array([[0, 2, 1]], np.int32), v * 0, Material(base_color_texture=t), uv=v[:, [0, 2]])
p = Placement("a", Content("c", "c.glb", (part,)), "p", np.eye(4), 1.0, Certificate(0, 0, 1, 1, 1), ())
for name in ("s.glb", "s.npz", "s.ply", "s.json"):
    export(Scene(mesh=m), sys.argv[1] + "/" + name, arrangement=Arrangement((p,)))
"""
    for run, seed in (("a", "1"), ("b", "2")):
        (tmp_path / run).mkdir()
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])}
        subprocess.run([sys.executable, "-c", code, str(tmp_path / run)], check=True, env=environment)
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert len(names) == 4
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
