"""What an effect consists of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._canvas import Canvas


@dataclass(frozen=True)
class Parts:
    """An effect made ready for one scene."""

    under: Callable[[Canvas, Any], None] | None = None
    """Draws what lies on the real room: content hides it, and casts shadow on it."""
    over: Callable[[Canvas, Any], None] | None = None
    """Draws what lies over everything, or hangs in the air."""
    memory: Callable[[], Mapping[str, Any]] | None = None
    """What the effect carries over from frame to frame, as arrays; None = nothing, each frame stands alone."""
    recall: Callable[[Mapping[str, Any]], None] | None = None
    """Takes back what `memory` gave, so that a video can go on where it stopped."""
