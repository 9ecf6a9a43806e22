"""A scan made ready to be fused: with poses, with depth, and rid of what cannot be used."""

from __future__ import annotations

from collections import Counter

import numpy as np

from sceneforge.core import FrameError, Progress, Scan, ScanError
from sceneforge.core.arrays import Float64

from .account import Account


def with_swept_depth(scan: Scan, every: int, progress: Progress, account: Account) -> Scan:
    """The scan with depth from several views in place of a sensor's."""
    from .depth.multiview import swept_depth, with_depth

    with account.stage("depth"):
        found = swept_depth(scan, range(0, len(scan), every), progress=progress)
    account.warnings.append("depth was found from several views each: surfaces without texture may be missing or wrong")
    return with_depth(scan, found)


def tracked(scan: Scan, seed: int, progress: Progress, bad: list[FrameError], account: Account) -> tuple[Scan, Float64]:
    from .tracking import track

    with account.stage("track"):
        result = track(scan, seed=seed, progress=progress, bad=bad)
    account.size_sigma = result.size_sigma
    account.warnings.extend(result.notes)
    bad.clear()  # the same frames are met, and counted, again when they are fused
    return scan.with_poses(result.T_world_camera), np.asarray(result.confidence)


def refined(
    scan: Scan, every: int, progress: Progress, bad: list[FrameError], account: Account
) -> tuple[Scan, Float64]:
    from .tracking import refine_poses

    with account.stage("refine"):
        result = refine_poses(scan, every=every, progress=progress, bad=bad)
    account.warnings.extend(result.notes)
    bad.clear()
    return scan.with_poses(result.T_world_camera), np.asarray(result.confidence)


def check_lost_frames(account: Account, scan: Scan, asked: range, used: int) -> None:
    """Name the frames that are unusable before they are read.

    Raises:
        ScanError: None is left, or more than the scan allows are unusable.
    """
    problems = Counter(p for i in asked if (p := scan.sources[i].problem))
    first = {p: scan.sources[i].name for i in reversed(asked) if (p := scan.sources[i].problem)}
    unusable = sum(problems.values())
    if unusable > scan.max_bad_fraction * len(asked) or not used:
        reason = f", the first: {problems.most_common(1)[0][0]}" if problems else ""
        raise ScanError(
            f"{len(asked) - used} of {len(asked)} frames have no usable pose or picture{reason}",
            path=scan.path,
            expected=f"at most {scan.max_bad_fraction:.0%} unusable frames",
            fix="check the files, or use ignore_poses to find the poses from the images",
        )
    for problem, count in sorted(problems.items(), key=lambda item: str(item[0])):
        account.warnings.append(f"{count} of {len(asked)} frames left out, the first {first[problem]}: {problem}")
    if len(asked) - used > unusable:
        account.warnings.append(f"{len(asked) - used - unusable} of {len(asked)} frames have no pose and were left out")
