"""The colour camera's true intrinsics, where a capture states the depth camera's for both.

Raw Kinect recordings (7-Scenes among them) give one nominal matrix, although the colour camera sees a tenth more: by
the picture's border everything is then off by tens of pixels. Jumps of depth lie on colour edges once the colour camera
is right, so its focal length and principal point are looked for that bring the two together, over frames from the
whole capture. Nothing is changed unless the evidence is strong; small residuals are left to whoever looks at pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sceneforge.core import Camera, Frame, FrameError, Scan

from .edge_alignment import climb, edge_view, score

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
    views = [edge_view(f) for f in _readable(scan, wanted)]
    if sum(len(v.edges) for v in views) < LEAST_EDGES:
        return None
    still = np.array([1.0, 0.0, 0.0])
    before = score(views, still)
    hint = max((np.array([s, 0.0, 0.0]) for s in SCALES), key=lambda t: score(views, t))
    if score(views, hint) < (1 + HINT) * before:
        return None
    best = climb(views, hint, stated.width / 640)
    corner = np.array([stated.width, stated.height]) / 2
    halves = [climb(views[i::2], hint, stated.width / 640) for i in range(2)] if len(views) > 1 else [hint]
    apart = max(float(np.linalg.norm((h[0] - best[0]) * corner + h[1:] - best[1:])) for h in halves)
    if score(views, best) < max((1 + PROOF) * before, LEAST_STEP) or apart > AGREEMENT_PX * stated.width / 640:
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
