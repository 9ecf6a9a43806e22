"""The experience file: which room, which content, and where it should go, as checked YAML.

Errors name file, line and column, all problems at once. `recipe.schema.json` beside this file says the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)

from sceneforge._recipe_effects import ENTRIES, EffectEntry
from sceneforge._recipe_motion import Motion, Waypoint
from sceneforge._recipe_paint import Paint, Region
from sceneforge._recipe_problems import explain, shown
from sceneforge._recipe_surface import SURFACE_SCHEMA, Surface
from sceneforge._recipe_yaml import Document, Where, path_text, read_yaml
from sceneforge._suggest import suggestion
from sceneforge.core import (
    Arrangement,
    BodyTrajectory,
    Content,
    PaintJob,
    RecipeError,
    Request,
    ScanError,
    Scene,
    UsageError,
)
from sceneforge.data import PREFIX, resolve_content, resolve_scan
from sceneforge.rendering.camera_path import Kind
from sceneforge.rendering.compare import Compare
from sceneforge.rendering.direct import Animation, VideoStyle
from sceneforge.rendering.grounding import Grounding

FORMAT: Final = "sceneforge.recipe"
VERSION: Final = 1
_ID = r"^[A-Za-z][A-Za-z0-9_-]{0,63}$"

Id = Annotated[str, Field(pattern=_ID)]
Surfaces = Annotated[
    tuple[Surface, ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [SURFACE_SCHEMA, {"type": "array", "minItems": 1, "items": SURFACE_SCHEMA}]}),
]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ContentEntry(_Model):
    """A model the experience uses."""

    model: str = Field(min_length=1, description="Model file, relative to the recipe, or sample:NAME")
    scale: float = Field(default=1.0, gt=0, le=1000, description="Uniform factor on the model's size")


class Place(_Model):
    """One thing to place. Relations, not coordinates: the solver finds the spot."""

    id: Id = Field(description="Unique in the recipe")
    content: Id = Field(description="Key in `content`")
    on: Surfaces = Field(
        default=("table", "floor"),
        description="Labels, plane ids or largest_horizontal, best first",
        validate_default=True,
    )
    facing: str | None = Field(default=None, min_length=1, description="camera, or the id of a plane or object")
    near: str | None = Field(default=None, min_length=1, description="Id of a plane, object or earlier entry")
    yaw_deg: float | None = Field(
        default=None, ge=-360, le=360, description="Heading about the surface normal, degrees"
    )
    clearance_m: float = Field(default=0.02, ge=0, le=10, description="Free distance to anything else, metres")


class RenderSettings(_Model):
    """How the preview is made."""

    fps: float = Field(default=15.0, ge=1, le=120, description="Frames per second of the video")
    every: int = Field(default=1, ge=1, le=10_000, description="Use every n-th frame of the scan")
    path: Kind = Field(default="original", description="Where the camera goes")
    seconds: float | None = Field(default=None, gt=0, le=3600, description="Length along other paths than the original")
    around: str | None = Field(default=None, min_length=1, description="Id that orbit and dolly are about")
    radius_m: float | None = Field(default=None, gt=0, le=1000, description="Of an orbit, metres")
    width: int | None = Field(default=None, ge=16, le=7680, description="Of the picture along other paths, pixels")
    compare: Compare = Field(default="none", description="Before and after: side by side, or a line that sweeps over")
    grounding: Grounding = Field(
        default="traced", description="Traced light, a soft drop shadow below content, or a halo around it"
    )
    animation: Animation = Field(default="none", description="Also written as an animated picture")
    stills: tuple[int, ...] = Field(default=(), max_length=1000, description="Numbers of pictures written as PNG too")

    @property
    def style(self) -> VideoStyle:
        """The settings as the renderer takes them."""
        return VideoStyle(**{name: getattr(self, name) for name in type(self).model_fields})


class Recipe(_Model):
    """A whole experience. Read one with `load_recipe`, which makes its paths absolute."""

    model_config = ConfigDict(title="SceneForge recipe")

    format: Literal["sceneforge.recipe"] = Field(default=FORMAT)
    version: Literal[1] = Field(default=VERSION)
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]{0,99}$", description="Short name")
    scan: str = Field(min_length=1, description="Capture, relative to the recipe, or sample:NAME")
    seed: int = Field(default=0, ge=0, lt=2**63, description="Same recipe, same seed, same result")
    content: dict[Id, ContentEntry] = Field(default_factory=dict, max_length=100, description="Models by name")
    place: tuple[Place, ...] = Field(default=(), max_length=100, description="What goes where, most important first")
    motion: tuple[Motion, ...] = Field(default=(), max_length=100, description="How placed content moves in the video")
    paint: tuple[Paint, ...] = Field(default=(), max_length=32, description="Surfaces to paint, lowest first")
    render: RenderSettings = Field(default_factory=RenderSettings)
    effects: tuple[EffectEntry, ...] = Field(
        default=(), max_length=50, description="What is drawn of the understood room, lowest first"
    )

    @property
    def scan_path(self) -> Path:
        """Where the capture lies, with `sample:` resolved."""
        return resolve_scan(self.scan)

    def requests(self) -> tuple[Request, ...]:
        """The recipe's entries with their models loaded, for `arrange`. Each model file is read once.

        Raises:
            ContentError: A model cannot be used.
        """
        used = {p.content for p in self.place}
        models = {n: load_model(e.model) for n, e in self.content.items() if n in used}
        return tuple(
            Request(
                id=p.id,
                content=models[p.content],
                on=p.on,
                yaw_deg=p.yaw_deg,
                facing=p.facing,
                near=p.near,
                scale=self.content[p.content].scale,
                clearance_m=p.clearance_m,
            )
            for p in self.place
        )

    def trajectories(self, scene: Scene, arrangement: Arrangement) -> tuple[BodyTrajectory, ...]:
        """How what was placed moves, for `render`; what found no place is left out.

        Raises:
            InputError: A file of poses cannot be used.
        """
        found = (m.trajectory(scene, arrangement) for m in self.motion)
        return tuple(t for t in found if t is not None)

    def paint_jobs(self) -> tuple[PaintJob, ...]:
        """What is to be painted, for `painting.paint`."""
        return tuple(p.job() for p in self.paint)


def load_recipe(path: str | Path, *, scan: str | Path | None = None) -> Recipe:
    """Read and check a recipe.

    Args:
        path: A YAML file. Relative paths in it start at its folder; in the result they are absolute.
        scan: Capture to use in place of the recipe's, which then need not exist; a path or sample:NAME.

    Raises:
        RecipeError: With one line per problem, `file:line:column: where: what`, in the order of the file.
        ScanError: `scan` is given and does not exist.
    """
    document = read_yaml(path)
    data = document.data
    _check_header(document)
    if scan is not None:
        if not resolve_scan(scan).exists():
            raise ScanError("there is no such file or folder", path=scan)
        data["scan"] = str(scan) if str(scan).startswith(PREFIX) else str(Path(scan).absolute())
        document.marks[("scan",)] = document.marks[()]
    problems = list(document.problems)
    problems += [(at, text) for at, text in _references(document)]
    recipe: Recipe | None = None
    try:
        recipe = Recipe.model_validate(_absolute(data, document.path))
    except ValidationError as error:
        fields = partial(_fields, data)
        problems += [explain(document, e, fields) for e in error.errors(include_url=False)]
    if problems or recipe is None:
        lines = dict.fromkeys(document.line(mark, text) for mark, text in sorted(problems, key=lambda p: p[0]))
        raise RecipeError("\n".join(lines))
    return recipe


def load_model(text: str) -> Content:
    """Content from a path or `sample:NAME`; a sample keeps that name as its path, which means the same everywhere.

    Raises:
        ContentError: The model cannot be used.
        UsageError: There is no such sample.
    """
    from sceneforge.io import load_content

    content = load_content(resolve_content(text))
    return replace(content, path=text) if text.startswith(PREFIX) else content


def recipe_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) that `recipe.schema.json` holds."""
    schema = Recipe.model_json_schema()
    schema["required"] = ["format", "version", *schema["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _check_header(document: Document) -> None:
    """Refuse what is not a recipe of this version before looking at the rest."""
    data = document.data

    def stop(key: str, text: str) -> None:
        raise RecipeError(document.line(document.marks.get((key,), document.marks[()]), text))

    if not isinstance(data, Mapping):
        stop("", f"expected a mapping that starts with 'format: {FORMAT}', got {shown(data)}")
    if data.get("format") != FORMAT:
        found = shown(data["format"]) if "format" in data else "nothing"
        stop("format", f"format: expected '{FORMAT}', got {found}")
    version = data.get("version")
    if isinstance(version, int) and version > VERSION:
        stop("version", f"version: {version} is newer than this SceneForge reads ({VERSION}). Update SceneForge")
    if version != VERSION or isinstance(version, bool):
        stop("version", f"version: expected {VERSION}, got {shown(version)}")


def _references(document: Document) -> Iterator[tuple[tuple[int, int], str]]:
    """Names that point nowhere, files that are not there. Values of the wrong type are the models' business."""
    data, folder = document.data, document.path.resolve().parent
    content = data.get("content", {})
    content = content if isinstance(content, Mapping) else {}
    for where, value, resolve in (
        (("scan",), data.get("scan"), resolve_scan),
        *(
            (("content", n, "model"), c.get("model"), resolve_content)
            for n, c in content.items()
            if isinstance(c, Mapping)
        ),
        *((("paint", i, "image"), p.get("image"), Path) for i, p in enumerate(_entries(data, "paint"))),
        *((("motion", i, "file"), m.get("file"), Path) for i, m in enumerate(_entries(data, "motion"))),
    ):
        if isinstance(value, str) and value:
            problem = _missing(value, folder, resolve)
            if problem:
                yield document.marks[where], f"{path_text(where)}: {problem}"
    places = data.get("place", ())
    seen: list[str] = []
    for i, place in enumerate(places if isinstance(places, tuple) else ()):
        if not isinstance(place, Mapping):
            continue
        for key, names, what in (
            ("content", list(content), "in 'content'"),
            ("near", seen, "an earlier entry or an id of the scene"),
            ("facing", ["camera"], "camera or an id of the scene"),
        ):
            name = place.get(key)
            is_scene_id = key != "content" and isinstance(name, str) and re.search(r"\d", name)  # "plane_3"
            if isinstance(name, str) and name and name not in names and not is_scene_id:
                where = ("place", i, key)
                yield document.marks[where], f"{path_text(where)}: '{name}' is not {what}{suggestion(name, names)}"
        identity = place.get("id")
        if isinstance(identity, str):
            if identity in seen:
                where = ("place", i, "id")
                yield document.marks[where], f"{path_text(where)}: '{identity}' is taken by an earlier entry"
            seen.append(identity)
    moved: list[str] = []
    for i, entry in enumerate(_entries(data, "motion")):
        body, where = entry.get("body"), ("motion", i, "body")
        if isinstance(body, str) and body and body not in seen:
            yield document.marks[where], f"{path_text(where)}: '{body}' is not in 'place'{suggestion(body, seen)}"
        elif isinstance(body, str) and body in moved:
            yield document.marks[where], f"{path_text(where)}: an earlier entry moves '{body}' already"
        moved.append(str(body))


def _entries(data: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    """The entries of a list in the file, an empty one for each that is no mapping."""
    listed = data.get(key, ())
    for entry in listed if isinstance(listed, tuple) else ():
        yield entry if isinstance(entry, Mapping) else {}


def _missing(value: str, folder: Path, resolve: Any) -> str | None:
    try:
        path = folder / resolve(value)
    except UsageError as error:
        return str(error)
    return None if path.exists() else f"there is no file or folder {path}"


def _absolute(data: dict[str, Any], recipe: Path) -> dict[str, Any]:
    """A copy whose paths no longer depend on where the recipe lies."""
    folder = recipe.resolve().parent

    def fixed(value: Any) -> Any:
        return value if not isinstance(value, str) or not value or value.startswith(PREFIX) else str(folder / value)

    def is_folder(value: Any) -> bool:
        """A painter's model may also be a name on the hub."""
        return isinstance(value, str) and bool(value) and (folder / value).is_dir()

    out = dict(data)
    if "scan" in out:
        out["scan"] = fixed(out["scan"])
    content = out.get("content")
    if isinstance(content, Mapping):
        out["content"] = {
            n: {**c, "model": fixed(c["model"])} if isinstance(c, Mapping) and "model" in c else c
            for n, c in content.items()
        }
    if isinstance(out.get("paint"), tuple):
        out["paint"] = tuple(
            {**p, **{k: fixed(p[k]) for k in ("image", "model") if k in p and (k == "image" or is_folder(p[k]))}}
            if isinstance(p, Mapping)
            else p
            for p in out["paint"]
        )
    if isinstance(out.get("motion"), tuple):
        out["motion"] = tuple(
            {**m, "file": fixed(m["file"])} if isinstance(m, Mapping) and "file" in m else m for m in out["motion"]
        )
    return out


def _fields(data: Mapping[str, Any], where: Where) -> list[str]:
    """Keys known at a place in the file."""
    models: dict[str | int, type[BaseModel]] = {
        "content": ContentEntry,
        "place": Place,
        "paint": Region if "region" in where else Paint,
        "render": RenderSettings,
        "motion": Waypoint if "at" in where else Motion,
    }
    if where and where[0] == "effects":
        entry = ENTRIES[data["effects"][where[1]]["effect"]]
        return list(entry.model_fields) if len(where) == 2 else entry.known_settings()
    return list((models[where[0]] if where else Recipe).model_fields)
