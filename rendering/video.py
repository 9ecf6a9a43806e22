"""Frames of a capture with content in them as an H.264 video and a contact sheet."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import (
    Arrangement,
    BodyTrajectory,
    FrameError,
    Scan,
    ScanError,
    Scene,
    UsageError,
    write_aside,
)
from sceneforge.core.arrays import UInt8
from sceneforge.core.progress import Progress, silent

from .camera_path import CameraPath
from .compare import Compare, compared
from .frame_cache import FrameCache
from .grounding import Grounding
from .layers import FrameLayer
from .motion import MovingContent
from .sheet import Thumbnail, contact_sheet, thumbnail
from .shots import CapturedShots, Shots, SynthesizedShots

SHEET_FRAMES, SHEET_WITH_CONTENT = 12, 9
"""Cells of the contact sheet, and how many of them go to frames that show content while there are others too."""
WELL_SHOWN = 0.5
"""Share of a placement in view from which a frame shows it."""
QUEUE = 3
"""Composed frames that may wait for the encoder; memory does not grow with the video."""
CACHE = ".preview.frames"
"""Folder beside the video with its finished pictures while it is being made."""


@dataclass(frozen=True)
class RenderResult:
    """What was rendered and how long it took."""

    video: Path
    """The MP4 file."""
    contact_sheet: Path
    """PNG with up to twelve captioned frames."""
    skipped: tuple[str, ...]
    """One sentence per frame that could not be read."""
    facts: Mapping[str, float | None]
    """frames, width, height, fps, resumed (pictures that an earlier, stopped run had made); build_s, match_s, trace_s,
    shade_s, occlude_s, shadow_s, blend_s (composing), encode_s (on its own thread), total_s; share_sensor, share_mesh,
    share_plane, share_none: what decided whether content is hidden; occlusion_boundary_px, occlusion_flicker: how far
    its edges lie from the picture's, and how often it flips without cause (see `OcclusionScore`), None where the video
    has nothing to measure that by."""


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
    path: CameraPath | None = None,
    motion: Sequence[BodyTrajectory] = (),
    compare: Compare = "none",
    grounding: Grounding = "traced",
    stills: Sequence[int] = (),
    fingerprint: str | None = None,
) -> RenderResult:
    """Render the capture with content as `preview.mp4` and `contact_sheet.png` in the folder `out`.

    H.264, yuv420p, BT.709 limited range, constant frame rate, index at the front. The same input gives the same bytes,
    and so does a run that was stopped and started again.

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
        path: Another camera path, drawn from the mesh and the captured frames around; None = the captured frames.
        motion: How content moves, by request id; time 0 is the video's start.
        compare: Show the picture without content and layers too.
        grounding: What ties content to the surface below: traced light, a drop shadow or a halo.
        stills: Numbers of pictures that are written as `still_NNNNNN.png` too.
        fingerprint: Of everything the pictures depend on, layers included (see `core.digest`). With it, finished
            pictures are kept until the video is done, and a run that was stopped goes on after the last of them.

    Raises:
        UsageError: The scene has no track, fps or every are not positive, or a body that moves was not placed.
        ScanError: No frame could be read, or more than the scan allows are bad.
    """
    if fps <= 0 or every < 1:
        raise UsageError(f"fps must be positive and every at least 1, got {fps} and {every}")
    del seed
    start = time.perf_counter()
    shots: Shots = CapturedShots(scan, scene, every) if path is None else SynthesizedShots(scan, scene, path)
    if any(not 0 <= n < len(shots.cameras) for n in stills):
        raise UsageError(f"the video has pictures 0 to {len(shots.cameras) - 1}, so there is no still {max(stills)}")
    content = MovingContent(scene, arrangement, motion, under, over, grounding)
    cache = None if fingerprint is None else FrameCache(Path(out) / CACHE, fingerprint)
    film = _Film(scan, shots, content, fps, compare, cache)
    film.stills = {n: Path(out) / f"still_{n:06d}.png" for n in stills}
    video = Path(out) / "preview.mp4"
    with write_aside(video) as aside:
        count, encode_s = encode_video(film.pictures(progress), aside, film.width, film.height, fps, keep=film.keep)
        if count == 0:
            raise ScanError(f"none of {len(shots.cameras)} frames could be read", path=scan.path)
    sheet = Path(out) / "contact_sheet.png"
    contact_sheet(film.thumbnails, sheet, title=scan.name)
    if cache is not None:
        cache.drop()
    seconds = {**content.facts.seconds, "encode": encode_s, "total": time.perf_counter() - start}
    facts: dict[str, float | None] = {"frames": count, "width": film.width, "height": film.height, "fps": fps}
    facts["resumed"] = film.resumed
    facts |= {f"{stage}_s": round(value, 4) for stage, value in seconds.items()}
    score = content.facts.occlusion
    facts["occlusion_boundary_px"] = None if score.boundary_px is None else round(score.boundary_px, 3)
    facts["occlusion_flicker"] = None if score.flicker is None else round(score.flicker, 6)
    facts |= {f"share_{decider}": round(value, 6) for decider, value in content.facts.shares.items()}
    return RenderResult(video, sheet, tuple(film.skipped), facts)


class _Film:
    """The pictures of one video, in order, and what is noted on the way."""

    def __init__(
        self, scan: Scan, shots: Shots, content: MovingContent, fps: float, compare: Compare, cache: FrameCache | None
    ) -> None:
        first = shots.cameras[0]
        wide = 2 * first.width if compare == "side" else first.width
        self.width, self.height = wide - wide % 2, first.height - first.height % 2
        if self.width < 2 or self.height < 2:
            raise ScanError(f"frames are {first.width}x{first.height}", path=scan.path, expected="at least 2x2 pixels")
        self._shots, self._content, self._fps, self._compare, self._cache = shots, content, fps, compare, cache
        shares = [content.compositor.shown(c, T) for c, T in zip(shots.cameras, shots.poses, strict=True)]
        self._shown = set(sheet_frames(shares))
        self.thumbnails: list[Thumbnail] = []
        self.stills: dict[int, Path] = {}
        self.skipped: list[str] = []
        self.resumed = 0 if cache is None else cache.count
        self._positions: list[int] = []
        self._memories: dict[int, dict[str, NDArray[Any]]] = {}

    def pictures(self, progress: Progress) -> Iterator[UInt8]:
        """All pictures, those first that an earlier run has left."""
        bad: list[FrameError] = []
        total = len(self._shots.cameras)
        if self._cache is not None and self.resumed:
            memory = self._cache.memory
            self._content.recall(memory)
            self.skipped = [str(text) for text in memory["film.skipped"]]
            for n, position in enumerate(memory["film.positions"].tolist()):
                picture = self._cache.read(n)
                self._note(picture, position)
                progress("render", n + 1, total)
                yield picture
        before = list(self.skipped)
        for shot in self._shots.frames(self._positions[-1] + 1 if self._positions else 0, bad):
            number = len(self._positions)
            time_s = number / self._fps
            drawn = self._content.draw(shot.frame, shot.T_world_camera, time_s)
            picture = _fitted(compared(shot.frame.color, drawn, self._compare, time_s), self.width, self.height)
            self._note(picture, shot.position)
            self.skipped = before + [str(b) for b in bad]
            if self._cache is not None:
                self._memories[number] = {
                    **self._content.memory(),
                    "film.positions": np.array(self._positions),
                    "film.skipped": np.array(self.skipped, dtype=np.str_),
                }
            progress("render", number + 1, total)
            yield picture
        self.skipped = before + [str(b) for b in bad]

    def keep(self, number: int, picture: UInt8) -> None:
        """Save a finished picture for a later run; called from the encoder's thread."""
        memory = self._memories.pop(number, None)
        if self._cache is not None and memory is not None:
            self._cache.write(number, picture, memory)

    def _note(self, picture: UInt8, position: int) -> None:
        if len(self._positions) in self.stills:
            _write_png(picture, self.stills[len(self._positions)])
        self._positions.append(position)
        if position in self._shown:
            self.thumbnails.append(thumbnail(picture, self._shots.caption(position)))


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


def _write_png(picture: UInt8, path: Path) -> None:
    from PIL import Image

    with write_aside(path) as aside:
        Image.fromarray(picture).save(aside, format="PNG")


def _fitted(picture: UInt8, width: int, height: int) -> UInt8:
    """Cut to even size (4:2:0 needs it); pictures of another size than the first are scaled."""
    if abs(picture.shape[1] - width) > 1 or abs(picture.shape[0] - height) > 1:
        import cv2

        return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return np.ascontiguousarray(picture[:height, :width])


def encode_video(
    pictures: Iterator[UInt8] | Sequence[UInt8],
    path: Path,
    width: int,
    height: int,
    fps: float,
    *,
    keep: Callable[[int, UInt8], None] | None = None,
) -> tuple[int, float]:
    """Write (height, width, 3) sRGB pictures as an MP4; returns their number and the encoder's seconds.

    `keep` gets every picture and its number, on the encoder's thread, before it is encoded.

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
            if keep is not None:
                keep(number, picture)
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
