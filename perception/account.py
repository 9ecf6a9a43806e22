"""What happened while a capture was understood, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .scale import ScaleCheck


@dataclass
class Account:
    """What happened and how long it took, for report.json."""

    seconds: dict[str, float] = field(default_factory=dict)
    """Wall seconds by stage."""
    counts: dict[str, int] = field(default_factory=dict)
    """Frames, vertices, planes, ..."""
    warnings: list[str] = field(default_factory=list)
    """What was survivable but worth knowing."""
    light: dict[str, float] = field(default_factory=dict)
    """Lamps and windows seen, share of all directions observed, share of shading explained."""

    size_sigma: float = 0.0
    """Standard deviation of the scan's size as a share of it, where it was guessed from pictures; else 0."""
    size_guess: float = 1.0
    """The first guess of that size over the present one."""
    scale: ScaleCheck | None = None
    """What the heights of things say of the size."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 4)
