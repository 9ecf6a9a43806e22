"""Noise and blur are read off a picture as they were put in."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sceneforge.rendering.camera_look import LookTracker, measure


def _rectangles(blur: tuple[float, float]) -> np.ndarray:
    """Rectangles of random greys, drawn eight times as fine as they are blurred and sampled."""
    rng = np.random.default_rng(0)
    big = np.full((240 * 8, 320 * 8), 60, np.float32)
    for _ in range(40):
        (x, y), (w, h) = rng.integers(0, (320 * 8 - 400, 240 * 8 - 400)), rng.integers(100, 400, 2)
        big[y : y + h, x : x + w] = rng.integers(40, 220)
    big = cv2.GaussianBlur(big, (0, 0), sigmaX=8 * blur[0], sigmaY=8 * blur[1])
    return np.repeat(cv2.resize(big, (320, 240), interpolation=cv2.INTER_AREA)[..., None], 3, axis=2)


@pytest.mark.parametrize("deviation", [1.5, 5.0])
def test_noise_of_plain_surfaces(deviation: float) -> None:
    picture = _rectangles((0.8, 0.8)) + deviation * np.random.default_rng(1).standard_normal((240, 320, 3))
    look = measure(np.clip(picture, 0, 255).astype(np.uint8))
    np.testing.assert_allclose(np.median(look.noise, axis=1), np.hypot(deviation, 1 / np.sqrt(12)), rtol=0.15)
    assert look.common < 0.1 and look.grain < 0.1


def test_noise_made_is_noise_measured() -> None:
    rng = np.random.default_rng(1)
    grey = rng.standard_normal((240, 320, 1))
    own = rng.standard_normal((240, 320, 3))
    noise = cv2.GaussianBlur(np.sqrt(0.7) * grey + np.sqrt(0.3) * own, (0, 0), 0.6)
    picture = np.clip(120 + 3 * noise / noise.std(), 0, 255).astype(np.uint8)
    tracker = LookTracker()
    look = tracker.update(picture)
    made = np.clip(120 + look.noise.mean() * tracker.grain(look, 5), 0, 255).astype(np.uint8)
    again = measure(made)
    assert again.noise.mean() == pytest.approx(look.noise.mean(), rel=0.1)
    assert again.common == pytest.approx(look.common, abs=0.12)
    assert again.grain == pytest.approx(look.grain, abs=0.1)
    assert not np.array_equal(tracker.grain(look, 5), tracker.grain(look, 6)), "noise does not stand still"


def test_tiny_and_flat_pictures_have_no_noise() -> None:
    assert measure(np.full((6, 7, 3), 90, np.uint8)).noise.max() == 0
    assert measure(np.full((64, 64, 3), 90, np.uint8)).noise.max() == 0
