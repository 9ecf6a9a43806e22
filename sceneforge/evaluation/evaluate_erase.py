"""How well removed things are replaced by what was behind them, against the same room without them.

A made-up room is photographed twice along the same walk, with an ottoman and without. The ottoman is taken out of the
first capture and the frames are compared with the second one's, inside the removed pixels. Peers see the same masks:
OpenCV's Telea inpainting and the exemplar painter, frame by frame; they leave the ottoman's shadow around it, and how
much of that stays is measured apart.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, Label, MissingExtra, OrientedBox, Scan, Scene
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.transforms import inverse, make_transform, transform_points

from .similarity import luma_similarity

KINDS = ("living_room", "office", "bedroom")

FRAMES, SIZE = 24, (320, 240)
OTTOMAN_M = np.array([0.5, 0.42, 0.5])
RING = 24
"""Pixels around the removed ones in which the rest of the shadow is measured."""
SHADOW = 6.0
"""sRGB levels."""
METHODS = ("ours", "telea", "frame_by_frame")


def evaluate(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """PSNR, SSIM, feature distance (`perceptual`) and flicker inside the mask, and the shadow's rest around it.

    For ours and the peers; means over the rooms. Without the extra `models` the feature distance is left out, and the
    result says so.

    Args:
        data: Not used: the captures are made.
        seed: First of the rooms' seeds.
    """
    rooms = [_room(kind, seed + n + 1) for n, kind in enumerate(KINDS)]
    mean = {m: {k: round(float(np.mean([r[m][k] for r in rooms])), 4) for k in rooms[0][m]} for m in METHODS}
    out = {"rooms": len(rooms), "frames": FRAMES, "width": SIZE[0], "height": SIZE[1], "mean": mean, "by_room": rooms}
    if "feature_distance" not in mean["ours"]:
        out["skipped"] = "feature_distance: its network is not installed (pip install 'sceneforge[models]')"
    return out


def _room(kind: str, seed: int) -> dict[str, Any]:
    import trimesh

    from sceneforge.erasing import erase
    from sceneforge.generative import load_painter
    from sceneforge.io import load
    from sceneforge.perception.removal import Thing
    from sceneforge.pipeline import understand
    from sceneforge.synth import generate

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options: dict[str, Any] = {"kind": kind, "seed": seed, "frames": FRAMES, "size": SIZE, "quality": "draft"}
        generate(folder / "without", **options)
        empty = load(folder / "without")
        assert isinstance(empty, Scan)
        truth = understand(empty)
        centre = _free_spot(truth, empty.sources[0].camera)
        T = make_transform(np.eye(3), np.array([centre[0], OTTOMAN_M[1] / 2, centre[1]]))
        mesh = trimesh.creation.box(OTTOMAN_M)
        look: Any = trimesh.visual
        paint = look.material.PBRMaterial(baseColorFactor=[150, 60, 50, 255], roughnessFactor=0.9)
        mesh.visual = look.TextureVisuals(material=paint)
        generate(folder / "with", **options, extra=[(mesh, T)])
        scan = load(folder / "with")
        assert isinstance(scan, Scan)
        scene = understand(scan)
        thing = Thing("ottoman", Label.SEAT, OrientedBox(T, OTTOMAN_M))
        done = erase(scan, scene, [thing], folder / "erased", seed=seed)
        ours = load(done.folder)
        assert isinstance(ours, Scan)
        masks = [_mask(p) for p in sorted((done.folder / "masks").iterdir())]
        brush = load_painter("exemplar")
        makers: dict[str, Callable[[int, UInt8, NDArray[np.bool_]], UInt8]] = {
            "ours": lambda i, _, __: ours.read(i).color,
            "telea": lambda _, c, m: _telea(c, m),
            "frame_by_frame": lambda _, c, m: brush.paint(c, m, "", 0.004, seed),
        }
        result: dict[str, Any] = {"kind": kind, "seed": seed, "made_up_fraction": done.facts["made_up_fraction"]}
        reference = [empty.read(i) for i in range(len(empty))]
        shown = [i for i, m in enumerate(masks) if m.sum() > 100]
        depth = {i: _true_depth(folder / "without", i) for i in shown}
        for method, make in makers.items():
            pictures = {i: make(i, scan.read(i).color, masks[i]) for i in shown}
            truths = {i: reference[i].color for i in shown}
            poses = {i: np.asarray(reference[i].T_world_camera) for i in shown}
            result[method] = _scores(pictures, truths, masks, depth, poses, reference[0].camera)
            result[method]["shadow_rest"] = _shadow_rest(
                pictures, {i: scan.read(i).color for i in shown}, truths, masks
            )
        result["frames_shown"] = len(shown)
        return result


def _free_spot(scene: Scene, camera: Camera) -> Float64:
    """World [x, z] on the floor that most frames show, among those with room for the ottoman."""
    import shapely

    assert scene.track is not None
    floor = max((p for p in scene.planes if p.label == Label.FLOOR), key=lambda p: p.area_m2)
    ring = floor.to_world(floor.polygon)[:, [0, 2]]
    shape = shapely.Polygon(ring, [floor.to_world(h)[:, [0, 2]] for h in floor.holes]).buffer(0)
    taken = [shapely.MultiPoint(o.box.corners[:, [0, 2]]).convex_hull for o in scene.objects]
    free = shapely.difference(shape, shapely.union_all(taken)) if taken else shape
    low, high = ring.min(axis=0), ring.max(axis=0)
    grid = np.stack(np.meshgrid(*(np.arange(a, b, 0.1) for a, b in zip(low, high, strict=True))), -1).reshape(-1, 2)
    points = shapely.points(grid)
    clear = np.where(shapely.contains(free, points), shapely.distance(points, free.boundary), 0)
    world = np.stack([grid[:, 0], np.full(len(grid), 0.2), grid[:, 1]], axis=1)
    views = np.zeros(len(grid))
    for T in scene.track.T_world_camera:
        p = transform_points(inverse(T), world)
        uv, _ = camera.project(np.where(p[:, 2:] > 0.3, p, np.nan))
        views += ((uv > 15) & (uv < np.array(camera.shape[::-1]) - 15)).all(axis=1)
    score = np.where(clear >= min(0.4, float(clear.max())), views, -1) + 0.1 * clear
    return np.asarray(grid[int(np.argmax(np.round(score, 6)))])


def _mask(path: Path) -> NDArray[np.bool_]:
    import cv2

    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)) > 127  # below, only a shadow was lightened


def _true_depth(folder: Path, index: int) -> Float32:
    import cv2

    raw = np.asarray(cv2.imread(str(folder / "truth_depth" / f"{index:06d}.png"), cv2.IMREAD_UNCHANGED))
    return np.asarray(raw * np.float32(0.0002), dtype=np.float32)


def _telea(color: UInt8, mask: NDArray[np.bool_]) -> UInt8:
    import cv2

    return np.asarray(cv2.inpaint(color, mask.astype(np.uint8), 5, cv2.INPAINT_TELEA), dtype=np.uint8)


def _scores(
    pictures: dict[int, UInt8],
    truths: dict[int, UInt8],
    masks: list[NDArray[np.bool_]],
    depth: dict[int, Float32],
    poses: dict[int, Float64],
    camera: Camera,
) -> dict[str, float]:
    errors, ssims, flickers, looks = [], [], [], []
    for i, picture in pictures.items():
        m = masks[i]
        errors.append(float(np.mean((picture[m].astype(np.float64) - truths[i][m]) ** 2)))
        ssims.append(float(luma_similarity(picture, truths[i])[m].mean()))
        distance = _feature_distance(picture, truths[i], m)
        looks += [] if distance is None else [distance]
        if i + 1 in pictures:
            ours = _change(pictures[i], pictures[i + 1], m, masks[i + 1], depth[i], poses[i], poses[i + 1], camera)
            true = _change(truths[i], truths[i + 1], m, masks[i + 1], depth[i], poses[i], poses[i + 1], camera)
            if ours is not None and true is not None:
                flickers.append(max(ours - true, 0.0))
    return {
        "psnr_db": 10 * float(np.log10(255**2 / np.mean(errors))),
        "ssim": float(np.mean(ssims)),
        **({"feature_distance": float(np.mean(looks))} if looks else {}),
        "flicker": float(np.mean(flickers)) if flickers else 0.0,
    }


def _shadow_rest(
    pictures: dict[int, UInt8], captured: dict[int, UInt8], truths: dict[int, UInt8], masks: list[NDArray[np.bool_]]
) -> float:
    """What is left of the shadow around the removed pixels: error there over that of the captured frames; 1 = all.

    Shadow is where the capture is darker than the truth by more than SHADOW, within RING pixels of the mask.
    """
    import cv2

    left = whole = 0.0
    for i, picture in pictures.items():
        m = masks[i].astype(np.uint8)
        ring = (cv2.dilate(m, np.ones((2 * RING + 1,) * 2, np.uint8)) > 0) & (cv2.dilate(m, np.ones((5, 5))) == 0)
        truth, before = truths[i].astype(np.float64).mean(axis=2), captured[i].astype(np.float64).mean(axis=2)
        shadow = ring & (cv2.blur(truth - before, (5, 5)) > SHADOW)
        left += float(np.abs(picture.astype(np.float64).mean(axis=2) - truth)[shadow].sum())
        whole += float(np.abs(before - truth)[shadow].sum())
    return left / whole if whole else 1.0


def _feature_distance(a: UInt8, b: UInt8, mask: NDArray[np.bool_]) -> float | None:
    from .perceptual import feature_distance

    try:
        return feature_distance(a, b, mask)
    except MissingExtra:
        return None


def _change(
    first: UInt8,
    second: UInt8,
    mask: NDArray[np.bool_],
    next_mask: NDArray[np.bool_],
    depth: Float32,
    T: Float64,
    T_next: Float64,
    camera: Camera,
) -> float | None:
    """Mean absolute change of colour, 0..255, of points that both frames show inside their masks."""
    y, x = np.nonzero(mask & (depth > 0))
    z = depth[y, x].astype(np.float64)
    p = np.stack([(x - camera.cx) / camera.fx * z, (y - camera.cy) / camera.fy * z, z], axis=1)
    q = transform_points(inverse(T_next) @ T, p)
    uv, _ = camera.project(q)
    at = np.nan_to_num(uv, nan=-1).round().astype(np.int64)
    ok = (at >= 0).all(axis=1) & (at[:, 0] < camera.width) & (at[:, 1] < camera.height)
    ok[ok] &= next_mask[at[ok, 1], at[ok, 0]]
    if ok.sum() < 50:
        return None
    return float(np.abs(first[y[ok], x[ok]].astype(np.float64) - second[at[ok, 1], at[ok, 0]]).mean())
