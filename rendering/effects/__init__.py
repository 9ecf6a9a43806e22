"""The understood room made visible: one effect one file, found by listing this folder.

A file that does not start with an underscore is an effect. It holds `SUMMARY`, `Settings` and `prepare(stage)`, which
returns what to draw under the content and over it. `sceneforge render --list-effects` lists them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from sceneforge._suggest import suggestion
from sceneforge.core import Frame, UsageError
from sceneforge.core.arrays import Float64, UInt8

from ._canvas import Canvas
from ._parts import Parts
from ._settings import Ease, EffectSettings, EffectSpec, Timeline, place_of
from ._stage import Stage

if TYPE_CHECKING:
    from ..room_view import RoomView

__all__ = [
    "Canvas",
    "Ease",
    "EffectLayer",
    "EffectSettings",
    "EffectSpec",
    "Parts",
    "Stage",
    "Timeline",
    "effect",
    "effect_layers",
    "known_effects",
    "summary",
]

FADE_M = 0.05
"""Width of the edge where an effect ends that is drawn `within_m` only."""


def known_effects() -> tuple[str, ...]:
    """Names of all effects, sorted."""
    return tuple(sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py")))


def effect(name: str) -> ModuleType:
    """The module of an effect.

    Raises:
        UsageError: There is none of this name.
    """
    if name not in known_effects():
        raise UsageError(f"there is no effect '{name}'{suggestion(name, list(known_effects()))}")
    return importlib.import_module(f".{name}", __name__)


def summary(name: str) -> str:
    """One sentence on an effect."""
    return str(effect(name).SUMMARY)


@dataclass(frozen=True)
class _Part:
    draw: Callable[[Canvas, Any], None]
    timeline: Timeline
    on_room: bool
    parts: Parts


class EffectLayer:
    """Effects as one `FrameLayer`; they share what was found out about a frame.

    Args:
        stage: The scene.
        parts: What to draw, lowest first.
    """

    def __init__(self, stage: Stage, parts: Sequence[_Part]) -> None:
        self._stage, self._parts = stage, parts

    def apply(self, picture: UInt8, view: RoomView, frame: Frame, T_world_camera: Float64, time_s: float) -> UInt8:
        """See `FrameLayer.apply`."""
        T = np.asarray(T_world_camera, dtype=np.float64)
        canvas = Canvas(self._stage, picture.astype(np.float32), view, frame, T, time_s)
        drawn = False
        for part in self._parts:
            settings = part.timeline.at(time_s)
            if settings.strength > 0:
                self._draw(canvas, part, settings)
                drawn = True
        return np.clip(np.rint(canvas.picture), 0, 255).astype(np.uint8) if drawn else picture

    def memory(self) -> dict[str, Any]:
        """What carries over from frame to frame, as arrays by name."""
        out: dict[str, Any] = {}
        for n, part in enumerate(self._parts):
            if part.parts.memory is not None:
                out |= {f"{n}.{key}": value for key, value in part.parts.memory().items()}
        return out

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take back what `memory` gave: the next frame is drawn as if the frames before had been."""
        for n, part in enumerate(self._parts):
            if part.parts.recall is not None:
                prefix = f"{n}."
                part.parts.recall({k.removeprefix(prefix): v for k, v in memory.items() if k.startswith(prefix)})

    def _draw(self, canvas: Canvas, part: _Part, settings: EffectSettings) -> None:
        """Draw one part as far as its settings let it show."""
        share: Any = np.float32(settings.strength)
        if settings.within_m is not None and part.on_room:
            d = canvas.distance(place_of(settings.around, self._stage.point), "geodesic")
            share = share * np.clip(np.nan_to_num((settings.within_m - d) / FADE_M + 0.5), 0, 1)[..., None]
        if np.ndim(share) == 0 and share == 1:
            part.draw(canvas, settings)
            return
        before = canvas.picture.copy()
        part.draw(canvas, settings)
        canvas.picture -= (1 - share) * (canvas.picture - before)


def effect_layers(specs: Iterable[EffectSpec], stage: Stage) -> tuple[list[EffectLayer], list[EffectLayer]]:
    """Layers under and over the content that draw these effects, the first lowest.

    Raises:
        UsageError: An effect is not known, or the scene lacks what it draws.
    """
    under: list[_Part] = []
    over: list[_Part] = []
    for spec in specs:
        module = effect(spec.effect)
        timeline = Timeline(module.Settings, spec)
        parts: Parts = module.prepare(stage)
        under += [_Part(parts.under, timeline, True, parts)] if parts.under else []
        over += [_Part(parts.over, timeline, False, parts)] if parts.over else []
    return ([EffectLayer(stage, under)] if under else []), ([EffectLayer(stage, over)] if over else [])
