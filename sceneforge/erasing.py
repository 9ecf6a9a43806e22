"""Take real things out of a capture: what stays is a capture again, understood, without them.

What was behind is filled from the frames that saw it past the things, in the room's own space, so that all frames
agree; what no frame saw is painted, once per surface.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import (
    Camera,
    CameraTrack,
    Frame,
    FrameError,
    Progress,
    Scan,
    Scene,
    SceneForgeWarning,
    SurfacePaint,
    UsageError,
    check_same_capture,
    silent,
    write_bytes,
    write_folder_aside,
)
from sceneforge.core.arrays import Float64, UInt8
from sceneforge.core.backdrop import MADE_UP, SEEN, UNSHOWN, Backdrop, Sheet

from .erasing_rest import guess_rest

if TYPE_CHECKING:
    from sceneforge.generative import Painter
    from sceneforge.perception.removal import Thing

MARKS = ("scan.yaml", "erased.json")
"""A folder that holds both is an earlier result, and may be replaced."""
DEPTH_UNIT_M = 0.0005
FRONTS = 0.5
"""Share of its contrast with which the detail of furniture's upright fronts is continued: books and handles are no
grain, and would be plainly wrong."""
TOUCH_M = 0.05
"""A thing this near to a painted surface stood on it."""


@dataclass(frozen=True)
class ErasedScan:
    """What `erase` made."""

    folder: Path
    """A scan folder (scan.yaml, color/, depth/, trajectory.txt) that reads like any capture, with the scene without the
    things beside it (scene.json, surface.npz, mesh.glb, plan.png), masks/, erased.json and before_after.mp4."""
    scene: Scene
    """The scene without the things."""
    things: tuple[str, ...]
    """Ids of what was taken out, what stood on it included."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Frames, changed and unknown pixels, share of hidden surface no frame shows, seconds."""


def erase(
    scan: Scan | str | Path,
    scene: Scene,
    what: str | Sequence[str | Thing],
    out: str | Path,
    *,
    painter: str | Painter = "exemplar",
    metres_per_pixel: float = 0.004,
    fps: float = 15,
    every: int = 1,
    seed: int = 0,
    progress: Progress = silent,
) -> ErasedScan:
    """Take things out of a capture's frames, mesh, planes and graph.

    Args:
        scan: The capture that `scene` was understood from.
        scene: Its scene, with mesh and camera track.
        what: Ids, labels or phrases ("the table next to the seat"), see `select_things`; or `Thing`s with boxes of
            your own.
        out: Folder for the result; an earlier one is replaced once the new one is complete.
        painter: Fills what no frame saw: a painter's name, or a painter.
        metres_per_pixel: Cell of the fill on planes.
        fps: Frames per second of the before-and-after video.
        every: Use every n-th tracked frame.
        seed: Of the painter.
        progress: Told of each stage.

    Raises:
        UsageError: Nothing answers to `what`, the capture has no pictures, the scene no mesh or track, or the folder
            holds something else.
        FrameError, ScanError: Too many frames cannot be read.
    """
    from sceneforge.export._paints import write_paints
    from sceneforge.generative import load_painter
    from sceneforge.perception.backdrop import gather_backdrop
    from sceneforge.perception.exposure import frame_exposures
    from sceneforge.perception.removal import remove_things, select_things
    from sceneforge.perception.removal_closing import closed_mesh
    from sceneforge.pipeline import loaded, write_scene
    from sceneforge.rendering.cast_shadow import CastShadow
    from sceneforge.rendering.erasing import Eraser
    from sceneforge.rendering.uncovered import Uncovered

    capture = loaded(scan)
    if not isinstance(capture, Scan):
        raise UsageError(f"'{capture.name}' has no pictures to take things out of")
    if scene.track is None or scene.mesh is None:
        raise UsageError("taking things out needs the scene's mesh and camera track: understand the capture first")
    check_same_capture(capture, scene, scene.track)
    start = time.perf_counter()
    asked = (what,) if isinstance(what, str) else tuple(what)
    chosen = {t.id: t for w in asked for t in (select_things(scene, w) if isinstance(w, str) else (w,))}
    removal = remove_things(scene, tuple(chosen.values()))
    bad: list[FrameError] = []
    wanted = scene.track.indices[::every]
    lenses = {(capture.sources[i].camera, capture.sources[i].depth_camera) for i in wanted}
    if len(lenses) > 1:
        warnings.warn(
            f"{capture.name}: {len(lenses)} cameras; the result's scan.yaml holds that of the first frame alone",
            SceneForgeWarning,
            stacklevel=2,
        )
    gains = frame_exposures(capture, scene, wanted, bad=bad, progress=progress)
    bad.clear()  # met again below
    shade = CastShadow(removal.scene, removal.surface, tuple(t.box for t in removal.things))
    uncover = Uncovered(removal.scene, removal.surface, tuple(t.box for t in removal.things))
    backdrop = gather_backdrop(
        capture, removal, gains, uncover, shade=shade, metres_per_pixel=metres_per_pixel, every=every, bad=bad,
        progress=progress,
    )  # fmt: skip
    bad.clear()
    brush = load_painter(painter) if isinstance(painter, str) else painter
    backdrop = fill_unseen(backdrop, removal.scene, brush, seed)
    eraser = Eraser(removal.scene, removal.surface, tuple(t.box for t in removal.things), backdrop)
    kept = [n for n, i in enumerate(scene.track.indices) if i in set(wanted)]
    poses = {scene.track.indices[n]: scene.track.T_world_camera[n] for n in kept}
    guess = guess_rest(capture, poses, eraser, gains, brush, seed, bad)
    bad.clear()
    eraser = eraser if guess is None else eraser.with_guess(guess)
    with write_folder_aside(Path(out), MARKS) as folder:
        written = _write_frames(capture, scene.track, kept, eraser, gains, folder, fps, bad, progress)
        stamps, path, used, changed, unknown = written
        track = CameraTrack(tuple(range(len(stamps))), stamps, path, np.ones(len(stamps)))
        name = f"{capture.name}_erased"
        left = replace(
            removal.scene,
            mesh=closed_mesh(removal.scene, backdrop.sheets),
            track=track,
            T_scene_source=np.eye(4),
            source={**scene.source, "name": name, "format": "scan_yaml"},
        )
        left = replace(left, paints=_paints(left, removal.things, used))
        write_scene(left, folder)
        if left.paints:
            write_paints(left.paints, folder)
        _write_manifest(folder, name, capture.sources[wanted[0]].camera, capture.sources[wanted[0]].depth_camera)
        facts = {
            "frames": len(stamps),
            "frames_skipped": len(bad),
            "changed_pixels": changed,
            "unknown_pixels": unknown,
            "made_up_fraction": round(backdrop.made_up_fraction, 4),
            "painter": brush.name,
            "seconds": round(time.perf_counter() - start, 2),
        }
        document = {"format": "sceneforge.erased", "version": 1, "things": [t.id for t in removal.things], **facts}
        document.pop("seconds")  # so that the same input gives the same bytes
        write_bytes(folder / "erased.json", (json.dumps(document, indent=2) + "\n").encode())
    for error in bad:
        warnings.warn(f"{capture.name}: left out: {error}", SceneForgeWarning, stacklevel=2)
    return ErasedScan(Path(out), left, tuple(t.id for t in removal.things), facts)


def erase_from_picture(
    picture: UInt8,
    mask: NDArray[Any],
    *,
    painter: str | Painter = "exemplar",
    prompt: str = "",
    metres_per_pixel: float = 0.004,
    seed: int = 0,
) -> UInt8:
    """Fill the masked part of one picture from what surrounds it.

    Args:
        picture: (H, W, 3) uint8 sRGB.
        mask: (H, W), what is above 0 (bool, float) is filled.
        painter: A painter's name, or a painter.
        prompt: For painters that read one.
        metres_per_pixel: Rough size of a pixel on what is shown, for painters with a sense of scale.
        seed: Of the painter.
    """
    from sceneforge.generative import load_painter

    brush = load_painter(painter) if isinstance(painter, str) else painter
    return brush.paint(picture, mask, prompt, metres_per_pixel, seed, match_surroundings=True)


def fill_unseen(backdrop: Backdrop, scene: Scene, painter: Painter, seed: int) -> Backdrop:
    """Paint the sheets' made-up cells, so that they continue the seen ones around them."""
    from sceneforge.generative.continuing import BASE_M, continue_surface, smooth_base

    def roughly(sheet: Sheet) -> Sheet:
        unshown, known = sheet.origin == UNSHOWN, (sheet.origin == SEEN) | (sheet.origin == MADE_UP)
        if not unshown.any():
            return sheet
        base = np.broadcast_to(_mean_color(scene, sheet).astype(np.float32), sheet.color.shape)
        if known.any():
            base = smooth_base(sheet.color, known, max(2, round(BASE_M / sheet.raster.metres_per_pixel)))
        return replace(sheet, color=np.where(unshown[..., None], base, sheet.color).astype(np.float32))

    def filled(number: int, sheet: Sheet) -> Sheet:
        hole, seen = sheet.origin == MADE_UP, sheet.origin == SEEN
        if not hole.any():
            return sheet
        if not seen.any():  # nothing to continue: the colour of the scanned surface around
            color = np.broadcast_to(_mean_color(scene, sheet), sheet.color.shape)
            return replace(sheet, color=np.where(hole[..., None], color, sheet.color).astype(np.float32))
        level = bool(abs(sheet.raster.T_world_plane[1, 1]) > 0.9)
        continued = continue_surface(
            sheet.color, hole, seen, painter, _prompt(scene, sheet), sheet.raster.metres_per_pixel, seed + number,
            origin_m=(float(sheet.raster.origin_xz[0]), float(sheet.raster.origin_xz[1])),
            level_axis=_level_axis(sheet),
            materials=level,
            strength=1.0 if level or _prompt(scene, sheet) != "plaster" else FRONTS,
        )  # fmt: skip
        return replace(sheet, color=continued)

    return replace(backdrop, sheets=tuple(roughly(filled(n, s)) for n, s in enumerate(backdrop.sheets)))


def _paints(scene: Scene, things: Sequence[Thing], used: Sequence[int]) -> tuple[SurfacePaint, ...]:
    """The scene's paints as the new frames show them: frames renumbered, and paint also where the things stood."""
    import cv2

    there, out = {p.id for p in scene.planes}, []
    for paint in scene.paints:
        if not there.intersection(paint.planes):
            continue
        raster, mask = paint.raster, np.array(paint.mask)
        for thing in things:
            local = (thing.box.corners - raster.T_world_plane[:3, 3]) @ raster.T_world_plane[:3, :3]
            if local[:, 1].min() > TOUCH_M or local[:, 1].max() < -TOUCH_M:
                continue
            hull = cv2.convexHull(raster.cells(local[:, [0, 2]]).round().astype(np.int32))
            stood = cv2.fillConvexPoly(np.zeros_like(mask), hull, 1)
            rim = 2 * max(1, round(TOUCH_M / raster.metres_per_pixel)) + 1
            stood = cv2.dilate(stood, np.ones((rim, rim), np.uint8))
            # Beside the thing the mask ended for other reasons: only holes that the paint surrounds are closed.
            closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
            around = cv2.dilate(stood, np.ones((5, 5), np.uint8)) - stood
            if paint.mode != "inpaint" and np.mean(closed[around > 0] > 127) > 0.5:
                mask[stood > 0] = 255
        gains = {n: paint.gains[i] for n, i in enumerate(used) if i in paint.gains}
        planes = tuple(p for p in paint.planes if p in there)
        out.append(replace(paint, planes=planes, mask=mask, gains=gains))
    return tuple(out)


def _prompt(scene: Scene, sheet: Sheet) -> str:
    for p in scene.planes:
        if np.array_equal(p.T_world_plane, sheet.raster.T_world_plane):
            return {"floor": "floor boards", "ceiling": "white plaster", "wall": "plaster wall"}.get(p.label, "plaster")
    return "plaster"


def _level_axis(sheet: Sheet) -> int | None:
    """The axis of an upright sheet's arrays that runs level; None for level sheets and slanted axes."""
    rise = np.abs(sheet.raster.T_world_plane[1, [2, 0]])  # of rows, of columns
    axis = int(np.argmin(rise))
    return axis if rise[axis] < 0.02 and rise[1 - axis] > 0.98 else None


def _mean_color(scene: Scene, sheet: Sheet) -> Float64:
    """(3,) linear colour of the scanned surface that lies in the sheet's plane."""
    from sceneforge.core.color import to_linear

    T, mesh = sheet.raster.T_world_plane, scene.mesh
    if mesh is None or mesh.colors is None:
        return np.full(3, 0.4)
    height = (mesh.vertices - T[:3, 3]) @ T[:3, 1]
    near = np.abs(height) < 0.03
    return np.asarray(np.median(to_linear(mesh.colors[near]), axis=0)) if near.any() else np.full(3, 0.4)


def _write_frames(
    capture: Scan,
    track: CameraTrack,
    kept: list[int],
    eraser: Any,
    gains: Any,
    folder: Path,
    fps: float,
    bad: list[FrameError],
    progress: Progress,
) -> tuple[Float64, Float64, list[int], int, int]:
    """Frames, masks and the before-and-after video; returns stamps, poses, frame indices, changed, unknown pixels."""
    from sceneforge.rendering.video import encode_video

    poses = {track.indices[n]: track.T_world_camera[n] for n in kept}
    for name in ("color", "depth", "masks"):
        (folder / name).mkdir()
    stamps: list[float] = []
    used: list[int] = []
    count = {"changed": 0, "unknown": 0}
    first = capture.sources[next(iter(poses))].camera
    width, height = 2 * (first.width // 2) * 2, first.height - first.height % 2

    def pictures() -> Any:
        for n, frame in enumerate(capture.frames(list(poses), bad=bad)):
            done = eraser.erase(frame, poses[frame.index], gains.get(frame.index, np.ones(3)))
            _write_frame(folder, len(stamps), done)
            stamps.append(frame.timestamp_s)
            used.append(frame.index)
            count["changed"] += int(np.count_nonzero(done.mask))
            count["unknown"] += done.unknown
            progress("erase", n + 1, len(poses))
            yield _side_by_side(frame, done.color, width, height)

    encode_video(pictures(), folder / "before_after.mp4", width, height, fps)
    return np.array(stamps), np.stack([poses[i] for i in used]), used, count["changed"], count["unknown"]


def _side_by_side(frame: Frame, color: UInt8, width: int, height: int) -> UInt8:
    half = width // 2
    both = [np.zeros((height, half, 3), np.uint8) for _ in range(2)]
    for picture, target in zip((frame.color, color), both, strict=True):
        h, w = min(height, picture.shape[0]), min(half, picture.shape[1])
        target[:h, :w] = picture[:h, :w]
    return np.concatenate(both, axis=1)


def _write_frame(folder: Path, number: int, done: Any) -> None:
    import cv2

    name = f"{number:06d}.png"
    counts = np.rint(done.depth.astype(np.float64) / DEPTH_UNIT_M)
    for part, image in (
        ("color", done.color[..., ::-1]),
        ("depth", np.where(counts < 65536, counts, 0).astype(np.uint16)),
        ("masks", done.mask),
    ):
        (folder / part / name).write_bytes(cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 4])[1].tobytes())


def _write_manifest(folder: Path, name: str, camera: Camera, depth_camera: Camera) -> None:
    import yaml

    def described(c: Camera) -> dict[str, float]:
        return {"width": c.width, "height": c.height, "fx": c.fx, "fy": c.fy, "cx": c.cx, "cy": c.cy}

    manifest = {
        "format": "sceneforge.scan",
        "version": 1,
        "name": name,
        "depth_unit_m": DEPTH_UNIT_M,
        "camera": described(camera),
        "depth_camera": described(depth_camera),
        "up": [0, 1, 0],
        "color": "color/*.png",
        "depth": "depth/*.png",
        "trajectory": "trajectory.txt",
    }
    (folder / "scan.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")
