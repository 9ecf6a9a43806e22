"""Links: the measured relative pose of two views, with what speaks for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float64, Int32

from .alignment import DENSE_WEIGHT, GATES, NOISE, Features, align, coarse_align, dense_both
from .consensus import relative_pose, reprojection_errors
from .features import match
from .geometry import adjoint, exp
from .views import View

TOLERANCE_PIXELS = 3.0
"""Reprojection error of an inlier in pixels of a picture 640 wide."""
FLOOR = np.array([0.004, 0.004, 0.004, 0.003, 0.003, 0.003])
"""Errors that no number of points averages out (calibration, timing): metres and radians about the view's middle."""


@dataclass(frozen=True)
class Link:
    """Relative pose of two views."""

    a: int
    """Reference view (position in the list of views)."""
    b: int
    """Other view."""
    T_a_b: Float64
    """(4, 4) pose of b's camera in a's."""
    information: Float64
    """(6, 6) inverse covariance of T_a_b under exp(x) T_a_b."""
    matches: int
    """Feature matches that agree with the pose."""
    match_share: float
    """Their share among all matches."""
    spread: float
    """How well they cover both pictures: 0..1, area of their bounding ellipse over the picture's."""
    overlap: float
    """Share of the smaller view's points that fall on the other's."""
    agreement: float
    """Share of those that lie on its surface."""
    seen_through: float
    """Share of those in front of it: the other camera looked through them."""
    shade: float
    """Correlation of the luminance detail on the agreeing points, -1..1."""
    firmness: float
    """Smallest constraint of the depth on any motion, in standard deviations per centimetre or half a degree."""


def matched(a: View, b: View) -> Int32:
    """Feature matches (m, 2) of two views."""
    return match(a.descriptors, b.descriptors)


def link_by_features(views: list[View], i: int, j: int, seed: int) -> Link | None:
    """Link of views i and j from their feature matches, refined on everything; None without a consensus."""
    a, b = views[i], views[j]
    pairs = matched(a, b)
    if len(pairs) < 6:
        return None
    ia, ib = pairs.T
    tolerance = TOLERANCE_PIXELS * max(a.pixel, b.pixel)
    found = relative_pose(
        a.rays[ia], a.depth[ia], b.rays[ib], b.depth[ib], tolerance=tolerance, seed=hash_pair(seed, a.index, b.index)
    )
    if found is None:
        return None
    return refine(views, i, j, found[0], pairs)


def link_by_depth(views: list[View], i: int, j: int, motion: Float64) -> Link | None:
    """Link of neighbouring views from their surfaces and luminance alone.

    Starts from no motion and from the expected one, turned by a grid of small rotations, since projective association
    only follows turns of a few degrees; a coarse alignment ranks the starts and the best are refined.

    Args:
        views: All views.
        i: Reference view.
        j: Other view.
        motion: Expected T_a_b (4, 4), the one before it, say.
    """
    a, b = views[i], views[j]
    turns = [np.radians([pitch, yaw, 0.0]) for pitch in (0, -8, 8) for yaw in (0, -6, 6, -12, 12)]
    starts = [T @ exp(np.r_[0, 0, 0, w]) for T in (motion, np.eye(4)) for w in turns]
    ranked = sorted(((coarse_align(a, b, T), k) for k, T in enumerate(starts)), key=lambda x: (-x[0][1], x[1]))
    pairs = matched(a, b)
    found = [refine(views, i, j, T, pairs) for (T, _), _ in ranked[:3]]
    return max(found, key=fit)


def fit(link: Link) -> float:
    """0..1: how well surfaces and luminance agree."""
    return link.agreement * max(0.0, link.shade) * min(1.0, link.overlap / 0.5)


def hash_pair(seed: int, a: int, b: int) -> int:
    """A seed of its own for each pair of frames."""
    return (seed * 1_000_003 + a * 7919 + b * 104_729) % (2**31)


def refine(views: list[View], i: int, j: int, T_a_b: Float64, pairs: Int32, *, color: bool = True) -> Link:
    """Refine a relative pose on everything the two views share, and measure what speaks for it.

    Where depth pulls the pose away from what most of the feature matches say, depth is taken to be worse than assumed
    and weighs less.

    Args:
        views: All views.
        i: Reference view.
        j: Other view.
        T_a_b: First guess (4, 4).
        pairs: Feature matches (m, 2).
        color: Whether luminance takes part.
    """
    a, b = views[i], views[j]
    ia, ib = pairs[:, 0], pairs[:, 1]
    tolerance = TOLERANCE_PIXELS * max(a.pixel, b.pixel)
    features = (a.rays[ia], a.depth[ia], b.rays[ib], b.depth[ib])

    def agreeing(T: Float64) -> NDArray[np.bool_]:
        return np.asarray(reprojection_errors(T[None], *features)[0] <= tolerance)

    start = agreeing(T_a_b).sum()
    T = align(a, b, T_a_b, features, tolerance, color=color, dense_weight=DENSE_WEIGHT)
    if start >= 12 and agreeing(T).sum() < 0.6 * start:
        T = align(a, b, T_a_b, features, tolerance, color=color, dense_weight=DENSE_WEIGHT / 20)
    return _measured(views, i, j, T, features, agreeing(T))


def _measured(views: list[View], i: int, j: int, T: Float64, features: Features, inliers: NDArray[np.bool_]) -> Link:
    """The link with this pose and what speaks for it."""
    from .kernels import feature_equations

    a, b = views[i], views[j]
    H, _, stats = dense_both(a, b, T, GATES[-1], False, 1)
    H = H * DENSE_WEIGHT
    to_camera = _about_centre(a)
    firmness = 0.01 * float(np.sqrt(max(0.0, np.linalg.eigvalsh(to_camera.T @ H @ to_camera)[0])))
    if inliers.any():
        sigma = TOLERANCE_PIXELS * max(a.pixel, b.pixel) / 2
        H = H + feature_equations(T, *(x[inliers] for x in features), sigma, NOISE)[0]
    floor = to_camera @ np.diag(FLOOR**2) @ to_camera.T
    seen = max(1.0, float(stats[0]))
    points = min(np.count_nonzero(a.points[..., 2] > 0), np.count_nonzero(b.points[..., 2] > 0))
    return Link(
        i,
        j,
        T,
        information=np.asarray(np.linalg.inv(np.linalg.inv(H + 1e-3 * np.eye(6)) + floor), dtype=np.float64),
        matches=int(inliers.sum()),
        match_share=float(inliers.sum() / max(1, len(inliers))),
        spread=min(_spread(a, features[0][inliers]), _spread(b, features[2][inliers])),
        overlap=float(stats[0] / 2 / max(1, points)),
        agreement=float(stats[1] / seen),
        seen_through=float(stats[2] / seen),
        shade=float(stats[5] / max(1e-9, np.sqrt(stats[6] * stats[7]))),
        firmness=firmness,
    )


def _about_centre(view: View) -> Float64:
    """(6, 6) that takes twists about the middle of the view's points to twists about its camera."""
    shift = np.eye(4)
    shift[:3, 3] = np.median(view.points[view.points[..., 2] > 0], axis=0)
    return adjoint(shift)


def _spread(view: View, rays: Float64) -> float:
    """Area of the features' two-sigma ellipse over the picture's area, at most 1."""
    if len(rays) < 3:
        return 0.0
    h, w = view.shade.shape
    area = w * h / (view.camera[0] * view.camera[1])
    return float(min(1.0, np.pi * 4 * np.sqrt(max(0.0, np.linalg.det(np.cov(rays.T)))) / area))
