"""The shadow score counts as the field defines it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sceneforge.evaluation.evaluate_shadow import Case, Shot, _region, balanced_error, methods, summary
from sceneforge.evaluation.render_quality import _complete, _mean
from sceneforge.evaluation.similarity import similarity
from sceneforge.evaluation.sun_patches import Surface, sun_patches
from sceneforge.rendering import FrameCompositor
from sceneforge.synth.lighting import Daylight, Portal
from tests.rendering.render_stage import stage


def test_balanced_error_rate() -> None:
    true = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    found = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0], bool)
    assert balanced_error(found, true) == pytest.approx(0.5 * (2 / 6 + 1 / 4))
    assert balanced_error(true, true) == 0
    assert balanced_error(np.zeros(10, bool), true) == 0.5


def test_means_leave_out_frames_without_shadow_and_ahead_counts_the_better_ones() -> None:
    def row(psnr: float, ber: float | None) -> dict[str, float | None]:
        return {"psnr": psnr, "ssim": 0.9, "ber": ber}

    rooms = {
        "a_1": {"ours": [row(30, 0.1), row(28, None)], "no_shadow": [row(29, 0.5), row(29, None)]},
        "b_1": {"ours": [row(32, 0.3)], "no_shadow": [row(30, 0.5)]},
    }
    found = summary(rooms)
    assert found["frames"] == 3
    assert found["mean"]["ours"] == {"psnr": 30.0, "ssim": 0.9, "ber": 0.2}
    assert found["ahead"]["no_shadow"] == {"psnr": 2, "ssim": 0, "ber": 2}


def test_all_of_the_sun_that_enters_a_window_is_sent_back() -> None:
    # A window of 1 x 1 m in the wall x = 2, and a floor and a raised slab that its light falls on.
    window = Portal(np.array([2.0, 1.0, -0.5]), np.array([0, 0, 1.0]), np.array([0, 1.0, 0]), np.array([-1.0, 0, 0]))
    to_sun = np.array([np.cos(0.7), np.sin(0.7), 0])
    day = Daylight((window,), to_sun, sun=np.array([10.0, 8.0, 6.0]), sky=np.zeros(3))
    square = np.array([[0, 1, 2], [0, 2, 3]])

    def level(y: float, x0: float, x1: float, albedo: float) -> Surface:
        v = np.array([[x0, y, -3], [x0, y, 3], [x1, y, 3], [x1, y, -3]], np.float32)
        return Surface(v, square, np.full((4, 3), albedo, np.float32))

    surfaces = [level(0, -5, 2, 0.5), level(0.4, -1, 1, 0.5)]
    patches = sun_patches(surfaces, day)
    sent = sum(p.radiance * np.pi * p.surface.area for p in patches)
    np.testing.assert_allclose(sent, 0.5 * day.sun * np.cos(0.7), rtol=1e-3)
    heights = np.unique(np.concatenate([p.surface.vertices[:, 1] for p in patches]).round(3))
    np.testing.assert_allclose(heights, [0.001, 0.401])
    away = Daylight((window,), -to_sun, day.sun, day.sky)
    assert sun_patches(surfaces, away) == []


def test_without_shadow_the_same_content_leaves_the_floor_as_it_is() -> None:
    s = stage()
    ours, bare = (m(s.frame, s.T).astype(int) for m in methods(s.scene, s.arrangement, ("ours", "no_shadow")).values())
    _, content = _region(s.arrangement, s.frame.camera, s.T)
    around = cv2.dilate(content.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    dark = (s.frame.color.astype(int) - ours).max(axis=2) > 15
    assert (dark & ~around).sum() > 50, "ours lays a shadow"
    np.testing.assert_array_less(np.abs(bare - s.frame.color)[~around], 2)
    inner = cv2.erode(content.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0  # away from its blurred rim
    assert inner.sum() > 100 and np.abs(ours - bare)[inner].max() <= 1, "the content itself looks the same"


def test_similarity_of_even_pictures_is_that_of_their_levels() -> None:
    a, b = np.full((20, 30, 3), 100, np.uint8), np.full((20, 30, 3), 160, np.uint8)
    c = (0.01 * 255) ** 2
    assert similarity(a, b) == pytest.approx((2 * 100 * 160 + c) / (100**2 + 160**2 + c))
    noisy = np.random.default_rng(0).integers(90, 110, a.shape).astype(np.uint8)
    assert similarity(noisy, noisy) == 1 > 0.8 > similarity(noisy, a)


def test_means_are_over_all_frames_or_none() -> None:
    s = stage()
    picture = FrameCompositor(s.scene, s.arrangement).compose(s.frame, s.T)
    case = Case(s.scene, s.arrangement, (Shot(s.frame, s.T, picture), Shot(s.frame, s.T, picture)))
    assert _complete(case, [picture, picture])["ssim"] == pytest.approx(1)
    assert _complete(case, [picture]) == {"skipped": "1 of 2 pictures within the time limit"}
    assert _complete(case, []) == {"skipped": "0 of 2 pictures within the time limit"}
    with pytest.raises(ValueError, match="zip"):
        _mean(case, [picture])
