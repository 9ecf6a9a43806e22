"""What nothing is known of is made up where the surface around says that it lies, in the mean exposure."""

from __future__ import annotations

import numpy as np

from sceneforge.core import Camera
from sceneforge.core.color import to_linear, to_srgb
from sceneforge.core.transforms import make_transform
from sceneforge.erasing_rest import _lifted
from sceneforge.generative import load_painter
from sceneforge.rendering.erasing import Unknown


def test_a_hole_in_a_slanted_plane_is_filled_in_the_plane() -> None:
    camera = Camera(160, 120, 140.0, 140.0, 79.5, 59.5)
    v, _ = np.mgrid[0:120, 0:160]
    y = (v - camera.cy) / camera.fy
    depth = 2.0 / (1 + 0.6 * y)  # z = 2 - 0.6 y: a plane, straight in inverse depth
    gain = np.array([0.5, 0.6, 0.7])
    frame = to_srgb(np.broadcast_to(gain * 0.4, (120, 160, 3)).astype(np.float32))
    holes = np.zeros((120, 160), np.bool_)
    holes[40:80, 60:110] = True
    shown = frame.copy()
    shown[holes] = (255, 0, 0)
    look = Unknown(shown, holes, np.where(holes, np.nan, depth).astype(np.float32))
    T = make_transform(np.eye(3), np.array([1.0, 2.0, 3.0]))
    mesh = _lifted(look, camera, T, gain, load_painter("exemplar"), 0)
    assert mesh is not None
    p = mesh.vertices - np.array([1.0, 2.0, 3.0], np.float32)
    assert np.abs(p[:, 2] - (2.0 - 0.6 * p[:, 1])).max() < 0.03
    assert len(mesh.vertices) >= holes.sum() and len(mesh.faces) > 1.8 * holes.sum()
    assert mesh.colors is not None
    assert np.abs(to_linear(mesh.colors) - 0.4).max() < 0.03, "the frame's exposure is taken out"
