"""A box before a slanted wall, with exact depth, and what a structured-light sensor makes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, Frame
from sceneforge.synth.sensor import sense

CAMERA = Camera(320, 240, 260.0, 260.0, 159.5, 119.5)


@dataclass(frozen=True)
class View:
    """One view with its truth."""

    frame: Frame
    """Colour and noisy depth."""
    truth: NDArray[np.float32]
    """(H, W) exact z-depth."""
    box: NDArray[np.bool_]
    """(H, W) the pixels of the box."""


def box_view(seed: int = 0) -> View:
    """A reddish box 1.1 m away, 100 pixels wide, before a bluish wall 1.8 to 3.9 m away."""
    rng = np.random.default_rng(seed)
    x = np.arange(CAMERA.width, dtype=np.float32)[None, :]
    wall = np.broadcast_to(1 / (0.40 - 0.0009 * (x - 160)), CAMERA.shape)
    box = np.zeros(CAMERA.shape, bool)
    box[70:190, 110:210] = True
    truth = np.where(box, np.float32(1.1), wall).astype(np.float32)
    color = np.where(box[..., None], [170, 90, 70], [90, 110, 150]) + rng.normal(0, 4, (*CAMERA.shape, 3))
    ones, zeros = np.ones(CAMERA.shape, np.float32), np.zeros(CAMERA.shape, np.float32)
    depth = sense(truth, ones, zeros, CAMERA, rng)
    frame = Frame(0, "0", 0.0, np.clip(color, 0, 255).astype(np.uint8), depth, CAMERA, CAMERA, np.eye(4))
    return View(frame, truth, box)


def band(box: NDArray[np.bool_], radius: int = 3) -> NDArray[np.bool_]:
    """(H, W) within `radius` pixels of the box's outline."""
    import cv2

    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    mask = box.astype(np.uint8)
    return np.asarray(cv2.dilate(mask, kernel) != cv2.erode(mask, kernel))
