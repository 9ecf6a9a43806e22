"""Paint in a frame is as blurred and noisy as the frame, and no rim of the old surface is left around it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sceneforge.core import Camera, Frame
from sceneforge.core.color import TO_LINEAR, to_srgb
from sceneforge.rendering.painted_finish import PaintFinish
from sceneforge.rendering.painted_finish_kernels import beneath

H, W = 240, 320
CAMERA = Camera(W, H, 300.0, 300.0, 160.0, 120.0)


def scenery(blur: float = 0.0, noise: float = 0.0):
    """(picture, share of its lower part): a wall with bars above a slanted edge, plain floor below it."""
    y, x = np.mgrid[: 4 * H, : 4 * W] / 4.0
    floor = (y > 120 + 0.13 * x).astype(np.float32)
    bars = np.where(((x // 16 + y // 24) % 2 > 0) & (y < 80 + 0.13 * x), 0.12, 0.5)
    linear = np.where(floor[..., None] > 0, [0.3, 0.22, 0.15], bars[..., None] * [0.3, 0.6, 1.0]).astype(np.float32)
    if blur:
        linear, floor = (cv2.GaussianBlur(a, (0, 0), 4 * blur) for a in (linear, floor))
    linear, floor = (cv2.resize(a, (W, H), interpolation=cv2.INTER_AREA) for a in (linear, floor))
    color = to_srgb(linear).astype(float) + noise * np.random.default_rng(0).standard_normal((H, W, 3))
    return np.clip(np.rint(color), 0, 255).astype(np.uint8), floor


def frame(color):
    return Frame(0, "0", 0.0, color, np.ones((H, W), np.float32), CAMERA, CAMERA, np.eye(4))


def stripes(alpha):
    """Layer of black and white stripes, 8 pixels wide."""
    white = (np.arange(W) // 8 % 2).astype(np.float32)[None, :, None]
    return np.concatenate([np.broadcast_to(white * alpha[..., None], (H, W, 3)) * 0.6, alpha[..., None]], axis=2)


def test_no_rim_of_the_old_surface_is_left_at_outlines() -> None:
    color, share = scenery(blur=1.0)
    under, old = beneath(color, share, TO_LINEAR), TO_LINEAR[color]
    some = (share > 0.3) & (share < 0.7)
    # Half of these pixels' light is the floor's, red; what is left is as blue as the wall.
    assert np.median((old[..., 0] / old[..., 2])[some]) > 0.6
    assert np.median((under[..., 0] / under[..., 2])[some]) == pytest.approx(0.3, abs=0.1)
    far = np.abs(cv2.blur(share, (9, 9)) - 0.5) > 0.499
    assert (under == old)[far].all()


@pytest.mark.parametrize("blur", [0.0, 2.0])
def test_paint_is_as_blurred_as_its_frame(blur) -> None:
    color, share = scenery(blur=blur)
    out = PaintFinish().merge(color, stripes((share > 0.5).astype(np.float32)), None, frame(color))
    row = TO_LINEAR[out[220]][:, 1]
    steps = np.abs(np.diff(row)).max() / np.ptp(row)
    assert steps > 0.9 if blur == 0 else 0.12 < steps < 0.3  # a Gaussian of 2 pixels: 1 / (2 sqrt(2 pi)) = 0.2


@pytest.mark.parametrize("noise", [0.0, 5.0])
def test_paint_is_as_noisy_as_its_frame(noise) -> None:
    color, _ = scenery(noise=noise)
    layer = np.full((H, W, 4), 0.3, np.float32)
    layer[..., 3] = 1
    out = PaintFinish().merge(color, layer, None, frame(color))
    assert out.std(axis=(0, 1)).mean() == pytest.approx(noise, abs=1.0)


def test_pixels_without_paint_keep_their_bytes() -> None:
    color, share = scenery(noise=3.0)
    layer = stripes((share > 0.5).astype(np.float32))
    out = PaintFinish().merge(color, layer, None, frame(color))
    far = cv2.dilate((share > 0.01).astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
    assert far.sum() > 10000 and (out[far] == color[far]).all()
