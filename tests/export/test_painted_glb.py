"""Painted surfaces in the GLB: the right rectangle, the right way up, with the light in the texture."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sceneforge.core import Scene, SurfacePaint, SurfaceRaster
from sceneforge.export import export
from sceneforge.export._painted import LIFT_M, MAX_TEXTURE, baked
from tests.export.test_mesh_glb import Glb


def paint(**changes) -> SurfacePaint:
    raster = SurfaceRaster(np.eye(4), np.array([-1.0, -2.0]), 0.1, 20, 30)
    color = np.zeros((30, 20, 3), np.uint8)
    color[:15] = 188  # half of the light
    mask = np.full((30, 20), 255, np.uint8)
    mask[:, 15:] = 0
    values = {"id": "paint_0", "planes": ("plane_0",), "raster": raster, "mask": mask, "color": color,
              "shading": np.ones((3, 2), np.float32), "light": np.full(3, 0.5)}  # fmt: skip
    return SurfacePaint(**(values | changes))


def test_a_painted_rectangle(tmp_path: Path, scene: Scene) -> None:
    glb = Glb(export(replace(scene, paints=(paint(),)), tmp_path / "room.glb"))
    node = glb.node("paint_0")
    primitive = glb.json["meshes"][node["mesh"]]["primitives"][0]
    v = glb.array(primitive["attributes"]["POSITION"])
    assert v.min(axis=0).tolist() == pytest.approx([-1, LIFT_M, -2]) and v.max(axis=0).tolist() == pytest.approx(
        [1, LIFT_M, 1]
    )
    a, b, c = v[glb.array(primitive["indices"])[:3, 0]]
    assert np.cross(b - a, c - a)[1] > 0  # seen from above
    material = glb.json["materials"][primitive["material"]]
    assert material["alphaMode"] == "MASK" and "KHR_materials_unlit" in material["extensions"]
    image = glb.json["images"][
        glb.json["textures"][material["pbrMetallicRoughness"]["baseColorTexture"]["index"]]["source"]
    ]
    view = glb.json["bufferViews"][image["bufferView"]]
    picture = np.asarray(Image.open(io.BytesIO(glb.bin[view["byteOffset"] :][: view["byteLength"]])))
    assert picture.shape == (30, 20, 4)
    # row 0 of the texture lies at low z: v = 0 there
    uv = glb.array(primitive["attributes"]["TEXCOORD_0"])
    assert (uv[:, 1] == (v[:, 2] > 0)).all() and (uv[:, 0] == (v[:, 0] > 0)).all()
    assert abs(int(picture[3, 3, 0]) - 137) <= 1 and picture[25, 3, 0] == 0  # a quarter of the light
    assert picture[3, 3, 3] == 255 and picture[3, 18, 3] == 0


def test_soft_paint_blends() -> None:
    assert baked(paint(strength=0.5))[3, 3, 3] == 128


def test_large_textures_are_averaged() -> None:
    raster = SurfaceRaster(np.eye(4), np.zeros(2), 0.001, 3 * MAX_TEXTURE, 8)
    wide = paint(
        raster=raster, mask=np.full(raster.shape, 255, np.uint8), color=np.full((*raster.shape, 3), 90, np.uint8)
    )
    assert baked(wide).shape == (3, MAX_TEXTURE, 4)


def test_a_portal_shows_its_middle_straight_ahead() -> None:
    sky = np.zeros((64, 64, 3), np.uint8)
    sky[28:36, 28:36] = 255
    picture = baked(paint(color=None, environment=sky, mode="portal", light=np.ones(3)))
    assert picture[15, 10, 0] > 200 and picture[0, 0, 0] == 0
