"""Part of SceneForge: import it as `sceneforge.rendering`."""

if not __name__.startswith("sceneforge."):
    raise ImportError("import sceneforge.rendering, not rendering: this folder is reached through the sceneforge package")
