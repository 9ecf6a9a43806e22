"""Settings of effects, and how they change over time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from sceneforge.core import LABEL_NAMES
from sceneforge.core.arrays import Float64

Ease = Literal["linear", "smooth", "step"]
"""How a setting gets from one key to the next: evenly, slowly at both ends, or at once when the next key is reached."""


def _color(value: Any) -> Any:
    """ "#f80" or "#ff8800" as three numbers; lists pass."""
    if not isinstance(value, str):
        return value
    text = value.removeprefix("#")
    if not value.startswith("#") or not re.fullmatch(r"[0-9a-fA-F]{3}|[0-9a-fA-F]{6}", text):
        raise PydanticCustomError("color", "{text}", {"text": f"'{value}' is not a colour like '#ff8800'"})
    text = "".join(c * 2 for c in text) if len(text) == 3 else text
    return tuple(int(text[i : i + 2], 16) for i in (0, 2, 4))


Byte = Annotated[int, Field(ge=0, le=255)]
Color = Annotated[
    tuple[Byte, Byte, Byte],
    BeforeValidator(_color),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"},
                {
                    "type": "array",
                    "items": {"type": "integer", "minimum": 0, "maximum": 255},
                    "minItems": 3,
                    "maxItems": 3,
                },
            ]
        }
    ),
]
"""sRGB, "#ff8800" or [255, 136, 0]."""


LabelName = Literal[LABEL_NAMES]  # type: ignore[valid-type]  # one source of names
Labels = Annotated[tuple[LabelName, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
"""Labels by name; one may stand alone."""


def _place(value: Any) -> Any:
    """A name, or three finite numbers."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, tuple | list) and len(value) == 3:
        numbers = [float(v) for v in value if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) == 3 and all(abs(v) <= 10_000 for v in numbers):
            return tuple(numbers)
    text = "expected [x, y, z] in metres, the id of a plane, object or placement, or camera"
    raise PydanticCustomError("place", "{text}", {"text": text})


Place = Annotated[
    tuple[float, float, float] | str,
    PlainValidator(_place),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3},
            ]
        }
    ),
]
"""World position [x, y, z] in metres, or the id of a plane, object or placement, or "camera"."""


class EffectSettings(BaseModel):
    """Base of every effect's settings: all have a default, so that a key names only what changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    strength: float = Field(default=1.0, ge=0, le=1, description="0 = not there, 1 = in full; fades the effect")
    within_m: float | None = Field(default=None, ge=0, le=1000, description="Only this near to `around`, metres")
    around: Place = Field(default="camera", description="Where `within_m` is measured from, along the surface")


@dataclass(frozen=True)
class EffectSpec:
    """One effect of a video, with its settings over time."""

    effect: str
    """Name of the effect, as `known_effects` lists it."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings that hold all the time, by name."""
    keys: tuple[tuple[float, Mapping[str, Any]], ...] = ()
    """(seconds, settings) by ascending time: what has which value when."""
    ease: Ease = "smooth"
    """How values get from key to key."""


class Timeline:
    """Settings of one effect at any time.

    Args:
        model: The effect's settings class.
        spec: What was asked for.
    """

    def __init__(self, model: type[EffectSettings], spec: EffectSpec) -> None:
        self._model, self._ease = model, spec.ease
        self._fixed = model(**spec.settings)
        checked = [(t, values, model(**{**spec.settings, **values})) for t, values in spec.keys]
        self._tracks: dict[str, list[tuple[float, Any]]] = {}
        for t, values, settings in sorted(checked, key=lambda k: k[0]):
            for name in values:
                self._tracks.setdefault(name, []).append((t, getattr(settings, name)))

    def at(self, time_s: float) -> EffectSettings:
        """All settings at a time. Before a setting's first key it has that key's value, after its last the last's."""
        if not self._tracks:
            return self._fixed
        return self._fixed.model_copy(update={n: self._value(keys, time_s) for n, keys in self._tracks.items()})

    def _value(self, keys: list[tuple[float, Any]], time_s: float) -> Any:
        before = [k for k in keys if k[0] <= time_s]
        if not before:
            return keys[0][1]
        if len(before) == len(keys):
            return keys[-1][1]
        (t0, a), (t1, b) = before[-1], keys[len(before)]
        return mixed(a, b, eased((time_s - t0) / (t1 - t0), self._ease))


def eased(share: float, ease: Ease) -> float:
    """Progress 0..1 between two keys, bent by the kind of ease."""
    if ease == "step":
        return 0.0
    return share if ease == "linear" else share * share * (3 - 2 * share)


def mixed(a: Any, b: Any, share: float) -> Any:
    """Between two values of a setting: numbers and lists of numbers run over, all else switches at the second."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a
    if isinstance(a, int) and isinstance(b, int):
        return round(a + share * (b - a))
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a + share * (b - a)
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        return tuple(mixed(x, y, share) for x, y in zip(a, b, strict=True))
    return a


def place_of(place: Place, known: Callable[[str], Float64]) -> Float64:
    """(3,) world position of a setting that names a place.

    Args:
        place: Three numbers, or a name.
        known: Where named things are.
    """
    return known(place) if isinstance(place, str) else np.array(place, dtype=np.float64)
