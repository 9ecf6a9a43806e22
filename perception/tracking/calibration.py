"""Whether colour and depth cameras agree, from the scan itself.

Captures often give one nominal camera for both images though they were never registered: features then move by another
angle than the surfaces under them. Pairs of views whose motion the surfaces alone determine tell how the colour image's
rays have to be scaled and shifted to agree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sceneforge.core.arrays import Float32, Float64, Int32

from .links import Link, matched, refine
from .views import View

PAIRS = 24
"""At most this many pairs of views are looked at."""


@dataclass(frozen=True)
class ColorCorrection:
    """Corrected ray = scale * ray + shift, in normalised image coordinates."""

    scale: float
    """Above 1 where the colour camera's focal length is shorter than given."""
    shift: Float64
    """(2,) right and down."""


def color_correction(views: list[View], links: list[Link]) -> ColorCorrection | None:
    """The correction that lets features follow the surfaces, or None where the given cameras do as well.

    Robust Gauss-Newton over scale and shift on the reprojection errors of matches under motions found from depth alone.

    Args:
        views: All views.
        links: Trustworthy links between them.
    """
    firm = [x for x in links if x.firmness > 4 and x.agreement > 0.85]
    chosen = [firm[k] for k in np.unique(np.linspace(0, len(firm) - 1, min(PAIRS, len(firm))).astype(int))]
    if len(chosen) < 4:
        return None
    nothing = np.zeros((0, 2), dtype=np.int32)
    data = [(views[x.a], views[x.b], refine(views, x.a, x.b, x.T_a_b, nothing, color=False).T_a_b, x) for x in chosen]
    pairs = [matched(a, b) for a, b, _, _ in data]

    def errors(theta: Float64) -> Float64:
        correction = ColorCorrection(float(np.exp(theta[0])), theta[1:3])
        parts = [_pair_errors(a, b, T, m, correction) for (a, b, T, _), m in zip(data, pairs, strict=True)]
        return np.concatenate(parts)

    theta, before = np.zeros(3), errors(np.zeros(3))
    best = _median(before)
    for reach in (6.0, 6.0, 6.0, 6.0, 4.0, 4.0, 2.0, 2.0, 2.0, 2.0):
        e = errors(theta)
        steps = np.diag([2e-3, 5e-4, 5e-4])
        J = np.stack([(errors(theta + s) - e) / s.max() for s in steps], axis=1)
        usable = (np.abs(e) < 25) & (np.abs(J).max(axis=1) < 2000)  # beyond: depth lost or found on the way
        weight = 1 / (1 + (e[usable] / reach) ** 2)
        Ju = J[usable]
        theta = theta - np.linalg.solve(
            (Ju * weight[:, None]).T @ Ju + np.diag([1.0, 1.0, 1.0]), Ju.T @ (weight * e[usable])
        )
    after = _median(errors(theta))
    plausible = abs(theta[0]) < 0.3 and np.abs(theta[1:]).max() < 0.05
    if not plausible or after > 0.85 * best:
        return None
    return ColorCorrection(float(np.exp(theta[0])), theta[1:3])


def corrected(view: View, correction: ColorCorrection) -> View:
    """The view with its features and luminance where the correction puts them, and the depth found there."""
    rays = view.rays * correction.scale + correction.shift
    return replace(
        view,
        rays=rays,
        depth=map_depth(view, rays),
        pixel=view.pixel * correction.scale,
        shade=_moved(view, correction),
    )


def _moved(view: View, correction: ColorCorrection) -> Float32:
    """Luminance detail (h, w) resampled: the point map's pixels look it up where the colour camera really saw them."""
    import cv2

    h, w = view.shade.shape
    fx, fy, cx, cy = view.camera
    x = ((np.arange(w) - cx) / fx - correction.shift[0]) / correction.scale * fx + cx
    y = ((np.arange(h) - cy) / fy - correction.shift[1]) / correction.scale * fy + cy
    map_x, map_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    moved = cv2.remap(view.shade, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.float32)


def map_depth(view: View, rays: Float64) -> Float64:
    """Depth (n,) of the point map's surface along rays (n, 2), 0 where there is none."""
    h, w, _ = view.points.shape
    u = np.rint(rays[:, 0] * view.camera[0] + view.camera[2]).astype(np.int64)
    v = np.rint(rays[:, 1] * view.camera[1] + view.camera[3]).astype(np.int64)
    inside = (u >= 0) & (v >= 0) & (u < w) & (v < h)
    u, v = np.where(inside, u, 0), np.where(inside, v, 0)
    point, normal = view.points[v, u].astype(np.float64), view.normals[v, u].astype(np.float64)
    along = (normal * np.column_stack([rays, np.ones(len(rays))])).sum(axis=1)
    z = (normal * point).sum(axis=1) / np.where(along < -0.05, along, -1)
    good = inside & (along < -0.05) & (np.abs(z - point[:, 2]) < 0.05 * point[:, 2])
    return np.where(good, z, 0.0)


def _pair_errors(a: View, b: View, T: Float64, pairs: Int32, correction: ColorCorrection) -> Float64:
    """Signed reprojection errors in pixels (4 m,), 100 where unknown."""
    ra = a.rays[pairs[:, 0]] * correction.scale + correction.shift
    rb = b.rays[pairs[:, 1]] * correction.scale + correction.shift
    out = []
    for from_view, rays, target, M in ((b, rb, ra, T), (a, ra, rb, np.linalg.inv(T))):
        z = map_depth(from_view, rays)
        p = np.column_stack([rays * z[:, None], z]) @ M[:3, :3].T + M[:3, 3]
        known = (z > 0) & (p[:, 2] > 0.05)
        e = (p[:, :2] / np.where(known, p[:, 2], 1)[:, None] - target) / from_view.pixel
        out.append(np.where(known[:, None], e, 100.0).ravel())
    return np.concatenate(out)


def _median(errors: Float64) -> float:
    known = errors[np.abs(errors) < 99]
    return float(np.median(np.abs(known))) if len(known) else 0.0
