"""The `effects` of a recipe: one checked model per effect, made from the effect's own settings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, Union, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError

from sceneforge.rendering.effects import Ease, EffectSettings, EffectSpec, effect, known_effects

LONGEST_S = 86_400.0
"""No video is longer."""
_TIME = r"^([0-9]+(?:\.[0-9]+)?)s?$"


def _time(text: str) -> str:
    if len(text) > 20 or not re.fullmatch(_TIME, text):
        raise PydanticCustomError("time", "{text}", {"text": f"'{text[:20]}' is not a time; write seconds, like 2.5s"})
    if seconds(text) > LONGEST_S:
        raise PydanticCustomError("time", "{text}", {"text": f"'{text}' is later than a day"})
    return text


def seconds(time: str) -> float:
    """2.5 for "2.5s"."""
    return float(time.removesuffix("s"))


def once(at: dict[str, Any]) -> dict[str, Any]:
    """Refuse one time written twice, "1s" and "1.0s"."""
    if len({seconds(t) for t in at}) < len(at):
        raise PydanticCustomError("time", "two of the times are the same")
    return at


Time = Annotated[str, AfterValidator(_time), WithJsonSchema({"type": "string", "pattern": _TIME})]
"""Seconds since the start of the video, "2.5s"."""


class EffectEntryBase(BaseModel):
    """What all effects of a recipe have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    effect: str = Field(description="Name of the effect")
    settings: EffectSettings = Field(default_factory=EffectSettings)
    at: Annotated[dict[Time, EffectSettings], Field(max_length=200), AfterValidator(once)] = Field(default_factory=dict)
    ease: Ease = Field(default="smooth", description="How settings get from key to key")

    @classmethod
    def known_settings(cls) -> list[str]:
        """Names of the effect's settings."""
        (name,) = get_args(cls.model_fields["effect"].annotation)
        return list(effect(name).Settings.model_fields)

    @property
    def spec(self) -> EffectSpec:
        """The entry as the renderer takes it."""
        keys = ((seconds(t), s.model_dump(exclude_unset=True)) for t, s in self.at.items())
        settings = self.settings.model_dump(exclude_unset=True)
        return EffectSpec(self.effect, settings, tuple(sorted(keys, key=lambda k: k[0])), self.ease)


def _entry(name: str) -> type[EffectEntryBase]:
    module = effect(name)
    settings: Any = module.Settings
    title = "".join(word.capitalize() for word in name.split("_"))
    tag: Any = Literal[name]
    partial: Any = Annotated[dict[Time, settings], Field(max_length=200), AfterValidator(once)]
    return create_model(
        f"{title}Effect",
        __base__=EffectEntryBase,
        __doc__=f"{module.SUMMARY[0].upper()}{module.SUMMARY[1:]}.",
        effect=(tag, Field(description="Name of the effect")),
        settings=(settings, Field(default_factory=settings, description="Settings that hold all the time")),
        at=(partial, Field(default_factory=dict, description="Settings by time: what has which value when")),
    )


ENTRIES: dict[str, type[EffectEntryBase]] = {name: _entry(name) for name in known_effects()}
"""Model of a recipe's entry by effect."""

if TYPE_CHECKING:
    EffectEntry: TypeAlias = EffectEntryBase
else:
    EffectEntry = Annotated[Union[tuple(ENTRIES.values())], Field(discriminator="effect")]  # noqa: UP007
