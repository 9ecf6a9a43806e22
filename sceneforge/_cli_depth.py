"""`sceneforge depth`: dense depth for every picture of a capture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sceneforge import _cli_output as show


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: sceneforge depth my_scan -o out/depth --pictures")(depth)


def depth(
    source: Annotated[str, typer.Argument(metavar="SCAN", help="A capture's folder or file, or sample:living_room.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)] = None,
    understood: Annotated[
        Path | None, typer.Option("--scene", help="A folder that `understand` wrote, to save time.", show_default=False)
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Use every n-th frame.")] = 1,
    pictures: Annotated[bool, typer.Option("--pictures", help="Write coloured pictures to look at, too.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Same input, same seed, same bytes.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Refine depth to the colour pictures: one 16-bit PNG (mm) per frame, one with its uncertainty, and depth.json."""
    from sceneforge.data import resolve_scan
    from sceneforge.depth import depth_maps
    from sceneforge.io.scene_folder import read_scene

    path = resolve_scan(source)
    folder = out or Path("out") / f"{path.resolve().stem}_depth"
    scene = None if understood is None else read_scene(understood)
    with show.progress_bar() as progress:
        found = depth_maps(path, folder, every=every, scene=scene, pictures=pictures, seed=seed, progress=progress)
    facts = {"method": found["method"], "frames": len(found["frames"])}
    if as_json:
        show.print_json({"out": folder, **facts})
    else:
        print(f"{facts['frames']} frames by {facts['method']}")
        show.print_paths({"depth": folder / "depth", "sigma": folder / "sigma", "facts": folder / "depth.json"})
