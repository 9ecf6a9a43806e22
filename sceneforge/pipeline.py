"""The whole road in three functions: understand() -> arrange() -> render(), and compose() for a recipe."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sceneforge.core import (
    Arrangement,
    BodyTrajectory,
    Camera,
    CameraTrack,
    NavMesh,
    Progress,
    Request,
    RoomCapture,
    Scan,
    ScanError,
    Scene,
    SceneForgeWarning,
    UsageError,
    check_same_capture,
    silent,
    write_bytes,
)

if TYPE_CHECKING:
    from sceneforge.perception.depth.estimator import DepthEstimator
    from sceneforge.recipe import Recipe
    from sceneforge.rendering.direct import VideoStyle
    from sceneforge.rendering.effects import EffectSpec

WRITTEN = (
    "scene.json",
    "surface.npz",
    "mesh.glb",
    "trajectory.txt",
    "environment.npz",
    "plan.png",
    "plan.svg",
    "report.json",
    "arrangement.json",
    "preview.mp4",
    "contact_sheet.png",
    "composition.glb",
    "paint.json",
)
"""Everything the functions here write into their folder."""


@dataclass(frozen=True)
class RenderResult:
    """What `render` wrote."""

    video: Path
    """H.264 MP4 of the captured frames with the content in them."""
    contact_sheet: Path
    """PNG with frames from the whole video."""
    glb: Path
    """Scene and content as glTF binary."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Frames, seconds by stage, and what decided the occlusion."""


@dataclass(frozen=True)
class ComposeResult:
    """What `compose` wrote."""

    out: Path
    """The folder with everything in it."""
    scene: Scene
    """The understood room."""
    arrangement: Arrangement
    """Where the content went, and what found no place."""
    rendered: RenderResult | None
    """Pictures; None for captures without frames."""


def understand(
    source: str | Path | Scan | RoomCapture,
    out: str | Path | None = None,
    *,
    voxel_m: float = 0.02,
    max_depth_m: float | None = None,
    every: int = 1,
    ignore_poses: bool = False,
    refine_poses: bool = False,
    memory_mb: float = 1024,
    known_dimension: str | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Scene:
    """Understand a capture: reconstruct it, find its planes, objects, rooms and relations.

    Args:
        source: A path that `load` recognises, or a loaded capture.
        out: Folder for scene.json, mesh.glb, surface.npz, trajectory.txt, report.json, plan.png and
            plan.svg; None writes nothing.
        voxel_m: Voxel edge of the reconstruction, metres.
        max_depth_m: Depth readings beyond this are not used; None = 4.5 m, or as far as the sensor's noise, measured on
            the capture, stays below a voxel.
        every: Use every n-th frame.
        ignore_poses: Estimate the camera track even where the capture has one.
        refine_poses: Put right those of the capture's poses that the pictures disagree with.
        memory_mb: What the reconstruction's voxels may take in memory, MiB: of larger scans, what was seen longest ago
            lies in a temporary file meanwhile. The result is the same.
        known_dimension: A length somebody measured, for pictures without a depth sensor: "door height=2.03",
            "room height=2.6", "object_1 length=1.8" or "plane_1 to plane_3=4.2". The whole scene gets that size.
        seed: Same input, same seed, same bytes (timings in report.json aside).
        progress: Told of each stage.

    What was survivable (skipped frames, corrected poses, assumed intrinsics) is a `SceneForgeWarning` each, and stands
    in report.json.

    Raises:
        InputError: The capture cannot be read or holds no usable surface; the message says which file and frame.
        UsageError: An option makes no sense.
    """
    from sceneforge._report import peak_rss_mb, versions
    from sceneforge.perception.sizing import parse_known_dimension
    from sceneforge.perception.understand import understand_room, understand_scan

    if not 0.002 <= voxel_m <= 0.5:
        raise UsageError(f"voxel_m must lie between 0.002 and 0.5 metres, got {voxel_m}")
    if max_depth_m is not None and not 0.3 <= max_depth_m <= 13:
        raise UsageError(f"max_depth_m must lie between 0.3 and 13 metres, got {max_depth_m}")
    if every < 1:
        raise UsageError(f"every must be at least 1, got {every}")
    if not 1 <= memory_mb <= 2**20:
        raise UsageError(f"memory_mb must lie between 1 and {2**20} MiB, got {memory_mb}")
    known = None if known_dimension is None else parse_known_dimension(known_dimension)
    if out is not None:
        _check_folder(out)
    start = time.perf_counter()
    capture = loaded(source)
    options: dict[str, Any] = {
        "voxel_m": voxel_m,
        "max_depth_m": max_depth_m,
        "every": every,
        "ignore_poses": ignore_poses,
        "refine_poses": refine_poses,
        "memory_mb": memory_mb,
    }
    if isinstance(capture, Scan):
        scene, account = understand_scan(capture, **options, known=known, seed=seed, progress=progress)
    elif known is not None:
        raise UsageError(f"known_dimension is for pictures; '{capture.name}' is a room or mesh, in metres")
    else:
        scene, account = understand_room(capture, progress=progress)
    for text in account.warnings:
        warnings.warn(f"{capture.name}: {text}", SceneForgeWarning, stacklevel=2)
    if out is not None:
        folder = Path(out)
        with account.stage("write"):
            write_scene(scene, folder)
        report = {
            "format": "sceneforge.report",
            "version": 1,
            "capture": {"name": capture.name, "format": capture.format, "path": capture.path},
            "seed": seed,
            "options": {**options, "known_dimension": known_dimension},
            "counts": account.counts,
            "light": account.light,
            "warnings": account.warnings,
            "seconds": {**account.seconds, "total": round(time.perf_counter() - start, 4)},
            "peak_rss_mb": peak_rss_mb(),
            "versions": versions(),
        }
        write_bytes(folder / "report.json", (json.dumps(report, indent=2) + "\n").encode())
    return scene


def track(
    scan: Scan | str | Path,
    path: str | Path | None = None,
    *,
    seed: int = 0,
    estimator: DepthEstimator | None = None,
    progress: Progress = silent,
) -> CameraTrack:
    """Find the camera's path from the images alone; poses in the capture are not looked at.

    Args:
        scan: An RGB-D capture.
        path: TUM trajectory file to write; None writes nothing.
        seed: Same input and seed give the same track.
        estimator: Gives captures of pictures alone their size (`sceneforge.depth.load_estimator`); the embedded one, a
            box of a room with the camera 1.5 m high, when None.
        progress: Told after each frame.

    Returns:
        Camera-to-world poses of the largest connected part of the capture, in the camera of its first frame.

    Raises:
        UsageError: The capture has no pictures, or `path` is a folder.
        ScanError: Too many frames are damaged, or none could be tracked.
    """
    from sceneforge.export import export
    from sceneforge.perception.tracking import track as find

    if path is not None and Path(path).is_dir():
        raise UsageError(f"{path} is a folder; name the trajectory file in it, e.g. {Path(path) / 'trajectory.txt'}")
    capture = loaded(scan)
    if not isinstance(capture, Scan):
        raise UsageError(f"'{capture.name}' has no pictures to track")
    found = find(capture, seed=seed, estimator=estimator, progress=progress, bad=[])
    for text in found.notes:
        warnings.warn(f"{capture.name}: {text}", SceneForgeWarning, stacklevel=2)
    indices = [i for i, T in enumerate(found.T_world_camera) if T is not None]
    if not indices:
        raise ScanError("no frame could be tracked", path=capture.path, expected="overlapping frames with depth")
    camera_track = CameraTrack(
        tuple(indices),
        np.array([capture.sources[i].timestamp_s for i in indices]),
        np.stack([T for T in found.T_world_camera if T is not None]),
        np.asarray(found.confidence)[indices],
    )
    if path is not None:
        export(Scene(track=camera_track), path, format="trajectory_tum")
    return camera_track


def arrange(
    scene: Scene,
    requests: Sequence[Request],
    out: str | Path | None = None,
    *,
    seed: int = 0,
    camera: Camera | None = None,
    progress: Progress = silent,
) -> Arrangement:
    """Place content on the scene's surfaces; what finds no place says why per surface.

    Args:
        scene: An understood scene with its mesh.
        requests: What to place, most important first.
        out: Folder for arrangement.json; None writes nothing.
        seed: Same scene, requests and seed give the same placements.
        camera: The recording camera, so that places it films are preferred; a common view angle otherwise.
        progress: Told after each request.
    """
    from sceneforge.export import export
    from sceneforge.placement import arrange as solve

    arrangement = solve(scene, requests, seed=seed, camera=camera, progress=progress)
    if out is not None:
        export(scene, Path(out) / "arrangement.json", arrangement=arrangement)
    return arrangement


def render(
    scan: Scan | str | Path,
    scene: Scene,
    arrangement: Arrangement,
    out: str | Path,
    *,
    fps: float | None = None,
    every: int | None = None,
    style: VideoStyle | None = None,
    effects: Sequence[EffectSpec] = (),
    motion: Sequence[BodyTrajectory] = (),
    navmesh: NavMesh | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> RenderResult:
    """Render the captured frames with the content in them, and the scene with the content as GLB.

    Args:
        scan: The capture that `scene` was understood from.
        scene: Its scene, with mesh and camera track; its paints are drawn on their surfaces, under the content.
        arrangement: Placed content.
        out: Folder for preview.mp4, contact_sheet.png and composition.glb.
        fps: Frames per second of the video, in place of the style's.
        every: Use every n-th tracked frame, in place of the style's.
        style: Camera path, before and after, and so on; None = the captured frames at 15 a second.
        effects: What to draw of the understood room, lowest first.
        motion: How content moves, by request id.
        navmesh: Where one can walk, for the effect of that name.
        seed: Seed of the renderer's sampling.
        progress: Told after each frame.

    Raises:
        UsageError: The capture has no pictures, or the scene no mesh or camera track.
    """
    from sceneforge._report import add_to_report
    from sceneforge.export import export
    from sceneforge.rendering.direct import VideoStyle, direct

    capture = loaded(scan)
    if not isinstance(capture, Scan):
        raise UsageError(f"'{capture.name}' has no pictures to render into; export its scene as GLB instead")
    if scene.track is None or scene.mesh is None:
        raise UsageError("rendering needs the scene's mesh and camera track: understand the capture first")
    _check_folder(out)
    check_same_capture(capture, scene, scene.track)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    style = style or VideoStyle()
    style = replace(style, fps=style.fps if fps is None else fps, every=style.every if every is None else every)
    video = direct(
        capture, scene, arrangement, folder, style, effects=effects, motion=motion, navmesh=navmesh, seed=seed,
        progress=progress,
    )  # fmt: skip
    for text in video.skipped:
        warnings.warn(f"{capture.name}: left out of the video: {text}", SceneForgeWarning, stacklevel=2)
    glb = export(scene, folder / "composition.glb", arrangement=arrangement, format="glb")
    add_to_report(folder / "report.json", "render", video.facts)
    return RenderResult(video.video, video.contact_sheet, glb, video.facts)


def compose(recipe: Recipe, out: str | Path, *, progress: Progress = silent) -> ComposeResult:
    """Carry out a recipe: understand its capture, place its content, render the preview; everything lands in `out`.

    Content that finds no place does not stop the rest: the result's `arrangement.unplaced` says why.

    Raises:
        InputError: The capture or a model cannot be used.
    """
    from sceneforge.export import export

    folder = Path(out)
    requests = recipe.requests()
    capture = loaded(recipe.scan_path)
    scene = understand(capture, folder, seed=recipe.seed, progress=progress)
    if recipe.paint and isinstance(capture, Scan):
        from sceneforge.painting import paint

        scene = replace(
            scene, paints=paint(scene, capture, recipe.paint_jobs(), folder, seed=recipe.seed, progress=progress)
        )
    camera = capture.sources[0].camera if isinstance(capture, Scan) else None
    arrangement = arrange(scene, requests, folder, seed=recipe.seed, camera=camera, progress=progress)
    rendered: RenderResult | None = None
    if isinstance(capture, Scan):
        rendered = render(
            capture,
            scene,
            arrangement,
            folder,
            style=recipe.render.style,
            effects=[entry.spec for entry in recipe.effects],
            motion=recipe.trajectories(scene, arrangement),
            seed=recipe.seed,
            progress=progress,
        )
    else:
        export(scene, folder / "composition.glb", arrangement=arrangement, format="glb")
    return ComposeResult(folder, scene, arrangement, rendered)


def loaded(source: str | Path | Scan | RoomCapture) -> Scan | RoomCapture:
    """The capture itself, read if it is a path."""
    from sceneforge.io import load
    from sceneforge.perception.color_camera import with_color_camera

    capture = load(source) if isinstance(source, str | Path) else source
    return with_color_camera(capture) if isinstance(capture, Scan) else capture


def _check_folder(out: str | Path) -> None:
    """Refuse, before any work, a folder that cannot be one."""
    path = Path(out)
    for part in (path, *path.parents):
        if part.exists():
            if not part.is_dir():
                raise UsageError(f"{out} cannot be a folder for results: {part} is a file")
            return


def write_scene(scene: Scene, folder: Path) -> None:
    """Write all files of an understood scene, in place of an earlier one's."""
    from sceneforge.export import export
    from sceneforge.export._paints import remove_paints
    from sceneforge.rendering.floor_plan import floor_plan
    from sceneforge.rendering.plan_svg import plan_svg

    folder.mkdir(parents=True, exist_ok=True)
    remove_paints(folder)
    for name in WRITTEN:  # what an earlier run left belongs to another scene
        (folder / name).unlink(missing_ok=True)
    export(scene, folder / "scene.json")
    if scene.mesh is not None:
        export(scene, folder / "surface.npz")
        export(scene, folder / "mesh.glb")
    if scene.track is not None:
        export(scene, folder / "trajectory.txt")
    if scene.environment is not None:
        export(scene, folder / "environment.npz")
    floor_plan(scene, folder / "plan.png")
    plan_svg(scene, folder / "plan.svg")
