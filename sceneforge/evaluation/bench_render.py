"""`sceneforge bench render`: whole videos of a capture with content in them, ours against rasterisers, in one run.

A video is everything from the capture's files to the MP4: decoding, occlusion, light and shadow, encoding. The peers
read the same frames and use the same encoder: pyrender on EGL with its shadow map, and Filament through Open3D, which
runs in a process of its own under a time limit, on a simplified mesh. Processor time over all threads is given beside
the clock's, because it depends less on what else the machine does; "load" is the load average at the end.

How good the pictures are is measured in the embedded sample's room, against path-traced truth with the content really
in it (see `evaluate shadow`), by the same renderers.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from sceneforge.core import Arrangement, CameraTrack, EnvironmentProblem, Frame, Request, Scan, Scene, UsageError
from sceneforge.core.arrays import Float64, UInt8
from sceneforge.core.transforms import inverse, transform_points

from .cases import posed_scans
from .machine import machine

FRAMES = 20
"""Frames with content in view that the videos are made of, spread over each capture."""
PEER_FRAMES = 6
"""Of them, those that the rasterisers draw: they take seconds each."""

Compose: TypeAlias = Callable[[Frame, Float64], UInt8]


@dataclass(frozen=True)
class Case:
    """A capture with content placed in it."""

    scan: Scan
    scene: Scene
    """Its track holds the frames that are drawn, no others."""
    arrangement: Arrangement

    def first(self, count: int) -> Case:
        """The same with fewer frames, evenly spread."""
        track = self.scene.track
        assert track is not None
        pick = np.unique(np.linspace(0, len(track.indices) - 1, count).round().astype(int))
        return replace(self, scene=replace(self.scene, track=_part(track, pick.tolist())))

    def frames(self) -> Iterator[tuple[Frame, Float64]]:
        """Decoded one by one, with their poses."""
        track = self.scene.track
        assert track is not None
        poses = dict(zip(track.indices, track.T_world_camera, strict=True))
        for frame in self.scan.frames(list(track.indices), bad=[]):
            yield frame, poses[frame.index]


def bench(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Videos of every posed capture under `data` (default: the embedded sample), then quality, then growth.

    Returns:
        {"name", "captures", "quality", "growth", "machine"}: per capture "what", "ours" and "peers" (seconds of the
        whole video and milliseconds per frame), "ratio" (peer / ours, larger than 1 = ours is faster) and "stages"
        (processor milliseconds per frame and their shares); a peer that cannot run is listed with its reason.
    """
    from .render_growth import growth
    from .render_quality import quality

    captures: dict[str, Any] = {}
    last: Case | None = None
    for path in posed_scans(data):
        case = make_case(path, seed)
        if case is None:
            captures[path.name] = {"skipped": "the content found no place, or is in no frame's view"}
            continue
        captures[path.name] = _capture(case, path, seed)
        last = last or case
    on = {**machine(), "load": round(os.getloadavg()[0], 1)}
    grown = {} if last is None else growth(last)
    return {"name": "render", "captures": captures, "quality": quality(seed), "growth": grown, "machine": on}


def make_case(path: Path, seed: int) -> Case | None:
    """The capture understood, with a textured rover in it, and the frames that show it."""
    from sceneforge.data import sample_content
    from sceneforge.io import load, load_content
    from sceneforge.pipeline import arrange, understand

    scan = load(path)
    if not isinstance(scan, Scan):
        return None
    scene = understand(scan, None, seed=seed)
    rover = Request("rover", load_content(sample_content("rover")), on=("table", "largest_horizontal"))
    arrangement = arrange(scene, [rover], seed=seed)
    if not arrangement.placements or scene.track is None:
        return None
    placement = arrangement.placements[0]
    centre = transform_points(placement.T_world_content, placement.content.bounds.mean(axis=0) * placement.scale)
    seen = []
    for n, (index, T) in enumerate(zip(scene.track.indices, scene.track.T_world_camera, strict=True)):
        camera = scan.sources[index].camera
        uv, z = camera.project(transform_points(inverse(T), centre))
        if z > 0.2 and 0 <= uv[0] < camera.width and 0 <= uv[1] < camera.height:
            seen.append(n)
    if not seen:
        return None
    return Case(scan, replace(scene, track=_part(scene.track, seen)), arrangement).first(FRAMES)


def _part(track: CameraTrack, pick: list[int]) -> CameraTrack:
    """The track at these of its poses."""
    return replace(
        track,
        indices=tuple(track.indices[n] for n in pick),
        timestamps_s=track.timestamps_s[pick],
        T_world_camera=track.T_world_camera[pick],
        confidence=track.confidence[pick],
    )


def _capture(case: Case, path: Path, seed: int) -> dict[str, Any]:
    from .filament_video import filament_video

    mesh, track = case.scene.mesh, case.scene.track
    assert track is not None
    camera = case.scan.sources[track.indices[0]].camera
    what = {
        "size": f"{camera.width}x{camera.height}",
        "frames": len(track.indices),
        "content_triangles": sum(len(q.faces) for p in case.arrangement.placements for q in p.content.parts),
        "mesh_triangles": 0 if mesh is None else len(mesh.faces),
    }
    with tempfile.TemporaryDirectory() as folder:
        _ours(case, Path(folder))  # compiles on the first run of a machine
        ours = _ours(case, Path(folder))
        few = case.first(PEER_FRAMES)
        peers = {"pyrender_egl": _peer(few, "pyrender", Path(folder)), "filament": filament_video(path, seed)}
    ratio = {}
    for name, peer in peers.items():
        keys = [k for k in ("cpu_ms_per_frame", "ms_per_frame") if k in peer]
        ratio[name] = {k: round(peer[k] / max(ours[k], 0.1), 1) for k in keys}
    return {"what": what, "ours": ours, "peers": peers, "ratio": ratio, "stages": stages(case)}


def _ours(case: Case, folder: Path) -> dict[str, Any]:
    """`render_video`, its contact sheet included."""
    from sceneforge.rendering import render_video

    clock = Clock()
    result = render_video(case.scan, case.scene, case.arrangement, folder)
    spent, frames = clock.read(), result.facts["frames"]
    assert frames is not None
    return {**figures(spent, int(frames)), "prepare_s": result.facts["build_s"]}


def _peer(case: Case, name: str, folder: Path) -> dict[str, Any]:
    from sceneforge.rendering.backends import load_backend

    try:
        renderer = load_backend(name, case.scene, case.arrangement)
        next_frame, T = next(case.frames())
        renderer.compose(next_frame, T)  # uploads
        clock = Clock()
        count = written(case, renderer.compose, folder / f"{name}.mp4")
        return figures(clock.read(), count)
    except (EnvironmentProblem, UsageError, ImportError, OSError) as problem:
        return {"skipped": f"{type(problem).__name__}: {problem}"}


def written(case: Case, compose: Compose, path: Path) -> int:
    """Decode, compose, encode; the number of frames."""
    from sceneforge.rendering.video import encode_video

    track = case.scene.track
    assert track is not None
    camera = case.scan.sources[track.indices[0]].camera
    pictures = (compose(frame, T) for frame, T in case.frames())
    return encode_video(pictures, path, camera.width, camera.height, 15)[0]


def stages(case: Case) -> dict[str, Any]:
    """Processor milliseconds per frame of each step, one after the other, and their shares."""
    from sceneforge.rendering import FrameCompositor
    from sceneforge.rendering.video import encode_video

    compositor = FrameCompositor(case.scene, case.arrangement)
    facts = compositor.facts
    facts.seconds.update(dict.fromkeys(facts.seconds, 0.0))
    facts.clock = time.process_time
    # Frames are decoded on a background thread, whose time would count for whatever runs beside it: so all before.
    start = time.process_time()
    frames = list(case.frames())
    spent = {"decode": time.process_time() - start}
    pictures = [compositor.compose(frame, T) for frame, T in frames]
    spent |= {k: v for k, v in facts.seconds.items() if k != "build"}
    h, w = pictures[0].shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        encode_video(pictures, Path(folder) / "video.mp4", w, h, 15)
        spent["encode"] = time.process_time() - start
    total = max(sum(spent.values()), 1e-9)
    per_frame = {k: round(1e3 * v / len(pictures), 2) for k, v in spent.items()}
    return {"cpu_ms_per_frame": per_frame, "share": {k: round(v / total, 3) for k, v in spent.items()}}


def composed(case: Case, compose: Compose, width: int | None = None) -> dict[str, float]:
    """Median milliseconds to compose a frame that is decoded already, and scaled to a width where one is given."""
    frames = [(f if width is None else resized(f, width), T) for f, T in case.frames()]
    compose(*frames[0])
    spent = []
    for frame, T in frames:
        clock = Clock()
        compose(frame, T)
        spent.append(clock.read())
    wall, cpu = (1e3 * statistics.median(s) for s in zip(*spent, strict=True))
    return {"ms_per_frame": round(wall, 1), "cpu_ms_per_frame": round(cpu, 1)}


def resized(frame: Frame, width: int) -> Frame:
    """Colour of another width; depth stays as the sensor has it."""
    import cv2

    camera = frame.camera.resized(width, max(round(frame.camera.height * width / frame.camera.width), 2))
    way = cv2.INTER_AREA if width < frame.camera.width else cv2.INTER_LINEAR
    color = np.asarray(cv2.resize(frame.color, (camera.width, camera.height), interpolation=way), dtype=np.uint8)
    return replace(frame, color=color, camera=camera)


class Clock:
    """Wall and CPU seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Seconds so far."""
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


def figures(spent: tuple[float, float], count: int) -> dict[str, Any]:
    """What a video of `count` frames took."""
    wall, cpu = spent
    return {
        "frames": count,
        "seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "ms_per_frame": round(1e3 * wall / count, 1),
        "cpu_ms_per_frame": round(1e3 * cpu / count, 1),
    }
