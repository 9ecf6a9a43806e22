"""Layers under and over the content: order, occlusion, and what the compositor still sees of the frame."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sceneforge.core import Arrangement, Material
from sceneforge.rendering import FrameCompositor, render_video
from sceneforge.rendering.layer_stack import ContentDepth, LayerStack
from sceneforge.rendering.layers import CONTENT
from tests.rendering.render_stage import CAMERA, GREY, scan_of, stage

GLOW = Material((0.0, 0.0, 0.0, 1.0), emissive=(1.0, 0.0, 0.0), roughness=1.0)


class Fill:
    """A layer of one colour, which notes what it was given."""

    def __init__(self, color: tuple[int, int, int]) -> None:
        self.color, self.views, self.times = color, [], []

    def apply(self, picture, view, frame, T_world_camera, time_s):
        self.views.append(view)
        self.times.append(time_s)
        return np.full_like(picture, self.color)


def test_content_stands_on_what_lies_under_it() -> None:
    s = stage(GLOW)
    plain = FrameCompositor(s.scene, s.arrangement).compose(s.frame, s.T)
    stack = LayerStack(s.scene, s.arrangement, FrameCompositor(s.scene, s.arrangement), under=[Fill((40, 90, 200))])
    out = stack.draw(s.frame, s.T, 0.0)
    content = ContentDepth(s.arrangement).depth(s.frame, s.T)
    inside = cv2.erode((np.isfinite(content) & (plain[..., 0] > 180)).astype(np.uint8), np.ones((5, 5))) > 0
    assert inside.sum() > 150
    assert (out[inside] == plain[inside]).all(), "what hides content, and its light, come from the captured frame"
    untouched = ~np.isfinite(content) & (plain == GREY).all(axis=-1)
    off = np.abs(out[untouched].astype(int) - (40, 90, 200)).max()
    assert off <= 1, "a shadow too faint to change one grey may change another by one step"
    shadow = ~np.isfinite(content) & (plain[..., 0] < GREY - 8)
    assert shadow.sum() > 20 and (out[shadow] < (38, 88, 196)).all(axis=-1).mean() > 0.9, (
        "its shadow falls on the paint"
    )


def test_layers_over_content_know_that_it_hides() -> None:
    s = stage(GLOW, partition=True, size=1.0)
    over = Fill((1, 2, 3))
    stack = LayerStack(s.scene, s.arrangement, FrameCompositor(s.scene, s.arrangement), over=[over])
    assert (stack.draw(s.frame, s.T, 1.5) == (1, 2, 3)).all()
    (view,) = over.views
    z = ContentDepth(s.arrangement).depth(s.frame, s.T)
    visible = z < s.frame.depth - 0.05
    hidden = np.isfinite(z) & (z > s.frame.depth + 0.05)
    assert visible.sum() > 50 and hidden.sum() > 50
    assert (view.source[visible] == CONTENT).all() and np.array_equal(view.depth[visible], z[visible])
    assert (view.face[visible] == -1).all()
    assert (view.source[hidden] != CONTENT).all(), "the partition stands before it"
    assert over.times == [1.5]


def test_a_video_runs_its_layers_in_time(tmp_path: Path) -> None:
    scan, scene, _ = scan_of(4)
    under, over = Fill((10, 200, 30)), Fill((9, 9, 200))
    result = render_video(scan, scene, Arrangement(()), tmp_path, fps=10, under=[under], over=[over])
    assert result.facts["frames"] == 4
    assert over.times == under.times == pytest.approx([0, 0.1, 0.2, 0.3])
    assert over.views[0].depth.shape == CAMERA.shape


def test_a_layer_that_returns_nonsense_is_named() -> None:
    class Wrong:
        def apply(self, picture, *_):
            return picture[:10]

    s = stage()
    stack = LayerStack(s.scene, s.arrangement, FrameCompositor(s.scene, s.arrangement), under=[Wrong()])
    with pytest.raises(TypeError, match=r"Wrong\.apply: expected"):
        stack.draw(s.frame, s.T, 0.0)
