"""Part of SceneForge: import it as `sceneforge.placement`."""

if not __name__.startswith("sceneforge."):
    raise ImportError(
        "import sceneforge.placement, not placement: the folder at the top of the repository is reached through sceneforge"
    )
