"""Content that moves during a video: physics that settle it, agents that walk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Arrangement, BodyTrajectory, Frame, Scene, UsageError
from sceneforge.core.arrays import Float64, UInt8

from .compositor import CompositorFacts, FrameCompositor
from .grounding import Grounding
from .layer_stack import LayerStack
from .layers import FrameLayer
from .memory import memory_of, recall_into


def arrangement_at(arrangement: Arrangement, motion: Sequence[BodyTrajectory], time_s: float) -> Arrangement:
    """The arrangement with moving content where it is at a time.

    Raises:
        UsageError: A trajectory moves something that was not placed.
    """
    moves = {m.body: m for m in motion}
    unknown = sorted(set(moves) - {p.request for p in arrangement.placements})
    if unknown:
        raise UsageError(f"nothing called '{unknown[0]}' was placed, so it cannot move")
    placements = tuple(
        replace(p, T_world_content=moves[p.request].at(time_s)) if p.request in moves else p
        for p in arrangement.placements
    )
    return replace(arrangement, placements=placements)


class MovingContent:
    """Draws frames whose content stands elsewhere at every time; without motion it is one `LayerStack`.

    Light and shadow are traced for each new position, which is the same work as for content that stands still but
    falls due in every frame in which something moves.

    Args:
        scene: The scene.
        arrangement: Content in its places.
        motion: How some of it moves.
        under: Layers on the real room.
        over: Layers over everything.
        grounding: What ties content to the surface below.
    """

    def __init__(
        self,
        scene: Scene,
        arrangement: Arrangement,
        motion: Sequence[BodyTrajectory] = (),
        under: Sequence[FrameLayer] = (),
        over: Sequence[FrameLayer] = (),
        grounding: Grounding = "traced",
    ) -> None:
        self._scene, self._arrangement, self._motion, self._grounding = scene, arrangement, motion, grounding
        self._layers = under, over
        self._now = self._poses(0.0)
        now = arrangement_at(arrangement, motion, 0.0)
        self.compositor = FrameCompositor(scene, now, grounding=grounding)
        self._stack = LayerStack(scene, now, self.compositor, under, over)

    @property
    def facts(self) -> CompositorFacts:
        """What was counted over all frames."""
        return self.compositor.facts

    def draw(self, frame: Frame, T_world_camera: Float64, time_s: float) -> UInt8:
        """See `LayerStack.draw`."""
        if self._motion and not np.array_equal(self._poses(time_s), self._now):
            self._move(time_s)
        return self._stack.draw(frame, T_world_camera, time_s)

    def memory(self) -> dict[str, NDArray[Any]]:
        """What carries over from frame to frame."""
        out = {f"content.{k}": v for k, v in self.compositor.memory().items()}
        out |= memory_of(**self._stack.carriers())
        for n, layer in enumerate(_with_memory(self._layers)):
            out |= {f"layer{n}.{k}": np.asarray(v) for k, v in layer.memory().items()}
        return out

    def recall(self, memory: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `memory` gave."""
        self.compositor.recall(_part(memory, "content."))
        recall_into(memory, **self._stack.carriers())
        for n, layer in enumerate(_with_memory(self._layers)):
            layer.recall(_part(memory, f"layer{n}."))

    def _poses(self, time_s: float) -> Float64:
        return np.array([m.at(time_s) for m in self._motion])

    def _move(self, time_s: float) -> None:
        before, now = self.compositor, arrangement_at(self._arrangement, self._motion, time_s)
        self.compositor = FrameCompositor(self._scene, now, grounding=self._grounding)
        self.compositor.recall(before.memory())
        for stage, seconds in before.facts.seconds.items():
            self.compositor.facts.seconds[stage] = self.compositor.facts.seconds.get(stage, 0.0) + seconds
        self._stack = self._stack.with_content(now, self.compositor)
        self._now = self._poses(time_s)


def _with_memory(layers: tuple[Sequence[FrameLayer], Sequence[FrameLayer]]) -> list[Any]:
    return [layer for group in layers for layer in group if hasattr(layer, "memory")]


def _part(memory: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {k.removeprefix(prefix): v for k, v in memory.items() if k.startswith(prefix)}
