"""Part of SceneForge: import it as `sceneforge.rendering`."""

if not __name__.startswith("sceneforge."):
    raise ImportError(
        "import sceneforge.rendering, not rendering: the folder at the top of the repository is reached through sceneforge"
    )
