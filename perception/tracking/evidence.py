"""How far a link can be believed."""

from __future__ import annotations

import numpy as np

from .geometry import rotation_angle
from .links import Link


def sure(link: Link) -> bool:
    """Whether a link needs no second witness."""
    by_features = link.matches >= 15 and link.match_share >= 0.12 and link.spread > 0.02
    by_surface = link.agreement >= 0.75 and link.seen_through <= 0.05 and link.shade >= 0.5
    return by_features and by_surface and link.overlap > 0.08


def likely(link: Link) -> bool:
    """Whether a link may be used if another agrees."""
    if link.agreement < 0.7 or link.seen_through > 0.08 or link.shade < 0.35 or link.overlap < 0.08:
        return False
    return link.matches >= 6 or (link.agreement > 0.9 and link.firmness > 2.0)


def sure_by_depth(link: Link) -> bool:
    """Whether a link between neighbours in time may rest on surfaces and luminance alone."""
    fits = link.agreement > 0.93 and link.seen_through < 0.01 and link.shade > 0.7 and link.overlap > 0.5
    slow = np.linalg.norm(link.T_a_b[:3, 3]) < 0.3 and rotation_angle(link.T_a_b) < 0.35
    return bool(fits and slow and link.firmness > 2.0)


def quality(link: Link) -> float:
    """0..1: how much speaks for a link."""
    return float(
        link.agreement * max(0.0, link.shade) * (1 - np.exp(-(link.matches + 5 * min(2.0, link.firmness / 4)) / 20))
    )


def trusted(pair: tuple[int, int], link: Link) -> bool:
    """Whether the link of this pair of views stands alone."""
    return sure(link) or (pair[1] - pair[0] == 1 and sure_by_depth(link))
