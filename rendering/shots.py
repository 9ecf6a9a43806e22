"""The frames that a video is made of: captured ones, or synthesised ones along another camera path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from sceneforge.core import Camera, FrameError, Scan, Scene, UsageError
from sceneforge.core.arrays import Float64
from sceneforge.core.scan import Frame

from .camera_path import CameraPath


class Shot(NamedTuple):
    """One frame to draw into."""

    position: int
    """Place in the list of wanted frames; frames that cannot be read leave gaps."""
    frame: Frame
    """Colour and depth."""
    T_world_camera: Float64
    """(4, 4) camera-to-world."""


class Shots(Protocol):
    """Frames in order, from any position on."""

    cameras: tuple[Camera, ...]
    """Lens of every wanted frame."""
    poses: Float64
    """(N, 4, 4) camera-to-world of every wanted frame."""

    def caption(self, position: int) -> str:
        """What a contact sheet writes under a frame."""
        ...

    def frames(self, start: int, bad: list[FrameError]) -> Iterator[Shot]:
        """Shots from a position on; frames that cannot be read are left out and added to `bad`."""
        ...


class CapturedShots:
    """Frames of the capture as they were recorded.

    Args:
        scan: The capture.
        scene: Its `track` says where they were taken.
        every: Use every n-th pose.
    """

    def __init__(self, scan: Scan, scene: Scene, every: int = 1) -> None:
        if scene.track is None or not scene.track.indices:
            raise UsageError(
                f"the scene of '{scan.name}' has no camera track; render needs a scene understood from frames"
            )
        self._scan, self._wanted = scan, scene.track.indices[::every]
        self.poses = np.asarray(scene.track.T_world_camera[::every])
        self.cameras = tuple(scan.sources[i].camera for i in self._wanted)

    def caption(self, position: int) -> str:
        """Index and name of the captured frame."""
        index = self._wanted[position]
        return f"{index}   {self._scan.sources[index].name}"

    def frames(self, start: int, bad: list[FrameError]) -> Iterator[Shot]:
        """See `Shots`."""
        place = {index: n for n, index in enumerate(self._wanted)}
        for frame in self._scan.frames(self._wanted[start:], bad=bad):
            yield Shot(place[frame.index], frame, self.poses[place[frame.index]])


class SynthesizedShots:
    """Frames along a path that the camera never took.

    Args:
        scan: The capture that colours come from.
        scene: With mesh and camera track.
        path: Where the camera goes.
    """

    def __init__(self, scan: Scan, scene: Scene, path: CameraPath) -> None:
        from .view_synthesis import ViewSynthesizer

        self._path, self.poses = path, path.T_world_camera
        self.cameras = (path.camera,) * len(path.T_world_camera)
        self._views = ViewSynthesizer(scan, scene)

    def caption(self, position: int) -> str:
        """Kind of path and number of the picture."""
        return f"{self._path.kind.replace('_', ' ')}   {position}"

    def frames(self, start: int, bad: list[FrameError]) -> Iterator[Shot]:
        """See `Shots`; captured frames that cannot be read are done without."""
        for n in range(start, len(self.poses)):
            T = self.poses[n]
            yield Shot(n, self._views.frame(n, self._path.camera, T, inside=self._path.inside), T)
