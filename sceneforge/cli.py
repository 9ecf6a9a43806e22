"""The command line. Each command is a thin layer over one function of the library; heavy imports wait until it runs.

Exit codes: 0 done, 1 our bug, 2 bad usage, 3 bad input, 4 a missing extra or system library.
"""

from __future__ import annotations

import math
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import sceneforge
from sceneforge import _cli_depth, _cli_erase, _cli_paint, _cli_plan, _cli_planes, _cli_render, _cli_simplify
from sceneforge import _cli_output as show

if TYPE_CHECKING:
    from sceneforge.recipe import Recipe

app = typer.Typer(
    name="sceneforge",
    help="A captured room goes in, an understood scene comes out, and virtual content lives in it believably.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

OutFolder = Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)]
Seed = Annotated[int, typer.Option(min=0, help="Same input, same seed, same bytes.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
ScanPath = Annotated[str, typer.Argument(metavar="SCAN", help="A capture's folder or file, or sample:living_room.")]
Every = Annotated[int, typer.Option(min=1, help="Use every n-th frame.")]
Understood = Annotated[Path, typer.Argument(metavar="UNDERSTOOD", help="A folder that `understand` wrote.")]
Name = Annotated[str | None, typer.Argument(metavar="NAME", help="Which one; see --list.", show_default=False)]
Listing = Annotated[bool, typer.Option("--list", help="List the names and stop.")]
Data = Annotated[Path | None, typer.Option(help="Folder with recorded captures to use.", show_default=False)]


@app.callback(invoke_without_command=True)
def _global(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks. May stand anywhere on the line.")] = False,
) -> None:
    if version:
        print(sceneforge.__version__)
        raise typer.Exit


@app.command(epilog="Example: sceneforge understand my_scan -o out/room")
def understand(
    scan: ScanPath,
    out: OutFolder = None,
    voxel_m: Annotated[float, typer.Option(min=0.002, max=0.5, help="Size of a surface voxel, metres.")] = 0.02,
    every: Every = 1,
    ignore_poses: Annotated[bool, typer.Option("--ignore-poses", help="Track the camera anew.")] = False,
    refine_poses: Annotated[bool, typer.Option("--refine-poses", help="Mend poses the pictures contradict.")] = False,
    memory_mb: Annotated[
        int, typer.Option(min=1, max=2**20, help="For voxels; of larger scans, the rest lies in a temporary file.")
    ] = 1024,
    known_dimension: Annotated[
        str | None, typer.Option(help='Sizes pictures without a depth sensor: "door height=2.03".', show_default=False)
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Find the surfaces, objects and room in a capture."""
    from sceneforge.data import resolve_scan
    from sceneforge.pipeline import understand as run

    source = resolve_scan(scan)
    folder = out or Path("out") / source.resolve().stem
    with show.progress_bar() as progress:
        scene = run(
            source,
            folder,
            voxel_m=voxel_m,
            every=every,
            ignore_poses=ignore_poses,
            refine_poses=refine_poses,
            memory_mb=memory_mb,
            known_dimension=known_dimension,
            seed=seed,
            progress=progress,
        )
    if as_json:
        show.print_json({"out": folder, **show.scene_facts(scene)})
    else:
        print(show.scene_line(scene))
        paths = {"scene": folder / "scene.json", "plan": folder / "plan.png", "mesh": folder / "mesh.glb"}
        show.print_paths({name: path for name, path in paths.items() if path.exists()})


@app.command(epilog="Example: sceneforge track my_scan -o trajectory.txt")
def track(
    scan: ScanPath,
    out: Annotated[Path, typer.Option("--out", "-o", help="TUM trajectory file.")] = Path("trajectory.txt"),
    model: Annotated[
        str | None, typer.Option(help="Depth checkpoint that sizes pictures without depth.", show_default=False)
    ] = None,
    download: Annotated[bool, typer.Option("--download", help="Allow --model to be fetched from the hub.")] = False,
    camera_height_m: Annotated[
        float, typer.Option(min=0.1, max=10, help="Without depth or checkpoint: the camera's height.")
    ] = 1.5,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Find the camera's path from the images alone; poses in the capture are not looked at."""
    from sceneforge.data import resolve_scan
    from sceneforge.depth import load_estimator
    from sceneforge.pipeline import track as run

    if model is None:
        estimator = load_estimator(camera_height_m=camera_height_m)
    else:
        estimator = load_estimator("huggingface", model=model, download=download)
    with show.progress_bar() as progress:
        found = run(resolve_scan(scan), out, seed=seed, estimator=estimator, progress=progress)
    facts = {"frames": len(found.indices), "mean_confidence": round(float(found.confidence.mean()), 3)}
    if as_json:
        show.print_json({"trajectory": out, **facts})
    else:
        print(f"{facts['frames']} frames tracked, mean confidence {facts['mean_confidence']}")
        show.print_paths({"trajectory": out})


@app.command(epilog="Example: sceneforge place out/room --content rover.glb --on table --on floor -o out/placed")
def place(
    understood: Understood,
    content: Annotated[str, typer.Option(help="Model file, or sample:rover.")],
    on: Annotated[list[str] | None, typer.Option(help="Label, plane id or largest_horizontal; best first.")] = None,
    out: OutFolder = None,
    facing: Annotated[str | None, typer.Option(help="camera, or the id of a plane or object.")] = None,
    near: Annotated[str | None, typer.Option(help="Id of a plane or object.")] = None,
    yaw_deg: Annotated[float | None, typer.Option(help="Heading about the surface normal, degrees.")] = None,
    scale: Annotated[float, typer.Option(help="Uniform factor on the model's size.")] = 1.0,
    clearance_m: Annotated[float, typer.Option(min=0, help="Free distance to anything else, metres.")] = 0.02,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Find a sound place for a model in an understood room; writes arrangement.json."""
    from sceneforge.core import Request, UsageError
    from sceneforge.io.scene_folder import read_scene
    from sceneforge.pipeline import arrange
    from sceneforge.recipe import load_model

    if not 0 < scale < math.inf:
        raise UsageError(f"--scale must be positive and finite, got {scale:g}")
    if yaw_deg is not None and not math.isfinite(yaw_deg):
        raise UsageError(f"--yaw-deg must be finite, got {yaw_deg:g}")
    scene = read_scene(understood)
    model = load_model(content)
    request = Request(
        id=model.name,
        content=model,
        on=tuple(on) if on else ("table", "floor"),
        yaw_deg=yaw_deg,
        facing=facing,
        near=near,
        scale=scale,
        clearance_m=clearance_m,
    )
    folder = out or understood
    with show.progress_bar() as progress:
        arrangement = arrange(scene, [request], folder, seed=seed, progress=progress)
    if as_json:
        show.print_json({"out": folder, **show.arrangement_facts(arrangement)})
    else:
        show.print_arrangement(arrangement)
        show.print_paths({"arrangement": folder / "arrangement.json"})


@app.command(epilog="Example: sceneforge compose samples/recipes/living_room.yaml -o out/living_room")
def compose(
    recipe: Annotated[Path, typer.Argument(help="An experience file (YAML).")],
    out: OutFolder = None,
    scan: Annotated[str | None, typer.Option(help="Instead of the recipe's capture.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the recipe's seed.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Understand a capture, place a recipe's content in it, and render the preview."""
    from sceneforge.recipe import load_recipe

    loaded = load_recipe(recipe, scan=scan)
    if seed is not None:
        loaded = loaded.model_copy(update={"seed": seed})
    _compose(loaded, out or Path("out") / loaded.name, as_json)


@app.command(epilog="Example: sceneforge demo -o out/demo")
def demo(out: OutFolder = None, as_json: AsJson = False) -> None:
    """Compose the embedded sample, end to end, to a preview video."""
    from sceneforge.data import demo_recipe
    from sceneforge.recipe import load_recipe

    _compose(load_recipe(demo_recipe()), out or Path("out/demo"), as_json)


@app.command(epilog="Example: sceneforge export out/room --to glb -o room.glb")
def export(
    understood: Understood,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; its suffix picks the format.")],
    to: Annotated[str | None, typer.Option(help="Format by name, whatever the suffix.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Write an understood room, with placed content if there is any, for other programs."""
    from sceneforge._cli_inputs import read_arrangement
    from sceneforge.export import export as run
    from sceneforge.io.scene_folder import read_scene

    scene = read_scene(understood)
    file = understood / "arrangement.json"
    written = run(scene, out, arrangement=read_arrangement(file) if file.exists() else None, format=to)
    _print_result(as_json, {"file": written}, {})


@app.command(epilog="Example: sceneforge synth -o out/synthetic --kind office --frames 30 --size 320x240")
def synth(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the scan.")],
    kind: Annotated[str, typer.Option(help="living_room, office or bedroom.")] = "living_room",
    frames: Annotated[int, typer.Option(min=2, help="Number of frames.")] = 60,
    size: Annotated[str, typer.Option(help="Width x height, pixels.")] = "640x480",
    models: Annotated[
        Path | None,
        typer.Option(help="Folder of furniture models to use besides the built-in ones.", show_default=False),
    ] = None,
    draft: Annotated[bool, typer.Option("--draft", help="Coarser light and sampling, much faster.")] = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Make a scan of a furnished room that never was, with its exact ground truth."""
    from sceneforge._cli_inputs import parse_size
    from sceneforge.synth import generate

    pixels = parse_size(size)
    with show.progress_bar() as progress:
        folder = generate(
            out,
            kind=kind,
            seed=seed,
            frames=frames,
            size=pixels,
            models=models,
            quality="draft" if draft else "final",
            progress=progress,
        )
    _print_result(as_json, {"scan": folder, "truth": folder / "truth.json"}, {})


@app.command(epilog="Example: sceneforge bench understand --json")
def bench(
    name: Name = None, data: Data = None, seed: Seed = 0, listing: Listing = False, as_json: AsJson = False
) -> None:
    """Measure speed and memory, peers in the same run; without --data on the embedded sample."""
    _measure("bench", name, data, seed, listing, as_json)


@app.command(epilog="Example: sceneforge evaluate scene --json")
def evaluate(
    name: Name = None, data: Data = None, seed: Seed = 0, listing: Listing = False, as_json: AsJson = False
) -> None:
    """Measure quality against the truth; without --data on the embedded sample."""
    _measure("evaluate", name, data, seed, listing, as_json)


@app.command(epilog="Example: sceneforge doctor")
def doctor(
    mend: Annotated[bool, typer.Option("--mend", help="Install missing system libraries where permitted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is installed, what is missing, and the command that mends it."""
    from sceneforge import doctor as examiner

    if mend:
        examiner.install_libraries(examiner.missing_libraries())
    checks = examiner.examine()
    ok = all(c.ok for c in checks if c.required)
    commands = examiner.mend_commands(checks)
    if as_json:
        listed = [
            {"name": c.name, "kind": c.kind, "required": c.required, "ok": c.ok, "found": c.found, "problem": c.problem}
            for c in checks
        ]
        show.print_json({"ok": ok, "checks": listed, "mend": list(commands)})
    else:
        for c in checks:
            state = "ok" if c.ok else "MISSING" if c.required else "optional"
            print(f"{state:<9}{c.name:<24}{c.problem or c.found}")
        for command in commands:
            print(f"mend with: {command}")
    if not ok:
        raise typer.Exit(4)


_cli_depth.add(app)
_cli_erase.add(app)
_cli_paint.add(app)
_cli_planes.add(app)
_cli_render.add(app)
_cli_plan.add(app)
_cli_simplify.add(app)


def _measure(kind: str, name: str | None, data: Path | None, seed: int, listing: bool, as_json: bool) -> None:
    from sceneforge._cli_inputs import measurements
    from sceneforge._suggest import suggestion
    from sceneforge.core import UsageError

    known = measurements(kind)
    if listing:
        print("\n".join(known))
        return
    if name not in known:
        asked = "name what to measure" if name is None else f"nothing is called '{name}'"
        raise UsageError(f"{kind}: {asked}{suggestion(name or '', known)}")
    if data is not None and not data.exists():
        raise UsageError(f"--data: there is no file or folder {data}")
    result = known[name](data=data, seed=seed)
    if as_json:
        show.print_json(result)
    else:
        show.print_paths(show.flattened(result))


def _compose(recipe: Recipe, out: Path, as_json: bool) -> None:
    from sceneforge.pipeline import compose as run

    with show.progress_bar() as progress:
        result = run(recipe, out, progress=progress)
    if not as_json:
        print(show.scene_line(result.scene))
        show.print_arrangement(result.arrangement)
    drawn = result.rendered  # nothing for a capture without pictures
    paths = {
        "video": drawn.video if drawn else None,
        "pictures": drawn.contact_sheet if drawn else None,
        "plan": out / "plan.png",
        "scene": out / "scene.json",
        "glb": drawn.glb if drawn else out / "composition.glb",
    }
    _print_result(as_json, paths, {**show.scene_facts(result.scene), **show.arrangement_facts(result.arrangement)})


def _print_result(as_json: bool, paths: dict[str, Path | None], facts: dict[str, Any]) -> None:
    if as_json:
        show.print_json({**paths, **facts})
    else:
        show.print_paths(paths)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code. No deliberate error shows a traceback unless asked to."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments or bool(os.environ.get("SCENEFORGE_DEBUG"))
    arguments = [a for a in arguments if a != "--debug"]
    try:
        with show.plain_warnings():
            app(args=arguments, prog_name="sceneforge")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except Exception as error:
        return _report(error, debug)
    return 0


def _report(error: Exception, debug: bool) -> int:
    from sceneforge.core import SceneForgeError

    if debug:
        traceback.print_exception(error)
    if isinstance(error, SceneForgeError):
        for line in str(error).splitlines():
            show.print_problem("error", line)
        return error.exit_code
    if isinstance(error, OSError) and error.filename is not None:
        show.print_problem("error", f"{error.filename}: {(error.strerror or type(error).__name__).lower()}")
        return 2
    text = " ".join(str(error).split())
    show.print_problem(
        "error",
        f"{type(error).__name__}: {text}. This is a bug in SceneForge; "
        "please report it with the output of the same command and --debug",
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
