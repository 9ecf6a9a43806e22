"""Pictures with exact depth, and sensors that spoil it: for tests of occlusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core import Camera, Frame, Scene
from sceneforge.rendering.occlusion import seen_past
from sceneforge.rendering.room_view import RoomView, RoomViewer
from tests.rendering.render_stage import grid_quad, joined

CAMERA = Camera(320, 240, 262.5, 262.5, 159.5, 119.5)
NEAR_M, FAR_M, BETWEEN_M = 1.2, 3.0, 2.0
T = np.diag([1.0, -1.0, -1.0, 1.0])
"""Camera at the origin, looking along -z of a world with +Y up."""


@dataclass(frozen=True)
class Shot:
    """What really is in front (H, W), the picture of it, and its exact depth."""

    front: np.ndarray
    color: np.ndarray
    depth: np.ndarray

    def view(self, depth: np.ndarray | None = None, scene: Scene | None = None, frames: int = 1) -> RoomView:
        """The room as seen with this depth (default: exact), by default with no mesh."""
        measured = (self.depth if depth is None else depth).astype(np.float32)
        viewer = RoomViewer(Scene() if scene is None else scene)
        for index in range(frames):
            view = viewer.see(Frame(index, "f", 0.0, self.color, measured, CAMERA, CAMERA, T), T)
        return view

    def wrong(self, view: RoomView) -> np.ndarray:
        """(H, W) bool: where a plane between front and back is decided wrongly."""
        return (seen_past(view, plane()) > 0.5) == self.front


def plane(z: float = BETWEEN_M) -> np.ndarray:
    return np.full(CAMERA.shape, z, dtype=np.float32)


def shot(front: np.ndarray, seed: int = 0) -> Shot:
    """Brown things before a greenish wall, with grain."""
    rng = np.random.default_rng(seed)
    color = np.where(front[..., None], (150, 100, 60), (120, 150, 130)) + rng.normal(0, 4, (*front.shape, 3))
    depth = np.where(front, NEAR_M, FAR_M).astype(np.float32)
    return Shot(front, color.clip(0, 255).astype(np.uint8), depth)


def disc(x: float = 160, y: float = 120, radius: float = 60) -> np.ndarray:
    v, u = np.mgrid[: CAMERA.height, : CAMERA.width]
    return (u - x) ** 2 + (v - y) ** 2 < radius**2


def wall_mesh(z: float = FAR_M) -> Scene:
    """A scanned wall behind everything."""
    return Scene(mesh=joined([grid_quad((-4, -3, -z), (8, 0, 0), (0, 6, 0), 8)]))


def frayed(depth: np.ndarray, seed: int = 1, pixels: float = 1.0) -> np.ndarray:
    """Edges that wander, as in `sceneforge.synth.sensor`, and depth noise."""
    import cv2

    rng = np.random.default_rng(seed)
    h, w = depth.shape
    wander = [cv2.GaussianBlur(rng.standard_normal((h, w)), (0, 0), 1.2) * 4.2 * pixels for _ in range(2)]
    v, u = np.mgrid[:h, :w]
    at = np.rint(v + wander[0]).clip(0, h - 1).astype(int), np.rint(u + wander[1]).clip(0, w - 1).astype(int)
    return np.asarray(depth[at] * (1 + 0.003 * rng.standard_normal((h, w))), dtype=np.float32)
