"""Back-ends answer by name, and shade the same scene."""

from __future__ import annotations

import builtins
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import (
    Arrangement,
    EnvironmentProblem,
    Light,
    Material,
    MissingExtra,
    MissingSystemLibrary,
    UsageError,
)
from sceneforge.rendering import FrameCompositor
from sceneforge.rendering.backends import backend_names, filament, load_backend
from tests.rendering.render_stage import CAMERA, exact_depth, stage

RED = Material((0.9, 0.02, 0.02, 1.0))
SKEWED = replace(CAMERA, cx=70.0, cy=66.0, fy=160.0)
"""A camera whose middle is off and whose pixels are not square."""


def test_embree_is_the_compositor() -> None:
    s = stage()
    by_name = load_backend("embree", s.scene, s.arrangement).compose(s.frame, s.T)
    assert (by_name == FrameCompositor(s.scene, s.arrangement).compose(s.frame, s.T)).all()


def test_unknown_names_list_the_choices() -> None:
    s = stage()
    with pytest.raises(UsageError, match=r"'opengl'.*embree"):
        load_backend("opengl", s.scene, s.arrangement)
    assert set(backend_names()) == {"embree", "filament", "mitsuba", "pyrender"}


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


def skewed(*, partition: bool = False):
    s = stage(RED, partition=partition)
    depth = exact_depth(s.scene.mesh, SKEWED, s.T)
    return replace(s, frame=replace(s.frame, camera=SKEWED, depth=depth, depth_camera=SKEWED))


def agrees(picture: np.ndarray, s) -> None:
    """Content where the compositor has it, shadow beside it on the same side, no change far from it."""
    picture = picture.astype(int)
    ours = FrameCompositor(s.scene, s.arrangement).compose(s.frame, s.T).astype(int)
    red = [p[..., 0] - p[..., 1] > 60 for p in (picture, ours)]
    assert np.count_nonzero(red[0] & red[1]) / np.count_nonzero(red[0] | red[1]) > 0.9
    dark = (ours[..., 1] < 0.8 * s.frame.color[..., 1]) & ~red[1] & ~red[0]
    assert dark.sum() > 20
    assert picture[dark].mean() < s.frame.color[dark].mean() - 10
    assert np.abs(picture[-8:] - s.frame.color[-8:]).mean() < 2


def test_mitsuba_agrees_with_the_compositor_about_content_and_shadow() -> None:
    s = skewed()
    try:
        renderer = load_backend("mitsuba", s.scene, s.arrangement)
    except EnvironmentProblem as problem:
        pytest.skip(str(problem))
    picture = renderer.compose(s.frame, s.T)
    agrees(picture, s)
    hidden = skewed(partition=True)
    behind = load_backend("mitsuba", hidden.scene, hidden.arrangement).compose(hidden.frame, hidden.T).astype(int)
    seen = [np.count_nonzero(p[..., 0].astype(int) - p[..., 1] > 60) for p in (picture, behind)]
    assert seen[1] < 0.5 * seen[0], "the partition hides content"
    nothing = load_backend("mitsuba", s.scene, Arrangement(())).compose(s.frame, s.T)
    assert (nothing == s.frame.color).all()


def test_mitsuba_looks_through_the_backs_of_lights() -> None:
    s = stage(RED)
    ahead = s.T[:3, 2] / np.linalg.norm(s.T[:3, 2])
    panel = Light(
        "light_0", "area", np.full(3, 5.0), 1.0, ahead, s.T[:3, 3] + 0.5 * ahead, np.array([2.0, 2.0]), s.T[:3, 0]
    )  # before the camera, shining away from it
    try:
        renderer = load_backend("mitsuba", replace(s.scene, lights=(panel,)), s.arrangement)
    except EnvironmentProblem as problem:
        pytest.skip(str(problem))
    picture = renderer.compose(s.frame, s.T).astype(int)
    assert np.count_nonzero(picture[..., 0] - picture[..., 1] > 60) > 100
    assert picture[:10].mean() > 100


def test_mitsuba_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "mitsuba":
            raise ImportError("no", name=name)
        return real(name, *args, **kwargs)

    s = stage()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"sceneforge\[mitsuba\]"):
        load_backend("mitsuba", s.scene, s.arrangement)


def test_filament_agrees_with_the_compositor_about_content_and_shadow(tmp_path: Path) -> None:
    if not filament.draws():
        pytest.skip("Filament finds no driver here")
    code = (
        "import sys, numpy as np; from tests.rendering.test_backends import skewed\n"
        "from sceneforge.rendering.backends import load_backend\n"
        "s = skewed(); np.save(sys.argv[1], load_backend('filament', s.scene, s.arrangement).compose(s.frame, s.T))"
    )  # in a process of its own: with another graphics library in it Filament may end the whole one
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "f.npy")], cwd=root, check=True, timeout=300)
    agrees(np.load(tmp_path / "f.npy"), skewed())


def test_filament_without_a_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    s = stage()
    monkeypatch.setattr(filament, "PROBE", "import os; os.abort()")
    filament.draws.cache_clear()
    try:
        with pytest.raises(MissingSystemLibrary, match="apt-get install -y libegl1 mesa-vulkan-drivers"):
            load_backend("filament", s.scene, s.arrangement)
    finally:
        filament.draws.cache_clear()


def test_back_ends_that_draw_the_mesh_need_one() -> None:
    s = stage()
    with pytest.raises(UsageError, match="needs a scene with a mesh"):
        filament.FilamentRenderer(replace(s.scene, mesh=None), s.arrangement)
