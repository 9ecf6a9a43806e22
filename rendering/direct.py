"""From what a video shall be to the video: camera path, layers, motion, what is kept for a later run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sceneforge.core import Arrangement, BodyTrajectory, Camera, NavMesh, Scan, Scene, UsageError
from sceneforge.core.digest import digest
from sceneforge.core.progress import Progress, silent

from . import camera_path as paths
from .compare import Compare
from .grounding import Grounding
from .video import RenderResult, render_video

if TYPE_CHECKING:
    from .effects import EffectSpec, Stage

Animation = Literal["none", "webp", "gif"]
LENGTH_S = 8.0
"""Length of videos along new paths."""


@dataclass(frozen=True)
class VideoStyle:
    """How a video is made."""

    fps: float = 15
    """Frames per second."""
    every: int = 1
    """Use every n-th captured frame, along the original path."""
    path: paths.Kind = "original"
    """Where the camera goes: as captured, that way smoothed, or a new way."""
    seconds: float | None = None
    """Length along other paths than the original; None = as many pictures as were captured for `smooth`, else 8 s."""
    around: str | None = None
    """Id of the plane, object or placement that `orbit` and `dolly` are about; None = the room, or its content."""
    radius_m: float | None = None
    """Of an `orbit`."""
    width: int | None = None
    """Width of the picture along other paths than the original; None = as captured."""
    compare: Compare = "none"
    """Before and after: side by side, or a line that sweeps over."""
    grounding: Grounding = "traced"
    """What ties content to the surface below: traced light, a drop shadow or a halo."""
    animation: Animation = "none"
    """Also written as an animated picture."""
    stills: tuple[int, ...] = ()
    """Numbers of pictures to write as PNG too."""
    resume: bool = True
    """Keep finished pictures beside the video while it is made, so that a stopped run can go on."""


def direct(
    scan: Scan,
    scene: Scene,
    arrangement: Arrangement,
    out: Path,
    style: VideoStyle | None = None,
    *,
    effects: Sequence[EffectSpec] = (),
    motion: Sequence[BodyTrajectory] = (),
    navmesh: NavMesh | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> RenderResult:
    """Make a video; see `render_video` for what it writes.

    Args:
        scan: The capture.
        scene: Its scene; paints are drawn on their surfaces.
        arrangement: Placed content.
        out: Folder for the results.
        style: How it is made.
        effects: What to draw of the understood room, lowest first.
        motion: How content moves.
        navmesh: Where one can walk, for the effect of that name.
        seed: Accepted for symmetry with the other steps.
        progress: Told about every frame.

    Raises:
        UsageError: The scene lacks what was asked for.
    """
    from .effects import Stage, effect_layers
    from .painted import PaintLayer

    style = style or VideoStyle()
    stage = Stage(scene, arrangement, navmesh, tuple(motion))
    under, over = effect_layers(effects, stage)
    painted = [PaintLayer(scene, scene.paints)] if scene.paints else []
    grass = [g for p in painted if arrangement.placements and (g := p.before_content()) is not None]
    path = _path(scan, stage, style)
    inputs = (scene, arrangement, style, tuple(effects), tuple(motion), navmesh, _identity(scan))
    result = render_video(
        scan,
        scene,
        arrangement,
        out,
        fps=style.fps,
        every=style.every,
        under=[*painted, *under],
        over=[*grass, *over],
        path=path,
        motion=motion,
        compare=style.compare,
        grounding=style.grounding,
        stills=style.stills,
        fingerprint=digest(*inputs) if style.resume else None,
        seed=seed,
        progress=progress,
    )
    if style.animation != "none":
        from .animation import animation

        animation(result.video, Path(out) / f"preview.{style.animation}")
    return result


def _path(scan: Scan, stage: Stage, style: VideoStyle) -> paths.CameraPath | None:
    scene = stage.scene
    if style.path == "original":
        return None
    if scene.track is None or not scene.track.indices:
        raise UsageError(f"the scene of '{scan.name}' has no camera track; render needs a scene understood from frames")
    camera = scan.sources[scene.track.indices[0]].camera
    if style.width is not None:
        camera = camera.resized(style.width, max(round(camera.height * style.width / camera.width), 2))
    captured = len(scene.track.indices)
    count = captured if style.seconds is None and style.path == "smooth" else 0
    count = count or max(round((style.seconds or LENGTH_S) * style.fps), 1)
    if style.path == "smooth":
        return paths.smooth_path(scene, camera, count)
    if style.path == "top_down":
        return paths.top_down_path(scene, camera, count)
    target = None if style.around is None else stage.point(style.around)
    if style.path == "orbit":
        return paths.orbit_path(scene, camera, count, target=target, radius_m=style.radius_m)
    target = paths.middle_of(stage.arrangement, scene) if target is None else target
    return paths.dolly_path(scene, camera, count, target=target)


def _identity(scan: Scan) -> tuple[object, ...]:
    """What tells whether a capture's files are still the same, without reading them."""
    from importlib import metadata

    try:
        version = metadata.version("sceneforge")
    except metadata.PackageNotFoundError:
        version = "not installed"
    frames = []
    for s in scan.sources:
        known = tuple(_stamp(f) for f in sorted({s.path, *s.files}))
        frames.append((s.name, s.path, s.timestamp_s, _lens(s.camera), _lens(s.depth_camera), known))
    return (version, scan.name, scan.format, tuple(frames))


def _stamp(name: str) -> tuple[int, ...]:
    """Size and time of a file's last change; nothing where there is none."""
    file = Path(name)
    stat = file.stat() if file.is_file() else None
    return (stat.st_size, stat.st_mtime_ns) if stat else ()


def _lens(c: Camera) -> tuple[float, ...]:
    return (c.width, c.height, c.fx, c.fy, c.cx, c.cy)
