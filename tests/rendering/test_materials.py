"""Maps of glTF materials change the picture where, and as, the standard says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from sceneforge.core import Arrangement, Content, Material
from sceneforge.core.transforms import inverse, transform_points
from sceneforge.io import load_content
from sceneforge.rendering import FrameCompositor
from tests.rendering.render_stage import CAMERA, box_part, placed, stage


def _halves(left: tuple[int, int, int], right: tuple[int, int, int]) -> np.ndarray:
    """A texture whose left half (small u) has one value and the right another."""
    out = np.full((16, 16, 4), 255, np.uint8)
    out[:, :8, :3], out[:, 8:, :3] = left, right
    return out


def _sides(material: Material) -> tuple[np.ndarray, np.ndarray]:
    """Mean colour (3,) of the left and right half of a box's front with this material."""
    part = box_part((-0.3, 0, -0.1), (0.3, 0.5, 0.1), material)
    uv = np.stack([(part.vertices[:, 0] + 0.3) / 0.6, 1 - part.vertices[:, 1] / 0.5], axis=1).astype(np.float32)
    s = stage(eye=(0.0, 0.5, 1.0))
    s = replace(s, arrangement=Arrangement((placed(Content("sign", "sign", (replace(part, uv=uv),))),)))
    picture = FrameCompositor(s.scene, s.arrangement).compose(s.frame, s.T).astype(float)
    across = np.array([[x, 0.25, -1.3] for x in (-0.15, 0.15)])
    at = CAMERA.project(transform_points(inverse(s.T), across))[0].astype(int)
    left, right = (picture[v - 6 : v + 6, u - 6 : u + 6].mean(axis=(0, 1)) for u, v in at)
    return left, right


def test_emissive_texture_glows_where_it_is_bright() -> None:
    glow = _halves((0, 0, 0), (255, 255, 255))
    left, right = _sides(Material((0, 0, 0, 1), emissive=(0.0, 0.5, 0.0), emissive_texture=glow))
    assert left[1] < 60 and right[1] == pytest.approx(188, abs=6)  # sRGB of linear 0.5
    assert right[0] < 60


def test_metal_map_makes_metal_where_it_is_blue() -> None:
    maps = _halves((0, 255, 0), (0, 255, 255))
    red = Material((0.9, 0.05, 0.05, 1), 1.0, 0.9, metallic_roughness_texture=maps)
    left, right = _sides(red)
    plain = _sides(replace(red, metallic=0.0, metallic_roughness_texture=None))[0]
    metal = _sides(replace(red, metallic=1.0, metallic_roughness_texture=None))[1]
    np.testing.assert_allclose(left, plain, atol=2)
    np.testing.assert_allclose(right, metal, atol=2)
    assert np.abs(plain - metal).max() > 8


def test_flat_normal_map_changes_nothing() -> None:
    flat = Material((0.6, 0.6, 0.6, 1), normal_texture=_halves((128, 128, 255), (128, 128, 255)))
    np.testing.assert_allclose(_sides(flat), _sides(replace(flat, normal_texture=None)), atol=1.5)


def test_normal_map_tilts_towards_and_away_from_light_above() -> None:
    up, down = (128, 218, 218), (128, 37, 218)  # 45 degrees: green above the middle points up the picture
    left, right = _sides(Material((0.6, 0.6, 0.6, 1), normal_texture=_halves(up, down)))
    assert left.mean() > right.mean() + 6


def test_maps_are_read_from_a_model_as_they_are(tmp_path: Path) -> None:
    image = lambda a: Image.fromarray(a[..., :3])  # noqa: E731
    rough, bump, glow = (
        _halves((0, 51, 255), (0, 204, 0)),
        _halves((128, 128, 255), (200, 128, 220)),
        _halves((255, 0, 0), (0, 255, 0)),
    )
    quad = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]], process=False)
    paint = trimesh.visual.material.PBRMaterial(
        name="paint",
        metallicRoughnessTexture=image(rough),
        normalTexture=image(bump),
        emissiveTexture=image(glow),
        emissiveFactor=[1.0, 0.5, 0.25],
        roughnessFactor=0.5,
    )
    quad.visual = trimesh.visual.TextureVisuals(uv=[[0, 0], [1, 0], [1, 1], [0, 1]], material=paint)
    quad.export(tmp_path / "quad.glb")
    material = load_content(tmp_path / "quad.glb").parts[0].material
    assert (material.metallic, material.roughness, material.emissive) == (1.0, 0.5, (1.0, 0.5, 0.25))
    for read, written in (
        (material.metallic_roughness_texture, rough),
        (material.normal_texture, bump),
        (material.emissive_texture, glow),
    ):
        assert read is not None
        np.testing.assert_array_equal(read[..., :3], written[..., :3])
