"""`sceneforge evaluate shadow`: composited frames against path-traced truth of the same room with the content in it.

Rooms are generated, scanned and understood, and matt content is placed. Mitsuba then renders frames of the room
without and with the content really in it. The pictures without it are what is composited onto; those with it are
the truth. The light is never told: it is estimated from the scan. Scored are the pixels around the content, where its
shadow falls: PSNR and SSIM of sRGB values, and outside the content the balanced error rate of shadow, which is where
light falls by more than 10 %. Peers: content without any shadow, and pyrender's shadow map under its usual
directional light.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Arrangement, Camera, Content, Frame, Material, Part, Request, Scan, Scene
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.transforms import inverse, transform_points

from .mitsuba_truth import TrueRoom

ROOMS = (("living_room", 2), ("office", 2), ("bedroom", 1), ("office", 4))
SIZE = (320, 240)
FRAMES = 2
SAMPLES = 128
DARKER = 0.9
METHODS = ("ours", "no_shadow", "pyrender")


def evaluate(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Scores of every method, per room and as means.

    Args:
        data: Folder of scans named KIND_SEED that `synth.generate` made; None makes them.
        seed: Seed of understanding and placing.

    Raises:
        MissingExtra: Mitsuba is not installed.
    """
    from sceneforge.io import load
    from sceneforge.pipeline import arrange, understand
    from sceneforge.synth import generate

    rooms: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, number in ROOMS:
            path = (Path(folder) if data is None else data) / f"{kind}_{number}"
            if data is None:
                generate(path, kind=kind, seed=number, frames=24, quality="draft", truth="full")
            scan = load(path)
            assert isinstance(scan, Scan)
            scene = understand(scan, None, seed=seed)
            requests = [Request("things", _things(), on=("floor", "table", "bed", "largest_horizontal"))]
            arrangement = arrange(scene, requests, seed=seed, camera=scan.sources[0].camera)
            if arrangement.placements:
                rooms[f"{kind}_{number}"] = _room(scan, scene, arrangement, TrueRoom(kind, number))
    methods = {m for r in rooms.values() for m in r}
    keys = ("psnr", "ssim", "ber")
    mean = {
        m: {k: round(float(np.mean([r[m][k] for r in rooms.values() if m in r])), 4) for k in keys}
        for m in METHODS
        if m in methods
    }
    return {"name": "shadow", "rooms": rooms, "mean": mean}


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


def _room(scan: Scan, scene: Scene, arrangement: Arrangement, room: TrueRoom) -> dict[str, Any]:
    from sceneforge.rendering import FrameCompositor

    assert scene.track is not None
    compositor = FrameCompositor(scene, arrangement)
    bare = FrameCompositor(scene, arrangement)
    bare._maps, bare._room_shadow = (), np.ones_like(bare._room_shadow)
    poses = dict(zip(scene.track.indices, scene.track.T_world_camera, strict=True))
    shares = np.array([compositor.shown(scan.sources[i].camera, poses[i]) for i in scene.track.indices])
    seen = [scene.track.indices[k] for k in np.flatnonzero(shares > 0.6 * shares.max())]
    centre = transform_points(arrangement.placements[0].T_world_content, np.array([0.0, 0.15, 0.0]))
    # Frames that show it in the middle, shadow and all; those of equal merit in their order.
    picked = sorted(sorted(seen, key=lambda i: _off_axis(poses[i], centre))[:FRAMES])
    peer = _peer(scene, arrangement)
    scores: dict[str, list[dict[str, float]]] = {m: [] for m in METHODS}
    for frame in scan.frames(picked, bad=[]):
        small = _resized(frame, SIZE)
        T = poses[frame.index]
        before = room.picture(small.camera, T, None, SAMPLES)
        after = room.picture(small.camera, T, arrangement, SAMPLES)
        gain = _gain(before, small.color)
        truth = _developed(after, gain)
        input_frame = Frame(
            frame.index, frame.name, 0.0, _developed(before, gain), small.depth, small.camera, small.camera, T
        )
        area, content = _region(arrangement, small.camera, T)
        pictures = {"ours": compositor.compose(input_frame, T), "no_shadow": bare.compose(input_frame, T)}
        if peer is not None:
            pictures["pyrender"] = peer.compose(input_frame, T)
        for name, picture in pictures.items():
            scores[name].append(_score(picture, truth, input_frame.color, area, content))
    return {
        m: {k: round(float(np.mean([s[k] for s in rows])), 4) for k in rows[0]} for m, rows in scores.items() if rows
    }


def _off_axis(T_world_camera: Float64, point: Float64) -> float:
    """Tangent of the angle between the camera's axis and a point (3,) before it."""
    x, y, z = transform_points(inverse(T_world_camera), point)
    return float(np.hypot(x, y) / max(z, 0.1))


def _peer(scene: Scene, arrangement: Arrangement) -> Any:
    from sceneforge.core import EnvironmentProblem
    from sceneforge.rendering.backends import load_backend

    try:
        return load_backend("pyrender", scene, arrangement)
    except EnvironmentProblem:
        return None


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


def _region(arrangement: Arrangement, camera: Camera, T: Float64) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
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


def _score(
    picture: UInt8, truth: UInt8, before: UInt8, area: NDArray[np.bool_], content: NDArray[np.bool_]
) -> dict[str, float]:
    import skimage.metrics

    from sceneforge.core.color import LUMINANCE, to_linear

    error = (picture[area].astype(float) - truth[area]) ** 2
    rows, columns = np.flatnonzero(area.any(axis=1)), np.flatnonzero(area.any(axis=0))
    cut = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    compare: Any = skimage.metrics.structural_similarity
    ssim = compare(picture[cut], truth[cut], channel_axis=2, data_range=255)
    room = area & ~content
    base, there, here = (
        _smooth(to_linear(a).astype(np.float64) @ LUMINANCE)[room] + 0.004 for a in (before, truth, picture)
    )
    true, ours = there / base < DARKER, here / base < DARKER
    return {
        "psnr": float(10 * np.log10(255**2 / max(error.mean(), 1e-6))),
        "ssim": float(ssim),
        "ber": balanced_error(ours, true),
    }


def _smooth(values: Float64) -> Float64:
    import cv2

    return np.asarray(cv2.GaussianBlur(values, (0, 0), 1.5))  # path tracing's own noise is no shadow


def balanced_error(found: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """0.5 (FP / (TN + FP) + FN / (FN + TP)); a side that does not occur counts as no error."""
    false_positive = float(np.count_nonzero(found & ~true)) / max(int(np.count_nonzero(~true)), 1)
    false_negative = float(np.count_nonzero(~found & true)) / max(int(np.count_nonzero(true)), 1)
    return 0.5 * (false_positive + false_negative)
