"""Part of SceneForge: import it as `sceneforge.placement`.

Finds sound places for virtual content on the surfaces of an understood scene, measures every place it proposes, and
says why where there is none.
"""

if not __name__.startswith("sceneforge."):
    raise ImportError(
        "import sceneforge.placement, not placement: "
        "the folder at the top of the repository is reached through sceneforge"
    )

from .solver import arrange

__all__ = ["arrange"]
