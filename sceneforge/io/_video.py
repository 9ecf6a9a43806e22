"""Frames of a video by number, decoded one after the other."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core.arrays import UInt8
from sceneforge.core.errors import FrameError, ScanError

SKIP_AHEAD = 48
"""Up to this many frames are decoded and dropped before seeking to a key frame is worth it."""


class Video:
    """A video file whose frames are read by their number in presentation order. Safe to use from several threads.

    Raises:
        ScanError: The file is no video or has no frames.
    """

    def __init__(self, path: Path) -> None:
        import av

        self.path = path
        self._lock = threading.Lock()
        self._container: Any = None
        self._frames: Any = None
        self._next = 0
        try:
            with av.open(str(path)) as container:
                stream = container.streams.video[0]
                self.size = (int(stream.codec_context.width), int(stream.codec_context.height))
                stamps = [p.pts for p in container.demux(stream) if p.pts is not None]
        except (av.FFmpegError, OSError, IndexError) as error:
            raise ScanError(f"cannot be read as a video ({error})", path=path, expected="an intact video") from error
        self._stamps = sorted(stamps)
        self._number = {pts: i for i, pts in enumerate(self._stamps)}
        if not stamps or min(self.size) < 1:
            raise ScanError("holds no pictures", path=path, expected="at least one frame")

    @property
    def count(self) -> int:
        """How many frames there are."""
        return len(self._stamps)

    def read(self, index: int) -> UInt8:
        """(H, W, 3) uint8 sRGB of frame `index`; fast when indices ascend.

        Raises:
            FrameError: There is no such frame, or it cannot be decoded.
        """
        import av

        with self._lock:
            if not 0 <= index < self.count:
                raise FrameError(f"the video has {self.count} frames", path=self.path, frame=index)
            try:
                if self._frames is None or not self._next <= index <= self._next + SKIP_AHEAD:
                    self._seek(index)
                for frame in self._frames:
                    number = self._number.get(frame.pts, -1)
                    self._next = number + 1
                    if number == index:
                        return np.ascontiguousarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
                    if number > index:
                        break
            except (av.FFmpegError, OSError) as error:
                self._close()
                raise FrameError(f"video frame cannot be decoded ({error})", path=self.path, frame=index) from error
            self._close()
            raise FrameError("video frame cannot be decoded", path=self.path, frame=index)

    def _seek(self, index: int) -> None:
        import av

        if self._container is None:
            self._container = av.open(str(self.path))
        stream = self._container.streams.video[0]
        self._container.seek(self._stamps[index], stream=stream, backward=True)
        self._frames = self._container.decode(stream)
        self._next = 0

    def _close(self) -> None:
        if self._container is not None:
            self._container.close()
        self._container = self._frames = None
