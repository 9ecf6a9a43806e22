"""Camera tracking: poses for scans that have none, or whose poses are not to be believed."""

from .result import TrackResult
from .tracker import track

__all__ = ["TrackResult", "track"]
