"""`sceneforge render`: placed content and effects in the capture's own frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from sceneforge import _cli_output as show

if TYPE_CHECKING:
    from sceneforge.rendering.effects import EffectSpec


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        epilog="Example: sceneforge render my_scan out/placed --effect passthrough --effect tint -o out/preview"
    )(render)


def _list_effects(asked: bool) -> None:
    if asked:
        from sceneforge.rendering.effects import known_effects, summary

        for name in known_effects():
            print(f"{name:<13}{summary(name)}")
        raise typer.Exit


def render(
    scan: Annotated[str, typer.Argument(metavar="SCAN", help="A capture's folder or file, or sample:living_room.")],
    understood: Annotated[Path, typer.Argument(help="A folder with scene.json and arrangement.json.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)] = None,
    arrangement: Annotated[
        Path | None, typer.Option(help="Another folder's arrangement.json.", show_default=False)
    ] = None,
    effect: Annotated[
        list[str] | None,
        typer.Option(help="Draw an effect: NAME or NAME:setting=value,... May be given again.", show_default=False),
    ] = None,
    list_effects: Annotated[
        bool, typer.Option("--list-effects", callback=_list_effects, is_eager=True, help="List the effects and stop.")
    ] = False,
    path: Annotated[str, typer.Option(help="original, smooth, orbit, dolly or top_down.")] = "original",
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Length along another path.", show_default=False)
    ] = None,
    around: Annotated[
        str | None, typer.Option(help="Plane, object or placement that orbit and dolly are about.", show_default=False)
    ] = None,
    radius_m: Annotated[float | None, typer.Option(min=0.05, help="Of an orbit, metres.", show_default=False)] = None,
    width: Annotated[
        int | None, typer.Option(min=16, help="Of the picture along another path, pixels.", show_default=False)
    ] = None,
    compare: Annotated[str, typer.Option(help="Before and after: none, side or wipe.")] = "none",
    grounding: Annotated[str, typer.Option(help="Below content: traced light, drop shadow or halo.")] = "traced",
    animation: Annotated[str, typer.Option(help="Write an animated picture too: none, webp or gif.")] = "none",
    still: Annotated[
        list[int] | None, typer.Option(min=0, help="Number of a picture to write as PNG too.", show_default=False)
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on where an earlier run was stopped.")] = True,
    fps: Annotated[float, typer.Option(min=1, max=120, help="Frames per second of the video.")] = 15.0,
    every: Annotated[int, typer.Option(min=1, help="Use every n-th frame.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Same input, same seed, same bytes.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Draw placed content and effects into the capture's own frames: a video, a contact sheet and a GLB."""
    from sceneforge._cli_inputs import read_arrangement
    from sceneforge.core import Arrangement
    from sceneforge.data import resolve_scan
    from sceneforge.io.scene_folder import read_scene
    from sceneforge.pipeline import render as run
    from sceneforge.rendering.camera_path import Kind
    from sceneforge.rendering.compare import Compare
    from sceneforge.rendering.direct import Animation, VideoStyle
    from sceneforge.rendering.grounding import Grounding

    style = VideoStyle(
        fps=fps,
        every=every,
        path=_chosen("--path", path, Kind),
        seconds=seconds,
        around=around,
        radius_m=radius_m,
        width=width,
        compare=_chosen("--compare", compare, Compare),
        grounding=_chosen("--grounding", grounding, Grounding),
        animation=_chosen("--animation", animation, Animation),
        stills=tuple(still or ()),
        resume=resume,
    )
    specs = [parse_effect(text) for text in effect or []]
    folder = out or understood
    file = arrangement or understood / "arrangement.json"
    bare = bool(specs) and arrangement is None and not file.exists()  # a room may be shown without content
    placed = Arrangement(()) if bare else read_arrangement(file)
    scene = read_scene(understood)
    with show.progress_bar() as progress:
        result = run(
            resolve_scan(scan), scene, placed, folder, style=style, effects=specs, seed=seed, progress=progress
        )
    moving = folder / f"preview.{animation}" if animation != "none" else None
    paths = {"video": result.video, "animation": moving, "pictures": result.contact_sheet, "glb": result.glb}
    paths |= {f"still {n}": folder / f"still_{n:06d}.png" for n in style.stills}
    paths = {name: path for name, path in paths.items() if path is not None and path.exists()}
    if as_json:
        show.print_json(paths)
    else:
        show.print_paths(paths)


def _chosen(option: str, value: str, choices: Any) -> Any:
    """A value of a `Literal`.

    Raises:
        UsageError: It is none of them.
    """
    from sceneforge._suggest import suggestion
    from sceneforge.core import UsageError

    if value not in get_args(choices):
        raise UsageError(f"{option}: there is no '{value}'{suggestion(value, get_args(choices))}")
    return value


def _tuples(value: Any) -> Any:
    """Lists as the tuples that settings hold."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def parse_effect(text: str) -> EffectSpec:
    """An effect as the command line names it: `tint` or `reveal:radius_m=4,color=#ff8800,start=[0,1,0]`.

    Raises:
        UsageError: The effect or a setting is not known, or a value does not fit.
    """
    import re

    import yaml
    from pydantic import ValidationError

    from sceneforge._suggest import suggestion
    from sceneforge.core import UsageError
    from sceneforge.rendering.effects import EffectSpec, effect

    name, _, rest = text.partition(":")
    model = effect(name).Settings
    values = {}
    for item in filter(None, re.split(r",(?![^\[]*\])", rest)):  # commas within [x, y, z] belong to the value
        key, equals, value = item.partition("=")
        if not equals or key not in model.model_fields:
            raise UsageError(f"--effect {text}: no setting '{key}' of {name}{suggestion(key, model.model_fields)}")
        try:
            values[key] = value if value.startswith("#") else _tuples(yaml.safe_load(value))
        except yaml.YAMLError:
            raise UsageError(f"--effect {text}: {key}: '{value}' is neither a number, a word nor a [list]") from None
    try:
        model(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise UsageError(f"--effect {text}: {where}: {first['msg']}") from error
    return EffectSpec(name, values)
