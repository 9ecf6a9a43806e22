"""Frames of a capture with content in them as an H.264 video and a contact sheet."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import Arrangement, FrameError, Scan, ScanError, Scene, UsageError, write_aside
from sceneforge.core.arrays import UInt8
from sceneforge.core.progress import Progress, silent

from .compositor import FrameCompositor
from .layer_stack import LayerStack
from .layers import FrameLayer
from .sheet import Thumbnail, contact_sheet, thumbnail

SHEET_FRAMES, SHEET_WITH_CONTENT = 12, 9
"""Cells of the contact sheet, and how many of them go to frames that show content while there are others too."""
WELL_SHOWN = 0.5
"""Share of a placement in view from which a frame shows it."""
QUEUE = 3
"""Composed frames that may wait for the encoder; memory does not grow with the video."""


@dataclass(frozen=True)
class RenderResult:
    """What was rendered and how long it took."""

    video: Path
    """The MP4 file."""
    contact_sheet: Path
    """PNG with up to twelve captioned frames."""
    skipped: tuple[str, ...]
    """One sentence per frame that could not be read."""
    facts: Mapping[str, float]
    """frames, width, height, fps; build_s, trace_s, depth_s, shade_s, blend_s (composing), encode_s (on its own
    thread), total_s; share_sensor, share_mesh, share_plane, share_none: what decided whether content is hidden;
    occlusion_boundary_px, occlusion_flicker: how far its edges lie from the picture's, and how often it flips without
    cause (see `OcclusionScore`)."""


def render_video(
    scan: Scan,
    scene: Scene,
    arrangement: Arrangement,
    out: Path,
    *,
    fps: float = 15,
    seed: int = 0,
    progress: Progress = silent,
    every: int = 1,
    under: Sequence[FrameLayer] = (),
    over: Sequence[FrameLayer] = (),
) -> RenderResult:
    """Render the capture with content as `preview.mp4` and `contact_sheet.png` in the folder `out`.

    H.264, yuv420p, BT.709 limited range, constant frame rate, index at the front. The same input gives the same bytes.

    Args:
        scan: The capture; its frames are read one by one.
        scene: Scene whose `track` holds the poses.
        arrangement: Content in its places.
        out: Folder for both files; made if needed.
        fps: Frames per second of the video.
        seed: Accepted for symmetry with the other steps; every sample pattern is fixed, so nothing depends on it.
        progress: Told about every frame.
        every: Use every n-th pose of the track.
        under: Drawn on the real room before content, first to last; content hides it and casts shadow on it.
        over: Drawn after content, first to last.

    Raises:
        UsageError: The scene has no track, or fps or every are not positive.
        ScanError: No frame could be read, or more than the scan allows are bad.
    """
    if scene.track is None or not scene.track.indices:
        raise UsageError(f"the scene of '{scan.name}' has no camera track; render needs a scene understood from frames")
    if fps <= 0 or every < 1:
        raise UsageError(f"fps must be positive and every at least 1, got {fps} and {every}")
    del seed
    start = time.perf_counter()
    poses = dict(zip(scene.track.indices, scene.track.T_world_camera, strict=True))
    wanted = scene.track.indices[::every]
    first = scan.sources[wanted[0]].camera
    width, height = first.width - first.width % 2, first.height - first.height % 2
    if width < 2 or height < 2:
        raise ScanError(f"frames are {first.width}x{first.height}", path=scan.path, expected="at least 2x2 pixels")
    compositor = FrameCompositor(scene, arrangement)
    stack = LayerStack(scene, arrangement, compositor, under, over)
    shares = [compositor.shown(scan.sources[i].camera, poses[i]) for i in wanted]
    shown = {wanted[i] for i in sheet_frames(shares)}
    thumbnails: list[Thumbnail] = []
    bad: list[FrameError] = []

    def composed() -> Iterator[UInt8]:
        for frame in scan.frames(wanted, bad=bad):
            picture = stack.draw(frame, poses[frame.index], compositor.facts.frames / fps)
            if frame.index in shown:
                thumbnails.append(thumbnail(picture, f"{frame.index}   {frame.name}"))
            progress("render", compositor.facts.frames, len(wanted))
            yield _fitted(picture, width, height)

    video = Path(out) / "preview.mp4"
    with write_aside(video) as aside:
        count, encode_s = encode_video(composed(), aside, width, height, fps)
        if count == 0:
            raise ScanError(f"none of {len(wanted)} frames could be read", path=scan.path)
    sheet = Path(out) / "contact_sheet.png"
    contact_sheet(thumbnails, sheet, title=scan.name)
    seconds = {**compositor.facts.seconds, "encode": encode_s, "total": time.perf_counter() - start}
    facts: dict[str, float] = {"frames": count, "width": width, "height": height, "fps": fps}
    facts |= {f"{stage}_s": round(value, 4) for stage, value in seconds.items()}
    score = compositor.facts.occlusion
    facts |= {"occlusion_boundary_px": round(score.boundary_px, 3), "occlusion_flicker": round(score.flicker, 6)}
    facts |= {f"share_{decider}": round(value, 6) for decider, value in compositor.facts.shares.items()}
    return RenderResult(video, sheet, tuple(str(b) for b in bad), facts)


def sheet_frames(shares: Sequence[float]) -> list[int]:
    """Which frames a contact sheet shows, in order: most of them with content, the others for the room around it.

    Args:
        shares: How much of the content every frame shows, 0..1. Where no frame shows WELL_SHOWN, any share counts.

    Returns:
        Positions in `shares`, evenly spread over either kind; all of them where they are few.
    """
    least = WELL_SHOWN if max(shares, default=0) >= WELL_SHOWN else 1e-9
    content = [i for i, s in enumerate(shares) if s >= least]
    room = [i for i, s in enumerate(shares) if s < least]
    cells = min(SHEET_FRAMES, len(shares))
    others = min(cells - min(SHEET_WITH_CONTENT, len(content)), len(room))
    return sorted(_evenly(content, cells - others) + _evenly(room, others))


def _evenly(items: list[int], count: int) -> list[int]:
    """`count` of the items, both ends among them where there is more than one."""
    return [items[i] for i in np.linspace(0, len(items) - 1, count).round().astype(int)]


def _fitted(picture: UInt8, width: int, height: int) -> UInt8:
    """Cut to even size (4:2:0 needs it); pictures of another size than the first are scaled."""
    if abs(picture.shape[1] - width) > 1 or abs(picture.shape[0] - height) > 1:
        import cv2

        return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return np.ascontiguousarray(picture[:height, :width])


def encode_video(
    pictures: Iterator[UInt8] | Sequence[UInt8], path: Path, width: int, height: int, fps: float
) -> tuple[int, float]:
    """Write (height, width, 3) sRGB pictures as an MP4; returns their number and the encoder's seconds.

    Encoding runs on one worker thread while the next pictures are made. x264 itself gets one thread, so that its
    rate control and with it the bytes do not depend on the machine's load.
    """
    import av

    rate = Fraction(fps).limit_denominator(1001)
    spent = 0.0
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as container:
        stream: Any = container.add_stream("libx264", rate=rate, options={"crf": "17", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = 1 / rate
        context = stream.codec_context
        context.thread_count = 1
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1

        def write(number: int, picture: UInt8) -> float:
            begun = time.perf_counter()
            rgb = av.VideoFrame.from_ndarray(picture, format="rgb24")
            yuv = rgb.reformat(
                format="yuv420p",
                src_color_range="JPEG",
                dst_color_range="MPEG",
                dst_colorspace="ITU709",
                threads=1,
            )
            yuv.pts, yuv.time_base = number, 1 / rate
            container.mux(stream.encode(yuv))
            return time.perf_counter() - begun

        count = 0
        waiting: deque[Future[float]] = deque()
        with ThreadPoolExecutor(1) as worker:
            for picture in pictures:
                waiting.append(worker.submit(write, count, picture))
                count += 1
                if len(waiting) > QUEUE:
                    spent += waiting.popleft().result()
            spent += sum(f.result() for f in waiting)
        begun = time.perf_counter()
        if count:
            container.mux(stream.encode(None))
        spent += time.perf_counter() - begun
    return count, spent
