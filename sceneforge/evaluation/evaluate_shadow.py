"""`sceneforge evaluate shadow`: composited frames against path-traced truth of the same room with the content in it.

Rooms are generated, scanned and understood, and matt content is placed. Mitsuba then renders frames of the room
without and with the content really in it. The pictures without it are what is composited onto; those with it are
the truth. The light is never told: it is estimated from the scan. Scored are the pixels around the content, where its
shadow falls: PSNR and SSIM of sRGB values, and outside the content the balanced error rate of shadow, which is where
light falls by more than 10 %. Peers: our content without any shadow, pyrender's shadow map under its usual directional
light, and the path-tracing back-end, which knows of the room what we know.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import (
    Arrangement,
    Camera,
    Content,
    EnvironmentProblem,
    Frame,
    Material,
    Part,
    Request,
    Scan,
    Scene,
)
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.transforms import inverse, transform_points
from sceneforge.rendering.region import Rect

from .mitsuba_truth import TrueRoom
from .similarity import similarity

if TYPE_CHECKING:
    from sceneforge.rendering import FrameCompositor

ROOMS = tuple((kind, seed) for seed in (5, 6, 7) for kind in ("living_room", "office", "bedroom"))
"""Not looked at while the method was made; seeds 1 to 4 were."""
SIZE = (240, 180)
FRAMES = 2
"""Those in which the content stands largest, whole and with some room around it."""
EDGE = 0.06
"""That room, in widths of the picture."""
SURFACES = ("floor", "table", "bed", "largest_horizontal")
"""Tried one by one; the content stays where a frame shows it largest."""
SAMPLES, SAMPLES_AROUND = 196, 49
"""Paths per pixel where pictures are scored, and elsewhere."""
DARKER = 0.9
LEAST_DARK = 20
"""Pixels of true shadow from which its error rate is told."""
METHODS = ("ours", "no_shadow", "pyrender", "mitsuba")
KEYS = ("psnr", "ssim", "ber")

Bools: TypeAlias = NDArray[np.bool_]
Compose: TypeAlias = Callable[[Frame, Float64], UInt8]


@dataclass(frozen=True)
class Shot:
    """One frame of a room, path traced."""

    frame: Frame
    """Without the content; what is composited onto."""
    T_world_camera: Float64
    """(4, 4)."""
    truth: UInt8
    """(H, W, 3) sRGB with the content in the room."""


@dataclass(frozen=True)
class Case:
    """A room, understood, with content placed, and true pictures of it."""

    scene: Scene
    arrangement: Arrangement
    shots: tuple[Shot, ...]


def evaluate(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Scores of every method, per frame and as means.

    Args:
        data: Folder of scans named KIND_SEED that `synth.generate` made; None makes them.
        seed: Seed of understanding and placing.

    Returns:
        {"name", "rooms", "mean", "ahead", "frames"}: per room and method a list of psnr, ssim and ber per frame (ber is
        None where nothing is truly darker by 10 %); their means over all frames; and on how many frames ours has the
        better value than each other method.

    Raises:
        MissingExtra: Mitsuba is not installed.
    """
    from sceneforge.synth import generate

    rooms: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, number in ROOMS:
            path = (Path(folder) if data is None else data) / f"{kind}_{number}"
            if not path.exists():
                generate(path, kind=kind, seed=number, frames=24, quality="draft", truth="full")
            case = make_case(path, kind, number, seed)
            if case is not None:
                rooms[f"{kind}_{number}"] = score(case)
    return {"name": "shadow", "rooms": rooms, **summary(rooms)}


def make_case(path: Path, kind: str, number: int, seed: int) -> Case | None:
    """Understand the scan of a generated room, place content, and render the truth; None where it found no place."""
    scan, scene, arrangement = placed(path, seed)
    if not arrangement.placements:
        return None
    return Case(scene, arrangement, tuple(_shots(scan, scene, arrangement, TrueRoom(kind, number))))


def placed(path: Path, seed: int) -> tuple[Scan, Scene, Arrangement]:
    """A scan, what is understood of it, and the matt content where a frame shows it largest (none: nowhere)."""
    from sceneforge.io import load
    from sceneforge.pipeline import arrange, understand

    scan = load(path)
    assert isinstance(scan, Scan)
    scene = understand(scan, None, seed=seed)
    found = [arrange(scene, [Request("things", _things(), on=(on,))], seed=seed) for on in SURFACES]
    size, arrangement = max(((_pixels(scan, scene, a).max(initial=0), a) for a in found), key=lambda pair: pair[0])
    return scan, scene, arrangement if size else Arrangement(())


def _pixels(scan: Scan, scene: Scene, arrangement: Arrangement) -> Float64:
    """(frames of the track,) how large, in pixels, the content stands in every frame's picture; 0 = it is cut off."""
    from sceneforge.rendering.packing import pack
    from sceneforge.rendering.tracing import Tracer

    assert scene.track is not None and scene.mesh is not None
    out = np.zeros(len(scene.track.indices))
    if not arrangement.placements:
        return out
    room = Tracer(scene.mesh.vertices, scene.mesh.faces)
    corners = pack(arrangement).vertices[::37].astype(np.float64)
    for n, (index, T) in enumerate(zip(scene.track.indices, scene.track.T_world_camera, strict=True)):
        camera = scan.sources[index].camera
        uv, z = camera.project(transform_points(inverse(T), corners))
        margin = EDGE * camera.width
        if (z > 0.2).all() and (uv > margin).all() and (uv < np.array([camera.width, camera.height]) - margin).all():
            way = corners - T[:3, 3]
            rays = np.concatenate([np.broadcast_to(T[:3, 3], way.shape), way], axis=1).astype(np.float32)
            seen = np.mean(room.first_hits(rays)[0] > 0.97)
            out[n] = seen * np.prod(np.ptp(uv, axis=0))
    return out


def _shots(scan: Scan, scene: Scene, arrangement: Arrangement, room: TrueRoom) -> Iterator[Shot]:
    assert scene.track is not None
    poses = dict(zip(scene.track.indices, scene.track.T_world_camera, strict=True))
    size = _pixels(scan, scene, arrangement)
    order = np.argsort(-size, kind="stable")[:FRAMES]
    picked = sorted(scene.track.indices[k] for k in order if size[k] > 0)
    for frame in scan.frames(picked, bad=[]):
        small = _resized(frame, SIZE)
        T = poses[frame.index]
        area, _ = _region(arrangement, small.camera, T)
        rect = _bounds(area)
        before = room.picture(small.camera, T, None, SAMPLES_AROUND)
        before[rect.slices] = room.picture(small.camera, T, None, SAMPLES, rect=rect)
        before = _quiet(before, rect)
        after = before.copy()
        after[rect.slices] = room.picture(small.camera, T, arrangement, SAMPLES, rect=rect)
        gain = _gain(before, small.color)
        color = _developed(before, gain)
        bare = Frame(frame.index, frame.name, 0.0, color, small.depth, small.camera, small.camera, T)
        yield Shot(bare, T, _developed(after, gain))


def _quiet(linear: Float32, rect: Rect) -> Float32:
    """Radiance (H, W, 3) without the noise of few paths outside `rect`: it would be taken for the camera's."""
    import cv2

    picture = np.asarray(cv2.bilateralFilter(cv2.medianBlur(np.log(linear + 0.01), 3), 7, 0.3, 2.0))
    out: Float32 = np.maximum(np.exp(picture) - 0.01, 0).astype(np.float32)
    out[rect.slices] = linear[rect.slices]
    return out


def _bounds(mask: Bools) -> Rect:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Rect(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def methods(scene: Scene, arrangement: Arrangement, names: tuple[str, ...] = METHODS) -> dict[str, Compose]:
    """How frames are composed, by name; peers that are not installed are left out."""
    from sceneforge.rendering import FrameCompositor
    from sceneforge.rendering.backends import load_backend

    ours = FrameCompositor(scene, arrangement)
    out: dict[str, Compose] = {"ours": partial(_alone, ours), "no_shadow": partial(_alone, ours.without_shadow())}
    for name in names[2:]:
        try:
            out[name] = load_backend(name, scene, arrangement).compose
        except EnvironmentProblem:
            continue
    return out


def _alone(compositor: FrameCompositor, frame: Frame, T_world_camera: Float64) -> UInt8:
    """A frame that follows on no other: nothing is smoothed over those before."""
    compositor.reset()
    picture: UInt8 = compositor.compose(frame, T_world_camera)
    return picture


def score(case: Case) -> dict[str, list[dict[str, float | None]]]:
    """Per method, the scores of every frame."""
    return {
        name: [marked(case, shot, compose(shot.frame, shot.T_world_camera)) for shot in case.shots]
        for name, compose in methods(case.scene, case.arrangement).items()
    }


def marked(case: Case, shot: Shot, picture: UInt8) -> dict[str, float | None]:
    """Scores of one picture (H, W, 3)."""
    area, content = _region(case.arrangement, shot.frame.camera, shot.T_world_camera)
    return _score(picture, shot.truth, shot.frame.color, area, content)


def summary(rooms: dict[str, Any]) -> dict[str, Any]:
    """Means of every method over all frames, and on how many of them ours is better."""
    rows = {
        m: [row for room in rooms.values() for row in room[m]] for m in METHODS if all(m in r for r in rooms.values())
    }
    mean = {
        m: {k: round(float(np.mean([r[k] for r in frames if r[k] is not None])), 4) for k in KEYS}
        for m, frames in rows.items()
    }
    ahead: dict[str, Any] = {}
    for m in rows:
        if m != "ours":
            pairs = list(zip(rows["ours"], rows[m], strict=True))
            ahead[m] = {k: sum(1 for a, b in pairs if a[k] is not None and _better(a[k], b[k], k)) for k in KEYS}
    return {"mean": mean, "ahead": ahead, "frames": len(rows.get("ours", []))}


def _better(a: float, b: float, key: str) -> bool:
    return a < b if key == "ber" else a > b


def _things() -> Content:
    """A ball on a column and a slab beside it: matt, of different greys, 0.35 m high."""
    import trimesh

    ball = trimesh.creation.icosphere(3, 0.09)
    ball.apply_translation([0, 0.26, 0])
    column = trimesh.creation.cylinder(0.05, 0.18, sections=32)
    column.apply_transform(np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]))
    column.apply_translation([0, 0.09, 0])
    slab = trimesh.creation.box((0.06, 0.22, 0.2))
    slab.apply_translation([0.17, 0.11, 0.02])
    parts = []
    for mesh, color in ((ball, (0.7, 0.2, 0.15)), (column, (0.25, 0.25, 0.28)), (slab, (0.65, 0.65, 0.6))):
        flat = mesh is not ball
        corners = mesh.triangles.reshape(-1, 3)
        normals = np.repeat(mesh.face_normals, 3, axis=0) if flat else mesh.vertex_normals[mesh.faces].reshape(-1, 3)
        faces = np.arange(len(corners)).reshape(-1, 3)
        material = Material((*color, 1.0), 0.0, 1.0)
        parts.append(Part(corners.astype(np.float32), faces.astype(np.int32), normals.astype(np.float32), material))
    return Content("things", "things", tuple(parts))


def _resized(frame: Frame, size: tuple[int, int]) -> Frame:
    import cv2

    w, h = size
    c = frame.camera
    s, t = w / c.width, h / c.height
    camera = Camera(w, h, c.fx * s, c.fy * t, (c.cx + 0.5) * s - 0.5, (c.cy + 0.5) * t - 0.5)
    color = np.asarray(cv2.resize(frame.color, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    depth = np.asarray(cv2.resize(frame.depth, size, interpolation=cv2.INTER_NEAREST), dtype=np.float32)
    return Frame(frame.index, frame.name, 0.0, color, depth, camera, camera, frame.T_world_camera)


def _gain(linear: Float32, color: UInt8) -> float:
    """Exposure that brings the path tracer's picture to the scan's."""
    from sceneforge.core.color import to_linear

    return float(np.exp(np.mean(np.log(to_linear(color) + 0.01)) - np.mean(np.log(np.clip(linear, 0, 3) + 0.01))))


def _developed(linear: Float32, gain: float) -> UInt8:
    from sceneforge.core.color import to_srgb

    return to_srgb(linear * gain)


def _region(arrangement: Arrangement, camera: Camera, T: Float64) -> tuple[Bools, Bools]:
    """Pixels to score (H, W), and those that show content, from geometry alone."""
    import cv2

    from sceneforge.rendering.packing import pack
    from sceneforge.rendering.tracing import Tracer

    content = pack(arrangement)
    d = camera.rays() @ T[:3, :3].T
    rays = np.concatenate([np.broadcast_to(T[:3, 3], d.shape), d], axis=-1).astype(np.float32)
    t, _, _ = Tracer(content.vertices, content.faces).first_hits(rays.reshape(-1, 6))
    shown = np.isfinite(t).reshape(camera.shape)
    corners = transform_points(inverse(T), content.vertices.astype(np.float64))
    uv, _ = camera.project(corners[corners[:, 2] > 0.05])
    (x0, y0), (x1, y1) = uv.min(axis=0), uv.max(axis=0)
    mx, my = 0.6 * (x1 - x0) + 4, 0.3 * (y1 - y0) + 4  # its shadow lies within about half its size
    area = np.zeros(camera.shape, np.bool_)
    area[max(int(y0 - my), 0) : max(int(y1 + my), 0), max(int(x0 - mx), 0) : max(int(x1 + mx), 0)] = True
    return area, cv2.dilate(shown.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def _score(picture: UInt8, truth: UInt8, before: UInt8, area: Bools, content: Bools) -> dict[str, float | None]:
    from sceneforge.core.color import LUMINANCE, to_linear

    error = (picture[area].astype(float) - truth[area]) ** 2
    cut = _bounds(area).slices
    room = area & ~content
    base, there, here = (
        _smooth(to_linear(a).astype(np.float64) @ LUMINANCE)[room] + 0.004 for a in (before, truth, picture)
    )
    true, ours = there / base < DARKER, here / base < DARKER
    return {
        "psnr": round(float(10 * np.log10(255**2 / max(error.mean(), 1e-6))), 3),
        "ssim": round(similarity(picture[cut], truth[cut]), 4),
        "ber": round(balanced_error(ours, true), 4) if np.count_nonzero(true) >= LEAST_DARK else None,
    }


def _smooth(values: Float64) -> Float64:
    import cv2

    return np.asarray(cv2.GaussianBlur(values, (0, 0), 1.5))  # path tracing's own noise is no shadow


def balanced_error(found: Bools, true: Bools) -> float:
    """0.5 (FP / (TN + FP) + FN / (FN + TP)); a side that does not occur counts as no error."""
    false_positive = float(np.count_nonzero(found & ~true)) / max(int(np.count_nonzero(~true)), 1)
    false_negative = float(np.count_nonzero(~found & true)) / max(int(np.count_nonzero(true)), 1)
    return 0.5 * (false_positive + false_negative)
