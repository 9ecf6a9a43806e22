"""The shipped sample models: what they promise, and that the code still makes exactly these files."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sceneforge import io as doors
from sceneforge.data import sample_content
from sceneforge.synth import content
from sceneforge.synth.content.curves import ear_clip, fillet, inset, rounded_rectangle, transport_frames
from sceneforge.synth.content.shapes import disc, extrude, limb, rounded_box, superellipsoid, torus, tube
from sceneforge.synth.content.surface import Surface, rotate, shade

# Outer size in metres along x, y, z: (least, most).
SIZES = {
    "ball": ((0.218, 0.222), (0.219, 0.221), (0.218, 0.222)),
    "lamp": ((0.20, 0.26), (0.43, 0.47), (0.20, 0.26)),
    "picture_frame": ((0.3999, 0.4001), (0.2999, 0.3001), (0.015, 0.025)),
    "plant": ((0.30, 0.45), (0.41, 0.47), (0.30, 0.45)),
    "robot": ((0.25, 0.32), (0.33, 0.38), (0.12, 0.20)),
    "rover": ((0.20, 0.24), (0.26, 0.30), (0.27, 0.31)),
}
FLOATS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}


def chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    """JSON and binary chunk of a GLB, its framing checked."""
    magic, version, total = struct.unpack_from("<4sII", data)
    assert (magic, version, total) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON" and size % 4 == 0
    binary_size, binary_kind = struct.unpack_from("<I4s", data, 20 + size)
    assert binary_kind == b"BIN\0" and binary_size % 4 == 0
    assert 28 + size + binary_size == len(data)
    return json.loads(data[20 : 20 + size]), data[28 + size :]


def read(document: dict[str, Any], binary: bytes, index: int) -> np.ndarray[Any, Any]:
    """An accessor's values, (N, components)."""
    accessor = document["accessors"][index]
    view = document["bufferViews"][accessor["bufferView"]]
    width = FLOATS[accessor["type"]]
    values = np.frombuffer(binary, TYPES[accessor["componentType"]], accessor["count"] * width, view["byteOffset"])
    assert values.nbytes == view["byteLength"]
    return values.reshape(-1, width)


@pytest.fixture(scope="module", params=content.NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def shipped(name: str) -> bytes:
    return sample_content(name).read_bytes()


@cache
def rebuilt(name: str) -> bytes:
    return content.glb(name)


@cache
def world_positions(name: str) -> np.ndarray[Any, Any]:
    return np.asarray(content.build(name).to_mesh().vertices)


def test_rebuilding_gives_the_shipped_bytes(name: str, shipped: bytes) -> None:
    if "ng" in zlib.ZLIB_RUNTIME_VERSION:  # packs PNGs differently from zlib: the pixels and all else must still agree
        (mine, my_binary), (theirs, their_binary) = chunks(rebuilt(name)), chunks(shipped)
        assert [m["name"] for m in mine["meshes"]] == [m["name"] for m in theirs["meshes"]]
        for index in range(len(theirs["accessors"])):
            assert np.array_equal(read(mine, my_binary, index), read(theirs, their_binary, index))
    else:
        assert rebuilt(name) == shipped, (
            "run `python -m sceneforge.synth.content` and look at the models before committing"
        )


def test_another_process_writes_the_same_files(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "sceneforge.synth.content", str(tmp_path / "out")], check=True, timeout=300)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"{n}.glb" for n in content.NAMES]
    for name in content.NAMES:
        assert (tmp_path / "out" / f"{name}.glb").read_bytes() == rebuilt(name)


def test_file_is_small_and_well_formed(shipped: bytes) -> None:
    assert len(shipped) < 400_000
    document, binary = chunks(shipped)
    assert document["asset"]["version"] == "2.0"
    assert document["buffers"] == [{"byteLength": len(binary)}]
    for view in document["bufferViews"]:
        assert view["byteOffset"] % 4 == 0 and view["byteOffset"] + view["byteLength"] <= len(binary)
    root = document["nodes"][document["scenes"][document["scene"]]["nodes"][0]]
    assert root["extras"] == {"front": "+z", "license": "Apache-2.0", "author": "SceneForge"}
    assert sorted(root["children"]) == list(range(1, len(document["nodes"])))
    for image in document.get("images", []):
        view = document["bufferViews"][image["bufferView"]]
        png = binary[view["byteOffset"] :][:24]
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        assert max(struct.unpack(">II", png[16:24])) <= 512


def test_geometry_is_sound(shipped: bytes) -> None:
    document, binary = chunks(shipped)
    triangles = {}
    for number, mesh in enumerate(document["meshes"]):
        triangles[number] = 0
        for primitive in mesh["primitives"]:
            position, normal = (read(document, binary, primitive["attributes"][k]) for k in ("POSITION", "NORMAL"))
            accessor = document["accessors"][primitive["attributes"]["POSITION"]]
            assert np.isfinite(position).all() and np.isfinite(normal).all()
            assert np.array_equal(position.min(axis=0), np.array(accessor["min"], np.float32))
            assert np.array_equal(position.max(axis=0), np.array(accessor["max"], np.float32))
            assert np.abs(np.linalg.norm(normal, axis=1) - 1).max() < 2e-3
            faces = read(document, binary, primitive["indices"]).reshape(-1, 3)
            triangles[number] += len(faces)
            assert faces.max() < len(position) and len(np.unique(faces)) == len(position)
            corner = position[faces].astype(np.float64)
            area_normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
            assert np.linalg.norm(area_normal, axis=1).min() > 0
            # Shading agrees with winding: no face is lit from its back.
            assert ((area_normal[:, None] * normal[faces]).sum(axis=2).max(axis=1) > 0).all()
    assert sum(triangles[node["mesh"]] for node in document["nodes"] if "mesh" in node) < 16_000


def test_materials_are_physically_based(shipped: bytes) -> None:
    document, _ = chunks(shipped)
    used = {p["material"] for mesh in document["meshes"] for p in mesh["primitives"]}
    assert used == set(range(len(document["materials"])))
    names = [m["name"] for m in document["materials"]]
    assert len(set(names)) == len(names) >= 5
    for material in document["materials"]:
        pbr = material["pbrMetallicRoughness"]
        assert all(0 <= v <= 1 for v in pbr["baseColorFactor"]) and pbr["baseColorFactor"][3] == 1
        assert 0 <= pbr["metallicFactor"] <= 1 and 0.05 <= pbr["roughnessFactor"] <= 1
        assert all(0 <= v <= 1 for v in material.get("emissiveFactor", [0, 0, 0]))


def test_opens_in_metres_with_its_origin_where_it_should_be(name: str) -> None:
    points = world_positions(name)
    low, high = points.min(axis=0), points.max(axis=0)
    for axis, (least, most) in enumerate(SIZES[name]):
        assert least <= high[axis] - low[axis] <= most
    if name == "picture_frame":  # hangs: the origin is the centre of its wall side
        assert abs(low[2]) < 1e-6
        assert np.abs((low + high)[:2]).max() < 1e-6
    else:  # stands: the origin is the centre of its footprint
        assert abs(low[1]) < 1e-6
        foot = points[points[:, 1] < low[1] + 0.1 * (high[1] - low[1])]
        assert np.abs((foot.min(axis=0) + foot.max(axis=0))[[0, 2]]).max() < 2e-5


def test_opens_through_the_product_s_own_door(name: str) -> None:
    model = doors.load_content(sample_content(name))
    low = np.min([part.vertices.min(axis=0) for part in model.parts], axis=0)
    high = np.max([part.vertices.max(axis=0) for part in model.parts], axis=0)
    points = world_positions(name)
    assert np.allclose([low, high], [points.min(axis=0), points.max(axis=0)], atol=1e-5)


def test_unknown_name_says_what_there_is() -> None:
    with pytest.raises(KeyError, match=r"'teapot'.*rover"):
        content.build("teapot")


def test_the_plant_s_seed_moves_its_leaves_only() -> None:
    from sceneforge.synth.content import plant

    first, again, other = (plant.build(seed) for seed in (7, 7, 8))
    assert np.array_equal(first.positions(), again.positions())
    assert first.triangles == other.triangles
    assert not np.array_equal(first.positions(), other.positions())


def edges_are_paired(surface: Surface) -> bool:
    """Whether the surface is closed: every edge of its welded faces is run once in each direction."""
    _, welded = np.unique(np.round(surface.positions, 6), axis=0, return_inverse=True)
    faces = welded.ravel()[surface.faces]
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return sorted(map(tuple, edges)) == sorted(map(tuple, edges[:, ::-1]))


def volume(surface: Surface) -> float:
    a, b, c = (surface.positions[surface.faces[:, k]] for k in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize(
    ("surface", "exact", "within"),
    [
        (rounded_box(0.2, 0.1, 0.3, 0.01, 4), 0.00591, 0.01),
        (disc(0.05, 0.02, 0.001, 96, 4), np.pi * 0.05**2 * 0.02, 0.01),
        (superellipsoid((0.1, 0.2, 0.3), segments=96, rings=64), 4 / 3 * np.pi * 0.006, 0.01),
        (limb((0, 0, 0), (0.1, 0.2, 0.1), 0.03, 0.03, 96, 24), np.pi * 0.03**2 * (0.06**0.5 + 0.04), 0.01),
        (torus(0.1, 0.02, 96, 48), 2 * np.pi**2 * 0.1 * 0.02**2, 0.01),
        (tube([(0, 0, 0), (0.3, 0, 0)], 0.02, 96), np.pi * 0.02**2 * 0.3, 0.01),
        (extrude(rounded_rectangle(0.2, 0.1, 0.02, 16), 0.05, 0.001, 4), (0.02 - (4 - np.pi) * 0.02**2) * 0.05, 0.01),
    ],
    ids=["rounded_box", "disc", "superellipsoid", "limb", "torus", "tube", "extrude"],
)
def test_shapes_are_closed_and_hold_the_volume_they_should(surface: Surface, exact: float, within: float) -> None:
    assert edges_are_paired(surface)
    assert volume(surface) == pytest.approx(exact, rel=within)
    assert volume(surface.mirrored_x()) == pytest.approx(exact, rel=within)
    assert volume(surface.turned("y", 33.0)) == pytest.approx(exact, rel=within)


def test_crease_angle_decides_between_smooth_and_hard() -> None:
    cube = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=np.float64)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    hard, soft = shade(cube, faces, crease_deg=40), shade(cube, faces, crease_deg=100)
    assert (len(hard.positions), len(soft.positions)) == (24, 8)
    assert sorted(np.abs(hard.normals).max(axis=1)) == pytest.approx([1.0] * 24)
    assert volume(hard) == pytest.approx(1.0)


def test_concave_outlines_are_filled_exactly() -> None:
    outline = fillet([(0, 0), (4, 0), (4, 3), (2, 1), (0, 3)], [0.2, 0.2, 0.2, 0.5, 0.2], 5, closed=True)
    x, y = outline.T
    area = 0.5 * float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())
    a, b, c = (outline[ear_clip(outline)[:, k]] for k in range(3))
    pieces = 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    assert (pieces > -1e-12).all()
    assert pieces.sum() == pytest.approx(area)


def test_inset_keeps_its_distance() -> None:
    square = np.array([(0, 0), (2, 0), (2, 1), (0, 1)], dtype=np.float64)
    assert inset(square, 0.1) == pytest.approx(np.array([(0.1, 0.1), (1.9, 0.1), (1.9, 0.9), (0.1, 0.9)]))


def test_frames_along_a_helix_stay_orthonormal_and_do_not_flip() -> None:
    t = np.linspace(0, 6 * np.pi, 120)
    tangent, normal, side = transport_frames(np.column_stack([np.cos(t), 0.2 * t, np.sin(t)]))
    frame = np.stack([tangent, normal, side], axis=1)
    assert frame @ frame.transpose(0, 2, 1) == pytest.approx(np.broadcast_to(np.eye(3), frame.shape), abs=1e-9)
    assert ((normal[1:] * normal[:-1]).sum(axis=1) > 0.95).all()


def test_quarter_turns_follow_the_right_hand() -> None:
    assert rotate("x", 90)[:3, :3] @ (0, 1, 0) == pytest.approx((0, 0, 1))
    assert rotate("y", 90)[:3, :3] @ (0, 0, 1) == pytest.approx((1, 0, 0))
    assert rotate("z", 90)[:3, :3] @ (1, 0, 0) == pytest.approx((0, 1, 0))
