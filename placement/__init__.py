"""Part of SceneForge: import it as `sceneforge.placement`."""

if not __name__.startswith("sceneforge."):
    raise ImportError("import sceneforge.placement, not placement: this folder is reached through the sceneforge package")
