"""Error messages are an interface: this is what users read, and what the shell gets back."""

from __future__ import annotations

import inspect

import pytest

from sceneforge.core import errors
from sceneforge.core.errors import (
    FrameError,
    InputError,
    MissingExtra,
    MissingSystemLibrary,
    ScanError,
    SceneFileError,
    SceneForgeError,
    UsageError,
)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InputError("it is empty"), "it is empty"),
        (ScanError("no frames", path="captures/x"), "captures/x: no frames"),
        (
            FrameError("depth is 320x240", path="d/7.png", frame=7, expected="640x480"),
            "d/7.png, frame 7: depth is 320x240; expected 640x480",
        ),
        (FrameError("the pose is NaN", frame="000012"), "frame 000012: the pose is NaN"),
        (
            SceneFileError("version is 2", path="scene.json", expected="1", fix="upgrade sceneforge"),
            "scene.json: version is 2; expected 1. Upgrade sceneforge",
        ),
        (UsageError("no writer is called 'usd'"), "no writer is called 'usd'"),
        (
            MissingExtra("pyrender", "peers", "the render benchmark"),
            "the render benchmark needs the package 'pyrender'. Install it with: pip install 'sceneforge[peers]'",
        ),
        (
            MissingSystemLibrary("libusb-1.0.so.0", "open3d", "libusb-1.0-0"),
            "open3d needs the system library libusb-1.0.so.0. Install it with: sudo apt-get install -y libusb-1.0-0",
        ),
    ],
)
def test_messages(error: Exception, message: str) -> None:
    assert str(error) == message


def test_facts_stay_readable_from_the_error() -> None:
    error = FrameError("p", path="f", frame=3, expected="e", fix="x")
    assert (error.problem, error.path, error.frame, error.expected, error.fix) == ("p", "f", 3, "e", "x")


def test_exit_codes() -> None:
    found = {
        name: cls.exit_code
        for name, cls in inspect.getmembers(errors, inspect.isclass)
        if issubclass(cls, SceneForgeError)
    }
    assert found == {
        "SceneForgeError": 1,
        "UsageError": 2,
        "InputError": 3,
        "UnknownFormatError": 3,
        "ScanError": 3,
        "FrameError": 3,
        "RecipeError": 3,
        "ContentError": 3,
        "SceneFileError": 3,
        "UnsafeArchiveError": 3,
        "EnvironmentProblem": 4,
        "MissingExtra": 4,
        "MissingSystemLibrary": 4,
    }


def test_the_tree_at_the_top_of_the_module_is_complete() -> None:
    for name, cls in inspect.getmembers(errors, inspect.isclass):
        if issubclass(cls, SceneForgeError):
            assert name in (errors.__doc__ or "")
