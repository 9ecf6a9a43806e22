"""Depth from geometry alone: a room is a box, the camera is held at a person's chest, and the walls meet the floor.

No learned weights. Up is taken as given, else from the picture's upright lines, else the camera is level. The walls'
directions come from the level lines of the picture (two vanishing points); their distances are those whose edges the
picture shows best (after Hedau, Hoiem & Forsyth 2009, without their learned parts). What stands in the room is not
seen: the answer is the room's shell, and says so with a wide sigma.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from sceneforge.core import Camera
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.perception.depth.estimator import DepthEstimator, DepthGuess

CAMERA_HEIGHT_M = 1.5
"""How high people hold a camera."""
ROOM_HEIGHT_M = 2.5
OCCUPIED = 0.8
"""Furniture stands before the shell: median ratio of measured depth to it, over four captures."""
SIGMA_SHARE = 0.5
"""What stands in the room is not seen, and the camera's height is assumed."""
WIDTH = 240
"""The picture is looked at this wide."""
AHEAD = (1.8, 2.3, 3.0, 3.8, 4.8, 6.0)
ASIDE = (1.0, 1.5, 2.1, 2.9, 4.0, 5.5)
"""Distances of walls tried, metres."""
MIN_LINE = 0.06
"""Shortest line looked at, as a share of the picture's width."""
UPRIGHT_RAD = 0.5
"""How far a camera may be turned from level for its upright lines to be found."""


def load(*, camera_height_m: float = CAMERA_HEIGHT_M, room_height_m: float = ROOM_HEIGHT_M) -> DepthEstimator:
    """The estimator that needs no weights.

    Args:
        camera_height_m: Height of the camera above the floor.
        room_height_m: Height of the ceiling.
    """
    return _Box(camera_height_m, room_height_m)


class _Box:
    name = "embedded"

    def __init__(self, camera_height_m: float, room_height_m: float) -> None:
        self._down, self._over = camera_height_m, max(room_height_m - camera_height_m, 0.3)

    def estimate(self, color: UInt8, camera: Camera, up: Float64 | None = None) -> DepthGuess:
        """See `DepthEstimator`."""
        import cv2

        k = min(1.0, WIDTH / camera.width)
        size = (max(round(camera.width * k), 16), max(round(camera.height * k), 16))
        small = camera.resized(*size)
        shrunk = cv2.resize(color, size, interpolation=cv2.INTER_AREA)
        gray = np.asarray(cv2.cvtColor(shrunk, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        planes, weights = _line_planes(gray, small)
        notes = []
        if up is None:
            up, sure = _upright(planes, weights)
            notes.append("up from the picture's upright lines" if sure else "the camera is taken to be level")
        forward = _walls(planes, weights, up)
        T = np.column_stack([np.cross(-up, forward), -up, forward])  # room axes in camera axes: x right, y down
        edges = cv2.GaussianBlur(gray, (0, 0), 1.0).astype(np.float32)
        strength = np.hypot(cv2.Sobel(edges, cv2.CV_32F, 1, 0), cv2.Sobel(edges, cv2.CV_32F, 0, 1))
        strength = cv2.GaussianBlur(strength / (strength + np.median(strength) + 4), (0, 0), 1.0)
        rays = (small.rays() @ T.astype(np.float32)).reshape(*small.shape, 3)
        sides = max(product(AHEAD, ASIDE, ASIDE), key=lambda s: self._score(rays, s, strength))
        full = (camera.rays() @ T.astype(np.float32)).reshape(*camera.shape, 3)
        depth, _ = self._shell(full, sides)
        notes.append(f"a box of a room, camera {self._down:g} m high: nothing in it is seen")
        return DepthGuess(np.float32(OCCUPIED) * depth, "metric", SIGMA_SHARE, "; ".join(notes))

    def _shell(self, rays: Float32, sides: tuple[float, float, float]) -> tuple[Float32, UInt8]:
        """z-depth (H, W) of the box's inside along rays in room axes, and which face is hit."""
        ahead, left, right = sides
        x, y, z = rays[..., 0], rays[..., 1], rays[..., 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            hits = np.stack(
                [
                    np.where(y > 0, self._down / y, np.inf),
                    np.where(y < 0, -self._over / y, np.inf),
                    np.where(z > 0, ahead / z, np.inf),
                    np.where(x < 0, -left / x, np.inf),
                    np.where(x > 0, right / x, np.inf),
                    np.where(z < 0, -3.0 / z, np.inf),
                ]
            )
        return hits.min(axis=0).astype(np.float32), hits.argmin(axis=0).astype(np.uint8)

    def _score(self, rays: Float32, sides: tuple[float, float, float], strength: Float32) -> float:
        """Mean strength of the picture's edges where the box has its own."""
        _, face = self._shell(rays, sides)
        own = np.zeros(face.shape, bool)
        own[:, 1:] |= face[:, 1:] != face[:, :-1]
        own[1:] |= face[1:] != face[:-1]
        count = int(own.sum())
        return float(strength[own].sum(dtype=np.float64)) / (count + 0.25 * sum(face.shape))


def _line_planes(gray: UInt8, camera: Camera) -> tuple[Float64, Float64]:
    """Normals (n, 3) of the planes through the camera and each straight line of the picture, and the lines' lengths."""
    import cv2

    found = cv2.HoughLinesP(
        cv2.Canny(gray, 40, 120), 1, np.pi / 360, 20, minLineLength=MIN_LINE * camera.width, maxLineGap=3
    )
    if found is None:
        return np.zeros((0, 3)), np.zeros(0)
    ends = np.asarray(found, dtype=np.float64).reshape(-1, 2, 2)
    rays = np.concatenate([(ends - [camera.cx, camera.cy]) / [camera.fx, camera.fy], np.ones((*ends.shape[:2], 1))], 2)
    normal = np.cross(rays[:, 0], rays[:, 1])
    length = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1)
    size = np.linalg.norm(normal, axis=1)
    good = size > 1e-9
    return normal[good] / size[good, None], length[good]


def _upright(planes: Float64, weights: Float64) -> tuple[Float64, bool]:
    """Up in camera axes, from lines that meet at the upright vanishing point; level where too few do."""
    level = np.array([0.0, -1.0, 0.0])
    near = np.abs(planes @ level) < np.sin(UPRIGHT_RAD)
    best, support = level, 0.0
    n, w = planes[near], weights[near]
    for i in range(min(len(n), 60)):
        for j in range(i + 1, min(len(n), 60)):
            v = np.cross(n[i], n[j])
            size = np.linalg.norm(v)
            if size < 0.05:
                continue
            v = v / size * -np.sign(v[1] or 1)
            if v @ level < np.cos(UPRIGHT_RAD):
                continue
            score = float(w[np.abs(n @ v) < 0.02].sum())
            if score > support:
                best, support = v, score
    sure = support > 0.35 * max(w.sum(), 1e-9) and len(n) >= 6
    return (best, True) if sure else (level, False)


def _walls(planes: Float64, weights: Float64, up: Float64) -> Float64:
    """The wall direction nearest to where the camera looks: level lines run along one of two directions."""
    ahead = np.array([0.0, 0, 1]) - up[2] * up
    ahead /= max(float(np.linalg.norm(ahead)), 1e-9)
    aside = np.cross(-up, ahead)
    level = np.abs(planes @ up) > 0.03
    best, support = ahead, -1.0
    for angle in np.radians(np.arange(-45, 45, 1.5)):
        d = np.cos(angle) * ahead + np.sin(angle) * aside
        e = np.cross(-up, d)
        along = np.minimum(np.abs(planes @ d), np.abs(planes @ e))
        score = float((weights * np.exp(-0.5 * (along / 0.02) ** 2))[level].sum())
        if score > support + 1e-9:
            best, support = d, score
    return np.asarray(best)
