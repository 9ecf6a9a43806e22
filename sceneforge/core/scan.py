"""A capture: frames read one by one, never the whole scan in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from .arrays import Float32, Float64, UInt8, frozen_array, owned_array, rigid_transform
from .camera import Camera
from .errors import FrameError, ScanError, UsageError
from .mesh import Mesh
from .scene import CameraTrack, Plane, Scene, SceneObject


@dataclass(frozen=True, slots=True)
class Frame:
    """One RGB-D picture, decoded."""

    index: int
    """Position in the scan, from 0."""
    name: str
    """The capture's own name for the frame, e.g. "frame-000120"."""
    timestamp_s: float
    """Seconds; the capture's clock, or the index where it has none."""
    color: UInt8
    """(H, W, 3) uint8 sRGB."""
    depth: Float32
    """(h, w) float32 z-depth in metres, 0 = no reading."""
    camera: Camera
    """Intrinsics of `color`."""
    depth_camera: Camera
    """Intrinsics of `depth`; the same pose as `camera`."""
    T_world_camera: Float64 | None
    """(4, 4) camera-to-world in the scan's world, or None where the capture gives no pose."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "color", owned_array(self.color, (*self.camera.shape, 3), np.uint8, "color"))
        object.__setattr__(self, "depth", owned_array(self.depth, self.depth_camera.shape, np.float32, "depth"))


@dataclass(frozen=True, slots=True)
class FrameSource:
    """Where one frame comes from: everything cheap is here, the images are read on demand."""

    name: str
    """The capture's own name for the frame."""
    path: str
    """The file to name in errors (usually the depth image)."""
    timestamp_s: float
    """Seconds."""
    camera: Camera
    """Intrinsics of the colour image."""
    depth_camera: Camera
    """Intrinsics of the depth image."""
    T_world_camera: Float64 | None
    """(4, 4) camera-to-world in the scan's world, OpenCV axes; None = unknown."""
    read_color: Callable[[], UInt8]
    """Decodes colour: (H, W, 3) uint8 sRGB."""
    read_depth: Callable[[], Float32]
    """Decodes depth: (h, w) float32 metres, 0 = none."""
    problem: str | None = None
    """Why the frame cannot be used, when that is known before decoding (a NaN pose, say)."""
    has_depth: bool = True
    """Whether the capture measured depth for the frame; otherwise `read_depth` gives zeros."""
    files: tuple[str, ...] = ()
    """Files that the images come from, besides `path`: when one changes, so does the frame."""

    def __post_init__(self) -> None:
        if self.T_world_camera is not None:
            object.__setattr__(self, "T_world_camera", rigid_transform(self.T_world_camera, f"pose of {self.name}"))


@dataclass(frozen=True)
class Scan:
    """A recorded RGB-D capture."""

    name: str
    """Short name, usually the folder's."""
    path: str
    """Where it was read from."""
    format: str
    """Reader that recognised it, e.g. "seven_scenes"."""
    sources: tuple[FrameSource, ...]
    """One entry per frame, in time order."""
    up: Float64 | None = None
    """(3,) unit vector: up in the scan's world as the capture states it; None = unknown, to be estimated."""
    notes: tuple[str, ...] = ()
    """What the reader assumed or repaired, for the report."""
    max_bad_fraction: float = field(default=0.5, repr=False)
    """A scan with a larger share of unusable frames is refused."""

    def __post_init__(self) -> None:
        if not self.sources:
            raise ScanError("no frames", path=self.path, expected="at least one colour and depth image")
        if self.up is not None:
            up = np.asarray(self.up, dtype=np.float64)
            object.__setattr__(self, "up", frozen_array(up / np.linalg.norm(up), (3,), np.float64, "up"))

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def has_poses(self) -> bool:
        """Whether the capture gives a camera pose for at least one usable frame."""
        return any(s.T_world_camera is not None for s in self.sources)

    @property
    def has_depth(self) -> bool:
        """Whether the capture measured depth for at least one frame."""
        return any(s.has_depth for s in self.sources)

    def read(self, index: int) -> Frame:
        """Decode one frame.

        Raises:
            FrameError: The frame's files are damaged, missing, of the wrong size, or its pose is unusable.
        """
        s = self.sources[index]
        if s.problem:
            raise FrameError(s.problem, path=s.path, frame=s.name)
        color, depth = s.read_color(), s.read_depth()
        for kind, image, shape in (("colour", color, s.camera.shape), ("depth", depth, s.depth_camera.shape)):
            if image.shape[:2] != shape:
                raise FrameError(
                    f"{kind} image is {image.shape[1]}x{image.shape[0]}",
                    path=s.path,
                    frame=s.name,
                    expected=f"{shape[1]}x{shape[0]} as the intrinsics say",
                )
        return Frame(index, s.name, s.timestamp_s, color, depth, s.camera, s.depth_camera, s.T_world_camera)

    def frames(
        self, indices: Sequence[int] | None = None, *, bad: list[FrameError] | None = None, prefetch: int = 2
    ) -> Iterator[Frame]:
        """Decode frames in order, a few ahead of the caller on a background thread.

        Args:
            indices: Which frames, default all.
            bad: Collects the errors of unusable frames, which are then skipped. Without it the first one is raised.
            prefetch: How many decoded frames may wait; memory does not grow with the scan.

        Raises:
            FrameError: A frame is unusable and `bad` is None.
            ScanError: More than `max_bad_fraction` of the frames are unusable.
        """
        wanted = range(len(self)) if indices is None else indices
        skipped = 0
        with ThreadPoolExecutor(1) as pool:
            todo = iter(wanted)
            queue: list[Future[Frame]] = [pool.submit(self.read, i) for i in islice(todo, prefetch + 1)]
            while queue:
                future = queue.pop(0)
                try:
                    frame = future.result()
                except FrameError as error:
                    if bad is None:
                        for f in queue:
                            f.cancel()
                        raise
                    bad.append(error)
                    skipped += 1
                    if skipped > self.max_bad_fraction * len(wanted):
                        for f in queue:
                            f.cancel()
                        raise ScanError(
                            f"{skipped} of {len(wanted)} frames are unusable, the latest: {error}",
                            path=self.path,
                            expected=f"at most {self.max_bad_fraction:.0%} unusable frames",
                        ) from error
                    frame = None
                queue.extend(pool.submit(self.read, i) for i in islice(todo, 1))
                if frame is not None:
                    yield frame

    def with_poses(self, poses: Sequence[Float64 | None]) -> Scan:
        """The same capture with other camera-to-world poses, one per frame (None = unknown)."""
        if len(poses) != len(self):
            raise ValueError(f"expected {len(self)} poses, got {len(poses)}")
        sources = tuple(replace(s, T_world_camera=T) for s, T in zip(self.sources, poses, strict=True))
        return replace(self, sources=sources)


def check_same_capture(capture: Scan, scene: Scene, track: CameraTrack) -> None:
    """Refuse to use a scene with the pictures of another capture.

    Raises:
        UsageError: The capture's format or its frames' time stamps are not those the scene was understood from.
    """
    stamps = zip(track.indices, track.timestamps_s, strict=True)
    known = capture.format == scene.source.get("format", capture.format)
    if not known or any(i >= len(capture) or abs(capture.sources[i].timestamp_s - t) > 1e-6 for i, t in stamps):
        raise UsageError(
            f"the scene was understood from '{scene.source.get('name')}' ({scene.source.get('format')}), not from "
            f"'{capture.name}' ({capture.format}); use it with its own capture"
        )


@dataclass(frozen=True)
class RoomCapture:
    """A capture without pictures: a headset's room file, a mesh or a point cloud, in metres with +Y up."""

    name: str
    """Short name, usually the file's stem."""
    path: str
    """Where it was read from."""
    format: str
    """Reader that recognised it, e.g. "iwer_room"."""
    mesh: Mesh | None
    """The scanned surface, in the capture's world."""
    planes: tuple[Plane, ...] = ()
    """Planes the device reports, normals into the room."""
    objects: tuple[SceneObject, ...] = ()
    """Boxes the device reports."""
    up: Float64 | None = None
    """(3,) unit vector: up as the format states it; None = unknown, to be estimated."""
    notes: tuple[str, ...] = ()
    """What the reader assumed or repaired."""
