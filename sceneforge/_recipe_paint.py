"""The `paint` of a recipe: which surface becomes what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from sceneforge._recipe_surface import ALTERNATIVES_SCHEMA, Alternatives
from sceneforge.core import PaintJob, PaintRegion
from sceneforge.core.paint import DEFAULT_PAINTER

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
PaintedSurface = Annotated[Alternatives, WithJsonSchema(ALTERNATIVES_SCHEMA)]
Point = tuple[float, float]


class Region(BaseModel):
    """Part of a surface, with a soft and uneven border: a radius or a polygon."""

    model_config = STRICT

    radius_m: float | None = Field(default=None, ge=0.02, le=100, description="Of a round patch, metres")
    center: Point | None = Field(
        default=None, description="[x, z] of the patch in the plane's frame, metres; default the open middle"
    )
    polygon: Annotated[tuple[Point, ...], Field(min_length=3, max_length=1000)] | None = Field(
        default=None, description="[x, z] corners in the plane's frame, metres"
    )
    soft_m: float = Field(default=0.15, ge=0, le=10, description="Width over which the paint thins out, metres")
    uneven: float = Field(default=0.5, ge=0, le=1, description="How much the border wanders")

    @model_validator(mode="after")
    def _one_shape(self) -> Region:
        if (self.radius_m is None) == (self.polygon is None):
            raise PydanticCustomError("region", "expected radius_m or polygon, and not both")
        return self


class Paint(BaseModel):
    """A surface to paint. Paint lies under content, which casts its shadow on it."""

    model_config = STRICT

    surface: PaintedSurface = Field(description="Label (floor: all floors), plane id, or alternatives: ceiling|wall")
    prompt: str = Field(default="", max_length=500, description="What it becomes: lush grass, night sky full of stars")
    painter: Literal["embedded", "procedural", "diffusers", "reference"] = Field(
        default=DEFAULT_PAINTER, description="Who paints it"
    )
    model: str | None = Field(
        default=None, min_length=1, description="For diffusers: folder of a checkpoint, or its name on the hub"
    )
    mode: Literal["replace", "blend", "inpaint", "reference", "portal"] | None = Field(
        default=None,
        description="Default: portal for skies, inpaint with a region, reference with an image, or replace",
    )
    mpp: float | None = Field(default=None, ge=0.0005, le=0.1, description="Metres per pixel of the texture")
    region: Region | None = Field(default=None, description="Part of the surface; default all of it")
    strength: float | None = Field(default=None, ge=0, le=1, description="How much the paint covers")
    relief_m: float | None = Field(default=None, ge=0, le=0.3, description="Height of its grain, metres")
    image: str | None = Field(default=None, min_length=1, description="Picture to lay, relative to the recipe")
    image_width_m: float = Field(default=1.0, ge=0.001, le=1000, description="Real width of what the picture shows")
    turn_deg_per_s: float = Field(default=0.0, ge=-360, le=360, description="Portals: how fast the sky turns")
    twinkle: float | None = Field(default=None, ge=0, le=1, description="Portals: how much stars flicker")

    @model_validator(mode="after")
    def _can_be_painted(self) -> Paint:
        if not self.prompt.strip() and self.image is None:
            raise PydanticCustomError("paint", "expected a prompt, or an image to lay")
        if self.mode == "inpaint" and self.region is None:
            raise PydanticCustomError("paint", "the mode inpaint needs a region")
        if self.painter == "diffusers" and self.model is None and self.image is None:
            raise PydanticCustomError("paint", "the painter diffusers needs a model, the folder of a checkpoint")
        if (self.mode == "reference" or self.painter == "reference") and self.image is None:
            raise PydanticCustomError("paint", "the mode reference needs an image")
        if self.image is None and self.painter in {"embedded", "procedural"}:
            from sceneforge.generative.text import refusal, understand_prompt

            reason = refusal(understand_prompt(self.prompt), self.prompt)
            if reason:
                raise PydanticCustomError("paint", "{reason}", {"reason": reason})
        return self

    def job(self) -> PaintJob:
        """As `painting.paint` takes it."""
        r = self.region
        region = None if r is None else PaintRegion(r.radius_m, r.center, r.polygon, r.soft_m, r.uneven)
        return PaintJob(
            self.surface,
            self.prompt,
            self.painter,
            self.mode,
            self.mpp,
            region,
            self.strength,
            self.relief_m,
            self.image,
            self.image_width_m,
            self.turn_deg_per_s,
            self.twinkle,
            self.model,
        )
