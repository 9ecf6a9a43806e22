"""Take real things out of a capture: what stays is a capture again, understood, without them.

What was behind is filled from the frames that saw it past the things, in the room's own space, so that all frames
agree; what no frame saw is painted, once per surface.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import (
    CameraTrack,
    FrameError,
    Progress,
    Scan,
    Scene,
    SceneForgeWarning,
    UsageError,
    check_same_capture,
    silent,
    write_bytes,
    write_folder_aside,
)
from sceneforge.core.arrays import Float64, UInt8
from sceneforge.core.backdrop import Backdrop
from sceneforge.core.files import check_replaceable

from .erasing_files import Written, kept_paints, write_frames, write_manifest
from .erasing_fill import fill_unseen
from .erasing_rest import guess_rest

if TYPE_CHECKING:
    from sceneforge.generative import Painter
    from sceneforge.perception.removal import Removal, Thing
    from sceneforge.rendering.erasing import Eraser

MARKS = ("scan.yaml", "erased.json")
"""A folder that holds both is an earlier result, and may be replaced."""


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
        what: Ids, labels or phrases ("the largest table"), see `select_things`; or `Thing`s with boxes of
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
    from sceneforge.perception.exposure import frame_exposures
    from sceneforge.perception.removal import remove_things

    start = time.perf_counter()
    capture, things, brush = _checked(scan, scene, what, out, painter)
    removal = remove_things(scene, things)
    assert scene.track is not None
    poses = dict(list(zip(scene.track.indices, scene.track.T_world_camera, strict=True))[::every])
    bad: list[FrameError] = []
    gains = frame_exposures(capture, scene, tuple(poses), bad=bad, progress=progress)
    bad.clear()  # met again below
    backdrop, eraser = _prepared(
        capture, removal, poses, gains, brush, metres_per_pixel=metres_per_pixel, every=every, seed=seed,
        progress=progress,
    )  # fmt: skip
    with write_folder_aside(Path(out), MARKS) as folder:
        written = write_frames(capture, poses, eraser, gains, folder, fps, bad, progress)
        left = _write_scene(capture, removal, backdrop, written, folder)
        facts = {
            "frames": len(written.indices),
            "frames_skipped": len(bad),
            "changed_pixels": written.changed,
            "unknown_pixels": written.unknown,
            "made_up_fraction": round(backdrop.made_up_fraction, 4),
            "painter": brush.name,
        }
        # Without seconds, so that the same input gives the same bytes.
        document = {"format": "sceneforge.erased", "version": 1, "things": [t.id for t in removal.things], **facts}
        write_bytes(folder / "erased.json", (json.dumps(document, indent=2) + "\n").encode())
    for error in bad:
        warnings.warn(f"{capture.name}: left out: {error}", SceneForgeWarning, stacklevel=2)
    facts["seconds"] = round(time.perf_counter() - start, 2)
    return ErasedScan(Path(out), left, tuple(t.id for t in removal.things), facts)


def _checked(
    scan: Scan | str | Path, scene: Scene, what: str | Sequence[str | Thing], out: str | Path, painter: str | Painter
) -> tuple[Scan, tuple[Thing, ...], Painter]:
    """The capture, the things and the painter, all that can be wrong with them found before any work is done."""
    from sceneforge.generative import load_painter
    from sceneforge.perception.removal import select_things
    from sceneforge.pipeline import loaded

    check_replaceable(out, MARKS)
    if scene.track is None or scene.mesh is None:
        raise UsageError("taking things out needs the scene's mesh and camera track: understand the capture first")
    asked = (what,) if isinstance(what, str) else tuple(what)
    chosen = {t.id: t for w in asked for t in (select_things(scene, w) if isinstance(w, str) else (w,))}
    if not chosen:
        raise UsageError("nothing was named to take out; expected an id, a label or a phrase")
    brush = load_painter(painter) if isinstance(painter, str) else painter
    capture = loaded(scan)
    if not isinstance(capture, Scan):
        raise UsageError(f"'{capture.name}' has no pictures to take things out of")
    check_same_capture(capture, scene, scene.track)
    lenses = {(capture.sources[i].camera, capture.sources[i].depth_camera) for i in scene.track.indices}
    if len(lenses) > 1:
        warnings.warn(
            f"{capture.name}: {len(lenses)} cameras; the result's scan.yaml holds that of the first frame alone",
            SceneForgeWarning,
            stacklevel=3,
        )
    return capture, tuple(chosen.values()), brush


def _prepared(
    capture: Scan,
    removal: Removal,
    poses: Mapping[int, Float64],
    gains: Mapping[int, Float64],
    brush: Painter,
    *,
    metres_per_pixel: float,
    every: int,
    seed: int,
    progress: Progress,
) -> tuple[Backdrop, Eraser]:
    """What is behind the things, gathered and made up, and what puts it into frames."""
    from sceneforge.perception.backdrop import gather_backdrop
    from sceneforge.perception.removal_fronts import furniture_fronts
    from sceneforge.rendering.cast_shadow import CastShadow
    from sceneforge.rendering.erasing import Eraser
    from sceneforge.rendering.uncovered import Uncovered

    boxes, bad = tuple(t.box for t in removal.things), list[FrameError]()
    backdrop = gather_backdrop(
        capture, removal, gains, Uncovered(removal.scene, removal.surface, boxes),
        shade=CastShadow(removal.scene, removal.surface, boxes), metres_per_pixel=metres_per_pixel, every=every,
        bad=bad, progress=progress,
    )  # fmt: skip
    backdrop = fill_unseen(backdrop, removal.scene, brush, seed)
    eraser = Eraser(removal.scene, removal.surface, boxes, backdrop)
    fronts = furniture_fronts(capture, removal, gains, every=every, bad=bad)
    guess = guess_rest(capture, poses, eraser, gains, brush, seed, bad, fronts)
    return backdrop, eraser if guess is None else eraser.with_guess(guess)


def _write_scene(capture: Scan, removal: Removal, backdrop: Backdrop, written: Written, folder: Path) -> Scene:
    """Write the scene without the things, as that of the new frames."""
    from sceneforge.export._paints import write_paints
    from sceneforge.perception.removal_closing import closed_mesh
    from sceneforge.pipeline import write_scene

    count, name = len(written.indices), f"{capture.name}_erased"
    left = replace(
        removal.scene,
        mesh=closed_mesh(removal.scene, backdrop.sheets),
        track=CameraTrack(tuple(range(count)), written.stamps_s, written.T_world_camera, np.ones(count)),
        T_scene_source=np.eye(4),
        source={**removal.scene.source, "name": name, "format": "scan_yaml"},
    )
    left = replace(left, paints=kept_paints(left, removal.things, written.indices))
    write_scene(left, folder)
    if left.paints:
        write_paints(left.paints, folder)
    first = capture.sources[written.indices[0]]
    write_manifest(folder, name, first.camera, first.depth_camera)
    return left


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
