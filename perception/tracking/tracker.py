"""Camera tracking of a scan whose poses are missing, or not to be believed."""

from __future__ import annotations

import numpy as np

from sceneforge.core import FrameError, Scan
from sceneforge.core.arrays import Float64
from sceneforge.core.progress import Progress, silent
from sceneforge.perception.depth.estimator import DepthEstimator

from .calibration import color_correction, corrected
from .evidence import quality, sure, trusted
from .geometry import inverses, rotation_angle
from .graph import components, optimise, spanning_poses, strain
from .links import Link, link_by_features, matched
from .result import TrackResult
from .search import Links, lookalike_links, overlap_links, sample_links, sequential_links
from .views import View, make_view

BROKEN_STRAIN = 12.0
"""A link this many standard deviations off after optimisation is wrong."""
KEY_DISTANCE_M = 0.06
"""A frame that moved less than this since the last key view ..."""
KEY_ANGLE_RAD = 0.07
"""... and turned less than this is tied to it alone and then forgotten."""


def track(
    scan: Scan,
    *,
    seed: int = 0,
    estimator: DepthEstimator | None = None,
    progress: Progress = silent,
    bad: list[FrameError] | None = None,
) -> TrackResult:
    """Find the camera's path from the pictures and depth alone; poses in the scan are not looked at.

    Views are linked where their features and surfaces agree (neighbours in time, views that look alike, views that
    turn out to overlap), all links are balanced in a robust pose graph, and what no trustworthy link ties together is
    reported as separate fragments rather than guessed. Memory grows by about a megabyte per key view. A scan without
    depth goes to `pictures.track_pictures`.

    Args:
        scan: The capture. Frames are read once, in order.
        seed: Of the random draws; the same seed gives the same bytes.
        estimator: Where the size of a scan without depth comes from; see `pictures.track_pictures`.
        progress: Told about the stages "features", "links" and "surfaces".
        bad: Collects the errors of unreadable frames, which stay without pose. Without it the first one is raised.

    Raises:
        FrameError: A frame is unreadable and `bad` is None.
        ScanError: Too many frames are unreadable (see `Scan.frames`).
    """
    if not scan.has_depth:
        from .pictures import track_pictures

        return track_pictures(scan, seed=seed, estimator=estimator, progress=progress, bad=bad)
    views, ties, notes = _read(scan, seed, progress, bad)
    n = len(scan)
    if not views:
        return TrackResult((None,) * n, np.zeros(n), (), (*notes, "no frame could be tracked"))
    sample = sample_links(views, seed)
    if (correction := color_correction(views, [x for x in sample.values() if sure(x)])) is not None:
        notes.append(
            "colour and depth do not share the camera given: features follow the surfaces with the colour image scaled "
            f"by {correction.scale:.3f} about its centre, so it was"
        )
        views, sample = [corrected(v, correction) for v in views], {}
    found = sequential_links(views, sample, seed, progress)
    found = lookalike_links(views, found, seed, progress)
    links = _consistent(views, found)
    main = components(len(views), [(x.a, x.b) for x in links])[0]
    poses = _solve(len(views), links, main[0])
    for _ in range(2):
        links = overlap_links(views, poses, links, main, progress)
        poses = optimise(poses, links, main[0])
        links = _without_broken(poses, links)
        main = components(len(views), [(x.a, x.b) for x in links])[0]
    poses = optimise(poses, links, main[0])
    groups = components(len(views), [(x.a, x.b) for x in links])
    return _result(scan, views, ties, links, poses, groups, notes)


def _read(
    scan: Scan, seed: int, progress: Progress, bad: list[FrameError] | None
) -> tuple[list[View], list[tuple[int, int, Float64, float]], list[str]]:
    """Key views; ties (frame, key view, T_key_frame, quality) of the frames between them; notes."""
    views: list[View] = []
    ties: list[tuple[int, int, Float64, float]] = []
    notes: list[str] = []
    known = 0 if bad is None else len(bad)
    for done, frame in enumerate(scan.frames(bad=bad)):
        progress("features", done, len(scan))
        view = make_view(frame)
        if isinstance(view, str):
            notes.append(f"frame {frame.index} ({frame.name}) has no pose: {view}")
            continue
        if views and (link := _small_motion(views[-1], view, seed)) is not None:
            ties.append((view.index, len(views) - 1, link.T_a_b, quality(link)))
            continue
        views.append(view)
    if bad is not None:
        notes.extend(f"a frame has no pose: {error}" for error in bad[known:])
    return views, ties, notes


def _small_motion(key: View, view: View, seed: int) -> Link | None:
    """The link to the key view where the camera hardly moved since and the link is beyond doubt."""
    pairs = matched(key, view)
    if len(pairs) < 60:
        return None
    shift = np.median(np.linalg.norm(key.rays[pairs[:, 0]] - view.rays[pairs[:, 1]], axis=1))
    if shift > 2 * KEY_ANGLE_RAD:
        return None
    link = link_by_features([key, view], 0, 1, seed)
    if link is None or not sure(link) or link.matches < 40:
        return None
    small = np.linalg.norm(link.T_a_b[:3, 3]) < KEY_DISTANCE_M and rotation_angle(link.T_a_b) < KEY_ANGLE_RAD
    return link if small else None


def _consistent(views: list[View], links: Links) -> list[Link]:
    """Links that can be believed: those beyond doubt, and doubtful ones that others confirm."""
    count = len(views)
    chosen = [link for pair, link in sorted(links.items()) if trusted(pair, link)]
    doubtful = [link for pair, link in sorted(links.items()) if not trusted(pair, link)]
    while True:
        poses = _solve(count, chosen, 0)
        group_of = np.empty(count, dtype=np.int64)
        groups = components(count, [(x.a, x.b) for x in chosen])
        for k, group in enumerate(groups):
            group_of[group] = k
        added: list[Link] = []
        bridges: dict[tuple[int, int], list[tuple[Link, Float64]]] = {}
        for link in doubtful:
            a, b = int(group_of[link.a]), int(group_of[link.b])
            if a == b:
                if strain(poses, [link])[0] < 6:
                    added.append(link)
                continue
            T = poses[link.a] @ link.T_a_b @ inverses(poses[link.b])
            bridges.setdefault((min(a, b), max(a, b)), []).append((link, T if a < b else inverses(T)))
        for key in sorted(bridges):
            best = _agreeing(bridges[key])
            if len(best) >= 2:
                added.extend(best)
                break
        if not added:
            break
        chosen += added
        doubtful = [x for x in doubtful if not any(x is y for y in added)]
    poses = _solve(count, chosen, 0)
    return _without_broken(poses, chosen)


def _agreeing(bridge: list[tuple[Link, Float64]]) -> list[Link]:
    """The largest set of links between two fragments that place them alike."""
    best: list[Link] = []
    for _, T in bridge:
        near = [
            link
            for link, other in bridge
            if rotation_angle(inverses(T) @ other) < 0.06 and np.linalg.norm(T[:3, 3] - other[:3, 3]) < 0.15
        ]
        if len(near) > len(best):
            best = near
    return best


def _without_broken(poses: Float64, links: list[Link]) -> list[Link]:
    if not links:
        return links
    return [x for x, s in zip(links, strain(poses, links), strict=True) if s < BROKEN_STRAIN]


def _solve(count: int, links: list[Link], fixed: int) -> Float64:
    poses = spanning_poses(count, links, [quality(x) for x in links])
    return optimise(poses, links, fixed)


def _result(
    scan: Scan,
    views: list[View],
    ties: list[tuple[int, int, Float64, float]],
    links: list[Link],
    poses: Float64,
    groups: list[list[int]],
    notes: list[str],
) -> TrackResult:
    followers: dict[int, list[tuple[int, Float64, float]]] = {}
    for frame, key, T, q in ties:
        followers.setdefault(key, []).append((frame, T, q))

    def frames(group: list[int]) -> tuple[int, ...]:
        return tuple(sorted([views[k].index for k in group] + [f for k in group for f, _, _ in followers.get(k, [])]))

    groups = sorted(groups, key=lambda g: (-len(frames(g)), views[g[0]].index))
    main = groups[0]
    doubt = np.ones(len(views))
    for link, s in zip(links, strain(poses, links) if links else [], strict=True):
        q = quality(link) * float(np.exp(-((s / 8) ** 2)))
        doubt[link.a] *= 1 - 0.7 * q
        doubt[link.b] *= 1 - 0.7 * q
    out: list[Float64 | None] = [None] * len(scan)
    confidence = np.zeros(len(scan))
    first = min(main, key=lambda k: views[k].index)
    T_first = inverses(poses[first])
    for k in main:
        out[views[k].index] = _tidy(T_first @ poses[k])
        confidence[views[k].index] = 1 - doubt[k] if len(main) > 1 else 0.5
        for frame, T, q in followers.get(k, []):
            out[frame] = _tidy(T_first @ poses[k] @ T)
            confidence[frame] = confidence[views[k].index] * (0.5 + 0.5 * q)
    if len(groups) > 1:
        apart = "; ".join(_ranges(frames(g)) for g in groups[1:])
        notes.append(f"frames {apart} could not be tied to the rest: no view there shares enough with the others")
    return TrackResult(tuple(out), confidence, tuple(frames(g) for g in groups), tuple(notes))


def _tidy(T: Float64) -> Float64:
    from sceneforge.core.transforms import orthonormalised

    return orthonormalised(T)


def _ranges(numbers: tuple[int, ...]) -> str:
    """ "0-4, 9" for (0, 1, 2, 3, 4, 9)."""
    parts: list[list[int]] = []
    for n in numbers:
        if parts and n == parts[-1][1] + 1:
            parts[-1][1] = n
        else:
            parts.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)
