"""Is the capture in metres? Doors, tables, seats and ceilings have heights that people agree on.

Every measured height votes for the factor that would make it usual; the votes are combined as a likelihood over
factors, each a mixture of what the thing may be (a table may be a desk or a coffee table) with a share for odd ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sceneforge.core import Label, Plane, Room
from sceneforge.core.arrays import Float64

USUAL: dict[str, tuple[tuple[float, float, float], ...]] = {
    "door": ((2.03, 0.04, 1.0),),
    "table": ((0.74, 0.05, 0.5), (0.43, 0.14, 0.2), (0.91, 0.04, 0.1), (0.65, 0.3, 0.2)),
    "seat": ((0.45, 0.10, 1.0),),
    "top": ((0.74, 0.05, 0.4), (0.45, 0.10, 0.25), (0.43, 0.14, 0.1), (0.91, 0.04, 0.05), (0.65, 0.3, 0.2)),
    "ceiling": ((2.55, 0.11, 0.85), (3.3, 0.15, 0.15)),
}
"""Kind -> (height in metres, standard deviation of its logarithm, share). Door leaves 1.98-2.11 m (DIN 18101, ANSI
A250.8), desks 0.72-0.76 m (EN 527-1), seats 0.40-0.51 m (EN 1335-1), counters 0.86-0.95 m."""
ODD = 0.08
"""Share of things of no usual height."""
FACTORS = np.exp(np.linspace(np.log(0.1), np.log(10.0), 1201))
LOW = 0.15
"""Level surfaces below this are steps and rugs."""
CLEAR = 3.0
"""Log likelihood by which another factor must beat 1: twenty to one."""
TOLERATED = 1.15
"""Factors this close to 1 are furniture, not units."""


@dataclass(frozen=True)
class ScaleCheck:
    """What the heights of things say of a capture's scale."""

    factor: float
    """Most likely factor from the capture's units to metres; 1 = metres already."""
    plausible: bool
    """False where 1 is clearly worse than `factor`."""
    evidence: tuple[tuple[str, float], ...]
    """(kind, measured height) that voted."""
    sigma: float = 1.0
    """Standard deviation of the true factor as a share of it, from the votes and what was known before."""
    known: float | None = None
    """Likewise before the votes: of a size guessed from pictures. None = the capture states metres."""

    def describe(self) -> str:
        """One line for people."""
        if not self.evidence and self.known is not None:
            return f"right within {self.sigma:.0%} (no door, table, seat or ceiling to check it by)"
        if not self.evidence:
            return "unknown (no door, table, seat or ceiling of known height)"
        count = Counter(kind for kind, _ in self.evidence)
        seen = ", ".join(f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in sorted(count.items()))
        if self.known is not None and self.plausible:
            return f"{self.factor:.2f} times its own metres, right within {self.sigma:.0%} ({seen})"
        if self.plausible:
            return f"plausible ({seen})"
        heights = ", ".join(f"{kind} {h:.2f}" for kind, h in self.evidence)
        return f"implausible: {heights}; the capture would look usual {self.factor:.2f} times as large"


def check_scale(
    planes: Sequence[Plane],
    rooms: Sequence[Room],
    floor: float | None,
    known: float | None = None,
    guess: float = 1.0,
) -> ScaleCheck:
    """Weigh the heights of doors, tables, seats and ceilings.

    A level plane's label depends on its height in the first place, so tables and seats alone never prove a scale right;
    they can prove it wrong when many level surfaces lie where none should. Doors and ceilings are found by shape.

    Args:
        planes: The scene's planes.
        rooms: Its rooms.
        floor: Height of the floor; None = unknown, then only doors count.
        known: How well the size is known without them: standard deviation as a share. The factor then is the mean of
            what both say together; else it is what the heights alone make most likely.
        guess: The factor that this knowledge is about: other than 1 where the capture was made larger or smaller since.
    """
    evidence: list[tuple[str, float]] = []
    for p in planes:
        if (p.label is Label.DOOR and p.confidence > 0.5) or (
            p.label is Label.OPENING and p.confidence > 0.5 and _is_tall_door(p)
        ):
            evidence.append(("door", float(np.ptp(p.to_world(p.polygon)[:, 1]))))
        elif floor is not None and p.normal[1] > 0.98 and p.confidence > 0.6 and p.area_m2 > 0.25:
            if known is not None:  # by height a table of half its size is a seat: what it is called says nothing here
                if p.label not in (Label.FLOOR, Label.CEILING):
                    evidence.append(("top", float(p.origin[1]) - floor))
            elif p.label is Label.TABLE:
                evidence.append(("table", float(p.origin[1]) - floor))
            elif p.label is Label.SEAT:
                evidence.append(("seat", float(p.origin[1]) - floor))
    ceilings = [r.height_m for r in rooms if r.height_m] or _shell_height(planes)
    evidence += [("ceiling", h) for h in ceilings]
    evidence = sorted((kind, round(h, 4)) for kind, h in evidence if h > (LOW if kind == "top" else 1e-3))
    if not evidence:
        return ScaleCheck(1.0 if known is None else guess, True, (), known or 1.0, known)
    total = np.sum([_votes(kind, h) for kind, h in evidence], axis=0)
    best = int(np.argmax(total))
    factor = float(FACTORS[best])
    one = float(np.interp(0.0, np.log(FACTORS), total))
    far = max(factor, 1 / factor) > TOLERATED
    # A single low cabinet proves nothing; doors and ceilings are built to a height, and three tops are no chance.
    enough = len(evidence) >= 3 or any(kind in ("door", "ceiling") for kind, _ in evidence)
    wrong = far and enough and float(total[best]) - one > CLEAR
    # Heights share a builder and a mistake in the floor: however many, they count as two.
    mean, sigma = _posterior(total * min(1.0, 2.0 / len(evidence)), known, guess)
    told = factor if known is None else mean
    return ScaleCheck(round(told, 4), not wrong, tuple(evidence), round(sigma, 4), known)


def _posterior(votes: Float64, known: float | None, guess: float) -> tuple[float, float]:
    """Mean and standard deviation of the factor (in the logarithm) given the votes and what was known before."""
    x = np.log(FACTORS)
    log = votes if known is None else votes - 0.5 * ((x - np.log(guess)) / max(known, 1e-3)) ** 2
    p = np.exp(log - log.max())
    mean = float((p * x).sum() / p.sum())
    return float(np.exp(mean)), float(np.sqrt((p * (x - mean) ** 2).sum() / p.sum()))


def _is_tall_door(p: Plane) -> bool:
    """Shaped as a door and too high to be called one: so doors look in a scan that is too large."""
    width, height = float(np.ptp(p.polygon[:, 0])), float(np.ptp(p.to_world(p.polygon)[:, 1]))
    return height > 2.75 and 1.9 < height / max(width, 1e-6) < 2.7


def _shell_height(planes: Sequence[Plane]) -> list[float]:
    """Distance between the largest surfaces that face up and down, for captures too small or large to be labelled."""
    up = max((p for p in planes if p.normal[1] > 0.98), key=lambda p: p.area_m2, default=None)
    down = max((p for p in planes if p.normal[1] < -0.98), key=lambda p: p.area_m2, default=None)
    if up is None or down is None or down.area_m2 < 0.4 * up.area_m2:
        return []
    return [float(down.origin[1] - up.origin[1])]


def _votes(kind: str, height: float) -> Float64:
    """Log likelihood of a measured height for every factor."""
    x = np.log(FACTORS * height)
    density = sum(
        share * np.exp(-0.5 * ((x - np.log(usual)) / sigma) ** 2) / sigma for usual, sigma, share in USUAL[kind]
    )
    # An odd thing may have any height between a hand and two storeys, evenly in the logarithm.
    return np.asarray(np.log((1 - ODD) * density + ODD * np.sqrt(2 * np.pi) / np.log(60.0)))
