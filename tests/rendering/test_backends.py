"""Back-ends answer by name, and shade the same scene."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import EnvironmentProblem, Material, UsageError
from sceneforge.rendering import FrameCompositor
from sceneforge.rendering.backends import backend_names, load_backend
from tests.rendering.render_stage import stage


def test_embree_is_the_compositor() -> None:
    s = stage()
    by_name = load_backend("embree", s.scene, s.arrangement).compose(s.frame, s.T)
    assert (by_name == FrameCompositor(s.scene, s.arrangement).compose(s.frame, s.T)).all()


def test_unknown_names_list_the_choices() -> None:
    s = stage()
    with pytest.raises(UsageError, match=r"'opengl'.*embree"):
        load_backend("opengl", s.scene, s.arrangement)
    assert {"embree", "pyrender"} <= set(backend_names())


def test_pyrender_puts_the_same_content_in_the_same_place() -> None:
    s = stage(Material((0.9, 0.02, 0.02, 1.0)))
    try:
        picture = load_backend("pyrender", s.scene, s.arrangement).compose(s.frame, s.T).astype(int)
    except EnvironmentProblem as problem:
        pytest.skip(str(problem))
    ours = FrameCompositor(s.scene, s.arrangement).compose(s.frame, s.T).astype(int)
    red = [p[..., 0] - p[..., 1] > 60 for p in (picture, ours)]
    overlap = np.count_nonzero(red[0] & red[1]) / np.count_nonzero(red[0] | red[1])
    assert overlap > 0.9
    assert (picture[:10] == s.frame.color[:10]).all()
