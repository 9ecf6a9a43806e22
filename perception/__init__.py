"""Part of SceneForge: import it as `sceneforge.perception`."""

if not __name__.startswith("sceneforge."):
    raise ImportError(
        "import sceneforge.perception, not perception: the folder at the top of the repository is reached through sceneforge"
    )
