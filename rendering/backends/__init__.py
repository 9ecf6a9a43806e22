"""Ways to put content into frames: one file each, found by listing this folder, all with the same small Protocol."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Protocol, cast

from sceneforge.core import Arrangement, Frame, Scene, UsageError
from sceneforge.core.arrays import Float64, UInt8


class Renderer(Protocol):
    """Composes frames of one capture."""

    def compose(self, frame: Frame, T_world_camera: Float64) -> UInt8:
        """The frame's colour (H, W, 3) uint8 sRGB with content and its shadow in it."""


class Backend(Protocol):
    """What every module here offers."""

    def load(self, scene: Scene, arrangement: Arrangement) -> Renderer:
        """A renderer for content in a scene.

        Raises:
            MissingExtra, MissingSystemLibrary: What it needs is not installed.
        """


def backend_names() -> tuple[str, ...]:
    """Names of all back-ends."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def load_backend(name: str, scene: Scene, arrangement: Arrangement) -> Renderer:
    """A renderer by its back-end's name: "embree" is the default, and what every other one is measured against.

    Raises:
        UsageError: No back-end has this name.
        MissingExtra, MissingSystemLibrary: What it needs is not installed.
    """
    if name not in backend_names():
        raise UsageError(f"no render back-end is called '{name}'; there are {', '.join(backend_names())}")
    module = cast(Backend, importlib.import_module(f".{name}", __name__))
    return module.load(scene, arrangement)
