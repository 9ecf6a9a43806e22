"""How bright every frame is against the others: exposure and white balance of cameras that set them by themselves.

Points of the scanned surface that several frames see are compared, and one gain per frame and channel is solved for all
frames at once (Brown and Lowe, IJCV 2007, section 6, in log space and with robust weights). Chaining from frame to
frame would let small errors, from vignetting for one, pile up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sceneforge.core import Frame, FrameError, Progress, Scan, Scene, silent
from sceneforge.core.arrays import Float32, Float64, Int32, UInt8
from sceneforge.core.color import TO_LINEAR
from sceneforge.core.transforms import inverse

POINTS = 24_000
PER_FRAME = 4_000
PRIOR = 0.02
"""Weight of "like the others" beside each observation: gains drift by nothing where nothing speaks for it."""
ROBUST = 0.15
"""Log ratio from which an observation counts half: shine, moved things, wrong visibility."""


def frame_exposures(
    scan: Scan,
    scene: Scene,
    indices: Sequence[int],
    *,
    bad: list[FrameError] | None = None,
    progress: Progress = silent,
) -> Mapping[int, Float64]:
    """Brightness of frames over their common mean.

    Args:
        scan: The capture.
        scene: With mesh and track.
        indices: Tracked frames to compare.
        bad: Collects frames that cannot be read; without it the first one is raised.
        progress: Told after each frame.

    Returns:
        Frame index -> (3,) linear gain, geometric mean 1; frames that share nothing with others have 1.
    """
    if scene.mesh is None or scene.track is None or not len(scene.mesh.vertices):
        return {i: np.ones(3) for i in indices}
    poses = dict(zip(scene.track.indices, scene.track.T_world_camera, strict=True))
    points = scene.mesh.vertices[:: max(1, len(scene.mesh.vertices) // POINTS)].astype(np.float64)
    read: list[int] = []
    seen: list[Int32] = []
    logs: list[Float32] = []
    for n, frame in enumerate(scan.frames(indices, bad=bad)):
        which, log = _observed(points, frame, poses[frame.index])
        step = max(1, len(which) // PER_FRAME)
        read.append(frame.index)
        seen.append(which[::step])
        logs.append(log[::step])
        progress("exposure", n + 1, len(indices))
    solved = _solve(seen, logs, len(points))
    return dict(zip(read, np.exp(solved), strict=True))


def _observed(points: Float64, frame: Frame, T_world_camera: Float64) -> tuple[Int32, Float32]:
    """Numbers of the points a frame sees well, and the log of their linear colours (n, 3)."""
    T = inverse(T_world_camera)
    p = points @ T[:3, :3].T + T[:3, 3]
    uv, z = frame.camera.project(p)
    ud, _ = frame.depth_camera.project(p)
    h, w = frame.camera.shape
    hd, wd = frame.depth_camera.shape
    with np.errstate(invalid="ignore"):
        inside = (z > 0.2) & (uv > 1).all(axis=1) & (uv[:, 0] < w - 2) & (uv[:, 1] < h - 2)
        inside &= (ud > 0).all(axis=1) & (ud[:, 0] < wd - 1) & (ud[:, 1] < hd - 1)
    which = np.flatnonzero(inside)
    at = np.rint(ud[which]).astype(int)
    d = frame.depth[at[:, 1], at[:, 0]].astype(np.float64)
    near = (d > 0) & (np.abs(d - z[which]) < 0.015 + 0.006 * d * d)
    which = which[near]
    color = _box(frame.color)
    x, y = np.rint(uv[which]).astype(int).T
    value = color[y, x]
    good = (value.min(axis=1) > 0.004) & (value.max(axis=1) < 0.85)
    return which[good].astype(np.int32), np.log(value[good]).astype(np.float32)


def _box(color: UInt8) -> Float32:
    """Linear light, each pixel the mean of 3 x 3: registration is not exact to the pixel."""
    import cv2

    return np.asarray(cv2.blur(TO_LINEAR[color], (3, 3)), dtype=np.float32)


def _solve(seen: Sequence[Int32], logs: Sequence[Float32], points: int) -> Float64:
    """(F, 3) log gains that bring all views of every point together, mean 0."""
    from scipy import sparse

    frames = len(seen)
    if not frames:
        return np.zeros((0, 3))
    rows = np.repeat(np.arange(frames), [len(s) for s in seen])
    columns, values = np.concatenate(seen), np.concatenate(logs).astype(np.float64)
    gains = np.zeros((frames, 3))
    weight = np.ones(len(rows))
    for _ in range(5):
        X = sparse.csr_matrix((weight, (rows, columns)), shape=(frames, points))
        total = np.maximum(np.asarray(X.sum(axis=0)).ravel(), 1e-9)
        own = np.asarray(X.sum(axis=1)).ravel()
        # Points are eliminated: what is left couples frames by the points they share.
        A = np.diag(own * (1 + PRIOR) + 1e-6) - (X @ sparse.diags(1 / total) @ X.T).toarray()
        for c in range(3):
            L = sparse.csr_matrix((weight * values[:, c], (rows, columns)), shape=(frames, points))
            mean = np.asarray(L.sum(axis=0)).ravel() / total
            gains[:, c] = np.linalg.solve(A, np.asarray(L.sum(axis=1)).ravel() - X @ mean)
        surface = [np.bincount(columns, weight * (values[:, c] - gains[rows, c]), points) / total for c in range(3)]
        off = np.sqrt(np.mean([(values[:, c] - gains[rows, c] - surface[c][columns]) ** 2 for c in range(3)], axis=0))
        weight = 1 / (1 + (off / ROBUST) ** 2)
    return np.asarray(gains - gains.mean(axis=0))
