"""Depth from posed pictures alone: plane sweep, normalised correlation, semi-global smoothing.

Collins 1996 (plane sweep) with the best half of the views per pixel against occlusion (Kang, Szeliski & Chai 2001) and
semi-global aggregation (Hirschmüller 2008) along eight directions. What two views agree on is kept (`consistent`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, Frame
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.transforms import inverse

WIDTH = 320
"""Pictures are swept at about this width."""
NEAR_M, FAR_M = 0.35, 12.0
STEPS = 112
"""Planes, evenly spaced in inverse depth."""
VIEWS = 5
"""Other pictures compared with each."""
WINDOW = 5
"""Correlation window, pixels."""
TURN_RAD = 0.6
"""Pictures turned farther from each other share too little."""
BEST_BASE_M = 0.2
"""Preferred distance of two cameras: wide enough to measure, near enough to look alike."""
NOISE = 2.0
"""Standard deviation of luminance that is the camera's own."""
OUTSIDE = 0.6
"""Cost where another picture does not reach: a little worse than knowing nothing."""
SMALL, LARGE = 0.05, 0.6
"""Penalties for one step and for any jump between neighbours; costs run from 0 to 1."""


@dataclass(frozen=True)
class Picture:
    """A posed picture as the sweep uses it."""

    gray: Float32
    """(h, w) luminance 0..255."""
    camera: Camera
    """Its intrinsics."""
    T_world_camera: Float64
    """(4, 4)."""


@dataclass(frozen=True)
class Sweep:
    """Depth of one picture."""

    w: Float32
    """(h, w) inverse depth 1/m, 0 = none."""
    certainty: Float32
    """(h, w) 0..1: how much better the winner is than any other depth."""
    step: float
    """Distance of two planes in inverse depth."""


def picture(frame: Frame) -> Picture:
    """A frame as the sweep uses it.

    Raises:
        ValueError: It has no pose.
    """
    import cv2

    if frame.T_world_camera is None:
        raise ValueError(f"frame {frame.name} has no pose")
    c = frame.camera
    k = min(1.0, WIDTH / c.width)
    size = (max(round(c.width * k), 16), max(round(c.height * k), 16))
    gray = cv2.cvtColor(frame.color, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    return Picture(small.astype(np.float32), c.resized(*size), frame.T_world_camera)


def partners(pictures: Sequence[Picture], i: int) -> list[int]:
    """The pictures best compared with picture i, best first: near by, not too near, looking the same way."""
    T = pictures[i].T_world_camera
    scored = []
    for j, other in enumerate(pictures):
        base = float(np.linalg.norm(other.T_world_camera[:3, 3] - T[:3, 3]))
        turn = float(np.arccos(np.clip(other.T_world_camera[:3, 2] @ T[:3, 2], -1, 1)))
        if j == i or base < 0.02 or base > 1.0 or turn > TURN_RAD:
            continue
        scored.append((abs(np.log(base / BEST_BASE_M)) + 2 * turn, j))
    return [j for _, j in sorted(scored)[:VIEWS]]


def sweep(reference: Picture, others: Sequence[Picture], *, near_m: float = NEAR_M, far_m: float = FAR_M) -> Sweep:
    """Depth of `reference` from the pictures beside it.

    Args:
        reference: The picture to find depth for.
        others: At least one picture that sees the same.
        near_m, far_m: Depths searched.

    Raises:
        ValueError: `others` is empty.
    """
    from .sweep_kernels import aggregate, winners

    if not others:
        raise ValueError("depth from several views needs another view")
    planes = np.linspace(1 / far_m, 1 / near_m, STEPS)
    cost = _costs(reference, others, planes)
    total = np.zeros_like(cost)
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1)):
        aggregate(cost, reference.gray, dy, dx, SMALL, LARGE, total)
    at, certainty = winners(total)
    step = float(planes[1] - planes[0])
    w = np.where(certainty > 0, planes[0] + step * at, 0).astype(np.float32)
    return Sweep(w, certainty, step)


def _costs(reference: Picture, others: Sequence[Picture], planes: Float64) -> Float32:
    """(h, w, d) matching cost 0..1 of every pixel at every inverse depth."""
    import cv2

    from .sweep_kernels import best_half

    h, w = reference.gray.shape
    window = (WINDOW, WINDOW)
    mean: Float32 = np.asarray(cv2.boxFilter(reference.gray, -1, window), dtype=np.float32)
    variance = np.maximum(cv2.boxFilter(reference.gray**2, -1, window) - mean**2, 0)
    spread = np.sqrt(variance + NOISE**2)
    texture = variance / (variance + (2 * NOISE) ** 2)  # windows without any say nothing
    K_inverse = np.linalg.inv(reference.camera.K)
    relative = [inverse(o.T_world_camera) @ reference.T_world_camera for o in others]
    out = np.empty((len(planes), h, w), np.float32)
    mean_of, square, product = (np.empty((len(others), h, w), np.float32) for _ in range(3))
    for d, inverse_depth in enumerate(planes):
        for k, (other, T) in enumerate(zip(others, relative, strict=True)):
            plane = np.zeros((3, 3))
            plane[:, 2] = T[:3, 3] * inverse_depth
            H = other.camera.K @ (T[:3, :3] + plane) @ K_inverse
            seen = cv2.warpPerspective(
                other.gray, H, (w, h), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=-1000.0
            )
            cv2.boxFilter(seen, -1, window, dst=mean_of[k])
            cv2.boxFilter(seen * seen, -1, window, dst=square[k])
            cv2.boxFilter(seen * reference.gray, -1, window, dst=product[k])
        best_half(mean_of, square, product, mean, spread, texture, NOISE, OUTSIDE, out[d])
    return np.ascontiguousarray(out.transpose(1, 2, 0))


def consistent(pictures: Sequence[Picture], sweeps: Sequence[Sweep | None], i: int, views: Sequence[int]) -> UInt8:
    """(h, w) in how many of `views` the depth of picture i is found again, within two steps of the sweep."""
    mine = sweeps[i]
    assert mine is not None
    p = pictures[i]
    count = np.zeros(mine.w.shape, np.uint8)
    z = np.divide(1, mine.w, out=np.zeros_like(mine.w), where=mine.w > 0)
    points = (p.camera.rays() * z[..., None]).reshape(-1, 3)
    for j in views:
        theirs = sweeps[j]
        if theirs is None:
            continue
        T = inverse(pictures[j].T_world_camera) @ p.T_world_camera
        pixel, depth = pictures[j].camera.project(points @ T[:3, :3].T + T[:3, 3])
        h, w = theirs.w.shape
        with np.errstate(invalid="ignore"):
            at = np.rint(np.nan_to_num(pixel, nan=-1.0)).astype(int)
        inside = (at[:, 0] >= 0) & (at[:, 0] < w) & (at[:, 1] >= 0) & (at[:, 1] < h) & (depth > 0)
        found = np.zeros(len(at), np.float32)
        found[inside] = theirs.w[at[inside, 1], at[inside, 0]]
        expected = np.divide(1, depth, out=np.zeros_like(depth), where=inside)
        same = inside & (found > 0) & (np.abs(found - expected) < 2 * max(mine.step, theirs.step))
        count += same.reshape(count.shape).astype(np.uint8)
    return np.where(mine.w > 0, count, 0).astype(np.uint8)


def kept(sweep_: Sweep, count: UInt8, views: int) -> NDArray[np.bool_]:
    """(h, w) pixels to believe: found again in two other views, or in one and beyond doubt."""
    least = 2 if views >= 3 else 1
    return np.asarray((count >= least) & (sweep_.certainty > 0.02) | (count >= 1) & (sweep_.certainty > 0.15))
