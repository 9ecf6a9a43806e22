"""The default: rays where content or its shadow can be, through Open3D's embree. No graphics library, same bytes."""

from __future__ import annotations

from sceneforge.core import Arrangement, Scene
from sceneforge.rendering.compositor import FrameCompositor


def load(scene: Scene, arrangement: Arrangement) -> FrameCompositor:
    """The compositor itself."""
    return FrameCompositor(scene, arrangement)
