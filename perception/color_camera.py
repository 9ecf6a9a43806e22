"""The colour camera's true intrinsics, where a capture states the depth camera's for both.

Raw Kinect recordings (7-Scenes among them) give one nominal matrix, although the colour camera sees a tenth more: by
the picture's border everything is then off by tens of pixels. Jumps of depth lie on colour edges once the colour camera
is right, so its focal length and principal point are looked for that bring the two together, over frames from the
whole capture. Nothing is changed unless the evidence is strong; small residuals are left to whoever looks at pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sceneforge.core import Camera, Frame, FrameError, Scan
from sceneforge.core.arrays import Float32, Float64

FRAMES = 10
"""Frames that are looked at."""
SCALES = np.linspace(0.86, 1.14, 29)
"""Focal lengths tried, over the stated one."""
HINT, PROOF = 0.1, 0.3
"""By how much more colour edge must lie under the depth edges: with another scale alone, and in the end."""
LEAST_STEP = 8.0
"""Mean colour step (sum over channels) under the depth edges below which pictures prove nothing."""
AGREEMENT_PX = 6.0
"""How far the answers of two halves of the frames may lie apart in the picture's corners (640 pixels wide)."""
LEAST_EDGES = 2000
"""Depth edge pixels needed, all frames together."""


@dataclass(frozen=True)
class _View:
    edges: Float32
    """(n, 3) x and y of depth edges from the principal point in colour pixels, and the axis they are crossed along."""
    steps: Float32
    """(2, H, W) colour step to the next pixel along x and y, with a ceiling."""
    centre: Float64
    """(2,) the stated principal point."""


def with_color_camera(scan: Scan) -> Scan:
    """The scan with its colour camera put right, and a note that says so; the same scan where nothing is wrong."""
    found = color_camera(scan)
    if found is None:
        return scan
    stated = scan.sources[0].camera
    note = (
        f"the colour camera's focal length is {found.fx:.0f} pixels by the edges in {FRAMES} frames, "
        f"not {stated.fx:.0f} as the capture says of both cameras"
    )
    sources = tuple(replace(s, camera=found if s.camera == stated else s.camera) for s in scan.sources)
    return replace(scan, sources=sources, notes=(*scan.notes, note))


def color_camera(scan: Scan) -> Camera | None:
    """The colour camera as depth edges show it, or None where the stated one is as good."""
    stated, depth = scan.sources[0].camera, scan.sources[0].depth_camera
    if abs(stated.fx / depth.fx - stated.width / depth.width) > 1e-3 * stated.width / depth.width:
        return None  # the capture knows two cameras
    wanted = np.unique(np.linspace(0, len(scan) - 1, FRAMES).round().astype(int)).tolist()
    views = [_view(f) for f in _readable(scan, wanted)]
    if sum(len(v.edges) for v in views) < LEAST_EDGES:
        return None
    still = np.array([1.0, 0.0, 0.0])
    before = _score(views, still)
    hint = max((np.array([s, 0.0, 0.0]) for s in SCALES), key=lambda t: _score(views, t))
    if _score(views, hint) < (1 + HINT) * before:
        return None
    best = _climb(views, hint, stated.width / 640)
    corner = np.array([stated.width, stated.height]) / 2
    halves = [_climb(views[i::2], hint, stated.width / 640) for i in range(2)] if len(views) > 1 else [hint]
    apart = max(float(np.linalg.norm((h[0] - best[0]) * corner + h[1:] - best[1:])) for h in halves)
    if _score(views, best) < max((1 + PROOF) * before, LEAST_STEP) or apart > AGREEMENT_PX * stated.width / 640:
        return None
    scale, right, down = (float(v) for v in best)
    return replace(
        stated, fx=stated.fx * scale, fy=stated.fy * scale, cx=stated.cx + right, cy=stated.cy + down
    )  # fmt: skip


def _readable(scan: Scan, wanted: Sequence[int]) -> list[Frame]:
    frames = []
    for index in wanted:
        try:
            frames.append(scan.read(index))
        except FrameError:
            continue  # whoever reads the whole scan reports it
    return frames


def _view(frame: Frame) -> _View:
    import cv2

    from .color_camera_kernels import color_steps, depth_edges

    c, d = frame.camera, frame.depth_camera
    edges = depth_edges(frame.depth, np.array([d.fx, d.fy, d.cx, d.cy]), c.fx, c.fy)
    smooth = cv2.GaussianBlur(frame.color, (0, 0), c.width / 640)
    return _View(edges, color_steps(smooth), np.array([c.cx, c.cy]))


def _score(views: Sequence[_View], theta: Float64) -> float:
    """Mean colour step under the depth edges, moved by (scale, right, down)."""
    from .color_camera_kernels import step_under

    total, count = 0.0, 0
    for view in views:
        total += step_under(view.edges, view.steps, view.centre, theta)
        count += len(view.edges)
    return total / max(count, 1)


def _climb(views: Sequence[_View], start: Float64, unit: float) -> Float64:
    """The best (scale, right, down) by searching one after the other, ever finer."""
    best, value = start.copy(), _score(views, start)
    for grain in (4.0, 2.0, 1.0, 0.5):
        for axis, step in ((1, grain * unit), (2, grain * unit), (0, 0.005 * grain)) * 2:
            for k in (-3, -2, -1, 1, 2, 3):
                trial = best.copy()
                trial[axis] += k * step
                score = _score(views, trial)
                if score > value + 1e-9:
                    best, value = trial, score
    return best
