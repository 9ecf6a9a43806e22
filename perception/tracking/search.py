"""Which views are compared: neighbours in time, views that look alike, views that see the same surfaces."""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.progress import Progress

from .evidence import likely, quality, sure, sure_by_depth
from .features import picture_vectors
from .geometry import inverses, rotation_angle
from .links import Link, link_by_depth, link_by_features, matched, refine
from .views import View

Links = dict[tuple[int, int], Link]
"""Links by pair of views, the earlier first."""
SAMPLE = 36
"""This many neighbouring views tell whether colour and depth share a camera."""
NEIGHBOURS = 3
"""Every view is compared with this many views before it."""
LOOKALIKES = 8
"""And with this many that look most like it."""
OVERLAPPING = 8
"""And, once poses are known, with this many that see the same surfaces."""
CANDIDATES = 40
"""Overlap is measured for this many nearby views."""


def sample_links(views: list[View], seed: int) -> Links:
    """Links of some neighbouring views from all over the scan."""
    some = np.unique(np.linspace(1, len(views) - 1, min(SAMPLE, len(views) - 1)).astype(int))
    found = {(int(j) - 1, int(j)): link_by_features(views, int(j) - 1, int(j), seed) for j in some}
    return {pair: link for pair, link in found.items() if link is not None}


def sequential_links(views: list[View], known: Links, seed: int, progress: Progress) -> Links:
    """Links of every view with those before it; neighbours by surfaces alone where features do not do."""
    links: Links = {}
    motion = np.eye(4)
    for j in range(1, len(views)):
        progress("links", j, 2 * len(views))
        for i in range(max(0, j - NEIGHBOURS), j):
            link = known.get((i, j)) or link_by_features(views, i, j, seed)
            if link is not None and likely(link):
                links[i, j] = link
        last = links.get((j - 1, j))
        if last is None or not sure(last):
            link = link_by_depth(views, j - 1, j, motion)
            if link is not None and sure_by_depth(link) and (last is None or quality(link) > quality(last)):
                links[j - 1, j] = last = link
        motion = np.eye(4) if last is None else last.T_a_b
    return links


def lookalike_links(views: list[View], links: Links, seed: int, progress: Progress) -> Links:
    """Links between views that look alike but are not neighbours: loop closures and relocalisations."""
    vectors = picture_vectors([v.descriptors for v in views], seed)
    alike = np.rint(vectors.astype(np.float64) @ vectors.T.astype(np.float64) * 1e6)
    steps = np.abs(np.subtract.outer(np.arange(len(views)), np.arange(len(views))))
    alike[steps <= NEIGHBOURS] = -1
    tried = set()
    for j in range(len(views)):
        progress("links", len(views) + j, 2 * len(views))
        for i in np.argsort(-alike[j], kind="stable")[:LOOKALIKES]:
            pair = (min(int(i), j), max(int(i), j))
            if alike[j, i] <= 0 or pair in tried:
                continue
            tried.add(pair)
            link = link_by_features(views, *pair, seed)
            if link is not None and likely(link):
                links[pair] = link
    return links


def overlap_links(
    views: list[View], poses: Float64, links: list[Link], main: list[int], progress: Progress
) -> list[Link]:
    """More links between views that see the same surfaces by the poses found so far."""
    have = {(x.a, x.b) for x in links}
    samples = {i: _sample(views[i]) for i in main}
    out = list(links)
    for done, j in enumerate(main):
        progress("surfaces", done, len(main))
        near = _nearby(poses, main, j)
        shares = np.array([_overlap(views[i], poses[i], samples[j], poses[j]) for i in near])
        for k in np.argsort(-shares, kind="stable")[:OVERLAPPING]:
            pair = (min(near[k], j), max(near[k], j))
            if shares[k] < 0.35 or pair in have:
                continue
            have.add(pair)
            a, b = pair
            start = inverses(poses[a]) @ poses[b]
            link = refine(views, a, b, start, matched(views[a], views[b]))
            change = inverses(start) @ link.T_a_b
            if likely(link) and np.linalg.norm(change[:3, 3]) < 0.2 and rotation_angle(change) < 0.1:
                out.append(link)
    return sorted(out, key=lambda x: (x.a, x.b))


def _nearby(poses: Float64, main: list[int], j: int) -> list[int]:
    """The views of `main` most likely to see what view j sees: near it, turned alike (a metre counts as 30 degrees)."""
    others = np.array([i for i in main if i != j], dtype=np.int64)
    away = np.linalg.norm(poses[others, :3, 3] - poses[j, :3, 3], axis=1)
    turned = np.arccos(np.clip(poses[others, :3, 2] @ poses[j, :3, 2], -1, 1))
    order = np.argsort(np.rint((away + turned / np.radians(30)) * 1e6), kind="stable")
    return [int(i) for i in others[order[:CANDIDATES]]]


def _sample(view: View) -> Float64:
    points = view.points[::8, ::8].reshape(-1, 3)
    return points[points[:, 2] > 0].astype(np.float64)


def _overlap(a: View, pose_a: Float64, points_b: Float64, pose_b: Float64) -> float:
    """Share of points of b that lie on surfaces a sees."""
    T = inverses(pose_a) @ pose_b
    p = points_b @ T[:3, :3].T + T[:3, 3]
    h, w, _ = a.points.shape
    z = np.maximum(p[:, 2], 1e-6)
    u = np.rint(p[:, 0] / z * a.camera[0] + a.camera[2])
    v = np.rint(p[:, 1] / z * a.camera[1] + a.camera[3])
    inside = (p[:, 2] > 0.05) & (u >= 0) & (v >= 0) & (u < w) & (v < h)
    seen = a.points[v[inside].astype(np.int64), u[inside].astype(np.int64), 2]
    return float(np.count_nonzero((seen > 0) & (np.abs(seen - z[inside]) < 0.1 + 0.03 * seen)) / max(1, len(p)))
