"""Value types and errors; numpy only. Import names from here."""

from .camera import Camera
from .content import (
    Arrangement,
    Certificate,
    Content,
    Material,
    Part,
    Placement,
    Rejection,
    Request,
    Unplaced,
)
from .errors import (
    ContentError,
    EnvironmentProblem,
    FrameError,
    InputError,
    MissingExtra,
    MissingSystemLibrary,
    RecipeError,
    ScanError,
    SceneFileError,
    SceneForgeError,
    SceneForgeWarning,
    UnknownFormatError,
    UnsafeArchiveError,
    UsageError,
)
from .files import write_aside, write_bytes, write_folder_aside
from .labels import LABEL_NAMES, Label
from .light import EnvironmentMap, Light
from .mesh import Mesh
from .paint import PAINT_MODES, PaintJob, PaintRegion, SurfacePaint, SurfaceRaster
from .progress import Progress, silent
from .scan import Frame, FrameSource, RoomCapture, Scan, check_same_capture
from .scene import CameraTrack, OrientedBox, Plane, Relation, Room, Scene, SceneGraph, SceneObject
from .trails import BodyTrajectory, NavMesh

__all__ = [
    "LABEL_NAMES",
    "PAINT_MODES",
    "Arrangement",
    "BodyTrajectory",
    "Camera",
    "CameraTrack",
    "Certificate",
    "Content",
    "ContentError",
    "EnvironmentMap",
    "EnvironmentProblem",
    "Frame",
    "FrameError",
    "FrameSource",
    "InputError",
    "Label",
    "Light",
    "Material",
    "Mesh",
    "MissingExtra",
    "MissingSystemLibrary",
    "NavMesh",
    "OrientedBox",
    "PaintJob",
    "PaintRegion",
    "Part",
    "Placement",
    "Plane",
    "Progress",
    "RecipeError",
    "Rejection",
    "Relation",
    "Request",
    "Room",
    "RoomCapture",
    "Scan",
    "ScanError",
    "Scene",
    "SceneFileError",
    "SceneForgeError",
    "SceneForgeWarning",
    "SceneGraph",
    "SceneObject",
    "SurfacePaint",
    "SurfaceRaster",
    "UnknownFormatError",
    "Unplaced",
    "UnsafeArchiveError",
    "UsageError",
    "check_same_capture",
    "silent",
    "write_aside",
    "write_bytes",
    "write_folder_aside",
]
