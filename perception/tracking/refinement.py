"""Given poses refined: the capture's own track is the first guess and a weak witness, the pictures decide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import FrameError, Scan
from sceneforge.core.arrays import Float64
from sceneforge.core.progress import Progress, silent
from sceneforge.core.transforms import orthonormalised

from .calibration import color_correction, corrected
from .evidence import likely, quality, sure
from .geometry import inverses, rotation_angle
from .graph import components, optimise, strain
from .links import Link, fit, link_by_features, matched, refine
from .search import overlap_links
from .views import View, make_view

KEY_DISTANCE_M = 0.03
"""A frame that moved less than this since the last view ..."""
KEY_ANGLE_RAD = 0.03
"""... and turned less than this keeps its given pose relative to it."""
BELIEF = 0.02
"""Standard deviation of a given pose, metres and radians. It holds the track as a whole, which links let bend; a frame
whose pose is far off is let go by the robust kernel."""
FIRM = 0.003
"""The same for a pose that its links agree with. It stays as it is in the end: a good track is not bent by the sensor's
own errors, and holds the frames beside it."""
AGREES = 7.0
"""A pose agrees with its links when half of them are off by fewer standard deviations: recorded tracks taken as true
lie at 2 to 5.5, and with 1 cm and half a degree of noise at 11 and more."""
REACH_M, REACH_RAD = 0.25, 0.15
"""A link farther from the given poses than this is taken for a mistake of the link."""
BROKEN_STRAIN = 8.0
"""A link this many standard deviations off after optimisation is dropped."""


@dataclass(frozen=True)
class RefineResult:
    """Refined poses, in the world of the given ones."""

    T_world_camera: tuple[Float64 | None, ...]
    """One per scan frame, (4, 4); None where the capture gives none."""
    confidence: Float64
    """(N,) 0..1: what speaks for the links that hold a frame; 0.5 where nothing could be said against or for it."""
    moved_m: Float64
    """(N,) how far each camera moved, 0 where it did not."""
    turned_rad: Float64
    """(N,) how far it turned."""
    notes: tuple[str, ...]
    """What was done, in sentences."""


def refine_poses(
    scan: Scan, *, every: int = 1, progress: Progress = silent, bad: list[FrameError] | None = None
) -> RefineResult:
    """Refine the poses a capture gives.

    Neighbouring views and those that see the same surfaces are aligned on surfaces, luminance and features from the
    given poses on, and all links are balanced in a robust pose graph, in which each given pose is a link to the
    world: a firm one where its neighbours agree with it, else a weak one.

    Args:
        scan: A capture with poses.
        every: Look at every n-th frame only; the others keep their poses.
        progress: Told about the stages "features" and "surfaces".
        bad: Collects the errors of unreadable frames, which keep their poses. Without it the first one is raised.
    """
    count = len(scan)
    given = [s.T_world_camera for s in scan.sources]
    views, owner = _views(scan, every, progress, bad)
    poses = np.array([given[v.index] for v in views], dtype=np.float64).reshape(-1, 4, 4)
    confidence, moved, turned = np.full(count, 0.5), np.zeros(count), np.zeros(count)
    if len(views) < 3:
        return RefineResult(tuple(given), confidence, moved, turned, ("too few frames with poses to refine them",))
    start, links = poses, _neighbours(views, poses)
    notes = []
    if (correction := color_correction(views, [x for x in links if sure(x)])) is not None:
        notes.append(f"colour scaled by {correction.scale:.3f} about its centre: features follow the surfaces so")
        views = [corrected(v, correction) for v in views]
        links = _neighbours(views, poses)
    world, everyone = len(views), list(range(len(views)))
    firm = _agreeing(poses, links)
    witnesses = [_witness(world, i, poses[i], FIRM if firm[i] else BELIEF) for i in everyone]
    for _ in range(2):
        links = overlap_links(views, poses, links, everyone, progress)
        links = [x for x in links if _near(start, x)]
        poses = _balanced(start, links + witnesses, world)
        if links:
            links = [x for x, s in zip(links, strain(poses, links), strict=True) if s < BROKEN_STRAIN]
    poses = _balanced(start, links + witnesses, world)
    held = np.zeros(len(views))
    for link in links:
        q = quality(link)
        held[link.a] = 1 - (1 - held[link.a]) * (1 - 0.7 * q)
        held[link.b] = 1 - (1 - held[link.b]) * (1 - 0.7 * q)
    out: list[Float64 | None] = list(given)
    for frame, key in owner.items():
        if firm[key]:
            confidence[frame] = held[key]
            continue
        motion = inverses(start[key]) @ np.asarray(given[frame])
        T = orthonormalised(poses[key] @ motion)
        change = inverses(np.asarray(given[frame])) @ T
        out[frame] = T
        moved[frame] = np.linalg.norm(T[:3, 3] - np.asarray(given[frame])[:3, 3])
        turned[frame] = rotation_angle(change)
        confidence[frame] = held[key] if held[key] > 0 else 0.5
    notes.append(_account(scan, links, len(views), owner, moved, turned))
    return RefineResult(tuple(out), confidence, moved, turned, tuple(notes))


def _views(
    scan: Scan, every: int, progress: Progress, bad: list[FrameError] | None
) -> tuple[list[View], dict[int, int]]:
    """Views of the frames with poses, and which of them each frame follows."""
    views: list[View] = []
    owner: dict[int, int] = {}
    usable = [i for i in range(0, len(scan), every) if scan.sources[i].T_world_camera is not None]
    last: Float64 | None = None
    for done, frame in enumerate(scan.frames(usable, bad=bad)):
        progress("features", done, len(usable))
        T = np.asarray(frame.T_world_camera)
        if last is not None:
            step = inverses(last) @ T
            if np.linalg.norm(step[:3, 3]) < KEY_DISTANCE_M and rotation_angle(step) < KEY_ANGLE_RAD:
                owner[frame.index] = len(views) - 1
                continue
        view = make_view(frame)
        if isinstance(view, str):
            continue
        owner[frame.index] = len(views)
        views.append(view)
        last = T
    return views, owner


def _neighbours(views: list[View], poses: Float64) -> list[Link]:
    links = []
    for j in range(1, len(views)):
        for i in range(max(0, j - 2), j):
            link = refine(views, i, j, inverses(poses[i]) @ poses[j], matched(views[i], views[j]))
            if not sure(link) and (other := link_by_features(views, i, j, 0)) is not None and fit(other) > fit(link):
                link = other  # the given poses are too far off for a refinement to follow
            if likely(link) and _near(poses, link):
                links.append(link)
    return links


def _near(poses: Float64, link: Link) -> bool:
    change = inverses(inverses(poses[link.a]) @ poses[link.b]) @ link.T_a_b
    return bool(np.linalg.norm(change[:3, 3]) < REACH_M and rotation_angle(change) < REACH_RAD)


def _agreeing(poses: Float64, links: list[Link]) -> NDArray[np.bool_]:
    """Mask (n,) of views that their links agree with as they are."""
    off: list[list[float]] = [[] for _ in poses]
    for link, s in zip(links, strain(poses, links) if links else [], strict=True):
        off[link.a].append(float(s))
        off[link.b].append(float(s))
    return np.array([bool(x) and float(np.median(x)) < AGREES for x in off])


def _witness(world: int, i: int, T: Float64, sigma: float) -> Link:
    """The given pose as a link to the world, a view more that does not move."""
    return Link(world, i, T, np.eye(6) / sigma**2, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def _balanced(start: Float64, links: list[Link], world: int) -> Float64:
    return optimise(np.concatenate([start, np.eye(4)[None]]), links, world)[:world]


def _account(scan: Scan, links: list[Link], views: int, owner: dict[int, int], moved: Float64, turned: Float64) -> str:
    frames = [i for i in sorted(owner) if moved[i] > 0]
    if not frames:
        return f"the given poses agree with {len(links)} links between views and were left as they are"
    worst = max(frames, key=lambda i: moved[i])
    shift, turn = 1000 * float(np.median(moved[frames])), np.degrees(float(np.median(turned[frames])))
    text = (
        f"{len(frames)} of {len(owner)} poses refined on {len(links)} links: they moved {shift:.0f} mm and {turn:.2f} "
        f"degrees in the median, frame {scan.sources[worst].name} most ({1000 * moved[worst]:.0f} mm)"
    )
    parts = components(views, [(x.a, x.b) for x in links])
    if len(parts) > 1:
        alone = sum(len(p) for p in parts[1:])
        text += f"; {alone} of {views} views are held to the largest part by the given poses alone"
    return text
