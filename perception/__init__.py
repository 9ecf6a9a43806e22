"""Part of SceneForge: import it as `sceneforge.perception`."""

if not __name__.startswith("sceneforge."):
    raise ImportError(
        "import sceneforge.perception, not perception: this folder is reached through the sceneforge package"
    )
