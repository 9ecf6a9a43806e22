"""Scans: read lazily and in order, bad frames counted or refused, memory bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sceneforge.core import Camera, FrameError, FrameSource, Scan, ScanError

CAMERA = Camera(4, 3, 2.0, 2.0, 1.5, 1.0)


class Reads:
    """Counts which frames were decoded, and when."""

    def __init__(self) -> None:
        self.order: list[int] = []
        self.lock = threading.Lock()

    def color(self, index: int) -> Callable[[], np.ndarray]:
        def read() -> np.ndarray:
            with self.lock:
                self.order.append(index)
            return np.full((3, 4, 3), index % 256, np.uint8)

        return read


def truncated() -> np.ndarray:
    raise FrameError("the PNG ends early", path="depth/000001.png", frame="000001")


def scan_of(count: int, *, bad: tuple[int, ...] = (), reads: Reads | None = None, **options: float) -> Scan:
    reads = reads or Reads()
    sources = tuple(
        FrameSource(
            f"{i:06d}",
            f"depth/{i:06d}.png",
            i / 30,
            CAMERA,
            CAMERA,
            np.eye(4),
            reads.color(i),
            truncated if i in bad else lambda i=i: np.full((3, 4), i + 1, np.float32),  # type: ignore[misc]
        )
        for i in range(count)
    )
    return Scan("test", "captures/test", "made_up", sources, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("prefetch", [0, 1, 2, 7])
def test_frames_come_in_order(prefetch: int) -> None:
    frames = list(scan_of(9).frames(prefetch=prefetch))
    assert [f.index for f in frames] == list(range(9))
    assert [int(f.depth[0, 0]) for f in frames] == list(range(1, 10))


def test_chosen_frames_only() -> None:
    reads = Reads()
    frames = list(scan_of(9, reads=reads).frames([7, 2, 2]))
    assert [f.index for f in frames] == [7, 2, 2]
    assert reads.order == [7, 2, 2]


@pytest.mark.parametrize("prefetch", [0, 2, 5])
def test_no_more_frames_are_decoded_than_may_wait(prefetch: int) -> None:
    reads = Reads()
    taken = 0
    for _ in scan_of(40, reads=reads).frames(prefetch=prefetch):
        taken += 1
        assert len(reads.order) <= taken + prefetch + 1
    assert taken == 40


def test_opening_a_scan_decodes_nothing() -> None:
    reads = Reads()
    scan = scan_of(5, reads=reads)
    assert (len(scan), scan.has_poses, reads.order) == (5, True, [])


def test_leaving_early_stops_reading() -> None:
    reads = Reads()
    for frame in scan_of(100, reads=reads).frames(prefetch=2):
        if frame.index == 3:
            break
    assert len(reads.order) <= 7


def test_the_first_bad_frame_is_raised() -> None:
    frames = scan_of(4, bad=(1,)).frames()
    assert next(frames).index == 0
    with pytest.raises(FrameError, match=r"depth/000001.png, frame 000001: the PNG ends early"):
        next(frames)


def test_bad_frames_are_collected_and_skipped() -> None:
    bad: list[FrameError] = []
    frames = list(scan_of(6, bad=(1, 4)).frames(bad=bad))
    assert [f.index for f in frames] == [0, 2, 3, 5]
    assert len(bad) == 2


def test_a_scan_of_mostly_bad_frames_is_refused() -> None:
    with pytest.raises(
        ScanError, match=r"captures/test: 3 of 4 frames are unusable, the latest: .*; expected at most 50%"
    ):
        list(scan_of(4, bad=(0, 1, 2)).frames(bad=[]))
    assert len(list(scan_of(4, bad=(0, 1, 2), max_bad_fraction=0.75).frames(bad=[]))) == 1


def test_known_problems_are_not_decoded() -> None:
    reads = Reads()
    scan = scan_of(2, reads=reads)
    scan = replace(scan, sources=(replace(scan.sources[0], problem="the pose is NaN"), scan.sources[1]))
    with pytest.raises(FrameError, match=r"depth/000000.png, frame 000000: the pose is NaN"):
        scan.read(0)
    assert reads.order == []


@pytest.mark.parametrize("kind", ["colour", "depth"])
def test_images_of_another_size_than_the_intrinsics(kind: str) -> None:
    scan = scan_of(1)
    other = Camera(8, 6, 4.0, 4.0, 3.5, 2.5)
    source = scan.sources[0]
    source = replace(source, camera=other) if kind == "colour" else replace(source, depth_camera=other)
    with pytest.raises(FrameError, match=rf"{kind} image is 4x3; expected 8x6 as the intrinsics say"):
        replace(scan, sources=(source,)).read(0)


def test_empty_scans_are_refused() -> None:
    with pytest.raises(ScanError, match="captures/test: no frames; expected at least one colour and depth image"):
        Scan("test", "captures/test", "made_up", ())


def test_other_poses() -> None:
    scan = scan_of(2)
    moved = scan.with_poses([None, np.eye(4)])
    assert moved.read(0).T_world_camera is None
    assert scan.read(0).T_world_camera is not None
    with pytest.raises(ValueError, match="expected 2 poses, got 1"):
        scan.with_poses([None])


def test_up_is_a_unit_vector() -> None:
    up = Scan("s", "p", "f", scan_of(1).sources, up=np.array([0.0, 0.0, 9.81])).up
    assert up is not None
    assert up.tolist() == [0, 0, 1]
