"""SceneForge: a captured room goes in, an understood scene comes out, and virtual content lives in it believably.

    import sceneforge as sf

    scan = sf.load("path/to/scan")
    scene = sf.understand(scan, "out/room")
    rover = sf.Request("rover", sf.load_content("rover.glb"), on=("table", "floor"), facing="camera")
    arrangement = sf.arrange(scene, [rover])
    sf.render(scan, scene, arrangement, "out/room")

These names are the public interface; each is imported when it is first used. What is not listed here may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core import (
        Arrangement,
        Camera,
        Content,
        Frame,
        Label,
        Mesh,
        Placement,
        Plane,
        Request,
        RoomCapture,
        Scan,
        Scene,
        SceneForgeError,
        SceneObject,
    )
    from .export import export as export_scene
    from .io import load, load_content
    from .io.scene_folder import read_scene
    from .pipeline import arrange, compose, render, track, understand
    from .recipe import Recipe, load_recipe

__version__ = "0.1.0"

_HOMES = {
    "Arrangement": "core",
    "Camera": "core",
    "Content": "core",
    "Frame": "core",
    "Label": "core",
    "Mesh": "core",
    "Placement": "core",
    "Plane": "core",
    "Recipe": "recipe",
    "Request": "core",
    "RoomCapture": "core",
    "Scan": "core",
    "Scene": "core",
    "SceneForgeError": "core",
    "SceneObject": "core",
    "arrange": "pipeline",
    "compose": "pipeline",
    "export_scene": "export",  # `export` is the folder's name
    "load": "io",
    "load_content": "io",
    "load_recipe": "recipe",
    "read_scene": "io.scene_folder",
    "render": "pipeline",
    "track": "pipeline",
    "understand": "pipeline",
}

__all__ = [
    "Arrangement",
    "Camera",
    "Content",
    "Frame",
    "Label",
    "Mesh",
    "Placement",
    "Plane",
    "Recipe",
    "Request",
    "RoomCapture",
    "Scan",
    "Scene",
    "SceneForgeError",
    "SceneObject",
    "__version__",
    "arrange",
    "compose",
    "export_scene",
    "load",
    "load_content",
    "load_recipe",
    "read_scene",
    "render",
    "track",
    "understand",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562), so that `import sceneforge` stays fast."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sceneforge' has no attribute '{name}'")
    import importlib

    home = importlib.import_module(f".{_HOMES[name]}", __name__)
    value = getattr(home, "export" if name == "export_scene" else name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
