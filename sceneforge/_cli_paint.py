"""`sceneforge paint`: new surfaces for a real room."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sceneforge import _cli_output as show

if TYPE_CHECKING:
    from sceneforge.core import Scan, Scene, SurfacePaint
    from sceneforge.core.progress import Progress


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(epilog='Example: sceneforge paint my_scan --surface floor --prompt "lush grass" -o out/garden')(paint)


def paint(
    source: Annotated[
        str, typer.Argument(metavar="SCAN|UNDERSTOOD", help="A capture, or a folder that `understand` wrote.")
    ],
    surface: Annotated[
        list[str],
        typer.Option(help="Label (all floors, say), plane id, or alternatives: 'ceiling|wall'. May be given again."),
    ],
    prompt: Annotated[list[str] | None, typer.Option(help="What it becomes; one per --surface, in order.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)] = None,
    painter: Annotated[str | None, typer.Option(help="embedded, procedural or diffusers.", show_default=False)] = None,
    model: Annotated[
        str | None,
        typer.Option(help="For diffusers: folder of a checkpoint, or its name on the hub.", show_default=False),
    ] = None,
    mode: Annotated[
        str | None, typer.Option(help="replace, blend, inpaint, reference or portal.", show_default=False)
    ] = None,
    mpp: Annotated[
        float | None, typer.Option(min=0.0005, max=0.1, help="Metres per pixel of the texture.", show_default=False)
    ] = None,
    radius_m: Annotated[
        float | None, typer.Option(min=0.02, help="Paint a round patch in the open middle only.", show_default=False)
    ] = None,
    soft_m: Annotated[
        float, typer.Option(min=0, max=10, help="Width over which such a patch thins out, metres.")
    ] = 0.15,
    strength: Annotated[
        float | None, typer.Option(min=0, max=1, help="How much the paint covers.", show_default=False)
    ] = None,
    relief_m: Annotated[
        float | None, typer.Option(min=0, max=0.3, help="Height of its grain, metres.", show_default=False)
    ] = None,
    turn_deg_per_s: Annotated[
        float, typer.Option(min=-360, max=360, help="How fast a sky turns, degrees per second.")
    ] = 0.0,
    twinkle: Annotated[
        float | None, typer.Option(min=0, max=1, help="How much stars flicker.", show_default=False)
    ] = None,
    image: Annotated[
        Path | None, typer.Option(help="Lay this picture instead of a prompt.", show_default=False)
    ] = None,
    image_width_m: Annotated[float, typer.Option(min=0.001, help="Real width of what the picture shows.")] = 1.0,
    scan: Annotated[
        str | None, typer.Option(help="The capture of an UNDERSTOOD folder that was moved.", show_default=False)
    ] = None,
    fps: Annotated[float, typer.Option(min=1, max=120, help="Frames per second of the video.")] = 15.0,
    every: Annotated[int, typer.Option(min=1, help="Use every n-th frame.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Same input, same seed, same bytes.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Paint surfaces of a room: textures in metres, a video and a GLB."""
    from sceneforge.core import Arrangement, PaintJob, PaintRegion, UsageError
    from sceneforge.core.paint import DEFAULT_PAINTER
    from sceneforge.painting import check_jobs
    from sceneforge.painting import paint as run
    from sceneforge.pipeline import render

    prompts = prompt or []
    if image is None and len(prompts) != len(surface):
        raise UsageError(f"give one --prompt per --surface, got {len(prompts)} for {len(surface)}")
    if image is not None and prompts:
        raise UsageError("give --prompt or --image, not both")
    if mode == "inpaint" and radius_m is None:
        raise UsageError("--mode inpaint paints a part of a surface: give its --radius-m")
    try:
        jobs = [
            PaintJob(
                name,
                text,
                mode=mode,
                metres_per_pixel=mpp,
                region=None if radius_m is None else PaintRegion(radius_m, soft_m=soft_m),
                strength=strength,
                relief_m=relief_m,
                turn_deg_per_s=turn_deg_per_s,
                twinkle=twinkle,
                image=None if image is None else str(image),
                image_width_m=image_width_m,
                model=model,
            )
            for name, text in zip(surface, prompts or [""] * len(surface), strict=True)
        ]
    except ValueError as error:
        raise UsageError(str(error)) from None
    who = painter or DEFAULT_PAINTER
    check_jobs(jobs, who)
    for name in surface:
        _require_surface(name)
    with show.progress_bar() as progress:
        capture, scene, folder = _opened(source, scan, out, seed, progress)
        paints = run(scene, capture, jobs, folder, painter=who, seed=seed, every=every, progress=progress)
        scene = replace(scene, paints=paints)
        drawn = render(capture, scene, Arrangement(()), folder, fps=fps, every=every, seed=seed, progress=progress)
    textures = [folder / f"{p.id}.png" for p in paints]
    if as_json:
        listed = [_facts(p, t) for p, t in zip(paints, textures, strict=True)]
        show.print_json({"video": drawn.video, "pictures": drawn.contact_sheet, "glb": drawn.glb, "paints": listed})
    else:
        for p, path in zip(paints, textures, strict=True):
            size = f"{p.raster.metres_per_pixel * 1000:.3g} mm per pixel"
            print(f"{', '.join(p.planes)}: {p.prompt or p.mode}, {size}, {path}")
        show.print_paths({"video": drawn.video, "pictures": drawn.contact_sheet, "glb": drawn.glb})


def _require_surface(name: str) -> None:
    """Refuse what is neither a label nor looks like an id, before minutes go into understanding."""
    from sceneforge._suggest import suggestion
    from sceneforge.core import UsageError
    from sceneforge.core.labels import LABEL_NAMES

    for part in (p.strip() for p in name.split("|")):
        if part not in LABEL_NAMES and not (part and part[-1].isdigit()):
            raise UsageError(f"--surface '{part}' is no label and no id of a plane{suggestion(part, LABEL_NAMES)}")


def _facts(paint: SurfacePaint, path: Path) -> dict[str, Any]:
    return {
        "id": paint.id,
        "planes": list(paint.planes),
        "mode": paint.mode,
        "painter": paint.painter,
        "metres_per_pixel": paint.raster.metres_per_pixel,
        "texture": path,
    }


def _opened(source: str, scan: str | None, out: Path | None, seed: int, progress: Progress) -> tuple[Scan, Scene, Path]:
    """The capture, its scene (understood now unless `source` is one) and the folder for results."""
    from sceneforge.core import Scan, UsageError
    from sceneforge.data import resolve_scan
    from sceneforge.io import load, read_scene
    from sceneforge.perception.color_camera import with_color_camera
    from sceneforge.pipeline import understand

    understood = Path(source)
    known = (understood / "scene.json").is_file()
    path = resolve_scan(scan or (_capture_of(understood) if known else source))
    capture = load(path)
    if not isinstance(capture, Scan):
        raise UsageError(f"'{capture.name}' has no pictures to paint in")
    capture = with_color_camera(capture)
    if known:
        return capture, read_scene(understood), out or understood
    folder = out or Path("out") / path.resolve().stem
    return capture, understand(capture, folder, seed=seed, progress=progress), folder


def _capture_of(understood: Path) -> str:
    """Where the capture of an understood folder lay, from its report."""
    from sceneforge.core import UsageError

    try:
        path = json.loads((understood / "report.json").read_bytes())["capture"]["path"]
    except (OSError, ValueError, KeyError, TypeError):
        path = None
    if not isinstance(path, str) or not Path(path).exists():
        raise UsageError(f"{understood} does not say where its capture lies; name it with --scan")
    return path
