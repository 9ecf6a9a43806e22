"""Camera tracking: poses for scans that have none, or whose poses are not to be believed."""

from .refinement import RefineResult, refine_poses
from .result import TrackResult
from .tracker import track

__all__ = ["RefineResult", "TrackResult", "refine_poses", "track"]
