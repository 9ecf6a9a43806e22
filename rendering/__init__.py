"""Original frames with content in them, video, and pictures of what was understood.

Import it as `sceneforge.rendering`.
"""

if not __name__.startswith("sceneforge."):
    raise ImportError("import sceneforge.rendering, not rendering: it is part of the sceneforge package")

from .compositor import CompositorFacts, FrameCompositor
from .floor_plan import floor_plan
from .labels_view import label_sheet
from .room_view import RoomView, RoomViewer
from .video import RenderResult, render_video

__all__ = [
    "CompositorFacts",
    "FrameCompositor",
    "RenderResult",
    "RoomView",
    "RoomViewer",
    "floor_plan",
    "label_sheet",
    "render_video",
]
