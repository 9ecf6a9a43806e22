"""Camera track of pictures without depth: two views to begin with, one picture after the other, all refined together.

Incremental structure from motion (Schönberger & Frahm 2016, in small): root-SIFT matches verified by the essential
matrix (Nistér 2004), joined to tracks; the widest well-matched pair starts; pictures that see enough known points are
added by PnP; bundle adjustment in between. The result has no size: see `scale`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sceneforge.core import FrameError, Progress, Scan, ScanError, silent
from sceneforge.core.arrays import Float64, Int32, UInt8

from .bundle import Observations, adjust, residuals
from .features import detect, match, picture_vectors

LIMIT = 1200
"""Features per picture."""
STEPS, LOOKALIKES = 4, 5
"""Pictures matched with each: the next ones in time, and those that look most alike."""
TOLERANCE_PX = 2.0
"""Distance from the epipolar line or the projected point, in pixels of a picture 640 wide."""
MIN_MATCHES = 25
MIN_SEEN = 15
"""Known points that place a picture."""
MIN_ANGLE_RAD = 0.025
"""Smallest angle between two rays that gives a point depth."""


@dataclass(frozen=True)
class Structure:
    """Cameras and points up to one common scale."""

    T_camera_world: dict[int, Float64]
    """(4, 4) by frame index."""
    points: Float64
    """(m, 3) in the world, which is the first camera of the starting pair; its baseline has length 1."""
    seen: Observations
    """Camera numbers are positions in `frames`."""
    frames: tuple[int, ...]
    """Frame indices with a pose, ascending."""
    error_px: float
    """Median reprojection error, pixels of a picture 640 wide."""


@dataclass
class _Work:
    rays: list[Float64]
    """Per picture (n, 2) normalised coordinates."""
    tracks: list[dict[int, int]]
    """Per track: picture -> feature."""
    tolerance: float
    """In normalised coordinates."""
    poses: dict[int, Float64] = field(default_factory=dict)
    points: dict[int, Float64] = field(default_factory=dict)


def structure(
    scan: Scan, *, seed: int = 0, progress: Progress = silent, bad: list[FrameError] | None = None
) -> Structure:
    """Find cameras and points from the pictures alone.

    Args:
        scan: The capture; depth and poses in it are not looked at.
        seed: Of the random draws.
        progress: Told of each stage.
        bad: Collects the errors of unreadable frames.

    Raises:
        ScanError: No two pictures are matched well enough to begin.
    """
    import cv2

    cv2.setRNGSeed(seed + 1)
    indices, rays, descriptors = [], [], []
    tolerance = 0.0
    for frame in scan.frames(bad=bad if bad is not None else []):
        c = frame.camera
        xy, d = detect(np.asarray(cv2.cvtColor(frame.color, cv2.COLOR_RGB2GRAY), dtype=np.uint8), LIMIT)
        indices.append(frame.index)
        rays.append((xy - [c.cx, c.cy]) / [c.fx, c.fy])
        descriptors.append(d)
        tolerance = TOLERANCE_PX * c.width / 640 / c.fx
        progress("features", len(indices), len(scan))
    matches = _matches(rays, descriptors, tolerance, seed, progress)
    work = _Work(rays, _tracks(matches), tolerance)
    if not _begin(work, matches):
        raise ScanError(
            "no two pictures show the same place from apart", path=scan.path, expected="overlapping pictures that move"
        )
    _grow(work, len(indices), progress)
    return _finished(work, indices, tolerance)


def _matches(
    rays: list[Float64], descriptors: list[UInt8], tolerance: float, seed: int, progress: Progress
) -> dict[tuple[int, int], Int32]:
    """Verified matches (m, 2) by pair of pictures."""
    import cv2

    n = len(rays)
    pairs = {(i, i + k) for i in range(n) for k in range(1, STEPS + 1) if i + k < n}
    if n > STEPS + 1:
        vectors = picture_vectors(descriptors, seed)
        alike = vectors @ vectors.T
        for i in range(n):
            order = np.argsort(-alike[i], kind="stable")
            pairs |= {(min(i, int(j)), max(i, int(j))) for j in order[: LOOKALIKES + 1] if int(j) != i}
    out: dict[tuple[int, int], Int32] = {}
    for done, (i, j) in enumerate(sorted(pairs)):
        progress("links", done + 1, len(pairs))
        m = match(descriptors[i], descriptors[j])
        if len(m) < MIN_MATCHES:
            continue
        a, b = rays[i][m[:, 0]], rays[j][m[:, 1]]
        E, mask = cv2.findEssentialMat(a, b, np.eye(3), cv2.RANSAC, 0.9995, tolerance)
        if np.ndim(E) != 2 or np.ndim(mask) != 2:  # none was found
            continue
        good = mask.ravel() > 0
        if good.sum() >= MIN_MATCHES and good.mean() > 0.3:
            out[i, j] = m[good]
    return out


def _tracks(matches: dict[tuple[int, int], Int32]) -> list[dict[int, int]]:
    """Features joined over all pictures; a track that holds two features of one picture is wrong and left out."""
    parent: dict[tuple[int, int], tuple[int, int]] = {}

    def root(x: tuple[int, int]) -> tuple[int, int]:
        parent.setdefault(x, x)
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for (i, j), m in sorted(matches.items()):
        for p, q in m.tolist():
            a, b = root((i, p)), root((j, q))
            if a != b:
                parent[max(a, b)] = min(a, b)
    groups: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for x in sorted(parent):
        groups.setdefault(root(x), []).append(x)
    return [dict(g) for _, g in sorted(groups.items()) if len({k for k, _ in g}) == len(g) >= 2]


def _begin(work: _Work, matches: dict[tuple[int, int], Int32]) -> bool:
    """Place the two pictures that see the most points from well apart."""
    import cv2

    best, most = None, 0.0
    ranked = sorted(matches.items(), key=lambda item: (-len(item[1]), item[0]))[:60]
    for (i, j), m in ranked:
        a, b = work.rays[i][m[:, 0]], work.rays[j][m[:, 1]]
        E, mask = cv2.findEssentialMat(a, b, np.eye(3), cv2.RANSAC, 0.9995, work.tolerance)
        if np.shape(E) != (3, 3):  # none was found, or several
            continue
        _, R, t, mask, X = cv2.recoverPose(E, a, b, np.eye(3), distanceThresh=200.0, mask=mask)
        good = mask.ravel() > 0
        if good.sum() < MIN_MATCHES:
            continue
        points = (X[:3] / np.where(np.abs(X[3]) < 1e-9, 1e-9, X[3])).T[good]
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = R, t.ravel()
        angle = _angles(points, np.zeros(3), np.asarray(-R.T @ t.ravel(), dtype=np.float64))
        score = float(good.sum()) * min(1.0, float(np.median(angle)) / 0.12)
        if score > most and np.median(angle) > MIN_ANGLE_RAD:
            best, most = (i, j, T), score
    if best is None:
        return False
    i, j, T = best
    work.poses = {i: np.eye(4), j: T}
    _triangulate(work)
    _refine(work)
    return len(work.points) >= MIN_SEEN


def _angles(X: Float64, a: Float64, b: Float64) -> Float64:
    u, v = X - a, X - b
    u /= np.maximum(np.linalg.norm(u, axis=-1, keepdims=True), 1e-12)
    v /= np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)
    return np.asarray(np.arccos(np.clip((u * v).sum(axis=-1), -1, 1)))


def _grow(work: _Work, count: int, progress: Progress) -> None:
    """Add picture after picture, the best supported first."""
    refined = len(work.poses)
    failed: set[int] = set()
    while True:
        seen: dict[int, list[tuple[int, int]]] = {}
        for t in work.points:
            for k, f in work.tracks[t].items():
                if k not in work.poses and k not in failed:
                    seen.setdefault(k, []).append((t, f))
        ready = [(len(v), -k) for k, v in seen.items() if len(v) >= MIN_SEEN]
        if not ready:
            if not failed or refined == len(work.poses):
                return
            failed, refined = set(), len(work.poses)  # what was added since may help those that failed
            _refine(work)
            continue
        k = -max(ready)[1]
        if not _place(work, k, seen[k]):
            failed.add(k)
            continue
        _triangulate(work, k)
        progress("surfaces", len(work.poses), count)
        if len(work.poses) >= 1.2 * refined + 1:
            _refine(work)
            refined = len(work.poses)
            failed.clear()


def _place(work: _Work, k: int, seen: list[tuple[int, int]]) -> bool:
    import cv2

    X = np.array([work.points[t] for t, _ in seen])
    x = np.array([work.rays[k][f] for _, f in seen])
    ok, r, t, inliers = cv2.solvePnPRansac(
        X, x, np.eye(3), None, iterationsCount=2000, reprojectionError=2 * work.tolerance, flags=cv2.SOLVEPNP_SQPNP
    )
    if not ok or inliers is None or len(inliers) < MIN_SEEN or len(inliers) < 0.3 * len(seen):
        return False
    at = inliers.ravel()
    r, t = cv2.solvePnPRefineLM(X[at], x[at], np.eye(3), None, r, t)
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = cv2.Rodrigues(r)[0], t.ravel()
    work.poses[k] = T
    return True


def _triangulate(work: _Work, new: int | None = None) -> None:
    """Points of the tracks that two or more placed pictures see from apart (linear, all views together)."""
    for t, track in enumerate(work.tracks):
        if t in work.points or (new is not None and new not in track):
            continue
        views = [k for k in track if k in work.poses]
        if len(views) < 2:
            continue
        T = np.stack([work.poses[k] for k in views])
        x = np.stack([work.rays[k][track[k]] for k in views])
        rows = np.concatenate([x[:, :1] * T[:, 2] - T[:, 0], x[:, 1:] * T[:, 2] - T[:, 1]])
        h = np.linalg.svd(rows)[2][-1]
        if abs(h[3]) < 1e-9:
            continue
        X = h[:3] / h[3]
        Xc = T[:, :3, :3] @ X + T[:, :3, 3]
        if (Xc[:, 2] <= 0.05).any() or np.abs(Xc[:, :2] / Xc[:, 2:] - x).max() > 2 * work.tolerance:
            continue
        centres = -np.einsum("kji,kj->ki", T[:, :3, :3], T[:, :3, 3])
        u = X - centres
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        if np.arccos(np.clip((u @ u.T).min(), -1, 1)) < MIN_ANGLE_RAD:
            continue
        work.points[t] = X


def _observed(work: _Work) -> tuple[list[int], list[int], Observations]:
    cameras, points = sorted(work.poses), sorted(work.points)
    number = {k: n for n, k in enumerate(cameras)}
    rows = [
        (number[k], p, *work.rays[k][f])
        for p, t in enumerate(points)
        for k, f in sorted(work.tracks[t].items())
        if k in number
    ]
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return cameras, points, Observations(table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2:])


def _refine(work: _Work) -> None:
    """Bundle adjustment; observations that are far off leave their track, points that are left alone go."""
    for _ in range(2):
        cameras, points, seen = _observed(work)
        if len(cameras) < 2 or not points:
            return
        T, X = adjust(
            np.stack([work.poses[k] for k in cameras]),
            np.array([work.points[t] for t in points]),
            seen,
            huber=0.5 * work.tolerance,
        )
        work.poses = dict(zip(cameras, T, strict=True))
        work.points = dict(zip(points, X, strict=True))
        r, Xc = residuals(T, X, seen)
        off = (np.linalg.norm(r, axis=1) > 2 * work.tolerance) | (Xc[:, 2] <= 0)
        for c, p in zip(seen.camera[off].tolist(), seen.point[off].tolist(), strict=True):
            work.tracks[points[p]].pop(cameras[c], None)
        for t in points:
            if sum(k in work.poses for k in work.tracks[t]) < 2:
                work.points.pop(t, None)
        if not off.any():
            return


def _finished(work: _Work, indices: list[int], tolerance: float) -> Structure:
    _triangulate(work)
    _refine(work)
    cameras, points, seen = _observed(work)
    T = np.stack([work.poses[k] for k in cameras])
    X = np.array([work.points[t] for t in points])
    error = float(np.median(np.linalg.norm(residuals(T, X, seen)[0], axis=1))) / tolerance * TOLERANCE_PX
    frames = tuple(indices[k] for k in cameras)
    return Structure(dict(zip(frames, T, strict=True)), X, seen, frames, error)
